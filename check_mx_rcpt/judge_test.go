package main

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"mailfresh/internal/document"
	"mailfresh/internal/mx"
	"mailfresh/internal/nagios"
	"mailfresh/internal/smtp"
)

var answers = map[byte]smtp.Answer{
	'A': {Verdict: smtp.Accepted, Phase: smtp.Rcpt, Reply: &smtp.Reply{Code: 250, Lines: []string{"ok"}}},
	'a': {Verdict: smtp.Accepted, Phase: smtp.Rcpt, Reply: &smtp.Reply{Code: 251, Lines: []string{"forwarded"}}},
	'R': {Verdict: smtp.Rejected, Phase: smtp.Rcpt, Reply: &smtp.Reply{Code: 550, Lines: []string{"no"}}},
	'r': {Verdict: smtp.Rejected, Phase: smtp.Rcpt, Reply: &smtp.Reply{Code: 550, Lines: []string{"unknown"}}},
	'D': {Verdict: smtp.Deferred, Phase: smtp.Rcpt, Reply: &smtp.Reply{Code: 451, Lines: []string{"later"}}},
	'F': {Verdict: smtp.Refused, Phase: smtp.Mail, Reply: &smtp.Reply{Code: 550, Lines: []string{"not you"}}},
	'N': {Verdict: smtp.NoVerdict, Phase: smtp.Connect, Err: errors.New("connection refused")},
	'T': {Verdict: smtp.NoVerdict, Phase: smtp.Rcpt, Err: errors.New("no answer")},
	'U': {Verdict: smtp.NoVerdict, Phase: smtp.Connect, Err: errors.New("network is unreachable")},
}

// table makes facts: a word for each sender holds a letter for each host; "/" is between recipients a, b, c and the control x.
func table(text string) facts {
	f := facts{senders: strings.Split("|s@n|t@n", "|"), control: map[string]bool{"x@e": true}}
	words := strings.Fields(text)
	f.senders = f.senders[:len(words)]
	for i := range len(strings.Split(words[0], "/")[0]) {
		name := fmt.Sprintf("mx%d", i+1)
		f.targets = append(f.targets, &target{label: name, name: name, host: name, addr: netip.MustParseAddrPort("127.0.0.1:25")})
		t := f.targets[i]
		t.dialogue.Time = time.Duration(i+1) * 10 * time.Millisecond
		for _, word := range words {
			t.recipients = nil
			var row []smtp.Answer
			for j, cell := range strings.Split(word, "/") {
				t.recipients = append(t.recipients, []string{"a@e", "b@e", "c@e", "x@e"}[j])
				row = append(row, answers[cell[i]])
			}
			t.dialogue.Answers = append(t.dialogue.Answers, row)
		}
		t.dialogue.Unroutable = words[0][i] == 'U'
	}
	return f
}

func TestJudge(t *testing.T) {
	said := map[string]string{}
	for _, c := range []struct {
		table string
		state nagios.State
		want  string
	}{
		{"A", nagios.OK, "mx1 accepts a@e in 10 ms"},
		{"AA", nagios.OK, "both hosts accept a@e, slowest mx2 in 20 ms"},
		{"AAA/AAA", nagios.OK, "all 3 hosts accept a@e and b@e, slowest mx3 in 30 ms"},
		{"AA/AA/AA/RR", nagios.OK, "both hosts accept a@e, b@e and c@e and refuse x@e, slowest mx2 in 20 ms"},
		{"AA/AA/AA/DF", nagios.OK, "both hosts accept a@e, b@e and c@e and refuse x@e, slowest mx2 in 20 ms"},
		{"R", nagios.Critical, "mx1 rejects a@e (550 no)"},
		{"RR", nagios.Critical, "both hosts reject a@e (550 no)"},
		{"Rr", nagios.Critical, "mx1 rejects a@e (550 no), mx2 rejects it (550 unknown)"},
		{"RD", nagios.Critical, "mx1 rejects a@e (550 no), mx2 defers it (451 later)"},
		{"AR", nagios.Critical, "MX hosts disagree on a@e: mx2 rejects it (550 no), mx1 accepts it"},
		{"AaR/AAA/AAA/RRR", nagios.Critical, "MX hosts disagree on a@e: mx3 rejects it (550 no), mx1 and mx2 accept it"},
		{"AR/aR", nagios.Critical, "MX hosts disagree on a@e and b@e: mx2 rejects them (550 no), mx1 accepts them"},
		{"ARD", nagios.Critical, "MX hosts disagree on a@e: mx2 rejects it (550 no), mx3 defers it (451 later), mx1 accepts it"},
		{"ARN", nagios.Critical, "MX hosts disagree on a@e: mx2 rejects it (550 no), mx1 accepts it; mx3 gives no verdict on a@e (connection refused)"},
		{"AAAAR", nagios.Critical, "MX hosts disagree on a@e: mx5 rejects it (550 no), mx1, mx2 and 2 more accept it"},
		{"AR/RR", nagios.Critical, "MX hosts disagree on a@e: mx2 rejects it (550 no), mx1 accepts it; both hosts reject b@e (550 no)"},
		{"AR/Ar", nagios.Critical, "MX hosts disagree on a@e and 1 more: mx2 rejects it (550 no), mx1 accepts it"},
		{"AA/AR AA/AA", nagios.Critical, "MX hosts disagree on b@e from the null sender: mx2 rejects it (550 no), mx1 accepts it"},
		{"AA/AR AA/AR", nagios.Critical, "MX hosts disagree on b@e: mx2 rejects it (550 no), mx1 accepts it"},
		{"AA RR", nagios.Critical, "both hosts reject a@e from s@n (550 no)"},
		{"RA/AA/AA/AR", nagios.Critical, "MX hosts disagree on a@e: mx1 rejects it (550 no), mx2 accepts it; mx1 accepts x@e, which must be refused: acceptance proves nothing"},
		{"AA/AA/AA/AA", nagios.Warning, "both hosts accept x@e, which must be refused: acceptance proves nothing"},
		{"AA/AA/AA/Aa", nagios.Warning, "both hosts accept x@e, which must be refused: acceptance proves nothing"},
		{"AD", nagios.Warning, "mx2 defers a@e (451 later), mx1 accepts it"},
		{"DD/AA", nagios.Warning, "both hosts defer a@e (451 later)"},
		{"FF", nagios.Unknown, "both hosts refuse the sender for a@e (MAIL: 550 not you)"},
		{"AF", nagios.Unknown, "mx2 refuses the sender for a@e (MAIL: 550 not you)"},
		{"AD/AF", nagios.Unknown, "mx2 refuses the sender for b@e (MAIL: 550 not you); mx2 defers a@e (451 later), mx1 accepts it"},
		{"AN", nagios.Warning, "mx2 gives no verdict on a@e (connection refused)"},
		{"NN", nagios.Critical, "both hosts give no verdict on a@e (connection refused)"},
		{"AA/AT", nagios.Warning, "mx2 gives no verdict on b@e (RCPT: no answer)"},
		{"AU", nagios.OK, "mx1 accepts a@e in 10 ms"},
		{"RU", nagios.Critical, "mx1 rejects a@e (550 no)"},
		{"UU", nagios.Unknown, "this host has no route to mx1 and mx2 (network is unreachable)"},
	} {
		o := options{DeferredState: nagios.Warning, UnreachableState: nagios.Warning}
		r := judge(o, table(c.table))
		said[c.table] = shown(r)
		if r.State != c.state || r.Summary != c.want {
			t.Errorf("judge(%s) = %v %s\nwant %v %s", c.table, r.State, r.Summary, c.state, c.want)
		}
	}
	document.KeepRows(t, page, "judge", said)
}

// A state that an option lowers is still said: the summary never claims what was not answered.
func TestJudgeOK(t *testing.T) {
	o := options{DeferredState: nagios.OK, UnreachableState: nagios.OK}
	for table_, want := range map[string]string{"AD": "mx2 defers a@e (451 later), mx1 accepts it", "AN": "mx2 gives no verdict on a@e (connection refused)"} {
		if r := judge(o, table(table_)); r.State != nagios.OK || r.Summary != want {
			t.Errorf("judge(%s) = %v %s; want OK %s", table_, r.State, r.Summary, want)
		}
	}
}

func TestJudgeDomains(t *testing.T) {
	f := table("A")
	f.domains = []mx.Domain{{Name: "e"}, {Name: "n", Problem: "has a null MX: it takes no mail"}}
	r := judge(options{}, f)
	if want := "n has a null MX: it takes no mail"; r.State != nagios.Critical || r.Summary != want {
		t.Errorf("judge = %v %s; want %s", r.State, r.Summary, want)
	}
}

// No name server answered: nobody looked.
func TestJudgeSilent(t *testing.T) {
	f := facts{domains: []mx.Domain{{Name: "e", Problem: "has unknown MX hosts: no answer", Silent: true}}}
	if r := judge(options{}, f); r.State != nagios.Unknown || r.Summary != "e has unknown MX hosts: no answer" {
		t.Errorf("judge = %v %s", r.State, r.Summary)
	}
}

// Every table of up to two hosts, two recipients and a control gives a result with a summary; a rejection is never less than critical.
func TestJudgeAll(t *testing.T) {
	const letters = "ARDFNTU"
	var cells []string
	for _, a := range letters {
		for _, b := range letters {
			cells = append(cells, string(a)+string(b))
		}
	}
	for _, a := range cells {
		for _, b := range cells {
			text := a + "/" + b + " " + b + "/" + a
			r := judge(options{UnreachableState: nagios.Warning, DeferredState: nagios.Warning}, table(text))
			if r.Summary == "" || len(r.Objects) != 2 {
				t.Fatalf("judge(%s) = %+v", text, r)
			}
			seen := text
			for i := range 2 {
				if a[i] == 'U' {
					seen = strings.NewReplacer(a, a[1-i:2-i], b, b[1-i:2-i]).Replace(seen)
				}
			}
			if strings.Contains(seen, "R") && a != "UU" && r.State != nagios.Critical {
				t.Fatalf("judge(%s) = %v %s", text, r.State, r.Summary)
			}
		}
	}
}

// Up to eight named hosts have a time of their own, that of the slowest address.
func TestJudgeTimes(t *testing.T) {
	for hosts, want := range map[int]int{8: 7, 9: 0} {
		f, o := table(strings.Repeat("A", hosts)), options{Hostname: make([]host, hosts)}
		f.targets[1].name = "mx1" // its second address: 20 ms
		times := 0
		for _, p := range judge(o, f).Totals {
			if strings.HasSuffix(p.Label, "_time") {
				times++
			}
			if p.Label == "mx1_time" && p.Value != 0.02 {
				t.Errorf("mx1_time = %v; want 0.02", p.Value)
			}
		}
		if times != want {
			t.Errorf("%d hosts have %d times; want %d", hosts, times, want)
		}
	}
}

// A long reply is cut at a letter, one that fits is whole.
func TestReason(t *testing.T) {
	for _, n := range []int{reasonRunes - len("550 "), reasonRunes} {
		text := strings.Repeat("ü", n)
		got := reason(&smtp.Answer{Phase: smtp.Rcpt, Reply: &smtp.Reply{Code: 550, Lines: []string{text}}})
		want := "550 " + text
		if n == reasonRunes {
			want = "550 " + strings.Repeat("ü", reasonRunes-len("550 ")) + "..."
		}
		if got != want {
			t.Errorf("reason = %s; want %s", got, want)
		}
	}
}
