#!/bin/sh
# A valid OnCalendar= line for which systemd finds no next elapse: where a step of days leads over a
# change of the clock by half an hour, it gives up with an error, and a timer never fires again.
#
# Package:  systemd 252.39-1~deb12u2 (Debian 12) and systemd 257.13-1~deb13u1 (Debian 13); 262.1 alike
# Input:    TZ=Australia/Lord_Howe, where the clock goes forward by half an hour on 4 October 2026:
#           systemd-analyze calendar --base-time='2026-09-28 00:34:53' '*-*-08/10 00:00:00'
#           (the 8th, 18th and 28th of each month)
# Seen:     "Infinite loop in calendar calculation" and EDEADLK, though 8 October is there, and is
#           found from 5 October on. A timer passes over such a line: one that elapses on 28 September
#           is SubState=elapsed after that, not failed, and stays so after 4 October, too.
# Source:   find_next() in src/shared/calendarspec.c gives up after 1,000 rounds, and
#           timer_enter_waiting() in src/core/timer.c goes on to the next line; systemd.time(7) and
#           systemd.timer(5) do not mention it.
# Needs:    root and mmdebstrap.
# Exits:    0 as described, 1 not so, 77 a version cannot be had.
set -eu
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT && cd "$work"
mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | grep -oE 'https?://[^ ]+/debian/?( |$)' | head -n 1)

get() { # get SUITE PACKAGE=VERSION: a root folder SUITE with it and what it needs
	mmdebstrap --quiet --variant=extract --include="base-files,tzdata,$2" --aptopt='Apt::Install-Recommends "false"' \
		"$1" "$1" "$mirror" 2>"$1.log" || { cat "$1.log"; echo "the pinned version cannot be had"; exit 77; }
}
next() { # next SUITE INSTANT: what is said of the next elapse after the instant
	TZ=Australia/Lord_Howe chroot "$1" /usr/bin/systemd-analyze calendar --base-time="$2" '*-*-08/10 00:00:00' 2>&1 |
		sed -n 's/.*Next elapse: //p; s/\(Infinite loop\).*/\1/p'
}
get bookworm systemd=252.39-1~deb12u2
get trixie systemd=257.13-1~deb13u1
for suite in bookworm trixie; do
	for base in '2026-09-28 00:34:53' '2026-10-05 00:34:53'; do
		echo "$suite, after $base: $(next $suite "$base")"
	done
	[ "$(next $suite '2026-09-28 00:34:53')" = 'Infinite loop' ]
	[ "$(next $suite '2026-10-05 00:34:53')" = 'Thu 2026-10-08 00:00:00 +11' ]
done
