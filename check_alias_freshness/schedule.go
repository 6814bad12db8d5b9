package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"mailfresh/internal/nagios"
	"mailfresh/internal/schedule"
	"mailfresh/internal/systemd"
)

// updatesSince judges the file's age by the timer that should rewrite it: it counts the updates
// that the schedule demanded since the file was written. An update may be late by the timer's slack
// and by the time that the job last took. The update of a run in progress is not missed yet. The
// text continues the sentence about the age.
func updatesSince(opt options, f file, t *timer, now time.Time) (state nagios.State, text string,
	rest part) {
	if t == nil {
		return nagios.OK, "", part{}
	}
	tm, svc := t.Pair.Timer, t.Pair.Service
	switch {
	case t.err != nil:
		return unseen(opt, "", t.err).State,
			fmt.Sprintf("; its timer cannot be looked at: %v", t.err), part{}
	case tm.LoadState != "loaded":
		return nagios.Critical,
			fmt.Sprintf("; nothing rewrites it: %s is %s", tm.Name, tm.LoadState), part{}
	}
	written := wrote(svc, f.File.ModTime)
	running, took := run(svc, written)
	until := now.Add(-schedule.Slack(tm) - took)
	d, err := schedule.Elapses(tm, t.host, schedule.From(f.File.ModTime, took), until)
	if err != nil {
		return nagios.Unknown,
			fmt.Sprintf("; its schedule is not understood: %s: %v", tm.Name, err), part{}
	}
	if running && !written && d.Count > 0 && d.Count < schedule.MaxCount {
		d.Count--
	}
	missed := nagios.Quantity{Label: "missed", Metric: "missed_updates", Value: float64(d.Count),
		Warning: opt.MissedWarning, Critical: opt.MissedCritical}
	state = nagios.Judge(missed.Value, missed.Warning, missed.Critical)
	if d.Count > 0 {
		text = fmt.Sprintf(": %s of %s missed, %s", updates(d.Count), tm.Name,
			claim(svc, running, written, now))
	}
	if tm.ActiveState != "active" {
		state = nagios.Critical
		text += fmt.Sprintf("; nothing rewrites it: %s is %s", tm.Name, tm.ActiveState)
	}
	if !schedule.Recurs(tm, t.host, now) {
		rest = note("note: %s has no schedule to judge by (OnCalendar=, OnUnitActiveSec= or OnUnitInactiveSec=)", tm.Name)
	}
	return state, text, join(measure(missed), rest)
}

func updates(n int) string {
	text := nagios.Count(n, "update", "updates")
	if n >= schedule.MaxCount {
		return "at least " + text
	}
	return text
}

// run returns whether the job is running. If not, run returns how long the job ran when it wrote
// the file. If the latest run did not write the file, its time does not count.
func run(svc systemd.Service, written bool) (running bool, took time.Duration) {
	switch svc.ActiveState {
	case "activating", "deactivating", "reloading", "refreshing":
		return true, 0
	case "active":
		return svc.SubState != "exited", 0
	}
	if d := svc.InactiveEnter.Sub(svc.InactiveExit); written && d > 0 {
		return false, d
	}
	return false, 0
}

// wrote reports whether the file was written since the latest run began.
func wrote(svc systemd.Service, modified time.Time) bool {
	return !svc.InactiveExit.IsZero() && !modified.Before(svc.InactiveExit.Add(-time.Second))
}

// claim says what systemd knows of the job.
func claim(svc systemd.Service, running, written bool, now time.Time) string {
	switch {
	case svc.LoadState != "loaded":
		return svc.Name + " is " + svc.LoadState
	case strings.HasPrefix(svc.SubState, "auto-restart"):
		return fmt.Sprintf("%s fails and is started again, over and over (%s)", svc.Name,
			svc.Result)
	case running && !svc.InactiveExit.IsZero():
		return fmt.Sprintf("%s has been running for %s", svc.Name,
			nagios.Span(now.Sub(svc.InactiveExit)))
	case running:
		return svc.Name + " is running"
	case svc.ActiveState == "failed":
		return fmt.Sprintf("%s failed (%s)", svc.Name, svc.Result)
	case svc.ActiveState == "active":
		return fmt.Sprintf("%s is active (%s): the timer cannot start it again", svc.Name,
			svc.SubState)
	case svc.InactiveEnter.IsZero():
		return svc.Name + " has not run"
	}
	ago := nagios.Span(now.Sub(svc.InactiveEnter))
	if written {
		return fmt.Sprintf("%s last ran %s ago", svc.Name, ago)
	}
	text := fmt.Sprintf("%s finished successfully %s ago, but the file was not updated", svc.Name, ago)
	switch status := svc.ExecMainStatus; {
	case svc.ExecMainCode > 1: // CLD_KILLED, CLD_DUMPED
		text += fmt.Sprintf(" (killed by signal %d)", status)
	case status != 0 && !slices.Contains(svc.SuccessStatus, status):
		text += fmt.Sprintf(" (exit status %d, ignored)", status)
	}
	return text
}
