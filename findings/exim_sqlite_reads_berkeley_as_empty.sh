#!/bin/sh
# Exim 4.100 in Debian reads a dbm map that 4.98 has built as an empty map: every key is "not
# found", and no error is raised.
#
# Package:  exim4-daemon-light 4.98.2-1+deb13u5 (Debian 13) and 4.100.1-4 (sid)
# Input:    one file with the line "alice: a@x", built into a map by 4.98's exim_dbmbuild
# Seen:     4.98 stores a Berkeley DB hash file and finds alice in it. 4.100 is built with SQLite
#           behind its dbm lookups. It looks alice up in the same, whole, readable file, says that
#           the key is absent and exits with 0. The same holds for any file that is no SQLite
#           database, while a file that does not exist is an error, as both are in 4.98. An error
#           makes mail wait; "not found" makes it bounce. The same source built anew by 4.100's
#           exim_dbmbuild is found again.
# Source:   run here. NEWS.Debian of exim4-base (4.99~RC3-1) says that such maps have to be rebuilt,
#           not what happens to mail until then.
# Needs:    root and mmdebstrap.
# Exits:    0 as described, 1 not so, 77 a version cannot be had.
set -eu
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT && cd "$work"
mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | grep -oE 'https?://[^ ]+/debian/?( |$)' | head -n 1)

get() { # get SUITE VERSION: a root folder SUITE with that Exim
	mmdebstrap --quiet --variant=extract --include="base-files,exim4-base=$2,exim4-daemon-light=$2" \
		--aptopt='Apt::Install-Recommends "false"' --aptopt='Acquire::Check-Valid-Until "false"' \
		"$1" "$1" "$mirror" 2>"$1.log" || { cat "$1.log"; echo "the pinned version cannot be had"; exit 77; }
	printf 'alice: a@x\n' >"$1/tmp/source"
	echo 'root:x:0:0::/:/bin/sh
Debian-exim:x:101:101::/:/bin/sh' >"$1/etc/passwd"
	printf 'root:x:0:\nDebian-exim:x:101:\n' >"$1/etc/group"
	: >"$1/tmp/exim.conf"
}
build() { chroot "$1" /usr/sbin/exim_dbmbuild /tmp/source /tmp/map >/dev/null; }
look() { chroot "$1" /usr/sbin/exim4 -C /tmp/exim.conf -be '${lookup{alice}dbm{/tmp/map}{found}{not found}}'; }
get trixie 4.98.2-1+deb13u5
get sid 4.100.1-4

build trixie; old=$(look trixie)
cp trixie/tmp/map sid/tmp/map; same=$(look sid)
rm sid/tmp/map; build sid; new=$(look sid); kind=$(head -c 15 sid/tmp/map)
echo "4.98 on its own map: $old; 4.100 on that map: $same; 4.100 on its own ($kind): $new"
[ "$old, $same, $new, $kind" = 'found, not found, found, SQLite format 3' ]
