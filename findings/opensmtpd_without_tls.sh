#!/bin/sh
# OpenSMTPD of Debian 12 offers STARTTLS and cannot complete one handshake: the client gets the
# alert "internal error", whatever the key, the version and the cipher.
#
# Package:  opensmtpd 6.8.0p2-4+b4 with libssl3 3.0.20-1~deb12u2 (Debian 12)
# Input:    smtpd.conf with `listen on 127.42.7.1 port 2525 tls pki p`, a fresh RSA key of 2,048 bits,
#           then a fresh EC key on P-256; `openssl s_client -starttls smtp`, TLS 1.3 and TLS 1.2
# Seen:     smtpd starts without a word, answers EHLO with STARTTLS and STARTTLS with 220. Then each
#           of the four handshakes ends with the TLS alert 80, and smtpd logs "SSL routines::internal
#           error" or "SSL routines::EVP lib". Mail from a sender that goes on in plain text arrives, so
#           that nobody sees it; one that insists on TLS never delivers. Debian 13's 7.6 is right.
# Source:   OpenSMTPD issues 1171 and 1239: 6.8 keeps its keys in another process by means of an
#           interface that OpenSSL 3.0 no longer serves. 6.8 is what Debian 12 has to this day.
# Needs:    root and mmdebstrap.
# Exits:    0 as described, 1 not so, 77 the version cannot be had.
set -eu
work=$(mktemp -d) && trap '[ -z "$smtpd" ] || kill $smtpd || true; rm -rf "$work"' EXIT && cd "$work"
smtpd=
chmod 755 "$work"
mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | grep -oE 'https?://[^ ]+/debian/?( |$)' | head -n 1)
mmdebstrap --quiet --variant=extract --aptopt='Apt::Install-Recommends "false"' \
	--include=base-files,opensmtpd=6.8.0p2-4+b4,libssl3=3.0.20-1~deb12u2,openssl=3.0.20-1~deb12u2 \
	bookworm root "$mirror" 2>log || { cat log; echo "the pinned version cannot be had"; exit 77; }
printf 'root:x:0:0::/:/bin/sh\nopensmtpd:x:101:101::/var/lib/opensmtpd/empty:/bin/sh\nopensmtpq:x:102:102::/:/bin/sh\n' >root/etc/passwd
printf 'root:x:0:\nopensmtpd:x:101:\nopensmtpq:x:102:\n' >root/etc/group
mkdir -p -m 711 root/var/spool/smtpd
cat >root/etc/smtpd.conf <<END
pki p cert "/etc/cert.pem"
pki p key "/etc/key.pem"
listen on 127.42.7.1 port 2525 tls pki p hostname mx.example.org
action "local" maildir
match from any for local action "local"
END

try() { # try NAME OPTION...: two handshakes with a new key of that kind
	name=$1; shift
	openssl req -x509 -nodes -days 2 -subj /CN=mx.example.org "$@" -keyout root/etc/key.pem -out root/etc/cert.pem 2>/dev/null
	chmod 600 root/etc/key.pem
	unshare --mount sh -c 'mount --bind /dev root/dev; exec chroot root /usr/sbin/smtpd -d -f /etc/smtpd.conf' >"$name.log" 2>&1 &
	smtpd=$!
	for version in tls1_3 tls1_2; do
		for _ in 1 2 3 4 5 6 7 8 9 10; do
			echo QUIT | openssl s_client -connect 127.42.7.1:2525 -starttls smtp -$version >"$name.$version" 2>&1 || true
			! grep -q 'refused' "$name.$version" || { sleep 0.5; continue; }
			break
		done
		echo "$name, $version: $(grep -oE 'SSL alert number [0-9]+' "$name.$version" | head -n 1)"
	done
	kill $smtpd; wait $smtpd || true; smtpd=
	grep -o 'SSL routines::.*' "$name.log" | sort | uniq -c
}
try rsa -newkey rsa:2048
try ec -newkey ec -pkeyopt ec_paramgen_curve:prime256v1
[ "$(cat rsa.tls1_* ec.tls1_* | grep -c 'SSL alert number 80')" = 4 ]
