package main

import (
	"fmt"
	"slices"
	"strings"

	"mailfresh/internal/nagios"
	"mailfresh/internal/smtp"
)

const reasonRunes = 160 // of a reply in a sentence

// sentence tells who says what of the rows of which the same is said as of the first one, but for the recipient's name in the
// reply, and how many more there are. The rows are named once, in the lead if that has a place for them.
func (j *judgment) sentence(lead string, rows []row, verdicts []smtp.Verdict) string {
	const it = "\x00"
	first := j.clauses(rows[0], it, verdicts)
	common := strings.ReplaceAll(first, rows[0].recipient, it)
	var alike []row
	for _, r := range rows {
		if strings.ReplaceAll(j.clauses(r, it, verdicts), r.recipient, it) == common {
			alike = append(alike, r)
		}
	}
	subjects := j.subjects(alike)
	subject, pronoun := few(subjects), "it"
	if rest := len(rows) - len(alike); rest > 0 {
		subject = nagios.List(subjects, 1, len(subjects)+rest)
	} else if len(subjects) > 1 {
		pronoun = "them"
	}
	if lead != "" {
		return fmt.Sprintf(lead, subject) + strings.ReplaceAll(first, it, pronoun)
	}
	return strings.ReplaceAll(strings.Replace(first, it, subject, 1), it, pronoun)
}

// clauses are "mx2 rejects it (550 no), mx1 accepts it", the same reason once. How a host says yes is none.
func (j *judgment) clauses(r row, object string, verdicts []smtp.Verdict) string {
	type clause struct {
		verb, why string
		hosts     []*target
	}
	var texts []string
	for _, verdict := range verdicts {
		var said []clause
		for _, v := range r.votes {
			if v.answer.Verdict != verdict {
				continue
			}
			c := clause{verb: verb(v.answer)}
			if verdict != smtp.Accepted {
				c.why = " (" + reason(v.answer) + ")"
			}
			at := slices.IndexFunc(said, func(s clause) bool { return s.verb == c.verb && s.why == c.why })
			if at < 0 {
				at, said = len(said), append(said, c)
			}
			said[at].hosts = append(said[at].hosts, v.target)
		}
		for _, c := range said {
			if len(c.hosts) > 1 {
				c.verb = strings.Replace(c.verb, "s ", " ", 1)
			}
			texts = append(texts, j.who(c.hosts)+" "+c.verb+object+c.why)
		}
	}
	return strings.Join(texts, ", ")
}

// verb is what a host does, up to the object.
func verb(a *smtp.Answer) string {
	switch a.Verdict {
	case smtp.Accepted:
		return "accepts "
	case smtp.Rejected:
		return "rejects "
	case smtp.Deferred:
		return "defers "
	case smtp.NoVerdict:
		return "gives no verdict on "
	}
	if a.Reply != nil {
		switch smtp.Subject(a.Phase, a.Reply) {
		case "sender":
			return "refuses the sender for "
		case "policy":
			return "refuses the probe by policy for "
		}
	}
	return "refuses the probe for "
}

// reason is the reply or error behind an answer, with the phase unless that is RCPT or the connection.
func reason(a *smtp.Answer) string {
	var text string
	if a.Reply != nil {
		text = a.Reply.String()
	} else if a.Err != nil {
		text = a.Err.Error()
	}
	if len(text) > reasonRunes {
		if short := fmt.Sprintf("%.*s", reasonRunes, text); short != text {
			text = short + "..."
		}
	}
	if a.Phase == smtp.Connect || a.Phase == smtp.Rcpt && a.Reply != nil {
		return text
	}
	return string(a.Phase) + ": " + text
}

// subjects are the recipients of the rows, with the sender where it matters.
func (j *judgment) subjects(rows []row) (subjects []string) {
	senders := map[string]int{}
	for _, r := range rows {
		senders[r.recipient]++
	}
	for _, r := range rows {
		name := r.recipient
		if senders[name] < len(j.senders) {
			name += " from " + senderName(r.sender)
		}
		subjects = append(subjects, name)
	}
	return unique(subjects)
}

func senderName(sender string) string {
	if sender == "" {
		return "the null sender"
	}
	return sender
}

// who names hosts: "both hosts", "mx1 and mx2", "mx1, mx2 and 4 more".
func (j *judgment) who(hosts []*target) string {
	noun := "hosts"
	if slices.ContainsFunc(hosts, func(t *target) bool { return t.label != t.name }) {
		noun = "addresses"
	}
	switch n := len(hosts); {
	case n == 2 && n == len(j.targets):
		return "both " + noun
	case n > 2 && n == len(j.targets):
		return fmt.Sprintf("all %d %s", n, noun)
	case n > 3:
		return nagios.List(labels(hosts), 2, len(hosts))
	}
	return nagios.List(labels(hosts), 3, len(hosts))
}

func labels(hosts []*target) (labels []string) {
	for _, t := range hosts {
		labels = append(labels, t.label)
	}
	return labels
}

// few names three of the subjects, and how many more there are.
func few(subjects []string) string { return nagios.List(subjects, 3, len(subjects)) }

// praise is the summary when nothing is wrong.
func (j *judgment) praise(slowest *target) string {
	var wanted, unwanted []row
	for _, r := range j.rows {
		if r.control {
			unwanted = append(unwanted, r)
		} else {
			wanted = append(wanted, r)
		}
	}
	accept, refuse, who := "accepts", "refuses", ""
	if len(j.probed) > 1 {
		accept, refuse, who = "accept", "refuse", ", slowest "+slowest.label
	}
	text := fmt.Sprintf("%s %s %s", j.who(j.probed), accept, few(j.subjects(wanted)))
	if len(unwanted) > 0 {
		text += fmt.Sprintf(" and %s %s", refuse, few(j.subjects(unwanted)))
	}
	return text + who + " in " + nagios.Span(slowest.dialogue.Time)
}

// list makes the long output: the alias file, and a line for each address, below it what is not as it should be.
func (j *judgment) list() {
	if j.keys > 0 {
		item := nagios.Object{Name: j.RecipientsFrom, Text: fmt.Sprintf("%d keys", j.keys)}
		if len(j.skipped) > 0 {
			item.Notes = []string{fmt.Sprintf("%d not asked for: %s", len(j.skipped), nagios.List(j.skipped, 5, len(j.skipped)))}
			if j.Domain == "" {
				item.Notes[0] += "; --domain completes local ones"
			}
		}
		j.items = append(j.items, item)
	}
	for _, t := range j.targets {
		item := nagios.Object{Name: t.label, Notes: t.notes, Detail: t.dialogue.Record}
		if n := t.dialogue.Unrecorded; n > 0 {
			item.Detail = append(item.Detail, fmt.Sprintf("... %d more lines", n))
		}
		if t.dialogue.Unroutable {
			item.Text = "not asked"
			item.Notes = append(item.Notes, "no route from here: "+t.dialogue.Answers[0][0].Err.Error())
		} else {
			j.answers(t, &item)
		}
		j.items = append(j.items, item)
	}
}

// answers puts the answers of a target into its item: one as the text; of several their number, and those that alert below.
func (j *judgment) answers(t *target, item *nagios.Object) {
	count := map[smtp.Verdict]int{}
	more, lines := 0, []string{}
	for s, answers := range t.dialogue.Answers {
		for i := range answers {
			a, state := &answers[i], j.state(t.recipients[i], &answers[i])
			count[a.Verdict]++
			item.State = nagios.Worst(item.State, state)
			switch alone := len(j.senders)*len(t.recipients) == 1; {
			case state == nagios.OK && !alone:
			case len(lines) == listLimit:
				more++
			default:
				lines = append(lines, fmt.Sprintf("%s from %s: %s (%s)", t.recipients[i], senderName(j.senders[s]), a.Verdict, reason(a)))
			}
		}
	}
	if more > 0 {
		lines = append(lines, fmt.Sprintf("... %d more", more))
	}
	var counts []string
	for _, v := range []smtp.Verdict{smtp.Accepted, smtp.Rejected, smtp.Deferred, smtp.Refused, smtp.NoVerdict} {
		if count[v] > 0 {
			counts = append(counts, fmt.Sprintf("%d %s", count[v], v))
		}
	}
	if len(j.senders)*len(t.recipients) == 1 {
		counts, lines = lines, nil
	}
	item.Text, item.Notes = strings.Join(counts, ", "), append(item.Notes, lines...)
	if t.addr.IsValid() {
		item.Text += ", in " + nagios.Span(t.dialogue.Time)
	}
}

// state is the state of one answer.
func (j *judgment) state(recipient string, a *smtp.Answer) nagios.State {
	switch {
	case a.Verdict == smtp.NoVerdict && !j.reached[recipient]:
		return nagios.Critical
	case a.Verdict == smtp.NoVerdict:
		return j.UnreachableState
	case a.Verdict == smtp.Accepted && j.control[recipient]:
		return nagios.Warning
	case a.Verdict == smtp.Accepted || j.control[recipient]:
		return nagios.OK
	case a.Verdict == smtp.Rejected:
		return nagios.Critical
	case a.Verdict == smtp.Deferred:
		return j.DeferredState
	}
	return nagios.Unknown
}
