package plugin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"

	"mailfresh/internal/nagios"
	"mailfresh/internal/output"
	"mailfresh/internal/plugintest"
)

// toyOptions has an option of each kind.
type toyOptions struct {
	Do       string           `arg:"--do" group:"Toy" placeholder:"WHAT" help:"what to do, for example panic"`
	Warning  nagios.TimeRange `arg:"-w,--warning" placeholder:"RANGE" help:"warn when the age leaves this range, for example 25h"`
	Critical nagios.TimeRange `arg:"-c,--critical" placeholder:"RANGE" help:"critical when the age leaves this range, for example 2d"`
	Age      nagios.Duration  `arg:"--age" default:"1h" placeholder:"SPAN" help:"the age, for example 90m"`
	Name     []string         `arg:"-n,--name,separate" placeholder:"NAME" help:"a name, for example mx1"`
	All      bool             `arg:"-a,--all" help:"take all"`
	Common
}

func (o *toyOptions) Validate() error {
	if o.All && len(o.Name) > 0 {
		return errors.New("--all and --name exclude each other")
	}
	return nil
}

func toy() Check {
	var o toyOptions
	return Check{
		Name:     "check_toy",
		About:    "check_toy does what it is told, so that the frame can be tried.",
		Examples: []string{"check_toy --age 2h -w 1h", "check_toy --all"},
		Options:  &o,
		Run:      func(ctx context.Context) (nagios.Result, error) { return play(ctx, o) },
	}
}

func play(ctx context.Context, o toyOptions) (nagios.Result, error) {
	switch o.Do {
	case "panic":
		panic("toy | broke <b>")
	case "panic-each":
		Each(3, 2, func(i int) {
			if list := make([]int, i); len(list) == 1 {
				list[i] = 1
			}
		})
	case "error":
		return nagios.Result{}, errors.New("read /x: no luck|x=1\n[OK] fine")
	case "wait": // ends with the deadline, as a check should
		<-ctx.Done()
		return nagios.Result{}, fmt.Errorf("wait for nothing: %w", context.Cause(ctx))
	case "hang": // does not look at its context
		select {}
	case "term", "int", "hup":
		sig := map[string]syscall.Signal{"term": syscall.SIGTERM, "int": syscall.SIGINT,
			"hup": syscall.SIGHUP}[o.Do]
		syscall.Kill(os.Getpid(), sig)
		<-ctx.Done()
		return nagios.Result{}, ctx.Err()
	}
	age := time.Duration(o.Age)
	state := nagios.Judge(age.Seconds(), o.Warning.Range, o.Critical.Range)
	return nagios.Result{
		State:   state,
		Summary: "age is " + nagios.Span(age),
		Objects: []nagios.Object{{
			State: state, Name: "toy", Text: strings.Join(o.Name, ","), Detail: []string{"raw"},
			Quantities: []nagios.Quantity{
				{Label: "age", Value: age.Seconds(), Unit: nagios.Seconds, Warning: o.Warning.Range,
					Critical: o.Critical.Range},
			},
		}},
	}, nil
}

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"check_toy": func() { Main(toy()) }})
}

func TestScripts(t *testing.T) {
	// A plugin leaves a signal alone that is ignored from the start, as SIGINT is in what a shell
	// script runs in the background. Where these tests are run so, its plugins are not.
	for _, s := range []os.Signal{syscall.SIGINT, syscall.SIGHUP} {
		if signal.Ignored(s) {
			signal.Notify(make(chan os.Signal, 1), s)
		}
	}
	plugintest.Run(t, "testdata")
}

func TestNormalise(t *testing.T) {
	table := Table(&toyOptions{})
	for _, test := range []struct{ args, want string }{
		{"-w 10", "--warning=10"},
		{"-w10", "--warning=10"},
		{"--warning=10", "--warning=10"},
		{"--warning 10", "--warning=10"},
		{"--warn 10", "--warning=10"},
		{"-w -5:5", "--warning=-5:5"},
		{"--warning -5:", "--warning=-5:"},
		{"--warning=a=b", "--warning=a=b"},
		{"-n a -n b", "--name=a --name=b"},
		{"-n -a", "--name=-a"},
		{"-vv -v --verbose", "--verbose=more --verbose=more --verbose=more --verbose=more"},
		{"-avw5 -v", "--all --verbose=more --warning=5 --verbose=more"},
		{"--", ""},
	} {
		list, err := normalise(table, strings.Fields(test.args))
		var got []string
		for _, s := range list {
			got = append(got, s.word())
		}
		if err != nil || strings.Join(got, " ") != test.want {
			t.Errorf("normalise(%q) = %q, %v; want %q", test.args, got, err, test.want)
		}
	}
}

func TestNormaliseRefuses(t *testing.T) {
	table := Table(&toyOptions{})
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"-w"}, "option --warning needs a value (RANGE)"},
		{[]string{"--name="}, "option --name: the value is empty"},
		{[]string{"--name", ""}, "option --name: the value is empty"},
		{[]string{"-n", " "}, "option --name: the value is empty"},
		{[]string{"--all=yes"}, `option --all takes no value, got "yes"`},
		{[]string{"--al=yes"}, `option --all takes no value, got "yes"`},
		{[]string{"--bogus"}, "unknown option --bogus"},
		{[]string{"-z"}, "unknown option -z"},
		{[]string{"-vz"}, "unknown option -z"},
		{[]string{"-é"}, "unknown option -\xc3"},
		{[]string{"--a"}, "option --a is ambiguous: --age or --all"},
		{[]string{"word"}, `unexpected argument "word"`},
		{[]string{"-"}, `unexpected argument "-"`},
		{[]string{"--", "x"}, `unexpected argument "--"`},
		{[]string{""}, `unexpected argument ""`},
	} {
		got, err := normalise(table, test.args)
		if err == nil || err.Error() != test.want {
			t.Errorf("normalise(%q) = %v, %v; want error %q", test.args, got, err, test.want)
		}
	}
}

func TestTable(t *testing.T) {
	var got []string
	for _, o := range Table(&toyOptions{}) {
		got = append(got, fmt.Sprint(o.Short, "|", o.Long, "|", o.Placeholder, "|", o.Default, "|",
			o.Group, "|", o.Repeatable))
	}
	want := []string{
		"|do|WHAT||Toy|false", "w|warning|RANGE||Toy|false", "c|critical|RANGE||Toy|false",
		"|age|SPAN|1h|Toy|false", "n|name|NAME||Toy|true", "a|all|||Toy|false",
		"t|timeout|SPAN|9s||false", "|timeout-state|STATE|unknown||false",
		"|output-format|OUTPUT|nagios||false",
		"v|verbose||||true", "V|version||||false", "h|help||||false",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Table (-want +got):\n%s", diff)
	}
}

// The default timeout leaves check_nrpe, which gives up after 10 s, its time.
func TestDefaultTimeout(t *testing.T) {
	c := toy()
	if _, err := parse(c, nil); err != nil {
		t.Fatal(err)
	}
	if limit := time.Duration(c.Options.common().Timeout) + grace; limit <= 0 ||
		limit >= 10*time.Second {
		t.Errorf("default timeout and grace = %s; want less than 10 s", limit)
	}
	if grace > writeGrace || writeGrace >= 500*time.Millisecond {
		t.Errorf("grace, writeGrace = %s, %s; want less than half a second beyond the timeout", grace,
			writeGrace)
	}
}

func TestEach(t *testing.T) {
	done := make([]bool, 100)
	var now, peak atomic.Int32
	Each(len(done), 7, func(i int) {
		peak.Store(max(peak.Load(), now.Add(1)))
		runtime.Gosched()
		done[i] = true
		now.Add(-1)
	})
	if slices.Contains(done, false) {
		t.Error("Each left some out")
	}
	if peak.Load() > 7 {
		t.Errorf("Each ran %d at a time; want at most 7", peak.Load())
	}
}

// A check that does not look at its context is given up half a second beyond
// the timeout at most; the test allows for a slow machine.
func TestGivesUp(t *testing.T) {
	begin := time.Now()
	text, state := run(toy(), []string{"--do", "hang", "-t", "0.1"}, nil)
	if took := time.Since(begin); state != int(nagios.Unknown) || took > 3*time.Second {
		t.Errorf("run = %q, %v after %v; want UNKNOWN after about 0.4 s", text, state, took)
	}
}

// A text that cannot be written is no reason to fail, nor to say so twice.
func TestWrite(t *testing.T) {
	var b bytes.Buffer
	soon := time.Now().Add(time.Minute)
	for _, text := range []string{"a", "a\n", "a \n\n"} {
		b.Reset()
		if n, err := (boundedWriter{w: &b, until: soon}).Write([]byte(text)); n != len(text) ||
			err != nil || b.String() != "a\n" {
			t.Errorf("Write(%q) = %d, %v and %q; want %q", text, n, err, b.String(), "a\n")
		}
	}
	closed, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	failed := false
	if n, err := (boundedWriter{closed, soon, nil, func() { failed = true }}).
		Write([]byte("a")); n != 1 || err != nil || !failed {
		t.Errorf("Write to a closed file = %d, %v, failed %t; want 1, no error, true", n, err,
			failed)
	}
}

// silence is a pipe that nobody reads.
type silence struct{}

func (silence) Write([]byte) (int, error) { select {} }

// A write that blocks ends with the time, or with a signal. Before, the plugin
// hung for ever and did not hear SIGTERM.
func TestWriteToNobody(t *testing.T) {
	for _, until := range []time.Duration{0, time.Hour} {
		signals := make(chan os.Signal, 1)
		if until > 0 {
			signals <- syscall.SIGTERM
		}
		failed := false
		boundedWriter{silence{}, time.Now().Add(until), signals,
			func() { failed = true }}.Write([]byte("a"))
		if !failed {
			t.Errorf("a write within %s: not failed", until)
		}
	}
}

// A pipe with room is written to at once; a full one is waited for, and given up in the end.
func TestWriteToPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	failed := false
	b := boundedWriter{w, time.Now(), nil, func() { failed = true }}
	b.print("a")
	if !takes(w, "a\n") || failed {
		t.Errorf("an empty pipe: takes = %t, failed %t; want true, false", takes(w, "a\n"), failed)
	}
	if long := strings.Repeat("a", 4097); takes(w, long) {
		t.Errorf("takes(an empty pipe, %d bytes) = true; want false", len(long))
	}
	if err := w.SetWriteDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = w.Write(make([]byte, 1<<16))
	}
	if takes(w, "a") {
		t.Error("takes(a full pipe) = true; want false")
	}
	if b.print("a"); !failed {
		t.Error("a write to a full pipe: not failed")
	}
	begin := make([]byte, 2)
	if _, err := r.Read(begin); string(begin) != "a\n" {
		t.Errorf("the pipe begins with %q, %v; want %q", begin, err, "a\n")
	}
}

// A busy host may come to the write only when the time is up, and a signal may wait by then.
// Before, such a plugin printed nothing in about every second run.
func TestWriteInTheEnd(t *testing.T) {
	for range 100 {
		var b bytes.Buffer
		signals := make(chan os.Signal, 1)
		signals <- syscall.SIGTERM
		over := time.Now().Add(-time.Second)
		boundedWriter{w: &b, until: over, signals: signals}.Write([]byte("a"))
		if b.String() != "a\n" {
			t.Fatalf("a late write wrote %q; want %q", b.String(), "a\n")
		}
	}
}

// Whatever the arguments, the frame answers in one piece and within the rules.
func FuzzArguments(f *testing.F) {
	for _, seed := range []string{"-w 10", "-w -5:5 --all -vv", "--age=1x", "--name=\x00|<b>", "-h",
		"-V", "--timeout 0", "--do error -v"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		args := strings.Split(line, " ")
		c := toy()
		if _, err := parse(c, args); err == nil && c.Options.(*toyOptions).Do != "error" &&
			c.Options.(*toyOptions).Do != "" {
			return // a toy that hangs or kills
		}
		text, state := run(toy(), args, nil)
		if strings.HasPrefix(text, "check_toy ") ||
			c.Options.common().OutputFormat != output.Nagios {
			return // help, version, or another format
		}
		if err := plugintest.CheckOutput("TOY", state, text+"\n", ""); err != nil {
			t.Fatalf("%q: %v", args, err)
		}
	})
}
