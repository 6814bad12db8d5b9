package main

import (
	"fmt"
	"slices"
	"strings"

	"mailfresh/internal/nagios"
	"mailfresh/internal/smtp"
)

const (
	namedTimes = 8  // so many named hosts have a time of their own
	listLimit  = 10 // answers below a host's line
)

// row is one recipient from one sender and what the targets say.
type row struct {
	sender, recipient string
	control           bool
	votes             []vote
}

type vote struct {
	*target
	answer *smtp.Answer
}

func (r row) has(v smtp.Verdict) bool {
	return slices.ContainsFunc(r.votes, func(x vote) bool { return x.answer.Verdict == v })
}

// judgment is the facts on their way to a result.
type judgment struct {
	options
	facts
	probed   []*target        // without those that this host cannot route to
	silent   map[*target]bool // those without any verdict
	reached  map[string]bool  // recipients that a host has spoken to us about, whatever it said
	rows     []row
	findings []finding
	perfdata []nagios.Quantity
	items    []nagios.Object
}

// finding is a sentence for the summary.
type finding struct {
	state nagios.State
	text  string
}

// judge says the worst first; among equals disagreement, rejections, controls, deferrals, refused probes, missing verdicts, DNS, time.
// Where no host of a recipient gives any verdict, its mail goes nowhere: that is critical.
func judge(o options, f facts) nagios.Result {
	j := &judgment{options: o, facts: f, silent: map[*target]bool{}, reached: map[string]bool{}}
	for _, t := range j.targets {
		if t.dialogue.Unroutable {
			continue
		}
		j.probed = append(j.probed, t)
		j.silent[t] = !t.spoke()
		for _, recipient := range t.recipients {
			j.reached[recipient] = j.reached[recipient] || !j.silent[t]
		}
	}
	j.judgeRoutes()
	j.collect()
	j.judgeRows()
	j.judgeDomains()
	slowest := j.judgeTime()
	j.count()
	j.list()
	if len(j.findings) == 0 {
		j.found(nagios.OK, j.praise(slowest))
	}
	worst := slices.MaxFunc(j.findings, bySeverity).state
	slices.SortStableFunc(j.findings, func(a, b finding) int { return bySeverity(b, a) })
	var texts []string
	for _, f := range j.findings {
		texts = append(texts, f.text)
	}
	return nagios.Result{State: worst, Summary: strings.Join(texts, "; "), Totals: j.perfdata, Objects: j.items}
}

func bySeverity(a, b finding) int { return a.state.Compare(b.state) }

func (j *judgment) found(state nagios.State, text string) {
	j.findings = append(j.findings, finding{state, text})
}

func (t *target) spoke() bool {
	return slices.ContainsFunc(t.dialogue.Answers, func(answers []smtp.Answer) bool {
		return slices.ContainsFunc(answers, func(a smtp.Answer) bool { return a.Verdict != smtp.NoVerdict })
	})
}

// judgeRoutes says which recipients have no host that this one can route to. An address beside others is a note.
func (j *judgment) judgeRoutes() {
	var beyond []*target
	for _, t := range j.targets {
		if t.dialogue.Unroutable && slices.ContainsFunc(t.recipients, func(r string) bool { _, asked := j.reached[r]; return !asked }) {
			beyond = append(beyond, t)
		}
	}
	if len(beyond) > 0 {
		why := beyond[0].dialogue.Answers[0][0].Err
		j.found(nagios.Unknown, fmt.Sprintf("this host has no route to %s (%v)", nagios.List(labels(beyond), 3, len(beyond)), why))
	}
}

// collect turns the answers of targets into rows.
func (j *judgment) collect() {
	for s, sender := range j.senders {
		at := map[string]int{}
		for _, t := range j.probed {
			for i, recipient := range t.recipients {
				n, ok := at[recipient]
				if !ok {
					n = len(j.rows)
					at[recipient] = n
					j.rows = append(j.rows, row{sender: sender, recipient: recipient, control: j.control[recipient]})
				}
				j.rows[n].votes = append(j.rows[n].votes, vote{t, &t.dialogue.Answers[s][i]})
			}
		}
	}
}

// judgeRows makes a sentence of the rows of each kind. A control that is deferred or refused was not accepted: that is all it is for.
func (j *judgment) judgeRows() {
	var disagree, rejected, control, deferred, refused, missing, lost []row
	for _, r := range j.rows {
		switch {
		case r.control && r.has(smtp.Accepted):
			control = append(control, r)
		case r.control:
		case r.has(smtp.Accepted) && r.has(smtp.Rejected):
			disagree = append(disagree, r)
		case r.has(smtp.Rejected):
			rejected = append(rejected, r)
		case r.has(smtp.Deferred):
			deferred = append(deferred, r)
		}
		if r.has(smtp.Refused) && !r.control {
			refused = append(refused, r)
		}
		if !j.reached[r.recipient] {
			lost = append(lost, r)
		} else if r.has(smtp.NoVerdict) {
			missing = append(missing, r)
		}
	}
	for _, kind := range []struct {
		rows     []row
		state    nagios.State
		lead     string // names the rows
		verdicts []smtp.Verdict
		end      string
	}{
		{disagree, nagios.Critical, "MX hosts disagree on %s: ", []smtp.Verdict{smtp.Rejected, smtp.Deferred, smtp.Accepted}, ""},
		{rejected, nagios.Critical, "", []smtp.Verdict{smtp.Rejected, smtp.Deferred}, ""},
		{control, nagios.Warning, "", []smtp.Verdict{smtp.Accepted}, ", which must be refused: acceptance proves nothing"},
		{deferred, j.DeferredState, "", []smtp.Verdict{smtp.Deferred, smtp.Accepted}, ""},
		{refused, nagios.Unknown, "", []smtp.Verdict{smtp.Refused}, ""},
		{lost, nagios.Critical, "", []smtp.Verdict{smtp.NoVerdict}, ""},
		{missing, j.UnreachableState, "", []smtp.Verdict{smtp.NoVerdict}, ""},
	} {
		if len(kind.rows) > 0 {
			j.found(kind.state, j.sentence(kind.lead, kind.rows, kind.verdicts)+kind.end)
		}
	}
}

// judgeDomains says where a domain's mail cannot go at all, or that no name server can be asked.
func (j *judgment) judgeDomains() {
	for _, d := range j.domains {
		item := nagios.Object{Name: d.Name, Text: "MX"}
		if d.Implicit {
			item.Text = "implicit MX"
		}
		if d.Problem != "" {
			item.State, item.Text = nagios.Critical, d.Problem
			if d.Silent {
				item.State = nagios.Unknown
			}
			j.found(item.State, d.Name+" "+d.Problem)
		}
		for _, h := range d.Hosts {
			item.Detail = append(item.Detail, fmt.Sprintf("%d %s", h.Preference, h.Name))
		}
		j.items = append(j.items, item)
	}
}

// judgeTime holds the slowest host against the thresholds. A host without a verdict has no time.
func (j *judgment) judgeTime() (slowest *target) {
	for _, t := range j.probed {
		if !j.silent[t] && (slowest == nil || t.dialogue.Time > slowest.dialogue.Time) {
			slowest = t
		}
	}
	if slowest != nil {
		took := slowest.dialogue.Time
		if state := nagios.Judge(took.Seconds(), j.Warning.Range, j.Critical.Range); state != nagios.OK {
			j.found(state, fmt.Sprintf("%s took %s, %s", slowest.label, nagios.Span(took), nagios.CrossedTime(state, took.Seconds(), j.Warning.Range, j.Critical.Range)))
		}
		j.perfdata = append(j.perfdata, nagios.Quantity{Label: "time", Value: took.Seconds(), Unit: "s", Warning: j.Warning.Range, Critical: j.Critical.Range})
	}
	return slowest
}

// count gives the performance data: addresses, answers by verdict without those to the controls, and the time of each named host.
func (j *judgment) count() {
	count := map[smtp.Verdict]int{"hosts": len(j.probed)}
	for _, r := range j.rows {
		for _, v := range r.votes {
			if !r.control {
				count[v.answer.Verdict]++
			}
		}
	}
	count["unreachable"] = count[smtp.NoVerdict]
	for _, label := range []smtp.Verdict{"hosts", smtp.Accepted, smtp.Rejected, smtp.Deferred, smtp.Refused, "unreachable"} {
		j.perfdata = append(j.perfdata, nagios.Quantity{Label: string(label), Value: float64(count[label])})
	}
	at := map[string]int{}
	for _, t := range j.probed {
		if len(j.Hostname) == 0 || len(j.Hostname) > namedTimes || j.silent[t] {
			continue
		}
		if at[t.name] == 0 {
			at[t.name] = len(j.perfdata)
			j.perfdata = append(j.perfdata, nagios.Quantity{Label: nagios.Label(t.name, "time"), Unit: "s"})
		}
		p := &j.perfdata[at[t.name]]
		p.Value = max(p.Value, t.dialogue.Time.Seconds())
	}
}
