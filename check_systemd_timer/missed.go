package main

import (
	"time"

	"mailfresh/internal/nagios"
	"mailfresh/internal/schedule"
)

// attempt says what became of the timer's last trigger.
type attempt int

const (
	started    attempt = iota // or there was none to speak of
	skipped                   // a condition was not met
	notStarted                // an assertion, a dependency, a masked unit: the run never began
)

// lastAttempt tells whether the last trigger led to a run. LastTrigger is an
// attempt; a run leaves its mark in the service's own stamps. A trigger from
// before the timer was activated (a Persistent= stamp from before a reboot)
// says nothing.
func (s *subject) lastAttempt() attempt {
	t, svc := s.Timer, s.Service
	if t.LastTrigger.IsZero() || t.LastTrigger.Before(t.ActiveEnter.Add(-time.Second)) || s.running() || s.remains() {
		return started
	}
	if svc.Result == "exec-condition" {
		return skipped
	}
	if !later(svc.InactiveExit, svc.InactiveEnter).Before(t.LastTrigger) {
		return started
	}
	if !svc.ConditionResult && !svc.ConditionTime.IsZero() && !svc.ConditionTime.Before(t.LastTrigger.Add(-time.Second)) {
		return skipped
	}
	return notStarted
}

// base is where counting missed runs begins: the start of the latest run. A
// trigger that was skipped on purpose counts as one; a trigger that failed to
// start the service does not.
func (s *subject) base() schedule.Base {
	t, svc := s.Timer, s.Service
	run, last := svc.InactiveExit, s.lastAttempt()
	b := schedule.Base{Since: run, UnitActive: run, UnitInactive: svc.InactiveEnter}
	if s.running() || s.remains() {
		b.UnitInactive = run // the run goes on: whole intervals of its own duration
	}
	if last == notStarted || svc.Job != nil {
		if run.IsZero() {
			b.Since, b.UnitActive = t.ActiveEnter, t.ActiveEnter
		}
		if b.UnitInactive.IsZero() {
			b.UnitInactive = b.Since
		}
		return b
	}
	if run.IsZero() {
		b.Since = later(t.ActiveEnter, t.LastTrigger)
	}
	if last == skipped {
		b.Since = later(b.Since, t.LastTrigger)
	}
	b.UnitActive = later(b.UnitActive, t.LastTrigger)
	b.UnitInactive = later(b.UnitInactive, t.LastTrigger)
	return b
}

// count counts the runs that the schedule demanded since then and that systemd
// can no longer be about to start.
func (s *subject) count() {
	demand, err := schedule.Elapses(s.Timer, s.host, s.base(), s.now.Add(-schedule.Slack(s.Timer)))
	if err != nil {
		s.found(nagios.Unknown, "the schedule is not understood: %v", err)
		return
	}
	s.missed, s.first = demand.Count, demand.First
}

func (s *subject) missedState() nagios.State {
	return nagios.Judge(float64(s.missed), s.opt.MissedWarning, s.opt.MissedCritical)
}

// lateness says how many runs were missed, where nothing else says it.
func (s *subject) lateness() {
	if s.missed == 0 {
		s.found(s.missedState(), "%s%s", s.lastRun(), s.next())
		return
	}
	s.found(s.missedState(), "%s missed, the first was due at %s; %s", runs(s.missed), nagios.Instant(s.first), s.lastRun())
}

// notStarted judges a last trigger that led to no run.
func (s *subject) notStarted() {
	t, svc := s.Timer, s.Service
	switch s.lastAttempt() {
	case skipped:
		state := s.alertIfNamed(nagios.Warning)
		if s.opt.SkippedState != nil {
			state = *s.opt.SkippedState
		}
		s.found(state, "%s was skipped %s: %s", svc.Name, s.ago(t.LastTrigger), s.skippedBy())
	case notStarted:
		if svc.ActiveState == "failed" && (svc.Result == "start-limit-hit" || svc.Result == "resources") {
			return // the outcome says it
		}
		s.found(nagios.Warning, "%s was triggered %s but did not start: %s", svc.Name, s.ago(t.LastTrigger), s.whyNotStarted())
	}
}
