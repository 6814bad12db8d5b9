package main

import (
	"iter"
	"slices"

	"mailfresh/internal/nagios"
	"mailfresh/internal/smtp"
)

// row is one recipient from one sender, and the answers of its targets.
type row struct {
	number  int // see facts.subject
	subject subject
	control bool
	reached bool // a target of the recipient gave an answer to something; see rows
	votes   []vote
}

// subject names a row.
type subject struct{ recipient, sender string }

type vote struct {
	target int
	answer *smtp.Answer
}

func (r row) has(v smtp.Verdict) bool {
	return slices.ContainsFunc(r.votes, func(x vote) bool { return x.answer.Verdict == v })
}

// rows returns all rows. The votes of a row are valid until the next row. A control is reached also
// if a target gave an answer about any control: its targets may be asked for controls only.
func (f facts) rows() iter.Seq[row] {
	spoke, atAll := make([]bool, len(f.heard)), make([]bool, len(f.heard))
	for i, h := range f.heard {
		spoke[i] = h.spoke()
		atAll[i] = spoke[i] || has(h.dialogue.Controls, answered)
	}
	return func(yield func(row) bool) {
		for s := range f.plan.senders {
			_ = f.ofSender(s, false, spoke, yield) && f.ofSender(s, true, atAll, yield)
		}
	}
}

// subject returns the subject of the row with a number: a list of numbers takes little memory.
func (f facts) subject(number int) subject {
	wanted, control := f.plan.wanted.recipients, f.plan.control.recipients
	sender := f.plan.senders[number/(len(wanted)+len(control))]
	number %= len(wanted) + len(control)
	if number < len(wanted) {
		return subject{wanted[number], sender}
	}
	return subject{control[number-len(wanted)], sender}
}

// ofSender yields the rows of a sender. The answers of a target are in the order of the recipients
// that the target was asked for.
func (f facts) ofSender(s int, control bool, spoke []bool, yield func(row) bool) bool {
	next := make([]int, len(f.plan.targets))
	q, number := f.plan.wanted, s*(len(f.plan.wanted.recipients)+len(f.plan.control.recipients))
	if control {
		q, number = f.plan.control, number+len(q.recipients)
	}
	var votes []vote
	for i, addr := range q.recipients {
		r := row{number: number + i, subject: subject{addr, f.plan.senders[s]}, control: control,
			votes: votes[:0]}
		for _, t := range f.plan.routes[q.route[i]] {
			h := &f.heard[t]
			if h.left() {
				continue
			}
			answers := h.dialogue.Answers
			if control {
				answers = h.dialogue.Controls
			}
			r.votes = append(r.votes, vote{t, &answers[s][next[t]]})
			r.reached = r.reached || spoke[t]
			next[t]++
		}
		votes = r.votes
		if len(votes) > 0 && !yield(r) {
			return false
		}
	}
	return true
}

// class is what answers have in common. One clause reports a class, for all hosts that gave it.
type class struct {
	verdict  smtp.Verdict
	phase    smtp.Phase
	code     int
	enhanced string
	text     string // the template of the reply
	why      string // the error of an answer without a reply

	sender     bool   // the reply names the sender
	control    string // the control that had the same answer
	banned     bool   // a ban would look the same
	postmaster bool   // the host accepts nobody but <postmaster>
}

// classify returns the class of an answer. All answers that accept are one class.
func classify(a *smtp.Answer) class {
	c := class{verdict: a.Verdict}
	if a.Verdict == smtp.Accepted {
		return c
	}
	c.phase, c.postmaster = a.Phase, a.PostmasterOnly
	if a.Reply != nil {
		c.code, c.enhanced = a.Reply.Code, a.Reply.Enhanced
		c.text = a.Reply.Template()
	}
	if a.Err != nil {
		c.why = a.Err.Error()
	}
	return c
}

// controlClasses returns, for each target, the classes of its replies about controls, each with the
// control. A target that accepts a wanted recipient has no class: it does not refuse the probe.
func (f facts) controlClasses() []map[class]string {
	all := make([]map[class]string, len(f.plan.targets))
	if len(f.plan.control.recipients) == 0 {
		return all
	}
	for i, h := range f.heard {
		if !has(h.dialogue.Answers, accepted) {
			all[i] = map[class]string{}
		}
	}
	for r := range f.rows() {
		for _, v := range r.votes {
			if classes := all[v.target]; classes != nil && r.control && v.answer.Reply != nil {
				classes[classify(v.answer)] = r.subject.recipient
			}
		}
	}
	return all
}

// kind is a kind of row that alerts.
type kind int

const (
	disagree kind = iota
	rejected
	controlAccepted
	deferred
	refused
	unreached // no host of the recipient gave any answer
	missing
	kinds
)

// kindsOf returns the kinds of a row. A control that is deferred or refused does not alert, because
// no control should be accepted.
func kindsOf(r row) (list []kind) {
	switch {
	case r.control && r.has(smtp.Accepted):
		list = append(list, controlAccepted)
	case r.control:
	case r.has(smtp.Accepted) && r.has(smtp.Rejected):
		list = append(list, disagree)
	case r.has(smtp.Rejected):
		list = append(list, rejected)
	case r.has(smtp.Deferred):
		list = append(list, deferred)
	}
	if r.has(smtp.ProbeRefused) && !r.control {
		list = append(list, refused)
	}
	if !r.reached {
		list = append(list, unreached)
	} else if r.has(smtp.NoAnswer) {
		list = append(list, missing)
	}
	return list
}

// group is the rows of a kind: the first row, the numbers of the rows with the same answers, and
// how many other rows there are.
type group struct {
	votes     []vote
	classes   []class
	alike     []int
	others    int // a host has the leading verdict here and in the first row
	elsewhere int // only other hosts have it
}

// counts says how many answers had each verdict.
type counts [len(smtp.Verdicts)]int

// tally is all rows by kind, and how often wanted recipients had each verdict.
type tally struct {
	groups [kinds]group
	count  counts
}

func tallied(f facts) tally {
	var t tally
	controls := f.controlClasses()
	for r := range f.rows() {
		for _, v := range r.votes {
			if !r.control {
				t.count[v.answer.Verdict]++
			}
		}
		for _, k := range kindsOf(r) {
			if k == unreached && r.control && t.groups[k].alike != nil {
				continue // the sentence about wanted recipients says so
			}
			t.groups[k].add(f, r, said[k].verdicts, controls)
		}
	}
	return t
}

func (g *group) add(f facts, r row, verdicts []smtp.Verdict, controls []map[class]string) {
	classes := make([]class, len(r.votes))
	for i, v := range r.votes {
		if !slices.Contains(verdicts, v.answer.Verdict) {
			continue
		}
		classes[i] = classify(v.answer)
		classes[i].banned = f.plan.targets[v.target].mayBan(v.answer)
		classes[i].sender = v.answer.Reply != nil && v.answer.Reply.NamesSender(r.subject.sender)
		if !r.control && v.answer.Verdict == smtp.Rejected {
			classes[i].control = controls[v.target][classes[i]]
		}
	}
	same := func(a, b vote) bool { return a.target == b.target }
	switch {
	case g.alike == nil:
		g.votes, g.classes, g.alike = slices.Clone(r.votes), classes, []int{r.number}
	case slices.Equal(classes, g.classes) && slices.EqualFunc(r.votes, g.votes, same):
		g.alike = append(g.alike, r.number)
	case g.shares(r, verdicts[0]):
		g.others++
	default:
		g.elsewhere++
	}
}

// shares reports whether a host has the verdict in the first row of the group and in row r. Votes
// are in the order of their targets.
func (g *group) shares(r row, verdict smtp.Verdict) bool {
	first := g.votes
	for _, v := range r.votes {
		for len(first) > 0 && first[0].target < v.target {
			first = first[1:]
		}
		if len(first) > 0 && first[0].target == v.target && v.answer.Verdict == verdict &&
			first[0].answer.Verdict == verdict {
			return true
		}
	}
	return false
}

// totals returns the quantities of the whole: the slowest host's time, addresses, answers by
// verdict (no controls), the certificate that expires first, and the time of named hosts.
func (t tally) totals(o options, f facts) (list []nagios.Quantity) {
	if at := slowest(f); at >= 0 {
		list = append(list, nagios.Quantity{Label: "time",
			Value: f.heard[at].dialogue.Time.Seconds(), Unit: nagios.Seconds,
			Warning: o.Warning.Range, Critical: o.Critical.Range})
	}
	list = append(list, nagios.Quantity{Label: "hosts", Metric: "addresses",
		Value: float64(len(f.judged()))})
	for _, v := range smtp.Verdicts {
		list = append(list, nagios.Quantity{Label: nagios.Label(v.String()),
			Value: float64(t.count[v])})
	}
	g := t.groups[disagree]
	list = append(list, nagios.Quantity{Metric: "disagreeing_recipients",
		Value: float64(len(g.alike) + g.others + g.elsewhere)})
	if left, ok := firstExpiry(f); ok {
		list = append(list, nagios.Quantity{Label: "certificate", Value: left,
			Unit: nagios.Seconds, Signed: true,
			Warning: o.CertificateWarning.Range, Critical: o.CertificateCritical.Range})
	}
	return append(list, namedHostTimes(o, f)...)
}

// firstExpiry returns the number of seconds until the first certificate expires.
func firstExpiry(f facts) (seconds float64, ok bool) {
	for _, h := range f.heard {
		if at := h.dialogue.Expires; !at.IsZero() {
			if left := at.Sub(f.now).Seconds(); !ok || left < seconds {
				seconds, ok = left, true
			}
		}
	}
	return float64(int64(seconds)), ok
}

// namedHostTimes returns the time of each host that the operator named, if these are few. The time
// of a host is that of its slowest address.
func namedHostTimes(o options, f facts) (list []nagios.Quantity) {
	if len(o.Hostname) == 0 || len(o.Hostname) > namedTimes {
		return nil
	}
	at := map[string]int{}
	for i, h := range f.heard {
		name := f.plan.targets[i].name
		if !h.spoke() {
			continue
		}
		n, ok := at[name]
		if !ok {
			n = len(list)
			at[name] = n
			list = append(list, nagios.Quantity{Label: nagios.Label(name, "time"),
				Unit: nagios.Seconds})
		}
		list[n].Value = max(list[n].Value, h.dialogue.Time.Seconds())
	}
	return list
}
