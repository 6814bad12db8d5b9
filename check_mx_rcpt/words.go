package main

import (
	"fmt"
	"slices"

	"mailfresh/internal/nagios"
	"mailfresh/internal/smtp"
)

const (
	reasonRunes = 160 // of a reply in a sentence
	firstFew    = 3   // recipients in a sentence
)

// saying has the words for a kind of row.
type saying struct {
	lead     string         // before the recipients; "": they are the object of the first clause
	verdicts []smtp.Verdict // in the order of the clauses; the first verdict gives the state
	end      func(f facts, c []class) string
}

// said has the words for each kind, in the order that equal states have in the summary.
var said = [kinds]saying{
	disagree: {"MX hosts disagree on ", []smtp.Verdict{smtp.Rejected, smtp.Deferred, smtp.Accepted},
		nothing},
	rejected:        {"", []smtp.Verdict{smtp.Rejected, smtp.Deferred}, nothing},
	controlAccepted: {"", []smtp.Verdict{smtp.Accepted}, provesNothing},
	deferred:        {"", []smtp.Verdict{smtp.Deferred, smtp.Accepted}, nothing},
	refused:         {"", []smtp.Verdict{smtp.ProbeRefused}, nextStep},
	unreached:       {"", []smtp.Verdict{smtp.NoAnswer}, ban},
	missing:         {"", []smtp.Verdict{smtp.NoAnswer}, ban},
}

func nothing(facts, []class) string { return "" }

func provesNothing(facts, []class) string {
	return ", which must be refused: acceptance proves nothing"
}

// nextStep says what to do about a refused probe.
func nextStep(_ facts, classes []class) string {
	at := slices.IndexFunc(classes, func(c class) bool { return c.verdict == smtp.ProbeRefused })
	switch c := classes[at]; {
	case c.subject() == smtp.AboutSender:
		return ": allow this sender there, or give another --from"
	case c.phase == smtp.TLS || c.phase == smtp.StartTLS || c.code == 0:
		return ""
	case c.subject() == smtp.AboutAccess:
		return ": the host wants TLS or a login"
	case c.subject() == smtp.AboutProtocol, c.code == 500, c.code == 502:
		return ": -vv shows the dialogue"
	}
	return ": allow this monitor's address there, or give another --helo"
}

// ban says that a host that mayBan found may have banned our host because of the controls.
func ban(f facts, classes []class) string {
	silent := slices.ContainsFunc(classes, func(c class) bool { return c.banned })
	if len(f.plan.control.recipients) == 0 || !silent {
		return ""
	}
	return "; it may have banned this monitor for its controls, as fail2ban does"
}

// findings makes one sentence for the rows of each kind.
func (t tally) findings(o options, f facts) (list []finding) {
	for k, g := range t.groups {
		if g.alike != nil {
			state := o.state(said[k].verdicts[0], kind(k) == controlAccepted, kind(k) != unreached)
			list = append(list, finding{state, f.sentence(said[k], g)})
		}
	}
	return list
}

// sentence says which hosts give which answer about the rows of a group, and names the recipients
// once. It counts the rows of other hosts apart.
func (f facts) sentence(s saying, g group) string {
	subjects, n := f.subjects(g.alike)
	object, pronoun := nagios.List(subjects, len(subjects), n), "it"
	more := g.others
	if s.lead != "" {
		more += g.elsewhere
	}
	if more > 0 {
		object = nagios.List(subjects, 1, n+more)
	} else if n > 1 {
		pronoun = "them"
	}
	text := ""
	if s.lead != "" {
		text, object = s.lead+object+": ", pronoun
	}
	for i, c := range g.clauses(s.verdicts) {
		if i > 0 {
			text, object = text+", ", pronoun
		}
		text += f.who(c.hosts) + " " + c.class.verb(len(c.hosts) > 1) + " " + object +
			f.why(c.first, c.class, f.subject(g.alike[0]).recipient)
	}
	if s.lead == "" && g.elsewhere > 0 {
		verb := class{verdict: s.verdicts[0]}.verb(true)
		text += fmt.Sprintf(", and other hosts %s %d more", verb, g.elsewhere)
	}
	return text + s.end(f, g.classes)
}

// clause is the hosts that gave the same answer.
type clause struct {
	class class
	first vote // of the hosts
	hosts []int
}

// clauses joins the hosts that gave the same answer.
func (g group) clauses(verdicts []smtp.Verdict) (list []clause) {
	for _, verdict := range verdicts {
		for i, v := range g.votes {
			if v.answer.Verdict != verdict {
				continue
			}
			at := slices.IndexFunc(list, func(c clause) bool { return c.class == g.classes[i] })
			if at < 0 {
				at = len(list)
				list = append(list, clause{class: g.classes[i], first: v})
			}
			list[at].hosts = append(list[at].hosts, v.target)
		}
	}
	return list
}

// verb returns what one host or several hosts do: the words before the object.
func (c class) verb(several bool) string {
	verb := [...]string{
		smtp.Accepted: "accept%s", smtp.Rejected: "reject%s", smtp.Deferred: "defer%s",
		smtp.ProbeRefused: "refuse%s the probe for", smtp.NoAnswer: "give%s no answer for",
	}[c.verdict]
	if c.verdict == smtp.ProbeRefused {
		switch c.subject() {
		case smtp.AboutSender:
			verb = "refuse%s the sender for"
		case smtp.AboutPolicy, smtp.AboutAccess:
			verb = "refuse%s the probe by policy for"
		}
	}
	if several {
		return fmt.Sprintf(verb, "")
	}
	return fmt.Sprintf(verb, "s")
}

// subject returns what a reply that is no success is about. A reply about policy that names the
// sender is about the sender.
func (c class) subject() smtp.Subject {
	if c.code == 0 {
		return ""
	}
	subject := smtp.SubjectOf(c.phase, &smtp.Reply{Code: c.code, Enhanced: c.enhanced})
	if subject == smtp.AboutPolicy && c.sender {
		return smtp.AboutSender
	}
	return subject
}

// why returns the reason of an answer in brackets, with the likely cause. An answer that accepts
// has no reason.
func (f facts) why(v vote, c class, recipient string) string {
	if c.verdict == smtp.Accepted {
		return ""
	}
	text := reason(v.answer, recipient)
	if c.postmaster && c.control == "" {
		text += "; it accepts <postmaster> alone: the probe itself may be refused"
	}
	if c.control != "" {
		text += "; the same reply as to the control " + c.control +
			": the probe itself may be refused"
	}
	if tls := f.heard[v.target].dialogue.TLSFailed; tls != nil && c.verdict == smtp.ProbeRefused {
		text += "; TLS failed before: " + tls.Error()
	}
	if hint := f.hint(v, c); hint != "" {
		text += "; " + hint
	}
	return " (" + text + ")"
}

// hint says how the port may explain a host that does not speak as expected.
func (f facts) hint(v vote, c class) string {
	switch port := f.plan.targets[v.target].addr.Port(); {
	case port == 465 && c.phase == smtp.Greeting && c.verdict == smtp.NoAnswer:
		return "port 465 wants --tls implicit"
	case c.phase == smtp.Hello && (port == 24 && c.code >= 500 || c.code == 500 || c.code == 502):
		return "it may speak LMTP: --lmtp"
	case c.phase == smtp.LHello && (c.code == 500 || c.code == 502):
		return "it may speak SMTP: leave out --lmtp"
	}
	return ""
}

// reason returns the reply or error of an answer about a recipient. The phase comes first, except
// for a reply to RCPT and for the connection.
func reason(a *smtp.Answer, recipient string) string {
	var text string
	if a.Reply != nil {
		text = a.Reply.To(recipient).String()
	} else if a.Err != nil {
		text = a.Err.Error()
	}
	if short := fmt.Sprintf("%.*s", reasonRunes, text); short != text {
		text = short + "..."
	}
	if a.Phase == smtp.Connect || a.Phase == smtp.Rcpt && a.Reply != nil {
		return text
	}
	return a.Phase.String() + ": " + text
}

// subjects names the first recipients, with the sender if only some senders are meant, and counts
// all.
func (f facts) subjects(numbers []int) (names []string, n int) {
	senders := map[string]int{}
	if len(f.plan.senders) > 1 {
		for _, number := range numbers {
			senders[f.subject(number).recipient]++
		}
	}
	for _, number := range numbers {
		s := f.subject(number)
		name := s.recipient
		switch {
		case len(f.plan.senders) == 1:
		case senders[name] < len(f.plan.senders):
			name += " from " + senderName(s.sender)
		case s.sender != f.plan.senders[0]:
			continue
		}
		if n++; n <= firstFew {
			names = append(names, name)
		}
	}
	return names, n
}

func senderName(sender string) string {
	if sender == "" {
		return "the null sender"
	}
	return sender
}

// who names hosts: "both hosts", "mx1 and mx2", "mx1, mx2 and 4 more".
func (f facts) who(hosts []int) string {
	noun, all := "hosts", f.plan.targets
	if slices.ContainsFunc(hosts, func(t int) bool { return all[t].label != all[t].name }) {
		noun = "addresses"
	}
	switch n := len(hosts); {
	case n == 2 && n == len(all):
		return "both " + noun
	case n > 2 && n == len(all):
		return fmt.Sprintf("all %d %s", n, noun)
	case n > 3:
		return nagios.List(f.labels(hosts), 2, n)
	}
	return nagios.List(f.labels(hosts), 3, len(hosts))
}

func (f facts) labels(hosts []int) (labels []string) {
	for _, t := range hosts {
		labels = append(labels, f.plan.targets[t].label)
	}
	return labels
}

// few names the first recipients, and how many more there are.
func few(recipients []string) string { return nagios.List(recipients, firstFew, len(recipients)) }

// praise returns the summary if nothing is wrong. Domains with other hosts have other routes: then
// not every host was asked for every recipient.
func praise(f facts) string {
	at, asked := slowest(f), f.judged()
	hosts, accepts, refuses := f.who(asked), " accepts %s", " and refuses %s"
	other := func(route []int) bool { return !slices.Equal(route, f.plan.routes[0]) }
	switch {
	case slices.ContainsFunc(f.plan.routes, other):
		hosts, accepts = "each host", " accepts its recipients (%s)"
		refuses = " and refuses its controls (%s)"
	case len(asked) > 1:
		accepts, refuses = " accept %s", " and refuse %s"
	}
	text := hosts + fmt.Sprintf(accepts, few(f.plan.wanted.recipients))
	if control := f.plan.control.recipients; len(control) > 0 {
		text += fmt.Sprintf(refuses, few(control))
	}
	if len(asked) > 1 {
		text += ", slowest " + f.plan.targets[at].label
	}
	return text + " in " + nagios.Span(f.heard[at].dialogue.Time)
}
