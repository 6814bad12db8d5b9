package main

import (
	"strings"
	"time"

	"mailfresh/internal/schedule"
	"mailfresh/internal/systemd"
)

// run is the latest run of a timer's service. systemd renews its stamps by
// rules of its own, and forgets some; latest reads them together, once.
type run struct {
	phase     phase
	trigger   time.Time // the timer's last trigger since its activation; zero: none
	attempt   attempt   // what became of that trigger
	began     time.Time // the run, with all its restarts; zero: not known
	tried     time.Time // the present attempt, or the last one, began; zero: not known
	restarts  int       // by Restart=, before that attempt
	ended     time.Time // the last completed run; zero: not known
	known     time.Time // the same, or when a Persistent= timer last triggered before the boot
	took      time.Duration
	tookKnown bool // the last completed run took that long
	missed    missed
}

// missed are the elapses that the schedule demanded since the run began and
// that systemd can no longer be about to honour.
type missed struct {
	counted bool
	count   int
	first   time.Time // the earliest of them; zero if there is none
	err     error     // the schedule is not understood
}

// phase is what the service is doing.
type phase int

const (
	phaseIdle       phase = iota // between two runs
	phaseFrozen                  // a run is frozen
	phaseRemaining               // it stays active after its run, and the schedule goes on
	phaseRestarting              // Restart= starts it time and again
	phaseRunning                 // a run is in progress
	phaseSpent                   // the timer will not fire again
	phaseQueued                  // a start job waits
	phaseAbandoned               // the timer waits for a run, and there is none
)

// attempt is what became of the timer's last trigger.
type attempt int

const (
	started    attempt = iota // or there was none to speak of
	skipped                   // a condition was not met
	notStarted                // an assertion, a dependency, a masked unit: the run never began
)

// latest reads the latest run from systemd's facts, and from the journal what
// systemd has forgotten.
func latest(p systemd.Pair, b *before, h systemd.Host, now time.Time) run {
	r := run{trigger: trigger(p.Timer), restarts: int(p.Service.NRestarts)}
	r.attempt = lastAttempt(p.Service, r.trigger)
	r.began, r.tried = begun(p, r.trigger)
	r.ended, r.took, r.tookKnown = completed(p, b, r.tried)
	r.known = r.ended
	if r.known.IsZero() && p.Service.InactiveExit.IsZero() {
		r.known = stamp(p.Timer)
	}
	r.phase = phaseOf(p, r, h, now)
	if r.phase != phaseSpent && p.Timer.LoadState == "loaded" && p.Timer.ActiveState == "active" {
		until, t := now.Add(-schedule.Slack(p.Timer)), p.Timer
		if t.DeferReactivation && inProgress(p.Service) {
			t.Calendar = nil // its elapses during a run are dropped
		}
		demand, err := schedule.Elapses(t, h, countFrom(p, r, h, now), until)
		if dueNow(p.Timer, h, now) {
			demand = schedule.Demand{}
		}
		r.missed = missed{err == nil, demand.Count, demand.First, err}
	}
	return r
}

// dueNow reports whether systemd is about to start the service: its next elapse
// is past, by less than AccuracySec= lets it wait, or while the host slept. That
// start serves all that the schedule has demanded until now.
func dueNow(t systemd.Timer, h systemd.Host, now time.Time) bool {
	if t.SubState != "waiting" || t.NextElapse.IsZero() || t.NextElapse.After(now) {
		return false
	}
	return h.Asleep >= time.Second || now.Sub(t.NextElapse) <= t.Accuracy+schedule.Starting
}

// inProgress reports whether a run is in progress.
func inProgress(s systemd.Service) bool {
	switch s.ActiveState {
	case "activating", "active", "deactivating", "reloading", "refreshing":
		return !remains(s)
	}
	return false
}

// remains reports whether the unit stays active although its work is done.
func remains(s systemd.Service) bool {
	return s.ActiveState == "active" && (s.SubState == "exited" || !s.IsService)
}

// waitsToRestart reports whether the service waits for its next attempt.
func waitsToRestart(s systemd.Service) bool {
	return s.ActiveState == "activating" && strings.HasPrefix(s.SubState, "auto-restart")
}

// loops reports whether the service is being restarted by Restart= time and
// again: it waits for that, or its present attempt is no longer than the
// attempts before were on average.
func loops(s systemd.Service, r run, now time.Time) bool {
	if waitsToRestart(s) {
		return true
	}
	return inProgress(s) && r.restarts > 1 &&
		now.Sub(r.tried) <= r.tried.Sub(r.began)/time.Duration(r.restarts)
}

func phaseOf(p systemd.Pair, r run, h systemd.Host, now time.Time) phase {
	s := p.Service
	switch {
	case strings.HasPrefix(s.FreezerState, "fr"): // freezing, frozen
		return phaseFrozen
	case remains(s) && schedule.Recurs(p.Timer, h, now):
		return phaseRemaining
	case loops(s, r, now):
		return phaseRestarting
	case inProgress(s):
		return phaseRunning
	case p.Timer.SubState == "elapsed", remains(s):
		return phaseSpent
	case s.Job != nil:
		return phaseQueued
	case p.Timer.SubState == "running":
		return phaseAbandoned
	}
	return phaseIdle
}

// trigger is the last trigger since the timer was activated; zero if there is
// none. One from before that (a Persistent= stamp from before a reboot) says
// nothing: systemd does not count from it either.
func trigger(t systemd.Timer) time.Time {
	stamp := t.Persistent && t.LastTriggerMonotonic == 0 && t.ActiveEnterMonotonic > 0
	if stamp || t.LastTrigger.Before(t.ActiveEnter.Add(-time.Second)) {
		return time.Time{}
	}
	return t.LastTrigger
}

// lastAttempt tells whether the last trigger led to a run. A trigger is an
// attempt; a run leaves its mark in the service's own stamps.
func lastAttempt(s systemd.Service, trigger time.Time) attempt {
	if trigger.IsZero() || inProgress(s) || remains(s) {
		return started
	}
	if !later(s.InactiveExit, s.InactiveEnter).Before(trigger) {
		if s.Result == "exec-condition" {
			return skipped
		}
		return started
	}
	checked := !s.ConditionTime.IsZero() && !s.ConditionTime.Before(trigger.Add(-time.Second))
	if checked && !s.ConditionResult {
		return skipped
	}
	return notStarted
}

// begun is when the latest run began and when its latest attempt did.
//
// Without restarts the service left inactive then. Since systemd 254 all
// restarts belong to one start, of which the conditions were checked once;
// InactiveExit is the last failure (RestartMode=normal) or the first attempt
// (direct), ExecMainStart the latest attempt. Before 254 each restart is a start
// of its own, so the run began at the last trigger, or at least as many delays
// ago as there were restarts.
func begun(p systemd.Pair, trigger time.Time) (began, tried time.Time) {
	s, exit := p.Service, p.Service.InactiveExit
	attempted := later(exit, s.ExecMainStart)
	if waitsToRestart(s) && !s.ExecMainStart.IsZero() {
		attempted = s.ExecMainStart
	}
	switch {
	case s.NRestarts == 0 && waitsToRestart(s):
		return earlier(exit, s.ExecMainStart), attempted
	case s.NRestarts == 0 || exit.IsZero():
		return exit, exit
	case s.RestartMode != "":
		return earlier(exit, s.ConditionTime), attempted
	case !inProgress(s):
		return exit, exit
	}
	return restartedSince(p, trigger), exit
}

// restartedSince is the start of a run that an old systemd restarted.
func restartedSince(p systemd.Pair, trigger time.Time) time.Time {
	s, began := p.Service, p.Service.InactiveExit
	if s.RestartDelay < 24*time.Hour {
		began = began.Add(-time.Duration(min(s.NRestarts, 10_000)) * s.RestartDelay)
		began = later(began, earlier(s.InactiveExit, p.Timer.ActiveEnter))
	}
	if trigger.IsZero() {
		return began
	}
	return earlier(began, trigger)
}

// completed is the end of the last completed run, zero if none is known, and
// how long that took, if that is known.
func completed(p systemd.Pair, b *before, tried time.Time) (end time.Time, took time.Duration,
	known bool) {
	s, end := p.Service, p.Service.InactiveEnter
	switch {
	case s.Result == "exec-condition": // systemd has the end of what was skipped alone
		return b.last()
	case remains(s):
		end = later(end, s.ExecMainExit)
	}
	took = end.Sub(tried)
	return end, took, !tried.IsZero() && !end.IsZero() && took >= 0
}

// stamp is the last trigger from before the timer was activated, which a
// Persistent= timer keeps over a boot; zero if there is none.
func stamp(t systemd.Timer) time.Time {
	if trigger(t).IsZero() {
		return t.LastTrigger
	}
	return time.Time{}
}

// base is where counting missed runs begins: the start of the latest run. A
// trigger that was skipped on purpose counts as one; a trigger that failed to
// start the service does not.
func base(p systemd.Pair, r run, now time.Time) schedule.Base {
	s, activated := p.Service, p.Timer.ActiveEnter
	b := schedule.Base{Since: r.began, UnitActive: r.began, UnitInactive: s.InactiveEnter}
	if (inProgress(s) || remains(s)) && !r.began.IsZero() {
		return schedule.From(honoured(s, r), 0) // whole intervals of its own duration
	}
	if p.Timer.DeferReactivation { // the calendar counts from the end of the run
		b.Since = later(b.Since, s.InactiveEnter)
	}
	starting := s.Job != nil && now.Sub(r.trigger) < schedule.Starting
	if (r.attempt == notStarted || s.Job != nil) && !starting {
		if r.began.IsZero() {
			b.Since, b.UnitActive = activated, activated
		}
		if b.UnitInactive.IsZero() {
			b.UnitInactive = b.Since
		}
		return b
	}
	if r.began.IsZero() {
		b.Since = later(activated, r.trigger)
	}
	if r.attempt != notStarted || starting {
		b.Since = later(b.Since, r.trigger)
	}
	last := r.trigger
	if p.Timer.LastTriggerMonotonic > 0 { // also one that is older than the timer's activation
		last = p.Timer.LastTrigger
	}
	b.UnitActive, b.UnitInactive = later(b.UnitActive, last), later(b.UnitInactive, last)
	return b
}

// honoured is the last start of a run that goes on: that of the run, or a later
// trigger. That one came while a person's run was in progress, or it started a
// service which waited to be restarted (systemd 254).
func honoured(s systemd.Service, r run) time.Time {
	if r.restarts == 0 || s.RestartMode != "" && !r.trigger.After(r.tried.Add(time.Second)) {
		return later(r.began, r.trigger)
	}
	return r.began
}

// countFrom is the base for this host and now.
func countFrom(p systemd.Pair, r run, h systemd.Host, now time.Time) schedule.Base {
	b := awake(base(p, r, now), p, h)
	if inProgress(p.Service) {
		b.Slept = b.Awake.Sub(b.Since)
	}
	b.Since = byTheWall(b.Since, p, r, now)
	return b
}

// byTheWall is an instant from which calendar entries count: systemd counts them
// from what the wall clock showed at the last trigger, or else at the timer's
// activation, also if the clock was set back since then. While a run goes on, a
// clock that was wrong then does not excuse it.
func byTheWall(since time.Time, p systemd.Pair, r run, now time.Time) time.Time {
	t, s := p.Timer, p.Service
	wall := t.LastTriggerWall
	switch {
	case r.began.IsZero():
		wall = later(wall, t.ActiveEnterWall)
	case t.DeferReactivation:
		wall = later(wall, s.InactiveEnterWall)
	}
	if r.attempt == notStarted || wall.After(now) && t.SubState != "waiting" {
		return since
	}
	return later(since, wall)
}

// awake is a base as monotonic timers count it.
func awake(b schedule.Base, p systemd.Pair, h systemd.Host) schedule.Base {
	t, s := p.Timer, p.Service
	monotonic := map[time.Time]time.Duration{
		s.InactiveExit: s.InactiveExitMonotonic, s.InactiveEnter: s.InactiveEnterMonotonic,
		t.ActiveEnter: t.ActiveEnterMonotonic, t.LastTrigger: t.LastTriggerMonotonic,
	}
	of := func(at time.Time) time.Time { return schedule.Awake(h, at, monotonic[at]) }
	b.Awake, b.UnitActive, b.UnitInactive = of(b.Since), of(b.UnitActive), of(b.UnitInactive)
	return b
}
