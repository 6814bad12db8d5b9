package main

import (
	"errors"
	"fmt"
	"strings"

	"mailfresh/internal/nagios"
	"mailfresh/internal/plugin"
	"mailfresh/internal/systemd"
)

const about = "check_systemd_timer reports whether systemd timers fire, whether their jobs finish, " +
	"and whether they finished recently - or are stuck. With no thresholds it counts the " +
	"scheduled runs that were missed."

var examples = []string{
	"check_systemd_timer -u backup -w 25h -c 2d --running-critical 3h",
	"check_systemd_timer --all --exclude 'apt-*'",
}

// options is the one table of the plugin's options.
type options struct {
	Unit    []string `arg:"-u,--unit,separate" group:"Timers" placeholder:"NAME" help:"timer that is expected to run, .timer implied; or a glob, for example 'backup-*', of which only what is broken alerts"`
	All     bool     `arg:"--all" help:"check every timer that is loaded or enabled; only what is broken alerts"`
	Exclude []string `arg:"--exclude,separate" placeholder:"GLOB" help:"leave out the timers that match, for example 'apt-*'"`
	User    bool     `arg:"--user" help:"ask the caller's user manager instead of the system's"`

	Warning         nagios.TimeRange `arg:"-w,--warning" group:"Thresholds" placeholder:"RANGE" help:"warn when the time since the last completed run ended leaves this range, for example 25h"`
	Critical        nagios.TimeRange `arg:"-c,--critical" placeholder:"RANGE" help:"critical when the time since the last completed run ended leaves this range, for example 2d"`
	RunningWarning  runLimit         `arg:"--running-warning" placeholder:"RANGE" help:"warn when the time that the present run has lasted leaves this range, for example 30m; or 5x: when it is more than 5 times the longest recent successful run in the journal, which must have five"`
	RunningCritical runLimit         `arg:"--running-critical" placeholder:"RANGE" help:"critical when the time that the present run has lasted leaves this range, for example 2h; or 10x, as above"`
	MissedWarning   nagios.Range     `arg:"--missed-warning" default:"0" placeholder:"RANGE" help:"warn when the number of scheduled runs missed leaves this range, for example 3"`
	MissedCritical  nagios.Range     `arg:"--missed-critical" default:"1" placeholder:"RANGE" help:"critical when the number of scheduled runs missed leaves this range, for example 5"`

	SkippedState *nagios.State `arg:"--skipped-state" group:"States" placeholder:"STATE" help:"state when a condition skipped the last run: ok, warning, critical or unknown, for example ok (default warning for a named timer, ok for others)"`
	IgnoredState nagios.State  `arg:"--ignored-exit-state" default:"warning" placeholder:"STATE" help:"state when the last run failed and ExecStart=- ignored it: ok, warning, critical or unknown, for example critical"`
	plugin.Common
}

// Validate refuses options that contradict each other or name nothing.
func (o *options) Validate() error {
	switch {
	case o.All && len(o.Unit) > 0:
		return errors.New("options --all and --unit exclude each other")
	case !o.All && len(o.Unit) == 0:
		return errors.New("nothing to check: name a timer with --unit, or use --all")
	}
	for _, glob := range o.Exclude {
		if _, err := systemd.Match(glob, ""); err != nil {
			return fmt.Errorf("option --exclude: %q: %w", glob, err)
		}
	}
	for i, name := range o.Unit {
		if isGlob(name) {
			if !strings.HasSuffix(name, ".timer") {
				o.Unit[i] += ".timer"
			}
			if _, err := systemd.Match(o.Unit[i], ""); err != nil {
				return fmt.Errorf("option --unit: %q: %w", name, err)
			}
			continue
		}
		full, err := systemd.TimerName(name)
		if err != nil {
			return fmt.Errorf("option --unit: %w", err)
		}
		o.Unit[i] = full
	}
	return nil
}

func isGlob(name string) bool { return strings.ContainsAny(name, "*?[") }
