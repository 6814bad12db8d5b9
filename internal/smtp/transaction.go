package smtp

import "time"

// outcome is what a transaction brought: a reply to each of its first recipients, and why it
// went no further.
type outcome struct {
	said     []*Reply
	stop     *Answer // of the phase that ended it; nil where nothing did but a limit
	hungUp   bool    // the connection was lost, or the server said 421
	fresh    bool    // it was the first of its connection
	asked    int     // recipients that the connection had answered before
	failures int     // of these not accepted
}

// transact asks for the recipients in one transaction: RSET if another one went before, MAIL, and
// RCPT in groups, until all are answered or a limit is reached.
func (s *session) transact(mail string, rcpts []string, l *limits, p *pace,
	odd func(*Reply) bool) outcome {
	out := outcome{fresh: s.transactions == 0, asked: s.asked, failures: s.failures}
	opening := []string{mail}
	if !out.fresh {
		opening = []string{"RSET", mail}
	}
	s.transactions++
	for full := false; !full && len(out.said) < len(rcpts) && s.failures < l.errors; {
		group := s.group(rcpts[len(out.said):], l, p)
		start, failures := time.Now(), s.failures
		got, err := s.send(opening, group, odd)
		if p.answered(got, len(group), time.Since(start), failures > 0) {
			l.punished(failures)
		}
		got, out.stop = opened(opening, got, err)
		if out.stop == nil {
			opening, full = nil, s.count(got, len(out.said) > 0)
			out.said = append(out.said, got...)
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

// opened takes the replies to RSET and MAIL off. The answer is that of the one that was refused or
// had no reply.
func opened(opening []string, got []*Reply, err error) ([]*Reply, *Answer) {
	for i, command := range opening {
		switch phase := phaseOf(command); {
		case i >= len(got):
			return nil, failed(phase, err)
		case got[i].Code/100 != 2:
			return nil, refusal(phase, got[i])
		}
	}
	return got[len(opening):], nil
}

// count enters replies to RCPT. It reports whether one says that the transaction has all the
// recipients it can get; the first of a transaction cannot.
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

func phaseOf(command string) Phase {
	if command == "RSET" {
		return Reset
	}
	return Mail
}

// group is the RCPT commands that may be sent at once: one, or with PIPELINING more.
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

// send sends opening and group at once, or one command after the other where PIPELINING is not
// offered; then a refused RSET or MAIL ends it.
func (s *session) send(opening, group []string, odd func(*Reply) bool) ([]*Reply, error) {
	if s.offering("PIPELINING") {
		return s.conn.exchange(append(opening[:len(opening):len(opening)], group...), odd)
	}
	var all []*Reply
	for _, command := range opening {
		got, err := s.conn.exchange([]string{command}, notAccepted)
		all = append(all, got...)
		if err != nil || got[0].Code/100 != 2 {
			return all, err
		}
	}
	got, err := s.conn.exchange(group, odd)
	return append(all, got...), err
}
