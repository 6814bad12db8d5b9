package systemd

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/godbus/dbus/v5"
)

const (
	maxTotal = 256 << 20             // bytes of answers: maxTimers services have 14 KiB each
	pause    = 20 * time.Millisecond // before a bus is tried again
	patience = time.Second           // with a bus that is being restarted

	// PID 1 sends each answer by itself. Where many are awaited a nap lets them gather.
	many = 10
	nap  = time.Millisecond
)

// bus is a connection to a message bus, or to systemd itself, which speaks as a bus does. It is for
// one goroutine, and knows nothing of what is asked.
type bus struct {
	socket   socket
	stream   *stream
	limit    *io.LimitedReader // stream, as far as we read it
	in       *bufio.Reader     // limit
	out      *bufio.Writer
	loggedIn bool
	named    bool   // the bus has let us in, which gives us a name
	serial   uint32 // of the latest call
	broken   bool   // nothing more can be asked on this connection
}

// call is a method call and what is done with the reply to it.
type call struct {
	what                    string // for errors: "read x.timer"
	to, path, iface, method string
	args                    []any // string, uint32 or []string
	reply                   func(m reply) error
}

// silence is the error of a call that was not answered in time.
type silence struct {
	end  error // of the context
	last error // what was said when it was tried before; nil: nothing
}

func (s silence) Error() string {
	if s.last == nil {
		return "no answer in time"
	}
	return "no answer in time: " + s.last.Error()
}

func (s silence) Unwrap() error { return s.end }

var errClosed = errors.New("the connection was closed")

// connect opens the connection and writes the login, to be sent with the first calls: systemd and a
// bus read on after it. A socket that has no room, or to which nobody listens at the moment, is
// tried again.
func (b *bus) connect(ctx context.Context) error {
	for began := time.Now(); ; {
		s, err := dialStream(ctx, b.socket.path)
		if err == nil {
			b.stream = s
			break
		}
		if err = plain(ctx, err); !again(err, began) || !wait(ctx) {
			return err
		}
	}
	b.limit = &io.LimitedReader{R: b.stream, N: maxTotal}
	b.in, b.out = bufio.NewReaderSize(b.limit, 64<<10), bufio.NewWriterSize(b.stream, 16<<10)
	b.loggedIn, b.named, b.serial, b.broken = false, !b.socket.bus, 0, false
	_, err := fmt.Fprintf(b.out, "\x00AUTH EXTERNAL %x\r\nBEGIN\r\n", strconv.Itoa(os.Geteuid()))
	return err
}

// exchange sends the calls together, hands each reply to its call, and gives for each call the
// error it ended with: systemd's own (a dbus.Error), that of its reply function, or why there is no
// answer. A bus that is full or being restarted is tried again, until ctx ends.
func (b *bus) exchange(ctx context.Context, calls []call) []error {
	errs, open := make([]error, len(calls)), make([]int, len(calls))
	for i := range calls {
		open[i] = i
	}
	for began := time.Now(); len(open) > 0; {
		b.try(ctx, calls, open, errs)
		open = slices.DeleteFunc(open, func(i int) bool { return !again(errs[i], began) })
		if len(open) > 0 && !wait(ctx) {
			for _, i := range open {
				errs[i] = silence{ctx.Err(), errs[i]}
			}
			break
		}
	}
	for i, err := range errs {
		if err != nil {
			errs[i] = fmt.Errorf("%s: %w", calls[i].what, err)
		}
	}
	return errs
}

// again reports whether what failed may succeed if it is tried again. A bus allows 256 connections
// of one user (by default), soon reached when all checks of a host start at once; one that is
// restarted closes its connections, and systemd comes to it a moment later.
func again(err error, began time.Time) bool {
	var said dbus.Error
	if errors.As(err, &said) {
		switch said.Name {
		case "org.freedesktop.DBus.Error.LimitsExceeded":
			return true
		case "org.freedesktop.DBus.Error.NoReply", "org.freedesktop.DBus.Error.Disconnected",
			"org.freedesktop.DBus.Error.NameHasNoOwner",
			"org.freedesktop.DBus.Error.ServiceUnknown":
			return time.Since(began) < patience
		}
		return false
	}
	switch {
	case errors.Is(err, syscall.EAGAIN):
		return true
	case errors.Is(err, errClosed), errors.Is(err, syscall.ECONNRESET),
		errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNREFUSED):
		return time.Since(began) < patience
	}
	return false
}

// wait waits a moment; false if there is no time for it.
func wait(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(pause):
		return true
	}
}

// try asks those of the calls that are open, and notes how each of them ended.
func (b *bus) try(ctx context.Context, calls []call, open []int, errs []error) {
	sent, err := b.send(ctx, calls, open)
	for err == nil && len(sent) > 0 {
		var m reply
		if m, err = b.receive(len(sent)); err != nil {
			break
		}
		i, ok := sent[m.replyTo]
		delete(sent, m.replyTo)
		switch {
		case !ok: // a signal, or the answer to what nobody waits for any more
		case i == hello:
			err = m.err()
			b.named, b.broken = err == nil, err != nil
		default:
			if errs[i] = m.err(); errs[i] == nil {
				errs[i] = calls[i].reply(m)
			}
		}
	}
	if err != nil {
		err = b.unanswered(ctx, err)
	}
	for _, i := range sent {
		switch late := (silence{}); {
		case i == hello:
		case errors.As(err, &late) && errs[i] != nil:
			errs[i] = silence{late.end, errs[i]}
		default:
			errs[i] = err
		}
	}
}

// hello stands for the call that logs in to a bus, in place of the index of a call.
const hello = -1

// send sends those of the calls that are open, after the login if that is still to come. Some of it
// is sent only by the next receive. It gives the index of the call for each serial.
func (b *bus) send(ctx context.Context, calls []call, open []int) (sent map[uint32]int, err error) {
	sent = map[uint32]int{}
	if b.broken {
		b.stream.Close()
		err = b.connect(ctx)
	}
	write := func(i int, c call) {
		b.serial++
		sent[b.serial] = i
		if err == nil {
			_, err = b.out.Write(c.encode(b.serial))
			b.broken = err != nil
		}
	}
	if err == nil {
		b.stream.deadline, _ = ctx.Deadline()
	}
	if !b.named {
		const name = "org.freedesktop.DBus"
		write(hello, call{to: name, path: "/org/freedesktop/DBus", iface: name, method: "Hello"})
	}
	for _, i := range open {
		write(i, calls[i])
	}
	return sent, err
}

// receive sends what is still to be sent and reads a message, of several that are awaited.
func (b *bus) receive(awaited int) (reply, error) {
	if err := b.out.Flush(); err != nil {
		b.broken = true
		return reply{}, err
	}
	if awaited >= many && b.in.Buffered() == 0 {
		time.Sleep(nap)
	}
	if !b.loggedIn {
		line, err := b.in.ReadSlice('\n')
		if err == nil && !bytes.HasPrefix(line, []byte("OK")) {
			err = fmt.Errorf("the login was refused: %.100q", bytes.TrimSpace(line))
		}
		if b.broken = err != nil; b.broken {
			return reply{}, err
		}
		b.loggedIn = true
	}
	header, err := b.in.Peek(fixedHeader)
	if err != nil {
		b.broken = !errors.Is(err, os.ErrDeadlineExceeded) // the message may still come
		return reply{}, err
	}
	n, ok := length(header)
	if b.broken = !ok; b.broken {
		return reply{}, errMessage
	}
	var message []byte
	for rest := int(n); rest > 0; rest = int(n) - len(message) { // more room when more has come
		have, part := len(message), min(rest, 64<<10)
		message = slices.Grow(message, part)[:have+part]
		if _, err = io.ReadFull(b.in, message[have:]); err != nil {
			b.broken = true
			return reply{}, err
		}
	}
	return decode(message)
}

// unanswered says why a call has no answer.
func (b *bus) unanswered(ctx context.Context, err error) error {
	if b.limit != nil && b.limit.N <= 0 {
		err = fmt.Errorf("more than %d MiB of answers", maxTotal>>20)
	}
	err = fmt.Errorf("systemd at %s: %w", b.socket.path, plain(ctx, err))
	if !b.named {
		err = fmt.Errorf("log in: %w", err)
	}
	return err
}

// plain says in the words of the field why a connection failed: with the operating system's error,
// and without the names that Go gives to what it tried.
func plain(ctx context.Context, err error) error {
	no := syscall.Errno(0)
	switch {
	case errors.As(err, &no):
		return no
	case errors.Is(err, os.ErrDeadlineExceeded), ctx.Err() != nil:
		<-ctx.Done() // the deadline is its own
		return silence{end: ctx.Err()}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errClosed
	}
	return err
}
