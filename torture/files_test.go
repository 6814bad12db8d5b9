package torture

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"mailfresh/internal/nagios"
	"mailfresh/internal/plugintest"
)

// fileLimits hold for -t 3.
var fileLimits = plugintest.Limits{Time: 3500 * time.Millisecond, Peak: 64 << 20}

const (
	ok       = nagios.OK
	warning  = nagios.Warning
	critical = nagios.Critical
	unknown  = nagios.Unknown
)

// formats are the grammars, each with a good line.
var formats = []struct{ name, line string }{
	{"exim", "key%d@example.org: value@example.org\n"},
	{"aliases", "key%d: value@example.org\n"},
	{"map", "key%d@example.org value\n"},
	{"sendmail", "key%d: value@example.org\n"},
	{"opensmtpd", "key%d: value@example.org\n"},
}

// Where a fault is put among good lines.
const (
	first    = 1 << iota
	anywhere // before a good line
	last
	whole // instead of all
)

// faults are what is wrong with a file, and what check_alias_freshness has to say: by format, in the order above. SEP is the
// format's separator, AT what makes a local name the format's key; what follows HUGE is repeated up to 100 MB.
var faults = []struct {
	name, text string
	where      int
	want       [5]nagios.State
}{
	{"none", "", anywhere, [5]nagios.State{}},
	{"empty", "", whole, [5]nagios.State{critical, critical, critical, critical, critical}},
	{"blank lines", "\n\n \n", whole, [5]nagios.State{critical, critical, critical, critical, critical}},
	{"comments only", "# a: b\n#c: d\n", whole, [5]nagios.State{critical, critical, critical, critical, critical}},
	{"byte-order mark", "\ufeffaAT SEP b\n", first, [5]nagios.State{critical, critical, critical, critical, critical}},
	{"NUL", "aAT SEP b\x00c\n", anywhere | last, [5]nagios.State{critical, critical, critical, critical, critical}},
	{"block of NULs", strings.Repeat("\x00", 64) + "\n", anywhere | last, [5]nagios.State{critical, critical, critical, critical, critical}},
	{"tail of NULs", strings.Repeat("\x00", 4096), last, [5]nagios.State{critical, critical, critical, critical, critical}},
	{"lone CR", "aAT SEP b\rcAT SEP d\n", anywhere | last, [5]nagios.State{critical, critical, critical, critical, critical}},
	{"HTML page", "<!DOCTYPE html>\n<html><head><title>502</title></head><body>Bad Gateway</body></html>\n", whole, [5]nagios.State{critical, critical, critical, critical, critical}},
	{"conflict markers", "<<<<<<< HEAD\naAT SEP b\n=======\naAT SEP c\n>>>>>>> branch\n", anywhere, [5]nagios.State{critical, critical, critical, critical, critical}},
	{"key without value", "aAT SEP\n", anywhere | last, [5]nagios.State{warning, warning, warning, warning, critical}},
	{"cut inside the key", "alic", last, [5]nagios.State{warning, warning, warning, warning, critical}},
	{"cut after a comma", "aAT SEP b,", last, [5]nagios.State{ok, ok, ok, ok, critical}},
	{"no last newline", "aAT SEP b", last, [5]nagios.State{}},
	{"key twice, values differ", "aAT SEP b\nAAT SEP c\n", anywhere | last, [5]nagios.State{warning, warning, warning, warning, critical}},
	{"key twice, values equal", "aAT SEP b\naAT SEP b\n", anywhere | last, [5]nagios.State{ok, ok, ok, ok, critical}},
	{"comment inside an entry", "aAT SEP b,\n# note\n c\n", anywhere | last, [5]nagios.State{warning, ok, ok, warning, critical}},
	{"blank line inside an entry", "aAT SEP b,\n\n c\n", anywhere | last, [5]nagios.State{warning, ok, ok, warning, critical}},
	{"entry is indented", " aAT SEP b\n", first, [5]nagios.State{warning, warning, warning, warning, ok}},
	{"CRLF", "aAT SEP b\r\n", anywhere | last, [5]nagios.State{ok, ok, ok, warning, ok}},
	{"an address as key", "a@example.net SEP b\n", anywhere | last, [5]nagios.State{ok, warning, ok, warning, ok}},
	{"not UTF-8", "aAT SEP \xff\xfe\n", anywhere | last, [5]nagios.State{ok, warning, warning, ok, critical}},
	{"line of 44 kB", "aAT SEP " + strings.Repeat("b,", 22_000) + "b\n", anywhere | last, [5]nagios.State{ok, ok, ok, warning, ok}},
	{"key of 5000 bytes", strings.Repeat("a", 5000) + "AT SEP b\n", anywhere | last, [5]nagios.State{warning, ok, ok, warning, ok}},
	{"line of 100 MB", "aAT SEP HUGE:b", last, [5]nagios.State{critical, critical, critical, critical, critical}},
	{"100 MB without a line end", "HUGE:b", whole, [5]nagios.State{critical, critical, critical, critical, critical}},
	{"100 MB of one continued entry", "aAT SEP b,\nHUGE: b,\n", last, [5]nagios.State{critical, critical, critical, critical, critical}},
	{"100 MB of blank lines", "HUGE:\n", whole, [5]nagios.State{critical, critical, critical, critical, critical}},
}

// damaged is a fault among n good lines.
func damaged(format, fault, where, n int) []byte {
	f := formats[format]
	sep, at := ":", ""
	switch f.name {
	case "map":
		sep, at = "", "@example.org"
	case "exim":
		at = "@example.org"
	}
	text, huge, _ := strings.Cut(strings.NewReplacer(" SEP", sep, "AT", at).Replace(faults[fault].text), "HUGE:")
	if huge != "" {
		text += strings.Repeat(huge, 100_000_000/len(huge))
	}
	var b bytes.Buffer
	for i := range n {
		if where == anywhere && i == n/2 || where == first && i == 0 {
			b.WriteString(text)
		}
		if where != whole {
			fmt.Fprintf(&b, f.line, i)
		}
	}
	if where == last || where == whole {
		b.WriteString(text)
	}
	return b.Bytes()
}

// TestDamagedFiles has check_alias_freshness read every fault, in every format, at every place.
func TestDamagedFiles(t *testing.T) {
	t.Parallel()
	c, r, dir := plugintest.NewTally(t, "damaged files"), draw(t, 3), t.TempDir()
	type input struct{ format, fault, where int }
	var inputs []input
	for format := range formats {
		for fault, f := range faults {
			for where := first; where <= whole; where <<= 1 {
				if f.where&where != 0 {
					inputs = append(inputs, input{format, fault, where})
				}
			}
		}
	}
	r.Shuffle(len(inputs), func(i, k int) { inputs[i], inputs[k] = inputs[k], inputs[i] })
	n := min(200*amount(t), 3*len(inputs))
	each(n, 4, func(i int) {
		in, lines := inputs[i%len(inputs)], []int{3, 2000, 1}[i%3]
		name := fmt.Sprintf("%s in %s at %d among %d lines", faults[in.fault].name, formats[in.format].name, in.where, lines)
		file := filepath.Join(dir, fmt.Sprint(i))
		if err := os.WriteFile(file, damaged(in.format, in.fault, in.where, lines), 0o644); err != nil {
			t.Fatal(err)
		}
		defer os.Remove(file)
		judge(t, c, name, fileLimits, func() plugintest.Outcome {
			return plugin(t, nil, "check_alias_freshness", "-t", "3", "-c", "1h", "-f", file, "--format", formats[in.format].name)
		}, is(faults[in.fault].want[in.format]))
	})
}

// TestRandomFiles has check_alias_freshness read bytes that nobody wrote. Where there is a NUL among them that is CRITICAL.
func TestRandomFiles(t *testing.T) {
	t.Parallel()
	c, r, dir := plugintest.NewTally(t, "random files"), draw(t, 4), t.TempDir()
	texts := make([][]byte, 100*amount(t))
	for i := range texts {
		texts[i] = random(r, i)
	}
	each(len(texts), 4, func(i int) {
		file := write(t, filepath.Join(dir, fmt.Sprint(i)), string(texts[i]))
		defer os.Remove(file)
		want := is()
		if bytes.IndexByte(texts[i], 0) >= 0 {
			want = is(critical)
		}
		f := formats[i%5].name
		args := []string{"-t", "3", "-c", "1h", "-f", file, "--format", f, "--require", "key1", []string{"-v", "-vv", "--compiled=db", "--compiled=lmdb", "--compiled=cdb"}[i%5]}
		if m := map[int]string{2: ".db", 3: ".lmdb", 4: ".cdb"}[i%5]; m != "" { // the same junk as compiled map, to which nothing is promised
			write(t, file+m, string(texts[i]))
			defer os.Remove(file + m)
		}
		judge(t, c, fmt.Sprintf("random bytes %d, %s", i, f), fileLimits, func() plugintest.Outcome { return plugin(t, nil, "check_alias_freshness", args...) }, want)
	})
}

// random gives random bytes, or a good file with some: bytes changed, nasty text put in.
func random(r *rand.Rand, i int) []byte {
	text := make([]byte, []int{1, 100, 4096, 200_000}[r.IntN(4)])
	switch i % 3 {
	case 0:
		for k := range text {
			text[k] = byte(r.IntN(256))
		}
	case 1:
		text = damaged(i%5, 0, anywhere, 1+r.IntN(500))
		for range 1 + r.IntN(20) {
			text[r.IntN(len(text))] = byte(r.IntN(256))
		}
	case 2:
		var b bytes.Buffer
		for range 1 + r.IntN(200) {
			fmt.Fprintf(&b, "%s%s%s", plugintest.Junk(r), []string{": ", " ", "\n", "\n ", ":\n", "@x:"}[r.IntN(6)], plugintest.Junk(r))
		}
		text = b.Bytes()
	}
	return text
}

// TestIrregularFiles names what is no regular file, or no file that can be read. check_mx_rcpt cannot read recipients from it.
func TestIrregularFiles(t *testing.T) {
	t.Parallel()
	c, dir := plugintest.NewTally(t, "irregular files"), t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	write(t, at("good"), "a@example.org: b\n")
	must(syscall.Mkfifo(at("fifo"), 0o644))
	must(os.Symlink("fifo", at("link to a FIFO")))
	must(os.Symlink("loop", at("loop")))
	must(os.Symlink("b", at("a")))
	must(os.Symlink("a", at("b")))
	must(os.Symlink("nowhere", at("dangling")))
	must(os.Symlink("good/x", at("below a file")))
	must(os.Symlink("good", at("link0")))
	for i := range 45 { // more than the kernel follows
		must(os.Symlink(fmt.Sprint("link", i), at(fmt.Sprint("link", i+1))))
	}
	sock, err := net.Listen("unix", at("s"))
	must(err)
	defer sock.Close()
	nasty := at("a|b=1 <b> [OK]\n\x1b[31m\xff " + strings.Repeat("x", 200))
	write(t, nasty, "a@example.org: b\n")
	for _, test := range []struct {
		path string
		want nagios.State
	}{
		{at("good"), ok}, {nasty, ok}, {at("link39"), ok},
		{at("none"), critical}, {at("good/below"), critical}, {at(""), critical}, {"/", critical}, {at("dangling"), critical}, {at("below a file"), critical},
		{at("loop"), critical}, {at("a"), critical}, {at("link45"), critical},
		{at("fifo"), critical}, {at("link to a FIFO"), critical}, {at("s"), critical},
		{"/dev/null", critical}, {"/dev/zero", critical}, {"/dev/full", critical}, {"/dev/urandom", critical}, {"/dev/tty", critical}, {"/dev/ptmx", critical},
		{"/proc/self/mem", unknown},           // a regular file that cannot be read
		{"/proc/self/task", critical},         // a directory
		{strings.Repeat("x/", 3000), unknown}, // longer than a path may be
		{"/" + strings.Repeat("y", 300), unknown},
		{at("[ab"), unknown}, {at("*none*"), critical},
	} {
		for _, more := range [][]string{nil, {"--format", "exim"}, {"--format", "exim", "--compiled", "db"}} {
			want := test.want
			switch {
			case want == ok && len(more) == 4:
				want = critical // there is no map
			case test.path == "/proc/self/mem" && more == nil:
				want = critical // it is not read, and its size is 0
			}
			judge(t, c, fmt.Sprintf("%.100q %q", test.path, more), fileLimits, func() plugintest.Outcome {
				return plugin(t, nil, "check_alias_freshness", append([]string{"-t", "3", "-c", "1h", "-f", test.path}, more...)...)
			}, is(want))
		}
		if test.want == ok || strings.ContainsAny(test.path, "*[") {
			continue
		}
		judge(t, c, fmt.Sprintf("recipients from %.100q", test.path), fileLimits, func() plugintest.Outcome {
			return plugin(t, nil, "check_mx_rcpt", "-t", "3", "-H", "127.0.0.1:1", "--recipients-from", test.path, "--format", "exim")
		}, is(unknown))
	}
}

// TestMovingFiles rewrites good files while check_alias_freshness reads them: no wrong CRITICAL. A required key is never written: no
// wrong OK. A file that comes and goes may be missing, but is nothing worse.
func TestMovingFiles(t *testing.T) {
	t.Parallel()
	c, dir := plugintest.NewTally(t, "moving files"), t.TempDir()
	text := damaged(0, 0, anywhere, 5000)
	half := len(text) / 2
	half += bytes.IndexByte(text[half:], '\n') + 1 // where half a file looks whole
	inPlace := func(path string, pause time.Duration) {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC|os.O_CREATE, 0o644)
		if err != nil {
			t.Error(err)
			return
		}
		defer f.Close()
		f.Write(text[:half])
		time.Sleep(pause)
		f.Write(text[half:])
	}
	byRename := func(path string) {
		inPlace(path+".new", 0)
		if err := os.Rename(path+".new", path); err != nil {
			t.Error(err)
		}
	}
	for _, test := range []struct {
		name    string
		rewrite func(path string)
		want    []nagios.State
	}{
		{"in place", func(path string) { inPlace(path, 0) }, []nagios.State{ok}},
		{"in place, in two parts", func(path string) { inPlace(path, 5*time.Millisecond) }, []nagios.State{ok}},
		{"by rename", byRename, []nagios.State{ok}},
		{"removed and written", func(path string) { os.Remove(path); inPlace(path, 0) }, []nagios.State{ok, critical}},
		{"replaced by a FIFO", func(path string) { os.Remove(path); syscall.Mkfifo(path, 0o644); os.Remove(path); byRename(path) }, []nagios.State{ok, critical}},
		{"replaced by a loop", func(path string) { os.Remove(path); os.Symlink(path, path); byRename(path) }, []nagios.State{ok, critical}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(dir, strings.ReplaceAll(test.name, " ", "-"))
			inPlace(path, 0)
			var done atomic.Bool
			go func() {
				defer done.Store(true)
				for range 50 * amount(t) {
					test.rewrite(path)
					time.Sleep(20 * time.Millisecond)
				}
			}()
			checks := 0
			for ; !done.Load(); checks += 3 {
				each(3, 3, func(i int) {
					require, want := []string{"key0", "key4999", "missing"}[i]+"@example.org", test.want
					if i == 2 {
						want = []nagios.State{critical}
					}
					judge(t, c, test.name+", required "+require, fileLimits, func() plugintest.Outcome {
						return plugin(t, nil, "check_alias_freshness", "-t", "3", "-c", "1h", "-f", path, "--format", "exim", "--require", require)
					}, is(want...))
				})
			}
			t.Logf("%d rewrites, %d checks", 50*amount(t), checks)
		})
	}
}
