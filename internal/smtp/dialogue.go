package smtp

import (
	"context"
	"errors"
	"time"
)

const (
	// before a connection that was refused as the server is busy is tried once more
	reconnectWait = time.Second
	busyWait      = 200 * time.Millisecond // before each further one
	maxBarren     = 4                      // connections in a row that end with the first recipient
	// connections for the sake of recipients that are asked again
	maxAgain = 32
)

// dialogue is a Probe under way: the present session, and what is known of the server.
type dialogue struct {
	ctx      context.Context
	probe    *Probe
	rec      *record
	limits   limits
	pace     pace
	texts    texts
	security Security
	session  *session
	dead     *Answer // why there are no more sessions
	busy     bool    // the server did not take a connection right after another one
	out      Dialogue
}

// Run holds the dialogue. It ends with the context, and at most 250 ms after the last answer.
func (p *Probe) Run(ctx context.Context) Dialogue {
	d := &dialogue{
		ctx: ctx, probe: p, security: p.TLS, rec: &record{}, texts: newTexts(),
		limits: newLimits(),
	}
	for _, sender := range p.Senders {
		d.out.Answers = append(d.out.Answers, d.ask(sender, p.Recipients, notAccepted))
	}
	d.leave()
	d.out.Time = d.pace.total
	for _, sender := range p.Senders {
		if len(p.Controls) > 0 {
			always := func(*Reply) bool { return true }
			d.out.Controls = append(d.out.Controls, d.ask(sender, p.Controls, always))
		}
	}
	d.leave()
	d.rec.flush()
	d.out.Record = d.rec.lines
	return d.out
}

// connection gives the present session, or a new one if that is worn out.
func (d *dialogue) connection() (*session, *Answer) {
	if d.session != nil && !d.session.worn(&d.limits) {
		return d.session, nil
	}
	if s := d.session; s != nil && s.alive() && s.failures >= d.limits.errors {
		d.limits.bore()
	}
	d.leave()
	if d.dead == nil {
		d.session, d.dead = d.open()
	}
	return d.session, d.dead
}

func (d *dialogue) leave() {
	if d.session != nil {
		d.session.quit()
		d.session = nil
	}
}

// open opens a session. Where the TLS handshake fails, a real client sends in plain text, and so
// does the opportunistic probe without --tls-verify. A server that was left a moment ago, by this
// check or by another, may not be ready for the next connection (Exim with smtp_accept_max_per_host
// = 1), so a second connection is tried.
func (d *dialogue) open() (*session, *Answer) {
	again := d.out.Connections > 0
	if d.busy {
		d.pause(busyWait)
	}
	s, failure := d.connect()
	if failure != nil && failure.Phase == TLS && !s.secure && d.security == Opportunistic &&
		!d.probe.Verify && failure.Err != errTimeout && failure.Err != errNoTLS {
		d.security, d.out.TLSFailed = None, failure.Err
		s, failure = d.connect()
	}
	if failure != nil && failure.Phase == Greeting && failure.Verdict == Deferred &&
		(again || failure.Reply.Code == 421) {
		d.busy = true
		d.pause(reconnectWait)
		if next, why := d.connect(); why == nil || why.Reply != nil {
			s, failure = next, why
		}
	}
	if failure != nil {
		return nil, failure
	}
	return s, nil
}

func (d *dialogue) pause(wait time.Duration) {
	d.rec.add(false, "-- ", "wait "+wait.String())
	select {
	case <-d.ctx.Done():
	case <-time.After(wait):
	}
}

func (d *dialogue) connect() (*session, *Answer) {
	start := time.Now()
	s, failure, err := open(d.ctx, d.probe, d.security, d.rec)
	d.pace.total += time.Since(start) - s.quitting
	switch {
	case s.conn != nil:
		d.out.Connections++
		s.number = d.out.Connections
	case err != nil:
		d.out.Unroutable = d.out.Connections == 0 && unroutable(err)
	}
	if !s.expires.IsZero() && (d.out.Expires.IsZero() || s.expires.Before(d.out.Expires)) {
		d.out.Expires = s.expires
	}
	if s.noTLS != nil {
		d.out.TLSFailed = s.noTLS
	}
	if failure == nil {
		d.limits.offered(s.offers["LIMITS"])
	}
	return s, failure
}

// postmaster asks for the recipient that every server must accept (RFC 5321 4.5.1), where it has
// not refused others.
func (d *dialogue) postmaster(sender string) bool {
	if d.session != nil && d.session.failures > 1 {
		d.leave()
	}
	s, dead := d.connection()
	if dead != nil {
		return false
	}
	always := func(*Reply) bool { return true }
	out := s.transact(d.mail(s, sender), []string{"postmaster"}, &d.limits, &d.pace, always)
	return len(out.said) == 1 && out.said[0].Code/100 == 2
}

// mail is the command MAIL for a sender and the recipients behind it.
func (d *dialogue) mail(s *session, sender string, rcpts ...string) string {
	line := "MAIL FROM:<" + sender + ">"
	for _, addr := range append(rcpts, sender) {
		if needsUTF8(addr) && s.offering("SMTPUTF8") {
			return line + " SMTPUTF8"
		}
	}
	return line
}

var errNoUTF8 = errors.New("SMTPUTF8 is not offered, the address needs it")
