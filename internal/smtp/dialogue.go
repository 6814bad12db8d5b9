package smtp

import (
	"context"
	"errors"
	"time"
)

const (
	reconnectWait = time.Second            // before the second attempt, see open
	busyWait      = 200 * time.Millisecond // before each connection after a second attempt
	maxEarlyEnds  = 4                      // connections in a row that end at their first recipient
	maxRetries    = 32                     // connections only to ask for a recipient again
)

// dialogue is the state of Probe.Run.
type dialogue struct {
	ctx      context.Context
	probe    *Probe
	rec      *record
	limits   limits
	pace     pace
	texts    texts
	security Security
	session  *session // nil: the next question opens one
	failure  *Answer  // for all remaining recipients, because no session can be opened
	busy     bool     // a second attempt was needed, see open
	out      Dialogue
}

// Run asks the server. It returns when all recipients have an answer, or shortly after ctx ends.
// The last QUIT takes at most 250 ms.
func (p *Probe) Run(ctx context.Context) Dialogue {
	d := &dialogue{
		ctx: ctx, probe: p, security: p.TLS, rec: &record{}, texts: newTexts(),
		limits: newLimits(),
	}
	if !p.Addr.Addr().IsValid() {
		d.failure = failed(Connect, errors.New(p.Problem))
	}
	for _, sender := range p.Senders {
		d.out.Answers = append(d.out.Answers, d.ask(sender, p.Recipients, false))
	}
	d.leave()
	d.out.Time = d.pace.total
	for _, sender := range p.Senders {
		d.out.Controls = append(d.out.Controls, d.ask(sender, p.Controls, true))
	}
	d.leave()
	d.rec.flush()
	d.out.Record = d.rec.lines
	return d.out
}

// connection returns the current session, or a new one if that is used up. If it cannot open one,
// it returns the answer for all remaining recipients.
func (d *dialogue) connection() (*session, *Answer) {
	if d.session != nil && !d.session.usedUp(&d.limits) {
		return d.session, nil
	}
	if s := d.session; s != nil && s.alive() && s.failures >= d.limits.failures {
		d.limits.notPunished()
	}
	d.leave()
	if d.failure == nil {
		d.session, d.failure = d.open()
	}
	return d.session, d.failure
}

func (d *dialogue) leave() {
	if d.session != nil {
		d.session.quit()
		d.session = nil
	}
}

// open opens a session. If the handshake fails, it connects again in plain text, as real clients
// do, unless the probe demands TLS or Verify. If the greeting is 421, or any 4xx after an earlier
// connection, open waits and connects once more: Exim with smtp_accept_max_per_host = 1 may still
// count a connection that this check or another one has just closed.
func (d *dialogue) open() (*session, *Answer) {
	later := d.out.Connections > 0
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
		(later || failure.Reply.Code == 421) {
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

// connect does all steps before MAIL on a new connection. If a step fails, it returns the answer
// for all recipients, and leaves the connection.
func (d *dialogue) connect() (*session, *Answer) {
	start := time.Now()
	s, failure := d.begin()
	d.pace.total += time.Since(start)
	if s.conn != nil && failure != nil {
		s.quit()
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

func (d *dialogue) begin() (*session, *Answer) {
	s := &session{}
	if d.ctx.Err() != nil {
		return s, failed(Connect, errNotAsked)
	}
	c, err := dial(d.ctx, d.probe, d.rec)
	if err != nil {
		d.out.Unroutable = d.out.Connections == 0 && unroutable(err)
		err = d.probe.connectError(err)
		d.rec.add(true, "-- ", err.Error())
		return s, failed(Connect, err)
	}
	d.out.Connections++
	s.conn, s.number = c, d.out.Connections
	return s, s.begin(d.ctx, d.probe, d.security)
}

// postmaster reports whether the server accepts <postmaster>, as it must (RFC 5321 4.5.1). It asks
// on a connection with at most one negative reply before.
func (d *dialogue) postmaster(sender string) bool {
	if d.session != nil && d.session.failures > 1 {
		d.leave()
	}
	s, failure := d.connection()
	if failure != nil {
		return false
	}
	out := s.transact(sender, []string{"postmaster"}, &d.limits, &d.pace, true)
	return len(out.replies) == 1 && out.replies[0].Code/100 == 2
}
