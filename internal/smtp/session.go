package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

const (
	implicitPort = 465             // servers speak TLS there from the start (RFC 8314 3.3)
	silentWait   = 2 * time.Second // for the greeting of one there that is asked in plain text
)

// session is one connection on which MAIL may be said, and how it has been used.
type session struct {
	conn         *conn
	number       int               // which of the dialogue's connections it is, from 1
	name         string            // for EHLO
	offers       map[string]string // EHLO keywords in capitals, with their parameters
	secure       bool              // TLS has begun
	expires      time.Time         // of the certificate
	noTLS        error             // why STARTTLS, though offered, did not begin TLS
	transactions int               // MAIL commands sent
	asked        int               // recipients answered
	failures     int               // of these not accepted
	over         bool              // the server takes no more transactions
	quitting     time.Duration     // spent in QUIT
}

// open connects and goes as far as the first MAIL could be sent. The answer is nil where it may be;
// else it is the answer to all that would have been asked.
func open(ctx context.Context, p *Probe, security Security, rec *record) (*session, *Answer,
	error) {
	s := &session{}
	if ctx.Err() != nil {
		return s, failed(Connect, errNotAsked), nil
	}
	c, err := dial(ctx, p, rec)
	if err != nil {
		why := p.connectError(err)
		rec.add(true, "-- ", why.Error())
		return s, failed(Connect, why), err
	}
	s.conn = c
	failure := s.begin(ctx, p, security)
	if failure != nil {
		s.quit()
	}
	return s, failure, nil
}

// begin goes through greeting, EHLO and STARTTLS. It gives the answer that ends the session, if
// any.
func (s *session) begin(ctx context.Context, p *Probe, security Security) *Answer {
	if security == Implicit {
		if failure := s.handshake(ctx, p); failure != nil {
			return failure
		}
	}
	if failure := s.greeting(security == None && p.Addr.Port() == implicitPort); failure != nil {
		return failure
	}
	if failure := s.hello(p); failure != nil {
		return failure
	}
	switch offered := s.offering("STARTTLS"); {
	case security == Required && !offered:
		return &Answer{Verdict: Refused, Phase: StartTLS,
			Err: errors.New("STARTTLS is not offered")}
	case security != Required && (security != Opportunistic || !offered):
		return nil
	}
	if failure := s.say(StartTLS, "STARTTLS"); failure != nil {
		if security == Opportunistic && s.alive() && !p.Verify {
			s.noTLS = fmt.Errorf("STARTTLS: %s", failure.Reply)
			return nil // as a real sender does: plain text
		}
		return failure
	}
	if failure := s.handshake(ctx, p); failure != nil {
		return failure
	}
	return s.hello(p)
}

// alive reports whether more may be said on the connection.
func (s *session) alive() bool { return s.conn.lost == nil && !s.conn.closing }

// greeting reads the greeting. It waits for a short time only where the server is likely to wait
// for TLS itself.
func (s *session) greeting(wantsTLS bool) *Answer {
	c := s.conn
	if wantsTLS {
		_ = c.nc.SetDeadline(earlier(c.deadline, time.Now().Add(silentWait)))
	}
	r, err := c.reply()
	switch {
	case err == nil && wantsTLS && !c.closing:
		_ = c.nc.SetDeadline(c.deadline)
	case wantsTLS && err == errTimeout && time.Now().Before(c.deadline):
		err = errSilent
	}
	c.rec.addAll(err != nil || r.Code/100 != 2, "S: ", c.in.lines)
	switch {
	case err != nil:
		c.rec.add(true, "-- ", err.Error())
		return failed(Greeting, err)
	case r.Code/100 != 2:
		return refusal(Greeting, r)
	}
	return nil
}

// say sends one command. It gives the answer to everything if the reply is no success.
func (s *session) say(phase Phase, command string) *Answer {
	replies, err := s.conn.exchange([]string{command}, notAccepted)
	if err != nil {
		return failed(phase, err)
	}
	if replies[0].Code/100 != 2 {
		return refusal(phase, replies[0])
	}
	return nil
}

func notAccepted(r *Reply) bool { return r.Code/100 != 2 }

// hello is the phase in which the probe says its name.
func (p *Probe) hello() Phase {
	if p.LMTP {
		return LHello
	}
	return Hello
}

// helo is the name for EHLO; without one it is the address literal of the connection.
func (s *session) helo(p *Probe) string {
	if p.Helo != "" {
		return p.Helo
	}
	local, err := netip.ParseAddrPort(s.conn.nc.LocalAddr().String())
	switch {
	case err != nil:
		return "localhost"
	case local.Addr().Unmap().Is4():
		return "[" + local.Addr().Unmap().String() + "]"
	}
	return "[IPv6:" + local.Addr().WithZone("").String() + "]"
}

// hello says LHLO, EHLO or HELO and learns the extensions. Where EHLO and HELO are both refused, or
// the server hangs up after the first, the reply to EHLO is the answer.
func (s *session) hello(p *Probe) *Answer {
	phase := p.hello()
	s.name, s.offers = s.helo(p), map[string]string{}
	replies, err := s.conn.exchange([]string{phase.String() + " " + s.name}, notAccepted)
	if err != nil {
		return failed(phase, err)
	}
	r := replies[0]
	if r.Code/100 != 2 {
		a := refusal(phase, r)
		if r.Code/100 == 5 && !p.LMTP {
			again := s.say(phase, "HELO "+s.name)
			if again == nil || again.Reply != nil {
				return again
			}
		}
		return a
	}
	for _, line := range strings.Split(r.Text, "\n")[1:] {
		keyword, parameters, _ := strings.Cut(line, " ")
		s.offers[strings.ToUpper(keyword)] = parameters
	}
	return nil
}

// handshake begins TLS.
func (s *session) handshake(ctx context.Context, p *Probe) *Answer {
	state, err := s.conn.handshake(ctx, p)
	if len(state.PeerCertificates) > 0 {
		s.expires = state.PeerCertificates[0].NotAfter
	}
	if err != nil {
		s.conn.rec.add(true, "-- TLS: ", err.Error())
		return failed(TLS, err)
	}
	s.conn.rec.add(false, "-- ", tls.VersionName(state.Version))
	s.secure = true
	return nil
}

// offering reports whether the server offers an extension.
func (s *session) offering(keyword string) bool {
	_, ok := s.offers[keyword]
	return ok
}

// worn reports whether the next transaction needs a new connection.
func (s *session) worn(l *limits) bool {
	return s.over || !s.alive() || s.transactions >= l.transactions || s.failures >= l.errors
}

// quit ends the transaction and the connection.
func (s *session) quit() {
	last := []string{"RSET", "QUIT"}
	if s.transactions == 0 {
		last = last[1:]
	}
	start := time.Now()
	s.conn.close(s.offering("PIPELINING"), last)
	s.quitting = time.Since(start)
}
