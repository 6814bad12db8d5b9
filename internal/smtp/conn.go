package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"syscall"
	"time"
)

const (
	quitWait    = 250 * time.Millisecond
	closingWait = time.Second // for more replies after a 421
)

// conn carries commands and replies. It knows nothing of what they mean, but that a 421 may be the
// last reply.
type conn struct {
	nc       net.Conn
	in       replies
	out      []byte // buffer for the commands that are sent at once
	rec      *record
	lost     error // why nothing more can be said
	closing  bool  // the server has said 421
	deadline time.Time
	stop     func() bool // ends the watch on the context
}

// dial connects. A host that has no file descriptors left waits until another dialogue ends.
func dial(ctx context.Context, p *Probe, rec *record) (*conn, error) {
	rec.add(false, "-- connect to ", p.Addr.String())
	d := net.Dialer{KeepAlive: -1} // spares four system calls: a deadline ends each dialogue
	if p.Source.IsValid() {
		d.LocalAddr = &net.TCPAddr{IP: p.Source.AsSlice()}
	}
	nc, err := d.DialContext(ctx, "tcp", p.Addr.String())
	for errors.Is(err, syscall.EMFILE) && ctx.Err() == nil {
		time.Sleep(10 * time.Millisecond)
		nc, err = d.DialContext(ctx, "tcp", p.Addr.String())
	}
	if err != nil {
		return nil, err
	}
	c := &conn{nc: nc, in: replies{br: newLineReader(nc), left: connectionBytes}, rec: rec}
	c.deadline, _ = ctx.Deadline()
	_ = nc.SetDeadline(c.deadline)
	c.stop = context.AfterFunc(ctx, func() { _ = nc.SetDeadline(time.Unix(1, 0)) })
	return c, nil
}

// handshake begins TLS. Plain text that the server sent before is an error (RFC 3207 4.2, 6), the
// same whether it is there already or reaches the handshake.
func (c *conn) handshake(ctx context.Context, p *Probe) (tls.ConnectionState, error) {
	if c.in.br.Buffered() > 0 {
		c.lost = errNoTLS
		return tls.ConnectionState{}, errNoTLS
	}
	t := tls.Client(c.nc, &tls.Config{ServerName: p.TLSName, InsecureSkipVerify: !p.Verify})
	if err := t.HandshakeContext(ctx); err != nil {
		c.lost = plain(err)
		var bad *tls.CertificateVerificationError
		if errors.As(err, &bad) {
			return tls.ConnectionState{PeerCertificates: bad.UnverifiedCertificates}, c.lost
		}
		return tls.ConnectionState{}, c.lost
	}
	c.nc, c.in.br = t, newLineReader(t)
	return t.ConnectionState(), nil
}

// exchange sends the commands at once and reads a reply to each. The error says why those are
// missing that are. If the peer is gone, reading tells why, so a failed write is no error. The
// record keeps the replies that are odd.
func (c *conn) exchange(commands []string, odd func(*Reply) bool) ([]*Reply, error) {
	if c.lost == nil && c.in.br.Buffered() > 0 {
		c.lost = errUnasked
	}
	if c.lost != nil {
		return nil, c.lost
	}
	c.in.left += lineBytes * len(commands)
	if c.closing {
		_ = c.nc.SetDeadline(earlier(c.deadline, time.Now().Add(closingWait)))
	}
	c.write(commands)
	replies := make([]*Reply, 0, len(commands))
	for _, command := range commands {
		r, err := c.reply()
		isOdd := err != nil || odd(r)
		c.rec.add(isOdd, "C: ", command)
		c.rec.addAll(isOdd, "S: ", c.in.lines)
		if err != nil {
			c.rec.add(true, "-- ", err.Error())
			return replies, err
		}
		replies = append(replies, r)
	}
	return replies, nil
}

func (c *conn) write(commands []string) {
	c.out = c.out[:0]
	for _, command := range commands {
		c.out = append(append(c.out, command...), "\r\n"...)
	}
	_, _ = c.nc.Write(c.out)
}

// reply reads one reply. After a 421 the server closes (RFC 5321 3.8), but some go on: more replies
// are waited for, not long.
func (c *conn) reply() (*Reply, error) {
	r, err := c.in.read()
	if err != nil {
		c.lost = plain(err)
		if c.closing && c.lost == errTimeout && time.Now().Before(c.deadline) {
			c.lost = errClosed
		}
		return nil, c.lost
	}
	if r.Code == 421 {
		c.closing = true
		_ = c.nc.SetDeadline(earlier(c.deadline, time.Now().Add(closingWait)))
	}
	return r, nil
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// close says the last commands and ends the connection. The half-close after QUIT saves the 200 ms
// that Exim otherwise waits for one.
func (c *conn) close(pipelining bool, last []string) {
	defer c.nc.Close()
	if !c.stop() || c.lost != nil {
		return
	}
	_ = c.nc.SetDeadline(time.Now().Add(quitWait))
	if !pipelining {
		for ; len(last) > 1; last = last[1:] {
			if _, err := c.exchange(last[:1], notAccepted); err != nil {
				return
			}
		}
	}
	c.in.left += lineBytes * len(last)
	if c.in.br.Buffered() > 0 {
		return
	}
	c.write(last)
	if half, ok := c.nc.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
	for _, command := range last {
		r, err := c.reply()
		c.rec.add(false, "C: ", command)
		c.rec.addAll(false, "S: ", c.in.lines)
		if err != nil || r.Code == 421 {
			return
		}
	}
}
