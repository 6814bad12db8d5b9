package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"mailfresh/internal/nagios"
	"mailfresh/internal/schedule"
	"mailfresh/internal/systemd"
)

// timerFault says why the timer is not active; nothing if it is.
func timerFault(v view) nagios.Findings {
	t, named := v.timer, v.alertIfNamed(nagios.Critical)
	switch {
	case t.LoadState == "not-found":
		return found(named, "not found: no such timer")
	case t.LoadState == "masked":
		return found(named, "masked: it cannot be started (%s)", v.systemctl("unmask", t.Name))
	case t.LoadState != "loaded":
		reason := cmp.Or(t.LoadError, "systemd gives no reason")
		return found(nagios.Critical, "cannot be loaded (%s): %s", t.LoadState, reason)
	case t.ActiveState == "failed":
		return timerFailed(v)
	case t.ActiveState != "active":
		return inactive(v)
	}
	return nil
}

func timerFailed(v view) nagios.Findings {
	t, why := v.timer, v.whyNoService()
	refused := fmt.Sprintf("refused to start %s (%s shows why)", t.Triggers,
		v.systemctl("status", t.Name))
	switch {
	case why != "" || t.Result != "resources":
	case t.Accuracy == systemd.Infinity:
		why = ": AccuracySec=infinity is more than systemd can wait for (set a finite time)"
	case t.WakeSystem:
		why = ": systemd may not wake this host (WakeSystem=yes), or " + refused
	default:
		why = ": systemd " + refused
	}
	return found(nagios.Critical, "the timer failed (%s)%s%s", t.Result, why, since(t.StateChange))
}

// inactive judges a timer that does not run.
func inactive(v view) nagios.Findings {
	t, named := v.timer, v.alertIfNamed(nagios.Critical)
	condition := unmet(t.Unit)
	switch {
	case condition != "":
		return found(named, "not started: %s", condition)
	case t.Job != nil:
		return found(waitsToStart(v), "not started yet: its %s%s", jobText(*t.Job), jobEnd(*t.Job))
	case !t.RemainAfterElapse && !t.LastTrigger.IsZero():
		return found(named, "inactive: it elapsed %s and RemainAfterElapse=no",
			v.ago(t.LastTrigger))
	case strings.HasPrefix(t.UnitFileState, "enabled"):
		return found(nagios.Worst(nagios.Warning, named), "enabled but not started%s%s%s",
			stopped(v), v.whyNoService(), v.startWith("start"))
	}
	remedy := "start"
	if t.UnitFileState == "disabled" {
		remedy = "enable --now"
	}
	return found(named, "inactive (%s)%s%s: it never fires%s",
		cmp.Or(t.UnitFileState, "no unit file"), stopped(v), v.whyNoService(), v.startWith(remedy))
}

// startWith returns the command that starts the timer, in brackets. It returns "" if the service
// does not exist or cannot be loaded: systemd refuses to start such a timer.
func (v view) startWith(verb string) string {
	start := v.systemctl(verb, v.timer.Name) + unchecked(v.timer.Unit)
	switch {
	case v.service.LoadState == "masked":
		return " (" + v.systemctl("unmask", v.service.Name) + ", " + start + ")"
	case v.whyNoService() != "":
		return ""
	}
	return " (" + start + ")"
}

// unchecked says that a unit starts only if its conditions are met, unless systemd has checked
// them. systemd has not checked them if the unit was never started, or if systemd has unloaded the
// unit since, as it does with a timer that nothing wants.
func unchecked(u systemd.Unit) string {
	switch n := len(u.Conditions); {
	case n == 0 || !u.ConditionTime.IsZero():
		return ""
	case n == 1:
		return ", which does nothing unless " + u.Conditions[0].String() + " is met"
	default:
		return fmt.Sprintf(", which does nothing unless its %d conditions are met", n)
	}
}

// waitsToStart returns the state of a timer whose own start job is queued. systemd does not say how
// long the job has waited. The job is younger than the manager, than the timer's last stop, and
// than the last change of the unit that the job waits for. StateChange of a timer that was never
// started is no help: a daemon-reload moves it (252, 257).
func waitsToStart(v view) nagios.State {
	from := later(v.host.ManagerStart, v.timer.InactiveEnter)
	if end := v.timer.Job.End; end != nil {
		from = later(from, end.StateChange)
	}
	state := nagios.OK
	if v.now.Sub(from) > time.Minute {
		state = nagios.Warning
	}
	return nagios.Worst(state, v.alertIfNamed(nagios.Critical))
}

func stopped(v view) string {
	if v.timer.InactiveEnter.IsZero() {
		return ""
	}
	return ", stopped " + v.ago(v.timer.InactiveEnter)
}

// whyNoService says, after a colon, what keeps the service from being started at all.
func (v view) whyNoService() string {
	s := v.service
	switch s.LoadState {
	case "masked":
		return ": " + s.Name + " is masked"
	case "not-found":
		return ": " + s.Name + " does not exist"
	case "bad-setting", "error":
		return ": " + s.Name + " cannot be loaded (" + s.LoadState + ")"
	}
	return ""
}

// waitsInVain judges a timer that waits for the end of a service that does not run (systemd
// issue 5923).
func waitsInVain(v view) nagios.Findings {
	from := later(v.timer.StateChange, v.service.InactiveEnter)
	state := nagios.OK
	if v.now.Sub(from) > time.Minute {
		state = nagios.Critical
	}
	return found(state, "the timer waits for %s, which is inactive and has no job queued%s (%s)",
		v.service.Name, since(from), v.systemctl("restart", v.timer.Name))
}

// neverAgain judges a timer that will not fire again, if that is a fault.
func neverAgain(v view) nagios.Findings {
	t := v.timer
	switch {
	case t.SubState == "elapsed" && schedule.GoesOn(*t, *v.host, v.now):
		return found(nagios.Critical, "will never fire again: systemd found no next elapse "+
			"although OnCalendar= goes on (%s)", v.startedAnew())
	case schedule.HasUnitBase(*t):
		return found(nagios.Critical, "will never fire again: OnUnitActiveSec= or "+
			"OnUnitInactiveSec= has no run to count from%s", v.unanchored())
	case t.LastTrigger.IsZero() && v.service.InactiveExit.IsZero():
		return found(nagios.Warning, "its time passed without a run, and nothing more is scheduled")
	}
	return nil
}

// startedAnew returns the commands that make a timer forget the trigger from which systemd counts.
func (v view) startedAnew() string {
	name, clean := v.timer.Name, ""
	if v.timer.Persistent {
		clean = v.systemctl("clean", "--what=state", name) + ", "
	}
	return v.systemctl("stop", name) + ", " + clean + v.systemctl("start", name)
}

// unanchored says why a timer has no run to count from, and how it gets an instant to count from.
func (v view) unanchored() string {
	why, remedy := "", "add OnBootSec= or OnActiveSec="
	first := slices.IndexFunc(v.timer.Monotonic, func(e systemd.MonotonicEntry) bool {
		return e.Base == "OnBootSec" || e.Base == "OnStartupSec"
	})
	if first >= 0 { // systemd takes the stamp of an older run for the run of that entry
		entry := v.timer.Monotonic[first].Base
		why, remedy = ", and "+entry+"= was over when the timer was started", "add OnActiveSec="
	}
	if unmet(v.service.Unit) == "" { // else the condition skips a start by hand, too
		remedy = v.systemctl("start", v.timer.Triggers) + " once, or " + remedy
	}
	return why + " (" + remedy + ")"
}

// nothingMore says that a timer's last run was its last one.
func nothingMore(v view) nagios.Findings {
	return found(nagios.OK, "%s, nothing more is scheduled", v.lastRun())
}

// servedUntil returns the instant until which all runs are served: now, or what the clock showed at
// the last trigger if the clock was set back since then. With DeferReactivation= the end of the run
// counts, too. If the clock was set back by more than most, it was wrong before and does not count.
func servedUntil(v view, most time.Duration) time.Time {
	until := v.now
	walls := []time.Time{v.timer.LastTriggerWall}
	if v.timer.DeferReactivation {
		walls = append(walls, v.service.InactiveEnterWall)
	}
	for _, wall := range walls {
		if wall.Sub(v.now) <= most {
			until = later(until, wall)
		}
	}
	return until
}

// clockWasWrong finds a timer that waits for an instant far beyond what its calendar says: systemd
// computed that instant while the clock was wrong (systemd issues 6036, 13513, 16347).
func clockWasWrong(v view) nagios.Findings {
	t := v.timer
	if t.SubState != "waiting" || t.NextElapse.IsZero() {
		return nil
	}
	const dst = 26 * time.Hour
	expected, ok, err := schedule.Next(*t, *v.host, servedUntil(v, dst))
	slack := schedule.Slack(*t) + t.RandomizedOffset + dst
	if err != nil || !ok || t.NextElapse.Sub(expected) <= slack {
		return nil
	}
	// systemd searches from the last trigger: that may fail although a search from now succeeds
	from := t.LastTrigger
	switch {
	case from.IsZero():
		from = t.ActiveEnter
	case !t.LastTriggerWall.IsZero() && t.LastTriggerWall.Before(v.now):
		from = t.LastTriggerWall
	}
	why := "the clock was wrong once (" + v.systemctl("restart", t.Name) + ", twice if need be)"
	if first, some, _ := schedule.Next(*t, *v.host, from); !some || first.After(expected) {
		why = "systemd found no next elapse of OnCalendar= (" + v.startedAnew() + ")"
	}
	return found(nagios.Critical, "waits until %s although its schedule says %s: %s",
		nagios.Instant(t.NextElapse), nagios.Instant(expected), why)
}
