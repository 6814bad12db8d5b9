package main

import (
	"strings"
	"testing"
	"time"

	"mailfresh/internal/document"
	"mailfresh/internal/systemd"
)

// Healthy, and the cases that fool others.
func TestHealthy(t *testing.T) {
	judges(t, []row{
		{"idle", "", daily(),
			"OK - report.timer: the last run of report.service ended 12h 42m ago after 5m, the next is in 11h 13m"},
		{"incident's job between two runs", "", hourly(),
			"OK - generate_vrts_aliases.timer: the last run of generate_vrts_aliases.service ended 20m ago after 2m, the next is in 40m"},
		{"run in progress", "", daily(running("activating", "start", 5*time.Minute)),
			"OK - report.service has been running for 5m (start, since 2022-02-22 16:42:00 UTC)"},
		{"never run, first elapse ahead", "",
			daily(never,
				func(t *systemd.Timer, s *systemd.Service) { t.ActiveEnter = ago(time.Hour) }),
			"OK - report.service has not run yet, the next is in 11h 13m"},
		{"started by hand after the trigger", "", daily(func(t *systemd.Timer, s *systemd.Service) {
			s.InactiveExit, s.InactiveEnter = ago(2*time.Hour), ago(time.Hour)
		}), "OK - report.timer: the last run of report.service ended 1h ago after 1h, the next is in 11h 13m"},
		{"SuccessExitStatus", "",
			daily(func(t *systemd.Timer, s *systemd.Service) { s.ExecMainStatus = 1 }),
			"OK - report.timer: the last run of report.service ended 12h 42m ago after 5m, the next is in 11h 13m"},
		{"just booted, stamp of a persistent timer", "",
			daily(never, func(t *systemd.Timer, s *systemd.Service) {
				t.ActiveEnter, t.LastTrigger, t.Persistent = ago(time.Minute), ago(50*time.Hour),
					true
			}), "OK - report.service was last triggered 2d 2h ago, the next is in 11h 13m"},
		{"just booted, stamp of a persistent timer that counts from its unit, too", "",
			daily(never, func(t *systemd.Timer, s *systemd.Service) {
				t.ActiveEnter, t.LastTrigger, t.Persistent = ago(time.Minute), ago(3*time.Hour),
					true
				t.Monotonic = []systemd.MonotonicEntry{{Base: "OnUnitActiveSec",
					Interval: time.Hour},
					{Base: "OnUnitInactiveSec", Interval: time.Hour}}
			}), "OK - report.service was last triggered 3h ago, the next is in 11h 13m"},
		{"the stamp of a timer that was persistent until a reload, and the clock was set back", "",
			daily(never, func(t *systemd.Timer, s *systemd.Service) {
				t.ActiveEnter, t.ActiveEnterMonotonic = ago(90*time.Minute), time.Minute
				t.LastTrigger = ago(time.Hour)
			}), "OK - report.service was last triggered 1h ago, the next is in 11h 13m"},
		{"a random delay is no delay", "", daily(func(t *systemd.Timer, s *systemd.Service) {
			s.InactiveExit, s.InactiveEnter, t.LastTrigger, t.RandomizedDelay = ago(36*time.Hour),
				ago(35*time.Hour), ago(36*time.Hour), 13*time.Hour
		}), "OK - report.timer: the last run of report.service ended 1d 11h ago after 1h, the next is in 11h 13m"},
		{"cleanly stopped by hand", "",
			hourly(func(t *systemd.Timer, s *systemd.Service) {
				s.ExecMainCode,
					s.ExecMainStatus = 2, 15
			}),
			"OK - generate_vrts_aliases.timer: the last run of generate_vrts_aliases.service ended 20m ago after 2m, the next is in 40m"},
	})
}

// The timer itself, whatever its service does.
func TestTimerItself(t *testing.T) {
	judges(t, []row{
		{"not found", "",
			systemd.Pair{Timer: systemd.Timer{Unit: systemd.Unit{Name: "x.timer",
				LoadState: "not-found"}}}, "CRITICAL - x.timer: not found: no such timer"},
		{"not found, only referred to", "--all",
			systemd.Pair{Timer: systemd.Timer{Unit: systemd.Unit{Name: "x.timer",
				LoadState: "not-found"}}}, "OK - x.timer: not found: no such timer"},
		{"masked", "",
			daily(func(t *systemd.Timer, s *systemd.Service) {
				t.LoadState,
					t.ActiveState = "masked", "inactive"
			}),
			"CRITICAL - report.timer: masked: it cannot be started (systemctl unmask report.timer)"},
		{"masked", "--all",
			daily(func(t *systemd.Timer, s *systemd.Service) {
				t.LoadState,
					t.ActiveState = "masked", "inactive"
			}),
			"OK - report.timer: masked: it cannot be started (systemctl unmask report.timer)"},
		{"bad setting", "--all", daily(func(t *systemd.Timer, s *systemd.Service) {
			t.LoadState, t.ActiveState, t.LoadError = "bad-setting", "inactive",
				"Unit report.timer has a bad unit file setting."
		}), "CRITICAL - report.timer: cannot be loaded (bad-setting): Unit report.timer has a bad unit file setting."},
		{"inactive", "", daily(func(t *systemd.Timer, s *systemd.Service) {
			t.ActiveState, t.SubState, t.UnitFileState, t.InactiveEnter = "inactive", "dead",
				"disabled", ago(3*time.Hour)
		}), "CRITICAL - report.timer: inactive (disabled), stopped 3h ago: it never fires (systemctl enable --now report.timer)"},
		{"inactive", "--all", daily(func(t *systemd.Timer, s *systemd.Service) {
			t.ActiveState, t.SubState, t.UnitFileState = "inactive", "dead", "disabled"
		}), "OK - report.timer: inactive (disabled): it never fires (systemctl enable --now report.timer)"},
		{"inactive, and its service is not there", "",
			daily(func(t *systemd.Timer, s *systemd.Service) {
				t.ActiveState, t.SubState, t.UnitFileState = "inactive", "dead", "static"
				s.LoadState = "not-found"
			}), "CRITICAL - report.timer: inactive (static): report.service does not exist: it never fires"},
		{"enabled but not started, and its service is masked", "",
			daily(func(t *systemd.Timer, s *systemd.Service) {
				t.ActiveState, t.SubState, s.LoadState = "inactive", "dead", "masked"
			}), "CRITICAL - report.timer: enabled but not started: report.service is masked (systemctl unmask report.service, systemctl start report.timer)"},
		{"inactive, cannot be enabled", "", daily(func(t *systemd.Timer, s *systemd.Service) {
			t.ActiveState, t.SubState, t.UnitFileState = "inactive", "dead", "static"
		}), "CRITICAL - report.timer: inactive (static): it never fires (systemctl start report.timer)"},
		{"inactive, and systemd has forgotten that its condition was not met", "",
			daily(func(t *systemd.Timer, s *systemd.Service) {
				t.ActiveState, t.SubState, t.UnitFileState = "inactive", "dead", "static"
				t.Conditions = []systemd.Condition{{Type: "ConditionPathExists", Param: "/run/x"}}
			}), "CRITICAL - report.timer: inactive (static): it never fires (systemctl start report.timer, which does nothing unless ConditionPathExists=/run/x is met)"},
		{"inactive, and systemd has forgotten its two conditions", "",
			daily(func(t *systemd.Timer, s *systemd.Service) {
				t.ActiveState, t.SubState, t.UnitFileState = "inactive", "dead", "disabled"
				t.Conditions = make([]systemd.Condition, 2)
			}), "CRITICAL - report.timer: inactive (disabled): it never fires (systemctl enable --now report.timer, which does nothing unless its 2 conditions are met)"},
		{"enabled but not started", "",
			daily(func(t *systemd.Timer, s *systemd.Service) {
				t.ActiveState,
					t.SubState = "inactive", "dead"
			}),
			"CRITICAL - report.timer: enabled but not started (systemctl start report.timer)"},
		{"enabled but not started", "--all",
			daily(func(t *systemd.Timer, s *systemd.Service) {
				t.ActiveState,
					t.SubState = "inactive", "dead"
			}),
			"WARNING - report.timer: enabled but not started (systemctl start report.timer)"},
		{"enabled, but its own condition is not met", "--all",
			daily(func(t *systemd.Timer, s *systemd.Service) {
				t.ActiveState, t.SubState, t.ConditionTime = "inactive", "dead", ago(time.Hour)
				t.Conditions = []systemd.Condition{{Type: "ConditionVirtualization",
					Param:  "container",
					Negate: true, State: -1}}
			}), "OK - report.timer: not started: its condition ConditionVirtualization=!container is not met"},
		{"its own two conditions, after a daemon-reload", "",
			daily(func(t *systemd.Timer, s *systemd.Service) {
				t.ActiveState, t.SubState, t.ConditionTime = "inactive", "dead", ago(time.Hour)
				t.Conditions = []systemd.Condition{{Type: "ConditionVirtualization",
					Param:  "container",
					Negate: true}, {Type: "ConditionPathExists", Param: "/etc/initrd-release",
					Negate: true}}
			}), "CRITICAL - report.timer: not started: one of its conditions is not met"},
		{"its start job has waited since the boot", "--all",
			daily(func(t *systemd.Timer, s *systemd.Service) {
				t.ActiveState, t.SubState, t.StateChange = "inactive", "dead", time.Time{}
				t.Job = &systemd.Job{ID: 7, Type: "start", State: "waiting",
					Blockers: []systemd.Job{{ID: 3, Unit: "systemd-time-wait-sync.service",
						Type: "start", State: "running"}}}
			}), "WARNING - report.timer: not started yet: its start job 7 is waiting for systemd-time-wait-sync.service (start job 3, running)"},
		{"its start job has waited since the boot, and the units were reloaded", "--all",
			daily(func(t *systemd.Timer, s *systemd.Service) {
				t.ActiveState, t.SubState, t.StateChange = "inactive", "dead", ago(10*time.Second)
				t.Job = &systemd.Job{ID: 7, Type: "start", State: "waiting"}
			}), "WARNING - report.timer: not started yet: its start job 7 is waiting"},
		{"its start job has waited for less than a minute", "--all",
			daily(func(t *systemd.Timer, s *systemd.Service) {
				t.ActiveState, t.SubState, t.StateChange = "inactive", "dead", time.Time{}
				t.Job = &systemd.Job{ID: 7, Type: "start", State: "waiting",
					End: &systemd.Unit{Name: "slow.service", ActiveState: "activating",
						SubState: "start", StateChange: ago(50 * time.Second)}}
			}), "OK - report.timer: not started yet: its start job 7 is waiting; slow.service is activating (start, since 2022-02-22 16:46:10 UTC)"},
		{"will never fire again, although it counts from the boot", "",
			hourly(never, func(t *systemd.Timer, s *systemd.Service) {
				t.SubState, t.NextElapse, t.Persistent, t.LastTrigger = "elapsed", time.Time{},
					true,
					ago(60*24*time.Hour)
				t.Monotonic = []systemd.MonotonicEntry{{Base: "OnBootSec",
					Interval: time.Millisecond},
					{Base: "OnUnitActiveSec", Interval: 5 * time.Minute}}
			}), "CRITICAL - generate_vrts_aliases.timer: will never fire again: OnUnitActiveSec= or OnUnitInactiveSec= has no run to count from, and OnBootSec= was over when the timer was started (systemctl start generate_vrts_aliases.service once, or add OnActiveSec=)"},
		{"will never fire again, and each run was skipped", "",
			hourly(never, condition(time.Hour), func(t *systemd.Timer, s *systemd.Service) {
				t.SubState, t.NextElapse, t.LastTrigger = "elapsed", time.Time{}, time.Time{}
				t.Monotonic[0].Base, t.Monotonic[1].Base = "OnUnitActiveSec", "OnBootSec"
			}), "CRITICAL - generate_vrts_aliases.timer: will never fire again: OnUnitActiveSec= or OnUnitInactiveSec= has no run to count from, and OnBootSec= was over when the timer was started (add OnActiveSec=)"},
		{"elapsed, although its calendar goes on", "",
			daily(func(t *systemd.Timer, s *systemd.Service) {
				t.SubState, t.NextElapse = "elapsed", time.Time{}
			}), "CRITICAL - report.timer: will never fire again: systemd found no next elapse although OnCalendar= goes on (systemctl stop report.timer, systemctl start report.timer)"},
		{"the same with Persistent=, which keeps the last trigger", "",
			daily(func(t *systemd.Timer, s *systemd.Service) {
				t.SubState, t.NextElapse, t.Persistent = "elapsed", time.Time{}, true
			}), "CRITICAL - report.timer: will never fire again: systemd found no next elapse although OnCalendar= goes on (systemctl stop report.timer, systemctl clean --what=state report.timer, systemctl start report.timer)"},
		{"AccuracySec=infinity", "", daily(func(t *systemd.Timer, s *systemd.Service) {
			t.ActiveState, t.SubState, t.Result, t.Accuracy, t.StateChange = "failed", "failed",
				"resources", systemd.Infinity, ago(time.Hour)
		}), "CRITICAL - report.timer: the timer failed (resources): AccuracySec=infinity is more than systemd can wait for (set a finite time), since 2022-02-22 15:47:00 UTC"},
		{"finished with RemainAfterElapse=no", "--all",
			daily(func(t *systemd.Timer, s *systemd.Service) {
				t.ActiveState, t.SubState, t.RemainAfterElapse = "inactive", "dead", false
			}), "OK - report.timer: inactive: it elapsed 12h 47m ago and RemainAfterElapse=no"},
		{"finished with RemainAfterElapse=no, but named", "",
			daily(func(t *systemd.Timer, s *systemd.Service) {
				t.ActiveState, t.SubState, t.RemainAfterElapse = "inactive", "dead", false
			}), "CRITICAL - report.timer: inactive: it elapsed 12h 47m ago and RemainAfterElapse=no"},
		{"its start job is queued", "", daily(func(t *systemd.Timer, s *systemd.Service) {
			t.ActiveState, t.SubState, t.Job = "inactive", "dead",
				&systemd.Job{ID: 7, Type: "start", State: "waiting",
					Blockers: []systemd.Job{{ID: 3, Unit: "slow.service", Type: "start",
						State: "running"}}}
		}), "CRITICAL - report.timer: not started yet: its start job 7 is waiting for slow.service (start job 3, running)"},
		{"failed, service gone", "", daily(func(t *systemd.Timer, s *systemd.Service) {
			t.ActiveState, t.SubState, t.Result, s.LoadState, t.StateChange = "failed", "failed",
				"resources", "not-found", ago(time.Hour)
		}), "CRITICAL - report.timer: the timer failed (resources): report.service does not exist, since 2022-02-22 15:47:00 UTC"},
		{"failed, service masked", "--all", daily(func(t *systemd.Timer, s *systemd.Service) {
			t.ActiveState, t.SubState, t.Result, s.LoadState, t.StateChange = "failed", "failed",
				"resources", "masked", ago(time.Hour)
		}), "CRITICAL - report.timer: the timer failed (resources): report.service is masked, since 2022-02-22 15:47:00 UTC"},
		{"failed, a requirement of the service gone", "",
			daily(func(t *systemd.Timer, s *systemd.Service) {
				t.ActiveState, t.SubState, t.Result, t.StateChange = "failed", "failed",
					"resources",
					ago(time.Hour)
			}), "CRITICAL - report.timer: the timer failed (resources): systemd refused to start report.service (systemctl status report.timer shows why), since 2022-02-22 15:47:00 UTC"},
		{"will never fire again", "", hourly(never, func(t *systemd.Timer, s *systemd.Service) {
			t.SubState, t.NextElapse, t.Monotonic = "elapsed", time.Time{}, t.Monotonic[:1]
		}), "CRITICAL - generate_vrts_aliases.timer: will never fire again: OnUnitActiveSec= or OnUnitInactiveSec= has no run to count from (systemctl start generate_vrts_aliases.service once, or add OnBootSec= or OnActiveSec=)"},
		{"one-off that ran", "", daily(func(t *systemd.Timer, s *systemd.Service) {
			t.SubState, t.NextElapse, t.Calendar = "elapsed", time.Time{},
				[]string{"2022-02-22 04:00:00"}
		}), "OK - report.timer: the last run of report.service ended 12h 42m ago after 5m, nothing more is scheduled"},
		{"one-off that failed", "",
			daily(failed("exit-code", 1, 2), func(t *systemd.Timer, s *systemd.Service) {
				t.SubState, t.NextElapse, t.Calendar = "elapsed", time.Time{},
					[]string{"2022-02-22 04:00:00"}
			}), "CRITICAL - report.service failed 12h 42m ago: exit status 2"},
		{"one-off in the past, never triggered", "",
			daily(never, func(t *systemd.Timer, s *systemd.Service) {
				t.SubState, t.NextElapse, t.Calendar = "elapsed", time.Time{},
					[]string{"2020-01-01 00:00:00"}
			}), "WARNING - report.timer: its time passed without a run, and nothing more is scheduled"},
		{"the clock was wrong once", "",
			daily(func(t *systemd.Timer,
				s *systemd.Service) {
				t.NextElapse = now.Add(16 * 365 * 24 * time.Hour)
			}),
			"CRITICAL - report.timer: waits until 2038-02-18 16:47:00 UTC although its schedule says 2022-02-23 04:00:00 UTC: the clock was wrong once (systemctl restart report.timer, twice if need be)"},
		{"a day of daylight saving is no wrong clock", "",
			daily(func(t *systemd.Timer,
				s *systemd.Service) {
				t.NextElapse = now.Add(37 * time.Hour)
			}),
			"OK - report.timer: the last run of report.service ended 12h 42m ago after 5m, the next is in 1d 13h"},
		{"DeferReactivation=, and the clock was set back by hours during the run", "",
			daily(func(t *systemd.Timer, s *systemd.Service) {
				t.DeferReactivation, t.NextElapse = true, now.Add(59*time.Hour+13*time.Minute)
				t.Calendar = []string{"*-*-23,25 04:00:00"} // the 23rd came, and comes again
				s.InactiveEnterWall = now.Add(12 * time.Hour)
			}), "OK - report.timer: the last run of report.service ended 12h 42m ago after 5m, the next is in 2d 11h"},
		{"DeferReactivation=, and the clock was a year ahead during the run", "",
			daily(func(t *systemd.Timer, s *systemd.Service) {
				t.DeferReactivation, t.NextElapse = true, now.Add(365*24*time.Hour)
				s.InactiveEnterWall = now.Add(365*24*time.Hour - time.Hour)
			}), "CRITICAL - report.timer: waits until 2023-02-22 16:47:00 UTC although its schedule says 2022-02-23 04:00:00 UTC: the clock was wrong once (systemctl restart report.timer, twice if need be)"},
		{"timer waits for a service that does not run", "",
			hourly(func(t *systemd.Timer, s *systemd.Service) {
				t.SubState, t.NextElapse, t.StateChange = "running", time.Time{},
					ago(22*time.Minute)
			}), "CRITICAL - generate_vrts_aliases.timer: the timer waits for generate_vrts_aliases.service, which is inactive and has no job queued, since 2022-02-22 16:27:00 UTC (systemctl restart generate_vrts_aliases.timer)"},
		{"it has waited for less than a minute", "",
			hourly(func(t *systemd.Timer, s *systemd.Service) {
				t.SubState, t.NextElapse, s.InactiveEnter = "running", time.Time{},
					ago(30*time.Second)
				t.StateChange = ago(time.Minute)
			}), "OK - generate_vrts_aliases.timer: the timer waits for generate_vrts_aliases.service, which is inactive and has no job queued, since 2022-02-22 16:46:30 UTC (systemctl restart generate_vrts_aliases.timer)"},
	})
}

// Missed runs, and the age of the last one.
func TestMissed(t *testing.T) {
	judges(t, []row{
		{"missed without a reason", "", daily(func(t *systemd.Timer, s *systemd.Service) {
			s.InactiveExit, s.InactiveEnter, t.LastTrigger = ago(84*time.Hour+47*time.Minute),
				ago(84*time.Hour), ago(84*time.Hour+47*time.Minute)
		}), "CRITICAL - report.timer: 3 scheduled runs missed, the first was due at 2022-02-20 04:00:00 UTC; the last run of report.service ended 3d 12h ago after 47m"},
		{"one missed", "", daily(func(t *systemd.Timer, s *systemd.Service) {
			s.InactiveExit, s.InactiveEnter, t.LastTrigger = ago(36*time.Hour+47*time.Minute),
				ago(36*time.Hour), ago(36*time.Hour+47*time.Minute)
		}), "WARNING - report.timer: 1 scheduled run missed, the first was due at 2022-02-22 04:00:00 UTC; the last run of report.service ended 1d 12h ago after 47m"},
		{"the largest count of several entries", "",
			daily(func(t *systemd.Timer, s *systemd.Service) {
				t.Calendar = []string{"*-*-* 04:00:00", "*-*-* 10,12,14:00:00"}
			}), "CRITICAL - report.timer: 3 scheduled runs missed, the first was due at 2022-02-22 10:00:00 UTC; the last run of report.service ended 12h 42m ago after 5m"},
		{"age", "-w=1d -c=2d", daily(func(t *systemd.Timer, s *systemd.Service) {
			s.InactiveExit, s.InactiveEnter = ago(31*time.Hour), ago(30*time.Hour)
			t.LastTrigger = ago(31 * time.Hour)
			t.Calendar[0] = "weekly"
		}), "WARNING - report.timer: the last completed run of report.service ended 1d 6h ago (the limit is 1d)"},
		{"age while a run is in progress", "-c=2h",
			daily(running("activating", "start", 3*time.Hour)),
			"CRITICAL - report.timer: the last completed run of report.service ended 4h ago (the limit is 2h)"},
		// systemd issue 21166
		{"age, only the stamp from before the boot known", "-c=2d",
			daily(never, func(t *systemd.Timer, s *systemd.Service) {
				t.ActiveEnter, t.LastTrigger, t.Persistent, t.RandomizedDelay = ago(time.Minute),
					ago(9*24*time.Hour), true, 12*time.Hour
			}), "CRITICAL - report.timer: the last known run of report.service was triggered 9d ago (the limit is 2d)"},
		{"age, no run known", "-c=2d",
			daily(never, func(t *systemd.Timer, s *systemd.Service) { t.Calendar[0] = "yearly" }),
			"CRITICAL - report.service has completed no run since the timer was started 29d ago (the limit is 2d)"},
	})
}

func TestScheduleNotUnderstood(t *testing.T) {
	_, got := judgement(t, "",
		daily(func(t *systemd.Timer, s *systemd.Service) { t.Calendar = []string{"tomorrowish"} }))
	want := "UNKNOWN - report.timer: the schedule is not understood: OnCalendar=tomorrowish: "
	if !strings.HasPrefix(got, want) {
		t.Errorf("judge() = %s; want %s...", got, want)
	}
	document.CompareRows(t, page, t.Name(),
		map[string]string{"a schedule that does not parse": got})
}
