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
		mailer{}.startExim(t, addr, "\n  accept\nbegin routers\n")
	}
	two := ours(
		"check_mx_rcpt",
		"-p",
		mxPort,
		"-H",
		"127.0.25.1",
		"-H",
		"127.0.25.2",
		"-r",
		"dcw@example.org",
	)
	debian := command{
		args: []string{"/usr/lib/nagios/plugins/check_smtp", "-p", mxPort, "-H", "127.0.25.1"},
		says: "^SMTP OK",
	}
	c := contest{ours: two, peer: debian, pairs: 50}.run(t, "two MX hosts", "check_smtp, one host")
	r.add(c.want("at most 0.1", c.wall.ratio <= 0.1))
	r.addPeak(c)
	swaks := command{
		args: []string{
			"/usr/bin/swaks",
			"--server",
			"127.0.25.1",
			"--port",
			mxPort,
			"--from",
			"<>",
			"--to",
			"dcw@example.org",
			"--quit-after",
			"RCPT",
		},
		says: "250 Accepted",
	}
	r.add(contest{ours: two, peer: swaks, pairs: 15}.run(t, "two MX hosts", "swaks, one host"))
	r.hosts(t)
	r.recipients(t)
}

// hosts measures 1 to 64 MX hosts.
func (r *report) hosts(t *testing.T) {
	var args []string
	growth := series{title: "check_mx_rcpt, a recipient on each host", x: "MX hosts"}
	for n := 1; n <= 64; n++ {
		addr := fmt.Sprintf("127.0.26.%d", n)
		startSink(t, addr)
		args = append(args, "-H", addr)
		if n&(n-1) > 0 { // not a power of two
			continue
		}
		check := ours("check_mx_rcpt", append(args, "-p", mxPort, "-r", "dcw@example.org")...)
		growth.add(n, contest{ours: check, pairs: 50}.run(t, "", "").wall)
		if n == 2 {
			r.burst(t, "two MX hosts", check)
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
		check := ours(
			"check_mx_rcpt",
			"-p",
			mxPort,
			"-H",
			sink,
			"--recipients-from",
			file,
			"--format",
			"exim",
			"-t",
			"1m",
		)
		source := command{
			args: []string{
				postfix + "/sbin/smtp-source",
				"-r",
				fmt.Sprint(n),
				"-f",
				"a@example.net",
				"-t",
				"queue@example.org",
				sink + ":" + mxPort,
			},
			env: []string{postfixLibrary},
		}
		c := contest{
			ours:  check,
			peer:  source,
			pairs: 20,
		}.run(t, thousands(n)+" recipients", "smtp-source")
		growth.add(n, c.wall)
		switch n {
		case 10_000:
			r.add(c.want("at most 0.35", c.wall.ratio <= 0.35))
		case 100_000:
			r.add(c.want("at most 0.35", c.wall.ratio <= 0.35))
		}
	}
	r.grow(growth)
}

func startSink(t *testing.T, addr string) {
	t.Helper()
	daemon := exec.Command(
		postfix+"/sbin/smtp-sink",
		"-u",
		"nobody",
		"-m",
		"1000",
		addr+":"+mxPort,
		"1000",
	)
	daemon.Env = append(os.Environ(), postfixLibrary)
	start(t, addr, daemon)
}
