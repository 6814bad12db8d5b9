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

// conn sends commands and reads replies. Of replies it only knows 421: the server will close.
type conn struct {
	nc       net.Conn
	in       replies
	out      []byte // buffer of write
	rec      *record
	lost     error // why no more commands can be sent; nil if they can
	closing  bool  // the server has sent 421
	deadline time.Time
	stop     func() bool // stops the context.AfterFunc of dial
}

// dial connects. If the host has no free file descriptor (EMFILE), it tries again until another
// dialogue has ended.
func dial(ctx context.Context, p *Probe, rec *record) (*conn, error) {
	rec.add(false, "-- connect to ", p.Addr.String())
	d := net.Dialer{KeepAlive: -1} // saves four system calls: a deadline ends each dialogue
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

// handshake starts TLS. If the server has sent plain text before (RFC 3207 6), the error is
// errNoTLS, whether the text is in the buffer or the handshake reads it. With an invalid
// certificate, the state has only PeerCertificates.
func (c *conn) handshake(ctx context.Context, p *Probe) (tls.ConnectionState, error) {
	if c.in.br.Buffered() > 0 {
		c.lost = errNoTLS
		return tls.ConnectionState{}, errNoTLS
	}
	t := tls.Client(c.nc, &tls.Config{ServerName: p.TLSName, InsecureSkipVerify: !p.Verify})
	if err := t.HandshakeContext(ctx); err != nil {
		c.lost = shortError(err)
		if bad, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
			return tls.ConnectionState{PeerCertificates: bad.UnverifiedCertificates}, c.lost
		}
		return tls.ConnectionState{}, c.lost
	}
	c.nc, c.in.br = t, newLineReader(t)
	return t.ConnectionState(), nil
}

// exchange sends the commands at once and reads a reply to each. With an error, it returns the
// replies that came before. It ignores a failed write, because the next read says why the server is
// gone. Without keepAll, the record keeps only negative replies.
func (c *conn) exchange(commands []string, keepAll bool) ([]*Reply, error) {
	if c.lost == nil && c.in.br.Buffered() > 0 {
		c.lost = errUnasked
	}
	if c.lost != nil {
		return nil, c.lost
	}
	c.in.left += lineBytes * len(commands)
	if c.closing {
		c.within(closingWait)
	}
	c.write(commands)
	replies := make([]*Reply, 0, len(commands))
	for _, command := range commands {
		r, err := c.reply()
		keep := keepAll || err != nil || negative(r)
		c.rec.add(keep, "C: ", command)
		c.rec.addAll(keep, "S: ", c.in.lines)
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

// reply reads one reply. After a 421 the server closes the connection (RFC 5321 3.8). Some servers
// send more replies, so reply waits for them, up to closingWait.
func (c *conn) reply() (*Reply, error) {
	r, err := c.in.read()
	if err != nil {
		c.lost = shortError(err)
		if c.closing && c.lost == errTimeout && time.Now().Before(c.deadline) {
			c.lost = errClosed
		}
		return nil, c.lost
	}
	if r.Code == 421 {
		c.closing = true
		c.within(closingWait)
	}
	return r, nil
}

// within limits the wait for the next replies; the deadline holds, too.
func (c *conn) within(wait time.Duration) {
	until := time.Now().Add(wait)
	if c.deadline.Before(until) {
		until = c.deadline
	}
	_ = c.nc.SetDeadline(until)
}

// close sends the last commands and closes the connection. Exim waits up to 200 ms after QUIT until
// the client closes its side, so close does this at once.
func (c *conn) close(pipelining bool, last []string) {
	defer c.nc.Close()
	if !c.stop() || c.lost != nil {
		return
	}
	_ = c.nc.SetDeadline(time.Now().Add(quitWait))
	if !pipelining {
		for ; len(last) > 1; last = last[1:] {
			if _, err := c.exchange(last[:1], false); err != nil {
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
