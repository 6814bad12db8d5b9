package aliases

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mailfresh/internal/plugintest"
)

var all = []Format{Exim, Aliases, Map, Sendmail, OpenSMTPD, OpenSMTPDDB}

// slowly is what the grammar's full rules say of a text, and what it comes to
// when keys and values are kept whole.
func slowly(t *testing.T, f Format, text string) *Content {
	t.Helper()
	held, c := map[string]string{}, &collector{content: &Content{Format: f}}
	w := &whole{collector: c, held: held}
	if err := readBy(&simple{format: f}, strings.NewReader(text), w); err != nil {
		t.Fatal(err)
	}
	c.content.Entries = len(held)
	sum := uint64(0)
	for key, value := range held {
		sum += digest([]byte(key), crc32.Checksum([]byte(value), castagnoli()))
	}
	c.content.Digest = mix(sum)
	return c.content
}

// readBy reads with some rules for simple lines: none of them is.
func readBy(lines *simple, r io.Reader, to sink) error {
	_, err := blocks(context.Background(), r, lines, to)
	return err
}

// whole is a sink that keeps keys and values whole.
type whole struct {
	*collector
	held map[string]string
}

func (w *whole) entry(_ int64, key, value []byte) {
	f := w.content.Format
	folded := string(f.fold([]byte(string(key))))
	squeezed := string(f.squeeze(nil, value))
	before, has := w.held[folded]
	if has {
		w.content.Repeated++
		if before != squeezed {
			w.content.Differing++
		}
	}
	if !has || f.LastWins() {
		w.held[folded] = squeezed
	}
	w.content.Entries = len(w.held)
}

// same compares what both ways say of a text.
func same(t *testing.T, f Format, text string) {
	t.Helper()
	want, got := slowly(t, f, text), content(t, f, text)
	type facts struct {
		entries, repeated, differing, malformed int
		digest                                  uint64
		counts                                  [kinds]int
	}
	pick := func(c *Content) facts {
		return facts{c.Entries, c.Repeated, c.Differing, c.Malformed, c.Digest, c.Counts}
	}
	if pick(got) != pick(want) {
		t.Fatalf("%s: %.300q = %+v; want %+v", f, text, pick(got), pick(want))
	}
}

func FuzzContent(f *testing.F) {
	for _, seed := range []string{"", "a: b\n", "a b\nA c\n", "a@b.org: c\r\n", "\xef\xbb\xbfa: b",
		"a: b\x00\nc: d\n", "\"a b\" c\n",
		"a:\n b\n#c\n d\n", "a: \\\nb", "(a: b)\n", "[x]: `y`\n^: ~\n",
		"0123456789abcdef: 0123456789abcdef\n",
		"a\x80b: c\n", "<a>: b\nK`ey: b\nK@ey: b\nk^ k~\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, format := range all {
			same(t, format, text)
			content(t, format, text, "a", text)
		}
	})
}

// Random files of several blocks, in which entries, comments and continuations
// lie across the ends of blocks.
func TestBlocks(t *testing.T) {
	r := rand.New(rand.NewPCG(plugintest.Seed(t), 0))
	for _, f := range all {
		var b strings.Builder
		for b.Len() < 3*blockSize {
			switch n := r.IntN(1000); {
			case n < 20:
				b.WriteString([]string{"# comment\n", "\n", " continued\n", "bad line\n", "\x00\n",
					"x: y\\\n", "Q: \r\n", "é: é\n"}[r.IntN(8)])
			case n < 22:
				b.WriteString(strings.Repeat("#", r.IntN(100_000)) + "\n")
			case n < 500:
				fmt.Fprintf(&b, "user%d: target%d@example.org\n", r.IntN(1_000_000), r.IntN(10))
			default:
				fmt.Fprintf(&b, "User%d@Example.org smtp:host%d\n", r.IntN(10_000), r.IntN(3))
			}
		}
		if text := b.String(); !t.Failed() {
			same(t, f, text)
		}
	}
}

func TestDuplicates(t *testing.T) {
	text := "a: 1\nb: 1\nA: 1\nb: 2\nc: 1\n\"b\": 3\n"
	for _, test := range []struct {
		format              Format
		repeated, differing int
		want                []Duplicate
	}{
		{Exim, 3, 2, []Duplicate{{"b", 2, 6, true}, {"a", 1, 3, false}}},
		{Aliases, 3, 2, []Duplicate{{"b", 2, 6, true}, {"a", 1, 3, false}}},
		{Sendmail, 3, 2, []Duplicate{{"b", 2, 6, true}, {"a", 1, 3, false}}},
	} {
		c := content(t, test.format, text)
		if c.Entries != 3 || c.Repeated != test.repeated || c.Differing != test.differing ||
			cmp.Diff(c.Duplicates, test.want) != "" {
			t.Errorf("%s: %d entries, %d repeated, %d differing: %v; want 3, %d, %d: %v",
				test.format, c.Entries, c.Repeated, c.Differing, c.Duplicates,
				test.repeated, test.differing, test.want)
		}
	}
	// Who wins shows in the digest.
	if first := content(t, Exim, "a: 1\nb: 1\nc: 1\n").Digest; content(t, Exim,
		text).Digest != first {
		t.Error("Exim: the first of two does not count")
	}
	if last := content(t, Sendmail, "a: 1\nb: 3\nc: 1\n").Digest; content(t, Sendmail,
		text).Digest != last {
		t.Error("Sendmail: the last of two does not count")
	}
}

// The digest tells sets apart, not files: it is a constant for all hosts.
func TestDigest(t *testing.T) {
	const want = 0x2a60b88e0cdb2b7b
	for _, text := range []string{"a: b\nlist: x@y.org, z\n",
		"LIST: x@y.org,z\n# comment\n\nA:   b\n", "list: x@y.org,\n  z\na : b"} {
		if got := content(t, Exim, text).Digest; got != want {
			t.Errorf("Digest(%q) = %#x; want %#x", text, got, uint64(want))
		}
	}
	for _, text := range []string{"", "a: b\n", "a: b\nlist: x@y.org, y\n",
		"a: list\nb: x@y.org, z\n", "a`: b\nlist: x@y.org, z\n"} {
		if got := content(t, Exim, text).Digest; got == want {
			t.Errorf("Digest(%q) = %#x; want another", text, got)
		}
	}
}

// endless is n bytes of a pattern.
type endless struct {
	pattern string
	n       int64
	at      int64 // bytes read
}

func (e *endless) Read(b []byte) (n int, err error) {
	for n < len(b) && e.at < e.n {
		k := copy(b[n:min(int64(len(b)), int64(n)+e.n-e.at)],
			e.pattern[int(e.at%int64(len(e.pattern))):])
		n += k
		e.at += int64(k)
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// Whatever a file is, it is read in bounded memory.
func TestHostileStreams(t *testing.T) {
	for name, pattern := range map[string]string{
		"one line":    strings.Repeat("x", 4096),
		"NUL":         strings.Repeat("\x00", 4096),
		"newlines":    strings.Repeat("\n", 4096),
		"blanks":      strings.Repeat(" \n", 4096),
		"comments":    strings.Repeat("#x\n", 4096),
		"one entry":   strings.Repeat(" a,\n", 4096),
		"quotes":      strings.Repeat(`"\`, 4096),
		"brackets":    strings.Repeat("(", 4096),
		"backslashes": strings.Repeat("\\\n", 4096),
		"CR":          strings.Repeat("a:b\r", 4096),
		"NUL lines":   strings.Repeat("a: b\x00\n", 4096),
		"same key":    strings.Repeat("a: b\n", 4096),
		"bad lines":   strings.Repeat("\"\n", 4096),
	} {
		for _, f := range all {
			size := int64(256 << 10)
			if name == "one line" || name == "NUL" {
				size = maxEntry + size
			}
			c, err := Read(context.Background(), &endless{pattern: pattern, n: size}, f,
				[]string{"a"})
			if err != nil {
				t.Fatalf("%s, %s: %v", name, f, err)
			}
			if len(c.Problems) > int(kinds)*few || len(c.Duplicates) > few {
				t.Errorf("%s, %s: %d problems, %d duplicates are kept", name, f, len(c.Problems),
					len(c.Duplicates))
			}
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if m.Sys > 256<<20 { // the race detector takes its part
		t.Errorf("%d MiB of memory were needed", m.Sys>>20)
	}
}

// Where no entry begins in 4 MiB, the reading ends: a sparse file of any size is
// judged at once.
func TestOversize(t *testing.T) {
	text := "a: b\nx: y\nbig: " + strings.Repeat("x", maxEntry+5*blockSize) + "\n more\n\nc: d\n"
	c := content(t, Exim, text, "c", "x")
	want := []Problem{{Kind: Oversize, Line: 3}}
	if c.Entries != 2 || cmp.Diff(c.Problems, want) != "" || c.Lines != 3 ||
		c.Required[0].Line != 0 || c.Required[1].Line != 2 {
		t.Errorf("%d entries, %v, %d lines, %+v; want 2 entries, %v, 3 lines, x in line 2",
			c.Entries, c.Problems, c.Lines, c.Required, want)
	}
	endless := &endless{pattern: "\x00", n: 1 << 50}
	if _, err := Read(context.Background(), endless, Exim, nil); err != nil ||
		endless.at > 2*maxEntry {
		t.Errorf("%d bytes of NUL were read, %v; want %d", endless.at, err, maxEntry)
	}
	if err := Each(context.Background(), strings.NewReader(text), Exim,
		func(Entry) error { return nil }); !errors.Is(err, errOversize) {
		t.Errorf("Each = %v; want %v", err, errOversize)
	}
}

// brokenFile is a file of newlines that cannot be read to its end.
type brokenFile struct {
	err  error
	left int
}

func (r *brokenFile) Read(b []byte) (int, error) {
	n := copy(b, strings.Repeat("\n", min(r.left, len(b))))
	if r.left -= n; n == 0 {
		return 0, r.err
	}
	return n, nil
}

func TestReadErrors(t *testing.T) {
	broken := errors.New("broken")
	r := &brokenFile{broken, blockSize}
	if _, err := Read(context.Background(), r, Exim, nil); !errors.Is(err, broken) {
		t.Errorf("Read = %v; want %v", err, broken)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Read(ctx, strings.NewReader("a: b\n"), Exim, nil); !errors.Is(err,
		context.Canceled) {
		t.Errorf("Read = %v; want %v", err, context.Canceled)
	}
	if _, err := Read(context.Background(), strings.NewReader(""), None, nil); err == nil {
		t.Error("Read without a format = nil; want an error")
	}
	if err := Each(context.Background(), strings.NewReader("a: b\nc: d\n"), Exim,
		func(Entry) error { return broken }); err != broken {
		t.Errorf("Each = %v; want %v", err, broken)
	}
	if err := Each(context.Background(), strings.NewReader(""), None, nil); err == nil {
		t.Error("Each without a format = nil; want an error")
	}
}

func TestFormatText(t *testing.T) {
	for _, f := range all {
		var got Format
		if err := got.UnmarshalText([]byte(strings.ToUpper(f.String()))); err != nil || got != f {
			t.Errorf("UnmarshalText(%q) = %v, %v; want %v", f, got, err, f)
		}
	}
	for _, text := range []string{"", "postfix", "exim ", "opensmtpd-"} {
		if err := new(Format).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("UnmarshalText(%q) = nil; want an error", text)
		}
	}
}

// A file's size tells how large the table of keys will be. It changes nothing else, and a wrong
// guess, as for a file that begins with short lines, costs at most eight times the room.
func TestExpectedKeys(t *testing.T) {
	var text strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&text, "a%d: b\n", i)
	}
	text.WriteString(strings.Repeat("a1: "+strings.Repeat("b", 1000)+"\n", 3000))
	path := filepath.Join(t.TempDir(), "aliases")
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	got, err := Read(t.Context(), file, Exim, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, content(t, Exim, text.String())); diff != "" {
		t.Errorf("a file and a reader with the same text (-file +reader):\n%s", diff)
	}
	for expected, want := range map[int]int{0: 2048, 1000: 2048, 3000: 8192, math.MaxInt: 8192} {
		s := keys{expected: expected}
		for hash := range uint64(513) {
			s.add(hash)
		}
		if len(s.places) != want {
			t.Errorf("%d keys are expected: %d places for 513; want %d", expected, len(s.places),
				want)
		}
	}
}
