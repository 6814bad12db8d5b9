package smtp

import (
	"slices"
	"time"
)

// outcome is the result of a transaction.
type outcome struct {
	replies  []*Reply // to the first recipients of the transaction, or to all
	stop     *Answer  // of the phase that ended the transaction early; nil if only a limit did
	hungUp   bool     // the server closed the connection, or sent 421
	fresh    bool     // the transaction was the first of its connection
	asked    int      // recipients with a reply on the connection before
	failures int      // recipients with a negative reply on the connection before
}

// transact asks for rcpts in one transaction: RSET if the connection had another transaction, MAIL,
// and groups of RCPT until all have a reply or a limit is reached.
func (s *session) transact(sender string, rcpts []string, l *limits, p *pace,
	keepAll bool) outcome {
	out := outcome{fresh: s.transactions == 0, asked: s.asked, failures: s.failures}
	opening := []string{"RSET", s.mail(sender, rcpts)}
	if out.fresh {
		opening = opening[1:]
	}
	s.transactions++
	for full := false; !full && len(out.replies) < len(rcpts) && s.failures < l.failures; {
		group := s.group(rcpts[len(out.replies):], l, p)
		start, failures := time.Now(), s.failures
		got, err := s.send(opening, group, keepAll)
		if p.answered(got, len(group), time.Since(start), failures > 0) {
			l.punished(failures)
		}
		got, out.stop = opened(opening, got, err)
		if out.stop == nil {
			opening, full = nil, s.count(got, len(out.replies) > 0)
			out.replies = append(out.replies, got...)
			if err != nil {
				out.stop = failed(Rcpt, err)
			}
		}
		if out.stop != nil {
			s.over = !out.fresh
			break
		}
	}
	out.hungUp = !s.alive()
	return out
}

// mail returns the MAIL command.
func (s *session) mail(sender string, rcpts []string) string {
	line := "MAIL FROM:<" + sender + ">"
	if s.offering("SMTPUTF8") && (needsUTF8(sender) || slices.ContainsFunc(rcpts, needsUTF8)) {
		return line + " SMTPUTF8"
	}
	return line
}

// opened cuts off the replies to opening: RSET and MAIL. If one is negative or missing, it returns
// the answer for all recipients.
func opened(opening []string, got []*Reply, err error) ([]*Reply, *Answer) {
	for i, command := range opening {
		phase := Mail
		if command == "RSET" {
			phase = Reset
		}
		switch {
		case i >= len(got):
			return nil, failed(phase, err)
		case negative(got[i]):
			return nil, refusal(phase, got[i])
		}
	}
	return got[len(opening):], nil
}

// count counts replies to RCPT. It reports whether one says that the transaction has too many
// recipients; the first reply of a transaction cannot mean this.
func (s *session) count(got []*Reply, before bool) (full bool) {
	for i, r := range got {
		s.asked++
		switch {
		case r.Code/100 == 2:
		case (before || i > 0) && r.tooMany():
			full = true
		default:
			s.failures++
		}
	}
	return full
}

// group returns the RCPT commands to send at once: one, or more with PIPELINING.
func (s *session) group(rcpts []string, l *limits, p *pace) []string {
	n := 1
	if s.offering("PIPELINING") {
		n = min(l.group(p, s.failures), len(rcpts))
	}
	group := make([]string, n)
	for i, rcpt := range rcpts[:n] {
		group[i] = "RCPT TO:<" + rcpt + ">"
	}
	return group
}

// send sends opening and group at once. Without PIPELINING it sends single commands, and stops
// after a negative reply to opening.
func (s *session) send(opening, group []string, keepAll bool) ([]*Reply, error) {
	if s.offering("PIPELINING") {
		return s.conn.exchange(slices.Concat(opening, group), keepAll)
	}
	var all []*Reply
	for _, command := range opening {
		got, err := s.conn.exchange([]string{command}, false)
		all = append(all, got...)
		if err != nil || negative(got[0]) {
			return all, err
		}
	}
	got, err := s.conn.exchange(group, keepAll)
	return append(all, got...), err
}
