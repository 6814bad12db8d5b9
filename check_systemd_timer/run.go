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
	since     time.Time // the same, where that is sure; else zero
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
	r.attempt = lastAttempt(p, r.trigger)
	r.began, r.tried = begun(p, r.trigger)
	if r.since = r.began; guessed(p.Service, r) {
		r.since = time.Time{}
	}
	r.ended, r.took, r.tookKnown = completed(p, b, r.tried)
	r.known = r.ended
	if r.known.IsZero() && p.Service.InactiveExit.IsZero() {
		r.known = stamp(p.Timer)
	}
	r.phase = phaseOf(p, r, h, now)
	if r.phase != phaseSpent && p.Timer.LoadState == "loaded" && p.Timer.ActiveState == "active" {
		demand, err := demanded(p, r, h, now)
		r.missed = missed{err == nil, demand.Count, demand.First, err}
	}
	return r
}

// dueNow reports whether systemd is about to start the service: its next elapse
// is past, by less than AccuracySec= lets it wait, or while the host slept. That
// start serves all that the schedule has demanded until now. An elapse that
// systemd finds in the past it delays from its own start, by CLOCK_MONOTONIC:
// soon after a long suspend RandomizedDelaySec= draws one that is still ahead.
func dueNow(t systemd.Timer, h systemd.Host, now time.Time) bool {
	slept := h.Asleep >= time.Second
	switch {
	case t.SubState != "waiting" || t.NextElapse.IsZero():
		return false
	case t.NextElapse.After(now):
		started := h.MonotonicZero.Add(h.ManagerStartMonotonic)
		return slept && !t.NextElapse.After(started.Add(t.RandomizedDelay))
	}
	return slept || now.Sub(t.NextElapse) <= t.Accuracy+schedule.Starting
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

// trigger is the last trigger since the timer was activated; zero if there is none. A trigger from
// before the activation (the stamp, from before a reboot, of a timer that is Persistent=, or was
// until a daemon-reload) does not count: systemd does not count from it either. The monotonic
// stamps decide if they can: after clock steps and suspends the others need not be in order.
func trigger(t systemd.Timer) time.Time {
	before := t.LastTrigger.Before(t.ActiveEnter.Add(-time.Second))
	if t.ActiveEnterMonotonic > 0 {
		before = t.LastTriggerMonotonic == 0 ||
			t.LastTriggerMonotonic < t.ActiveEnterMonotonic-time.Second
	}
	if before {
		return time.Time{}
	}
	return t.LastTrigger
}

// lastAttempt tells whether the last trigger led to a run. A trigger is an
// attempt; a run leaves its mark in the service's own stamps. The monotonic ones
// decide if they can: after clock steps and suspends the others need not be in
// order.
func lastAttempt(p systemd.Pair, trigger time.Time) attempt {
	s, triggered := p.Service, p.Timer.LastTriggerMonotonic
	if trigger.IsZero() || inProgress(s) || remains(s) {
		return started
	}
	inOrder := triggered > 0 && max(s.InactiveExitMonotonic, s.InactiveEnterMonotonic) >= triggered
	if inOrder || !later(s.InactiveExit, s.InactiveEnter).Before(trigger) {
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

// guessed reports whether the last trigger need not be what began a run that an
// old systemd restarted: it is so long ago that a person may have started it since.
func guessed(s systemd.Service, r run) bool {
	const attempt = 2 * time.Minute // is a long one, for one that fails
	wait := attempt + min(s.RestartDelay, 24*time.Hour)
	return s.RestartMode == "" && inProgress(s) && r.restarts > 0 &&
		r.tried.Sub(r.began) > time.Duration(min(r.restarts, 10_000))*wait
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
