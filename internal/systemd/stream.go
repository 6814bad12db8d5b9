package systemd

import (
	"cmp"
	"context"
	"errors"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// stream is a connection to a unix socket. Reading it blocks a thread: Go's poller would wake for
// each of the thousands of answers of a host with 1,000 timers, at a third of the CPU time.
type stream struct {
	fd       int
	file     *os.File // of fd
	conn     net.Conn // in place of both, where the caller has no descriptor left for them
	deadline time.Time
}

// dialStream connects to a socket, at once or not at all: EAGAIN where it has no room. A path that
// begins with "@" is an abstract one. The connection that Go dials belongs to its poller, so the
// stream has a descriptor of its own.
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
		return &stream{conn: conn}, nil
	}
	conn.Close()
	if err = cmp.Or(err, failed); err != nil {
		return nil, err
	}
	return &stream{fd: fd, file: os.NewFile(uintptr(fd), path)}, nil
}

func (s *stream) Close() error {
	if s.conn != nil {
		return s.conn.Close()
	}
	return s.file.Close()
}

// Read reads, until the deadline: then the error is os.ErrDeadlineExceeded.
func (s *stream) Read(b []byte) (int, error) {
	if s.conn != nil {
		_ = s.conn.SetReadDeadline(s.deadline) // a late one makes Read fail
		return s.conn.Read(b)
	}
	return s.within(unix.SO_RCVTIMEO, func() (int, error) { return s.file.Read(b) })
}

// Write writes, until the deadline: then the error is os.ErrDeadlineExceeded.
func (s *stream) Write(b []byte) (int, error) {
	if s.conn != nil {
		_ = s.conn.SetWriteDeadline(s.deadline)
		return s.conn.Write(b)
	}
	return s.within(unix.SO_SNDTIMEO, func() (int, error) { return s.file.Write(b) })
}

// within limits the time of what is done by a socket option (socket(7)).
func (s *stream) within(option int, do func() (int, error)) (int, error) {
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
	n, err := do()
	if errors.Is(err, unix.EAGAIN) {
		err = os.ErrDeadlineExceeded
	}
	return n, err
}
