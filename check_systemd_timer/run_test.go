package main

import (
	"testing"
	"time"

	"mailfresh/internal/systemd"
)

// A run in progress, or about to be.
func TestRunInProgress(t *testing.T) {
	judges(t, []row{
		{"the incident", "", hourly(running("active", "running", 12*time.Hour+3*time.Minute)),
			"CRITICAL - generate_vrts_aliases.service has been running for 12h 3m (running, since 2022-02-22 04:44:00 UTC): 12 scheduled runs missed"},
		{"the incident after an interval", "",
			hourly(running("active", "running", time.Hour+time.Minute)),
			"WARNING - generate_vrts_aliases.service has been running for 1h 1m (running, since 2022-02-22 15:46:00 UTC): 1 scheduled run missed"},
		{"the incident before an interval and the slack", "",
			hourly(running("active", "running", time.Hour+19*time.Second)),
			"OK - generate_vrts_aliases.service has been running for 1h (running, since 2022-02-22 15:46:41 UTC)"},
		{"hung oneshot", "", daily(running("activating", "start", 37*time.Hour)),
			"CRITICAL - report.service has been running for 1d 13h (start, since 2022-02-21 03:47:00 UTC): 2 scheduled runs missed"},
		{"past the critical limit", "--running-critical=2h --running-warning=1h",
			daily(running("activating", "start", 3*time.Hour)),
			"CRITICAL - report.service has been running for 3h (start, since 2022-02-22 13:47:00 UTC): the limit is 2h"},
		{"past the warning limit", "--running-critical=4h --running-warning=1h",
			daily(running("activating", "start-pre", 3*time.Hour)),
			"WARNING - report.service has been running for 3h (start-pre, since 2022-02-22 13:47:00 UTC): the limit is 1h"},
		{"past both", "--running-critical=4h",
			hourly(running("deactivating", "stop-sigterm", 5*time.Hour)),
			"CRITICAL - generate_vrts_aliases.service has been running for 5h (stop-sigterm, since 2022-02-22 11:47:00 UTC): the limit is 4h, 4 scheduled runs missed"},
		{"too short is a range too", "--running-warning=10m:",
			daily(running("activating", "start", time.Minute)),
			"WARNING - report.service has been running for 1m (start, since 2022-02-22 16:46:00 UTC): outside the range 10m:"},
		{"a range that alerts inside", "--running-warning=@0:10m",
			daily(running("activating", "start", time.Minute)),
			"WARNING - report.service has been running for 1m (start, since 2022-02-22 16:46:00 UTC): inside the range 0:10m"},
		{"missed runs allowed", "--missed-warning=20 --missed-critical=50",
			hourly(running("active", "running", 12*time.Hour+3*time.Minute)),
			"OK - generate_vrts_aliases.service has been running for 12h 3m (running, since 2022-02-22 04:44:00 UTC): 12 scheduled runs missed"},
		{"RemainAfterExit", "", daily(running("active", "exited", 9*time.Hour),
			func(t *systemd.Timer, s *systemd.Service) {
				s.RemainAfterExit, s.ExecMainExit = true,
					ago(8*time.Hour)
			}),
			"CRITICAL - report.service stays active after its run (RemainAfterExit=yes), since 2022-02-22 08:47:00 UTC: the timer cannot start it again (systemctl stop report.service now, and drop RemainAfterExit=yes)"},
		{"RemainAfterExit of a one-off", "", daily(running("active", "exited", 9*time.Hour),
			func(t *systemd.Timer, s *systemd.Service) {
				s.RemainAfterExit, s.ExecMainExit, t.Calendar, t.SubState = true, ago(8*time.Hour),
					[]string{"2022-02-22 04:00:00"}, "elapsed"
			}), "OK - report.timer: the last run of report.service ended 8h ago after 1h, nothing more is scheduled"},
		{"a target stays active", "", daily(running("active", "active", 9*time.Hour),
			func(t *systemd.Timer, s *systemd.Service) {
				s.IsService, s.Name, s.Type, s.ExecMainStart = false, "report.target", "",
					time.Time{}
			}), "OK - report.target is active, and only when it is not can the timer start it"},
		{"frozen", "", daily(running("activating", "start", time.Hour),
			func(t *systemd.Timer, s *systemd.Service) { s.FreezerState = "frozen" }),
			"CRITICAL - report.service is frozen (activating, since 2022-02-22 15:47:00 UTC): systemctl thaw report.service"},
		{"queued", "", daily(func(t *systemd.Timer, s *systemd.Service) {
			t.SubState, t.LastTrigger, t.NextElapse = "running", ago(46*time.Minute), time.Time{}
			s.Job = &systemd.Job{ID: 9, Type: "start", State: "waiting",
				Blockers: []systemd.Job{{ID: 8, Unit: "network-wait.service", Type: "start",
					State: "running"}}}
		}), "OK - report.service has not started: its start job 9 is waiting for network-wait.service (start job 8, running), since 2022-02-22 16:01:00 UTC"},
		{"queued after a failure", "",
			daily(failed("start-limit-hit", 1, 1), func(t *systemd.Timer, s *systemd.Service) {
				t.SubState, t.LastTrigger, t.NextElapse = "running", ago(time.Second), time.Time{}
				s.Job = &systemd.Job{ID: 9, Type: "start", State: "waiting"}
			}), "CRITICAL - report.service failed 12h 42m ago: it was started too often and is refused now (result start-limit-hit; systemctl reset-failed report.service)"},
		// The timer waits for its next elapse, not for this run.
		{"queued by hand after a run", "", daily(func(t *systemd.Timer, s *systemd.Service) {
			s.Job = &systemd.Job{ID: 9, Type: "start", State: "waiting"}
		}), "OK - report.service has not started: its start job 9 is waiting"},
		// The timer counts again from the run of that job.
		{"queued, to be the first run of an elapsed timer", "",
			hourly(never, func(t *systemd.Timer, s *systemd.Service) {
				t.SubState, t.NextElapse, t.ActiveEnter = "elapsed", time.Time{}, ago(time.Minute)
				s.Job = &systemd.Job{ID: 9, Type: "start", State: "waiting"}
				t.Monotonic = t.Monotonic[:1]
			}), "OK - generate_vrts_aliases.service has not started: its start job 9 is waiting"},
		{"queued for days, to be the first run of an elapsed timer", "",
			hourly(never, func(t *systemd.Timer, s *systemd.Service) {
				t.SubState, t.NextElapse = "elapsed", time.Time{}
				t.ActiveEnter = ago(150 * time.Minute)
				s.Job = &systemd.Job{ID: 9, Type: "start", State: "waiting"}
				t.Monotonic = t.Monotonic[:1]
			}), "CRITICAL - generate_vrts_aliases.service has not started: its start job 9 is waiting; 2 scheduled runs missed, the first was due at 2022-02-22 15:17:00 UTC; no run is known"},
		{"queued for days", "", daily(func(t *systemd.Timer, s *systemd.Service) {
			t.SubState, t.LastTrigger, t.NextElapse = "running", ago(36*time.Hour), time.Time{}
			s.InactiveExit, s.InactiveEnter = ago(60*time.Hour+47*time.Minute), ago(60*time.Hour)
			s.Job = &systemd.Job{ID: 9, Type: "start", State: "waiting"}
		}), "CRITICAL - report.service has not started: its start job 9 is waiting, since 2022-02-21 04:47:00 UTC; 2 scheduled runs missed, the first was due at 2022-02-21 04:00:00 UTC; the last run of report.service ended 2d 12h ago after 47m"},
		{"the first restart is awaited", "", daily(running("activating", "auto-restart", time.Hour),
			func(t *systemd.Timer, s *systemd.Service) {
				s.Result, s.ExecMainCode, s.ExecMainStatus = "exit-code", 1, 3
			}), "WARNING - report.service failed (exit status 3) and waits to be restarted, since 2022-02-22 15:47:00 UTC"},
		{"restart loop", "", daily(running("activating", "auto-restart", time.Hour),
			func(t *systemd.Timer, s *systemd.Service) {
				s.NRestarts, s.Result, s.ExecMainCode, s.ExecMainStatus = 17, "exit-code", 1, 3
			}), "WARNING - report.service fails and is restarted again and again (17 restarts so far, last: exit status 3), since 2022-02-22 15:47:00 UTC"},
		{"restart loop that misses a run", "",
			hourly(running("activating", "auto-restart", 90*time.Minute),
				func(t *systemd.Timer, s *systemd.Service) {
					s.NRestarts, s.Result, s.ExecMainCode, s.ExecMainStatus = 17, "exit-code", 1, 3
				}), "CRITICAL - generate_vrts_aliases.service fails and is restarted again and again (17 restarts so far, last: exit status 3), since 2022-02-22 15:17:00 UTC; 1 scheduled run missed, the first was due at 2022-02-22 16:17:00 UTC; the last run of generate_vrts_aliases.service ended 2h 30m ago"},
		{"restart loop that misses runs", "",
			hourly(running("activating", "auto-restart", 150*time.Minute),
				func(t *systemd.Timer, s *systemd.Service) {
					s.NRestarts, s.Result, s.ExecMainCode, s.ExecMainStatus = 17, "exit-code", 1, 3
				}), "CRITICAL - generate_vrts_aliases.service fails and is restarted again and again (17 restarts so far, last: exit status 3), since 2022-02-22 14:17:00 UTC; 2 scheduled runs missed, the first was due at 2022-02-22 15:17:00 UTC; the last run of generate_vrts_aliases.service ended 3h 30m ago"},
	})
}

// What systemd renews or forgets, and what only looks alike.
func TestLookalikes(t *testing.T) {
	judges(t, []row{
		{"a one-off whose unit rightly stays active", "",
			daily(running("active", "exited", 9*time.Hour),
				func(t *systemd.Timer, s *systemd.Service) {
					s.RemainAfterExit, s.ExecMainExit, t.Calendar, t.Monotonic = true,
						ago(8*time.Hour),
						nil, []systemd.MonotonicEntry{{Base: "OnActiveSec", Interval: time.Second}}
				}), "OK - report.timer: the last run of report.service ended 8h ago after 1h, nothing more is scheduled"},
		{"a target whose runs are missed", "", daily(running("active", "active", 37*time.Hour),
			func(t *systemd.Timer, s *systemd.Service) {
				s.IsService, s.Name, s.Type, s.ExecMainStart = false, "report.target", "",
					time.Time{}
			}), "CRITICAL - report.target is active, and only when it is not can the timer start it: 2 scheduled runs missed"},
		{"a one-off whose trigger started nothing", "",
			daily(never, triggered(time.Hour), func(t *systemd.Timer, s *systemd.Service) {
				t.SubState, t.NextElapse, t.Calendar, s.AssertTime = "elapsed", time.Time{},
					[]string{"2022-02-22 15:47:00"}, ago(time.Hour)
				s.Asserts = []systemd.Condition{{Type: "AssertPathExists", Param: "/srv",
					State: -1}}
			}), "WARNING - report.service was triggered 1h ago but did not start: AssertPathExists=/srv failed"},
		{"quick restarts since the last trigger", "",
			hourly(running("activating", "auto-restart", 2*time.Second),
				func(t *systemd.Timer, s *systemd.Service) {
					t.LastTrigger, s.NRestarts, s.Result, s.ExecMainCode,
						s.ExecMainStatus = ago(150*time.Minute), 125, "exit-code", 1, 3
					s.InactiveEnter = ago(2 * time.Second)
				}), "CRITICAL - generate_vrts_aliases.service fails and is restarted again and again (125 restarts so far, last: exit status 3), since 2022-02-22 14:17:00 UTC; 2 scheduled runs missed, the first was due at 2022-02-22 15:17:00 UTC; the last run of generate_vrts_aliases.service ended 2 s ago after 0 s"},
		{"quick restarts, triggered again meanwhile", "",
			hourly(running("activating", "auto-restart", 2*time.Second),
				func(t *systemd.Timer, s *systemd.Service) {
					t.LastTrigger, s.NRestarts, s.RestartDelay, s.Result, s.ExecMainCode,
						s.ExecMainStatus = ago(3*time.Second), 100, time.Minute, "exit-code", 1, 3
				}), "CRITICAL - generate_vrts_aliases.service fails and is restarted again and again (100 restarts so far, last: exit status 3), since 2022-02-22 15:06:58 UTC; 1 scheduled run missed, the first was due at 2022-02-22 16:06:58 UTC; the last run of generate_vrts_aliases.service ended 1h ago"},
		{"a quick loop seen while it runs", "", hourly(running("active", "running", time.Second),
			func(t *systemd.Timer, s *systemd.Service) {
				t.LastTrigger, s.NRestarts, s.Result = ago(10*time.Minute), 100, "success"
			}), "WARNING - generate_vrts_aliases.service is restarted again and again (100 restarts so far), since 2022-02-22 16:37:00 UTC"},
		{"two failed tries, then a hang", "--running-critical=2h",
			hourly(running("active", "running", 12*time.Hour),
				func(t *systemd.Timer, s *systemd.Service) {
					t.LastTrigger, s.NRestarts, s.Result = ago(12*time.Hour+3*time.Minute), 2,
						"success"
				}), "CRITICAL - generate_vrts_aliases.service has been running for 12h (running, since 2022-02-22 04:47:00 UTC): the limit is 2h, 12 scheduled runs missed"},
		{"a person's start that an old systemd restarted", "",
			hourly(running("active", "running", 9*time.Minute),
				func(t *systemd.Timer, s *systemd.Service) {
					t.LastTrigger, t.SubState, t.NextElapse = ago(70*time.Minute), "waiting",
						now.Add(51*time.Minute)
					s.NRestarts, s.RestartDelay, s.InactiveEnter = 1, 20*time.Second,
						ago(9*time.Minute)
				}), "OK - generate_vrts_aliases.service has been running for 9m (running, since 2022-02-22 16:38:00 UTC)"},
		{"a person's start that an old systemd restarts, of which the begin is not known", "",
			daily(running("activating", "auto-restart", 20*time.Second),
				func(t *systemd.Timer, s *systemd.Service) {
					t.LastTrigger, t.SubState, t.NextElapse = ago(12*time.Hour), "waiting",
						now.Add(12*time.Hour)
					s.NRestarts, s.RestartDelay = 3, 30*time.Second
					s.Result, s.ExecMainCode, s.ExecMainStatus = "exit-code", 1, 3
				}), "WARNING - report.service fails and is restarted again and again (3 restarts so far, last: exit status 3)"},
		{"queued, each interval counts", "", hourly(func(t *systemd.Timer, s *systemd.Service) {
			t.SubState, t.LastTrigger, t.NextElapse = "running", ago(190*time.Minute), time.Time{}
			s.InactiveExit, s.InactiveEnter = ago(252*time.Minute), ago(250*time.Minute)
			s.Job = &systemd.Job{ID: 9, Type: "start", State: "waiting"}
		}), "CRITICAL - generate_vrts_aliases.service has not started: its start job 9 is waiting, since 2022-02-22 13:37:00 UTC; 4 scheduled runs missed, the first was due at 2022-02-22 13:37:00 UTC; the last run of generate_vrts_aliases.service ended 4h 10m ago after 2m"},
		{"OnUnitInactiveSec counts from the trigger that was skipped", "--skipped-state=ok",
			hourly(condition(10*time.Minute), func(t *systemd.Timer, s *systemd.Service) {
				s.InactiveExit, s.InactiveEnter = ago(9*time.Hour), ago(8*time.Hour)
			}), "OK - generate_vrts_aliases.service was skipped 10m ago: ConditionPathExists=!/run/x is not met"},
		{"OnUnitActiveSec too", "--skipped-state=ok",
			hourly(condition(10*time.Minute), func(t *systemd.Timer, s *systemd.Service) {
				s.InactiveExit, s.InactiveEnter, t.Monotonic[0].Base = ago(9*time.Hour),
					ago(8*time.Hour), "OnUnitActiveSec"
			}), "OK - generate_vrts_aliases.service was skipped 10m ago: ConditionPathExists=!/run/x is not met"},
		{"an old condition is not this trigger's", "",
			daily(condition(5*time.Hour), triggered(46*time.Minute),
				func(t *systemd.Timer, s *systemd.Service) {
					s.AssertResult, s.AssertTime = true,
						ago(5*time.Hour)
				}),
			"WARNING - report.service was triggered 46m ago but did not start: a unit that it requires failed, or its start job was refused or cancelled (systemctl list-dependencies --failed report.service shows which)"},
		{"an old ExecCondition is not either", "",
			daily(triggered(46*time.Minute),
				func(t *systemd.Timer, s *systemd.Service) { s.Result = "exec-condition" }),
			"WARNING - report.service was triggered 46m ago but did not start: a unit that it requires failed, or its start job was refused or cancelled (systemctl list-dependencies --failed report.service shows which)"},
		{"a skipped run is no completed one", "--skipped-state=ok -c=2d",
			daily(func(t *systemd.Timer, s *systemd.Service) { s.Result = "exec-condition" }),
			"CRITICAL - report.service has completed no run since the timer was started 29d ago (the limit is 2d)"},
		{"a far elapse of a timer that does not wait is stale", "",
			daily(running("activating", "start", time.Hour),
				func(t *systemd.Timer,
					s *systemd.Service) {
					t.NextElapse = now.Add(16 * 365 * 24 * time.Hour)
				}),
			"OK - report.service has been running for 1h (start, since 2022-02-22 15:47:00 UTC)"},
		{"just beyond a day of daylight saving", "",
			daily(func(t *systemd.Timer, s *systemd.Service) {
				t.NextElapse = now.Add(37*time.Hour +
					15*time.Minute)
			}),
			"CRITICAL - report.timer: waits until 2022-02-24 06:02:00 UTC although its schedule says 2022-02-23 04:00:00 UTC: the clock was wrong once (systemctl restart report.timer, twice if need be)"},
		{"swallowed in the first of two commands", "",
			daily(func(t *systemd.Timer, s *systemd.Service) {
				s.Commands = []systemd.Exec{{Setting: "ExecStart", Path: "/bin/a",
					IgnoreFailure: true,
					Code:          1, Status: 5}, {Setting: "ExecStart", Path: "/bin/b", Code: 1}}
			}), "WARNING - report.service ended 12h 42m ago with exit status 5 of /bin/a, which ExecStart=- ignores: systemd calls it a success"},
		{"a oneshot's SIGTERM is not clean", "", daily(func(t *systemd.Timer, s *systemd.Service) {
			s.Commands[0].IgnoreFailure, s.ExecMainCode, s.ExecMainStatus = true, 2, 15
		}), "WARNING - report.service ended 12h 42m ago with SIGTERM, which ExecStart=- ignores: systemd calls it a success"},
		{"a signal that is declared a success", "",
			hourly(func(t *systemd.Timer, s *systemd.Service) {
				s.ExecMainCode, s.ExecMainStatus, s.SuccessSignals = 3, 11, []int32{11}
			}), "OK - generate_vrts_aliases.timer: the last run of generate_vrts_aliases.service ended 20m ago after 2m, the next is in 40m"},
		{"another command failed", "",
			daily(failed("exit-code", 1, 0), func(t *systemd.Timer, s *systemd.Service) {
				s.Commands = []systemd.Exec{{Setting: "ExecStartPre", Path: "/bin/true", Code: 1},
					{Setting: "ExecStart", Path: "/bin/a", Code: 1},
					{Setting: "ExecStopPost", Path: "/bin/b", Code: 1, Status: 9}}
			}), "CRITICAL - report.service failed 12h 42m ago: ExecStopPost=/bin/b: exit status 9"},
		{"resources, told once", "", daily(failed("resources", 0, 0), triggered(time.Hour)),
			"CRITICAL - report.service failed 12h 42m ago: systemd could not set it up (result resources)"},
		{"enabled today, run by hand before: the definition counts from the run", "",
			daily(func(t *systemd.Timer, s *systemd.Service) {
				t.ActiveEnter, t.LastTrigger = ago(time.Hour), time.Time{}
				s.InactiveExit, s.InactiveEnter = ago(60*time.Hour+47*time.Minute),
					ago(60*time.Hour)
			}), "CRITICAL - report.timer: 2 scheduled runs missed, the first was due at 2022-02-21 04:00:00 UTC; the last run of report.service ended 2d 12h ago after 47m"},
	})
}

// What holds a run up that has not to do with its own commands.
func TestHeldUp(t *testing.T) {
	waits := func(t *systemd.Timer, s *systemd.Service) {
		t.SubState, t.LastTrigger, t.NextElapse = "running", ago(46*time.Minute), time.Time{}
		s.Job = &systemd.Job{ID: 9, Type: "start", State: "waiting"}
	}
	in := func(p systemd.Pair, slices ...systemd.Slice) systemd.Pair {
		p.Slices = slices
		return p
	}
	judges(t, []row{
		{"a slice that is full", "", in(daily(waits), systemd.Slice{Name: "a-b.slice"},
			systemd.Slice{Name: "a.slice", SoftMax: 2, Active: 2}),
			"OK - report.service has not started: its start job 9 is waiting for a place in a.slice (ConcurrencySoftMax=2, active: 2), since 2022-02-22 16:01:00 UTC"},
		{"a slice in which too many start at once", "",
			in(daily(waits), systemd.Slice{Name: "a.slice", ActivatingMax: 1, Active: 1}),
			"OK - report.service has not started: its start job 9 is waiting for a place in a.slice (ActivatingConcurrencyMax=1), since 2022-02-22 16:01:00 UTC"},
		{"frozen with its slice", "",
			in(daily(running("active", "running", time.Hour),
				func(t *systemd.Timer, s *systemd.Service) { s.FreezerState = "frozen-by-parent" }),
				systemd.Slice{Name: "a-b.slice", FreezerState: "frozen-by-parent"},
				systemd.Slice{Name: "a.slice", FreezerState: "frozen"}),
			"CRITICAL - report.service is frozen with a.slice (active, since 2022-02-22 15:47:00 UTC): systemctl thaw a.slice"},
		{"refreshing", "", daily(running("refreshing", "refresh-credentials", time.Hour),
			func(t *systemd.Timer, s *systemd.Service) {
				s.Job = &systemd.Job{ID: 9, Type: "reload", State: "running"}
			}), "OK - report.service has been running for 1h (refresh-credentials, since 2022-02-22 15:47:00 UTC)"},
	})
}

// Since systemd 254 all restarts by Restart= belong to one start. The stamps are those of 257 and
// 262.
func TestRestarts(t *testing.T) {
	// modern is a run that was triggered and began so long ago, failed, waited since then, and was
	// tried again.
	modern := func(n uint32, began, waited, tried time.Duration) func(*systemd.Timer,
		*systemd.Service) {
		return func(t *systemd.Timer, s *systemd.Service) {
			running("activating", "start", began)(t, s)
			t.SubState, t.NextElapse = "waiting", now.Add(time.Hour-began)
			s.NRestarts, s.RestartMode, s.RestartDelay = n, "normal", 20*time.Second
			s.InactiveEnter, s.InactiveExit, s.ExecMainStart = ago(waited), ago(waited), ago(tried)
			s.StateChange = ago(tried)
		}
	}
	direct := func(t *systemd.Timer, s *systemd.Service) {
		s.RestartMode, s.InactiveEnter, s.InactiveExit = "direct", time.Time{}, s.ConditionTime
		t.SubState, t.NextElapse = "running", time.Time{}
	}
	waits := func(t *systemd.Timer, s *systemd.Service) {
		s.SubState, s.Result, s.ExecMainCode, s.ExecMainStatus = "auto-restart", "exit-code", 1, 7
		s.ExecMainExit, s.StateChange = s.InactiveExit, s.InactiveExit
	}
	const m = time.Minute
	judges(t, []row{
		{"the second attempt is healthy", "", hourly(modern(1, 30*m, 29*m, 28*m)),
			"OK - generate_vrts_aliases.service has been running for 28m (start, since 2022-02-22 16:19:00 UTC)"},
		{"the limit is of the attempt", "--running-critical=29m",
			hourly(modern(1, 30*m, 29*m, 28*m)),
			"OK - generate_vrts_aliases.service has been running for 28m (start, since 2022-02-22 16:19:00 UTC)"},
		{"a delay that is longer than the run so far", "",
			hourly(modern(1, 2*time.Second, time.Second, time.Second/2)),
			"OK - generate_vrts_aliases.service has been running for 500 ms (start, since 2022-02-22 16:46:59 UTC)"},
		{"the second attempt hangs", "", hourly(modern(1, 130*m, 129*m, 128*m)),
			"CRITICAL - generate_vrts_aliases.service has been running for 2h 8m (start, since 2022-02-22 14:39:00 UTC): 2 scheduled runs missed"},
		{"a loop", "", hourly(modern(9, 10*m, 80*time.Second, m), waits),
			"WARNING - generate_vrts_aliases.service fails and is restarted again and again (9 restarts so far, last: exit status 7), since 2022-02-22 16:37:00 UTC"},
		{"a loop seen while it runs", "", hourly(modern(9, 10*m, 80*time.Second, m)),
			"WARNING - generate_vrts_aliases.service is restarted again and again (9 restarts so far), since 2022-02-22 16:37:00 UTC"},
		{"a loop that misses a run", "", hourly(modern(9, 70*m, 80*time.Second, m), waits),
			"CRITICAL - generate_vrts_aliases.service fails and is restarted again and again (9 restarts so far, last: exit status 7), since 2022-02-22 15:37:00 UTC; 1 scheduled run missed, the first was due at 2022-02-22 16:37:00 UTC; the last run of generate_vrts_aliases.service ended 1m 20s ago"},
		{"RestartMode=direct", "", hourly(modern(9, 10*m, 80*time.Second, m), direct),
			"WARNING - generate_vrts_aliases.service is restarted again and again (9 restarts so far), since 2022-02-22 16:37:00 UTC"},
		{"RestartMode=direct, the second attempt is healthy", "",
			hourly(modern(1, 10*m, 10*m, 9*m), direct),
			"OK - generate_vrts_aliases.service has been running for 9m (start, since 2022-02-22 16:38:00 UTC)"},
		{"the first restart is awaited", "", hourly(modern(0, 10*m, m, 10*m), waits),
			"WARNING - generate_vrts_aliases.service failed (exit status 7) and waits to be restarted, since 2022-02-22 16:46:00 UTC"},
		{"restarted once", "", hourly(modern(1, 10*m, m, 8*m), waits),
			"WARNING - generate_vrts_aliases.service was restarted once and failed again (last: exit status 7), since 2022-02-22 16:37:00 UTC"},
		{"started by hand, long after the trigger", "",
			hourly(modern(9, 10*m, 80*time.Second, m), waits, triggered(40*m)),
			"WARNING - generate_vrts_aliases.service fails and is restarted again and again (9 restarts so far, last: exit status 7), since 2022-02-22 16:37:00 UTC"},
		{"the timer starts what waits to be restarted", "",
			daily(modern(30, 31*m, 70*time.Second, 10*time.Second), triggered(10*time.Second),
				func(t *systemd.Timer, s *systemd.Service) {
					t.Calendar = []string{"*-*-* *:*:50"}
				}), "WARNING - report.service is restarted again and again (30 restarts so far), since 2022-02-22 16:16:00 UTC"},
		{"triggered while the second attempt hangs", "",
			daily(modern(1, 150*m, 149*m, 148*m), triggered(60*m+47*m),
				func(t *systemd.Timer, s *systemd.Service) {
					t.Calendar, t.SubState = []string{"hourly"}, "running"
				}), "CRITICAL - report.service has been running for 2h 28m (start, since 2022-02-22 14:19:00 UTC): 2 scheduled runs missed"},
		{"a run of several attempts that ended", "",
			hourly(modern(2, 30*m, 28*m, 26*m), func(t *systemd.Timer, s *systemd.Service) {
				s.ActiveState, s.SubState, s.InactiveEnter, s.ExecMainExit,
					s.ExecMainCode = "inactive",
					"dead", ago(20*m), ago(20*m), 1
				t.NextElapse = now.Add(40 * m)
			}), "OK - generate_vrts_aliases.timer: the last run of generate_vrts_aliases.service ended 20m ago after 6m, the next is in 40m"},
	})
}
