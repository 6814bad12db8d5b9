package smtp

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"
)

const (
	maxTransactions = 8 // of one connection
	maxErrors       = 8 // recipients not accepted, of one connection
	quitWait        = 250 * time.Millisecond
)

// conn is one connection, in one transaction after the other.
type conn struct {
	*session
	net.Conn
	br           *bufio.Reader
	extensions   map[string]bool // what EHLO offers, in capitals
	gone         bool            // 421, or the connection is lost
	used         bool            // the server takes no more transactions
	sent         time.Time       // when the last group was
	transactions int             // MAIL commands sent
	failures     int             // recipients not accepted
	settled      int             // answers
	stop         func() bool     // of the context's watch
}

func (c *conn) worn() bool {
	return c.gone || c.used || c.transactions >= maxTransactions || c.failures >= maxErrors
}

// command is one line of the client and the phase that its reply decides.
type command struct {
	phase Phase
	line  string
}

// open connects and goes as far as the first MAIL could be sent. Without a connection the answer says why.
func (s *session) open(security Security) (*conn, *Answer) {
	if s.ctx.Err() != nil {
		return nil, &Answer{NoVerdict, Connect, nil, errors.New("not asked: the time was up")}
	}
	d := net.Dialer{}
	if s.probe.Source.IsValid() {
		d.LocalAddr = &net.TCPAddr{IP: s.probe.Source.AsSlice()}
	}
	s.note("-- connect to ", s.probe.Addr.String())
	nc, err := d.DialContext(s.ctx, "tcp", s.probe.Addr.String())
	for errors.Is(err, syscall.EMFILE) && s.ctx.Err() == nil { // another dialogue will end and leave a descriptor
		time.Sleep(10 * time.Millisecond)
		nc, err = d.DialContext(s.ctx, "tcp", s.probe.Addr.String())
	}
	if err != nil {
		s.out.Unroutable = s.out.Connections == 0 && unroutable(err)
		if s.probe.Source.IsValid() && errors.Is(err, syscall.EADDRNOTAVAIL) {
			err = fmt.Errorf("%s is no address of this host", s.probe.Source)
		}
		return nil, &Answer{NoVerdict, Connect, nil, plain(err)}
	}
	s.out.Connections++
	c := &conn{session: s, Conn: nc, br: newLineReader(nc)}
	deadline, _ := s.ctx.Deadline()
	_ = nc.SetDeadline(deadline)
	c.stop = context.AfterFunc(s.ctx, func() { _ = nc.SetDeadline(time.Unix(1, 0)) })
	if a := c.greet(security); a != nil {
		c.quit()
		return nil, a
	}
	return c, nil
}

func unroutable(err error) bool {
	return errors.Is(err, syscall.ENETUNREACH) || errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT)
}

// greet goes through greeting, EHLO and STARTTLS.
func (c *conn) greet(security Security) *Answer {
	if security == Implicit {
		if a := c.handshake(); a != nil {
			return a
		}
	}
	c.sent = time.Now()
	if r, err := c.reply(); err != nil {
		return &Answer{NoVerdict, Greeting, nil, err}
	} else if r.Code/100 != 2 {
		return decide(Greeting, r)
	}
	if a := c.hello(); a != nil {
		return a
	}
	if security == Required || security == Opportunistic && c.extensions["STARTTLS"] {
		return c.startTLS(security)
	}
	return nil
}

// say sends one command. The answer is nil if the reply is a success.
func (c *conn) say(phase Phase, line string) (*Reply, *Answer) {
	replies, err := c.exchange(command{phase, line})
	if err != nil {
		return &Reply{}, &Answer{NoVerdict, phase, nil, err}
	}
	if replies[0].Code/100 != 2 {
		return replies[0], decide(phase, replies[0])
	}
	return replies[0], nil
}

// hello is the phase in which the probe says its name.
func (p Probe) hello() Phase {
	if p.LMTP {
		return LHello
	}
	return Hello
}

// hello says LHLO, EHLO or HELO and learns the extensions.
func (c *conn) hello() *Answer {
	phase := c.probe.hello()
	c.extensions = map[string]bool{}
	r, a := c.say(phase, string(phase)+" "+c.probe.Helo)
	if r.Code/100 == 5 && !c.probe.LMTP {
		if again, b := c.say(phase, "HELO "+c.probe.Helo); again.Code > 0 { // else the reply to EHLO is the answer
			a = b
		}
		return a
	}
	for _, line := range r.Lines[min(1, len(r.Lines)):] {
		word, _, _ := strings.Cut(line, " ")
		c.extensions[strings.ToUpper(word)] = true
	}
	return a
}

// startTLS changes to TLS and says EHLO again. What the server sent in plain text after its 220 is an error (RFC 3207 4.2, 6), the
// same whether it came with the 220 or is met by the handshake.
func (c *conn) startTLS(security Security) *Answer {
	if !c.extensions["STARTTLS"] {
		return &Answer{Refused, StartTLS, nil, errors.New("STARTTLS is not offered")}
	}
	_, a := c.say(StartTLS, "STARTTLS")
	switch {
	case a != nil && security == Opportunistic && !c.gone && !c.probe.Verify:
		return nil // plain text
	case a != nil:
		return a
	case c.br.Buffered() > 0:
		c.gone = true
		return &Answer{NoVerdict, TLS, nil, errNoTLS}
	}
	if a := c.handshake(); a != nil {
		return a
	}
	return c.hello()
}

// handshake begins TLS. A certificate or protocol that does not fit is a refusal of the probe; a lost connection and what is no TLS
// at all are no verdict.
func (c *conn) handshake() *Answer {
	t := tls.Client(c.Conn, &tls.Config{ServerName: c.probe.Host, InsecureSkipVerify: !c.probe.Verify})
	if err := t.HandshakeContext(c.ctx); err != nil {
		a := &Answer{Refused, TLS, nil, plain(err)}
		switch a.Err {
		case errTimeout, errClosed, errReset, errNoTLS:
			a.Verdict = NoVerdict
		}
		c.note("-- TLS: ", a.Err.Error())
		c.gone = true
		return a
	}
	c.note("-- ", tls.VersionName(t.ConnectionState().Version))
	c.Conn, c.br = t, newLineReader(t)
	return nil
}

// exchange sends the commands, in one group or one by one, and gives the replies that came. In lock-step it stops after a
// refused RSET or MAIL; after a 421 it always stops. The error says why a reply is missing.
func (c *conn) exchange(commands ...command) (replies []*Reply, err error) {
	step := 1
	if c.extensions["PIPELINING"] {
		step = len(commands)
	}
	for ; len(commands) > 0; commands = commands[step:] {
		if err := c.send(commands[:step]); err != nil {
			return replies, err
		}
		for _, cmd := range commands[:step] {
			r, err := c.reply()
			if err != nil {
				return replies, err
			}
			replies = append(replies, r)
			if r.Code == 421 || step == 1 && cmd.phase != Rcpt && r.Code/100 != 2 {
				return replies, nil
			}
		}
	}
	return replies, nil
}

// send writes the commands at once. If the peer is gone, reading tells why, so a failed write is no error.
func (c *conn) send(commands []command) error {
	if c.br.Buffered() > 0 {
		c.gone = true
		return errors.New("a reply that nobody asked for")
	}
	var b strings.Builder
	for _, cmd := range commands {
		c.note("C: ", cmd.line)
		b.WriteString(cmd.line + "\r\n")
	}
	c.sent = time.Now()
	_, _ = io.WriteString(c.Conn, b.String())
	return nil
}

func (c *conn) reply() (*Reply, error) {
	r, err := readReply(c.br, &c.left, func(line string) { c.note("S: ", line) })
	if err != nil {
		c.gone = true
		return nil, plain(err)
	}
	c.gone = r.Code == 421
	r.Time = time.Since(c.sent)
	return r, nil
}

// quit ends the transaction and the connection. The half-close after QUIT saves the 200 ms that Exim otherwise waits for one.
func (c *conn) quit() {
	defer func(start time.Time) {
		_ = c.Close()
		c.quitting += time.Since(start)
	}(time.Now())
	if !c.stop() || c.gone {
		return
	}
	_ = c.SetDeadline(time.Now().Add(quitWait))
	if c.transactions > 0 && !c.extensions["PIPELINING"] {
		_, _ = c.exchange(command{Reset, "RSET"})
		c.transactions = 0
	}
	commands := []command{{Reset, "RSET"}, {Quit, "QUIT"}}
	if c.transactions == 0 {
		commands = commands[1:]
	}
	if c.send(commands) != nil {
		return
	}
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
	for range commands {
		if _, err := c.reply(); err != nil {
			return
		}
	}
}

var (
	errTimeout = errors.New("no answer within the time limit")
	errClosed  = errors.New("connection closed")
	errReset   = errors.New("connection reset")
	errNoTLS   = errors.New("plain text or garbage where TLS should begin")
)

// plain takes addresses, system calls and the present time out of an error of the packages net and tls.
func plain(err error) error {
	var no syscall.Errno
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return errTimeout
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errClosed
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return errReset
	case errors.As(err, &no):
		return no
	case errors.As(err, &record):
		return errNoTLS
	case errors.As(err, &certificate):
		text, _, _ := strings.Cut(certificate.Err.Error(), ": current time")
		return errors.New(strings.TrimPrefix(text, "x509: "))
	}
	return err
}
