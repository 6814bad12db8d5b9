//go:build integration

package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"mailfresh/internal/plugintest"
)

// probe runs check_mx_rcpt with the arguments and wants an exit code and, for each pattern, a line.
func probe(t *testing.T, exit int, args []string, patterns ...string) {
	t.Helper()
	cmd := exec.Command(filepath.Join(bin, "check_mx_rcpt"), append([]string{"-p", mxPort, "--helo",
		"monitor.example.org", "--tls", "none"}, args...)...)
	cmd.Env = append(os.Environ(), "LANG=C")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdout, _ := cmd.Output()
	if err := plugintest.CheckOutput("MX_RCPT", cmd.ProcessState.ExitCode(), string(stdout),
		stderr.String()); err != nil {
		t.Errorf("%q: %v", args, err)
	}
	if got := cmd.ProcessState.ExitCode(); got != exit {
		t.Errorf("%q: exit code %d; want %d", args, got, exit)
	}
	for _, p := range patterns {
		if !regexp.MustCompile("(?m)" + p).Match(stdout) {
			t.Errorf("%q: no line matches %s", args, p)
		}
	}
	if t.Failed() {
		t.Fatalf("%s", stdout)
	}
}

// zone serves names for the daemons' addresses; the option goes before the others.
func zone(t *testing.T, text string) string {
	t.Helper()
	dns, err := plugintest.ServeDNS(text)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(dns.Close)
	return "--resolver=" + dns.Addr
}

const incidentZone = "example.org. MX 10 mx1001.example.org.\nexample.org. MX 10 mx2001.example.org.\n" +
	"mx1001.example.org. A 127.0.25.1\nmx2001.example.org. A 127.0.25.2\n"

// TestMX plays the scenarios on the mail servers of each release.
func TestMX(t *testing.T) {
	thisRelease(t, func(t *testing.T, r release) {
		m := r.mailer(t)
		scenarios := []struct {
			name string
			play func(t *testing.T, m mailer)
		}{
			{"Incident", testMXIncident},
			{"SenderDependentCallout", testMXSenderDependentCallout},
			{"BackEndDown", testMXBackEndDown},
			{"Greylisting", testMXGreylisting},
			{"Policy", testMXPolicy},
			{"PostfixErrorLimit", testMXPostfixErrorLimit},
			{"Punishment", testMXPunishment},
			{"ClientRefused", testMXClientRefused},
			{"Postscreen", testMXPostscreen},
			{"PlainText", testMXPlainText},
			{"AliasFile", testMXAliasFile},
			{"TLS", testMXTLS},
			{"IPv6", testMXIPv6},
		}
		r.report(t, "RCPT scenarios", strconv.Itoa(len(scenarios)))
		for _, scenario := range scenarios {
			t.Run(scenario.name, func(t *testing.T) { scenario.play(t, m) })
		}
	})
}

// The incident: two Exims route by an alias file and call a third one for what is not in it. One
// file is stale.
func testMXIncident(t *testing.T, m mailer) {
	users := "old@example.org: old@example.org\n"
	fresh := m.startExim(t, "127.0.25.1", eximMX("", "127.0.25.3"))
	stale := m.startExim(t, "127.0.25.2", eximMX("", "127.0.25.3"))
	m.startExim(t, "127.0.25.3", eximBackend)
	write(t, filepath.Join(fresh, "aliases"), users+"dcw@example.org: dcw@example.org\n")
	write(t, filepath.Join(stale, "aliases"), users)
	dns := zone(t, incidentZone)
	probe(t, 0, []string{dns, "-r", "old@example.org", "--reject", "nobody@example.org"},
		`^MX_RCPT OK - both hosts accept old@example.org and refuse nobody@example.org, slowest mx.*hosts=2;;;0 accepted=2;;;0 `)
	probe(t, 2, []string{dns, "-r", "dcw@example.org"},
		`^MX_RCPT CRITICAL - MX hosts disagree on dcw@example.org: mx2001.example.org rejects it \(550 Callout verification failed: 550 5.1.1 No such user\), mx1001.example.org accepts it \| time=`,
		`^\[CRITICAL\] mx2001.example.org: `)
	probe(t, 2, []string{dns, "-r", "dcw@example.org"},
		`^MX_RCPT CRITICAL - MX hosts disagree on dcw@example.org: mx2001.example.org rejects it \(550 Previous \(cached\) callout verification failure\), mx1001.example.org accepts it \| time=`)
	write(t, filepath.Join(stale, "aliases"), users+"dcw@example.org: dcw@example.org\n")
	probe(t, 0, []string{dns, "-r", "dcw@example.org"},
		`^MX_RCPT OK - both hosts accept dcw@example.org, slowest `)
}

// A callout with the real sender: the null sender is accepted, another is not.
func testMXSenderDependentCallout(t *testing.T, m mailer) {
	m.startExim(t, "127.0.25.1", eximMX(",use_sender", "127.0.25.3"))
	m.startExim(t, "127.0.25.2", eximMX("", "127.0.25.3"))
	m.startExim(t, "127.0.25.3", eximBackend)
	dns := zone(t, incidentZone)
	probe(t, 2, []string{dns, "-r", "picky@example.org", "-f", "<>", "-f", "bad@example.net"},
		`^MX_RCPT CRITICAL - MX hosts disagree on picky@example.org from bad@example.net: mx1001.example.org rejects it \(550 Callout verification failed: 550 5.1.1 Not from you\), mx2001.example.org accepts it \|.* accepted=3;;;0 rejected=1;;;0 `)
}

// The back end is down and nothing is cached: a temporary error, by option.
func testMXBackEndDown(t *testing.T, m mailer) {
	m.startExim(t, "127.0.25.1", eximMX("", "127.0.25.3"))
	args := []string{"-H", "127.0.25.1", "-r", "dcw@example.org"}
	probe(t, 1, args, `^MX_RCPT WARNING - 127.0.25.1 defers dcw@example.org \(451 Could not complete recipient verify callout\) \|`)
	probe(t, 2, append(args, "--deferred-state", "critical"),
		`^MX_RCPT CRITICAL - 127.0.25.1 defers`)
}

// Greylisting: the same triplet passes the second time.
func testMXGreylisting(t *testing.T, m mailer) {
	m.startExim(t, "127.0.25.1", `
  defer message = 4.7.1 Greylisted, try again
        condition = ${if exists{DIR/spool/seen}{no}{yes}}
        condition = ${run{/usr/bin/touch DIR/spool/seen}{yes}{yes}}
  accept
begin routers
`)
	args := []string{"-H", "127.0.25.1", "-r", "dcw@example.org"}
	probe(t, 1, args, `^MX_RCPT WARNING - 127.0.25.1 defers dcw@example.org \(451 4.7.1 Greylisted, try again\) \|`)
	probe(t, 0, args, `^MX_RCPT OK - 127.0.25.1 accepts dcw@example.org in `)
}

// Sender verification: Exim says so at RCPT, without an enhanced code; a policy has one.
func testMXPolicy(t *testing.T, m mailer) {
	m.startExim(t, "127.0.25.1", `
  deny senders = *@blocked.example
       message = 5.7.1 Blocked by policy
  deny senders = *@unknown.example
       message = 5.1.8 Sender domain unknown
  accept
begin routers
`)
	args := []string{"-H", "127.0.25.1", "-r", "dcw@example.org", "-f"}
	probe(t, 3, append(args, "x@blocked.example"),
		`^MX_RCPT UNKNOWN - 127.0.25.1 refuses the probe by policy for dcw@example.org \(550 5.7.1 Blocked by policy\): allow this monitor.s address there, or give another --helo \|`)
	probe(t, 3, append(args, "x@unknown.example"),
		`^MX_RCPT UNKNOWN - 127.0.25.1 refuses the sender for dcw@example.org \(550 5.1.8 Sender domain unknown\): allow this sender there, or give another --from \|`)
	probe(t, 0, append(args, "x@example.net"), `^MX_RCPT OK - `)
}

// Thirty recipients that Postfix does not know, with its soft-error limit of 10: nothing is slowed
// down and no connection is dropped.
func testMXPostfixErrorLimit(t *testing.T, m mailer) {
	dir := m.startPostfix(t, "127.0.25.4", "")
	write(t, filepath.Join(dir, "users"), "known@example.org x\n")
	args := []string{"-H", "127.0.25.4", "-r", "known@example.org"}
	for i := range 30 {
		args = append(args, "-r", fmt.Sprintf("unknown%d@example.org", i))
	}
	probe(t, 2, args, `^MX_RCPT CRITICAL - 127.0.25.4 rejects unknown0@example.org, unknown1@example.org, unknown2@example.org and 27 more \(550 5.1.1 .unknown0@example.org.: Recipient address rejected: User unknown in virtual mailbox table\) \|.* accepted=1;;;0 rejected=30;;;0 `,
		`^  unknown9@example.org from the null sender: rejected`, `^  \.\.\. 20 more$`)
	calm(t, filepath.Join(dir, "log", "mail.log"))
}

// Every key of an alias file, some of which the hosts do not know: an Exim and a Postfix with
// default limits see nothing to complain of.
func testMXAliasFile(t *testing.T, m mailer) {
	var keys, users strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&keys, "queue%d: queue%d@backend.example.org\n", i, i)
		if i%40 != 7 {
			fmt.Fprintf(&users, "queue%d@example.org x\n", i)
		}
	}
	mx := m.startExim(t, "127.0.25.1", `
  accept condition = ${lookup{$local_part@$domain}lsearch{DIR/users}{yes}{no}}
  deny message = Unknown user
begin routers
`)
	pf := m.startPostfix(t, "127.0.25.4", "")
	for _, dir := range []string{mx, pf} {
		write(t, filepath.Join(dir, "users"), users.String())
	}
	emails := filepath.Join(t.TempDir(), "emails")
	write(t, emails, keys.String())
	probe(t, 2, []string{"--recipients-from", emails, "--format", "exim", "--domain", "example.org",
		"-H", "127.0.25.1", "-H", "127.0.25.4"},
		`^MX_RCPT CRITICAL - 127.0.25.1 rejects queue7@example.org, queue47@example.org, queue87@example.org and 22 more \(550 Unknown user\), 127.0.25.4 rejects them \(550 5.1.1 .*\) \|.* accepted=1950;;;0 rejected=50;;;0 deferred=0;;;0 probe_refused=0;;;0 no_answer=0;;;0 `,
		`^  queue7@example.org from the null sender: rejected \(550 Unknown user\)$`, `^  \.\.\. 15 more$`)
	calm(t, filepath.Join(mx, "log", "mainlog"))
	calm(t, filepath.Join(pf, "log", "mail.log"))
}

// TLS with a CA of our own: accepted, expired, another host's certificate, required but not
// offered.
func testMXTLS(t *testing.T, m mailer) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "ca.pem"), string(plugintest.CA()))
	t.Setenv("SSL_CERT_FILE", filepath.Join(dir, "ca.pem"))
	t.Setenv("SSL_CERT_DIR", dir+"/none")
	accept := "\n  accept\nbegin routers\n"
	for addr, expired := range map[string]bool{"127.0.25.1": false, "127.0.25.2": true} {
		name := map[bool]string{false: "mx1001.example.org", true: "mx2001.example.org"}[expired]
		m.startEximTLS(t, addr, accept, plugintest.Certificate(name, expired))
	}
	m.startExim(t, "127.0.25.3", accept)
	dns := zone(t, incidentZone+"mx3.example.org. A 127.0.25.3\nother.example.org. A 127.0.25.1\n")
	args := func(host string) []string {
		return []string{dns, "-r", "dcw@example.org", "--tls=required", "--tls-verify", "-H", host,
			"-vv"}
	}
	probe(t, 0, args("mx1001.example.org"),
		`^MX_RCPT OK - mx1001.example.org accepts dcw@example.org in `, `^    -- TLS 1.3$`)
	probe(t, 1, append(args("mx1001.example.org"), "--certificate-warning", "14d:",
		"--certificate-critical", "1m:"),
		`^MX_RCPT WARNING - the certificate of mx1001.example.org expires in 1h .* UTC\), outside the range 14d: \|.* certificate=[0-9]+s;1209600:;60: `)
	probe(t, 3, args("mx2001.example.org"),
		`^MX_RCPT UNKNOWN - mx2001.example.org refuses the probe for dcw@example.org \(TLS: certificate has expired or is not yet valid\) \|`)
	probe(t, 3, args("other.example.org"),
		`^MX_RCPT UNKNOWN - other.example.org refuses the probe for dcw@example.org \(TLS: certificate is valid for mx1001.example.org, not other.example.org\) \|`)
	probe(t, 3, args("mx3.example.org"),
		`^MX_RCPT UNKNOWN - mx3.example.org refuses the probe for dcw@example.org \(STARTTLS: STARTTLS is not offered\) \|`)
}

// One host with both families: each address is asked.
func testMXIPv6(t *testing.T, m mailer) {
	m.startExim(t, "::1", "\n  deny message = 5.1.1 not over IPv6\nbegin routers\n")
	m.startExim(t, "127.0.25.1", "\n  accept\nbegin routers\n")
	dns := zone(t, "example.org. MX 10 mx.example.org.\nmx.example.org. A 127.0.25.1\nmx.example.org. AAAA ::1\n")
	probe(t, 2, []string{dns, "-r", "dcw@example.org"},
		`^MX_RCPT CRITICAL - MX hosts disagree on dcw@example.org: mx.example.org\[::1\] rejects it \(550 5.1.1 not over IPv6\), mx.example.org\[127.0.25.1\] accepts it \|`)
	probe(t, 0, []string{dns, "-4", "-r", "dcw@example.org"},
		`^MX_RCPT OK - mx.example.org accepts`)
	probe(t, 2, []string{dns, "-6", "-r", "dcw@example.org"},
		`^MX_RCPT CRITICAL - mx.example.org rejects`)
}

// calm wants a log without a sign that the client went too far.
func calm(t *testing.T, log string) {
	t.Helper()
	var text []byte
	for range 20 { // the daemons write it when they are done
		text, _ = os.ReadFile(log)
		time.Sleep(50 * time.Millisecond)
	}
	if len(text) == 0 {
		t.Errorf("%s is empty", log)
	}
	if m := regexp.MustCompile(
		`.*(\b421\b|\b554\b|[Tt]oo many|synchronization|dropped|improper).*`).Find(text); m != nil {
		t.Errorf("%s: %s", filepath.Base(log), m)
	}
}
