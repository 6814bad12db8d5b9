#!/bin/sh
# systemd-analyze calendar leaves out its line "(in UTC)" where the local zone is at +00:00 all year,
# and names the local zone in the other line: who reads "(in UTC)" finds no next elapse in Iceland.
#
# Package:  systemd 252.39-1~deb12u2 (Debian 12) and systemd 257.13-1~deb13u1 (Debian 13)
# Input:    TZ=ZONE systemd-analyze calendar --base-time='2026-12-26 12:00:00 UTC' '*-*-* 05:00'
# Seen:     "Next elapse: Sun 2026-12-27 05:00:00 CET" and a second line "(in UTC): ..." for
#           Europe/Berlin. Africa/Abidjan has "Next elapse: Sun 2026-12-27 05:00:00 GMT" alone, as the
#           zone UTC has. Europe/London, at +00:00 just then, has both. Both versions do so.
# Source:   the line is left out where the zone's offset is zero and it knows no summer time, whatever
#           its name; systemd-analyze(1) shows the line and does not say when it is absent.
# Needs:    root and mmdebstrap.
# Exits:    0 as described, 1 not so, 77 a version cannot be had.
set -eu
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT && cd "$work"
mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | grep -oE 'https?://[^ ]+/debian/?( |$)' | head -n 1)

get() { # get SUITE PACKAGE=VERSION: a root folder SUITE with it and what it needs
	mmdebstrap --quiet --variant=extract --include="base-files,tzdata,$2" --aptopt='Apt::Install-Recommends "false"' \
		"$1" "$1" "$mirror" 2>"$1.log" || { cat "$1.log"; echo "the pinned version cannot be had"; exit 77; }
}
lines() { # lines SUITE ZONE: how many lines with "(in UTC)"
	TZ="$2" chroot "$1" /usr/bin/systemd-analyze calendar --base-time='2026-12-26 12:00:00 UTC' '*-*-* 05:00' |
		grep -c '(in UTC)' || true
}
get bookworm systemd=252.39-1~deb12u2
get trixie systemd=257.13-1~deb13u1
seen=
for suite in bookworm trixie; do
	for zone in Europe/Berlin Europe/London Africa/Abidjan UTC; do
		n=$(lines $suite $zone); seen="$seen$n"
		echo "$suite, $zone: $n lines (in UTC)"
	done
done
[ "$seen" = 11001100 ]
