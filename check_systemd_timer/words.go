package main

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"mailfresh/internal/nagios"
	"mailfresh/internal/systemd"
)

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func runs(n int) string { return nagios.Count(n, "scheduled run", "scheduled runs") }

func (s *subject) ago(t time.Time) string { return nagios.Span(s.now.Sub(t)) + " ago" }

// since writes ", since INSTANT", or nothing when it is not known.
func (s *subject) since(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return ", since " + nagios.Instant(t)
}

// progress describes the run in progress: how long, which phase, since when.
func (s *subject) progress() string {
	svc := s.Service
	if svc.InactiveExit.IsZero() {
		return fmt.Sprintf("%s is running (%s)", svc.Name, svc.SubState)
	}
	return fmt.Sprintf("%s has been running for %s (%s, since %s)",
		svc.Name, nagios.Span(s.now.Sub(svc.InactiveExit)), svc.SubState, nagios.Instant(svc.InactiveExit))
}

// limit says which limit of the present run's time was passed.
func (s *subject) limit(state nagios.State, ran time.Duration) string {
	passed := s.opt.RunningWarning
	if state == nagios.Critical {
		passed = s.opt.RunningCritical
	}
	text := nagios.CrossedTime(state, ran.Seconds(), s.apply(s.opt.RunningWarning), s.apply(s.opt.RunningCritical))
	if passed.times > 0 {
		text += fmt.Sprintf(" (%gx the longest recent run)", passed.times)
	}
	return text
}

// limits are notes on time limits of systemd that do not apply to the run in
// progress (systemd.service(5), TimeoutStartSec=, RuntimeMaxSec=).
func limits(svc systemd.Service) (notes []string) {
	note := func(format string, args ...any) { notes = append(notes, "note: "+fmt.Sprintf(format, args...)) }
	oneshot := svc.Type == "oneshot"
	if !svc.IsService {
		return nil
	}
	switch {
	case svc.ActiveState == "deactivating":
		if svc.TimeoutStop == systemd.Infinity {
			note("TimeoutStopSec=infinity: nothing ends a stop that hangs")
		}
	case svc.SubState == "running" && svc.RuntimeMax == systemd.Infinity:
		note("RuntimeMaxSec=infinity: nothing ends a run that hangs; TimeoutStartSec= does not apply to Type=%s once it runs", svc.Type)
	case svc.SubState != "running" && svc.TimeoutStart == systemd.Infinity && oneshot && svc.RuntimeMax != systemd.Infinity:
		note("RuntimeMaxSec=%s does not apply to Type=oneshot, and TimeoutStartSec=infinity: nothing ends a run that hangs", nagios.Span(svc.RuntimeMax))
	case svc.SubState != "running" && oneshot && svc.RuntimeMax != systemd.Infinity:
		note("RuntimeMaxSec=%s does not apply to Type=oneshot; TimeoutStartSec=%s does", nagios.Span(svc.RuntimeMax), nagios.Span(svc.TimeoutStart))
	case svc.SubState != "running" && svc.TimeoutStart == systemd.Infinity:
		note("TimeoutStartSec=infinity: nothing ends a start that hangs")
	}
	return notes
}

// unmet is the first condition of a unit that was checked and not met.
func unmet(u systemd.Unit) string {
	if u.ConditionResult || u.ConditionTime.IsZero() {
		return ""
	}
	return cmp.Or(failing(u.Conditions), "Condition*=")
}

// failing is the first of the conditions that was not met. Of alternatives,
// written with "|", all have failed. systemd forgets which it was when it
// re-executes itself; where there is but one, it was that.
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
func (s *subject) skippedBy() string {
	if s.Service.Result == "exec-condition" {
		return "its ExecCondition= said no"
	}
	return cmp.Or(failing(s.Service.Conditions), "a condition") + " is not met"
}

// whyNotStarted names what is known of why a trigger led to no run.
func (s *subject) whyNotStarted() string {
	svc := s.Service
	if why := s.whyNoService(); why != "" {
		return strings.TrimPrefix(why, ": ")
	}
	if !svc.AssertResult && !svc.AssertTime.IsZero() && !svc.AssertTime.Before(s.Timer.LastTrigger.Add(-time.Second)) {
		return cmp.Or(failing(svc.Asserts), "an assertion") + " failed"
	}
	return "a unit that it requires failed, or its start job was cancelled (" + s.systemctl("start", svc.Name) + " says which)"
}

// jobText describes a job in the queue and what blocks it, to the end.
func jobText(j systemd.Job) string {
	text := fmt.Sprintf("%s job %d is %s", j.Type, j.ID, j.State)
	chain := j.Chain
	if len(chain) == 0 {
		chain = j.Blockers[:min(1, len(j.Blockers))]
	}
	for i, b := range chain {
		switch last := len(chain) - 1; {
		case i == 0:
			text += " for "
		case i == 1 || last < 3:
			text += ", that one for "
		case i < last:
			continue
		default:
			text += fmt.Sprintf(", and %d jobs on for ", last-1)
		}
		text += fmt.Sprintf("%s (%s job %d, %s)", b.Unit, b.Type, b.ID, b.State)
		if more := len(j.Blockers) - 1; i == 0 && more > 0 {
			text += " and " + nagios.Count(more, "more job", "more jobs")
		}
	}
	if j.Loop {
		text += ", and so on in a circle"
	}
	return text
}

// jobEnd says what the unit at the end of what blocks a job is doing.
func jobEnd(j systemd.Job) string {
	if j.End == nil {
		return ""
	}
	text := fmt.Sprintf("; %s is %s (%s", j.End.Name, j.End.ActiveState, j.End.SubState)
	if !j.End.StateChange.IsZero() {
		text += ", since " + nagios.Instant(j.End.StateChange)
	}
	return text + ")"
}

// ended is the end of the last completed run; zero if none is known.
func (s *subject) ended() time.Time {
	if s.Service.Result == "exec-condition" {
		return time.Time{} // the end of what was skipped; that of the run before is not kept
	}
	if s.remains() {
		return later(s.Service.InactiveEnter, s.Service.ExecMainExit)
	}
	return s.Service.InactiveEnter
}

// lasted is the duration of the last completed run; false if it is not known.
func (s *subject) lasted() (time.Duration, bool) {
	d := s.ended().Sub(s.Service.InactiveExit)
	return d, !s.Service.InactiveExit.IsZero() && d >= 0 && !s.ended().IsZero()
}

// lastRun describes the last completed run.
func (s *subject) lastRun() string {
	d, known := s.lasted()
	switch {
	case known:
		return fmt.Sprintf("the last run of %s ended %s after %s", s.Service.Name, s.ago(s.ended()), nagios.Span(d))
	case !s.ended().IsZero():
		return fmt.Sprintf("the last run of %s ended %s", s.Service.Name, s.ago(s.ended()))
	case !s.Timer.LastTrigger.IsZero():
		return fmt.Sprintf("%s was last triggered %s", s.Service.Name, s.ago(s.Timer.LastTrigger))
	}
	return s.Service.Name + " has not run yet"
}

// next describes the next elapse.
func (s *subject) next() string {
	if s.Timer.NextElapse.IsZero() {
		return ""
	}
	if d := s.Timer.NextElapse.Sub(s.now); d > 0 {
		return ", the next is in " + nagios.Span(d)
	}
	return ", the next is due now"
}
