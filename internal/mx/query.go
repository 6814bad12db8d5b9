package mx

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

const (
	attemptTime = time.Second // for one server; resolv.conf(5) has 5 s, too long if one is dead
	rounds      = 4           // of all servers; a slow server has cached the answer by the next
	maxServers  = 3           // of /etc/resolv.conf
)

var (
	errMalformed = errors.New("malformed answer")
	errNoAnswer  = errors.New("no answer")
)

// query returns an answer with the code NOERROR or NXDOMAIN. The error says which other code came,
// or which server did not answer.
func (r Resolver) query(ctx context.Context, name string,
	kind dnsmessage.Type) (m *dnsmessage.Message, err error) {
	wire, err := dnsmessage.NewName(strings.TrimSuffix(name, ".") + ".")
	if err != nil {
		return nil, fmt.Errorf("look up %.80q: %w", name, err)
	}
	q := dnsmessage.Message{Header: dnsmessage.Header{RecursionDesired: true}}
	q.Questions = []dnsmessage.Question{{Name: wire, Type: kind, Class: dnsmessage.ClassINET}}
	servers := r.servers()
	for i := range rounds * len(servers) {
		m, err = ask(ctx, servers[i%len(servers)], q)
		if err == nil || ctx.Err() != nil {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("look up %s of %s: %w", strings.TrimPrefix(kind.String(), "Type"),
			name, err)
	}
	return m, nil
}

// ask asks one server over UDP, and over TCP if the answer does not fit.
func ask(ctx context.Context, server string, q dnsmessage.Message) (*dnsmessage.Message, error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTime)
	defer cancel()
	q.ID = uint16(rand.Uint32())
	m, err := exchange(ctx, "udp", server, q)
	if err == nil && m.Truncated {
		m, err = exchange(ctx, "tcp", server, q)
	}
	switch {
	case errors.Is(err, errMalformed):
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("%w from %s", errNoAnswer, server)
	case m.RCode == dnsmessage.RCodeServerFailure:
		return nil, errors.New("SERVFAIL")
	case m.RCode == dnsmessage.RCodeRefused:
		return nil, errors.New("REFUSED")
	case m.RCode != dnsmessage.RCodeSuccess && m.RCode != dnsmessage.RCodeNameError:
		return nil, fmt.Errorf("response code %d", m.RCode)
	}
	return m, nil
}

func exchange(ctx context.Context, network, server string,
	q dnsmessage.Message) (*dnsmessage.Message, error) {
	packed, err := q.Pack()
	if err != nil {
		return nil, err
	}
	c, err := new(net.Dialer).DialContext(ctx, network, server)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	deadline, _ := ctx.Deadline()
	_ = c.SetDeadline(deadline)
	if network == "tcp" {
		packed = append(binary.BigEndian.AppendUint16(nil, uint16(len(packed))), packed...)
	}
	if _, err := c.Write(packed); err != nil {
		return nil, err
	}
	for {
		raw, err := receive(c, network)
		if err != nil {
			return nil, err
		}
		if m, err := match(raw, q); m != nil || err != nil {
			return m, err
		}
	}
}

// match returns the message if it answers the question; nil for a forged or late message.
func match(raw []byte, q dnsmessage.Message) (*dnsmessage.Message, error) {
	if len(raw) < 2 || binary.BigEndian.Uint16(raw) != q.ID {
		return nil, nil
	}
	m := new(dnsmessage.Message)
	if m.Unpack(raw) != nil {
		return nil, errMalformed
	}
	if !m.Response || !slices.EqualFunc(m.Questions, q.Questions, sameQuestion) {
		return nil, nil
	}
	return m, nil
}

// sameQuestion compares names without case: a server may repeat the name in another one (RFC 4343).
func sameQuestion(a, b dnsmessage.Question) bool {
	return a.Type == b.Type && a.Class == b.Class &&
		strings.EqualFold(a.Name.String(), b.Name.String())
}

func receive(c net.Conn, network string) ([]byte, error) {
	if network == "udp" {
		raw := make([]byte, 4096)
		n, err := c.Read(raw)
		return raw[:n], err
	}
	var size [2]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		return nil, err
	}
	raw := make([]byte, binary.BigEndian.Uint16(size[:]))
	_, err := io.ReadFull(c, raw)
	return raw, err
}

// servers returns Resolver.Server, else the servers of /etc/resolv.conf, else the local server
// (resolv.conf(5)).
func (r Resolver) servers() (servers []string) {
	if r.Server != "" {
		return []string{r.Server}
	}
	text, _ := os.ReadFile("/etc/resolv.conf")
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "nameserver" &&
			len(servers) < maxServers {
			servers = append(servers, net.JoinHostPort(f[1], "53"))
		}
	}
	if servers == nil {
		return []string{"127.0.0.1:53"}
	}
	return servers
}

// lookupProblem says in a few words why net.Resolver found nothing.
func (r Resolver) lookupProblem(err error) string {
	var dns *net.DNSError
	var family *net.AddrError
	switch {
	case errors.As(err, &family): // the name is an address of the other kind
		return "no " + r.addressKind()
	case !errors.As(err, &dns):
		return err.Error()
	// SERVFAIL, or an answer that package net does not understand
	case dns.IsTemporary && dns.Err == "server misbehaving":
		return "look up: SERVFAIL"
	case dns.IsTimeout, dns.IsTemporary:
		return strings.TrimSuffix("look up: no answer from "+cmp.Or(r.Server, dns.Server), " from ")
	case dns.IsNotFound:
		return "no such host or no " + r.addressKind()
	}
	return "look up: " + dns.Err
}
