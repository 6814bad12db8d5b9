#!/bin/sh
# Go's cases.Fold() swaps the two forms of a Cherokee letter: two texts that differ in case alone
# differ as much when they are folded.
#
# Package:  golang.org/x/text v0.44.0, its package cases; perl's fc (perl 5.16 or newer) beside it
# Input:    U+13A0 and U+AB70, the capital and the small form of the Cherokee letter A
# Seen:     cases.Fold() makes the small letter of the capital and the capital of the small one, and
#           what is folded twice is what it was. CaseFolding.txt of Unicode, and with it ICU and
#           perl's fc, give the capital for both: Cherokee got its small letters in Unicode 8 only,
#           and what had been folded before had to stay folded. Of the other letters up to U+1FFFF
#           none was seen to differ from ICU. U+00DF is there to show that it is the full folding.
# Source:   https://www.unicode.org/Public/UCD/latest/ucd/CaseFolding.txt, lines 13F8 to 13FD and
#           AB70 to ABBF; Unicode 8.0, chapter 5.18, says why. The documentation of cases says that
#           Fold implements Unicode case folding.
# Exits:    0 as described, 1 not so, 77 the version cannot be had.
set -eu
work=$(mktemp -d) && trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT && cd "$work"
export GOPATH="$work/go" GOFLAGS=-mod=mod GOTOOLCHAIN=local
cat >main.go <<'GO'
package main

import (
	"fmt"

	"golang.org/x/text/cases"
)

func main() {
	for _, letter := range []string{"\u13a0", "\uab70", "\u00df"} {
		fmt.Printf("%+q ", cases.Fold().String(letter))
	}
}
GO
{ go mod init fold && go get golang.org/x/text@v0.44.0; } >log 2>&1 ||
	{ cat log; echo "the pinned version cannot be had"; exit 77; }
text=$(go run .)
unicode=$(perl -Mfeature=fc -e 'printf "\"%s\" ", join "", map { sprintf "\\u%04x", ord } split //, fc chr for 0x13a0, 0xab70')
echo "U+13A0, U+AB70, U+00DF by cases.Fold: $text"
echo "U+13A0, U+AB70 by perl's fc:          $unicode"
[ "$text" = '"\uab70" "\u13a0" "ss" ' ] && [ "$unicode" = '"\u13a0" "\u13a0" ' ]
