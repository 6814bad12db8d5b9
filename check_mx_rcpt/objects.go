package main

import (
	"fmt"
	"slices"

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
	reached := f.reached()
	lists, controls := f.plan.byTarget(f.plan.wanted), f.plan.byTarget(f.plan.control)
	for i, t := range f.plan.targets {
		list = append(list, f.object(o, i, t, lists[i], controls[i], reached))
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

// reached returns, with the value false, each recipient whose hosts gave no answer to anything.
func (f facts) reached() map[string]bool {
	reached := map[string]bool{}
	for r := range f.rows() {
		if !r.reached {
			reached[r.subject.recipient] = false
		}
	}
	return reached
}

// object returns the object of a target. The text is the only answer or counts the answers; the
// answers that alert stand below.
func (f facts) object(o options, i int, t target, wanted, control []string,
	unreached map[string]bool) nagios.Object {
	h := f.heard[i]
	object := nagios.Object{Name: t.label, Notes: t.notes, Detail: h.dialogue.Record}
	switch {
	case h.bug != nil:
		object.State, object.Text, object.Unseen = nagios.Unknown, h.bug.Error(), true
		return object
	case h.dialogue.Unroutable:
		object.Text, object.Unseen = "not asked", true
		object.Notes = append(object.Notes[:len(object.Notes):len(object.Notes)],
			"no route from here: "+h.noRoute().Error())
		return object
	}
	l := lines{alone: len(f.plan.senders)*(len(wanted)+len(control)) == 1}
	for s, sender := range f.plan.senders {
		f.answers(&l, o, h, s, sender, wanted, false, unreached)
		f.answers(&l, o, h, s, sender, control, true, unreached)
	}
	object.State = l.state
	object.Text, object.Notes = l.text(), slices.Concat(object.Notes, l.notes())
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
	alone   bool // there is one answer
	state   nagios.State
	count   counts
	wanted  counts // without the answers about controls
	alerts  []string
	further int // alerts beyond listLimit
}

// answers adds a target's answers about the recipients from one sender.
func (f facts) answers(l *lines, o options, h heard, s int, sender string, recipients []string,
	control bool, unreached map[string]bool) {
	answers := h.dialogue.Answers
	if control {
		answers = h.dialogue.Controls
	}
	for i, addr := range recipients {
		a := h.instead
		if a == nil {
			a = &answers[s][i]
		}
		_, lonely := unreached[addr]
		state := o.state(a.Verdict, control, !lonely)
		l.count[a.Verdict]++
		if !control {
			l.wanted[a.Verdict]++
		}
		l.state = nagios.Worst(l.state, state)
		switch {
		case state == nagios.OK && !l.alone:
		case len(l.alerts) == listLimit:
			l.further++
		default:
			l.alerts = append(l.alerts, fmt.Sprintf("%s from %s: %s (%s)", addr,
				senderName(sender), a.Verdict, reason(a, addr)))
		}
	}
}

func (l *lines) text() string {
	if l.alone {
		return l.alerts[0]
	}
	text := ""
	for _, v := range smtp.Verdicts {
		if n := l.count[v]; n > 0 {
			if text != "" {
				text += ", "
			}
			text += fmt.Sprintf("%d %s", n, v)
		}
	}
	return text
}

func (l *lines) notes() []string {
	switch {
	case l.alone:
		return nil
	case l.further > 0:
		return append(l.alerts, fmt.Sprintf("... %d more", l.further))
	}
	return l.alerts
}
