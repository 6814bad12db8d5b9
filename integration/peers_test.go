//go:build integration

package integration

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"testing"
	"time"
)

// smtpServer is where integration/install puts nodemailer's smtp-server, which no Debian release
// has.
const smtpServer = "/var/cache/mailfresh/smtp-server/node_modules"

// serve runs a script of testdata/peers inside the host: it starts a mail server on addr, which
// knows good0 to good9@example.org. serve waits for its port.
func (h *host) serve(t *testing.T, name, addr string) {
	t.Helper()
	h.copy(t, "testdata/peers/"+name, "/run/peer."+name)
	h.must(t, fmt.Sprintf("export ADDR=%s SHARED=%s; sh -eu /run/peer.%s 2>&1", addr, shared, name))
	eventually(t, name+" listens on "+addr, 30*time.Second, func() bool {
		c, err := net.Dial("tcp", net.JoinHostPort(addr, mxPort))
		if err != nil {
			return false
		}
		c.Close()
		return true
	})
	t.Cleanup(func() {
		if t.Failed() {
			out, _, _ := h.in("root", "journalctl", "-q", "--no-pager", "-n", "40")
			t.Log(out)
		}
	})
}

// askKnown probes a host that serve has started: for one that it knows and one that it does not,
// and for ten of each, with two senders; says matches the reply to the latter.
func askKnown(t *testing.T, addr, says string, options ...string) {
	t.Helper()
	args := append([]string{"-H", addr, "-t", "50"}, options...)
	probe(t, 0, append(args, "-r", "good1@example.org", "--reject", "bad1@example.org"),
		`^MX_RCPT OK - `+addr+` accepts good1@example.org and refuses bad1@example.org in `)
	for i := range 10 {
		args = append(args, "-r", fmt.Sprintf("good%d@example.org", i),
			"-r", fmt.Sprintf("bad%d@example.org", i))
	}
	for _, sender := range []string{"<>", "sender@example.net"} {
		probe(t, 2, append(args, "-f", sender),
			`^MX_RCPT CRITICAL - `+addr+` rejects bad0@example.org.* \(`+says+`.*\) \|.* `+
				`accepted=10;;;0 rejected=10;;;0 deferred=0;;;0 probe_refused=0;;;0 no_answer=0;;;0 `)
	}
}

// Mail servers that few hosts run, on one release. Courier and smtp-server are asked over TLS, too.
func TestMXPeers(t *testing.T) {
	if !slices.Contains(suites(), "bookworm") {
		t.Skip("on bookworm alone, which SUITES leaves out")
	}
	r := release{"bookworm"}
	h := r.host(t, "peers", "peers")
	for _, peer := range []struct {
		name, addr, pkg, says string
		options               []string
	}{
		{"courier", "127.0.25.21", "courier-mta", "550 User ‹bad0› unknown", nil},
		{"chasquid", "127.0.25.22", "chasquid", "550 5.1.1 Destination address is unknown", nil},
		{"dovecot", "127.0.25.23", "dovecot-lmtpd",
			"550 5.1.1 ‹bad0@example.org› User doesn't exist", []string{"--lmtp"}},
		{"aiosmtpd", "127.0.25.24", "python3-aiosmtpd", "550 5.1.1 no such user", nil},
		{"smtp-server", "127.0.25.25", "nodejs", "550 no such user", nil},
	} {
		t.Run(peer.name, func(t *testing.T) {
			if peer.name == "smtp-server" {
				lendSMTPServer(t)
			}
			t.Logf("%s %s", peer.pkg, r.version(t, "peers", peer.pkg))
			h.serve(t, peer.name, peer.addr)
			if peer.name == "courier" {
				askPatiently(t, h, peer.addr)
			}
			askKnown(t, peer.addr, peer.says, peer.options...)
			if slices.Contains([]string{"courier", "chasquid", "smtp-server"}, peer.name) {
				askKnown(t, peer.addr, peer.says, "--tls=required")
			}
		})
	}
}

// askPatiently probes a Courier as it is shipped: it holds the first refusal of a connection back
// for 8 s, the next one for 16 s. Afterwards it refuses at once.
func askPatiently(t *testing.T, h *host, addr string) {
	t.Helper()
	args := []string{"-H", addr, "-r", "good1@example.org", "-r", "bad1@example.org"}
	probe(t, 2, append(args, "-t", "50"),
		`^MX_RCPT CRITICAL - `+addr+` rejects bad1@example.org \(550 `)
	probe(t, 1, append(args, "-t", "4"),
		`^MX_RCPT WARNING - `+addr+` gives no answer for bad1@example.org \(.*accepted=1;;;0 `)
	h.must(t, "sed -i s/^TARPIT=1/TARPIT=0/ /etc/courier/esmtpd; systemctl restart courier-mta")
}

// lendSMTPServer shows smtp-server to the hosts, or skips the test where npm could not get it.
func lendSMTPServer(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(smtpServer); err != nil {
		t.Skipf("smtp-server is not tried: npm could not get it for integration/install (%v)", err)
	}
	if out, err := exec.Command("cp", "-R", smtpServer, shared).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// OpenSMTPD and Sendmail of each release: what they know and do not know, relaying, TLS that is
// wanted, and a disagreement between the two.
func TestMXOpenSMTPDAndSendmail(t *testing.T) {
	const smtpd, sendmail = "127.0.25.31", "127.0.25.32"
	thisRelease(t, func(t *testing.T, r release) {
		of := r.host(t, "opensmtpd", "opensmtpd")
		of.serve(t, "opensmtpd", smtpd)
		of = r.host(t, "sendmail", "sendmail")
		of.serve(t, "sendmail", sendmail)
		scenarios := []struct {
			name string
			play func(t *testing.T)
		}{
			{"OpenSMTPD", func(t *testing.T) { askKnown(t, smtpd, "550 Invalid recipient") }},
			{"Sendmail", func(t *testing.T) { askKnown(t, sendmail, "550 5.1.1 .*User unknown") }},
			{"Relay", func(t *testing.T) { askToRelay(t, smtpd, sendmail) }},
			{"TLSOnly", func(t *testing.T) { askTLSOnly(t, r, smtpd+":2526") }},
			{"Disagree", func(t *testing.T) {
				of.must(t, "cd /etc/mail; sed -i /^good3@/d virtusertable; "+
					"makemap hash virtusertable <virtusertable")
				askBoth(t, smtpd, sendmail)
			}},
		}
		r.report(t, "RCPT scenarios of OpenSMTPD and Sendmail", strconv.Itoa(len(scenarios)))
		for _, scenario := range scenarios {
			t.Run(scenario.name, scenario.play)
		}
	})
}

// askToRelay asks for another's domain. OpenSMTPD says the same of an unknown recipient. Sendmail
// relays for 127.0.0.1, so it is asked from another address.
func askToRelay(t *testing.T, smtpd, sendmail string) {
	t.Helper()
	probe(t, 2, []string{"-H", smtpd, "-r", "x@elsewhere.example"},
		`^MX_RCPT CRITICAL - `+smtpd+` rejects x@elsewhere.example \(550 Invalid recipient`)
	probe(t, 3, []string{"-H", sendmail, "--source-address", smtpd, "-r", "x@elsewhere.example"},
		`^MX_RCPT UNKNOWN - `+sendmail+` refuses the probe .*\(550 5.7.1 .*Relaying denied`)
}

// askBoth asks two hosts for a recipient that the second has lost, and one that it has.
func askBoth(t *testing.T, first, second string) {
	t.Helper()
	dns := zone(t, "example.org. MX 10 mx1001.example.org.\n"+
		"example.org. MX 10 mx2001.example.org.\n"+
		"mx1001.example.org. A "+first+"\nmx2001.example.org. A "+second+"\n")
	probe(t, 2, []string{dns, "-r", "good3@example.org", "-r", "good4@example.org"},
		`^MX_RCPT CRITICAL - MX hosts disagree on good3@example.org: `+
			`mx2001.example.org rejects it \(550 5.1.1 .*\), mx1001.example.org accepts it`)
}

// askTLSOnly probes an OpenSMTPD that takes no mail in plain text. The one of Debian 12 cannot
// complete a handshake with its OpenSSL.
func askTLSOnly(t *testing.T, r release, addr string) {
	probe(t, 3, []string{"-H", addr, "-r", "good1@example.org"},
		`^MX_RCPT UNKNOWN - .* refuses the probe .*(530|550) 5.5.1 .*STARTTLS`)
	args := []string{"-H", addr, "-r", "good1@example.org", "--tls=required"}
	if r.suite == "bookworm" {
		probe(t, 3, args,
			`^MX_RCPT UNKNOWN - .* refuses the probe .*\(TLS: ended by the server: internal error\)`)
		return
	}
	probe(t, 0, args, `^MX_RCPT OK - .* accepts good1@example.org in `)
}
