package aliases

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
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

func read(t *testing.T, path string) File {
	t.Helper()
	f, err := ReadFile(context.Background(), path, Request{Format: Exim, Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestReadFile(t *testing.T) {
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
		f := read(t, at(test.name))
		if f.Fault != test.fault || f.Type != test.kind || f.Link != test.link || f.Moving {
			t.Errorf("%s: fault %v, type %q, link %q; want %v, %q, %q", test.name, f.Fault, f.Type, f.Link, test.fault, test.kind, test.link)
		}
		if readable := test.fault == Readable; (f.Content != nil) != readable {
			t.Errorf("%s: content %v", test.name, f.Content)
		}
	}
	for _, device := range []string{"/dev/null", "/dev/tty"} { // tests have no terminal: it cannot be opened
		if f := read(t, device); f.Fault != Irregular || f.Type != "device" {
			t.Errorf("%s: %v, %q; want an irregular device", device, f.Fault, f.Type)
		}
	}
	f := read(t, at("good"))
	if f.Size != 15 || f.Content.Entries != 2 || f.Moving || time.Since(f.ModTime).Round(time.Minute) != time.Hour {
		t.Errorf("good: %+v", f)
	}
	if d := f.Content.Duplicates; len(d) != 1 || d[0].Key != "a" {
		t.Errorf("good: duplicates %v; want one of key a", d)
	}
	f, err = ReadFile(context.Background(), at("good"), Request{Now: time.Now()})
	if err != nil || f.Content != nil || f.Size != 15 {
		t.Errorf("without a format: %+v, %v; want a size and no content", f, err)
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
		f, err := ReadFile(context.Background(), path, Request{Format: Exim})
		if err != nil || f.Fault != Denied || f.Where != where {
			t.Errorf("%s: fault %v on %q, %v; want denied on %q", path, f.Fault, f.Where, err, where)
		}
	}
	for _, pattern := range []string{"secret/*", "secret/*/x", "*/file", "s*/file", "s*/*"} {
		if paths, err := Glob(filepath.Join(dir, pattern)); len(paths) > 0 || !errors.Is(err, fs.ErrPermission) {
			t.Errorf("Glob(%q) = %v, %v; want permission denied", pattern, paths, err)
		}
	}
	if paths, err := Glob(filepath.Join(dir, "[f]*")); len(paths) != 1 || err != nil {
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
		if f := read(t, path); f.Content.Entries != 2 || f.Content.Malformed != 0 || f.Moving {
			t.Errorf("after %q: %d entries, %d malformed, moving %t; want 2, 0, false", begun, f.Content.Entries, f.Content.Malformed, f.Moving)
		}
	}
	write(t, path, "", 0)
	if f, err := ReadFile(context.Background(), path, Request{Now: time.Now()}); err != nil || !f.Moving {
		t.Errorf("empty, without a format: moving %t, %v; want true", f.Moving, err)
	}
	write(t, path, "a: b\nc", 0)
	if f := read(t, path); f.Content.Malformed != 1 || !f.Moving {
		t.Errorf("%d malformed, moving %t; want 1, true", f.Content.Malformed, f.Moving)
	}
	write(t, path, "a: b\nc", time.Minute)
	if f := read(t, path); f.Moving {
		t.Error("a file of a minute ago is moving")
	}
}

func TestGlob(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b", "a", "x[1]"} {
		write(t, filepath.Join(dir, name), "", 0)
	}
	for pattern, want := range map[string]string{"[ab]": "a b", "c*": "", "none": "none", "x[1]": "x[1]", "*": "a b x[1]"} {
		paths, err := Glob(filepath.Join(dir, pattern))
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
	if _, err := Glob("[x"); err == nil {
		t.Error(`Glob("[x") = nil; want an error`)
	}
}

// A terabyte of nothing is judged at once.
func TestSparseFile(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "f"), "", 0)
	if err := os.Truncate(path, 1<<40); err != nil {
		t.Skip(err)
	}
	if f := read(t, path); f.Content.Counts[Oversize] != 1 || f.Content.Entries != 0 {
		t.Errorf("%+v; want one Oversize", f.Content)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 0)
	defer cancel()
	if _, err := ReadFile(ctx, path, Request{Format: Exim}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("ReadFile = %v; want %v", err, context.DeadlineExceeded)
	}
}

func words(size int, at map[int]uint32, order binary.ByteOrder) string {
	b := make([]byte, size)
	for offset, value := range at {
		order.PutUint32(b[offset:], value)
	}
	return string(b)
}

func TestCompiledMaps(t *testing.T) {
	little, big := binary.LittleEndian, binary.BigEndian
	hash := map[int]uint32{12: 0x061561, 20: 4096, 32: 2}
	btree := map[int]uint32{12: 0x053162, 20: 4096, 32: 2}
	lmdb := map[int]uint32{16: 0xbeefc0de, 20: 1, 40: 4096, 136: 1, 144: 1, 4096 + 16: 0xbeefc0de, 4096 + 20: 1, 4096 + 40: 4096, 4096 + 136: 2, 4096 + 144: 2}
	cdb := map[int]uint32{}
	for i := range 256 {
		cdb[8*i] = 2048
	}
	with := func(m map[int]uint32, at int, value uint32) map[int]uint32 {
		out := map[int]uint32{at: value}
		for k, v := range m {
			if k != at {
				out[k] = v
			}
		}
		return out
	}
	for _, test := range []struct {
		kind MapKind
		data string
		want string
	}{
		{DB, "", "is empty"},
		{DB, words(12288, hash, little), ""},
		{DB, words(12288, hash, big), ""},
		{DB, words(12288, btree, little), ""},
		{DB, words(12288, with(btree, 32, 3), little), "is cut off: 3 of 4 pages"},
		{DB, words(12000, hash, little), "has 12000 bytes, which is not a multiple of its page size 4096"},
		{DB, words(12288, with(hash, 20, 1000), little), "has a page size of 1000"},
		{DB, words(12288, with(hash, 20, 0), little), "has a page size of 0"},
		{DB, words(12288, with(hash, 12, 1), little), "is not a Berkeley DB hash or btree"},
		{DB, "x", "is too short for a Berkeley DB"},
		{CDB, words(2048, cdb, little), ""},
		{CDB, words(2064, with(with(cdb, 8*255+4, 2), 8*3, 2064), little), ""},
		{CDB, words(2060, with(cdb, 8*255+4, 2), little), "is cut off: 2060 of 2064 bytes"},
		{CDB, words(3000, cdb, little), "is not a cdb"},
		{CDB, words(2048, with(cdb, 0, 7), little), "is not a cdb"},
		{CDB, "x", "is too short for a cdb"},
		{LMDB, words(12288, lmdb, little), ""},
		{LMDB, words(8192, lmdb, little), "is cut off: 2 of 3 pages"},
		{LMDB, words(8192, lmdb, little)[:4096], "is cut off in its second page"},
		{LMDB, words(12288, with(lmdb, 40, 5), little), "has a page size of 5"},
		{LMDB, words(12288, with(lmdb, 16, 5), little), "is not an LMDB"},
		{LMDB, "x", "is not an LMDB"},
	} {
		source := filepath.Join(t.TempDir(), "m")
		write(t, source+"."+test.kind.String(), test.data, time.Hour)
		maps, err := readMaps(source, Request{Maps: test.kind})
		if err != nil || len(maps) != 1 || maps[0].Damage != test.want {
			t.Errorf("%s of %d bytes: %+v, %v; want %q", test.kind, len(test.data), maps, err, test.want)
		}
	}
}

// A map that is being compiled is looked at again.
func TestMovingMap(t *testing.T) {
	source := filepath.Join(t.TempDir(), "m")
	whole := words(4096, map[int]uint32{12: 0x061561, 20: 4096}, binary.LittleEndian)
	for _, test := range []struct {
		age  time.Duration
		want string
	}{{0, ""}, {time.Minute, "is empty"}} {
		path := write(t, source+".db", "", test.age)
		timer := time.AfterFunc(settle/3, func() {
			if err := os.WriteFile(path, []byte(whole), 0o644); err != nil {
				t.Error(err)
			}
		})
		maps, err := readMaps(source, Request{Maps: DB, Now: time.Now()})
		timer.Stop()
		if err != nil || len(maps) != 1 || maps[0].Damage != test.want {
			t.Errorf("a map of %v ago: %+v, %v; want %q", test.age, maps, err, test.want)
		}
	}
}

func TestWhichMaps(t *testing.T) {
	dir := t.TempDir()
	source := write(t, filepath.Join(dir, "m"), "a b\n", time.Hour)
	names := func(kind MapKind, f Format) string {
		maps, err := readMaps(source, Request{Maps: kind, Format: f})
		if err != nil {
			t.Fatal(err)
		}
		var list []string
		for _, m := range maps {
			name := filepath.Base(m.Path)
			if m.Fault == Missing {
				name += " missing"
			}
			list = append(list, name)
		}
		slices.Sort(list)
		return strings.Join(list, ", ")
	}
	if got := names(Auto, Map); got != "" {
		t.Errorf("auto without maps = %q; want none", got)
	}
	write(t, source+".db", "x", 0)
	write(t, source+".lmdb", "x", 0)
	for _, test := range []struct {
		kind   MapKind
		format Format
		want   string
	}{
		{Auto, Map, "m.db, m.lmdb"}, {Auto, Aliases, "m.db, m.lmdb"}, {Auto, Sendmail, "m.db, m.lmdb"},
		{Auto, Exim, ""}, {Auto, OpenSMTPD, ""}, {Auto, None, ""}, {NoMap, Map, ""},
		{DB, Exim, "m.db"}, {DB, None, "m.db"}, {CDB, Map, "m.cdb missing"},
	} {
		if got := names(test.kind, test.format); got != test.want {
			t.Errorf("%s, %s = %q; want %q", test.kind, test.format, got, test.want)
		}
	}
	for k := Auto; k < mapEnd; k++ {
		var got MapKind
		if err := got.UnmarshalText([]byte(k.String())); err != nil || got != k {
			t.Errorf("UnmarshalText(%q) = %v, %v", k, got, err)
		}
	}
	if err := new(MapKind).UnmarshalText([]byte("dbm")); err == nil {
		t.Error(`UnmarshalText("dbm") = nil; want an error`)
	}
}

// Postfix's own rule, seen at 99 s and 102 s.
func TestStale(t *testing.T) {
	now := time.Unix(1_000_000, 500e6)
	for _, test := range []struct {
		source, built time.Duration // before now
		want          bool
	}{
		{time.Hour, 2 * time.Hour, true},
		{time.Hour, time.Hour, false},
		{time.Hour, time.Hour + 400*time.Millisecond, false},
		{time.Hour, time.Minute, false},
		{99 * time.Second, time.Hour, false},
		{102 * time.Second, time.Hour, true},
		{-time.Hour, time.Hour, false},
	} {
		m := CompiledMap{ModTime: now.Add(-test.built)}
		if got := m.Stale(now.Add(-test.source), now); got != test.want {
			t.Errorf("source of %v ago, map of %v ago: stale %t; want %t", test.source, test.built, got, test.want)
		}
	}
}

func FuzzCompiledMap(f *testing.F) {
	f.Add([]byte(words(4096, map[int]uint32{12: 0x061561, 20: 4096}, binary.LittleEndian)))
	f.Add([]byte(words(2048, nil, binary.LittleEndian)))
	f.Add([]byte(words(8192, map[int]uint32{16: 0xbeefc0de, 20: 1, 40: 4096}, binary.LittleEndian)))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, check := range []func(r *bytes.Reader, size int64) string{
			func(r *bytes.Reader, n int64) string { return damagedDB(r, n) },
			func(r *bytes.Reader, n int64) string { return damagedCDB(r, n) },
			func(r *bytes.Reader, n int64) string { return damagedLMDB(r, n) },
		} {
			check(bytes.NewReader(data), int64(len(data)))
		}
	})
}

// A file that is rewritten in place, in two parts that end in newlines, 40 times a second: no reading but a whole one counts.
func TestRewrittenFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	rewrite := func() {
		f, err := os.Create(path)
		if err != nil {
			t.Error(err)
			return
		}
		defer f.Close()
		f.WriteString("a: b\nc: d\n")
		time.Sleep(5 * time.Millisecond)
		f.WriteString("e: f\n")
	}
	rewrite()
	stop, stopped := make(chan bool), make(chan bool)
	go func() {
		defer close(stopped)
		for {
			rewrite()
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	for range 4 {
		if f := read(t, path); f.Content.Entries != 3 || !f.Moving {
			t.Errorf("%d entries, moving %t; want 3, true", f.Content.Entries, f.Moving)
		}
	}
	close(stop)
	<-stopped
	if f := read(t, path); f.Content.Entries != 3 || f.Moving {
		t.Errorf("after the last: %d entries, moving %t; want 3, false", f.Content.Entries, f.Moving)
	}
}
