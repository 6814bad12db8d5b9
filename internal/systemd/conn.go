package systemd

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"
)

const (
	maxMessage = 32 << 20  // bytes: a list of 100,000 units has 16 MiB, a unit's properties 14 KiB
	maxTotal   = 256 << 20 // bytes: enough for maxTimers with their services
)

// Conn is a connection to a systemd manager, for one goroutine. After an error that is not systemd's own answer it is of
// no more use.
type Conn struct {
	net      net.Conn
	limit    *io.LimitedReader // net, as far as we read it
	in       *bufio.Reader     // limit
	out      *bufio.Writer
	socket   socket
	loggedIn bool
	serial   uint32 // of the latest call
	call     []byte // the latest call, as it was sent
	clock    clock
	manager  properties        // what Host needs; nil values: not read yet
	list     map[string]listed // what Timers found
	listTime time.Time         // just before that
	stepped  bool              // the wall clock was stepped since the manager's start
}

// socket is where a manager can be asked.
type socket struct {
	path string // "@..." is an abstract one
	bus  bool   // a message bus is between us and systemd
}

// call is a method call and what is done with the reply to it.
type call struct {
	what   string // for errors: "read x.timer"
	path   string
	method string
	args   []any
	reply  func(w *wire, signature string) // what is wrong with the reply is left in w.err
}

// Dial connects to the system's manager or, for user, to the caller's own: to the manager itself where that is allowed,
// else through the bus. DBUS_SYSTEM_BUS_ADDRESS is honoured; for user, XDG_RUNTIME_DIR and DBUS_SESSION_BUS_ADDRESS are.
// Nothing is started. The error says what became of each address.
func Dial(ctx context.Context, user bool) (*Conn, error) {
	sockets, err := sockets(user)
	for _, s := range sockets {
		var d net.Dialer
		n, dialErr := d.DialContext(ctx, "unix", s.path)
		switch {
		case dialErr == nil:
			return newConn(n, s)
		case ctx.Err() != nil:
			return nil, fmt.Errorf("connect to systemd at %s: %w", s.path, ctx.Err())
		case err == nil:
			err = dialErr
		default:
			err = fmt.Errorf("%w; %w", err, dialErr)
		}
	}
	return nil, fmt.Errorf("connect to systemd: %w", err)
}

// sockets returns the sockets to try, in this order; the error is about addresses that cannot be used.
func sockets(user bool) ([]socket, error) {
	if !user {
		if address := os.Getenv("DBUS_SYSTEM_BUS_ADDRESS"); address != "" {
			return parseAddress(address)
		}
		all := []socket{{"/run/systemd/private", false}, {"/run/dbus/system_bus_socket", true}}
		if os.Geteuid() != 0 {
			all = all[1:]
		}
		return all, nil
	}
	dir := os.Getenv("XDG_RUNTIME_DIR")
	if dir == "" {
		dir = fmt.Sprintf("/run/user/%d", os.Geteuid())
	}
	all := []socket{{dir + "/systemd/private", false}}
	address := os.Getenv("DBUS_SESSION_BUS_ADDRESS")
	if address == "" {
		address = "unix:path=" + dir + "/bus"
	}
	buses, err := parseAddress(address)
	return append(all, buses...), err
}

// parseAddress returns the unix sockets of a list of D-Bus addresses: unix:path=/a%20b,guid=1;unix:abstract=c.
func parseAddress(address string) ([]socket, error) {
	var all []socket
	for _, one := range strings.Split(address, ";") {
		options, _ := strings.CutPrefix(one, "unix:")
		for _, option := range strings.Split(options, ",") {
			key, value, _ := strings.Cut(option, "=")
			value, err := url.PathUnescape(value)
			switch {
			case err != nil || value == "":
			case key == "path":
				all = append(all, socket{value, true})
			case key == "abstract":
				all = append(all, socket{"@" + value, true})
			}
		}
	}
	if all == nil {
		return nil, fmt.Errorf("D-Bus address %.300q has no unix socket", address)
	}
	return all, nil
}

// newConn writes the login, to be sent with the first calls: systemd and the bus read on after it.
func newConn(n net.Conn, s socket) (*Conn, error) {
	limit := &io.LimitedReader{R: n, N: maxTotal}
	c := &Conn{net: n, limit: limit, in: bufio.NewReaderSize(limit, 64<<10), out: bufio.NewWriterSize(n, 64<<10), socket: s, clock: readClock()}
	_, err := fmt.Fprintf(c.out, "\x00AUTH EXTERNAL %x\r\nBEGIN\r\n", strconv.Itoa(os.Geteuid()))
	return c, err
}

// Close closes the connection.
func (c *Conn) Close() error { return c.net.Close() }

// exchange sends the calls together and hands each reply to its call, until ctx ends.
func (c *Conn) exchange(ctx context.Context, calls []call) error {
	if len(calls) == 0 {
		return nil
	}
	if !c.loggedIn && c.socket.bus {
		hello := call{what: "log in", path: "/org/freedesktop/DBus", method: "org.freedesktop.DBus.Hello", reply: func(*wire, string) {}}
		calls = append([]call{hello}, calls...)
	}
	stop := context.AfterFunc(ctx, func() { c.net.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	first := c.serial + 1
	for _, call := range calls {
		if err := c.send(call); err != nil {
			return c.broken(ctx, call, err)
		}
	}
	answered := make([]bool, len(calls))
	for next := 0; next < len(calls); {
		if answered[next] {
			next++
			continue
		}
		m, err := c.receive()
		if err != nil {
			return c.broken(ctx, calls[next], err)
		}
		i := m.replyTo - first
		if m.replyTo == 0 || i >= uint32(len(calls)) || answered[i] {
			continue // a signal, or nothing that was asked for
		}
		answered[i] = true
		if err := m.deliver(calls[i]); err != nil {
			return fmt.Errorf("%s: %w", calls[i].what, err)
		}
	}
	return nil
}

// broken says which call was the first to have no answer, and why.
func (c *Conn) broken(ctx context.Context, unanswered call, err error) error {
	switch {
	case ctx.Err() != nil:
		err = fmt.Errorf("no answer: %w", ctx.Err())
	case c.limit.N <= 0:
		err = fmt.Errorf("more than %d MiB of answers", maxTotal>>20)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		err = errors.New("the connection was closed")
	}
	return fmt.Errorf("%s: systemd at %s: %w", unanswered.what, c.socket.path, err)
}

// send writes a call; some of it is sent only by the next receive.
func (c *Conn) send(call call) error {
	dot := strings.LastIndexByte(call.method, '.')
	destination := systemd1
	if strings.HasPrefix(call.method, "org.freedesktop.DBus.Hello") {
		destination = "org.freedesktop.DBus"
	}
	c.serial++
	args, types := marshal(call.args)
	b := append(c.call[:0], 'l', byte(dbus.TypeMethodCall), byte(dbus.FlagNoAutoStart), 1)
	b = putUint32(b, uint32(len(args)), c.serial, 0)
	b = putField(b, dbus.FieldPath, 'o', call.path)
	b = putField(b, dbus.FieldDestination, 's', destination)
	b = putField(b, dbus.FieldInterface, 's', call.method[:dot])
	b = putField(b, dbus.FieldMember, 's', call.method[dot+1:])
	if types != "" {
		b = append(pad(b, 8), byte(dbus.FieldSignature), 1, 'g', 0, byte(len(types)))
		b = append(append(b, types...), 0)
	}
	binary.LittleEndian.PutUint32(b[12:], uint32(len(b)-16))
	c.call = append(pad(b, 8), args...)
	_, err := c.out.Write(c.call)
	return err
}

// marshal returns the body of a call and its type; the arguments are of the types that the calls here have.
func marshal(args []any) (b []byte, types string) {
	for _, arg := range args {
		switch arg := arg.(type) {
		case uint32:
			b, types = putUint32(pad(b, 4), arg), types+"u"
		case string:
			b, types = putString(b, arg), types+"s"
		case []string:
			at := len(pad(b, 4))
			b = putUint32(pad(b, 4), 0)
			for _, s := range arg {
				b = putString(b, s)
			}
			binary.LittleEndian.PutUint32(b[at:], uint32(len(b)-at-4))
			types += "as"
		}
	}
	return b, types
}

func putField(b []byte, field dbus.HeaderField, kind byte, s string) []byte {
	return putString(append(pad(b, 8), byte(field), 1, kind, 0), s)
}

func putString(b []byte, s string) []byte {
	return append(append(putUint32(pad(b, 4), uint32(len(s))), s...), 0)
}

func putUint32(b []byte, all ...uint32) []byte {
	for _, n := range all {
		b = binary.LittleEndian.AppendUint32(b, n)
	}
	return b
}

func pad(b []byte, n int) []byte { return append(b, make([]byte, (n-len(b)%n)%n)...) }

// message is a message that was received.
type message struct {
	kind      dbus.Type
	replyTo   uint32 // serial of the call; 0: it is no reply
	signature string
	errorName string
	body      wire
}

// deliver hands the reply to its call. A reply that is an error is returned as a dbus.Error, with its text.
func (m *message) deliver(call call) error {
	if m.kind != dbus.TypeError {
		call.reply(&m.body, m.signature)
		return m.body.err
	}
	e := dbus.Error{Name: m.errorName}
	if strings.HasPrefix(m.signature, "s") {
		e.Body = []any{m.body.string()}
	}
	return e
}

// receive sends what is still to be sent and reads a message.
func (c *Conn) receive() (*message, error) {
	if err := c.out.Flush(); err != nil {
		return nil, err
	}
	if !c.loggedIn {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return nil, err
		}
		if !bytes.HasPrefix(line, []byte("OK")) {
			return nil, fmt.Errorf("the login was refused: %.100q", bytes.TrimSpace(line))
		}
		c.loggedIn = true
	}
	head, err := c.in.Peek(16)
	if err != nil {
		return nil, err
	}
	m := &message{kind: dbus.Type(head[1]), body: wire{order: binary.LittleEndian, pos: 12}}
	if head[0] == 'B' {
		m.body.order = binary.BigEndian
	}
	size := 16 + (uint64(m.body.order.Uint32(head[12:]))+7)/8*8 + uint64(m.body.order.Uint32(head[4:]))
	if size > maxMessage {
		return nil, fmt.Errorf("a message of %d bytes is too long", size)
	}
	m.body.b = make([]byte, size)
	if _, err := io.ReadFull(c.in, m.body.b); err != nil {
		return nil, err
	}
	m.body.array(8, m.field)
	m.body.next(8, 0)
	m.body.b, m.body.pos = m.body.b[m.body.pos:], 0
	return m, m.body.err
}

// field reads one field of the header.
func (m *message) field() {
	w := &m.body
	field, signature := dbus.HeaderField(w.byte()), w.signature()
	switch {
	case field == dbus.FieldReplySerial && signature == "u":
		m.replyTo = w.uint32()
	case field == dbus.FieldSignature && signature == "g":
		m.signature = w.signature()
	case field == dbus.FieldErrorName && signature == "s":
		m.errorName = w.string()
	default:
		w.skip(signature, 0)
	}
}
