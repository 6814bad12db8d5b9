// Package plugin is the frame that the checks share: arguments, deadline,
// signals, panics, one write, and the exit.
//
// A check is a value: the options it takes and a function that gives a result.
// The frame reads the arguments into the options, runs the function under the
// deadline, renders what it gives and ends the process. An error from the
// function means that it could not look; the frame says so as UNKNOWN. Nothing
// else in the program reads os.Args, writes to standard output or exits.
package plugin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"

	gonagios "github.com/atc0005/go-nagios"

	"mailfresh/internal/nagios"
	"mailfresh/internal/output"
)

// Check is one plugin.
type Check struct {
	Name     string   // of the binary: check_systemd_timer
	About    string   // one sentence: what it reports
	Examples []string // ends of --help: command lines, with what they do
	Options  Options  // pointer to the go-arg struct, which embeds Common
	Run      func(ctx context.Context) (nagios.Result, error)
}

// Options is a go-arg struct that embeds Common.
type Options interface {
	common() *Common
	// Validate reports what is wrong with the options taken together; it runs
	// before the check does.
	Validate() error
}

// Common are the options that every plugin has.
type Common struct {
	Timeout      nagios.Duration `arg:"-t,--timeout" default:"9s" placeholder:"SPAN" help:"give up after this time in all, for example 9 or 1m"`
	TimeoutState nagios.State    `arg:"--timeout-state" default:"unknown" placeholder:"STATE" help:"state when the time is up: ok, warning, critical or unknown, for example critical"`
	Verbose      int             `arg:"-v,--verbose" help:"say more: -v for every object, -vv for the raw facts"`
}

func (c *Common) common() *Common { return c }

// grace is what a check may take beyond its deadline to say what it has.
const grace = 300 * time.Millisecond

// Main runs the check with the process's arguments and ends the process.
func Main(c Check) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	signal.Ignore(syscall.SIGPIPE) // a closed standard output is no reason to die
	text, state := run(c, os.Args[1:], signals)
	out := &gonagios.Plugin{ServiceOutput: text, ExitStatusCode: int(state)}
	out.SetOutputTarget(once{os.Stdout})
	out.ReturnCheckResults()
}

// once writes a text with one final newline and never fails: when nobody can
// be told, the exit code still counts.
type once struct{ w io.Writer }

func (o once) Write(text []byte) (int, error) {
	io.WriteString(o.w, strings.TrimRight(string(text), " \n")+"\n")
	return len(text), nil
}

// run gives the text and the exit code for the arguments.
func run(c Check, args []string, signals <-chan os.Signal) (text string, state nagios.State) {
	label := strings.ToUpper(strings.TrimPrefix(c.Name, "check_"))
	say := func(r nagios.Result) (string, nagios.State) {
		return output.Text(label, r, c.Options.common().Verbose), r.State
	}
	defer func() {
		if p := recover(); p != nil {
			text, state = say(failure(crash(p)))
		}
	}()
	switch err := parse(c, args); {
	case errors.Is(err, errHelp):
		return Help(c), nagios.Unknown
	case errors.Is(err, errVersion):
		return fmt.Sprintf("%s %s (mailfresh)", c.Name, version), nagios.Unknown
	case err != nil:
		usage := failure(fmt.Errorf("%w (see %s --help)", err, c.Name))
		return output.Text(label, usage, 0), nagios.Unknown
	}
	return say(bounded(c, signals))
}

// bounded runs the check in a goroutine and waits for it, for a signal, or for
// the deadline and the grace beyond it.
func bounded(c Check, signals <-chan os.Signal) nagios.Result {
	options := c.Options.common()
	limit := time.Duration(options.Timeout)
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()

	type outcome struct {
		result nagios.Result
		err    error
	}
	done := make(chan outcome, 1)
	go func() {
		var o outcome
		defer func() {
			if p := recover(); p != nil {
				o = outcome{err: crash(p)}
			}
			done <- o
		}()
		o.result, o.err = c.Run(ctx)
	}()

	late := func(err error) nagios.Result {
		r := failure(fmt.Errorf("no answer within %s: %w", nagios.Span(limit), err))
		r.State = options.TimeoutState
		return r
	}
	select {
	case o := <-done:
		switch {
		case o.err == nil:
			return o.result
		case ctx.Err() != nil:
			return late(o.err)
		}
		return failure(o.err)
	case s := <-signals:
		return failure(fmt.Errorf("ended by signal %s", s))
	case <-time.After(limit + grace):
		return late(errors.New("the check is still at work"))
	}
}

// failure is the result of a check that could not look.
func failure(err error) nagios.Result {
	return nagios.Result{State: nagios.Unknown, Summary: err.Error()}
}

// crash names a recovered panic and where it came from.
func crash(p any) error {
	if inner, ok := p.(*panicked); ok {
		return inner
	}
	return &panicked{value: p, where: origin()}
}

// panicked is a panic that was carried from one goroutine to another.
type panicked struct {
	value any
	where string
}

func (p *panicked) Error() string {
	return fmt.Sprintf("internal error, please report it: %v (%s)", p.value, p.where)
}

// origin is the function, file and line that panicked.
func origin() string {
	pc := make([]uintptr, 32)
	frames := runtime.CallersFrames(pc[:runtime.Callers(2, pc)])
	inPanic := false
	for {
		f, more := frames.Next()
		if inPanic && !strings.HasPrefix(f.Function, "runtime.") {
			return fmt.Sprintf("%s, %s:%d", f.Function, f.File[strings.LastIndexByte(f.File, '/')+1:], f.Line)
		}
		inPanic = inPanic || f.Function == "runtime.gopanic"
		if !more {
			return "origin unknown"
		}
	}
}

// version is set when the binary is linked; see the Makefile.
var version = "(devel)"
