package smtp

import (
	"slices"
	"strings"
	"sync"
)

// inquiry is the state of asking for all recipients of one sender.
type inquiry struct {
	sender    string
	rcpts     []string
	answers   []Answer        // [recipient]
	next      int             // the first recipient that no transaction has had
	postponed []int           // recipients before next, for a later transaction
	retries   []negativeReply // to ask again, before other recipients
	confirmed []negativeReply // to which the server gave the same verdict again
	policies  []policy
	accepted  map[int]bool // whether the session with this number has an accepted recipient
	evidence  evidence
	earlyEnds int // connections in a row that ended at their first recipient
	again     int // connections that the client may still open to ask again
}

// batch is the recipients of one transaction: one to ask again, or others.
type batch struct {
	rcpts []int          // indexes
	retry *negativeReply // nil: others
}

// policy is an ambiguous reply and its session. A pointer would keep all sessions in memory.
type policy struct {
	index   int // of the recipient
	session int // number
	helo    string
}

// ask returns the answers to one sender, in the order of rcpts. Without keepAll, the record
// keeps only negative replies.
func (d *dialogue) ask(sender string, rcpts []string, keepAll bool) []Answer {
	q := &inquiry{
		sender: sender, rcpts: rcpts, answers: make([]Answer, len(rcpts)),
		accepted: map[int]bool{}, again: maxRetries,
		evidence: evidence{known: map[Reply]bool{}, several: sender != ""},
	}
	for q.left() > 0 || len(q.retries) > 0 {
		if !d.readyToRetry(q) {
			continue
		}
		s, failure := d.connection()
		if failure != nil {
			q.finish(failure)
			break
		}
		b := q.nextBatch(s, &d.limits)
		if len(b.rcpts) == 0 {
			continue
		}
		names := make([]string, len(b.rcpts))
		for i, index := range b.rcpts {
			names[i] = rcpts[index]
		}
		out := s.transact(sender, names, &d.limits, &d.pace, keepAll)
		d.evaluate(q, s, b, out)
		if final := q.final(b, out); final != nil {
			q.finish(final)
		}
	}
	d.restoreFirstReplies(q)
	d.decidePolicies(q)
	return q.answers
}

// left returns how many recipients remain to ask, without retries.
func (q *inquiry) left() int { return len(q.postponed) + len(q.rcpts) - q.next }

// first returns the first of the remaining recipients.
func (q *inquiry) first() int {
	if len(q.postponed) > 0 {
		return q.postponed[0]
	}
	return q.next
}

// take removes and returns the first of the remaining recipients.
func (q *inquiry) take() (index int) {
	index = q.first()
	if len(q.postponed) > 0 {
		q.postponed = q.postponed[1:]
	} else {
		q.next++
	}
	return index
}

// readyToRetry leaves a session that is not good for the next retry. If there were too many
// connections for retries, it makes the replies answers, and returns false.
func (d *dialogue) readyToRetry(q *inquiry) bool {
	s := d.session
	if len(q.retries) == 0 || s == nil || s.usedUp(&d.limits) || s.asked == 0 {
		return true
	}
	if x := q.retries[0]; x.retries == 0 && (s.failures == 0 || x.unpunished()) {
		return true
	}
	if q.again--; q.again < 0 {
		for _, x := range q.retries {
			q.answers[x.index] = decide(Rcpt, x.reply)
		}
		q.retries = nil
		return false
	}
	d.leave()
	return true
}

// nextBatch removes the recipients of the next transaction from those that remain. If the server
// does not offer SMTPUTF8, it answers for addresses that need it: the server cannot accept mail
// with them.
func (q *inquiry) nextBatch(s *session, l *limits) batch {
	utf8 := s.offering("SMTPUTF8")
	if needsUTF8(q.sender) && !utf8 {
		q.finish(&Answer{Verdict: ProbeRefused, Phase: Hello, Err: errNoUTF8})
		return batch{}
	}
	if len(q.retries) > 0 {
		x := q.retries[0]
		q.retries = q.retries[1:]
		return batch{rcpts: []int{x.index}, retry: &x}
	}
	var b batch
	domains := map[string]bool{}
	for q.left() > 0 && len(b.rcpts) < l.size(q.sender) {
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
		b.rcpts = append(b.rcpts, index)
	}
	return b
}

// evaluate turns the replies of a transaction into answers and retries. It postpones recipients
// without a reply, and recipients that were too many for the server.
func (d *dialogue) evaluate(q *inquiry, s *session, b batch, out outcome) {
	q.evidence.learn(out.replies)
	accepted, failures := 0, out.failures
	for i, r := range out.replies {
		index := b.rcpts[i]
		switch {
		case r.Code/100 == 2:
			accepted++
			q.answers[index] = decide(Rcpt, d.texts.keep(r, q.rcpts[index]))
		case i > 0 && r.tooMany():
			d.limits.tooMany(accepted)
			q.postponed = append(q.postponed, index)
			continue
		default:
			x := negativeReply{
				index: index, reply: d.texts.keep(r, q.rcpts[index]), failures: failures,
				position: i, asked: out.asked + i,
				hungUp: r.Code == 421 || out.hungUp && i == len(out.replies)-1,
			}
			failures++
			if !q.refused(s, b, x) {
				continue
			}
		}
		if b.retry != nil {
			d.compare(q, *b.retry, r)
		}
	}
	if accepted > 0 {
		q.accepted[s.number] = true
	}
	if b.retry != nil && len(out.replies) == 0 {
		x := *b.retry
		x.retries++
		q.retries = append([]negativeReply{x}, q.retries...)
		return
	}
	q.postponed = append(q.postponed, b.rcpts[len(out.replies):]...)
}

// refused makes the reply x the answer if it is about the recipient, and reports whether it is. If
// not, it adds a retry.
func (q *inquiry) refused(s *session, b batch, x negativeReply) bool {
	if x.reply.ambiguous() {
		q.policies = append(q.policies, policy{x.index, s.number, s.name})
	}
	rcpt := q.rcpts[x.index]
	if !q.evidence.confirms(rcpt, b.retry, x) && !q.evidence.isAboutRecipient(rcpt, x) {
		if b.retry != nil {
			x.retries = b.retry.retries + 1
		}
		q.retries = append(q.retries, x)
		return false
	}
	q.answers[x.index] = decide(Rcpt, x.reply)
	q.dropRetries()
	return true
}

// dropRetries makes the replies answers that are now known to be about the recipient.
func (q *inquiry) dropRetries() {
	q.retries = slices.DeleteFunc(q.retries, func(x negativeReply) bool {
		known := q.evidence.known[normalize(x.reply, q.rcpts[x.index])]
		if known {
			q.answers[x.index] = decide(Rcpt, x.reply)
		}
		return known
	})
}

// compare compares the reply r to a retry with the first reply. If they differ, a limit of the
// server was the reason of the first reply.
func (d *dialogue) compare(q *inquiry, first negativeReply, r *Reply) {
	same := sameVerdict(r, first.reply)
	switch rcpt := q.rcpts[first.index]; {
	case same && (first.unpunished() || normalize(r, rcpt) == normalize(first.reply, rcpt)):
		if first.unpunished() {
			q.confirmed = append(q.confirmed, first)
		}
	case first.failures > 0:
		d.limits.punished(first.failures)
	case first.hungUp:
		d.limits.tooMany(first.position)
	case !q.evidence.several: // Exim replies a bare 550 by a condition on $recipients_count
		d.limits.nullOne = true
	}
}

// final returns the answer for all remaining recipients if it makes no sense to go on: there is no
// time, the server refuses the sender, or every connection ends at its first recipient.
func (q *inquiry) final(b batch, out outcome) *Answer {
	lost := out.stop != nil && out.stop.Phase == Rcpt
	switch {
	case out.stop != nil && out.stop.Err == errTimeout, out.stop != nil && !lost && out.fresh:
		return out.stop
	case !lost && !out.hungUp, out.asked+len(out.replies) > 1:
		q.earlyEnds = 0
		return nil
	case out.asked == 0 && lost && len(out.replies) == 0:
		q.lost(b.rcpts[0], out.stop)
		if q.earlyEnds++; q.earlyEnds >= maxEarlyEnds {
			return out.stop
		}
	case out.asked == 0 && len(out.replies) == 1 && out.replies[0].Code == 421:
		if q.earlyEnds++; q.earlyEnds >= maxEarlyEnds {
			return refusal(Rcpt, out.replies[0])
		}
	}
	return nil
}

// lost answers for the recipient at which the connection was lost.
func (q *inquiry) lost(index int, answer *Answer) {
	if len(q.retries) > 0 && q.retries[0].index == index {
		q.answers[index] = q.retries[0].answer(answer)
		q.retries = q.retries[1:]
		return
	}
	q.answers[index] = *answer
	q.postponed = slices.DeleteFunc(q.postponed, func(i int) bool { return i == index })
}

// finish answers for all remaining recipients and retries.
func (q *inquiry) finish(final *Answer) {
	for _, x := range q.retries {
		q.answers[x.index] = x.answer(final)
	}
	for q.left() > 0 {
		q.answers[q.take()] = *final
	}
	q.retries = nil
}

// restoreFirstReplies uses the first reply where a retry had the same verdict: it often says more.
func (d *dialogue) restoreFirstReplies(q *inquiry) {
	if d.limits.nullOne {
		return
	}
	for _, x := range q.confirmed {
		if first := decide(Rcpt, x.reply); q.answers[x.index].Verdict == first.Verdict {
			q.answers[x.index] = first
		}
	}
}

// decidePolicies changes the verdict on an ambiguous reply from ProbeRefused to Rejected if the
// reply is about the recipient.
func (d *dialogue) decidePolicies(q *inquiry) {
	postmaster := sync.OnceValue(func() bool { return d.postmaster(q.sender) })
	for _, p := range q.policies {
		a := &q.answers[p.index]
		if a.Verdict != ProbeRefused || a.Reply == nil || !a.Reply.ambiguous() {
			continue
		}
		others := q.accepted[p.session]
		if !others && !postmaster() {
			continue
		}
		named := a.Reply.names(q.rcpts[p.index])
		if others || named || !a.Reply.namesProbe(p.helo, q.sender) {
			a.Verdict = Rejected
			a.PostmasterOnly = !others && !named
		}
	}
}
