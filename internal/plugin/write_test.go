package plugin

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// Only a regular file, and a pipe that is ready, take a whole text. A terminal that nobody read was
// ready for 3,584 bytes: a plugin that had more to say hung there, and did not hear SIGTERM.
func TestTakes(t *testing.T) {
	regular, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	terminal, err := os.OpenFile("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip(err)
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	socket, peer := os.NewFile(uintptr(pair[0]), "a socket"), os.NewFile(uintptr(pair[1]), "peer")
	defer peer.Close()
	for f, want := range map[*os.File]bool{regular: true, terminal: false, socket: false} {
		defer f.Close()
		if got := takes(f, "a\n"); got != want {
			t.Errorf("takes(%s) = %t; want %t", f.Name(), got, want)
		}
	}
}

// A text that was not written at once is known as lost.
func TestWriteAtOnceFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "output")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path) // not for writing
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	failed := false
	if (boundedWriter{w: f, failed: func() { failed = true }}).print("a"); !failed {
		t.Error("a write to a file that is open for reading: not failed")
	}
}
