package main

import (
	"context"
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
	'A': {Verdict: smtp.Accepted, Phase: smtp.Rcpt, Reply: &smtp.Reply{Code: 250, Text: "ok"}},
	'a': {Verdict: smtp.Accepted, Phase: smtp.Rcpt, Reply: &smtp.Reply{Code: 251,
		Text: "forwarded"}},
	'R': {Verdict: smtp.Rejected, Phase: smtp.Rcpt, Reply: &smtp.Reply{Code: 550, Text: "no"}},
	'r': {Verdict: smtp.Rejected, Phase: smtp.Rcpt, Reply: &smtp.Reply{Code: 550, Text: "unknown"}},
	'D': {Verdict: smtp.Deferred, Phase: smtp.Rcpt, Reply: &smtp.Reply{Code: 451, Text: "later"}},
	'F': {Verdict: smtp.ProbeRefused, Phase: smtp.Mail,
		Reply: &smtp.Reply{Code: 550, Text: "not you"}},
	'N': {Verdict: smtp.NoAnswer, Phase: smtp.Connect, Err: errors.New("connection refused")},
	'T': {Verdict: smtp.NoAnswer, Phase: smtp.Rcpt, Err: errors.New("no answer")},
	'U': {Verdict: smtp.NoAnswer, Phase: smtp.Connect, Err: errors.New("network is unreachable")},
}

// table makes facts: a word for each sender holds a letter for each host; "/" is between recipients
// a, b, c and the control x.
func table(text string) facts {
	f := facts{plan: plan{senders: strings.Split("|s@n|t@n", "|"), routes: [][]int{nil}}}
	words := strings.Fields(text)
	f.plan.senders = f.plan.senders[:len(words)]
	cells := strings.Split(words[0], "/")
	f.plan.wanted.recipients = []string{"a@e", "b@e", "c@e"}[:min(3, len(cells))]
	f.plan.control.recipients = []string{"x@e"}[:max(0, len(cells)-3)]
	f.plan.wanted.route, f.plan.control.route = make([]int, len(cells)), make([]int, 1)
	for i := range len(cells[0]) {
		name := fmt.Sprintf("mx%d", i+1)
		f.plan.routes[0] = append(f.plan.routes[0], i)
		f.plan.targets = append(f.plan.targets, target{label: name, name: name, host: name,
			addr: netip.MustParseAddrPort("127.0.0.1:25")})
		d := smtp.Dialogue{Time: time.Duration(i+1) * 10 * time.Millisecond,
			Unroutable: words[0][i] == 'U'}
		for _, word := range words {
			var row []smtp.Answer
			for _, cell := range strings.Split(word, "/") {
				row = append(row, answers[cell[i]])
			}
			n := min(3, len(row))
			d.Answers, d.Controls = append(d.Answers, row[:n]), append(d.Controls, row[n:])
		}
		f.heard = append(f.heard, heard{dialogue: d})
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
		{"AaR/AAA/AAA/RRR", nagios.Critical,
			"MX hosts disagree on a@e: mx3 rejects it (550 no), mx1 and mx2 accept it"},
		{"AR/aR", nagios.Critical, "MX hosts disagree on a@e and b@e: mx2 rejects them (550 no), mx1 accepts them"},
		{"ARD", nagios.Critical, "MX hosts disagree on a@e: mx2 rejects it (550 no), mx3 defers it (451 later), mx1 accepts it"},
		{"ARN", nagios.Critical, "MX hosts disagree on a@e: mx2 rejects it (550 no), mx1 accepts it; mx3 gives no answer for a@e (connection refused)"},
		{"AAAAR", nagios.Critical, "MX hosts disagree on a@e: mx5 rejects it (550 no), mx1, mx2 and 2 more accept it"},
		{"AR/RR", nagios.Critical, "MX hosts disagree on a@e: mx2 rejects it (550 no), mx1 accepts it; both hosts reject b@e (550 no)"},
		{"AR/Ar", nagios.Critical, "MX hosts disagree on a@e and 1 more: mx2 rejects it (550 no), mx1 accepts it"},
		{"AA/AR AA/AA", nagios.Critical,
			"MX hosts disagree on b@e from the null sender: mx2 rejects it (550 no), mx1 accepts it"},
		{"AA/AR AA/AR", nagios.Critical,
			"MX hosts disagree on b@e: mx2 rejects it (550 no), mx1 accepts it"},
		{"AA RR", nagios.Critical, "both hosts reject a@e from s@n (550 no)"},
		{"AR/AR/AR/RR", nagios.Critical,
			"MX hosts disagree on a@e, b@e and c@e: mx2 rejects them (550 no; the same reply as to the control x@e: the probe itself may be refused), mx1 accepts them"},
		{"AR/AR/AR/Rr", nagios.Critical,
			"MX hosts disagree on a@e, b@e and c@e: mx2 rejects them (550 no), mx1 accepts them"},
		{"A/A/A/N", nagios.Warning,
			"mx1 gives no answer for x@e (connection refused); it may have banned this monitor for its controls, as fail2ban does"},
		{"AN/AN/AN/RN", nagios.Warning,
			"mx2 gives no answer for a@e, b@e, c@e and 1 more (connection refused); it may have banned this monitor for its controls, as fail2ban does"},
		{"RA/AA/AA/AR", nagios.Critical,
			"MX hosts disagree on a@e: mx1 rejects it (550 no), mx2 accepts it; mx1 accepts x@e, which must be refused: acceptance proves nothing"},
		{"AA/AA/AA/AA", nagios.Warning,
			"both hosts accept x@e, which must be refused: acceptance proves nothing"},
		{"AA/AA/AA/Aa", nagios.Warning,
			"both hosts accept x@e, which must be refused: acceptance proves nothing"},
		{"AD", nagios.Warning, "mx2 defers a@e (451 later), mx1 accepts it"},
		{"DD/AA", nagios.Warning, "both hosts defer a@e (451 later)"},
		{"FF", nagios.Unknown, "both hosts refuse the sender for a@e (MAIL: 550 not you): allow this sender there, or give another --from"},
		{"AF", nagios.Unknown, "mx2 refuses the sender for a@e (MAIL: 550 not you): allow this sender there, or give another --from"},
		{"AD/AF", nagios.Unknown, "mx2 refuses the sender for b@e (MAIL: 550 not you): allow this sender there, or give another --from; mx2 defers a@e (451 later), mx1 accepts it"},
		{"AN", nagios.Warning, "mx2 gives no answer for a@e (connection refused)"},
		{"NN", nagios.Critical, "both hosts give no answer for a@e (connection refused)"},
		{"AA/AT", nagios.Warning, "mx2 gives no answer for b@e (RCPT: no answer)"},
		{"AU", nagios.OK, "mx1 accepts a@e in 10 ms"},
		{"RU", nagios.Critical, "mx1 rejects a@e (550 no)"},
		{"UU", nagios.Unknown, "this host has no route to mx1 and mx2 (network is unreachable)"},
	} {
		o := options{DeferredState: nagios.Warning, NoAnswerState: nagios.Warning,
			ProbeRefusedState: nagios.Unknown}
		r := judge(o, table(c.table))
		said[c.table] = shown(r)
		if r.State != c.state || r.Summary != c.want {
			t.Errorf("judge(%s) = %v %s\nwant %v %s", c.table, r.State, r.Summary, c.state, c.want)
		}
	}
	document.CompareRows(t, page, "judge", said)
}

// A state that an option lowers is still said: the summary never claims what was not answered.
func TestJudgeOK(t *testing.T) {
	o := options{DeferredState: nagios.OK, NoAnswerState: nagios.OK}
	for table_, want := range map[string]string{
		"AD": "mx2 defers a@e (451 later), mx1 accepts it",
		"AN": "mx2 gives no answer for a@e (connection refused)"} {
		if r := judge(o, table(table_)); r.State != nagios.OK || r.Summary != want {
			t.Errorf("judge(%s) = %v %s; want OK %s", table_, r.State, r.Summary, want)
		}
	}
}

func TestJudgeDomains(t *testing.T) {
	f := table("A")
	f.plan.domains = []mx.Domain{{Name: "e"}, {Name: "n",
		Problem: "has a null MX: it takes no mail"}}
	r := judge(options{}, f)
	if want := "n has a null MX: it takes no mail"; r.State != nagios.Critical ||
		r.Summary != want {
		t.Errorf("judge = %v %s; want %s", r.State, r.Summary, want)
	}
}

// No name server answered: nobody looked.
func TestJudgeSilent(t *testing.T) {
	f := facts{plan: plan{domains: []mx.Domain{{Name: "e",
		Problem: "has unknown MX hosts: no answer", NoAnswer: true}}}}
	if r := judge(options{}, f); r.State != nagios.Unknown ||
		r.Summary != "e has unknown MX hosts: no answer" {
		t.Errorf("judge = %v %s", r.State, r.Summary)
	}
}

// An internal error over the DNS answer of one domain is that domain's: the other one is judged.
func TestJudgeBug(t *testing.T) {
	for letters, want := range map[string]string{
		"A": "UNKNOWN: bad internal error; 1 accepted",
		"R": "CRITICAL: mx1 rejects a@e (550 no); bad internal error; 0 accepted",
	} {
		f := table(letters)
		bad := unknownDomain("bad", errors.New("internal error"))
		f.plan.domains = []mx.Domain{bad, {Name: "e"}}
		r := judge(options{}, f)
		got := fmt.Sprintf("%v: %s; %v accepted", r.State, r.Summary,
			tallied(f).count[smtp.Accepted])
		if r.Objects[0].State != nagios.Unknown || r.Objects[1].State != nagios.OK {
			t.Errorf("objects %v, %v", r.Objects[0].State, r.Objects[1].State)
		}
		if got != want {
			t.Errorf("judge(%s) = %s; want %s", letters, got, want)
		}
	}
}

// Every table of up to two hosts, two recipients and a control gives a result with a summary; a
// rejection is never less than critical.
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
			r := judge(options{NoAnswerState: nagios.Warning, ProbeRefusedState: nagios.Unknown,
				DeferredState: nagios.Warning}, table(text))
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

// A control may have hosts of its own, which are asked for no wanted recipient. A refusal there was
// CRITICAL without a word, a host without a route an internal error.
func TestJudgeControlElsewhere(t *testing.T) {
	for letter, want := range map[string]string{
		"R": "OK: each host accepts its recipients (a@e) and refuses its controls (x@far), slowest mx1 in 10 ms; [rejected (550 no), in 10 ms]",
		"A": "WARNING: far accepts x@far, which must be refused: acceptance proves nothing; [accepted (250 ok), in 10 ms]",
		"N": "CRITICAL: far gives no answer for x@far (connection refused); it may have banned this monitor for its controls, as fail2ban does; [no answer (connection refused), in 10 ms]",
		"U": "UNKNOWN: this host has no route to far (network is unreachable); [not asked] no route from here: network is unreachable",
	} {
		f, far := table("A"), table(letter)
		f.plan.control = questions{[]string{"x@far"}, []int{1}}
		f.plan.routes = append(f.plan.routes, []int{1})
		f.plan.targets = append(f.plan.targets, far.plan.targets[0])
		f.plan.targets[1].label, f.plan.targets[1].name = "far", "far"
		d := far.heard[0].dialogue
		d.Answers, d.Controls = [][]smtp.Answer{nil}, d.Answers
		f.heard = append(f.heard, heard{dialogue: d})
		r := judge(options{NoAnswerState: nagios.Warning}, f)
		object := r.Objects[1]
		text := strings.TrimPrefix(object.Text, "x@far from the null sender: ")
		got := strings.TrimSpace(fmt.Sprintf("%v: %s; [%s] %s", r.State, r.Summary, text,
			strings.Join(object.Notes, "")))
		if got != want {
			t.Errorf("judge(%s) = %s\nwant %s", letter, got, want)
		}
	}
}

// What only hosts of another domain say is not said of the first host.
func TestJudgeElsewhere(t *testing.T) {
	for letters, want := range map[string]string{
		"RR": "CRITICAL: mx1 rejects a@e (550 no), and other hosts reject 1 more",
		"Rr": "CRITICAL: mx1 rejects a@e (550 no), and other hosts reject 1 more",
		"DD": "WARNING: mx1 defers a@e (451 later), and other hosts defer 1 more",
		"NN": "CRITICAL: mx1 gives no answer for a@e (connection refused), and other hosts give no answer for 1 more",
		"FF": "UNKNOWN: mx1 refuses the sender for a@e (MAIL: 550 not you), and other hosts refuse the probe for 1 more: allow this sender there, or give another --from",
	} {
		f, far := table(letters[:1]), table(letters[1:])
		f.plan.wanted = questions{[]string{"a@e", "b@far"}, []int{0, 1}}
		f.plan.routes = append(f.plan.routes, []int{1})
		f.plan.targets = append(f.plan.targets, far.plan.targets[0])
		f.plan.targets[1].label, f.plan.targets[1].name = "far", "far"
		f.heard = append(f.heard, far.heard[0])
		r := judge(options{NoAnswerState: nagios.Warning, DeferredState: nagios.Warning,
			ProbeRefusedState: nagios.Unknown}, f)
		if got := fmt.Sprintf("%v: %s", r.State, r.Summary); got != want {
			t.Errorf("judge(%s) = %s\nwant %s", letters, got, want)
		}
	}
}

// A host that was not asked because the time was up has not banned anybody.
func TestJudgeNotAsked(t *testing.T) {
	f := table("A/A/A/N")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	late := &smtp.Probe{Addr: f.plan.targets[0].addr, Senders: []string{""},
		Controls: f.plan.control.recipients}
	f.heard[0].dialogue.Controls = late.Run(ctx).Controls
	r := judge(options{NoAnswerState: nagios.Warning}, f)
	if want := "mx1 gives no answer for x@e (not asked: the time was up)"; r.Summary != want {
		t.Errorf("judge = %s; want %s", r.Summary, want)
	}
}

// Up to eight named hosts have a time of their own, that of the slowest address.
func TestJudgeTimes(t *testing.T) {
	for hosts, want := range map[int]int{8: 7, 9: 0} {
		f, o := table(strings.Repeat("A", hosts)), options{Hostname: make([]host, hosts)}
		f.plan.targets[1].name = "mx1" // its second address: 20 ms
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
		got := reason(&smtp.Answer{Phase: smtp.Rcpt, Reply: &smtp.Reply{Code: 550, Text: text}}, "")
		want := "550 " + text
		if n == reasonRunes {
			want = "550 " + strings.Repeat("ü", reasonRunes-len("550 ")) + "..."
		}
		if got != want {
			t.Errorf("reason = %s; want %s", got, want)
		}
	}
}
