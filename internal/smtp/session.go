package smtp

import (
	"context"
	"errors"
	"slices"
	"time"
)

const (
	maxRecipients = 100 // of one transaction; a server must take as many (RFC 5321 4.5.3.1.8)
	recordLines   = 200
)

// session is the plan of a Probe: one sender after the other, on as many connections as the server's limits need.
type session struct {
	ctx      context.Context
	probe    *Probe
	out      Dialogue
	security Security
	conn     *conn
	dead     *Answer        // why there are no more connections
	left     int            // bytes that may still be received
	size     int            // recipients of a transaction
	several  bool           // the sender was granted two recipients in one transaction
	first    map[int]Answer // to recipients that are asked again alone
	quitting time.Duration  // spent in QUIT
}

func (s *session) note(who, line string) {
	if len(s.out.Record) == recordLines {
		s.out.Unrecorded++
		return
	}
	s.out.Record = append(s.out.Record, who+line)
}

// connection gives the present connection, or a new one if that is worn out. A real client sends in plain text where TLS fails, so
// does the opportunistic probe that verifies nothing.
func (s *session) connection() (*conn, *Answer) {
	if s.conn != nil && !s.conn.worn() {
		return s.conn, nil
	}
	s.leave()
	if s.dead == nil {
		s.conn, s.dead = s.open(s.security)
		if s.dead != nil && s.dead.Phase == TLS && s.security == Opportunistic && !s.probe.Verify && s.dead.Err != errTimeout && s.dead.Err != errNoTLS {
			s.security = None
			s.conn, s.dead = s.open(None)
		}
	}
	return s.conn, s.dead
}

func (s *session) leave() {
	if s.conn != nil {
		s.conn.quit()
		s.conn = nil
	}
}

// ask gives the answers to one sender, in the order of the recipients.
func (s *session) ask(sender string) []Answer {
	answers := make([]Answer, len(s.probe.Recipients))
	todo := make([]int, len(answers))
	for i := range todo {
		todo[i] = i
	}
	s.size, s.several, s.first = maxRecipients, false, map[int]Answer{}
	for len(todo) > 0 {
		n := min(s.size, len(todo))
		left, final := s.transaction(sender, todo[:n], answers)
		copy(todo[n-len(left):], left)
		todo = todo[n-len(left):]
		if final == nil {
			continue
		}
		for _, i := range todo {
			if answers[i].Verdict == "" {
				answers[i] = *final
			}
		}
		break
	}
	s.keepFirst(answers)
	return answers
}

// keepFirst puts the first answers back where asking again alone was to the same effect: a server may tell more the first time. If
// one was accepted alone, all first answers may have been about the limit.
func (s *session) keepFirst(answers []Answer) {
	for i := range s.first {
		if answers[i].Verdict == Accepted {
			return
		}
	}
	for i, first := range s.first {
		if a := answers[i]; a.Verdict == first.Verdict && a.Reply.Enhanced == first.Reply.Enhanced {
			answers[i] = first
		}
	}
}

// transaction asks for the recipients todo in one transaction and enters the answers. It gives the recipients that must be asked
// again, or a final answer to all that are left.
func (s *session) transaction(sender string, todo []int, answers []Answer) (left []int, final *Answer) {
	c, final := s.connection()
	if final != nil {
		return todo, final
	}
	t := &transaction{conn: c, sender: sender, todo: todo, answers: answers}
	if final = t.speakable(); final == nil {
		final = t.run()
	}
	for _, i := range t.doubted {
		s.size, s.first[i] = 1, answers[i]
	}
	return slices.Concat(t.again, t.doubted, t.todo), final
}

// transaction is one MAIL with its recipients.
type transaction struct {
	*conn
	sender   string
	utf8     bool
	answers  []Answer
	todo     []int // not asked yet
	again    []int // met a limit
	doubted  []int // answered, but the limit of one recipient for the null sender would look the same
	answered bool  // a recipient was
	accepted int
	over     bool // the server takes no more recipients
}

// speakable answers what would need SMTPUTF8 where that is not offered.
func (t *transaction) speakable() *Answer {
	answer := Answer{NoVerdict, t.probe.hello(), nil, errors.New("SMTPUTF8 is not offered, the address needs it")}
	t.utf8 = needsUTF8(t.sender)
	if t.utf8 && !t.extensions["SMTPUTF8"] {
		return &answer
	}
	var todo []int
	for _, i := range t.todo {
		needs := needsUTF8(t.probe.Recipients[i])
		if needs && !t.extensions["SMTPUTF8"] {
			t.answers[i] = answer
			continue
		}
		t.utf8 = t.utf8 || needs
		todo = append(todo, i)
	}
	t.todo = todo
	return nil
}

// run holds the transaction until its recipients or the connection are used up. An answer is final.
func (t *transaction) run() *Answer {
	opening := t.opening()
	for len(t.todo) > 0 && !t.over && t.failures < maxErrors {
		replies, err := t.exchange(slices.Concat(opening, t.group())...)
		for _, cmd := range opening {
			if len(replies) == 0 {
				return t.stopped(cmd.phase, nil, err)
			}
			if replies[0].Code/100 != 2 {
				return t.stopped(cmd.phase, replies[0], nil)
			}
			replies = replies[1:]
		}
		opening = nil
		for _, r := range replies {
			if r.Code == 421 {
				return t.stopped(Rcpt, r, nil)
			}
			t.enter(r)
		}
		if err != nil {
			return t.stopped(Rcpt, nil, err)
		}
	}
	return nil
}

// opening is MAIL, after a RSET that ends the transaction before.
func (t *transaction) opening() []command {
	mail := command{Mail, "MAIL FROM:<" + t.sender + ">"}
	if t.utf8 {
		mail.line += " SMTPUTF8"
	}
	t.transactions++
	if t.transactions > 1 {
		return []command{{Reset, "RSET"}, mail}
	}
	return []command{mail}
}

// group is the RCPT commands that may be sent at once: one, or with PIPELINING as many as may fail.
func (t *transaction) group() []command {
	n := 1
	if t.extensions["PIPELINING"] {
		n = min(len(t.todo), maxErrors-t.failures)
	}
	var group []command
	for _, i := range t.todo[:n] {
		group = append(group, command{Rcpt, "RCPT TO:<" + t.probe.Recipients[i] + ">"})
	}
	return group
}

// enter takes the reply to the next recipient.
func (t *transaction) enter(r *Reply) {
	i := t.todo[0]
	t.todo = t.todo[1:]
	if t.answered && tooMany(r) {
		t.again = append(t.again, i)
		t.size, t.over = max(1, t.accepted), true
		return
	}
	doubtful := t.sender == "" && t.answered && !t.several && !blamesRecipient(r)
	t.answered = true
	t.settled++
	t.answers[i] = *decide(Rcpt, r)
	if t.answers[i].Verdict == Accepted {
		t.accepted++
		if t.accepted > 1 {
			t.several, t.doubted = true, nil
		}
		return
	}
	t.failures++
	if doubtful {
		t.doubted = append(t.doubted, i)
	}
}

// tooMany reports whether r may mean that a transaction has all the recipients it can get (RFC 5321 4.5.3.1.10).
func tooMany(r *Reply) bool {
	subject, detail := r.status()
	return (r.Code == 452 || r.Code == 552) && (r.Enhanced == "" || subject == 5 && detail == 3)
}

func blamesRecipient(r *Reply) bool {
	subject, _ := r.status()
	return (subject == 1 || subject == 2) && Subject(Rcpt, r) == "recipient"
}

// stopped is how a transaction ends before its time. On a connection that has given answers it may be a limit: the rest
// is asked on a new connection. Else this is the answer to all that are left.
func (t *transaction) stopped(phase Phase, r *Reply, err error) *Answer {
	if t.settled > 0 && err != errTimeout {
		t.used = true
		return nil
	}
	t.settled++
	if r == nil {
		return &Answer{NoVerdict, phase, nil, err}
	}
	return decide(phase, r)
}
