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
	"syscall"
	"time"

	"github.com/godbus/dbus/v5"
)

// maxTotal is how many bytes of answers are read: enough for maxTimers with their services, of which each has 14 KiB.
const maxTotal = 256 << 20

// maxMessage is how long a message may be (D-Bus specification, "Message Format").
const maxMessage = 128 << 20

// Conn is a connection to a systemd manager, for one goroutine. After an error that is not systemd's own answer it is of
// no more use.
type Conn struct {
	net      net.Conn
	limit    *io.LimitedReader // net, as far as we read it
	in       *bufio.Reader     // limit
	out      *bufio.Writer
	socket   socket
	loggedIn bool
	named    bool         // the bus has let us in, which gives us a name
	serial   uint32       // of the latest call
	call     bytes.Buffer // the latest call, as it was sent
	reply    bytes.Buffer // the latest message, as it was received
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
	what                    string // for errors: "read x.timer"
	to, path, iface, method string
	args                    []any
	reply                   func(m *dbus.Message) error
}

// Dial connects to the system's manager or, for user, to the caller's own: to the manager itself where that is allowed,
// else through the bus. DBUS_SYSTEM_BUS_ADDRESS is honoured; for user, XDG_RUNTIME_DIR and DBUS_SESSION_BUS_ADDRESS are.
// Nothing is started. The error says what became of each address.
func Dial(ctx context.Context, user bool) (*Conn, error) {
	sockets, err := sockets(user)
	for _, s := range sockets {
		c := &Conn{socket: s, clock: readClock()}
		dialErr := c.connect(ctx)
		if dialErr == nil {
			return c, nil
		}
		if no := syscall.Errno(0); errors.As(dialErr, &no) { // without the net package's names for what was tried
			dialErr = fmt.Errorf("%s: %w", s.path, no)
		}
		switch {
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

// connect writes the login, to be sent with the first calls: systemd and the bus read on after it.
func (c *Conn) connect(ctx context.Context) error {
	var d net.Dialer
	n, err := d.DialContext(ctx, "unix", c.socket.path)
	if err != nil {
		return err
	}
	c.net = n
	c.limit = &io.LimitedReader{R: c.net, N: maxTotal}
	c.in, c.out = bufio.NewReaderSize(c.limit, 64<<10), bufio.NewWriterSize(c.net, 64<<10)
	c.loggedIn, c.serial = false, 0
	_, err = fmt.Fprintf(c.out, "\x00AUTH EXTERNAL %x\r\nBEGIN\r\n", strconv.Itoa(os.Geteuid()))
	return err
}

// Close closes the connection.
func (c *Conn) Close() error { return c.net.Close() }

// exchange sends the calls together and hands each reply to its call, until ctx ends. A bus that has as many connections of this user as it
// allows (256 by default, which is soon reached when the checks of a host all start at once) is tried again until it has room.
func (c *Conn) exchange(ctx context.Context, calls []call) error {
	err := c.try(ctx, calls)
	for c.full(err) {
		c.net.Close()
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
		again := c.connect(ctx)
		if again == nil {
			again = c.try(ctx, calls)
		}
		if again != nil && !c.named && !c.full(again) {
			return fmt.Errorf("%w: %w", err, again)
		}
		err = again
	}
	return err
}

// full reports whether the bus has not let us in because it has no room.
func (c *Conn) full(err error) bool {
	var said dbus.Error
	return !c.named && errors.As(err, &said) && said.Name == "org.freedesktop.DBus.Error.LimitsExceeded"
}

func (c *Conn) try(ctx context.Context, calls []call) error {
	if len(calls) == 0 {
		return nil
	}
	if !c.named && c.socket.bus {
		hello := call{what: "log in", to: "org.freedesktop.DBus", path: "/org/freedesktop/DBus", iface: "org.freedesktop.DBus", method: "Hello"}
		hello.reply = func(*dbus.Message) error { c.named = true; return nil }
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
		replyTo, _ := m.Headers[dbus.FieldReplySerial].Value().(uint32)
		i := replyTo - first
		if replyTo == 0 || i >= uint32(len(calls)) || answered[i] {
			continue // a signal, or nothing that was asked for
		}
		answered[i] = true
		if err := calls[i].deliver(m); err != nil {
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
	case strings.HasSuffix(err.Error(), io.EOF.Error()): // godbus keeps only the text
		err = errors.New("the connection was closed")
	}
	return fmt.Errorf("%s: systemd at %s: %w", unanswered.what, c.socket.path, err)
}

// send writes a call; some of it is sent only by the next receive.
func (c *Conn) send(call call) error {
	m := &dbus.Message{Type: dbus.TypeMethodCall, Body: call.args, Headers: map[dbus.HeaderField]dbus.Variant{
		dbus.FieldPath:        dbus.MakeVariant(dbus.ObjectPath(call.path)),
		dbus.FieldDestination: dbus.MakeVariant(call.to),
		dbus.FieldInterface:   dbus.MakeVariant(call.iface),
		dbus.FieldMember:      dbus.MakeVariant(call.method),
	}}
	if len(call.args) > 0 {
		m.Headers[dbus.FieldSignature] = dbus.MakeVariant(dbus.SignatureOf(call.args...))
	}
	c.call.Reset()
	if err := m.EncodeTo(&c.call, binary.LittleEndian); err != nil {
		return err
	}
	c.serial++
	const serialAt = 8 // bytes into a message (D-Bus specification, "Message Format"); godbus keeps it to itself
	binary.LittleEndian.PutUint32(c.call.Bytes()[serialAt:], c.serial)
	_, err := c.out.Write(c.call.Bytes())
	return err
}

// receive sends what is still to be sent and reads a message.
func (c *Conn) receive() (*dbus.Message, error) {
	if err := c.out.Flush(); err != nil {
		return nil, err
	}
	names := used() // made while systemd is at work
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
	raw, err := c.message()
	if err != nil {
		return nil, err
	}
	return dbus.DecodeMessage(bytes.NewReader(thin(raw, names)))
}

// message reads a message. What it returns is good until the next call.
func (c *Conn) message() ([]byte, error) {
	header, err := c.in.Peek(fixedHeader)
	if err != nil {
		return nil, err
	}
	_, end, ok := bodyAt(header)
	if !ok || end > maxMessage {
		return nil, errors.New("invalid message: this is not D-Bus")
	}
	c.reply.Reset()
	c.reply.Grow(int(min(end, 64<<10))) // more of it when more has come
	_, err = io.CopyN(&c.reply, c.in, int64(end))
	return c.reply.Bytes(), err
}

// deliver hands the reply to its call. A reply that is an error is returned as a dbus.Error, with its text.
func (c *call) deliver(m *dbus.Message) error {
	if m.Type != dbus.TypeError {
		return c.reply(m)
	}
	name, _ := m.Headers[dbus.FieldErrorName].Value().(string)
	return dbus.Error{Name: name, Body: m.Body}
}
