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
	instead  *smtp.Answer // the answer to all questions if there was no dialogue
	bug      error        // an internal error: nothing is known of the target
}

// spoke reports whether a target has a verdict other than NoAnswer on any wanted recipient.
func (h heard) spoke() bool {
	return answered(h.dialogue.Answers)
}

// answered reports whether an answer has a verdict other than NoAnswer.
func answered(lists [][]smtp.Answer) bool {
	return slices.ContainsFunc(lists, func(answers []smtp.Answer) bool {
		return slices.ContainsFunc(answers,
			func(a smtp.Answer) bool { return a.Verdict != smtp.NoAnswer })
	})
}

// left reports whether a target is left out: no route leads there, or an internal error occurred.
func (h heard) left() bool { return h.dialogue.Unroutable || h.bug != nil }

// mayBan reports whether a host may have banned our host: the host accepts no connection, or sends
// no greeting.
func (h heard) mayBan(a *smtp.Answer) bool {
	return h.instead == nil && a.Verdict == smtp.NoAnswer && (a.Phase == smtp.Connect ||
		a.Phase == smtp.Greeting)
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
	findings := slices.Concat(routes(f), t.findings(o, f), bugs(f), domains(f), certificates(o,
		f), times(o, f))
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
	var beyond []target
	for _, route := range f.plan.routes {
		if !slices.ContainsFunc(route,
			func(t int) bool { return !f.heard[t].dialogue.Unroutable }) {
			for _, t := range route {
				beyond = append(beyond, f.plan.targets[t])
			}
		}
	}
	if len(beyond) == 0 {
		return nil
	}
	why := f.heard[slices.IndexFunc(f.plan.targets,
		func(t target) bool { return t.label == beyond[0].label })]
	return []finding{{nagios.Unknown, fmt.Sprintf("this host has no route to %s (%v)",
		nagios.List(labels(beyond), 3, len(beyond)), why.noRoute())}}
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
		label := f.plan.targets[i].label
		if h.dialogue.Expires.IsZero() {
			if h.spoke() && !h.left() {
				findings = append(findings, finding{nagios.Unknown, label +
					" began no TLS: its certificate is unknown"})
			}
			continue
		}
		left := h.dialogue.Expires.Sub(f.now)
		if state := nagios.Judge(left.Seconds(), o.CertificateWarning.Range,
			o.CertificateCritical.Range); state != nagios.OK {
			findings = append(findings, finding{state,
				fmt.Sprintf("the certificate of %s %s, %s", label, expiry(h.dialogue.Expires,
					f.now),
					nagios.CrossedTime(state, left.Seconds(), o.CertificateWarning.Range,
						o.CertificateCritical.Range))})
		}
	}
	return findings
}

func expiry(at, now time.Time) string {
	when := at.UTC().Format("2006-01-02 15:04:05 UTC")
	if left := at.Sub(now); left >= 0 {
		return fmt.Sprintf("expires in %s (%s)", nagios.Span(left), when)
	}
	return fmt.Sprintf("expired %s ago (%s)", nagios.Span(now.Sub(at)), when)
}

// slowest returns the index of the target that took longest, or -1. A target without an answer has
// no time.
func slowest(f facts) int {
	at := -1
	for i, h := range f.heard {
		if !h.left() && h.spoke() && (at < 0 || h.dialogue.Time > f.heard[at].dialogue.Time) {
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
	state := nagios.Judge(took.Seconds(), o.Warning.Range, o.Critical.Range)
	if state == nagios.OK {
		return nil
	}
	return []finding{{state, fmt.Sprintf("%s took %s, %s", f.plan.targets[at].label,
		nagios.Span(took),
		nagios.CrossedTime(state, took.Seconds(), o.Warning.Range, o.Critical.Range))}}
}

// state judges one answer. A missing answer is critical if no host of the recipient spoke.
func (o options) state(v smtp.Verdict, control, reached bool) nagios.State {
	switch {
	case v == smtp.NoAnswer && !reached:
		return nagios.Critical
	case v == smtp.NoAnswer:
		return o.NoAnswerState
	case v == smtp.Accepted && control:
		return nagios.Warning
	case v == smtp.Accepted || control:
		return nagios.OK
	case v == smtp.Rejected:
		return nagios.Critical
	case v == smtp.Deferred:
		return o.DeferredState
	}
	return o.ProbeRefusedState
}
