package main

import (
	"mailfresh/internal/nagios"
	"mailfresh/internal/smtp"
)

// recipients is the label of who was asked for: two runs that ask the same hosts
// for others are told apart by it.
func (j *judgment) recipients() []nagios.MetricLabel {
	text := j.RecipientsFrom
	if text == "" {
		text = nagios.List(j.facts.recipients, 5, len(j.facts.recipients))
	}
	return []nagios.MetricLabel{{Name: "recipients", Value: text}}
}

// disagreeing counts the recipients that one host accepts and another rejects.
func (j *judgment) disagreeing() nagios.Quantity {
	seen := map[string]bool{}
	for _, r := range j.rows {
		if !r.control && r.has(smtp.Accepted) && r.has(smtp.Rejected) {
			seen[r.recipient] = true
		}
	}
	return nagios.Quantity{Metric: "disagreeing_recipients", Value: float64(len(seen))}
}

// quantities are a target's answers by verdict, without those to the controls,
// and the time of its dialogue.
func (j *judgment) quantities(t *target) (list []nagios.Quantity) {
	count := map[smtp.Verdict]int{}
	for _, answers := range t.dialogue.Answers {
		for i, a := range answers {
			if !j.control[t.recipients[i]] {
				count[a.Verdict]++
			}
		}
	}
	for _, v := range []smtp.Verdict{smtp.Accepted, smtp.Rejected, smtp.Deferred, smtp.Refused, smtp.NoVerdict} {
		verdict := []nagios.MetricLabel{{Name: "verdict", Value: nagios.Label(string(v))}}
		list = append(list, nagios.Quantity{Metric: "answers", Labels: verdict, Value: float64(count[v])})
	}
	if t.spoke() {
		list = append(list, nagios.Quantity{Metric: "duration_seconds", Value: t.dialogue.Time.Seconds(), Unit: nagios.Seconds})
	}
	return list
}

// address is the address of a target; empty if it has none.
func (t *target) address() string {
	if !t.addr.IsValid() {
		return ""
	}
	return t.addr.Addr().String()
}
