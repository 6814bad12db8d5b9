package main

import (
	"strings"
	"time"

	"mailfresh/internal/schedule"
	"mailfresh/internal/systemd"
)

// run is the latest run of a timer's service. systemd overwrites some stamps of the run when the
// service starts again; latest reads all stamps together, once.
type run struct {
	phase     phase
	trigger   time.Time // the timer's last trigger since its activation; zero: none
	attempt   attempt   // what became of that trigger
	began     time.Time // start of the run, with all its restarts; zero: not known
	since     time.Time // same as began if that is sure; else zero
	tried     time.Time // start of the present or last attempt; zero: not known
	restarts  int       // by Restart=, before that attempt
	ended     time.Time // end of the last completed run; zero: not known
	known     time.Time // same as ended, or the last trigger of a Persistent= timer before the boot
	took      time.Duration
	tookKnown bool // whether took is known: the time of the last completed run
	missed    missed
}

// missed are the elapses of the schedule since the run began for which systemd started no run,
// although the latest time for that start has passed.
type missed struct {
	counted bool
	count   int
	first   time.Time // the earliest of them; zero if there is none
	err     error     // why the schedule is not understood
}

// phase is what the service is doing.
type phase int

const (
	phaseIdle       phase = iota // between two runs
	phaseFrozen                  // a run is frozen
	phaseRemaining               // the service stays active after its run, and the schedule goes on
	phaseRestarting              // Restart= starts the service again and again
	phaseRunning                 // a run is in progress
	phaseSpent                   // the timer will not fire again
	phaseQueued                  // a start job waits
	phaseAbandoned               // the timer waits for a run, and there is none
)

// attempt is what became of the timer's last trigger.
type attempt int

const (
	started    attempt = iota // or the timer has not triggered
	skipped                   // a condition was not met
	notStarted                // the run never began: an assertion, a dependency, a masked unit
)

// latest reads the latest run from systemd's facts, and from the journal what systemd has
// forgotten.
func latest(p *systemd.Pair, b *before, h systemd.Host, now time.Time) run {
	r := run{trigger: trigger(p.Timer), restarts: int(p.Service.NRestarts)}
	r.attempt = lastAttempt(p, r.trigger)
	r.began, r.tried = begun(p, r.trigger)
	if r.since = r.began; guessed(&p.Service, r) {
		r.since = time.Time{}
	}
	r.ended, r.took, r.tookKnown = completed(p, b, r.tried)
	r.known = r.ended
	if r.known.IsZero() && p.Service.InactiveExit.IsZero() && r.trigger.IsZero() {
		r.known = p.Timer.LastTrigger
	}
	r.phase = phaseOf(p, r, h, now)
	if r.phase != phaseSpent && p.Timer.LoadState == "loaded" && p.Timer.ActiveState == "active" {
		demand, err := demanded(p, r, h, now)
		r.missed = missed{err == nil, demand.Count, demand.First, err}
	}
	return r
}

// dueNow reports whether systemd is about to start the service: the next elapse has passed, but by
// no more than AccuracySec= allows, or while the host slept. That start serves every elapse until
// now. If systemd finds an elapse in the past, systemd adds RandomizedDelaySec= and counts this
// delay from its own start, by CLOCK_MONOTONIC. For this reason the next elapse may still lie ahead
// shortly after a long suspend.
func dueNow(t *systemd.Timer, h systemd.Host, now time.Time) bool {
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

func inProgress(s *systemd.Service) bool {
	switch s.ActiveState {
	case "activating", "active", "deactivating", "reloading", "refreshing":
		return !remains(s)
	}
	return false
}

// remains reports whether the unit stays active although its work is done.
func remains(s *systemd.Service) bool {
	return s.ActiveState == "active" && (s.SubState == "exited" || !s.IsService)
}

// waitsToRestart reports whether the service waits for its next attempt.
func waitsToRestart(s *systemd.Service) bool {
	return s.ActiveState == "activating" && strings.HasPrefix(s.SubState, "auto-restart")
}

// loops reports whether Restart= restarts the service again and again: the service waits for its
// next attempt, or its present attempt has lasted no longer than the earlier attempts lasted on
// average.
func loops(s *systemd.Service, r run, now time.Time) bool {
	if waitsToRestart(s) {
		return true
	}
	if !inProgress(s) || r.restarts < 2 {
		return false
	}
	tries, ran := r.tried.Sub(r.began), now.Sub(r.tried)
	return ran <= tries/time.Duration(r.restarts) || ran < time.Hour && outlived(s, r)
}

// outlived reports whether the timer has triggered again since systemd before 254 began to restart
// the run in progress: the restarts took longer than the time from the last trigger to the present
// attempt. Then the time of the first restart is not known, and that trigger started nothing.
func outlived(s *systemd.Service, r run) bool {
	restarts := time.Duration(min(r.restarts, 10_000)) * min(s.RestartDelay, 24*time.Hour)
	return s.RestartMode == "" && r.trigger.After(r.tried.Add(time.Second-restarts))
}

func phaseOf(p *systemd.Pair, r run, h systemd.Host, now time.Time) phase {
	s := &p.Service
	switch {
	case strings.HasPrefix(s.FreezerState, "fr"): // freezing, frozen
		return phaseFrozen
	case remains(s) && schedule.Recurs(p.Timer, h, now):
		return phaseRemaining
	case loops(s, r, now):
		return phaseRestarting
	case inProgress(s):
		return phaseRunning
	case s.Job != nil && schedule.HasUnitBase(p.Timer) && !remains(s):
		return phaseQueued // the run of that job is one to count from, also if the timer elapsed
	case p.Timer.SubState == "elapsed", remains(s):
		return phaseSpent
	case s.Job != nil:
		return phaseQueued
	case p.Timer.SubState == "running":
		return phaseAbandoned
	}
	return phaseIdle
}

// trigger returns the last trigger since the timer was activated; zero if there is none. An older
// trigger does not count, as systemd does not count from it either. The stamp from before a reboot
// is one, if the timer is Persistent=, or was until a daemon-reload. The monotonic stamps decide if
// systemd has them: after clock steps and suspends the wall clock's stamps may be out of order.
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

// lastAttempt tells whether the last trigger led to a run: a run renews the stamps of the service.
// The monotonic stamps decide if systemd has them, as for trigger.
func lastAttempt(p *systemd.Pair, trigger time.Time) attempt {
	s, triggered := &p.Service, p.Timer.LastTriggerMonotonic
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

// begun returns the start of the latest run and the start of its latest attempt.
//
// Without restarts both are the instant at which the service left the state inactive. Since
// systemd 254 all restarts belong to one start, for which systemd checked the conditions once:
// InactiveExit is the last failure (RestartMode=normal) or the first attempt (direct),
// ExecMainStart is the latest attempt. Before 254 each restart is a start of its own: the run began
// at the last trigger or, if that is earlier, as many delays (RestartSec=) before the latest start
// as there were restarts.
func begun(p *systemd.Pair, trigger time.Time) (began, tried time.Time) {
	s, exit := &p.Service, p.Service.InactiveExit
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

// restartedSince returns the start of a run that systemd before 254 restarted.
func restartedSince(p *systemd.Pair, trigger time.Time) time.Time {
	s, began := &p.Service, p.Service.InactiveExit
	if s.RestartDelay < 24*time.Hour {
		began = began.Add(-time.Duration(min(s.NRestarts, 10_000)) * s.RestartDelay)
		began = later(began, earlier(s.InactiveExit, p.Timer.ActiveEnter))
	}
	if trigger.IsZero() {
		return began
	}
	return earlier(began, trigger)
}

// guessed reports whether the start of a run that systemd before 254 restarted is a guess: the last
// trigger is so long ago that a person may have started the run since.
func guessed(s *systemd.Service, r run) bool {
	const attempt = 2 * time.Minute // a long time for an attempt that fails
	wait := attempt + min(s.RestartDelay, 24*time.Hour)
	return s.RestartMode == "" && inProgress(s) && r.restarts > 0 &&
		r.tried.Sub(r.began) > time.Duration(min(r.restarts, 10_000))*wait
}

// completed returns the end of the last completed run (zero: not known) and, if known is true, how
// long that run took.
func completed(p *systemd.Pair, b *before, tried time.Time) (end time.Time, took time.Duration,
	known bool) {
	s, end := &p.Service, p.Service.InactiveEnter
	switch {
	case s.Result == "exec-condition": // systemd has only the end of the skipped run
		if b == nil || len(b.runs.List) == 0 {
			return time.Time{}, 0, false
		}
		last := b.runs.List[0]
		return last.End, last.Duration, !last.Start.IsZero()
	case remains(s):
		end = later(end, s.ExecMainExit)
	}
	took = end.Sub(tried)
	return end, took, !tried.IsZero() && !end.IsZero() && took >= 0
}
