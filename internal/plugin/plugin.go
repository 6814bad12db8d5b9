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
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
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
	OutputFormat output.Format   `arg:"--output-format" default:"nagios" placeholder:"OUTPUT" help:"what is printed: nagios, the text of a plugin; json, one object; or openmetrics, for Prometheus, with exit code 0 whatever the state"`
	Verbose      Count           `arg:"-v,--verbose" help:"say more: -v for every object, -vv for the raw facts"`
}

func (c *Common) common() *Common { return c }

// What a check may take beyond its deadline: grace to say what it has, and
// lastWord, from the deadline too, to be read. 0.5 s are promised.
const (
	grace    = 300 * time.Millisecond
	lastWord = 420 * time.Millisecond
)

// Main runs the check with the process's arguments and ends the process.
func Main(c Check) {
	begin := time.Now()
	signals := catch()
	text, exit := run(c, os.Args[1:], signals)
	common := c.Options.common()
	writer := limited{w: os.Stdout, until: begin.Add(patience(common) + lastWord), signals: signals}
	if common.OutputFormat != output.Nagios { // it may be long: go-nagios makes three copies
		// What reads these formats takes 0 for: it was printed.
		writer.failed = func() { exit = int(nagios.Worst(nagios.State(exit), nagios.Unknown)) }
		writer.print(text)
		os.Exit(exit)
	}
	out := &gonagios.Plugin{ServiceOutput: text, ExitStatusCode: exit}
	out.SetOutputTarget(writer)
	out.ReturnCheckResults()
}

// Keep is called by a check that keeps so many objects to its end. Where they are many, garbage is
// collected before it takes as much room again as they do, and one thread does all.
func Keep(objects int) {
	if objects > 1000 {
		debug.SetGCPercent(40)
		OneThread()
	}
}

// OneThread is called by a check that mostly waits for others: more threads would look for work.
func OneThread() { runtime.GOMAXPROCS(1) }

// catch gives the signals that ask the process to end, but for those that its
// caller ignores (nohup(1), trap ""). A closed standard output is no reason to
// die.
func catch() <-chan os.Signal {
	signals := make(chan os.Signal, 1)
	for _, s := range []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP,
		syscall.SIGQUIT} {
		if !signal.Ignored(s) {
			signal.Notify(signals, s)
		}
	}
	signal.Ignore(syscall.SIGPIPE)
	return signals
}

// patience is the time that the check has; before the options are read, the
// default.
func patience(c *Common) time.Duration {
	if c.Timeout <= 0 {
		return 9 * time.Second
	}
	return time.Duration(c.Timeout)
}

// run gives the text and the exit code for the arguments. What is said of wrong
// usage, help and version is for a person, in whatever format.
func run(c Check, args []string, signals <-chan os.Signal) (text string, exit int) {
	asked, err := "", error(nil)
	say := func(r nagios.Result) (string, int) {
		o := c.Options.common()
		return o.OutputFormat.Render(output.Run{Check: c.Name, Version: Version(), Arguments: asked,
			Result: r}, int(o.Verbose))
	}
	defer func() {
		if p := recover(); p != nil {
			text, exit = say(failure(crash(p)))
		}
	}()
	asked, err = parse(c, args)
	switch {
	case errors.Is(err, errHelp):
		return Help(c), int(nagios.Unknown)
	case errors.Is(err, errVersion):
		return fmt.Sprintf("%s %s (mailfresh)", c.Name, Version()), int(nagios.Unknown)
	case err != nil:
		usage := failure(fmt.Errorf("%w (see %s --help)", err, c.Name))
		return output.Nagios.Render(output.Run{Check: c.Name, Result: usage}, 0)
	}
	return say(bounded(c, signals))
}

// bounded runs the check in a goroutine and waits for it, for a signal, or for
// the deadline and the grace beyond it.
func bounded(c Check, signals <-chan os.Signal) nagios.Result {
	options := c.Options.common()
	limit := time.Duration(options.Timeout)
	ctx, cancel := context.WithTimeoutCause(context.Background(), limit, timeUp{})
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
			return noted(o.result, tighter(c.Options))
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
	return nagios.Result{State: nagios.Unknown, Summary: err.Error(), Unseen: true}
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
			return fmt.Sprintf("%s, %s:%d", f.Function,
				f.File[strings.LastIndexByte(f.File, '/')+1:], f.Line)
		}
		inPanic = inPanic || f.Function == "runtime.gopanic"
		if !more {
			return "origin unknown"
		}
	}
}
