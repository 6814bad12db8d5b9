#!/bin/sh
# systemd 252 and 257 read one OnCalendar= line differently: a step of days skips the first match of
# January in the older one.
#
# Package:  systemd 252.39-1~deb12u2 (Debian 12) and systemd 257.13-1~deb13u1 (Debian 13)
# Input:    systemd-analyze calendar --base-time='2026-12-26 12:00:00 UTC' '*-*-2/12 00:00:00 UTC'
#           (the 2nd, 14th and 26th of each month)
# Seen:     252 says that the next elapse is 14 January, 257 says 2 January. Within a year, from
#           26 November on, both say 2 December. A timer with such a line waits 19 days over New
#           Year where it waits 7 over every other end of a month, and a monitor that counts the
#           demanded runs by the manual page finds one missed that the older systemd never meant.
# Source:   systemd issue 40260 and its mend; the manual page systemd.time(7) of both says the same.
# Needs:    root and mmdebstrap.
# Exits:    0 as described, 1 not so, 77 a version cannot be had.
set -eu
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT && cd "$work"
mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | grep -oE 'https?://[^ ]+/debian/?( |$)' | head -n 1)

get() { # get SUITE PACKAGE=VERSION: a root folder SUITE with it and what it needs
	mmdebstrap --quiet --variant=extract --include="base-files,$2" --aptopt='Apt::Install-Recommends "false"' \
		"$1" "$1" "$mirror" 2>"$1.log" || { cat "$1.log"; echo "the pinned version cannot be had"; exit 77; }
}
next() { # next SUITE INSTANT: the next elapse after the instant
	chroot "$1" /usr/bin/systemd-analyze calendar --base-time="$2" '*-*-2/12 00:00:00 UTC' | sed -n 's/.*Next elapse: //p'
}
get bookworm systemd=252.39-1~deb12u2
get trixie systemd=257.13-1~deb13u1
for base in '2026-11-26 12:00:00 UTC' '2026-12-26 12:00:00 UTC'; do
	echo "after $base: 252 says $(next bookworm "$base"), 257 says $(next trixie "$base")"
done
[ "$(next bookworm '2026-12-26 12:00:00 UTC')" = 'Thu 2027-01-14 00:00:00 UTC' ]
[ "$(next trixie '2026-12-26 12:00:00 UTC')" = 'Sat 2027-01-02 00:00:00 UTC' ]
[ "$(next bookworm '2026-11-26 12:00:00 UTC')" = "$(next trixie '2026-11-26 12:00:00 UTC')" ]
