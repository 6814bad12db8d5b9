package main

import (
	"fmt"
	"slices"
	"strings"

	"mailfresh/internal/mx"
	"mailfresh/internal/nagios"
	"mailfresh/internal/smtp"
)

// objects returns the objects of the alias file, the domains, and each target.
func objects(o options, f facts) (list []nagios.Object) {
	if f.plan.keys.total > 0 {
		list = append(list, file(o, f.plan.keys))
	}
	for _, d := range f.plan.domains {
		list = append(list, domain(d))
	}
	answers := make([]lines, len(f.plan.targets))
	for r := range f.rows() {
		for _, v := range r.votes {
			answers[v.target].add(o, r, v.answer)
		}
	}
	for i, t := range f.plan.targets {
		list = append(list, object(t, f.heard[i], answers[i]))
	}
	return list
}

// file returns the object of the alias file, with the keys that are not asked for.
func file(o options, k keys) nagios.Object {
	object := nagios.Object{Name: o.RecipientsFrom, Text: nagios.Count(k.total, "key", "keys")}
	if n := len(k.skipped); n > 0 {
		note := fmt.Sprintf("%d not asked for: %s", n, nagios.List(k.skipped, 5, n))
		if o.Domain == "" {
			note += "; --domain completes local ones"
		}
		object.Notes = append(object.Notes, note)
	}
	if k.runs > 0 {
		object.Notes = append(object.Notes,
			fmt.Sprintf("--sample: %d asked for in this run, all of them in %s; an hour covers %s with a run a minute, %s with one every 5 minutes",
				k.asked, nagios.Count(k.runs, "run", "runs"), k.covers(1), k.covers(5)))
	}
	return object
}

func domain(d mx.Domain) nagios.Object {
	object := nagios.Object{Name: d.Name, Text: "MX", State: domainState(d), Unseen: d.NoAnswer}
	if d.Implicit {
		object.Text = "implicit MX"
	}
	if object.State != nagios.OK {
		object.Text = d.Problem
	}
	for _, h := range d.Hosts {
		object.Detail = append(object.Detail, fmt.Sprintf("%d %s", h.Preference, h.Name))
	}
	return object
}

// domainState returns unknown if no name server answered.
func domainState(d mx.Domain) nagios.State {
	switch {
	case d.Problem == "":
		return nagios.OK
	case d.NoAnswer:
		return nagios.Unknown
	}
	return nagios.Critical
}

// object returns the object of a target. The text is the only answer or counts the answers; the
// answers that alert stand below.
func object(t target, h heard, l lines) nagios.Object {
	object := nagios.Object{State: l.state, Name: t.label, Notes: slices.Clone(t.notes),
		Detail: h.dialogue.Record}
	switch {
	case h.bug != nil:
		object.State, object.Text, object.Unseen = nagios.Unknown, h.bug.Error(), true
		return object
	case h.dialogue.Unroutable:
		object.Text, object.Unseen = "not asked", true
		object.Notes = append(object.Notes, "no route from here: "+h.noRoute().Error())
		return object
	}
	object.Text = l.text()
	if l.asked > 1 {
		object.Notes = append(object.Notes, l.alerts...)
	}
	if l.further > 0 {
		object.Notes = append(object.Notes, fmt.Sprintf("... %d more", l.further))
	}
	if h.dialogue.TLSFailed != nil {
		object.Notes = append(object.Notes,
			"asked in plain text, as TLS failed: "+h.dialogue.TLSFailed.Error())
	}
	if t.addr.Addr().IsValid() {
		object.Text += ", in " + nagios.Span(h.dialogue.Time)
	}
	object.Labels, object.Quantities = samples(t, h, l.wanted)
	return object
}

// lines are the answers of a target, collected for its object.
type lines struct {
	state   nagios.State
	count   counts
	wanted  counts // without the answers about controls
	asked   int    // all answers
	subject subject
	answer  *smtp.Answer // the last one, about the subject
	alerts  []string
	further int // alerts beyond listLimit
}

// add adds the answer of a target to a row.
func (l *lines) add(o options, r row, a *smtp.Answer) {
	state := o.state(a.Verdict, r.control, r.reached)
	l.state = nagios.Worst(l.state, state)
	l.count[a.Verdict]++
	if !r.control {
		l.wanted[a.Verdict]++
	}
	l.asked++
	l.subject, l.answer = r.subject, a
	switch {
	case state == nagios.OK:
	case len(l.alerts) == listLimit:
		l.further++
	default:
		l.alerts = append(l.alerts, line(r.subject, a))
	}
}

func line(s subject, a *smtp.Answer) string {
	return fmt.Sprintf("%s from %s: %s (%s)", s.recipient, senderName(s.sender), a.Verdict,
		reason(a, s.recipient))
}

// text is the only answer, or counts the answers.
func (l lines) text() string {
	if l.asked == 1 {
		return line(l.subject, l.answer)
	}
	var parts []string
	for _, v := range smtp.Verdicts {
		if n := l.count[v]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, v))
		}
	}
	return strings.Join(parts, ", ")
}
