package systemd

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// withoutDescriptors calls do while the process can open so many descriptors more.
func withoutDescriptors(t *testing.T, more int, do func()) {
	t.Helper()
	next, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(next)
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	few := old
	few.Cur = uint64(next + more)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &few); err != nil {
		t.Fatal(err)
	}
	defer unix.Setrlimit(unix.RLIMIT_NOFILE, &old)
	do()
}

// A stream does the same on a descriptor of its own and, if the process has no second one, on that
// of the connection.
func TestStream(t *testing.T) {
	for name, more := range map[string]int{"two descriptors": 100, "one descriptor": 1} {
		socket := filepath.Join(t.TempDir(), "s")
		listener, err := net.Listen("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		var s *stream
		withoutDescriptors(t, more, func() { s, err = dialStream(context.Background(), socket) })
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if (s.conn != nil) != (more == 1) {
			t.Fatalf("%s: stream %+v", name, s)
		}
		peer, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer peer.Close()
		buffer := make([]byte, 10)
		if _, err := s.Write([]byte("ask")); err != nil {
			t.Errorf("%s: Write: %v", name, err)
		}
		if n, err := peer.Read(buffer); err != nil || string(buffer[:n]) != "ask" {
			t.Errorf("%s: the peer reads %q, %v", name, buffer[:n], err)
		}
		peer.Write([]byte("answer"))
		if n, err := s.Read(buffer); err != nil || string(buffer[:n]) != "answer" {
			t.Errorf("%s: Read = %q, %v", name, buffer[:n], err)
		}
		for _, left := range []time.Duration{-time.Second, 20 * time.Millisecond} {
			s.deadline = time.Now().Add(left)
			if _, err := s.Read(buffer); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%s: Read with %v left: %v", name, left, err)
			}
			if _, err := s.Write(make([]byte, 1<<24)); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%s: Write with %v left: %v", name, left, err)
			}
		}
		if err := s.Close(); err != nil {
			t.Errorf("%s: Close: %v", name, err)
		}
	}
}
