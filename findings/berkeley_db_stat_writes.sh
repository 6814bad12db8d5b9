#!/bin/sh
# Looking at a Berkeley DB hash file with db5.3_stat -d writes to it.
#
# Package:  db5.3-util 5.3.28+dfsg2-1 (Debian 12)
# Input:    a hash database that db5.3_load made a moment before
# Seen:     db5.3_stat -d, documented as displaying statistics, changes the file's bytes and its
#           modification time: the count of keys and of records is stored in the metadata page
#           (offsets 40 and 44 hold 0 before, the counts after). Who compares that time with the
#           time of a source file takes a stale map for a fresh one, because somebody looked.
#           -f (fast), which reads the stored count, leaves the file alone.
# Source:   DB->stat in the Berkeley DB reference says that the two counts are stored when they have
#           been calculated; the manual page of db5.3_stat does not mention it.
# Exits:    0 as described, 1 not so, 77 the version cannot be had.
set -eu
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT && cd "$work"
mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | grep -oE 'https?://[^ ]+/debian/?( |$)' | head -n 1)
mkdir -p lists/partial archives/partial root
echo "deb $mirror bookworm main" >list
apt="apt-get -qq -o Dir::Etc::SourceList=$work/list -o Dir::Etc::SourceParts=/dev/null \
  -o Dir::State::Lists=$work/lists -o Dir::Cache=$work -o APT::Sandbox::User=root"
{ $apt update && $apt download db5.3-util=5.3.28+dfsg2-1 libdb5.3=5.3.28+dfsg2-1; } >log 2>&1 ||
	{ cat log; echo "the pinned version cannot be had"; exit 77; }
for deb in *.deb; do dpkg-deb -x "$deb" root; done
export LD_LIBRARY_PATH="$(dirname "$(find root -name 'libdb-5.3.so')")"

printf 'a\n1\nb\n2\nc\n3\n' | root/usr/bin/db5.3_load -T -t hash map.db
touch -d '2020-01-01 00:00:00 UTC' map.db
look() { od -An -tu4 -j40 -N8 map.db | tr -s ' '; stat -c %Y map.db; }
echo "made:    $(look | tr '\n' ' ')"
root/usr/bin/db5.3_stat -f -d map.db >fast && fast=$(stat -c %Y map.db)
echo "-f -d:   $(look | tr '\n' ' ')"
root/usr/bin/db5.3_stat -d map.db >full
echo "-d:      $(look | tr '\n' ' ')"
[ "$fast" = 1577836800 ] && [ "$(stat -c %Y map.db)" != 1577836800 ]
