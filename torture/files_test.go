package torture

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
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
	{"opensmtpd-db", "key%d: value@example.org\n"},
}

// Where a fault is put among good lines.
const (
	first    = 1 << iota
	anywhere // before a good line
	last
	whole // instead of all
)

// faults are what is wrong with a file, and what check_alias_freshness has to say: by format, in
// the order above. SEP is the format's separator, AT what makes a local name the format's key; what
// follows HUGE is repeated up to 100 MB.
var faults = []struct {
	name, text string
	where      int
	want       [6]nagios.State
}{
	{"none", "", anywhere, [6]nagios.State{}},
	{"empty", "", whole,
		[6]nagios.State{critical, critical, critical, critical, critical, critical}},
	{"blank lines", "\n\n \n", whole,
		[6]nagios.State{critical, critical, critical, critical, critical, critical}},
	{"comments only", "# a: b\n#c: d\n", whole,
		[6]nagios.State{critical, critical, critical, critical, critical, critical}},
	{"byte-order mark", "\ufeffaAT SEP b\n", first,
		[6]nagios.State{critical, critical, critical, critical, critical, critical}},
	{"NUL", "aAT SEP b\x00c\n", anywhere | last,
		[6]nagios.State{critical, critical, critical, critical, critical, critical}},
	{"block of NULs", strings.Repeat("\x00", 64) + "\n", anywhere | last,
		[6]nagios.State{critical, critical, critical, critical, critical, critical}},
	{"tail of NULs", strings.Repeat("\x00", 4096), last,
		[6]nagios.State{critical, critical, critical, critical, critical, critical}},
	{"lone CR", "aAT SEP b\rcAT SEP d\n", anywhere | last,
		[6]nagios.State{critical, critical, critical, critical, critical, critical}},
	{"HTML page",
		"<!DOCTYPE html>\n<html><head><title>502</title></head><body>Bad Gateway</body></html>\n",
		whole,
		[6]nagios.State{critical, critical, critical, critical, critical, critical}},
	{"conflict markers", "<<<<<<< HEAD\naAT SEP b\n=======\naAT SEP c\n>>>>>>> branch\n", anywhere,
		[6]nagios.State{critical, critical, critical, critical, critical, critical}},
	{"key without value", "aAT SEP\n", anywhere | last,
		[6]nagios.State{warning, warning, warning, warning, critical, critical}},
	{"cut inside the key", "alic", last,
		[6]nagios.State{warning, warning, warning, warning, critical, critical}},
	{"cut after a comma", "aAT SEP b,", last,
		[6]nagios.State{ok, ok, ok, ok, ok, critical}},
	{"no last newline", "aAT SEP b", last, [6]nagios.State{}},
	{"key twice, values differ", "aAT SEP b\nAAT SEP c\n", anywhere | last,
		[6]nagios.State{warning, warning, warning, warning, warning, critical}},
	{"key twice, values equal", "aAT SEP b\naAT SEP b\n", anywhere | last,
		[6]nagios.State{ok, ok, ok, ok, ok, critical}},
	{"comment inside an entry", "aAT SEP b,\n# note\n c\n", anywhere | last,
		[6]nagios.State{warning, ok, ok, warning, critical, critical}},
	{"blank line inside an entry", "aAT SEP b,\n\n c\n", anywhere | last,
		[6]nagios.State{warning, ok, ok, warning, critical, critical}},
	{"entry is indented", " aAT SEP b\n", first,
		[6]nagios.State{warning, warning, warning, warning, ok, ok}},
	{"CRLF", "aAT SEP b\r\n", anywhere | last,
		[6]nagios.State{ok, ok, ok, warning, ok, ok}},
	{"an address as key", "a@example.net SEP b\n", anywhere | last,
		[6]nagios.State{ok, warning, ok, warning, ok, ok}},
	{"not UTF-8", "aAT SEP \xff\xfe\n", anywhere | last,
		[6]nagios.State{ok, warning, warning, ok, warning, critical}},
	{"line of 44 kB", "aAT SEP " + strings.Repeat("b,", 22_000) + "b\n", anywhere | last,
		[6]nagios.State{ok, ok, ok, warning, warning, ok}},
	{"key of 5000 bytes", strings.Repeat("a", 5000) + "AT SEP b\n", anywhere | last,
		[6]nagios.State{warning, ok, ok, warning, warning, ok}},
	{"line of 100 MB", "aAT SEP HUGE:b", last,
		[6]nagios.State{critical, critical, critical, critical, critical, critical}},
	{"100 MB without a line end", "HUGE:b", whole,
		[6]nagios.State{critical, critical, critical, critical, critical, critical}},
	{"100 MB of one continued entry", "aAT SEP b,\nHUGE: b,\n", last,
		[6]nagios.State{critical, critical, critical, critical, critical, critical}},
	{"100 MB of blank lines", "HUGE:\n", whole,
		[6]nagios.State{critical, critical, critical, critical, critical, critical}},
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
	text, huge, _ := strings.Cut(strings.NewReplacer(" SEP", sep, "AT", at).
		Replace(faults[fault].text), "HUGE:")
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
		name := fmt.Sprintf("%s in %s at %d among %d lines", faults[in.fault].name,
			formats[in.format].name, in.where, lines)
		file := filepath.Join(dir, fmt.Sprint(i))
		if err := os.WriteFile(file, damaged(in.format, in.fault, in.where, lines),
			0o644); err != nil {
			t.Fatal(err)
		}
		defer os.Remove(file)
		judge(t, c, name, fileLimits, func() plugintest.Outcome {
			return plugin(t, nil, "check_alias_freshness", "-t", "3", "-c", "1h", "-f", file,
				"--format", formats[in.format].name)
		}, is(faults[in.fault].want[in.format]))
	})
}

// TestRandomFiles has check_alias_freshness read bytes that nobody wrote. Where there is a NUL
// among them that is CRITICAL.
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
		args := []string{"-t", "3", "-c", "1h", "-f", file, "--format", f, "--require", "key1",
			[]string{"-v", "-vv", "--compiled=db", "--compiled=lmdb", "--compiled=cdb"}[i%5]}
		// the same junk as compiled map, to which nothing is promised
		if m := map[int]string{2: ".db", 3: ".lmdb", 4: ".cdb"}[i%5]; m != "" {
			write(t, file+m, string(texts[i]))
			defer os.Remove(file + m)
		}
		judge(t, c, fmt.Sprintf("random bytes %d, %s", i, f), fileLimits,
			func() plugintest.Outcome { return plugin(t, nil, "check_alias_freshness", args...) },
			want)
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
			fmt.Fprintf(&b, "%s%s%s", plugintest.Junk(r),
				[]string{": ", " ", "\n", "\n ", ":\n", "@x:"}[r.IntN(6)], plugintest.Junk(r))
		}
		text = b.Bytes()
	}
	return text
}
