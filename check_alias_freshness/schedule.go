package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"mailfresh/internal/nagios"
	"mailfresh/internal/schedule"
)

// schedule judges the file's age by the timer that should rewrite it: the
// updates that its schedule demanded since the file was written. The timer's
// slack and the time that its job took the last time are allowed for; the elapse
// that began a run in progress is not missed before that ends.
func (s *subject) schedule(state nagios.State, text string) {
	t := s.timer.Timer
	if s.timer.err != nil {
		s.found(nagios.Worst(state, s.opt.unseen(s.timer.late)), "%s; its timer cannot be looked at: %v", text, s.timer.err)
		return
	}
	if t.LoadState != "loaded" {
		s.found(nagios.Critical, "%s; nothing rewrites it: %s is %s", text, t.Name, t.LoadState)
		return
	}
	running, took := s.run()
	until := s.now.Add(-schedule.Slack(t) - took)
	d, err := schedule.Elapses(t, s.timer.host, schedule.From(s.ModTime, took), until)
	if err != nil {
		s.found(nagios.Unknown, "%s; its schedule is not understood: %s: %v", text, t.Name, err)
		return
	}
	if running && !s.wrote() && d.Count > 0 {
		d.Count--
	}
	s.measure("missed", float64(d.Count), "", s.opt.MissedWarning, s.opt.MissedCritical)
	missed := nagios.Judge(float64(d.Count), s.opt.MissedWarning, s.opt.MissedCritical)
	if d.Count > 0 {
		text += fmt.Sprintf(": %s of %s missed, %s", nagios.Count(d.Count, "update", "updates"), t.Name, s.claim(running))
	}
	if t.ActiveState != "active" {
		missed = nagios.Worst(missed, nagios.Critical)
		text += fmt.Sprintf("; nothing rewrites it: %s is %s", t.Name, t.ActiveState)
	}
	if !schedule.Recurs(t, s.timer.host, s.now) {
		s.note("note: %s has no schedule to judge by (OnCalendar=, OnUnitActiveSec= or OnUnitInactiveSec=)", t.Name)
	}
	s.found(nagios.Worst(state, missed), "%s", text)
}

// run tells whether the job is running, else how long the run took that wrote
// the file; a run that left it alone, however long, excuses nothing.
func (s *subject) run() (running bool, took time.Duration) {
	svc := s.timer.Service
	switch svc.ActiveState {
	case "activating", "deactivating", "reloading":
		return true, 0
	case "active":
		return svc.SubState != "exited", 0
	}
	if d := svc.InactiveEnter.Sub(svc.InactiveExit); s.wrote() && d > 0 {
		return false, d
	}
	return false, 0
}

// wrote reports whether the file was written since the latest run began.
func (s *subject) wrote() bool {
	began := s.timer.Service.InactiveExit
	return !began.IsZero() && !s.ModTime.Before(began.Add(-time.Second))
}

// claim says what systemd says of the job meanwhile.
func (s *subject) claim(running bool) string {
	svc := s.timer.Service
	switch {
	case svc.LoadState != "loaded":
		return svc.Name + " is " + svc.LoadState
	case strings.HasPrefix(svc.SubState, "auto-restart"):
		return fmt.Sprintf("%s fails and is started again, over and over (%s)", svc.Name, svc.Result)
	case running && !svc.InactiveExit.IsZero():
		return fmt.Sprintf("%s has been running for %s", svc.Name, nagios.Span(s.now.Sub(svc.InactiveExit)))
	case running:
		return svc.Name + " is running"
	case svc.ActiveState == "failed":
		return fmt.Sprintf("%s failed (%s)", svc.Name, svc.Result)
	case svc.ActiveState == "active":
		return fmt.Sprintf("%s is active (%s): the timer cannot start it again", svc.Name, svc.SubState)
	case svc.InactiveEnter.IsZero():
		return svc.Name + " has not run"
	case s.wrote():
		return fmt.Sprintf("%s last ran %s ago", svc.Name, nagios.Span(s.now.Sub(svc.InactiveEnter)))
	}
	claim := fmt.Sprintf("yet %s claims success %s ago while the file does not move", svc.Name, nagios.Span(s.now.Sub(svc.InactiveEnter)))
	switch status := svc.ExecMainStatus; {
	case svc.ExecMainCode > 1: // CLD_KILLED, CLD_DUMPED
		claim += fmt.Sprintf(" (killed by signal %d)", status)
	case status != 0 && !slices.Contains(svc.SuccessStatus, status):
		claim += fmt.Sprintf(" (exit status %d, ignored)", status)
	}
	return claim
}
