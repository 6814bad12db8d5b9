package smtp

import (
	"slices"
	"strings"
)

// inquiry is what one sender's recipients are asked, and what is known of their answers.
type inquiry struct {
	sender   string
	rcpts    []string
	answers  []Answer
	next     int     // the first that is not asked yet
	back     []int   // of those before it: beyond a limit of a transaction
	doubts   []doubt // to be asked again, before the others
	firsts   []doubt // asked again, to the same verdict
	policies []policy
	accepted map[int]bool // whether one of them was, by the number of the session
	seen     evidence
	barren   int // connections in a row that ended with the first recipient
	again    int // connections that may still be opened for doubts
}

// turn is the recipients of the next transaction: one that is asked again, or some of those left.
type turn struct {
	batch []int
	doubt *doubt
}

// policy is a recipient with an ambiguous reply, and the session in which that was given. Sessions
// may be many: only their number and name are kept.
type policy struct {
	index   int
	session int
	helo    string
}

// ask gives the answers to one sender, in the order of the recipients. The record keeps replies
// that are odd.
func (d *dialogue) ask(sender string, rcpts []string, odd func(*Reply) bool) []Answer {
	q := newInquiry(sender, rcpts)
	for q.left() > 0 || len(q.doubts) > 0 {
		if !d.ready(q) {
			continue
		}
		s, dead := d.connection()
		if dead != nil {
			q.finish(dead)
			break
		}
		t := q.turn(s, &d.limits)
		if len(t.batch) == 0 {
			continue
		}
		names := make([]string, len(t.batch))
		for i, index := range t.batch {
			names[i] = rcpts[index]
		}
		out := s.transact(d.mail(s, sender, names...), names, &d.limits, &d.pace, odd)
		d.enter(q, s, t, out)
		if final := q.ended(t, out); final != nil {
			q.finish(final)
		}
	}
	d.settle(q)
	return q.answers
}

func newInquiry(sender string, rcpts []string) *inquiry {
	q := &inquiry{sender: sender, rcpts: rcpts, again: maxAgain, accepted: map[int]bool{}}
	q.seen = evidence{known: map[Reply]bool{}, several: sender != ""}
	q.answers = make([]Answer, len(rcpts))
	return q
}

// left is how many recipients are still to be asked, but for those in doubt.
func (q *inquiry) left() int { return len(q.back) + len(q.rcpts) - q.next }

// first is the first of them.
func (q *inquiry) first() int {
	if len(q.back) > 0 {
		return q.back[0]
	}
	return q.next
}

// take takes the first of them out.
func (q *inquiry) take() (index int) {
	index = q.first()
	if len(q.back) > 0 {
		q.back = q.back[1:]
	} else {
		q.next++
	}
	return index
}

// ready leaves a session in which nothing can be asked again. Where too many connections were
// opened for that, the replies count as they are.
func (d *dialogue) ready(q *inquiry) bool {
	s := d.session
	if len(q.doubts) == 0 || s == nil || s.worn(&d.limits) || s.asked == 0 {
		return true
	}
	if x := q.doubts[0]; x.tries == 0 && (s.failures == 0 || x.unpunished()) {
		return true
	}
	if q.again--; q.again < 0 {
		for _, x := range q.doubts {
			q.answers[x.index] = decide(Rcpt, x.reply)
		}
		q.doubts = nil
		return false
	}
	d.leave()
	return true
}

// turn gives the recipients of the next transaction. What needs SMTPUTF8 where that is not offered
// is answered: such a host cannot take mail for that recipient, or from that sender.
func (q *inquiry) turn(s *session, l *limits) turn {
	utf8 := s.offering("SMTPUTF8")
	if needsUTF8(q.sender) && !utf8 {
		q.finish(&Answer{Verdict: Refused, Phase: Hello, Err: errNoUTF8})
		return turn{}
	}
	if len(q.doubts) > 0 {
		x := q.doubts[0]
		q.doubts = q.doubts[1:]
		return turn{batch: []int{x.index}, doubt: &x}
	}
	var t turn
	domains := map[string]bool{}
	for q.left() > 0 && len(t.batch) < l.size(q.sender) {
		index := q.first()
		if l.domains > 0 {
			_, domain := SplitAddress(strings.ToLower(q.rcpts[index]))
			if domains[domain] = true; len(domains) > l.domains {
				break
			}
		}
		q.take()
		if needsUTF8(q.rcpts[index]) && !utf8 {
			q.answers[index] = Answer{Verdict: Rejected, Phase: Hello, Err: errNoUTF8}
			continue
		}
		t.batch = append(t.batch, index)
	}
	return t
}

// enter takes the replies of a transaction. Recipients that have none, or that were beyond what the
// server takes at once, are asked in a later one.
func (d *dialogue) enter(q *inquiry, s *session, t turn, out outcome) {
	q.seen.granted(out.said)
	var back []int
	accepted, failures := 0, out.failures
	for i, r := range out.said {
		index := t.batch[i]
		switch {
		case r.Code/100 == 2:
			accepted++
			q.answers[index] = decide(Rcpt, d.texts.keep(r, q.rcpts[index]))
		case i > 0 && r.tooMany():
			d.limits.tooMany(accepted)
			back = append(back, index)
			continue
		default:
			x := doubt{
				index: index, reply: d.texts.keep(r, q.rcpts[index]), failures: failures,
				position: i, asked: out.asked + i,
				hungUp: r.Code == 421 || out.hungUp && i == len(out.said)-1,
			}
			failures++
			if !q.refused(s, t, x) {
				continue
			}
		}
		if t.doubt != nil {
			d.again(q, *t.doubt, r)
		}
	}
	if accepted > 0 {
		q.accepted[s.number] = true
	}
	if t.doubt != nil && len(out.said) == 0 {
		x := *t.doubt
		x.tries++
		q.doubts = append([]doubt{x}, q.doubts...)
		return
	}
	back = append(back, t.batch[len(out.said):]...)
	q.back = append(back, q.back...)
}

// refused takes a reply that does not accept. It is the answer if it is evidence; else the
// recipient is asked again.
func (q *inquiry) refused(s *session, t turn, x doubt) bool {
	if x.reply.ambiguous() {
		q.policies = append(q.policies, policy{x.index, s.number, s.name})
	}
	rcpt := q.rcpts[x.index]
	if !q.seen.confirms(rcpt, t.doubt, x) && !q.seen.against(rcpt, x) {
		if t.doubt != nil {
			x.tries = t.doubt.tries + 1
		}
		q.doubts = append(q.doubts, x)
		return false
	}
	q.answers[x.index] = decide(Rcpt, x.reply)
	q.believe()
	return true
}

// believe answers what is in doubt no more, as the same reply was evidence since.
func (q *inquiry) believe() {
	q.doubts = slices.DeleteFunc(q.doubts, func(x doubt) bool {
		known := q.seen.known[alike(x.reply, q.rcpts[x.index])]
		if known {
			q.answers[x.index] = decide(Rcpt, x.reply)
		}
		return known
	})
}

// again compares the reply to a recipient that was asked again with the first one. If they differ
// the first was about a limit of the server.
func (d *dialogue) again(q *inquiry, first doubt, r *Reply) {
	same := sameVerdict(r, first.reply)
	switch rcpt := q.rcpts[first.index]; {
	case same && (first.unpunished() || alike(r, rcpt) == alike(first.reply, rcpt)):
		if first.unpunished() {
			q.firsts = append(q.firsts, first)
		}
	case first.failures > 0:
		d.limits.punished(first.failures)
	case first.hungUp:
		d.limits.tooMany(first.position)
	case !q.seen.several:
		d.limits.oneForNull()
	}
}

// ended gives the answer to all recipients that are left, if there is one: the time is up, the
// sender is refused, or connection after connection ends with its first recipient.
func (q *inquiry) ended(t turn, out outcome) *Answer {
	lost := out.stop != nil && out.stop.Phase == Rcpt
	switch {
	case out.stop != nil && out.stop.Err == errTimeout, out.stop != nil && !lost && out.fresh:
		return out.stop
	case !lost && !out.hungUp, out.asked+len(out.said) > 1:
		q.barren = 0
		return nil
	case out.asked == 0 && lost && len(out.said) == 0:
		q.drop(t.batch[0], out.stop)
		if q.barren++; q.barren >= maxBarren {
			return out.stop
		}
	case out.asked == 0 && len(out.said) == 1 && out.said[0].Code == 421:
		if q.barren++; q.barren >= maxBarren {
			return refusal(Rcpt, out.said[0])
		}
	}
	return nil
}

// drop gives a recipient the answer that a connection was lost over it.
func (q *inquiry) drop(index int, lost *Answer) {
	if len(q.doubts) > 0 && q.doubts[0].index == index {
		q.answers[index] = q.doubts[0].outcome(lost)
		q.doubts = q.doubts[1:]
		return
	}
	q.answers[q.take()] = *lost
}

// finish gives all that are left their answer.
func (q *inquiry) finish(final *Answer) {
	for _, x := range q.doubts {
		q.answers[x.index] = x.outcome(final)
	}
	for q.left() > 0 {
		q.answers[q.take()] = *final
	}
	q.doubts = nil
}

// settle restores the first replies where asking again gave the same verdict, as they often say
// more, and decides whether ambiguous replies are about the recipient or about the probe.
func (d *dialogue) settle(q *inquiry) {
	if !d.limits.nullOne {
		for _, x := range q.firsts {
			if q.answers[x.index].Verdict == decide(Rcpt, x.reply).Verdict {
				q.answers[x.index] = decide(Rcpt, x.reply)
			}
		}
	}
	asked, everybody := false, false
	for _, p := range q.policies {
		a := &q.answers[p.index]
		if a.Verdict != Refused || a.Reply == nil || !a.Reply.ambiguous() {
			continue
		}
		others := q.accepted[p.session]
		if !others && !asked {
			asked, everybody = true, d.postmaster(q.sender)
		}
		if !others && !everybody {
			continue
		}
		named := a.Reply.names(q.rcpts[p.index])
		if others || named || !a.Reply.namesProbe(p.helo, q.sender) {
			a.Verdict = Rejected
			a.PostmasterOnly = !others && !named
		}
	}
}
