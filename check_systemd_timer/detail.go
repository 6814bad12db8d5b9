package main

import (
	"fmt"
	"time"

	"mailfresh/internal/nagios"
)

// quantities returns what is known of the timer in numbers.
func (v view) quantities() (list []nagios.Quantity) {
	list = make([]nagios.Quantity, 0, 7) // as many as an idle timer has
	age := func(t time.Time) float64 { return v.now.Sub(t).Seconds() }
	if inProgress(v.service) && !v.run.tried.IsZero() {
		list = append(list, nagios.Quantity{
			Label: "running", Metric: "running_seconds", Value: age(v.run.tried), Unit: "s",
			Warning: apply(v, v.opt.RunningWarning), Critical: apply(v, v.opt.RunningCritical),
		})
	}
	if !v.run.known.IsZero() {
		list = append(list, nagios.Quantity{Label: "last_run", Value: age(v.run.known), Unit: "s",
			Warning: v.opt.Warning.Range, Critical: v.opt.Critical.Range},
			nagios.Timestamp("last_run_timestamp_seconds", v.run.known))
	}
	if v.run.tookKnown {
		list = append(list, nagios.Quantity{
			Label: "last_duration", Metric: "last_duration_seconds",
			Value: v.run.took.Seconds(), Unit: "s",
		})
	}
	if v.run.missed.counted {
		list = append(list, nagios.Quantity{
			Label: "missed", Metric: "missed_runs", Value: float64(v.run.missed.count),
			Warning: v.opt.MissedWarning, Critical: v.opt.MissedCritical,
		})
	}
	if !v.timer.NextElapse.IsZero() {
		list = append(list, nagios.Quantity{Label: "next", Value: -age(v.timer.NextElapse),
			Unit: "s", Signed: true},
			nagios.Timestamp("next_elapse_timestamp_seconds", v.timer.NextElapse))
	}
	if v.service.Result != "" {
		result := []nagios.MetricLabel{{Name: "result", Value: v.service.Result}}
		list = append(list, nagios.Quantity{Metric: "result_info", Value: 1, Labels: result})
	}
	return list
}

// detail returns the raw facts, for -vv.
func (v view) detail() []string {
	t, svc := v.timer, v.service
	at := func(t time.Time) string {
		if t.IsZero() {
			return "n/a"
		}
		return nagios.Instant(t)
	}
	lines := []string{fmt.Sprintf(
		"%s: LoadState=%s ActiveState=%s SubState=%s UnitFileState=%s Result=%s", t.Name,
		t.LoadState, t.ActiveState, t.SubState, t.UnitFileState, t.Result)}
	for _, spec := range t.Calendar {
		lines = append(lines, "OnCalendar="+spec)
	}
	for _, entry := range t.Monotonic {
		lines = append(lines, entry.Base+"="+nagios.Span(entry.Interval))
	}
	lines = append(lines,
		fmt.Sprintf("AccuracySec=%s RandomizedDelaySec=%s Persistent=%t", nagios.Span(t.Accuracy),
			nagios.Span(t.RandomizedDelay), t.Persistent),
		fmt.Sprintf("active since %s, last trigger %s, next elapse %s", at(t.ActiveEnter),
			at(t.LastTrigger), at(t.NextElapse)))
	if svc.Name == "" {
		return lines
	}
	return append(lines,
		fmt.Sprintf("%s: LoadState=%s ActiveState=%s SubState=%s Type=%s Result=%s", svc.Name,
			svc.LoadState, svc.ActiveState, svc.SubState, svc.Type, svc.Result),
		fmt.Sprintf("last start %s, last end %s", at(svc.InactiveExit), at(svc.InactiveEnter)),
		fmt.Sprintf("main process: PID %d, start %s, exit %s, code %d, status %d, restarts %d",
			svc.MainPID, at(svc.ExecMainStart), at(svc.ExecMainExit), svc.ExecMainCode,
			svc.ExecMainStatus, svc.NRestarts),
		fmt.Sprintf("condition %t at %s, assert %t at %s", svc.ConditionResult,
			at(svc.ConditionTime), svc.AssertResult, at(svc.AssertTime)))
}
