//go:build bench

package integration

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
)

var postfixLibrary = "LD_LIBRARY_PATH=" + postfix + "/lib/postfix"

// mx measures the check of two Exims beside what asks one, and of many hosts and recipients on
// Postfix's smtp-sink.
func (r *report) mx(t *testing.T) {
	need(t, postfix+"/sbin/smtp-sink")
	for _, addr := range []string{"127.0.25.1", "127.0.25.2"} {
		mailer{}.startExim(t, addr, acceptAll)
	}
	two := ours("check_mx_rcpt", "-p", mxPort, "-H", "127.0.25.1", "-H", "127.0.25.2",
		"-r", "dcw@example.org")
	c := contest{ours: two, peer: checkSMTP("127.0.25.1"), pairs: 50}
	minute := c.run(t, "two MX hosts", "check_smtp, one host").want(limit{ofWall, 0.1})
	r.add(minute)
	r.addPeak(minute)
	r.hour = append(r.hour, minute)
	r.beside(t, minute.what, c)
	swaks := command{
		args: []string{"/usr/bin/swaks", "--server", "127.0.25.1", "--port", mxPort, "--from", "<>",
			"--to", "dcw@example.org", "--quit-after", "RCPT"},
		says: "250 Accepted",
	}
	r.add(contest{ours: two, peer: swaks, pairs: 15}.run(t, "two MX hosts", "swaks, one host"))
	r.hosts(t)
	r.recipients(t)
}

const acceptAll = "\n  accept\nbegin routers\n"

func checkSMTP(addr string) command {
	return command{
		args: []string{"/usr/lib/nagios/plugins/check_smtp", "-p", mxPort, "-H", addr},
		says: "^SMTP OK",
	}
}

// hosts measures 1 to 64 MX hosts.
func (r *report) hosts(t *testing.T) {
	var args []string
	var one command
	growth := series{title: "check_mx_rcpt, a recipient on each host", x: "MX hosts"}
	for n := 1; n <= 64; n++ {
		addr := fmt.Sprintf("127.0.26.%d", n)
		startSink(t, addr)
		args = append(args, "-H", addr)
		if n&(n-1) > 0 { // not a power of two
			continue
		}
		check := ours("check_mx_rcpt",
			append([]string{"-p", mxPort, "-r", "dcw@example.org"}, args...)...)
		check.says = fmt.Sprintf(`^MX_RCPT OK - .* accepted=%d[; ]`, n)
		growth.add(n, contest{ours: check, pairs: 50}.run(t, "", "").wall)
		switch n {
		case 1:
			one = check
		case 2:
			r.burst(t, "two MX hosts", check)
		case 64:
			c := contest{ours: check, peer: one, pairs: 50}
			r.add(c.run(t, "64 MX addresses", "one address").want(limit{ofWall, 3}))
			r.beside(t, "64 MX addresses", c)
		}
	}
	r.grow(growth)
}

// recipients measures 10 to 100,000 recipients on one host. smtp-source sends as many RCPTs, and a
// message.
func (r *report) recipients(t *testing.T) {
	const sink = "127.0.25.9"
	startSink(t, sink)
	growth := series{title: "check_mx_rcpt --recipients-from", x: "recipients", peer: "smtp-source"}
	for n := 10; n <= 100_000; n *= 10 {
		file := writeAliases(t, "recipients", addresses, n)
		check := ours("check_mx_rcpt", "-p", mxPort, "-H", sink, "--recipients-from", file,
			"--format", "exim", "-t", "1m")
		check.says = fmt.Sprintf(`^MX_RCPT OK - .* accepted=%d[; ]`, n)
		source := command{
			args: []string{postfix + "/sbin/smtp-source", "-r", fmt.Sprint(n),
				"-f", "a@example.net", "-t", "queue@example.org", sink + ":" + mxPort},
			env: []string{postfixLibrary},
		}
		c := contest{ours: check, peer: source, pairs: 20}
		what := thousands(n) + " recipients"
		many := c.run(t, what, "smtp-source")
		growth.add(n, many.wall)
		switch n {
		case 10_000:
			r.add(many.want(limit{ofWall, 0.35}))
		case 100_000:
			r.add(many.want(limit{ofWall, 0.35}, limit{peakMB, 40}))
			r.beside(t, what, c)
		}
	}
	r.grow(growth)
}

func startSink(t *testing.T, addr string) {
	t.Helper()
	daemon := exec.Command(postfix+"/sbin/smtp-sink", "-u", "nobody", "-m", "1000", addr+":"+mxPort,
		"1000")
	daemon.Env = append(os.Environ(), postfixLibrary)
	start(t, addr, daemon)
}
