package main

import (
	"cmp"
	"fmt"
	"time"

	"mailfresh/internal/nagios"
	"mailfresh/internal/systemd"
)

func schedules(v view) nagios.Findings {
	if v.run.missed.err == nil {
		return nil
	}
	return found(nagios.Unknown, "the schedule is not understood: %v", v.run.missed.err)
}

// lateness says how many runs were missed, unless another finding says so.
func lateness(v view) nagios.Findings {
	switch {
	case v.run.missed.err != nil, v.run.phase == phaseIdle && notStartedAlone(v):
		return nil
	case v.run.missed.count == 0:
		return found(v.missedState(), "%s%s", v.lastRun(), v.next())
	}
	return found(v.missedState(), "%s", v.late())
}

// late says how many runs were missed and since when.
func (v view) late() string {
	m := v.run.missed
	text := runs(m.count) + " missed, the first was due at " + nagios.Instant(m.first)
	if v.run.ended.IsZero() && v.service.InactiveExit.IsZero() {
		return text + "; no run is known"
	}
	return text + "; " + v.lastRun()
}

// notStartedAlone reports whether the last trigger led to no run and the outcome of the service
// does not say why.
func notStartedAlone(v view) bool {
	return v.run.attempt == notStarted && v.service.Result != "start-limit-hit" &&
		v.service.Result != "resources" && !startLimit(v)
}

// noRun judges a timer whose last trigger led to no run.
func noRun(v view) nagios.Findings {
	name, at := v.service.Name, v.timer.LastTrigger
	switch {
	case v.run.attempt == skipped:
		state := v.alertIfNamed(nagios.Warning)
		if v.opt.SkippedState != nil {
			state = *v.opt.SkippedState
		}
		return found(state, "%s was skipped %s: %s", name, v.ago(at), skippedBy(v.service))
	case notStartedAlone(v):
		text := name + " was triggered " + v.ago(at) + " but did not start" + v.whyNotStarted()
		if v.run.missed.count > 0 {
			text += "; " + v.late()
		}
		return found(nagios.Worst(nagios.Warning, v.missedState()), "%s", text)
	}
	return nil
}

// unmet says which condition of a unit is not met. It returns "" if systemd has checked no
// condition, or if all conditions are met.
func unmet(u systemd.Unit) string {
	if u.ConditionResult || u.ConditionTime.IsZero() {
		return ""
	}
	if name := failing(u.Conditions); name != "" {
		return "its condition " + name + " is not met"
	}
	return "one of its conditions is not met"
}

// failing returns the first condition that is not met. Alternatives, written with "|", fail only
// together. After a daemon-reexec systemd no longer knows which condition failed; if there is only
// one condition, that one failed.
func failing(conditions []systemd.Condition) string {
	if len(conditions) == 1 {
		return conditions[0].String()
	}
	for _, c := range conditions {
		if c.State < 0 {
			return c.String()
		}
	}
	return ""
}

// skippedBy names the condition that kept the service from running.
func skippedBy(s *systemd.Service) string {
	if s.Result == "exec-condition" {
		return "its ExecCondition= said no"
	}
	return cmp.Or(failing(s.Conditions), "one of its conditions") + " is not met"
}

// whyNotStarted says why a trigger led to no run, as far as that is known; it begins with a colon.
func (v view) whyNotStarted() string {
	s := v.service
	if why := v.whyNoService(); why != "" {
		return why
	}
	if !s.AssertResult && !s.AssertTime.IsZero() &&
		!s.AssertTime.Before(v.timer.LastTrigger.Add(-time.Second)) {
		return ": " + cmp.Or(failing(s.Asserts), "an assertion") + " failed"
	}
	return ": a unit that it requires failed, or its start job was refused or cancelled (" +
		v.systemctl("list-dependencies", "--failed", s.Name) + " shows which)"
}

func (v view) lastRun() string {
	name, r := v.service.Name, v.run
	switch {
	case r.tookKnown:
		return fmt.Sprintf("the last run of %s ended %s after %s", name, v.ago(r.ended),
			nagios.Span(r.took))
	case !r.ended.IsZero():
		return fmt.Sprintf("the last run of %s ended %s", name, v.ago(r.ended))
	case !v.timer.LastTrigger.IsZero():
		return fmt.Sprintf("%s was last triggered %s", name, v.ago(v.timer.LastTrigger))
	}
	return name + " has not run yet"
}

func (v view) next() string {
	if v.timer.NextElapse.IsZero() {
		return ""
	}
	if d := v.timer.NextElapse.Sub(v.now); d > 0 {
		return ", the next is in " + nagios.Span(d)
	}
	return ", the next is due now"
}

// age judges the time since the last completed run ended.
func age(v view) nagios.Findings {
	name, from, what := v.service.Name, v.run.known, ""
	switch {
	case !v.run.ended.IsZero():
		what = "the last completed run of " + name + " ended"
	case !from.IsZero():
		what = "the last known run of " + name + " was triggered"
	default:
		from, what = v.timer.ActiveEnter, name+" has completed no run since the timer was started"
	}
	if from.IsZero() {
		return nil
	}
	if v.run.ended.IsZero() && v.service.Result == "exec-condition" && v.before.unknown() != "" {
		if !v.opt.Warning.Set && !v.opt.Critical.Set {
			return nil
		}
		return found(nagios.Unknown,
			"the last completed run of %s is not known, as ExecCondition= made systemd forget it and %s",
			name, v.before.unknown())
	}
	old, warning, critical := v.now.Sub(from).Seconds(), v.opt.Warning.Range, v.opt.Critical.Range
	state := nagios.Judge(old, warning, critical)
	if state == nagios.OK {
		return nil
	}
	crossed := nagios.CrossedTime(state, old, warning, critical)
	return found(state, "%s %s (%s)", what, v.ago(from), crossed)
}
