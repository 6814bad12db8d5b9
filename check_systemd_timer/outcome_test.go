package main

import (
	"testing"
	"time"

	"mailfresh/internal/systemd"
)

// How the last run ended.
func TestLastRun(t *testing.T) {
	judges(t, []row{
		{"exit code", "", daily(failed("exit-code", 1, 3)),
			"CRITICAL - report.service failed 12h 42m ago: exit status 3"},
		{"203/EXEC", "--all", daily(failed("exit-code", 1, 203)),
			"CRITICAL - report.service failed 12h 42m ago: exit status 203/EXEC"},
		{"217/USER", "", daily(failed("exit-code", 1, 217)),
			"CRITICAL - report.service failed 12h 42m ago: exit status 217/USER"},
		{"signal", "", daily(failed("signal", 2, 9)),
			"CRITICAL - report.service failed 12h 42m ago: SIGKILL"},
		{"core dump", "", daily(failed("core-dump", 3, 11)),
			"CRITICAL - report.service failed 12h 42m ago: SIGSEGV (core dumped)"},
		{"timeout", "", daily(failed("timeout", 2, 15)),
			"CRITICAL - report.service failed 12h 42m ago: it ran into its time limit (result timeout)"},
		{"oom-kill", "", daily(failed("oom-kill", 2, 9)),
			"CRITICAL - report.service failed 12h 42m ago: it was killed for lack of memory (result oom-kill)"},
		{"protocol", "",
			daily(failed("protocol", 1, 0),
				func(t *systemd.Timer, s *systemd.Service) { s.Type = "notify" }),
			"CRITICAL - report.service failed 12h 42m ago: it did not keep to the protocol of Type=notify (result protocol)"},
		// ExecMainStatus is that of the last one
		{"swallowed between two commands", "", daily(func(t *systemd.Timer, s *systemd.Service) {
			s.Commands = []systemd.Exec{{Setting: "ExecStart", Path: "/bin/true", Code: 1},
				{Setting: "ExecStart", Path: "/bin/false", IgnoreFailure: true, Code: 1, Status: 1},
				{Setting: "ExecStart", Path: "/bin/true", Code: 1}}
		}), "WARNING - report.service ended 12h 42m ago with exit status 1 of /bin/false, which ExecStart=- ignores: systemd calls it a success"},
		{"start-limit-hit", "", daily(failed("start-limit-hit", 1, 1), triggered(time.Hour)),
			"CRITICAL - report.service failed 12h 42m ago: it was started too often and is refused now (result start-limit-hit; systemctl reset-failed report.service)"},
		{"resources, after good runs", "", daily(failed("resources", 0, 0), triggered(time.Hour),
			func(t *systemd.Timer, s *systemd.Service) {
				// from inactive to failed: no run, so InactiveEnter is that of the run before
				s.StateChange = ago(time.Hour)
			}), "CRITICAL - report.service failed 1h ago: systemd could not set it up (result resources)"},
		{"resources", "", daily(failed("resources", 0, 0)),
			"CRITICAL - report.service failed 12h 42m ago: systemd could not set it up (result resources)"},
		// Until systemd 257 the result of the failure stays. Then a trigger renews StateChange.
		{"start-limit-hit after failures", "", daily(failed("exit-code", 1, 3),
			triggered(time.Hour), func(t *systemd.Timer, s *systemd.Service) {
				s.StateChange = ago(time.Hour)
			}),
			"CRITICAL - report.service failed 12h 42m ago: exit status 3; it was started too often and is refused now (systemctl reset-failed report.service)"},
		{"a failed dependency after a failure", "", daily(failed("exit-code", 1, 3),
			triggered(time.Hour)),
			"CRITICAL - report.service failed 12h 42m ago: exit status 3; report.service was triggered 1h ago but did not start: a unit that it requires failed, or its start job was refused or cancelled (systemctl list-dependencies --failed report.service shows which)"},
		{"Type=forking, after a daemon-reload", "", daily(failed("exit-code", 0, 0),
			func(t *systemd.Timer, s *systemd.Service) { s.Type = "forking" }),
			"CRITICAL - report.service failed 12h 42m ago: a command failed (result exit-code)"},
		{"a mount", "", daily(failed("exit-code", 0, 0), notService("report.mount")),
			"CRITICAL - report.mount failed 12h 42m ago: result exit-code"},
		{"a mount that did not appear", "",
			daily(failed("protocol", 0, 0), notService("report.mount")),
			"CRITICAL - report.mount failed 12h 42m ago: result protocol"},
		{"a socket that cannot listen", "", daily(failed("resources", 0, 0), triggered(time.Hour),
			notService("report.socket")),
			"CRITICAL - report.socket failed 12h 42m ago: systemd could not set it up (result resources)"},
		{"failed in ExecStartPre", "", daily(failed("exit-code", 0, 0)),
			"CRITICAL - report.service failed 12h 42m ago: a command failed, but not that of ExecStart= (result exit-code)"},
		{"swallowed, though what ran before it succeeded", "",
			daily(func(t *systemd.Timer, s *systemd.Service) {
				s.Commands = []systemd.Exec{{Setting: "ExecStartPre", Path: "/bin/a", Code: 1},
					{Setting: "ExecStart", Path: "/bin/b", IgnoreFailure: true, Code: 1, Status: 5}}
			}), "WARNING - report.service ended 12h 42m ago with exit status 5, which ExecStart=- ignores: systemd calls it a success"},
		{"swallowed", "",
			hourly(func(t *systemd.Timer, s *systemd.Service) { s.ExecMainStatus = 1 }),
			"WARNING - generate_vrts_aliases.service ended 20m ago with exit status 1, which ExecStart=- ignores: systemd calls it a success"},
		{"swallowed", "--ignored-exit-state=critical",
			hourly(func(t *systemd.Timer, s *systemd.Service) { s.ExecMainStatus = 1 }),
			"CRITICAL - generate_vrts_aliases.service ended 20m ago with exit status 1, which ExecStart=- ignores: systemd calls it a success"},
		{"ignored, but declared a success", "",
			hourly(func(t *systemd.Timer, s *systemd.Service) {
				s.ExecMainStatus,
					s.SuccessStatus = 75, []int32{75}
			}),
			"OK - generate_vrts_aliases.timer: the last run of generate_vrts_aliases.service ended 20m ago after 2m, the next is in 40m"},
		{"swallowed signal", "",
			hourly(func(t *systemd.Timer, s *systemd.Service) {
				s.ExecMainCode,
					s.ExecMainStatus = 2, 9
			}),
			"WARNING - generate_vrts_aliases.service ended 20m ago with SIGKILL, which ExecStart=- ignores: systemd calls it a success"},
	})
}

// Triggers that led to no run.
func TestNoRun(t *testing.T) {
	judges(t, []row{
		{"skipped", "", daily(condition(46 * time.Minute)),
			"WARNING - report.service was skipped 46m ago: ConditionPathExists=!/run/x is not met"},
		{"skipped", "--all", daily(condition(46 * time.Minute)),
			"OK - report.service was skipped 46m ago: ConditionPathExists=!/run/x is not met"},
		{"skipped", "--skipped-state=critical", daily(condition(46 * time.Minute)),
			"CRITICAL - report.service was skipped 46m ago: ConditionPathExists=!/run/x is not met"},
		{"skipped", "--all --skipped-state=unknown", daily(condition(46 * time.Minute)),
			"UNKNOWN - report.service was skipped 46m ago: ConditionPathExists=!/run/x is not met"},
		{"skipped by one of two conditions, after a daemon-reload", "",
			daily(condition(46*time.Minute),
				func(t *systemd.Timer, s *systemd.Service) {
					s.Conditions[0].State,
						s.Conditions[1].State = 0, 0
				}),
			"WARNING - report.service was skipped 46m ago: one of its conditions is not met"},
		{"skipped for days is no missed run", "--skipped-state=ok",
			daily(condition(12*time.Hour+46*time.Minute),
				func(t *systemd.Timer, s *systemd.Service) {
					s.InactiveExit, s.InactiveEnter = ago(100*time.Hour), ago(99*time.Hour)
				}), "OK - report.service was skipped 12h 46m ago: ConditionPathExists=!/run/x is not met"},
		{"skipped by a condition behind one that was not checked", "",
			daily(condition(46*time.Minute),
				func(t *systemd.Timer, s *systemd.Service) { s.Conditions[0].State = 0 }),
			"WARNING - report.service was skipped 46m ago: ConditionPathExists=!/run/x is not met"},
		{"ExecCondition", "",
			daily(func(t *systemd.Timer, s *systemd.Service) { s.Result = "exec-condition" }),
			"WARNING - report.service was skipped 12h 47m ago: its ExecCondition= said no"},
		{"assertion", "",
			daily(triggered(46*time.Minute), func(t *systemd.Timer, s *systemd.Service) {
				s.AssertResult, s.AssertTime = false, ago(46*time.Minute)
				s.Asserts = []systemd.Condition{{Type: "AssertPathExists", Param: "/srv",
					State: -1}}
			}), "WARNING - report.service was triggered 46m ago but did not start: AssertPathExists=/srv failed"},
		{"dependency", "", daily(triggered(46 * time.Minute)),
			"WARNING - report.service was triggered 46m ago but did not start: a unit that it requires failed, or its start job was refused or cancelled (systemctl list-dependencies --failed report.service shows which)"},
		{"dependency for days", "", daily(triggered(12*time.Hour+46*time.Minute),
			func(t *systemd.Timer, s *systemd.Service) {
				s.InactiveExit, s.InactiveEnter = ago(60*time.Hour+47*time.Minute),
					ago(60*time.Hour)
			}), "CRITICAL - report.service was triggered 12h 46m ago but did not start: a unit that it requires failed, or its start job was refused or cancelled (systemctl list-dependencies --failed report.service shows which); 2 scheduled runs missed, the first was due at 2022-02-21 04:00:00 UTC; the last run of report.service ended 2d 12h ago after 47m"},
		{"dependency, never run, each interval counts", "",
			hourly(never, triggered(10*time.Minute),
				func(t *systemd.Timer,
					s *systemd.Service) {
					t.ActiveEnter = ago(190 * time.Minute)
				}),
			"CRITICAL - generate_vrts_aliases.service was triggered 10m ago but did not start: a unit that it requires failed, or its start job was refused or cancelled (systemctl list-dependencies --failed generate_vrts_aliases.service shows which); 3 scheduled runs missed, the first was due at 2022-02-22 14:37:00 UTC; no run is known"},
	})
}

// A trigger in vain names the service that cannot be started.
func TestTriggeredMasked(t *testing.T) {
	p := daily(triggered(46*time.Minute),
		func(t *systemd.Timer, s *systemd.Service) { s.LoadState = "masked" })
	want := "WARNING - report.service was triggered 46m ago but did not start: report.service is masked"
	if _, got := judgement(t, "", p); got != want {
		t.Errorf("judge() = %s; want %s", got, want)
	}
}

// An exit status has eight bits; a larger number has no name.
func TestExitTextOfNoStatus(t *testing.T) {
	for status, want := range map[int32]string{
		203: "exit status 203/EXEC", 3: "exit status 3", 255: "exit status 255",
		203 + 256: "exit status 459", -53: "exit status -53",
	} {
		if got := exitText(1, status); got != want {
			t.Errorf("exitText(1, %d) = %s; want %s", status, got, want)
		}
	}
}
