package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"mailfresh/internal/mx"
	"mailfresh/internal/nagios"
	"mailfresh/internal/smtp"
)

const (
	namedTimes = 8  // at most so many named hosts have a time of their own
	listLimit  = 10 // answers below a host's line
)

// heard is a target's dialogue, or why there is none.
type heard struct {
	dialogue smtp.Dialogue
	bug      error // an internal error: nothing is known of the target
}

// spoke reports whether a target that is not left out has a verdict other than NoAnswer on any
// wanted recipient.
func (h heard) spoke() bool { return !h.left() && has(h.dialogue.Answers, answered) }

func answered(a smtp.Answer) bool { return a.Verdict != smtp.NoAnswer }
func accepted(a smtp.Answer) bool { return a.Verdict == smtp.Accepted }

// has reports whether one of the answers, to any sender, is such an answer.
func has(lists [][]smtp.Answer, such func(smtp.Answer) bool) bool {
	return slices.ContainsFunc(lists,
		func(answers []smtp.Answer) bool { return slices.ContainsFunc(answers, such) })
}

// left reports whether a target is left out: no route leads there, or an internal error occurred.
func (h heard) left() bool { return h.dialogue.Unroutable || h.bug != nil }

// mayBan reports whether a host may have banned our host: the host accepts no connection, or sends
// no greeting.
func (t target) mayBan(a *smtp.Answer) bool {
	return t.addr.Addr().IsValid() && a.Verdict == smtp.NoAnswer && !a.NotAsked() &&
		(a.Phase == smtp.Connect || a.Phase == smtp.Greeting)
}

// noRoute returns why our host has no route to a target: the error of all its answers.
func (h heard) noRoute() error {
	answers := h.dialogue.Answers[0]
	if len(answers) == 0 { // the target is asked for controls only
		answers = h.dialogue.Controls[0]
	}
	return answers[0].Err
}

// facts are a plan, the dialogue with each target, and the time.
type facts struct {
	plan  plan
	heard []heard
	now   time.Time
}

// judged returns the targets that are not left out.
func (f facts) judged() (targets []int) {
	for i, h := range f.heard {
		if !h.left() {
			targets = append(targets, i)
		}
	}
	return targets
}

// finding is a sentence for the summary.
type finding struct {
	state nagios.State
	text  string
}

// judge puts the worst finding first. Findings of equal state have this order: disagreement,
// rejections, controls, deferrals, refused probes, missing answers, DNS, certificates, time. A
// recipient is critical if none of its hosts answers anything: its mail goes nowhere.
func judge(o options, f facts) nagios.Result {
	t := tallied(f)
	findings := slices.Concat(routes(f), t.findings(o, f), bugs(f), domains(f),
		certificates(o, f), times(o, f))
	if len(findings) == 0 {
		findings = []finding{{nagios.OK, praise(f)}}
	}
	slices.SortStableFunc(findings, func(a, b finding) int { return b.state.Compare(a.state) })
	var texts []string
	for _, x := range findings {
		texts = append(texts, x.text)
	}
	return nagios.Result{
		State: findings[0].state, Summary: strings.Join(texts, "; "),
		Totals: t.totals(o, f), Objects: objects(o, f), TotalsOnly: true, Labels: asked(o, f.plan),
	}
}

// routes says which hosts our host has no route to, if that is so for all hosts of a recipient. A
// single address without a route is a note.
func routes(f facts) []finding {
	var beyond []int
	for _, route := range f.plan.routes {
		if !slices.ContainsFunc(route,
			func(t int) bool { return !f.heard[t].dialogue.Unroutable }) {
			beyond = append(beyond, route...)
		}
	}
	if len(beyond) == 0 {
		return nil
	}
	return []finding{{nagios.Unknown, fmt.Sprintf("this host has no route to %s (%v)",
		nagios.List(f.labels(beyond), 3, len(beyond)), f.heard[beyond[0]].noRoute())}}
}

// bugs returns the internal error of the first target that has one.
func bugs(f facts) []finding {
	for i, h := range f.heard {
		if h.bug != nil {
			return []finding{{nagios.Unknown, fmt.Sprintf("%s: %v", f.plan.targets[i].label,
				h.bug)}}
		}
	}
	return nil
}

// domains says which domains' mail goes nowhere, which domains no name server answers for, and
// which domains and hosts have more addresses than are asked.
func domains(f facts) (findings []finding) {
	for _, d := range f.plan.domains {
		if state := domainState(d); state != nagios.OK {
			findings = append(findings, finding{state, d.Name + " " + d.Problem})
		}
	}
	for _, name := range f.plan.beyond {
		findings = append(findings, finding{nagios.Unknown,
			fmt.Sprintf("%s has more than %d addresses: the others are not asked", name,
				mx.MaxAddresses)})
	}
	return findings
}

// certificates judges the time until the certificates expire. A certificate that was not seen is
// unknown.
func certificates(o options, f facts) (findings []finding) {
	if !o.CertificateWarning.Set && !o.CertificateCritical.Set {
		return nil
	}
	for i, h := range f.heard {
		label, at := f.plan.targets[i].label, h.dialogue.Expires
		if !at.IsZero() {
			findings = append(findings, crossed("the certificate of "+label+" "+expiry(at, f.now),
				at.Sub(f.now), o.CertificateWarning, o.CertificateCritical)...)
		} else if h.spoke() {
			findings = append(findings, finding{nagios.Unknown,
				label + " began no TLS: its certificate is unknown"})
		}
	}
	return findings
}

func expiry(at, now time.Time) string {
	if left := at.Sub(now); left >= 0 {
		return fmt.Sprintf("expires in %s (%s)", nagios.Span(left), nagios.Instant(at))
	}
	return fmt.Sprintf("expired %s ago (%s)", nagios.Span(now.Sub(at)), nagios.Instant(at))
}

// crossed returns a finding if a time leaves a range: the text, and which limit was passed.
func crossed(text string, d time.Duration, warning, critical nagios.TimeRange) []finding {
	state := nagios.Judge(d.Seconds(), warning.Range, critical.Range)
	if state == nagios.OK {
		return nil
	}
	return []finding{{state, text + ", " +
		nagios.CrossedTime(state, d.Seconds(), warning.Range, critical.Range)}}
}

// slowest returns the index of the target that took longest, or -1. A target without an answer has
// no time.
func slowest(f facts) int {
	at := -1
	for i, h := range f.heard {
		if h.spoke() && (at < 0 || h.dialogue.Time > f.heard[at].dialogue.Time) {
			at = i
		}
	}
	return at
}

// times judges the time of the slowest host.
func times(o options, f facts) []finding {
	at := slowest(f)
	if at < 0 {
		return nil
	}
	took := f.heard[at].dialogue.Time
	return crossed(f.plan.targets[at].label+" took "+nagios.Span(took), took, o.Warning, o.Critical)
}

// state judges one answer. A missing answer is critical if no host of the recipient spoke.
func (o options) state(v smtp.Verdict, control, reached bool) nagios.State {
	switch {
	case v == smtp.NoAnswer && !reached, v == smtp.Rejected && !control:
		return nagios.Critical
	case v == smtp.NoAnswer:
		return o.NoAnswerState
	case v == smtp.Accepted && control:
		return nagios.Warning
	case v == smtp.Accepted, control:
		return nagios.OK
	case v == smtp.Deferred:
		return o.DeferredState
	}
	return o.ProbeRefusedState
}
