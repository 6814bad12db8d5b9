package systemd

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// stream is a connection to a unix socket. Reading it blocks a thread: Go's poller would wake for
// each of the thousands of answers of a host with 1,000 timers, at a third of the CPU time.
type stream struct {
	fd       int
	file     *os.File // of fd
	deadline time.Time
}

// dialStream connects to a socket, at once or not at all: EAGAIN where it has no room. A path that
// begins with "@" is an abstract one.
func dialStream(path string) (*stream, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if err = unix.Connect(fd, &unix.SockaddrUnix{Name: path}); err == nil {
		err = unix.SetNonblock(fd, false)
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return &stream{fd: fd, file: os.NewFile(uintptr(fd), path)}, nil
}

func (s *stream) Close() error { return s.file.Close() }

// Read reads, until the deadline: then the error is os.ErrDeadlineExceeded.
func (s *stream) Read(b []byte) (int, error) {
	return s.within(unix.SO_RCVTIMEO, func() (int, error) { return s.file.Read(b) })
}

// Write writes, until the deadline: then the error is os.ErrDeadlineExceeded.
func (s *stream) Write(b []byte) (int, error) {
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
