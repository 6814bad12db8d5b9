package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

const (
	implicitPort = 465             // TLS comes before the greeting (RFC 8314 3.3)
	silentWait   = 2 * time.Second // for a greeting in plain text on implicitPort
)

// session is one connection that is ready for MAIL.
type session struct {
	conn         *conn
	number       int               // of the connection in the dialogue, from 1
	name         string            // for EHLO
	offers       map[string]string // EHLO keywords in capitals, with their parameters
	secure       bool              // TLS has begun
	expires      time.Time         // of the certificate
	noTLS        error             // why STARTTLS, though offered, did not begin TLS
	transactions int               // MAIL commands sent
	asked        int               // recipients with a reply
	failures     int               // recipients with a negative reply
	over         bool              // the server accepts no more transactions
}

// begin does greeting, EHLO and STARTTLS. It returns nil, or the answer for all recipients.
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
		return &Answer{Verdict: ProbeRefused, Phase: StartTLS,
			Err: errors.New("STARTTLS is not offered")}
	case security != Required && (security != Opportunistic || !offered):
		return nil
	}
	if _, failure := s.say(StartTLS, "STARTTLS"); failure != nil {
		if security == Opportunistic && s.alive() && !p.Verify {
			s.noTLS = fmt.Errorf("STARTTLS: %s", failure.Reply)
			return nil // a real sender goes on in plain text
		}
		return failure
	}
	if failure := s.handshake(ctx, p); failure != nil {
		return failure
	}
	return s.hello(p)
}

// alive reports whether the connection can take more commands.
func (s *session) alive() bool { return s.conn.lost == nil && !s.conn.closing }

// greeting reads the greeting. It waits only silentWait if the server probably waits for TLS.
func (s *session) greeting(waitsForTLS bool) *Answer {
	c := s.conn
	if waitsForTLS {
		c.within(silentWait)
	}
	r, err := c.reply()
	switch {
	case err == nil && waitsForTLS && !c.closing:
		_ = c.nc.SetDeadline(c.deadline)
	case waitsForTLS && err == errTimeout && time.Now().Before(c.deadline):
		err = errSilent
	}
	c.rec.addAll(err != nil || negative(r), "S: ", c.in.lines)
	switch {
	case err != nil:
		c.rec.add(true, "-- ", err.Error())
		return failed(Greeting, err)
	case negative(r):
		return refusal(Greeting, r)
	}
	return nil
}

// say sends one command. It returns the reply if there is one, and the answer for all recipients if
// the reply is negative or missing.
func (s *session) say(phase Phase, command string) (*Reply, *Answer) {
	replies, err := s.conn.exchange([]string{command}, false)
	if err != nil {
		return nil, failed(phase, err)
	}
	if negative(replies[0]) {
		return replies[0], refusal(phase, replies[0])
	}
	return replies[0], nil
}

// heloName returns the name for EHLO, by default the local address in brackets (RFC 5321 4.1.3).
func (s *session) heloName(p *Probe) string {
	if p.Helo != "" {
		return p.Helo
	}
	local := s.conn.nc.LocalAddr().(*net.TCPAddr).AddrPort().Addr().Unmap()
	if local.Is4() {
		return "[" + local.String() + "]"
	}
	return "[IPv6:" + local.WithZone("").String() + "]"
}

// hello sends LHLO, EHLO or HELO and reads the extensions. It returns nil, or the answer for all
// recipients: the reply to HELO, or the reply to EHLO if HELO has none.
func (s *session) hello(p *Probe) *Answer {
	phase := Hello
	if p.LMTP {
		phase = LHello
	}
	s.name, s.offers = s.heloName(p), map[string]string{}
	r, failure := s.say(phase, phase.String()+" "+s.name)
	if r != nil && r.Code/100 == 5 && !p.LMTP {
		if _, again := s.say(phase, "HELO "+s.name); again == nil || again.Reply != nil {
			return again
		}
	}
	if failure != nil {
		return failure
	}
	for _, line := range strings.Split(r.Text, "\n")[1:] {
		keyword, parameters, _ := strings.Cut(line, " ")
		s.offers[strings.ToUpper(keyword)] = parameters
	}
	return nil
}

// handshake starts TLS. It returns nil, or the answer for all recipients.
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

// offering reports whether the server offers the extension.
func (s *session) offering(keyword string) bool {
	_, ok := s.offers[keyword]
	return ok
}

// usedUp reports whether the next transaction needs a new connection.
func (s *session) usedUp(l *limits) bool {
	return s.over || !s.alive() || s.transactions >= l.transactions || s.failures >= l.failures
}

func (s *session) quit() {
	last := []string{"RSET", "QUIT"}
	if s.transactions == 0 {
		last = last[1:]
	}
	s.conn.close(s.offering("PIPELINING"), last)
}
