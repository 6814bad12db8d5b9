package main

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"mailfresh/internal/nagios"
	"mailfresh/internal/schedule"
	"mailfresh/internal/systemd"
)

// inspect judges one timer: first the timer itself, then what its service is
// doing or how its last run went, then what its schedule has missed.
func inspect(opt options, f facts, pair systemd.Pair, now time.Time) verdict {
	name := pair.Timer.Name
	s := &subject{opt: opt, named: f.isNamed(pair), now: now, Pair: pair, host: f.host, before: f.before[name], stuck: f.stuck[name]}
	lookAt := s.tell("journalctl", "-u", s.Service.Name, "-n", "50")
	if s.timerAtFault() {
		lookAt = s.systemctl("status", name)
	} else {
		s.service()
		s.clockWasWrong()
		s.age()
	}
	if s.Timer.NeedDaemonReload || s.Service.NeedDaemonReload {
		s.notes = append(s.notes, "note: unit files changed on disk: "+s.systemctl("daemon-reload")+" is pending")
	}
	s.explain()
	if s.worst() != nagios.OK && s.Timer.LoadState != "not-found" {
		s.notes = append(s.notes, "look at: "+lookAt)
	}
	return s.verdict()
}

// explain adds why a run may be stuck, and how the runs before went.
func (s *subject) explain() {
	if s.stuck != nil {
		s.notes = append(s.notes, s.stuck.notes()...)
	}
	unknown := s.named && s.before != nil && s.before.err != nil
	if s.worst() != nagios.OK || s.opt.Verbose > 0 || unknown {
		s.notes = append(s.notes, s.context()...)
	}
}

// alertIfNamed is the state of what is wrong only with a timer that is expected
// to run.
func (s *subject) alertIfNamed(state nagios.State) nagios.State {
	if s.named {
		return state
	}
	return nagios.OK
}

// timerAtFault reports whether the timer is not active, so that nothing that
// its service does can be in order.
func (s *subject) timerAtFault() bool {
	t := s.Timer
	switch {
	case t.LoadState == "not-found":
		s.found(s.alertIfNamed(nagios.Critical), "not found: no such timer")
	case t.LoadState == "masked":
		s.found(s.alertIfNamed(nagios.Critical), "masked: it cannot be started (%s)", s.systemctl("unmask", t.Name))
	case t.LoadState != "loaded":
		s.found(nagios.Critical, "cannot be loaded (%s): %s", t.LoadState, cmp.Or(t.LoadError, "systemd gives no reason"))
	case t.ActiveState == "failed":
		why := s.whyNoService()
		if why == "" && t.Result == "resources" {
			why = ": systemd refused to start " + t.Triggers + " (" + s.systemctl("start", t.Triggers) + " says why)"
		}
		s.found(nagios.Critical, "the timer failed (%s)%s%s", t.Result, why, s.since(t.StateChange))
	case t.ActiveState != "active":
		s.inactive()
	default:
		return false
	}
	return true
}

// inactive judges a timer that does not run.
func (s *subject) inactive() {
	t := s.Timer
	finished := !t.RemainAfterElapse && !t.LastTrigger.IsZero()
	condition := unmet(t.Unit)
	switch {
	case condition != "":
		s.found(s.alertIfNamed(nagios.Critical), "not started: its condition %s is not met", condition)
	case t.Job != nil:
		s.found(s.alertIfNamed(nagios.Critical), "not started yet: its %s%s", jobText(*t.Job), jobEnd(*t.Job))
	case finished:
		s.found(s.alertIfNamed(nagios.Critical), "inactive: it elapsed %s and RemainAfterElapse=no", s.ago(t.LastTrigger))
	case strings.HasPrefix(t.UnitFileState, "enabled"):
		s.found(nagios.Worst(nagios.Warning, s.alertIfNamed(nagios.Critical)), "enabled but not started%s%s (%s)", s.stopped(), s.whyNoService(), s.systemctl("start", t.Name))
	default:
		remedy := "start"
		if t.UnitFileState == "disabled" {
			remedy = "enable --now"
		}
		s.found(s.alertIfNamed(nagios.Critical), "inactive (%s)%s%s: it never fires (%s)",
			cmp.Or(t.UnitFileState, "no unit file"), s.stopped(), s.whyNoService(), s.systemctl(remedy, t.Name))
	}
}

func (s *subject) stopped() string {
	if s.Timer.InactiveEnter.IsZero() {
		return ""
	}
	return ", stopped " + s.ago(s.Timer.InactiveEnter)
}

// whyNoService says what keeps the service from being started at all.
func (s *subject) whyNoService() string {
	switch s.Service.LoadState {
	case "masked":
		return ": " + s.Service.Name + " is masked"
	case "not-found":
		return ": " + s.Service.Name + " does not exist"
	case "bad-setting", "error":
		return ": " + s.Service.Name + " cannot be loaded (" + s.Service.LoadState + ")"
	}
	return ""
}

// service judges what the service is doing, or how its last run went, and the
// runs it missed.
func (s *subject) service() {
	svc := s.Service
	switch {
	case strings.HasPrefix(svc.FreezerState, "fr"): // freezing, frozen
		s.count()
		s.found(nagios.Critical, "%s is frozen (%s%s): %s", svc.Name, svc.ActiveState, s.since(svc.InactiveExit), s.systemctl("thaw", svc.Name))
		s.lateness()
	case s.remains() && schedule.Recurs(s.Timer, s.host, s.now):
		s.stays()
	case s.loops():
		s.restarting()
	case s.running():
		s.run()
	case s.Timer.SubState == "elapsed", s.remains():
		s.elapsed()
	case svc.Job != nil:
		s.queued()
	case s.Timer.SubState == "running":
		s.abandoned()
	default:
		s.idle()
	}
}

// running reports whether a run is in progress.
func (s *subject) running() bool {
	switch s.Service.ActiveState {
	case "activating", "active", "deactivating", "reloading":
		return !s.remains()
	}
	return false
}

// remains reports whether the unit stays active although its work is done.
func (s *subject) remains() bool {
	svc := s.Service
	return svc.ActiveState == "active" && (svc.SubState == "exited" || !svc.IsService)
}

// stays judges a unit that stays active, so that the timer cannot start it.
// Stopping a target would stop what it wants; only its missed runs count.
func (s *subject) stays() {
	svc := s.Service
	s.count()
	if svc.IsService {
		why, remedy := "", ""
		if svc.RemainAfterExit {
			why, remedy = " (RemainAfterExit=yes)", " now, and drop RemainAfterExit=yes"
		}
		s.found(nagios.Critical, "%s stays active after its run%s%s: the timer cannot start it again (%s%s)",
			svc.Name, why, s.since(svc.ExecMainExit), s.systemctl("stop", svc.Name), remedy)
		s.lateness()
		return
	}
	text := fmt.Sprintf("%s is active%s, and only when it is not can the timer start it", svc.Name, s.since(svc.ActiveEnter))
	if s.missed > 0 {
		text += ": " + runs(s.missed) + " missed"
	}
	s.found(s.missedState(), "%s", text)
	s.notes = append(s.notes, "note: the timer starts a "+svc.Name[strings.LastIndexByte(svc.Name, '.')+1:]+"; what that starts is not judged")
}

// run judges a run in progress: how long it lasts, what it waits for, what it
// made the schedule miss, and how the run before ended.
func (s *subject) run() {
	s.count()
	ran := s.now.Sub(s.Service.InactiveExit)
	long := nagios.Judge(ran.Seconds(), s.apply(s.opt.RunningWarning), s.apply(s.opt.RunningCritical))
	state := nagios.Worst(long, s.missedState())
	text, sign := s.progress(), ": "
	if blame := s.blame(); blame != "" && state != nagios.OK {
		text, sign = text+": "+blame, "; "
	}
	if long != nagios.OK {
		text, sign = text+sign+s.limit(long, ran), ", "
	}
	if s.missed > 0 {
		text += sign + runs(s.missed) + " missed"
	}
	s.found(state, "%s", text)
	if n := s.Service.NRestarts; n > 0 {
		s.notes = append(s.notes, "note: "+nagios.Count(int(n), "restart", "restarts")+" before this attempt"+s.since(s.began()))
	}
	if state != nagios.OK {
		s.notes = append(s.notes, limits(s.Service)...)
	}
	s.notApplied()
	s.runBefore()
}

// loops reports whether the service is being restarted by Restart= time and
// again: it waits for that, or its present attempt is no longer than the
// attempts before were on average.
func (s *subject) loops() bool {
	svc := s.Service
	if svc.ActiveState == "activating" && strings.HasPrefix(svc.SubState, "auto-restart") {
		return true
	}
	return s.running() && svc.NRestarts > 1 && s.now.Sub(svc.InactiveExit) <= svc.InactiveExit.Sub(s.began())/time.Duration(svc.NRestarts)
}

// restarting judges a service that is started again and again by Restart=. It does not mend itself, so the first missed run that alerts is critical.
func (s *subject) restarting() {
	s.count()
	state := nagios.Warning
	if s.missedState() != nagios.OK {
		state = nagios.Critical
	}
	svc := s.Service
	restarts := nagios.Count(int(svc.NRestarts), "restart", "restarts")
	switch {
	case svc.NRestarts == 0:
		s.found(state, "%s failed (%s) and waits to be restarted%s", svc.Name, s.ending(), s.since(s.began()))
	case svc.Result == "success":
		s.found(state, "%s is restarted again and again (%s so far)%s", svc.Name, restarts, s.since(s.began()))
	default:
		s.found(state, "%s fails and is restarted again and again (%s so far, last: %s)%s", svc.Name, restarts, s.ending(), s.since(s.began()))
	}
	s.lateness()
}

// queued judges a start job that waits in systemd's queue: a run that has not
// started, so that the last one still counts.
func (s *subject) queued() {
	s.count()
	s.found(s.missedState(), "%s has not started: its %s%s", s.Service.Name, jobText(*s.Service.Job), s.since(s.Timer.LastTrigger)+jobEnd(*s.Service.Job))
	s.outcome()
	s.lateness()
}

// abandoned judges a timer that waits for a service that does not run
// (systemd issue 5923).
func (s *subject) abandoned() {
	since := later(s.Timer.StateChange, s.Service.InactiveEnter)
	state := nagios.OK
	if s.now.Sub(since) > time.Minute {
		state = nagios.Critical
	}
	s.found(state, "the timer waits for %s, which is inactive and has no job queued%s (%s)",
		s.Service.Name, s.since(since), s.systemctl("restart", s.Timer.Name))
	s.outcome()
	s.count()
	s.lateness()
}

// elapsed judges a timer that will not fire again.
func (s *subject) elapsed() {
	t := s.Timer
	switch {
	case schedule.HasUnitBase(t):
		s.found(nagios.Critical, "will never fire again: OnUnitActiveSec= or OnUnitInactiveSec= has no run to count from (%s once, or add OnBootSec= or OnActiveSec=)", s.systemctl("start", t.Triggers))
	case t.LastTrigger.IsZero() && s.Service.InactiveExit.IsZero():
		s.found(nagios.Warning, "its time passed without a run, and nothing more is scheduled")
	default:
		s.outcome()
		s.attempt()
		s.found(nagios.OK, "%s, nothing more is scheduled", s.lastRun())
	}
}

// idle judges a service between two runs.
func (s *subject) idle() {
	s.count()
	s.outcome()
	if !s.attempt() {
		s.lateness()
	}
}

// systemctl is a command for the manager that was asked.
func (s *subject) systemctl(words ...string) string { return s.tell("systemctl", words...) }

// tell is a command about what that manager runs.
func (s *subject) tell(command string, words ...string) string {
	if s.opt.User {
		command += " --user"
	}
	return command + " " + strings.Join(words, " ")
}

// clockWasWrong finds a timer that waits for an instant far beyond what its
// calendar says: it was computed while the clock was wrong (systemd issues
// 6036, 13513, 16347).
func (s *subject) clockWasWrong() {
	t := s.Timer
	if t.SubState != "waiting" || t.NextElapse.IsZero() {
		return
	}
	expected, ok, err := schedule.Next(t, s.host, s.now)
	const dst = 26 * time.Hour
	if err == nil && ok && t.NextElapse.Sub(expected) > schedule.Slack(t)+dst {
		s.found(nagios.Critical, "waits until %s although its schedule says %s: the clock was wrong once (%s)",
			nagios.Instant(t.NextElapse), nagios.Instant(expected), s.systemctl("restart", t.Name))
	}
}

// age judges the time since the last completed run ended.
func (s *subject) age() {
	ended := s.ended()
	what := "the last completed run of " + s.Service.Name + " ended"
	if ended.IsZero() {
		ended, what = s.Timer.ActiveEnter, s.Service.Name+" has completed no run since the timer was started"
	}
	if ended.IsZero() {
		return
	}
	old := s.now.Sub(ended)
	state := nagios.Judge(old.Seconds(), s.opt.Warning.Range, s.opt.Critical.Range)
	if state != nagios.OK {
		s.found(state, "%s %s (%s)", what, s.ago(ended), nagios.CrossedTime(state, old.Seconds(), s.opt.Warning.Range, s.opt.Critical.Range))
	}
}
