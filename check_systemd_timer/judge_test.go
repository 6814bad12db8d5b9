package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mailfresh/internal/nagios"
	"mailfresh/internal/plugintest"
	"mailfresh/internal/systemd"
)

// All cases happen at the time of the incident.
var now = time.Date(2022, 2, 22, 16, 47, 0, 0, time.UTC)

func ago(d time.Duration) time.Time { return now.Add(-d) }

var host = systemd.Host{Boot: ago(30 * 24 * time.Hour), ManagerStart: ago(30 * 24 * time.Hour), Zone: time.UTC}

// daily is a healthy pair: due at 04:00 each day, ran today, not running.
func daily(change ...func(t *systemd.Timer, s *systemd.Service)) systemd.Pair {
	p := systemd.Pair{
		Asked: []string{"report.timer"},
		Timer: systemd.Timer{
			Unit: systemd.Unit{
				Name: "report.timer", LoadState: "loaded", ActiveState: "active", SubState: "waiting", UnitFileState: "enabled",
				ActiveEnter: ago(29 * 24 * time.Hour), StateChange: ago(12 * time.Hour),
			},
			Triggers: "report.service", Calendar: []string{"*-*-* 04:00:00"}, Accuracy: time.Minute, RemainAfterElapse: true,
			LastTrigger: ago(12*time.Hour + 47*time.Minute), NextElapse: now.Add(11*time.Hour + 13*time.Minute), Result: "success",
		},
		Service: systemd.Service{
			Unit: systemd.Unit{
				Name: "report.service", LoadState: "loaded", ActiveState: "inactive", SubState: "dead",
				InactiveExit: ago(12*time.Hour + 47*time.Minute), InactiveEnter: ago(12*time.Hour + 42*time.Minute), StateChange: ago(12*time.Hour + 42*time.Minute),
				ConditionResult: true, ConditionTime: ago(12*time.Hour + 47*time.Minute), AssertResult: true, AssertTime: ago(12*time.Hour + 47*time.Minute),
			},
			IsService: true, Type: "oneshot", Result: "success", ExecMainStart: ago(12*time.Hour + 47*time.Minute), ExecMainExit: ago(12*time.Hour + 42*time.Minute), ExecMainCode: 1,
			RuntimeMax: systemd.Infinity, TimeoutStart: systemd.Infinity, TimeoutStop: 90 * time.Second,
			Commands: []systemd.Exec{{Setting: "ExecStart", Path: "/usr/local/bin/report"}},
		},
	}
	for _, f := range change {
		f(&p.Timer, &p.Service)
	}
	return p
}

// hourly is the incident's pair between two runs: an hour after each end.
func hourly(change ...func(t *systemd.Timer, s *systemd.Service)) systemd.Pair {
	p := daily(func(t *systemd.Timer, s *systemd.Service) {
		t.Name, t.Triggers, s.Name = "generate_vrts_aliases.timer", "generate_vrts_aliases.service", "generate_vrts_aliases.service"
		t.Calendar, t.Accuracy = nil, 15*time.Second
		t.Monotonic = []systemd.MonotonicEntry{{Base: "OnUnitInactiveSec", Interval: time.Hour}, {Base: "OnActiveSec", Interval: time.Second}}
		t.LastTrigger, t.NextElapse = ago(22*time.Minute), now.Add(40*time.Minute)
		s.Type, s.TimeoutStart, s.Commands[0].IgnoreFailure = "simple", 90*time.Second, true
		s.InactiveExit, s.InactiveEnter, s.StateChange = ago(22*time.Minute), ago(20*time.Minute), ago(20*time.Minute)
		s.ExecMainStart, s.ExecMainExit, s.ConditionTime, s.AssertTime = s.InactiveExit, s.InactiveEnter, s.InactiveExit, s.InactiveExit
	})
	for _, f := range change {
		f(&p.Timer, &p.Service)
	}
	return p
}

// running puts a run in progress since then.
func running(active, sub string, since time.Duration) func(*systemd.Timer, *systemd.Service) {
	return func(t *systemd.Timer, s *systemd.Service) {
		t.SubState, t.NextElapse, t.LastTrigger = "running", time.Time{}, ago(since)
		s.ActiveState, s.SubState = active, sub
		s.InactiveExit, s.ExecMainStart, s.ExecMainExit, s.ExecMainCode = ago(since), ago(since), time.Time{}, 0
		s.InactiveEnter = ago(since + time.Hour)
		s.ConditionTime, s.AssertTime, s.StateChange = ago(since), ago(since), ago(since)
	}
}

// failed ends the last run badly.
func failed(result string, code, status int32) func(*systemd.Timer, *systemd.Service) {
	return func(t *systemd.Timer, s *systemd.Service) {
		s.ActiveState, s.SubState, s.Result, s.ExecMainCode, s.ExecMainStatus = "failed", "failed", result, code, status
	}
}

// triggered makes the last trigger one that left no run behind.
func triggered(d time.Duration) func(*systemd.Timer, *systemd.Service) {
	return func(t *systemd.Timer, s *systemd.Service) { t.LastTrigger = ago(d) }
}

func condition(d time.Duration) func(*systemd.Timer, *systemd.Service) {
	return func(t *systemd.Timer, s *systemd.Service) {
		t.LastTrigger, s.ConditionTime, s.ConditionResult = ago(d), ago(d), false
		s.Conditions = []systemd.Condition{{Type: "ConditionUser", Param: "root", State: 1}, {Type: "ConditionPathExists", Param: "/run/x", Negate: true, State: -1}}
	}
}

func optionsFor(t *testing.T, args string) options {
	t.Helper()
	opt := options{IgnoredState: nagios.Warning}
	opt.MissedWarning.UnmarshalText([]byte("0"))
	opt.MissedCritical.UnmarshalText([]byte("1"))
	for _, word := range strings.Fields(args) {
		name, value, _ := strings.Cut(word, "=")
		var err error
		switch name {
		case "-w":
			err = opt.Warning.UnmarshalText([]byte(value))
		case "-c":
			err = opt.Critical.UnmarshalText([]byte(value))
		case "--running-warning":
			err = opt.RunningWarning.UnmarshalText([]byte(value))
		case "--running-critical":
			err = opt.RunningCritical.UnmarshalText([]byte(value))
		case "--missed-warning":
			err = opt.MissedWarning.UnmarshalText([]byte(value))
		case "--missed-critical":
			err = opt.MissedCritical.UnmarshalText([]byte(value))
		case "--skipped-state":
			opt.SkippedState = new(nagios.State)
			err = opt.SkippedState.UnmarshalText([]byte(value))
		case "--ignored-exit-state":
			err = opt.IgnoredState.UnmarshalText([]byte(value))
		case "--all":
			opt.All = true
		case "--user":
			opt.User = true
		default:
			t.Fatalf("no option %s", name)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return opt
}

// judgement is the first line for one timer: named, or with --all.
func judgement(t *testing.T, args string, p systemd.Pair) (nagios.Result, string) {
	t.Helper()
	opt := optionsFor(t, args)
	f := facts{host: host, timers: []systemd.Pair{p}, whole: opt.All, named: map[string]bool{}}
	if !opt.All {
		f.named["asked for"] = true
		f.timers[0].Asked = []string{"asked for"}
	}
	r := judge(opt, f, now)
	return r, r.State.String() + " - " + r.Summary
}

// Every row of what must be seen, with its default state and with each option
// that changes it.
func TestJudge(t *testing.T) {
	never := func(t *systemd.Timer, s *systemd.Service) {
		t.LastTrigger = time.Time{}
		s.InactiveExit, s.InactiveEnter, s.ExecMainStart, s.ExecMainExit, s.ConditionTime, s.AssertTime = time.Time{}, time.Time{}, time.Time{}, time.Time{}, time.Time{}, time.Time{}
		s.ConditionResult, s.AssertResult, s.ExecMainCode = false, false, 0
	}
	for _, test := range []struct {
		name string
		args string
		pair systemd.Pair
		want string
	}{
		// Healthy, and the cases that fool others.
		{"idle", "", daily(), "OK - the last run of report.service ended 12h 42m ago after 5m, the next is in 11h 13m"},
		{"incident's job between two runs", "", hourly(), "OK - the last run of generate_vrts_aliases.service ended 20m ago after 2m, the next is in 40m"},
		{"run in progress", "", daily(running("activating", "start", 5*time.Minute)), "OK - report.service has been running for 5m (start, since 2022-02-22 16:42:00 UTC)"},
		{"never run, first elapse ahead", "", daily(never, func(t *systemd.Timer, s *systemd.Service) { t.ActiveEnter = ago(time.Hour) }), "OK - report.service has not run yet, the next is in 11h 13m"},
		{"started by hand after the trigger", "", daily(func(t *systemd.Timer, s *systemd.Service) {
			s.InactiveExit, s.InactiveEnter = ago(2*time.Hour), ago(time.Hour)
		}), "OK - report.timer: the last run of report.service ended 1h ago after 1h, the next is in 11h 13m"},
		{"SuccessExitStatus", "", daily(func(t *systemd.Timer, s *systemd.Service) { s.ExecMainStatus = 1 }), "OK - report.timer: the last run of report.service ended 12h 42m ago after 5m, the next is in 11h 13m"},
		{"just booted, stamp of a persistent timer", "", daily(never, func(t *systemd.Timer, s *systemd.Service) {
			t.ActiveEnter, t.LastTrigger, t.Persistent = ago(time.Minute), ago(50*time.Hour), true
		}), "OK - report.service was last triggered 2d 2h ago, the next is in 11h 13m"},
		{"just booted, stamp of a persistent timer that counts from its unit, too", "", daily(never, func(t *systemd.Timer, s *systemd.Service) {
			t.ActiveEnter, t.LastTrigger, t.Persistent = ago(time.Minute), ago(3*time.Hour), true
			t.Monotonic = []systemd.MonotonicEntry{{Base: "OnUnitActiveSec", Interval: time.Hour}, {Base: "OnUnitInactiveSec", Interval: time.Hour}}
		}), "OK - report.service was last triggered 3h ago, the next is in 11h 13m"},
		{"a random delay is no delay", "", daily(func(t *systemd.Timer, s *systemd.Service) {
			s.InactiveExit, s.InactiveEnter, t.LastTrigger, t.RandomizedDelay = ago(36*time.Hour), ago(35*time.Hour), ago(36*time.Hour), 13*time.Hour
		}), "OK - report.timer: the last run of report.service ended 1d 11h ago after 1h, the next is in 11h 13m"},
		{"cleanly stopped by hand", "", hourly(func(t *systemd.Timer, s *systemd.Service) { s.ExecMainCode, s.ExecMainStatus = 2, 15 }), "OK - generate_vrts_aliases.timer: the last run of generate_vrts_aliases.service ended 20m ago after 2m, the next is in 40m"},

		// The timer itself.
		{"not found", "", systemd.Pair{Timer: systemd.Timer{Unit: systemd.Unit{Name: "x.timer", LoadState: "not-found"}}}, "CRITICAL - x.timer: not found: no such timer"},
		{"not found, only referred to", "--all", systemd.Pair{Timer: systemd.Timer{Unit: systemd.Unit{Name: "x.timer", LoadState: "not-found"}}}, "OK - x.timer: not found: no such timer"},
		{"masked", "", daily(func(t *systemd.Timer, s *systemd.Service) { t.LoadState, t.ActiveState = "masked", "inactive" }), "CRITICAL - report.timer: masked: it cannot be started (systemctl unmask report.timer)"},
		{"masked", "--all", daily(func(t *systemd.Timer, s *systemd.Service) { t.LoadState, t.ActiveState = "masked", "inactive" }), "OK - report.timer: masked: it cannot be started (systemctl unmask report.timer)"},
		{"bad setting", "--all", daily(func(t *systemd.Timer, s *systemd.Service) {
			t.LoadState, t.ActiveState, t.LoadError = "bad-setting", "inactive", "Unit report.timer has a bad unit file setting."
		}), "CRITICAL - report.timer: cannot be loaded (bad-setting): Unit report.timer has a bad unit file setting."},
		{"inactive", "", daily(func(t *systemd.Timer, s *systemd.Service) {
			t.ActiveState, t.SubState, t.UnitFileState, t.InactiveEnter = "inactive", "dead", "disabled", ago(3*time.Hour)
		}), "CRITICAL - report.timer: inactive (disabled), stopped 3h ago: it never fires (systemctl enable --now report.timer)"},
		{"inactive", "--all", daily(func(t *systemd.Timer, s *systemd.Service) {
			t.ActiveState, t.SubState, t.UnitFileState = "inactive", "dead", "disabled"
		}), "OK - report.timer: inactive (disabled): it never fires (systemctl enable --now report.timer)"},
		{"inactive, cannot be enabled", "", daily(func(t *systemd.Timer, s *systemd.Service) {
			t.ActiveState, t.SubState, t.UnitFileState = "inactive", "dead", "static"
		}), "CRITICAL - report.timer: inactive (static): it never fires (systemctl start report.timer)"},
		{"enabled but not started", "", daily(func(t *systemd.Timer, s *systemd.Service) { t.ActiveState, t.SubState = "inactive", "dead" }), "CRITICAL - report.timer: enabled but not started (systemctl start report.timer)"},
		{"enabled but not started", "--all", daily(func(t *systemd.Timer, s *systemd.Service) { t.ActiveState, t.SubState = "inactive", "dead" }), "WARNING - report.timer: enabled but not started (systemctl start report.timer)"},
		{"enabled, but its own condition is not met", "--all", daily(func(t *systemd.Timer, s *systemd.Service) {
			t.ActiveState, t.SubState, t.ConditionTime = "inactive", "dead", ago(time.Hour)
			t.Conditions = []systemd.Condition{{Type: "ConditionVirtualization", Param: "container", Negate: true, State: -1}}
		}), "OK - report.timer: not started: its condition ConditionVirtualization=!container is not met"},
		{"finished with RemainAfterElapse=no", "--all", daily(func(t *systemd.Timer, s *systemd.Service) {
			t.ActiveState, t.SubState, t.RemainAfterElapse = "inactive", "dead", false
		}), "OK - report.timer: inactive: it elapsed 12h 47m ago and RemainAfterElapse=no"},
		{"its start job is queued", "", daily(func(t *systemd.Timer, s *systemd.Service) {
			t.ActiveState, t.SubState, t.Job = "inactive", "dead", &systemd.Job{ID: 7, Type: "start", State: "waiting", Blockers: []systemd.Job{{ID: 3, Unit: "slow.service", Type: "start", State: "running"}}}
		}), "CRITICAL - report.timer: not started yet: its start job 7 is waiting for slow.service (start job 3, running)"},
		{"failed, service gone", "", daily(func(t *systemd.Timer, s *systemd.Service) {
			t.ActiveState, t.SubState, t.Result, s.LoadState, t.StateChange = "failed", "failed", "resources", "not-found", ago(time.Hour)
		}), "CRITICAL - report.timer: the timer failed (resources): report.service does not exist, since 2022-02-22 15:47:00 UTC"},
		{"failed, service masked", "--all", daily(func(t *systemd.Timer, s *systemd.Service) {
			t.ActiveState, t.SubState, t.Result, s.LoadState, t.StateChange = "failed", "failed", "resources", "masked", ago(time.Hour)
		}), "CRITICAL - report.timer: the timer failed (resources): report.service is masked, since 2022-02-22 15:47:00 UTC"},
		{"failed, a requirement of the service gone", "", daily(func(t *systemd.Timer, s *systemd.Service) {
			t.ActiveState, t.SubState, t.Result, t.StateChange = "failed", "failed", "resources", ago(time.Hour)
		}), "CRITICAL - report.timer: the timer failed (resources): systemd refused to start report.service (systemctl start report.service says why), since 2022-02-22 15:47:00 UTC"},
		{"will never fire again", "", hourly(never, func(t *systemd.Timer, s *systemd.Service) {
			t.SubState, t.NextElapse, t.Monotonic = "elapsed", time.Time{}, t.Monotonic[:1]
		}), "CRITICAL - generate_vrts_aliases.timer: will never fire again: OnUnitActiveSec= or OnUnitInactiveSec= has no run to count from (systemctl start generate_vrts_aliases.service once, or add OnBootSec= or OnActiveSec=)"},
		{"one-off that ran", "", daily(func(t *systemd.Timer, s *systemd.Service) {
			t.SubState, t.NextElapse, t.Calendar = "elapsed", time.Time{}, []string{"2022-02-22 04:00:00"}
		}), "OK - report.timer: the last run of report.service ended 12h 42m ago after 5m, nothing more is scheduled"},
		{"one-off that failed", "", daily(failed("exit-code", 1, 2), func(t *systemd.Timer, s *systemd.Service) {
			t.SubState, t.NextElapse, t.Calendar = "elapsed", time.Time{}, []string{"2022-02-22 04:00:00"}
		}), "CRITICAL - report.service failed 12h 42m ago: exit status 2"},
		{"one-off in the past, never triggered", "", daily(never, func(t *systemd.Timer, s *systemd.Service) {
			t.SubState, t.NextElapse, t.Calendar = "elapsed", time.Time{}, []string{"2020-01-01 00:00:00"}
		}), "WARNING - report.timer: its time passed without a run, and nothing more is scheduled"},
		{"the clock was wrong once", "", daily(func(t *systemd.Timer, s *systemd.Service) { t.NextElapse = now.Add(16 * 365 * 24 * time.Hour) }), "CRITICAL - report.timer: waits until 2038-02-18 16:47:00 UTC although its schedule says 2022-02-23 04:00:00 UTC: the clock was wrong once (systemctl restart report.timer)"},
		{"a day of daylight saving is no wrong clock", "", daily(func(t *systemd.Timer, s *systemd.Service) { t.NextElapse = now.Add(37 * time.Hour) }), "OK - report.timer: the last run of report.service ended 12h 42m ago after 5m, the next is in 1d 13h"},
		{"timer waits for a service that does not run", "", hourly(func(t *systemd.Timer, s *systemd.Service) {
			t.SubState, t.NextElapse, t.StateChange = "running", time.Time{}, ago(22*time.Minute)
		}), "CRITICAL - generate_vrts_aliases.timer: the timer waits for generate_vrts_aliases.service, which is inactive and has no job queued, since 2022-02-22 16:27:00 UTC (systemctl restart generate_vrts_aliases.timer)"},
		{"it has waited for less than a minute", "", hourly(func(t *systemd.Timer, s *systemd.Service) {
			t.SubState, t.NextElapse, s.InactiveEnter = "running", time.Time{}, ago(30*time.Second)
			t.StateChange = ago(time.Minute)
		}), "OK - generate_vrts_aliases.timer: the timer waits for generate_vrts_aliases.service, which is inactive and has no job queued, since 2022-02-22 16:46:30 UTC (systemctl restart generate_vrts_aliases.timer)"},

		// A run in progress.
		{"the incident", "", hourly(running("active", "running", 12*time.Hour+3*time.Minute)), "CRITICAL - generate_vrts_aliases.service has been running for 12h 3m (running, since 2022-02-22 04:44:00 UTC): 12 scheduled runs missed"},
		{"the incident after an interval", "", hourly(running("active", "running", time.Hour+time.Minute)), "WARNING - generate_vrts_aliases.service has been running for 1h 1m (running, since 2022-02-22 15:46:00 UTC): 1 scheduled run missed"},
		{"the incident before an interval and the slack", "", hourly(running("active", "running", time.Hour+19*time.Second)), "OK - generate_vrts_aliases.service has been running for 1h (running, since 2022-02-22 15:46:41 UTC)"},
		{"hung oneshot", "", daily(running("activating", "start", 37*time.Hour)), "CRITICAL - report.service has been running for 1d 13h (start, since 2022-02-21 03:47:00 UTC): 2 scheduled runs missed"},
		{"past the critical limit", "--running-critical=2h --running-warning=1h", daily(running("activating", "start", 3*time.Hour)), "CRITICAL - report.service has been running for 3h (start, since 2022-02-22 13:47:00 UTC): allowed is 2h"},
		{"past the warning limit", "--running-critical=4h --running-warning=1h", daily(running("activating", "start-pre", 3*time.Hour)), "WARNING - report.service has been running for 3h (start-pre, since 2022-02-22 13:47:00 UTC): allowed is 1h"},
		{"past both", "--running-critical=4h", hourly(running("deactivating", "stop-sigterm", 5*time.Hour)), "CRITICAL - generate_vrts_aliases.service has been running for 5h (stop-sigterm, since 2022-02-22 11:47:00 UTC): allowed is 4h, 4 scheduled runs missed"},
		{"too short is a range too", "--running-warning=10m:", daily(running("activating", "start", time.Minute)), "WARNING - report.service has been running for 1m (start, since 2022-02-22 16:46:00 UTC): outside the range 600: s"},
		{"a range that alerts inside", "--running-warning=@0:10m", daily(running("activating", "start", time.Minute)), "WARNING - report.service has been running for 1m (start, since 2022-02-22 16:46:00 UTC): inside the range 600 s"},
		{"missed runs allowed", "--missed-warning=20 --missed-critical=50", hourly(running("active", "running", 12*time.Hour+3*time.Minute)), "OK - generate_vrts_aliases.service has been running for 12h 3m (running, since 2022-02-22 04:44:00 UTC): 12 scheduled runs missed"},
		{"RemainAfterExit", "", daily(running("active", "exited", 9*time.Hour), func(t *systemd.Timer, s *systemd.Service) { s.RemainAfterExit, s.ExecMainExit = true, ago(8*time.Hour) }), "CRITICAL - report.service stays active after its run (RemainAfterExit=yes), since 2022-02-22 08:47:00 UTC: the timer cannot start it again (systemctl stop report.service now, and drop RemainAfterExit=yes)"},
		{"RemainAfterExit of a one-off", "", daily(running("active", "exited", 9*time.Hour), func(t *systemd.Timer, s *systemd.Service) {
			s.RemainAfterExit, s.ExecMainExit, t.Calendar, t.SubState = true, ago(8*time.Hour), []string{"2022-02-22 04:00:00"}, "elapsed"
		}), "OK - report.timer: the last run of report.service ended 8h ago after 1h, nothing more is scheduled"},
		{"a target stays active", "", daily(running("active", "active", 9*time.Hour), func(t *systemd.Timer, s *systemd.Service) {
			s.IsService, s.Name, s.Type, s.ExecMainStart = false, "report.target", "", time.Time{}
		}), "OK - report.target is active, and only when it is not can the timer start it"},
		{"frozen", "", daily(running("activating", "start", time.Hour), func(t *systemd.Timer, s *systemd.Service) { s.FreezerState = "frozen" }), "CRITICAL - report.service is frozen (activating, since 2022-02-22 15:47:00 UTC): systemctl thaw report.service"},
		{"queued", "", daily(func(t *systemd.Timer, s *systemd.Service) {
			t.SubState, t.LastTrigger, t.NextElapse = "running", ago(46*time.Minute), time.Time{}
			s.Job = &systemd.Job{ID: 9, Type: "start", State: "waiting", Blockers: []systemd.Job{{ID: 8, Unit: "network-wait.service", Type: "start", State: "running"}}}
		}), "OK - report.service has not started: its start job 9 is waiting for network-wait.service (start job 8, running), since 2022-02-22 16:01:00 UTC"},
		{"queued after a failure", "", daily(failed("start-limit-hit", 1, 1), func(t *systemd.Timer, s *systemd.Service) {
			t.SubState, t.LastTrigger, t.NextElapse = "running", ago(time.Second), time.Time{}
			s.Job = &systemd.Job{ID: 9, Type: "start", State: "waiting"}
		}), "CRITICAL - report.service failed 12h 42m ago: it was started too often and is refused now (result start-limit-hit; systemctl reset-failed report.service)"},
		{"queued for days", "", daily(func(t *systemd.Timer, s *systemd.Service) {
			t.SubState, t.LastTrigger, t.NextElapse = "running", ago(36*time.Hour), time.Time{}
			s.InactiveExit, s.InactiveEnter = ago(60*time.Hour+47*time.Minute), ago(60*time.Hour)
			s.Job = &systemd.Job{ID: 9, Type: "start", State: "waiting"}
		}), "CRITICAL - report.service has not started: its start job 9 is waiting, since 2022-02-21 04:47:00 UTC; 2 scheduled runs missed, the first was due at 2022-02-21 04:00:00 UTC; the last run of report.service ended 2d 12h ago after 47m"},
		{"the first restart is awaited", "", daily(running("activating", "auto-restart", time.Hour), func(t *systemd.Timer, s *systemd.Service) {
			s.Result, s.ExecMainCode, s.ExecMainStatus = "exit-code", 1, 3
		}), "WARNING - report.service failed (exit status 3) and waits to be restarted, since 2022-02-22 15:47:00 UTC"},
		{"restart loop", "", daily(running("activating", "auto-restart", time.Hour), func(t *systemd.Timer, s *systemd.Service) {
			s.NRestarts, s.Result, s.ExecMainCode, s.ExecMainStatus = 17, "exit-code", 1, 3
		}), "WARNING - report.service fails and is restarted again and again (17 restarts so far, last: exit status 3), since 2022-02-22 15:47:00 UTC"},
		{"restart loop that misses runs", "", hourly(running("activating", "auto-restart", 150*time.Minute), func(t *systemd.Timer, s *systemd.Service) {
			s.NRestarts, s.Result, s.ExecMainCode, s.ExecMainStatus = 17, "exit-code", 1, 3
		}), "CRITICAL - generate_vrts_aliases.service fails and is restarted again and again (17 restarts so far, last: exit status 3), since 2022-02-22 14:17:00 UTC; 2 scheduled runs missed, the first was due at 2022-02-22 15:17:00 UTC; the last run of generate_vrts_aliases.service ended 3h 30m ago"},

		// How the last run ended.
		{"exit code", "", daily(failed("exit-code", 1, 3)), "CRITICAL - report.service failed 12h 42m ago: exit status 3"},
		{"203/EXEC", "--all", daily(failed("exit-code", 1, 203)), "CRITICAL - report.service failed 12h 42m ago: exit status 203/EXEC"},
		{"217/USER", "", daily(failed("exit-code", 1, 217)), "CRITICAL - report.service failed 12h 42m ago: exit status 217/USER"},
		{"signal", "", daily(failed("signal", 2, 9)), "CRITICAL - report.service failed 12h 42m ago: SIGKILL"},
		{"core dump", "", daily(failed("core-dump", 3, 11)), "CRITICAL - report.service failed 12h 42m ago: SIGSEGV (core dumped)"},
		{"timeout", "", daily(failed("timeout", 2, 15)), "CRITICAL - report.service failed 12h 42m ago: it ran into its time limit (result timeout)"},
		{"oom-kill", "", daily(failed("oom-kill", 2, 9)), "CRITICAL - report.service failed 12h 42m ago: it was killed for lack of memory (result oom-kill)"},
		{"start-limit-hit", "", daily(failed("start-limit-hit", 1, 1), triggered(time.Hour)), "CRITICAL - report.service failed 12h 42m ago: it was started too often and is refused now (result start-limit-hit; systemctl reset-failed report.service)"},
		{"resources, after good runs", "", daily(failed("resources", 0, 0), triggered(time.Hour), func(t *systemd.Timer, s *systemd.Service) {
			s.StateChange = ago(time.Hour) // from inactive to failed: no run, so InactiveEnter is that of the run before
		}), "CRITICAL - report.service failed 1h ago: systemd could not set it up (result resources)"},
		{"resources", "", daily(failed("resources", 0, 0)), "CRITICAL - report.service failed 12h 42m ago: systemd could not set it up (result resources)"},
		{"failed in ExecStartPre", "", daily(failed("exit-code", 0, 0)), "CRITICAL - report.service failed 12h 42m ago: a command failed, but not that of ExecStart= (result exit-code)"},
		{"swallowed", "", hourly(func(t *systemd.Timer, s *systemd.Service) { s.ExecMainStatus = 1 }), "WARNING - generate_vrts_aliases.service ended 20m ago with exit status 1, which ExecStart=- ignores: systemd calls it a success"},
		{"swallowed", "--ignored-exit-state=critical", hourly(func(t *systemd.Timer, s *systemd.Service) { s.ExecMainStatus = 1 }), "CRITICAL - generate_vrts_aliases.service ended 20m ago with exit status 1, which ExecStart=- ignores: systemd calls it a success"},
		{"ignored, but declared a success", "", hourly(func(t *systemd.Timer, s *systemd.Service) { s.ExecMainStatus, s.SuccessStatus = 75, []int32{75} }), "OK - the last run of generate_vrts_aliases.service ended 20m ago after 2m, the next is in 40m"},
		{"swallowed signal", "", hourly(func(t *systemd.Timer, s *systemd.Service) { s.ExecMainCode, s.ExecMainStatus = 2, 9 }), "WARNING - generate_vrts_aliases.service ended 20m ago with SIGKILL, which ExecStart=- ignores: systemd calls it a success"},

		// Triggers that led to no run.
		{"skipped", "", daily(condition(46 * time.Minute)), "WARNING - report.service was skipped 46m ago: ConditionPathExists=!/run/x is not met"},
		{"skipped", "--all", daily(condition(46 * time.Minute)), "OK - report.service was skipped 46m ago: ConditionPathExists=!/run/x is not met"},
		{"skipped", "--skipped-state=critical", daily(condition(46 * time.Minute)), "CRITICAL - report.service was skipped 46m ago: ConditionPathExists=!/run/x is not met"},
		{"skipped", "--all --skipped-state=unknown", daily(condition(46 * time.Minute)), "UNKNOWN - report.service was skipped 46m ago: ConditionPathExists=!/run/x is not met"},
		{"skipped for days is no missed run", "--skipped-state=ok", daily(condition(12*time.Hour+46*time.Minute), func(t *systemd.Timer, s *systemd.Service) {
			s.InactiveExit, s.InactiveEnter = ago(100*time.Hour), ago(99*time.Hour)
		}), "OK - report.service was skipped 12h 46m ago: ConditionPathExists=!/run/x is not met"},
		{"ExecCondition", "", daily(func(t *systemd.Timer, s *systemd.Service) { s.Result = "exec-condition" }), "WARNING - report.service was skipped 12h 47m ago: its ExecCondition= said no"},
		{"assertion", "", daily(triggered(46*time.Minute), func(t *systemd.Timer, s *systemd.Service) {
			s.AssertResult, s.AssertTime = false, ago(46*time.Minute)
			s.Asserts = []systemd.Condition{{Type: "AssertPathExists", Param: "/srv", State: -1}}
		}), "WARNING - report.service was triggered 46m ago but did not start: AssertPathExists=/srv failed"},
		{"dependency", "", daily(triggered(46 * time.Minute)), "WARNING - report.service was triggered 46m ago but did not start: a unit that it requires failed, or its start job was cancelled (systemctl start report.service says which)"},
		{"dependency for days", "", daily(triggered(12*time.Hour+46*time.Minute), func(t *systemd.Timer, s *systemd.Service) {
			s.InactiveExit, s.InactiveEnter = ago(60*time.Hour+47*time.Minute), ago(60*time.Hour)
		}), "CRITICAL - report.service was triggered 12h 46m ago but did not start: a unit that it requires failed, or its start job was cancelled (systemctl start report.service says which); 2 scheduled runs missed, the first was due at 2022-02-21 04:00:00 UTC; the last run of report.service ended 2d 12h ago after 47m"},
		{"dependency, never run, each interval counts", "", hourly(never, triggered(10*time.Minute), func(t *systemd.Timer, s *systemd.Service) { t.ActiveEnter = ago(190 * time.Minute) }), "CRITICAL - generate_vrts_aliases.service was triggered 10m ago but did not start: a unit that it requires failed, or its start job was cancelled (systemctl start generate_vrts_aliases.service says which); 3 scheduled runs missed, the first was due at 2022-02-22 14:37:00 UTC; no run is known"},

		// What systemd renews or forgets, and what only looks alike.
		{"a one-off whose unit rightly stays active", "", daily(running("active", "exited", 9*time.Hour), func(t *systemd.Timer, s *systemd.Service) {
			s.RemainAfterExit, s.ExecMainExit, t.Calendar, t.Monotonic = true, ago(8*time.Hour), nil, []systemd.MonotonicEntry{{Base: "OnActiveSec", Interval: time.Second}}
		}), "OK - report.timer: the last run of report.service ended 8h ago after 1h, nothing more is scheduled"},
		{"a target whose runs are missed", "", daily(running("active", "active", 37*time.Hour), func(t *systemd.Timer, s *systemd.Service) {
			s.IsService, s.Name, s.Type, s.ExecMainStart = false, "report.target", "", time.Time{}
		}), "CRITICAL - report.target is active, and only when it is not can the timer start it: 2 scheduled runs missed"},
		{"a one-off whose trigger started nothing", "", daily(never, triggered(time.Hour), func(t *systemd.Timer, s *systemd.Service) {
			t.SubState, t.NextElapse, t.Calendar, s.AssertTime = "elapsed", time.Time{}, []string{"2022-02-22 15:47:00"}, ago(time.Hour)
			s.Asserts = []systemd.Condition{{Type: "AssertPathExists", Param: "/srv", State: -1}}
		}), "WARNING - report.service was triggered 1h ago but did not start: AssertPathExists=/srv failed"},
		{"quick restarts since the last trigger", "", hourly(running("activating", "auto-restart", 2*time.Second), func(t *systemd.Timer, s *systemd.Service) {
			t.LastTrigger, s.NRestarts, s.Result, s.ExecMainCode, s.ExecMainStatus = ago(150*time.Minute), 125, "exit-code", 1, 3
			s.InactiveEnter = ago(2 * time.Second)
		}), "CRITICAL - generate_vrts_aliases.service fails and is restarted again and again (125 restarts so far, last: exit status 3), since 2022-02-22 14:17:00 UTC; 2 scheduled runs missed, the first was due at 2022-02-22 15:17:00 UTC; the last run of generate_vrts_aliases.service ended 2 s ago after 0 s"},
		{"quick restarts, triggered again meanwhile", "", hourly(running("activating", "auto-restart", 2*time.Second), func(t *systemd.Timer, s *systemd.Service) {
			t.LastTrigger, s.NRestarts, s.RestartDelay, s.Result, s.ExecMainCode, s.ExecMainStatus = ago(3*time.Second), 100, time.Minute, "exit-code", 1, 3
		}), "WARNING - generate_vrts_aliases.service fails and is restarted again and again (100 restarts so far, last: exit status 3), since 2022-02-22 15:06:58 UTC; 1 scheduled run missed, the first was due at 2022-02-22 16:06:58 UTC; the last run of generate_vrts_aliases.service ended 1h ago"},
		{"a quick loop seen while it runs", "", hourly(running("active", "running", time.Second), func(t *systemd.Timer, s *systemd.Service) {
			t.LastTrigger, s.NRestarts, s.Result = ago(10*time.Minute), 100, "success"
		}), "WARNING - generate_vrts_aliases.service is restarted again and again (100 restarts so far), since 2022-02-22 16:37:00 UTC"},
		{"two failed tries, then a hang", "--running-critical=2h", hourly(running("active", "running", 12*time.Hour), func(t *systemd.Timer, s *systemd.Service) {
			t.LastTrigger, s.NRestarts, s.Result = ago(12*time.Hour+3*time.Minute), 2, "success"
		}), "CRITICAL - generate_vrts_aliases.service has been running for 12h (running, since 2022-02-22 04:47:00 UTC): allowed is 2h, 12 scheduled runs missed"},
		{"queued, each interval counts", "", hourly(func(t *systemd.Timer, s *systemd.Service) {
			t.SubState, t.LastTrigger, t.NextElapse = "running", ago(190*time.Minute), time.Time{}
			s.InactiveExit, s.InactiveEnter = ago(252*time.Minute), ago(250*time.Minute)
			s.Job = &systemd.Job{ID: 9, Type: "start", State: "waiting"}
		}), "CRITICAL - generate_vrts_aliases.service has not started: its start job 9 is waiting, since 2022-02-22 13:37:00 UTC; 4 scheduled runs missed, the first was due at 2022-02-22 13:37:00 UTC; the last run of generate_vrts_aliases.service ended 4h 10m ago after 2m"},
		{"OnUnitInactiveSec counts from the trigger that was skipped", "--skipped-state=ok", hourly(condition(10*time.Minute), func(t *systemd.Timer, s *systemd.Service) {
			s.InactiveExit, s.InactiveEnter = ago(9*time.Hour), ago(8*time.Hour)
		}), "OK - generate_vrts_aliases.service was skipped 10m ago: ConditionPathExists=!/run/x is not met"},
		{"OnUnitActiveSec too", "--skipped-state=ok", hourly(condition(10*time.Minute), func(t *systemd.Timer, s *systemd.Service) {
			s.InactiveExit, s.InactiveEnter, t.Monotonic[0].Base = ago(9*time.Hour), ago(8*time.Hour), "OnUnitActiveSec"
		}), "OK - generate_vrts_aliases.service was skipped 10m ago: ConditionPathExists=!/run/x is not met"},
		{"an old condition is not this trigger's", "", daily(condition(5*time.Hour), triggered(46*time.Minute), func(t *systemd.Timer, s *systemd.Service) { s.AssertResult, s.AssertTime = true, ago(5*time.Hour) }), "WARNING - report.service was triggered 46m ago but did not start: a unit that it requires failed, or its start job was cancelled (systemctl start report.service says which)"},
		{"an old ExecCondition is not either", "", daily(triggered(46*time.Minute), func(t *systemd.Timer, s *systemd.Service) { s.Result = "exec-condition" }), "WARNING - report.service was triggered 46m ago but did not start: a unit that it requires failed, or its start job was cancelled (systemctl start report.service says which)"},
		{"a skipped run is no completed one", "--skipped-state=ok -c=2d", daily(func(t *systemd.Timer, s *systemd.Service) { s.Result = "exec-condition" }), "CRITICAL - report.service has completed no run since the timer was started 29d ago (allowed is 2d)"},
		{"a far elapse of a timer that does not wait is stale", "", daily(running("activating", "start", time.Hour), func(t *systemd.Timer, s *systemd.Service) { t.NextElapse = now.Add(16 * 365 * 24 * time.Hour) }), "OK - report.service has been running for 1h (start, since 2022-02-22 15:47:00 UTC)"},
		{"just beyond a day of daylight saving", "", daily(func(t *systemd.Timer, s *systemd.Service) { t.NextElapse = now.Add(37*time.Hour + 15*time.Minute) }), "CRITICAL - report.timer: waits until 2022-02-24 06:02:00 UTC although its schedule says 2022-02-23 04:00:00 UTC: the clock was wrong once (systemctl restart report.timer)"},
		{"swallowed in the first of two commands", "", daily(func(t *systemd.Timer, s *systemd.Service) {
			s.Commands = []systemd.Exec{{Setting: "ExecStart", Path: "/bin/a", IgnoreFailure: true, Code: 1, Status: 5}, {Setting: "ExecStart", Path: "/bin/b", Code: 1}}
		}), "WARNING - report.service ended 12h 42m ago with exit status 5, which ExecStart=- ignores: systemd calls it a success"},
		{"a oneshot's SIGTERM is not clean", "", daily(func(t *systemd.Timer, s *systemd.Service) {
			s.Commands[0].IgnoreFailure, s.ExecMainCode, s.ExecMainStatus = true, 2, 15
		}), "WARNING - report.service ended 12h 42m ago with SIGTERM, which ExecStart=- ignores: systemd calls it a success"},
		{"a signal that is declared a success", "", hourly(func(t *systemd.Timer, s *systemd.Service) {
			s.ExecMainCode, s.ExecMainStatus, s.SuccessSignals = 3, 11, []int32{11}
		}), "OK - the last run of generate_vrts_aliases.service ended 20m ago after 2m, the next is in 40m"},
		{"another command failed", "", daily(failed("exit-code", 1, 0), func(t *systemd.Timer, s *systemd.Service) {
			s.Commands = []systemd.Exec{{Setting: "ExecStartPre", Path: "/bin/true", Code: 1}, {Setting: "ExecStart", Path: "/bin/a", Code: 1}, {Setting: "ExecStopPost", Path: "/bin/b", Code: 1, Status: 9}}
		}), "CRITICAL - report.service failed 12h 42m ago: ExecStopPost=/bin/b: exit status 9"},
		{"resources, told once", "", daily(failed("resources", 0, 0), triggered(time.Hour)), "CRITICAL - report.service failed 12h 42m ago: systemd could not set it up (result resources)"},
		{"enabled today, run by hand before: the definition counts from the run", "", daily(func(t *systemd.Timer, s *systemd.Service) {
			t.ActiveEnter, t.LastTrigger = ago(time.Hour), time.Time{}
			s.InactiveExit, s.InactiveEnter = ago(60*time.Hour+47*time.Minute), ago(60*time.Hour)
		}), "CRITICAL - report.timer: 2 scheduled runs missed, the first was due at 2022-02-21 04:00:00 UTC; the last run of report.service ended 2d 12h ago after 47m"},

		// Missed runs and age.
		{"missed without a reason", "", daily(func(t *systemd.Timer, s *systemd.Service) {
			s.InactiveExit, s.InactiveEnter, t.LastTrigger = ago(84*time.Hour+47*time.Minute), ago(84*time.Hour), ago(84*time.Hour+47*time.Minute)
		}), "CRITICAL - report.timer: 3 scheduled runs missed, the first was due at 2022-02-20 04:00:00 UTC; the last run of report.service ended 3d 12h ago after 47m"},
		{"one missed", "", daily(func(t *systemd.Timer, s *systemd.Service) {
			s.InactiveExit, s.InactiveEnter, t.LastTrigger = ago(36*time.Hour+47*time.Minute), ago(36*time.Hour), ago(36*time.Hour+47*time.Minute)
		}), "WARNING - report.timer: 1 scheduled run missed, the first was due at 2022-02-22 04:00:00 UTC; the last run of report.service ended 1d 12h ago after 47m"},
		{"the largest count of several entries", "", daily(func(t *systemd.Timer, s *systemd.Service) {
			t.Calendar = []string{"*-*-* 04:00:00", "*-*-* 10,12,14:00:00"}
		}), "CRITICAL - report.timer: 3 scheduled runs missed, the first was due at 2022-02-22 10:00:00 UTC; the last run of report.service ended 12h 42m ago after 5m"},
		{"the entry's own time zone", "", daily(func(t *systemd.Timer, s *systemd.Service) {
			t.Calendar = []string{"*-*-* 04:00:00 America/New_York"} // 09:00 UTC
		}), "WARNING - report.timer: 1 scheduled run missed, the first was due at 2022-02-22 09:00:00 UTC; the last run of report.service ended 12h 42m ago after 5m"},
		{"a schedule that does not parse", "", daily(func(t *systemd.Timer, s *systemd.Service) { t.Calendar = []string{"tomorrowish"} }), "UNKNOWN"},
		{"age", "-w=1d -c=2d", daily(func(t *systemd.Timer, s *systemd.Service) {
			s.InactiveExit, s.InactiveEnter = ago(31*time.Hour), ago(30*time.Hour)
			t.LastTrigger = ago(31 * time.Hour)
			t.Calendar[0] = "weekly"
		}), "WARNING - report.timer: the last completed run of report.service ended 1d 6h ago (allowed is 1d)"},
		{"age while a run is in progress", "-c=2h", daily(running("activating", "start", 3*time.Hour)), "CRITICAL - report.timer: the last completed run of report.service ended 4h ago (allowed is 2h)"},
		{"age, no run known", "-c=2d", daily(never, func(t *systemd.Timer, s *systemd.Service) { t.Calendar[0] = "yearly" }), "CRITICAL - report.service has completed no run since the timer was started 29d ago (allowed is 2d)"},
	} {
		r, got := judgement(t, test.args, test.pair)
		if test.want == "UNKNOWN" {
			if r.State != nagios.Unknown || !strings.Contains(got, "the schedule is not understood: OnCalendar=tomorrowish: ") {
				t.Errorf("%s: judge(%s) = %q", test.name, test.args, got)
			}
			continue
		}
		want := test.want
		if strings.HasPrefix(want, "OK - the last run of ") {
			want = "OK - " + test.pair.Timer.Name + ": " + strings.TrimPrefix(want, "OK - ")
		}
		if got != want {
			t.Errorf("%s: judge(%s) =\n\t%s; want\n\t%s", test.name, test.args, got, want)
		}
	}
}

// What a user's own manager is to be told has --user, or it is said to the wrong one.
func TestRemediesOfTheUser(t *testing.T) {
	never := func(t *systemd.Timer, s *systemd.Service) { t.LastTrigger, s.InactiveExit = time.Time{}, time.Time{} }
	for _, test := range []struct {
		pair systemd.Pair
		want string
	}{
		{daily(func(t *systemd.Timer, s *systemd.Service) { t.LoadState = "masked" }), "(systemctl --user unmask report.timer)"},
		{daily(func(t *systemd.Timer, s *systemd.Service) { t.ActiveState, t.Result = "failed", "resources" }), "(systemctl --user start report.service says why)"},
		{daily(func(t *systemd.Timer, s *systemd.Service) { t.ActiveState = "inactive" }), "(systemctl --user start report.timer)"},
		{daily(func(t *systemd.Timer, s *systemd.Service) { t.ActiveState, t.UnitFileState = "inactive", "disabled" }), "(systemctl --user enable --now report.timer)"},
		{daily(func(t *systemd.Timer, s *systemd.Service) { s.FreezerState = "frozen" }), ": systemctl --user thaw report.service"},
		{daily(running("active", "exited", time.Hour)), "(systemctl --user stop report.service)"},
		{daily(func(t *systemd.Timer, s *systemd.Service) { t.SubState = "running" }), "(systemctl --user restart report.timer)"},
		{hourly(never, func(t *systemd.Timer, s *systemd.Service) { t.SubState = "elapsed" }), "(systemctl --user start generate_vrts_aliases.service once, "},
		{daily(func(t *systemd.Timer, s *systemd.Service) { t.NextElapse = now.Add(100 * time.Hour) }), "(systemctl --user restart report.timer)"},
		{daily(failed("start-limit-hit", 1, 1)), "systemctl --user reset-failed report.service)"},
		{daily(triggered(time.Hour)), "(systemctl --user start report.service says which)"},
	} {
		if _, got := judgement(t, "--user", test.pair); !strings.Contains(got, test.want) {
			t.Errorf("it says\n\t%s; want\n\t%s", got, test.want)
		}
	}
	reload := daily(func(t *systemd.Timer, s *systemd.Service) { t.NeedDaemonReload = true })
	r, _ := judgement(t, "--user", reload)
	if diff := cmp.Diff([]string{"note: unit files changed on disk: systemctl --user daemon-reload is pending"}, r.Items[0].Notes); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
}

func TestNotes(t *testing.T) {
	for _, test := range []struct {
		name string
		pair systemd.Pair
		want []string
	}{
		{"oneshot with RuntimeMaxSec", daily(running("activating", "start", 100*time.Hour), func(t *systemd.Timer, s *systemd.Service) { s.RuntimeMax = 2 * time.Hour }),
			[]string{"note: RuntimeMaxSec=2h does not apply to Type=oneshot, and TimeoutStartSec=infinity: nothing ends a run that hangs", "look at: journalctl -u report.service -n 50"}},
		{"oneshot with both", daily(running("activating", "start", 100*time.Hour), func(t *systemd.Timer, s *systemd.Service) {
			s.RuntimeMax, s.TimeoutStart = 2*time.Hour, 200*time.Hour
		}),
			[]string{"note: RuntimeMaxSec=2h does not apply to Type=oneshot; TimeoutStartSec=8d 8h does", "look at: journalctl -u report.service -n 50"}},
		{"simple", hourly(running("active", "running", 12*time.Hour)),
			[]string{"note: RuntimeMaxSec=infinity: nothing ends a run that hangs; TimeoutStartSec= does not apply to Type=simple once it runs", "look at: journalctl -u generate_vrts_aliases.service -n 50"}},
		{"stopping", hourly(running("deactivating", "stop-post", 12*time.Hour), func(t *systemd.Timer, s *systemd.Service) { s.TimeoutStop = systemd.Infinity }),
			[]string{"note: TimeoutStopSec=infinity: nothing ends a stop that hangs", "look at: journalctl -u generate_vrts_aliases.service -n 50"}},
		{"within limits", daily(running("activating", "start", time.Hour)), nil},
		{"the timer's reload pending", daily(func(t *systemd.Timer, s *systemd.Service) { t.NeedDaemonReload = true }),
			[]string{"note: unit files changed on disk: systemctl daemon-reload is pending"}},
		{"restarted before this attempt", hourly(running("active", "running", 10*time.Minute), func(t *systemd.Timer, s *systemd.Service) { t.LastTrigger, s.NRestarts = ago(11*time.Minute), 1 }),
			[]string{"note: 1 restart before this attempt, since 2022-02-22 16:36:00 UTC"}},
		{"missed runs whose trigger is under way", daily(func(t *systemd.Timer, s *systemd.Service) {
			t.SubState, t.StateChange, s.InactiveExit = "running", ago(time.Second), ago(100*time.Hour)
		}), []string{"look at: journalctl -u report.service -n 50"}},
		{"a failed timer", daily(func(t *systemd.Timer, s *systemd.Service) { t.ActiveState, t.Result = "failed", "resources" }),
			[]string{"look at: systemctl status report.timer"}},
		{"reload pending", daily(func(t *systemd.Timer, s *systemd.Service) { s.NeedDaemonReload = true }),
			[]string{"note: unit files changed on disk: systemctl daemon-reload is pending"}},
	} {
		r, _ := judgement(t, "", test.pair)
		if diff := cmp.Diff(test.want, r.Items[0].Notes); diff != "" {
			t.Errorf("%s: notes (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestPerfdata(t *testing.T) {
	for _, test := range []struct {
		name, args string
		pairs      []systemd.Pair
		want       string
	}{
		{"idle", "-w=25h", []systemd.Pair{daily()}, "last_run=45720s;90000 last_duration=300s missed=0;0;1 next=40380s"},
		{"running", "--running-critical=2h", []systemd.Pair{hourly(running("active", "running", 12*time.Hour+3*time.Minute))}, "running=43380s;;7200 last_run=46980s missed=12;0;1"},
		{"several", "", []systemd.Pair{daily(), hourly()}, "report_last_run=45720s report_last_duration=300s report_missed=0;0;1 report_next=40380s " +
			"generate_vrts_aliases_last_run=1200s generate_vrts_aliases_last_duration=120s generate_vrts_aliases_missed=0;0;1 generate_vrts_aliases_next=2400s"},
		{"whole host", "--all", []systemd.Pair{daily(), hourly(running("active", "running", 12*time.Hour)), daily(failed("signal", 2, 9))}, "timers=3 ok=1 warning=0 critical=2 unknown=0"},
		{"absent", "", []systemd.Pair{{Timer: systemd.Timer{Unit: systemd.Unit{Name: "x.timer", LoadState: "not-found"}}}}, ""},
	} {
		opt := optionsFor(t, test.args)
		r := judge(opt, facts{host: host, timers: test.pairs, whole: opt.All, named: map[string]bool{}}, now)
		line, _, _ := strings.Cut(r.Text("X", 0), "\n")
		_, got, _ := strings.Cut(line, " | ")
		if got != test.want {
			t.Errorf("%s: perfdata %q; want %q", test.name, got, test.want)
		}
	}
}

func TestSummaryOfSeveral(t *testing.T) {
	bad := daily(failed("signal", 2, 9))
	for _, test := range []struct {
		pairs []systemd.Pair
		want  string
	}{
		{[]systemd.Pair{daily(), hourly()}, "2 timers, none is late, stuck or failed"},
		{[]systemd.Pair{daily(), bad, hourly()}, "report.service failed 12h 42m ago: SIGKILL (the other 2 timers are fine)"},
		{[]systemd.Pair{daily(condition(time.Minute)), bad, hourly(), bad}, "report.service failed 12h 42m ago: SIGKILL (and 2 more of 4 timers)"},
		{nil, "nothing to check: there is no timer that is not excluded"},
	} {
		f := facts{host: host, timers: test.pairs, named: map[string]bool{"report.timer": true}}
		if got := judge(optionsFor(t, ""), f, now).Summary; got != test.want {
			t.Errorf("summary = %q; want %q", got, test.want)
		}
	}
	r := judge(optionsFor(t, ""), facts{host: host, unmatched: []string{"x*.timer"}, whole: true}, now)
	if got := r.State.String() + " - " + r.Summary; got != "CRITICAL - x*.timer: no timer matches" {
		t.Errorf("a glob without a match: %q", got)
	}
}

// What README.md shows is what the plugin says.
func TestREADME(t *testing.T) {
	p := hourly(running("active", "running", 12*time.Hour+3*time.Minute))
	r := judge(optionsFor(t, ""), facts{host: host, timers: []systemd.Pair{p}, named: map[string]bool{"report.timer": true}}, now)
	if diff := cmp.Diff(plugintest.Sample(t, "../README.md", "check_systemd_timer -u generate_vrts_aliases"), r.Text("SYSTEMD_TIMER", 0)); diff != "" {
		t.Errorf("README.md (-shown +said):\n%s", diff)
	}
}
