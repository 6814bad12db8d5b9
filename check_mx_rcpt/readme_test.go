package main

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"mailfresh/internal/document"
	"mailfresh/internal/nagios"
	"mailfresh/internal/output"
	"mailfresh/internal/plugintest"
	"mailfresh/internal/smtp"
)

const page = "../docs/check_mx_rcpt.md"

// What README.md and the page show is what the plugin says.
func TestREADME(t *testing.T) {
	rejected := smtp.Answer{Verdict: smtp.Rejected, Phase: smtp.Rcpt,
		Reply: &smtp.Reply{Code: 550, Text: "Previous (cached) callout verification failure"}}
	f := facts{plan: plan{senders: []string{""}, wanted: questions{[]string{"dcw@example.org"},
		[]int{0}}, routes: [][]int{{0, 1}}}}
	host := func(name, ip string, took time.Duration, a smtp.Answer) {
		f.plan.targets = append(f.plan.targets, target{label: name, name: name, host: name,
			addr: netip.MustParseAddrPort(ip + ":25")})
		f.heard = append(f.heard, heard{dialogue: smtp.Dialogue{Time: took,
			Answers: [][]smtp.Answer{{a}}}})
	}
	host("mx1001.example.org", "192.0.2.1", 8*time.Millisecond, answers['A'])
	host("mx2001.example.org", "192.0.2.2", 4*time.Millisecond, rejected)
	r := judge(options{}, f)
	for _, file := range []string{"../README.md", page} {
		document.CompareSample(t, file, "check_mx_rcpt -r dcw@example.org", output.Text("MX_RCPT",
			r, 0))
	}
	document.CompareSample(t, page, "check_mx_rcpt -r dcw@example.org -v", output.Text("MX_RCPT", r,
		1))
}

// shown is what a page shows of a result. The names are those of a reader's world.
func shown(r nagios.Result) string {
	names := strings.NewReplacer("a@e", "dcw@example.org", "b@e", "info@example.org", "c@e",
		"help@example.org", "x@e", "nobody@example.org", "s@n", "a@example.net")
	return names.Replace(r.State.String() + " - " + r.Summary)
}

// The rows on DNS come from a name server.
func TestDNS(t *testing.T) {
	server, err := plugintest.ServeDNS("null.example. MX 0 .\nnothing.example. EMPTY\nfailing.example. SERVFAIL\nsilent.example. SILENT\n")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	said := map[string]string{}
	for _, name := range []string{"null", "nothing", "gone", "failing", "silent"} {
		c := check()
		o := c.Options.(*options)
		o.Recipient, o.Resolver = []address{address("dcw@" + name + ".example")}, server.Addr
		o.Timeout = nagios.Duration(time.Minute)
		if name == "silent" {
			o.Timeout = nagios.Duration(300 * time.Millisecond)
		}
		r, err := c.Run(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		said[name] = strings.ReplaceAll(shown(r), server.Addr, "192.0.2.53:53")
	}
	document.CompareRows(t, page, "dns", said)
}
