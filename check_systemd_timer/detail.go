package main

import (
	"fmt"
	"time"

	"mailfresh/internal/nagios"
)

// quantities are what is known of the timer in numbers.
func (s *subject) quantities() (list []nagios.Quantity) {
	if s.running() && !s.Service.InactiveExit.IsZero() {
		list = append(list, nagios.Quantity{Label: "running", Value: s.now.Sub(s.Service.InactiveExit).Seconds(), Unit: "s",
			Warning: s.apply(s.opt.RunningWarning), Critical: s.apply(s.opt.RunningCritical)})
	}
	if ended := s.ended(); !ended.IsZero() {
		list = append(list, nagios.Quantity{Label: "last_run", Value: s.now.Sub(ended).Seconds(), Unit: "s",
			Warning: s.opt.Warning.Range, Critical: s.opt.Critical.Range})
	}
	if d, known := s.lasted(); known {
		list = append(list, nagios.Quantity{Label: "last_duration", Value: d.Seconds(), Unit: "s"})
	}
	if s.counted {
		list = append(list, nagios.Quantity{Label: "missed", Value: float64(s.missed), Warning: s.opt.MissedWarning, Critical: s.opt.MissedCritical})
	}
	if !s.Timer.NextElapse.IsZero() {
		list = append(list, nagios.Quantity{Label: "next", Value: s.Timer.NextElapse.Sub(s.now).Seconds(), Unit: "s", Signed: true})
	}
	return list
}

// detail is the raw facts, for -vv.
func (s *subject) detail() []string {
	t, svc := s.Timer, s.Service
	at := func(v time.Time) string {
		if v.IsZero() {
			return "n/a"
		}
		return nagios.Instant(v)
	}
	lines := []string{fmt.Sprintf("%s: LoadState=%s ActiveState=%s SubState=%s UnitFileState=%s Result=%s", t.Name, t.LoadState, t.ActiveState, t.SubState, t.UnitFileState, t.Result)}
	for _, spec := range t.Calendar {
		lines = append(lines, "OnCalendar="+spec)
	}
	for _, entry := range t.Monotonic {
		lines = append(lines, entry.Base+"="+nagios.Span(entry.Interval))
	}
	lines = append(lines,
		fmt.Sprintf("AccuracySec=%s RandomizedDelaySec=%s Persistent=%t", nagios.Span(t.Accuracy), nagios.Span(t.RandomizedDelay), t.Persistent),
		fmt.Sprintf("active since %s, last trigger %s, next elapse %s", at(t.ActiveEnter), at(t.LastTrigger), at(t.NextElapse)))
	if svc.Name == "" {
		return lines
	}
	return append(lines,
		fmt.Sprintf("%s: LoadState=%s ActiveState=%s SubState=%s Type=%s Result=%s", svc.Name, svc.LoadState, svc.ActiveState, svc.SubState, svc.Type, svc.Result),
		fmt.Sprintf("last start %s, last end %s", at(svc.InactiveExit), at(svc.InactiveEnter)),
		fmt.Sprintf("main process: PID %d, start %s, exit %s, code %d, status %d, restarts %d",
			svc.MainPID, at(svc.ExecMainStart), at(svc.ExecMainExit), svc.ExecMainCode, svc.ExecMainStatus, svc.NRestarts),
		fmt.Sprintf("condition %t at %s, assert %t at %s", svc.ConditionResult, at(svc.ConditionTime), svc.AssertResult, at(svc.AssertTime)))
}
