package output

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// tokens are the states that Icinga Web draws as a coloured ball if they stand in brackets.
var tokens = []string{
	"ok", "warning", "critical", "unknown", "up", "down", "unreachable", "pending",
}

// withoutTokens replaces the brackets around states by parentheses. (A regular expression would be
// shorter, but would set up tables at each start.)
func withoutTokens(text string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "[")
		word, after, closed := strings.Cut(rest, "]")
		isState := func(token string) bool { return strings.EqualFold(token, word) }
		switch {
		case !found:
			return b.String() + text
		case closed && slices.ContainsFunc(tokens, isState):
			b.WriteString(before + "(" + word + ")")
			text = after
		default:
			b.WriteString(before + "[")
			text = rest
		}
	}
}

// invisible reports whether a printable code point shows as nothing: fillers, joiners, variation
// selectors, the blank braille pattern.
func invisible(r rune) bool {
	return r == 0x2800 || unicode.In(r, unicode.Other_Default_Ignorable_Code_Point,
		unicode.Variation_Selector)
}

// clean makes text from outside fit to print on one line. It replaces white space of any kind by
// one blank; "|", "<" and ">" by look-alikes that mean nothing to a parser; control, bidirectional
// and invisible characters, and bytes that are not UTF-8, by \\xNN or \\uNNNN; a backslash by two,
// because Nagios' stock notification commands pass the text through printf "%b"; brackets around a
// state by parentheses. The text ends when it has limit bytes or a little more. rest is the number
// of bytes of s that were not read.
func clean(s string, limit int) (text string, rest int) {
	var b strings.Builder
	blank := true // drops leading blanks
	i := 0
	for i < len(s) && b.Len() < limit {
		r, size := utf8.DecodeRuneInString(s[i:])
		i += size
		if unicode.IsSpace(r) && r != 0x85 {
			if !blank {
				b.WriteByte(' ')
			}
			blank = true
			continue
		}
		blank = false
		switch {
		case r == utf8.RuneError && size == 1, r < 0x20, r == 0x7f:
			fmt.Fprintf(&b, `\\x%02x`, s[i-1])
		case r == '\\':
			b.WriteString(`\\`)
		case r == '|':
			b.WriteRune('¦')
		case r == '<':
			b.WriteRune('‹')
		case r == '>':
			b.WriteRune('›')
		case !unicode.IsPrint(r) || invisible(r):
			fmt.Fprintf(&b, `\\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	text = strings.TrimRight(b.String(), " ")
	return withoutTokens(text), len(s) - i
}
