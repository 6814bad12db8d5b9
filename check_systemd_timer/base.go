package main

import (
	"time"

	"mailfresh/internal/schedule"
	"mailfresh/internal/systemd"
)

// base returns the instant from which missed runs are counted: the start of the latest run. A
// trigger that a condition skipped counts as a run; a trigger that failed to start the service does
// not. Monotonic entries count from own, the instant of the run, or from last, the instant of the
// trigger: from the later one by CLOCK_MONOTONIC. A zero instant is none.
func base(p *systemd.Pair, r run, now time.Time) (b schedule.Base, own, last time.Time) {
	s, activated := &p.Service, p.Timer.ActiveEnter
	b = schedule.Base{Since: r.began, UnitActive: r.began, UnitInactive: s.InactiveEnter}
	if (inProgress(s) || remains(s)) && !r.began.IsZero() {
		b = schedule.From(honoured(s, r), 0) // each whole interval since the start counts
		if renewed(p, r, now) {
			b.UnitActive, b.UnitInactive = r.tried, r.tried
		}
		return b, b.Since, time.Time{}
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
		return b, b.Since, time.Time{}
	}
	if r.began.IsZero() {
		b.Since = activated
	}
	if r.trigger.IsZero() && !s.ConditionResult { // a skipped trigger that systemd has forgotten
		b.Since = later(b.Since, s.ConditionTime)
	}
	own = b.Since
	if b.Since = later(b.Since, r.trigger); r.began.IsZero() && !r.trigger.IsZero() {
		b.Since = r.trigger // after the activation, but not always by the wall clock
	}
	last = r.trigger
	if p.Timer.LastTriggerMonotonic > 0 { // also a trigger from before the timer's activation
		last = p.Timer.LastTrigger
	}
	return b, own, last
}

// renewed reports whether the timer counts from the present attempt of the run in progress. Up to
// systemd 253 a restarted service becomes inactive between two attempts, and the timer then waits
// for its next elapse. A restart loop is excluded: each of its attempts would move the base.
func renewed(p *systemd.Pair, r run, now time.Time) bool {
	s, t := &p.Service, &p.Timer
	return s.RestartMode == "" && r.restarts > 0 && !loops(s, r, now) &&
		t.SubState == "waiting" && t.NextElapse.After(now)
}

// honoured returns the start of the run in progress, or a later trigger that needs no run of its
// own: the trigger came during a run that a person had started, or the trigger started a service
// that waited for its restart (systemd 254).
func honoured(s *systemd.Service, r run) time.Time {
	if r.restarts == 0 || s.RestartMode != "" && !r.trigger.After(r.tried.Add(time.Second)) {
		return later(r.began, r.trigger)
	}
	return r.began
}

// countFrom returns the base for this host at the time now.
func countFrom(p *systemd.Pair, r run, h systemd.Host, now time.Time) schedule.Base {
	b, own, last := base(p, r, now)
	b = awake(b, own, last, p, h)
	if inProgress(&p.Service) {
		b.Slept = b.Awake.Sub(b.Since)
	}
	b.Since = byTheWall(b.Since, p, r, now)
	return b
}

// demanded returns what the schedule has demanded since the latest run began. If the wall clock was
// set back during that run, the clock shows some elapses twice; such an elapse counts once.
func demanded(p *systemd.Pair, r run, h systemd.Host, now time.Time) (schedule.Demand, error) {
	t, until := p.Timer, now.Add(-schedule.Slack(p.Timer))
	if t.DeferReactivation && inProgress(&p.Service) {
		t.Calendar = nil // systemd drops the elapses during a run
	}
	due := dueNow(&t, h, now)
	if due && r.attempt == notStarted { // the start that is due makes up for no earlier trigger
		until = earlier(until, r.trigger)
	}
	b := countFrom(p, r, h, now)
	demand, err := schedule.Elapses(t, h, b, until)
	if due && r.attempt != notStarted {
		return schedule.Demand{}, err
	}
	if back := setBack(p, r); back > 0 && err == nil {
		b.Since, b.Slept = honoured(&p.Service, r).Add(back), b.Slept-back
		if other, _ := schedule.Elapses(t, h, b, until); other.Count < demand.Count {
			return other, nil
		}
	}
	return demand, err
}

// setBack returns how far the wall clock was set back since the trigger that began the run in
// progress: zero or less if the clock was not set back.
func setBack(p *systemd.Pair, r run) time.Duration {
	t, since := &p.Timer, honoured(&p.Service, r)
	if !inProgress(&p.Service) || r.trigger.IsZero() || since.Sub(r.trigger) >= schedule.Starting {
		return 0
	}
	return t.LastTriggerWall.Sub(t.LastTrigger)
}

// byTheWall returns the instant from which calendar entries count. systemd counts them from what
// the wall clock showed at the last trigger or, without a trigger, at the timer's activation, even
// if the clock was set back later. A time in the future does not count while a run goes on: the
// wrong clock does not excuse the run.
func byTheWall(since time.Time, p *systemd.Pair, r run, now time.Time) time.Time {
	t, s := &p.Timer, &p.Service
	wall := t.LastTriggerWall
	switch {
	case r.began.IsZero() || wall.IsZero(): // no trigger, even if a person started the service
		wall = later(wall, t.ActiveEnterWall)
	case t.DeferReactivation:
		wall = later(wall, s.InactiveEnterWall)
	}
	if r.attempt == notStarted || wall.After(now) && t.SubState != "waiting" {
		return since
	}
	return later(since, wall)
}

// awake returns the base as monotonic timers count: by CLOCK_MONOTONIC, and from the last trigger
// at the earliest. If the wall clock was set during a suspend, the trigger may be later than the
// run by one clock and earlier by the other.
func awake(b schedule.Base, own, last time.Time, p *systemd.Pair, h systemd.Host) schedule.Base {
	t, s := &p.Timer, &p.Service
	monotonic := map[time.Time]time.Duration{
		s.InactiveExit: s.InactiveExitMonotonic, s.InactiveEnter: s.InactiveEnterMonotonic,
		t.ActiveEnter: t.ActiveEnterMonotonic, t.LastTrigger: t.LastTriggerMonotonic,
	}
	awake := func(at time.Time) time.Time {
		return later(schedule.Awake(h, at, monotonic[at]), schedule.Awake(h, last, monotonic[last]))
	}
	b.Awake, b.UnitActive, b.UnitInactive = awake(own), awake(b.UnitActive), awake(b.UnitInactive)
	return b
}
