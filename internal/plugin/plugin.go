// Package plugin runs a check as a process: arguments, deadline, signals, panics, one write, exit.
//
// A [Check] is a value with the options and with a function that returns a result. [Main] reads the
// arguments into the options, runs the function under the deadline, prints the result and ends the
// process. An error of the function means that it could not look, and is printed as UNKNOWN. No
// other package of a plugin reads os.Args, writes to standard output or exits.
package plugin

import (
	"cmp"
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
	Examples []string // two command lines, for the end of --help
	Options  Options
	Run      func(ctx context.Context) (nagios.Result, error)
}

// Options is a pointer to a go-arg struct that embeds Common as its last field.
type Options interface {
	common() *Common
	// Validate is called before the check runs. It reports options that are missing, not valid, or
	// contradict each other.
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

// The times after the check's timeout at which the plugin stops waiting: for the check, and for the
// reader of its output. docs/torture.md promises 0.5 s.
const (
	grace      = 300 * time.Millisecond
	writeGrace = 420 * time.Millisecond
)

// Main runs the check with the process's arguments and ends the process.
func Main(c Check) {
	begin := time.Now()
	signals := make(chan os.Signal, 1)
	text, exit := run(c, os.Args[1:], signals)
	signal.Ignore(syscall.SIGPIPE) // a closed standard output does not end the plugin
	common := c.Options.common()
	limit := cmp.Or(time.Duration(common.Timeout), 9*time.Second) // 0: the options are not read
	writer := boundedWriter{w: os.Stdout, signals: signals, until: begin.Add(limit + writeGrace)}
	end(writer, common.OutputFormat, text, exit)
}

// end prints the text and ends the process.
func end(writer boundedWriter, format output.Format, text string, exit int) {
	if format != output.Nagios { // may be long: go-nagios would copy it three times
		// For readers of these formats exit code 0 means that all was printed.
		writer.failed = func() { exit = int(nagios.Worst(nagios.State(exit), nagios.Unknown)) }
		writer.print(text)
		os.Exit(exit)
	}
	out := &gonagios.Plugin{ServiceOutput: text, ExitStatusCode: exit}
	out.SetOutputTarget(writer)
	out.ReturnCheckResults()
}

// SaveMemory is called by a check that keeps so many objects until it ends. Beyond 1,000 objects Go
// collects garbage when it takes 40% of their room (the default is 100%), and uses one thread.
func SaveMemory(objects int) {
	if objects > 1000 {
		debug.SetGCPercent(40)
		OneThread()
	}
}

// OneThread is called by a check that mostly waits for other processes. Go's other threads would
// only use CPU time to look for work.
func OneThread() { runtime.GOMAXPROCS(1) }

// catch sends to the channel, unless it is nil, the signals that ask the process to end, except
// those that its caller ignores (nohup(1), trap ""). Go starts two threads for them: only a check
// that runs is worth that.
func catch(signals chan<- os.Signal) {
	if signals == nil {
		return
	}
	for _, s := range []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP,
		syscall.SIGQUIT} {
		if !signal.Ignored(s) {
			signal.Notify(signals, s)
		}
	}
	signal.Ignore(syscall.SIGPIPE)
}

// run returns the text and the exit code for the arguments. Help, version and errors of usage are
// plain text in each output format.
func run(c Check, args []string, signals chan os.Signal) (text string, exit int) {
	asked, err := "", error(nil)
	defer func() {
		if p := recover(); p != nil {
			text, exit = say(c, asked, failure(crash(p)))
		}
	}()
	asked, err = parse(c, args)
	switch {
	case errors.Is(err, errHelp):
		return Help(c), int(nagios.Unknown)
	case errors.Is(err, errVersion):
		return fmt.Sprintf("%s %s (mailfresh)", c.Name, Version()), int(nagios.Unknown)
	case err != nil:
		return wrongUsage(c, err)
	}
	catch(signals)
	return say(c, asked, bounded(c, signals))
}

func say(c Check, asked string, r nagios.Result) (text string, exit int) {
	o := c.Options.common()
	return o.OutputFormat.Render(output.Run{Check: c.Name, Version: Version(), Arguments: asked,
		Result: r}, int(o.Verbose))
}

func wrongUsage(c Check, err error) (text string, exit int) {
	usage := failure(fmt.Errorf("%w (see %s --help)", err, c.Name))
	return output.Nagios.Render(output.Run{Check: c.Name, Result: usage}, 0)
}

// bounded runs the check in a goroutine, and waits until the check ends, a signal comes, or the
// timeout and grace are over.
func bounded(c Check, signals <-chan os.Signal) nagios.Result {
	options := c.Options.common()
	limit := time.Duration(options.Timeout)
	ctx, cancel := context.WithTimeoutCause(context.Background(), limit, timeUp{})
	defer cancel()

	done := make(chan Outcome[nagios.Result], 1)
	go func() { done <- try(func() (nagios.Result, error) { return c.Run(ctx) }) }()

	late := func(err error) nagios.Result {
		r := failure(fmt.Errorf("no answer within %s: %w", nagios.Span(limit), err))
		r.State = options.TimeoutState
		return r
	}
	select {
	case o := <-done:
		switch {
		case o.Err == nil:
			if list := o.Value.Objects; len(list) > 0 {
				list[0].Notes = append(list[0].Notes, unreachableWarnings(c.Options)...)
			}
			return o.Value
		case ctx.Err() != nil:
			return late(o.Err)
		}
		return failure(o.Err)
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

// panicked is a panic and its place, in words. Each raises it again in another goroutine.
type panicked string

func (p panicked) Error() string { return string(p) }

// crash returns a recovered panic as an error that names its place.
func crash(p any) error {
	if inner, ok := p.(panicked); ok {
		return inner
	}
	return panicked(fmt.Sprintf("internal error, please report it: %v (%s)", p, origin()))
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
