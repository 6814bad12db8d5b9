package systemd

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// stream is a connection to a unix socket. A read blocks its thread: a host with 1,000 timers has
// thousands of answers, and Go's poller would take a third of the CPU time to wake for each.
type stream struct {
	fd       int
	file     io.ReadWriteCloser // of fd, or conn
	conn     net.Conn           // replaces fd if the process has no descriptor left; else nil
	deadline time.Time          // of all reads and writes; zero: none
}

// dialStream connects to a socket without waiting: the error is EAGAIN if the socket is full. A
// path that begins with "@" is abstract. Go's poller owns the connection that Go dials, so the
// stream duplicates its descriptor.
func dialStream(ctx context.Context, path string) (*stream, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	raw, err := conn.(*net.UnixConn).SyscallConn()
	if err != nil {
		conn.Close()
		return nil, err
	}
	fd, failed := -1, error(nil)
	err = raw.Control(func(own uintptr) {
		if fd, failed = unix.FcntlInt(own, unix.F_DUPFD_CLOEXEC, 0); failed == nil {
			failed = unix.SetNonblock(fd, false)
		}
	})
	if errors.Is(failed, unix.EMFILE) {
		return &stream{file: conn, conn: conn}, nil
	}
	conn.Close()
	if err = cmp.Or(err, failed); err != nil {
		return nil, err
	}
	return &stream{fd: fd, file: os.NewFile(uintptr(fd), path)}, nil
}

func (s *stream) Close() error { return s.file.Close() }

// Read reads. After the deadline the error is os.ErrDeadlineExceeded.
func (s *stream) Read(b []byte) (int, error) { return s.within(unix.SO_RCVTIMEO, s.file.Read, b) }

// Write writes. After the deadline the error is os.ErrDeadlineExceeded.
func (s *stream) Write(b []byte) (int, error) { return s.within(unix.SO_SNDTIMEO, s.file.Write, b) }

// within calls do with a socket option (socket(7)) that limits its time.
func (s *stream) within(option int, do func([]byte) (int, error), b []byte) (int, error) {
	if s.conn != nil {
		_ = s.conn.SetDeadline(s.deadline) // if it fails, so does do
		return do(b)
	}
	var limit unix.Timeval // zero: none
	if !s.deadline.IsZero() {
		left := time.Until(s.deadline)
		if left <= 0 {
			return 0, os.ErrDeadlineExceeded
		}
		limit = unix.NsecToTimeval(int64(max(left, time.Millisecond)))
	}
	if err := unix.SetsockoptTimeval(s.fd, unix.SOL_SOCKET, option, &limit); err != nil {
		return 0, err
	}
	n, err := do(b)
	if errors.Is(err, unix.EAGAIN) {
		err = os.ErrDeadlineExceeded
	}
	return n, err
}
