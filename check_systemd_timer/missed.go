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

// trigger is the last trigger since the timer was activated; zero if there is
// none. One from before that (a Persistent= stamp from before a reboot) says
// nothing: systemd does not count from it either.
func (s *subject) trigger() time.Time {
	if s.Timer.LastTrigger.Before(s.Timer.ActiveEnter.Add(-time.Second)) {
		return time.Time{}
	}
	return s.Timer.LastTrigger
}

// lastAttempt tells whether the last trigger led to a run. A trigger is an
// attempt; a run leaves its mark in the service's own stamps.
func (s *subject) lastAttempt() attempt {
	svc, trigger := s.Service, s.trigger()
	if trigger.IsZero() || s.running() || s.remains() {
		return started
	}
	if !later(svc.InactiveExit, svc.InactiveEnter).Before(trigger) {
		if svc.Result == "exec-condition" {
			return skipped
		}
		return started
	}
	if !svc.ConditionResult && !svc.ConditionTime.IsZero() && !svc.ConditionTime.Before(trigger.Add(-time.Second)) {
		return skipped
	}
	return notStarted
}

// began is the start of the latest run; zero if none is known. systemd renews
// InactiveExit at each restart by Restart=, so the run that is restarted began
// at the last trigger, or at least as many delays ago as there were restarts.
func (s *subject) began() time.Time {
	svc := s.Service
	began := svc.InactiveExit
	if !s.running() || svc.NRestarts == 0 || began.IsZero() {
		return began
	}
	if svc.RestartDelay < 24*time.Hour {
		began = began.Add(-time.Duration(min(svc.NRestarts, 10_000)) * svc.RestartDelay)
	}
	if trigger := s.trigger(); !trigger.IsZero() && trigger.Before(began) {
		began = trigger
	}
	return began
}

// base is where counting missed runs begins: the start of the latest run. A
// trigger that was skipped on purpose counts as one; a trigger that failed to
// start the service does not.
func (s *subject) base() schedule.Base {
	t, svc := s.Timer, s.Service
	run, last, trigger := s.began(), s.lastAttempt(), s.trigger()
	b := schedule.Base{Since: run, UnitActive: run, UnitInactive: svc.InactiveEnter}
	if (s.running() || s.remains()) && !run.IsZero() {
		b.UnitInactive = run // the run goes on: whole intervals of its own duration
		return b
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
		b.Since = later(t.ActiveEnter, trigger)
	}
	if last == skipped {
		b.Since = later(b.Since, trigger)
	}
	b.UnitActive = later(b.UnitActive, trigger)
	b.UnitInactive = later(b.UnitInactive, trigger)
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
	s.counted, s.missed, s.first = true, demand.Count, demand.First
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
	s.found(s.missedState(), "%s", s.late())
}

// attempt judges a last trigger that led to no run. It reports whether it has
// said all there is to say of the missed runs, too.
func (s *subject) attempt() (all bool) {
	t, svc := s.Timer, s.Service
	switch s.lastAttempt() {
	case skipped:
		state := s.alertIfNamed(nagios.Warning)
		if s.opt.SkippedState != nil {
			state = *s.opt.SkippedState
		}
		s.found(state, "%s was skipped %s: %s", svc.Name, s.ago(t.LastTrigger), s.skippedBy())
	case notStarted:
		if svc.Result == "start-limit-hit" || svc.Result == "resources" {
			return false // the outcome says it
		}
		text := svc.Name + " was triggered " + s.ago(t.LastTrigger) + " but did not start: " + s.whyNotStarted()
		if s.missed > 0 {
			text += "; " + s.late()
		}
		s.found(nagios.Worst(nagios.Warning, s.missedState()), "%s", text)
		return true
	}
	return false
}

// late says how many runs were missed and since when.
func (s *subject) late() string {
	text := runs(s.missed) + " missed, the first was due at " + nagios.Instant(s.first)
	if s.ended().IsZero() && s.Service.InactiveExit.IsZero() {
		return text + "; no run is known"
	}
	return text + "; " + s.lastRun()
}
