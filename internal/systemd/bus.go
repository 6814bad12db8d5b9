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
	maxTotal    = 256 << 20             // bytes of answers: maxTimers services have 14 KiB each
	retryPause  = 20 * time.Millisecond // between two attempts
	restartTime = time.Second           // how long a bus that is being restarted is tried again

	// PID 1 sends each answer by itself. If at least manyAnswers are awaited, a read waits for
	// gatherTime, so that it gets several.
	manyAnswers = 10
	gatherTime  = time.Millisecond
)

// bus is a connection of one goroutine to a message bus, or to systemd itself, which speaks the
// same protocol.
type bus struct {
	socket   socket
	stream   *stream
	limit    *io.LimitedReader // reads stream, up to maxTotal bytes
	in       *bufio.Reader     // reads limit
	out      *bufio.Writer
	loggedIn bool   // AUTH was accepted
	greeted  bool   // Hello was answered; systemd itself needs none
	serial   uint32 // of the latest call
	broken   bool   // the connection cannot be used any more
}

// call is a method call and the function that reads its reply.
type call struct {
	what                    string // for errors: "read x.timer"
	to, path, iface, method string
	args                    []any // string, uint32 or []string
	reply                   func(m reply) error
}

// noAnswer is the error of a call that was not answered in time.
type noAnswer struct {
	end  error // ctx.Err()
	last error // of the attempt before; nil: none
}

func (e noAnswer) Error() string {
	if e.last == nil {
		return "no answer in time"
	}
	return "no answer in time: " + e.last.Error()
}

func (e noAnswer) Unwrap() error { return e.end }

var errClosed = errors.New("the connection was closed")

// connect opens the connection and buffers the login, which is sent together with the first calls:
// systemd and a bus accept that. A socket that is full, or on which nobody listens at the moment,
// is tried again.
func (b *bus) connect(ctx context.Context) error {
	for began := time.Now(); ; {
		s, err := dialStream(ctx, b.socket.path)
		if err == nil {
			b.stream = s
			break
		}
		if err = connectionError(ctx, err); !retryable(err, began) || !waitToRetry(ctx) {
			return err
		}
	}
	b.limit = &io.LimitedReader{R: b.stream, N: maxTotal}
	b.in, b.out = bufio.NewReaderSize(b.limit, 64<<10), bufio.NewWriterSize(b.stream, 16<<10)
	b.loggedIn, b.greeted, b.serial, b.broken = false, !b.socket.viaBus, 0, false
	_, err := fmt.Fprintf(b.out, "\x00AUTH EXTERNAL %x\r\nBEGIN\r\n", strconv.Itoa(os.Geteuid()))
	return err
}

// exchange sends the calls together and passes each reply to its call. It returns an error for each
// call: systemd's own (a dbus.Error), that of the reply function, or the reason why there is no
// answer; nil: none. A retryable call is repeated until ctx ends.
func (b *bus) exchange(ctx context.Context, calls []call) []error {
	errs, open := make([]error, len(calls)), make([]int, len(calls))
	for i := range calls {
		open[i] = i
	}
	for began := time.Now(); len(open) > 0; {
		b.try(ctx, calls, open, errs)
		open = slices.DeleteFunc(open, func(i int) bool { return !retryable(errs[i], began) })
		if len(open) > 0 && !waitToRetry(ctx) {
			for _, i := range open {
				errs[i] = noAnswer{ctx.Err(), errs[i]}
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

// retryable reports whether a new attempt may succeed. A bus allows 256 connections of one user (by
// default), which the checks of a host may reach if all start at once. A bus that is restarted
// closes its connections, and systemd connects to it a moment later.
func retryable(err error, began time.Time) bool {
	const prefix = "org.freedesktop.DBus.Error."
	var said dbus.Error
	errors.As(err, &said)
	switch {
	case said.Name == prefix+"LimitsExceeded", errors.Is(err, syscall.EAGAIN):
		return true
	case said.Name == prefix+"NoReply", said.Name == prefix+"Disconnected",
		said.Name == prefix+"NameHasNoOwner", said.Name == prefix+"ServiceUnknown",
		errors.Is(err, errClosed), errors.Is(err, syscall.ECONNRESET),
		errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNREFUSED):
		return time.Since(began) < restartTime
	}
	return false
}

// waitToRetry waits for retryPause; false if ctx ended.
func waitToRetry(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(retryPause):
		return true
	}
}

// try makes one attempt at the calls with the indexes open, and sets their errors.
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
		case !ok: // a signal, or a late answer to an earlier attempt
		case i == hello:
			err = m.err()
			b.greeted, b.broken = err == nil, err != nil
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
		switch late := (noAnswer{}); {
		case i == hello:
		case errors.As(err, &late) && errs[i] != nil:
			errs[i] = noAnswer{late.end, errs[i]}
		default:
			errs[i] = err
		}
	}
}

// hello is the index of the call Hello, by which a client enters a bus.
const hello = -1

// send writes the calls with the indexes open, after Hello if that is still needed. The next
// receive sends what is still buffered. sent has the index of the call for each serial.
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
	if !b.greeted {
		const name = "org.freedesktop.DBus"
		write(hello, call{to: name, path: "/org/freedesktop/DBus", iface: name, method: "Hello"})
	}
	for _, i := range open {
		write(i, calls[i])
	}
	return sent, err
}

// receive sends what is still buffered, and reads one of the awaited messages.
func (b *bus) receive(awaited int) (reply, error) {
	b.broken = true // until a whole message is read
	if err := b.out.Flush(); err != nil {
		return reply{}, err
	}
	if awaited >= manyAnswers && b.in.Buffered() == 0 {
		time.Sleep(gatherTime)
	}
	if !b.loggedIn {
		line, err := b.in.ReadSlice('\n')
		if err == nil && !bytes.HasPrefix(line, []byte("OK")) {
			err = fmt.Errorf("the login was refused: %.100q", bytes.TrimSpace(line))
		}
		if err != nil {
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
	if !ok {
		return reply{}, errMessage
	}
	var message []byte
	for len(message) < n { // n may be wrong: grow by and by
		have, part := len(message), min(n-len(message), 64<<10)
		message = slices.Grow(message, part)[:have+part]
		if _, err = io.ReadFull(b.in, message[have:]); err != nil {
			return reply{}, err
		}
	}
	b.broken = false
	return decode(message)
}

// unanswered returns the reason why a call has no answer, with the socket.
func (b *bus) unanswered(ctx context.Context, err error) error {
	if b.limit.N <= 0 {
		err = fmt.Errorf("more than %d MiB of answers", maxTotal>>20)
	}
	err = fmt.Errorf("systemd at %s: %w", b.socket.path, connectionError(ctx, err))
	if !b.greeted {
		err = fmt.Errorf("log in: %w", err)
	}
	return err
}

// connectionError returns the cause of a failed connection: the operating system's error without
// Go's words around it, noAnswer, or errClosed.
func connectionError(ctx context.Context, err error) error {
	no := syscall.Errno(0)
	switch {
	case errors.As(err, &no):
		return no
	case errors.Is(err, os.ErrDeadlineExceeded), ctx.Err() != nil:
		<-ctx.Done() // the socket has the deadline of ctx
		return noAnswer{end: ctx.Err()}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errClosed
	}
	return err
}
