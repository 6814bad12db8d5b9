package main

import (
	"strings"
	"time"

	"mailfresh/internal/nagios"
	"mailfresh/internal/schedule"
	"mailfresh/internal/systemd"
)

// view is one timer with all that is known of the timer. Every finding is made from a view; none
// changes what it points to.
type view struct {
	opt     *options
	named   bool
	now     time.Time
	host    *systemd.Host
	timer   *systemd.Timer
	service *systemd.Service
	slices  []systemd.Slice // that the service may wait for, the innermost first
	run     *run
	before  *before // nil: the earlier runs were not asked for
	stuck   *stuck  // nil: the processes were not asked for
}

func viewOf(opt *options, f *facts, pair *systemd.Pair, now time.Time) view {
	name := pair.Timer.Name
	r := latest(pair, f.before[name], f.host, now)
	return view{
		opt: opt, named: f.isNamed(pair), now: now, host: &f.host,
		timer: &pair.Timer, service: &pair.Service, slices: pair.Slices, run: &r,
		before: f.before[name], stuck: f.stuck[name],
	}
}

// found is one finding.
func found(state nagios.State, format string, args ...any) (list nagios.Findings) {
	list.Add(state, format, args...)
	return list
}

// alertIfNamed returns the given state for a named timer and OK for others: only a named timer is
// expected to run.
func (v view) alertIfNamed(state nagios.State) nagios.State {
	if v.named {
		return state
	}
	return nagios.OK
}

// missedState returns the state that the number of missed runs has.
func (v view) missedState() nagios.State {
	return nagios.Judge(float64(v.run.missed.count), v.opt.MissedWarning, v.opt.MissedCritical)
}

// systemctl returns a systemctl command for the manager that was asked.
func (v view) systemctl(words ...string) string { return v.tell("systemctl", words...) }

// tell returns a command about the units of that manager.
func (v view) tell(command string, words ...string) string {
	if v.opt.User {
		command += " --user"
	}
	return command + " " + strings.Join(words, " ")
}

func (v view) ago(t time.Time) string { return nagios.Span(v.now.Sub(t)) + " ago" }

// when writes " 5m ago", or nothing if the instant is not known.
func (v view) when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return " " + v.ago(t)
}

// since writes ", since INSTANT", or nothing if the instant is not known.
func since(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return ", since " + nagios.Instant(t)
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// earlier returns the earlier of two instants. A zero instant is not known and does not count.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func runs(n int) string {
	text := nagios.Count(n, "scheduled run", "scheduled runs")
	if n >= schedule.MaxCount {
		return "at least " + text
	}
	return text
}
