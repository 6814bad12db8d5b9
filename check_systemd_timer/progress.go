package main

import (
	"fmt"
	"strings"
	"time"

	"mailfresh/internal/nagios"
	"mailfresh/internal/systemd"
)

// freeze judges a frozen run: the service is frozen, alone or together with a slice that holds it.
func freeze(v view) nagios.Findings {
	s, thaw, with := v.service, v.service.Name, ""
	for _, slice := range v.slices {
		if slice.FreezerState == "frozen" || slice.FreezerState == "freezing" {
			thaw, with = slice.Name, " with "+slice.Name
		}
	}
	return found(nagios.Critical, "%s is frozen%s (%s%s): %s",
		s.Name, with, s.ActiveState, since(v.run.tried), v.systemctl("thaw", thaw))
}

// stays judges a unit that stays active, so that the timer cannot start it. A target gets no
// remedy, as its stop may stop other units: only its missed runs count.
func stays(v view) nagios.Findings {
	s := v.service
	if !s.IsService {
		text := fmt.Sprintf("%s is active%s, and only when it is not can the timer start it",
			s.Name, since(s.ActiveEnter))
		if n := v.run.missed.count; n > 0 {
			text += ": " + runs(n) + " missed"
		}
		return found(v.missedState(), "%s", text)
	}
	why, remedy := "", ""
	if s.RemainAfterExit {
		why, remedy = " (RemainAfterExit=yes)", " now, and drop RemainAfterExit=yes"
	}
	list := found(nagios.Critical,
		"%s stays active after its run%s%s: the timer cannot start it again (%s%s)",
		s.Name, why, since(s.ExecMainExit), v.systemctl("stop", s.Name), remedy)
	return append(list, lateness(v)...)
}

// progress judges a run in progress: how long the run lasts, what it waits for, and how many
// scheduled runs were missed.
func progress(v view) nagios.Findings {
	ran := v.now.Sub(v.run.tried)
	long := nagios.Judge(ran.Seconds(), apply(v, v.opt.RunningWarning),
		apply(v, v.opt.RunningCritical))
	state := nagios.Worst(long, v.missedState())
	var causes []string
	if long != nagios.OK {
		causes = append(causes, crossed(v, long, ran))
	}
	if n := v.run.missed.count; n > 0 {
		causes = append(causes, runs(n)+" missed")
	}
	text, sign := v.present(), ": "
	if blame := v.blame(); blame != "" && state != nagios.OK {
		text, sign = text+": "+blame, "; "
	}
	if len(causes) > 0 {
		text += sign + strings.Join(causes, ", ")
	}
	return found(state, "%s", text)
}

// present describes the run in progress: how long, which phase, since when.
func (v view) present() string {
	s := v.service
	if v.run.tried.IsZero() {
		return fmt.Sprintf("%s is running (%s)", s.Name, s.SubState)
	}
	return fmt.Sprintf("%s has been running for %s (%s, since %s)",
		s.Name, nagios.Span(v.now.Sub(v.run.tried)), s.SubState, nagios.Instant(v.run.tried))
}

// crossed says which limit of the present run's time was passed.
func crossed(v view, state nagios.State, ran time.Duration) string {
	passed := v.opt.RunningWarning
	if state == nagios.Critical {
		passed = v.opt.RunningCritical
	}
	warning, critical := apply(v, v.opt.RunningWarning), apply(v, v.opt.RunningCritical)
	text := nagios.CrossedTime(state, ran.Seconds(), warning, critical)
	if passed.times > 0 {
		text += fmt.Sprintf(" (%gx the longest recent run)", passed.times)
	}
	return text
}

// limits are notes on time limits of systemd that do not apply to the run in progress
// (systemd.service(5), TimeoutStartSec=, RuntimeMaxSec=).
func limits(s *systemd.Service) (notes []string) {
	note := func(format string, args ...any) {
		notes = append(notes, "note: "+fmt.Sprintf(format, args...))
	}
	oneshot, endless := s.Type == "oneshot", s.TimeoutStart == systemd.Infinity
	switch {
	case !s.IsService:
	case s.ActiveState == "deactivating":
		if s.TimeoutStop == systemd.Infinity {
			note("TimeoutStopSec=infinity: nothing ends a stop that hangs")
		}
	case s.SubState == "running":
		if s.RuntimeMax == systemd.Infinity {
			note("RuntimeMaxSec=infinity: nothing ends a run that hangs; "+
				"TimeoutStartSec= does not apply to Type=%s once it runs", s.Type)
		}
	case endless && oneshot && s.RuntimeMax != systemd.Infinity:
		note("RuntimeMaxSec=%s does not apply to Type=oneshot, and TimeoutStartSec=infinity: "+
			"nothing ends a run that hangs", nagios.Span(s.RuntimeMax))
	case oneshot && s.RuntimeMax != systemd.Infinity:
		note("RuntimeMaxSec=%s does not apply to Type=oneshot; TimeoutStartSec=%s does",
			nagios.Span(s.RuntimeMax), nagios.Span(s.TimeoutStart))
	case endless:
		note("TimeoutStartSec=infinity: nothing ends a start that hangs")
	}
	return notes
}

// longOnPurpose says which options allow for a long run, if only few runs were missed: the job may
// take longer than its interval on purpose.
func longOnPurpose(v view) []string {
	const few = 3
	n := v.run.missed.count
	if n == 0 || n > few || v.opt.RunningCritical.Range.Set || v.opt.RunningCritical.times > 0 {
		return nil
	}
	return []string{fmt.Sprintf("note: if it may take longer than its interval, --missed-warning %d --missed-critical %d "+
		"allow for that, and --running-critical limits it", 2*n, 4*n)}
}

// loop judges a service that Restart= restarts again and again. Such a loop seldom ends by itself,
// so the state is critical as soon as missed runs alert.
func loop(v view) nagios.Findings {
	s, state := v.service, nagios.Warning
	if v.missedState() != nagios.OK {
		state = nagios.Critical
	}
	return found(state, "%s %s", s.Name, restarts(v))
}

// restarts says how often a service was restarted, and why.
func restarts(v view) string {
	s, n, from := v.service, v.run.restarts, since(v.run.since)
	count := nagios.Count(n, "restart", "restarts")
	switch {
	case n == 0 && s.Result == "success": // Restart=always
		return "ended and waits to be restarted" + since(s.StateChange)
	case n == 0:
		return fmt.Sprintf("failed (%s) and waits to be restarted%s", v.ending(),
			since(s.StateChange))
	case n == 1 && s.Result == "success":
		return "was restarted once" + from
	case n == 1:
		return fmt.Sprintf("was restarted once and failed again (last: %s)%s", v.ending(), from)
	case s.Result == "success":
		return fmt.Sprintf("is restarted again and again (%s so far)%s", count, from)
	}
	return fmt.Sprintf("fails and is restarted again and again (%s so far, last: %s)%s", count,
		v.ending(), from)
}

// waitsInQueue judges a start job that waits in systemd's queue. The run of that job has not
// started, so the latest run is an earlier one. If the timer does not wait for that run, somebody
// else queued the job, and systemd does not say when.
func waitsInQueue(v view) nagios.Findings {
	job, from := *v.service.Job, ""
	if v.timer.SubState == "running" {
		from = since(v.timer.LastTrigger)
	}
	return found(v.missedState(), "%s has not started: its %s%s%s%s",
		v.service.Name, jobText(job), fullSlice(v.slices), from, jobEnd(job))
}

// fullSlice names a full slice: a job waits until one of the units in that slice ends
// (systemd.slice(5)).
func fullSlice(list []systemd.Slice) string {
	for _, s := range list {
		switch {
		case s.SoftMax > 0 && s.Active >= s.SoftMax:
			return fmt.Sprintf(" for a place in %s (ConcurrencySoftMax=%d, active: %d)", s.Name,
				s.SoftMax, s.Active)
		case s.ActivatingMax > 0:
			return fmt.Sprintf(" for a place in %s (ActivatingConcurrencyMax=%d)", s.Name,
				s.ActivatingMax)
		}
	}
	return ""
}

// jobText describes a job in the queue, and the chain of jobs that block it.
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

// jobEnd describes the unit at the end of the chain of units that block a job.
func jobEnd(j systemd.Job) string {
	if j.End == nil {
		return ""
	}
	return fmt.Sprintf("; %s is %s (%s%s)", j.End.Name, j.End.ActiveState, j.End.SubState,
		since(j.End.StateChange))
}
