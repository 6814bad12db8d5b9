package regular

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

func write(t *testing.T, path, text string, age time.Duration) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	when := time.Now().Add(-age)
	if err := os.Chtimes(path, when, when); err != nil {
		t.Fatal(err)
	}
	return path
}

// content is what the tests read of a file: its text, complete if its last line has
// an end.
func content(f *os.File) (string, bool, error) {
	b, err := io.ReadAll(f)
	return string(b), len(b) > 0 && b[len(b)-1] == '\n', err
}

func read(t *testing.T, path string) (File, string) {
	t.Helper()
	f, text, err := Read(context.Background(), path, content)
	if err != nil {
		t.Fatal(err)
	}
	return f, text
}

func TestRead(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	write(t, at("good"), "a: b\nb: c\nA: d\n", time.Hour)
	link := func(target, name string) {
		if err := os.Symlink(target, at(name)); err != nil {
			t.Fatal(err)
		}
	}
	link("good", "link")
	link("nowhere", "dangling")
	link("loop", "loop")
	if err := syscall.Mkfifo(at("fifo"), 0o644); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", at("socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, test := range []struct {
		name  string
		fault Fault
		kind  string
		link  string
	}{
		{"good", Readable, "", ""},
		{"link", Readable, "", at("good")},
		{"missing", Missing, "", ""},
		{"no/such", Missing, "", ""},
		{"good/x", Missing, "", ""},
		{"dangling", Dangling, "", "nowhere"},
		{"loop", Looping, "", ""},
		{".", Irregular, "directory", ""},
		{"fifo", Irregular, "FIFO", ""},
		{"socket", Irregular, "socket", ""},
	} {
		f, text := read(t, at(test.name))
		if f.Fault != test.fault || f.Type != test.kind || f.Link != test.link || f.Moving {
			t.Errorf("%s: fault %v, type %q, link %q; want %v, %q, %q",
				test.name, f.Fault, f.Type, f.Link, test.fault, test.kind, test.link)
		}
		if readable := test.fault == Readable; (text != "") != readable {
			t.Errorf("%s: text %q", test.name, text)
		}
	}
	// Tests have no terminal: it cannot be opened.
	for _, device := range []string{"/dev/null", "/dev/tty"} {
		if f, _ := read(t, device); f.Fault != Irregular || f.Type != "device" {
			t.Errorf("%s: %v, %q; want an irregular device", device, f.Fault, f.Type)
		}
	}
	f, text := read(t, at("good"))
	age := time.Since(f.ModTime).Round(time.Minute)
	if f.Size != 15 || len(text) != 15 || f.Moving || age != time.Hour {
		t.Errorf("good: %+v, %q", f, text)
	}
}

// Permission denied is told from missing, on the file and on a folder above it.
func TestDenied(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, to be someone else")
	}
	dir := t.TempDir()
	for d := dir; d != "/" && d != os.TempDir(); d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	secret := filepath.Join(dir, "secret")
	if err := os.Mkdir(secret, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(secret, "file"), "a: b\n", 0)
	file := write(t, filepath.Join(dir, "file"), "a: b\n", 0)
	if err := os.Chmod(file, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("secret/file", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	runtime.LockOSThread() // only this thread is somebody else for a while
	defer runtime.UnlockOSThread()
	if err := syscall.Setfsuid(65534); err != nil {
		t.Fatal(err)
	}
	defer syscall.Setfsuid(0)
	for path, where := range map[string]string{
		file:                           file,
		filepath.Join(dir, "link"):     secret,
		filepath.Join(secret, "file"):  secret,
		filepath.Join(secret, "none"):  secret,
		filepath.Join(secret, "x/y/z"): secret,
	} {
		f, _, err := Read(context.Background(), path, content)
		if err != nil || f.Fault != Denied || f.Where != where {
			t.Errorf("%s: fault %v on %q, %v; want denied on %q",
				path, f.Fault, f.Where, err, where)
		}
	}
	for _, pattern := range []string{"secret/*", "secret/*/x", "*/file", "s*/file", "s*/*"} {
		paths, _, err := Glob(filepath.Join(dir, pattern))
		if len(paths) > 0 || !errors.Is(err, fs.ErrPermission) {
			t.Errorf("Glob(%q) = %v, %v; want permission denied", pattern, paths, err)
		}
	}
	if paths, _, err := Glob(filepath.Join(dir, "[f]*")); len(paths) != 1 || err != nil {
		t.Errorf("Glob = %v, %v; want the file", paths, err)
	}
}

// A file that is being written is read again: when it grows while it is read,
// and when it is young and empty or its last line has no end.
func TestMovingFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	for _, begun := range []string{"a: b\nc", ""} {
		write(t, path, begun, 0)
		time.AfterFunc(settle/3, func() {
			f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
			if err == nil {
				_, err = f.WriteString("a: b\nc: d\n"[len(begun):])
				err = errors.Join(err, f.Close())
			}
			if err != nil {
				t.Error(err)
			}
		})
		if f, text := read(t, path); text != "a: b\nc: d\n" || f.Moving {
			t.Errorf("after %q: %q, moving %t; want the whole file, false", begun, text, f.Moving)
		}
	}
	write(t, path, "", 0)
	if f, _ := read(t, path); !f.Moving {
		t.Errorf("empty: moving %t; want true", f.Moving)
	}
	write(t, path, "a: b\nc", 0)
	if f, text := read(t, path); text != "a: b\nc" || !f.Moving {
		t.Errorf("%q, moving %t; want the half file, true", text, f.Moving)
	}
	write(t, path, "a: b\nc", time.Minute)
	if f, _ := read(t, path); f.Moving {
		t.Error("a file of a minute ago is moving")
	}
}

func TestGlob(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b", "a", "x[1]"} {
		write(t, filepath.Join(dir, name), "", 0)
	}
	for pattern, want := range map[string]string{
		"[ab]": "a b", "c*": "", "none": "none", "x[1]": "x[1]", "*": "a b x[1]",
	} {
		paths, _, err := Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for i := range paths {
			paths[i] = filepath.Base(paths[i])
		}
		if got := strings.Join(paths, " "); got != want {
			t.Errorf("Glob(%q) = %q; want %q", pattern, got, want)
		}
	}
	if _, _, err := Glob("[x"); err == nil {
		t.Error(`Glob("[x") = nil; want an error`)
	}
}

// A FIFO is not opened, not even for a moment: a writer that waits for a reader goes
// on waiting. It died of SIGPIPE.
func TestFIFOIsNotOpened(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(path, 0o644); err != nil {
		t.Fatal(err)
	}
	opened := make(chan error, 1)
	go func() {
		w, err := os.OpenFile(path, os.O_WRONLY, 0) // waits for a reader
		if err == nil {
			w.Close()
		}
		opened <- err
	}()
	for range 200 {
		if f, _ := read(t, path); f.Type != "FIFO" {
			t.Fatalf("%+v; want a FIFO", f)
		}
	}
	select {
	case err := <-opened:
		t.Errorf("the writer went on (%v): the FIFO was opened", err)
	case <-time.After(20 * time.Millisecond):
	}
	r, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // lets the writer go
	if err == nil {
		<-opened
		r.Close()
	}
}

// What a glob leaves out, unless it asks for it. "virtual*" was CRITICAL for a NUL
// byte in virtual.db.
func TestByproducts(t *testing.T) {
	dir := t.TempDir()
	names := []string{
		"virtual", "virtual.db", "virtual~", ".virtual.swp", "virtual.lock", "#virtual#",
		"virtual-new", "virtual.dpkg-old", "virtual.new", "virtual.old", "virtual,v",
		"virtual.dpkg-tmp",
	}
	for _, name := range names {
		write(t, filepath.Join(dir, name), "", 0)
	}
	for pattern, want := range map[string]string{
		"virtual*": "virtual virtual-new", "*.db": "virtual.db", "virtual.lock": "virtual.lock",
	} {
		paths, others, err := Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for i := range paths {
			paths[i] = filepath.Base(paths[i])
		}
		if got := strings.Join(paths, " "); got != want {
			t.Errorf("Glob(%q) = %q, without %v; want %q", pattern, got, others, want)
		}
	}
}

func TestReadErrors(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "f"), "a\n", time.Hour)
	broken := errors.New("broken")
	fail := func(*os.File) (int, bool, error) { return 0, true, broken }
	_, _, err := Read(context.Background(), path, fail)
	if !errors.Is(err, broken) {
		t.Errorf("Read = %v; want %v", err, broken)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 0)
	defer cancel()
	if _, _, err := Read(ctx, path, content); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Read = %v; want %v", err, context.DeadlineExceeded)
	}
}
