package main

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mailfresh/internal/plugintest"
	"mailfresh/internal/smtp"
)

// What README.md shows is what the plugin says.
func TestREADME(t *testing.T) {
	host := func(name, ip string, took time.Duration, a smtp.Answer) *target {
		h := &target{label: name, name: name, host: name, addr: netip.MustParseAddrPort(ip + ":25"), recipients: []string{"dcw@example.org"}}
		h.dialogue = smtp.Dialogue{Time: took, Answers: [][]smtp.Answer{{a}}}
		return h
	}
	rejected := smtp.Answer{Verdict: smtp.Rejected, Phase: smtp.Rcpt, Reply: &smtp.Reply{Code: 550, Lines: []string{"Previous (cached) callout verification failure"}}}
	f := facts{senders: []string{""}, control: map[string]bool{}, targets: []*target{
		host("mx1001.example.org", "192.0.2.1", 8*time.Millisecond, answers['A']),
		host("mx2001.example.org", "192.0.2.2", 4*time.Millisecond, rejected),
	}}
	got := judge(options{}, f).Text("MX_RCPT", 0)
	if diff := cmp.Diff(plugintest.Sample(t, "../README.md", "check_mx_rcpt -r dcw@example.org"), got); diff != "" {
		t.Errorf("README.md (-shown +said):\n%s", diff)
	}
}
