package main

import (
	"strings"
	"testing"
	"time"

	"mailfresh/internal/document"
	"mailfresh/internal/nagios"
	"mailfresh/internal/systemd"
)

// All cases happen at the time of the incident.
var now = time.Date(2022, 2, 22, 16, 47, 0, 0, time.UTC)

func ago(d time.Duration) time.Time { return now.Add(-d) }

var host = systemd.Host{Boot: ago(30 * 24 * time.Hour), ManagerStart: ago(30 * 24 * time.Hour),
	Zone: time.UTC}

// daily is a healthy pair: due at 04:00 each day, ran today, not running.
func daily(change ...func(t *systemd.Timer, s *systemd.Service)) systemd.Pair {
	p := systemd.Pair{
		Asked: []string{"report.timer"},
		Timer: systemd.Timer{
			Unit: systemd.Unit{
				Name: "report.timer", LoadState: "loaded", ActiveState: "active",
				SubState: "waiting", UnitFileState: "enabled",
				ActiveEnter: ago(29 * 24 * time.Hour), StateChange: ago(12 * time.Hour),
			},
			Triggers: "report.service", Calendar: []string{"*-*-* 04:00:00"}, Accuracy: time.Minute,
			RemainAfterElapse: true,
			LastTrigger:       ago(12*time.Hour + 47*time.Minute),
			NextElapse:        now.Add(11*time.Hour + 13*time.Minute), Result: "success",
		},
		Service: systemd.Service{
			Unit: systemd.Unit{
				Name: "report.service", LoadState: "loaded", ActiveState: "inactive",
				SubState:        "dead",
				InactiveExit:    ago(12*time.Hour + 47*time.Minute),
				InactiveEnter:   ago(12*time.Hour + 42*time.Minute),
				StateChange:     ago(12*time.Hour + 42*time.Minute),
				ConditionResult: true, ConditionTime: ago(12*time.Hour + 47*time.Minute),
				AssertResult: true, AssertTime: ago(12*time.Hour + 47*time.Minute),
			},
			IsService: true, Type: "oneshot", Result: "success",
			ExecMainStart: ago(12*time.Hour + 47*time.Minute),
			ExecMainExit:  ago(12*time.Hour + 42*time.Minute), ExecMainCode: 1,
			RuntimeMax: systemd.Infinity, TimeoutStart: systemd.Infinity,
			TimeoutStop: 90 * time.Second,
			Commands:    []systemd.Exec{{Setting: "ExecStart", Path: "/usr/local/bin/report"}},
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
		t.Name, t.Triggers, s.Name = "generate_vrts_aliases.timer", "generate_vrts_aliases.service",
			"generate_vrts_aliases.service"
		t.Calendar, t.Accuracy = nil, 15*time.Second
		t.Monotonic = []systemd.MonotonicEntry{{Base: "OnUnitInactiveSec", Interval: time.Hour},
			{Base: "OnActiveSec", Interval: time.Second}}
		t.LastTrigger, t.NextElapse = ago(22*time.Minute), now.Add(40*time.Minute)
		s.Type, s.TimeoutStart, s.Commands[0].IgnoreFailure = "simple", 90*time.Second, true
		s.InactiveExit, s.InactiveEnter, s.StateChange = ago(22*time.Minute), ago(20*time.Minute),
			ago(20*time.Minute)
		s.ExecMainStart, s.ExecMainExit, s.ConditionTime, s.AssertTime = s.InactiveExit,
			s.InactiveEnter, s.InactiveExit, s.InactiveExit
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
		s.InactiveExit, s.ExecMainStart, s.ExecMainExit, s.ExecMainCode = ago(since), ago(since),
			time.Time{}, 0
		s.InactiveEnter = ago(since + time.Hour)
		s.ConditionTime, s.AssertTime, s.StateChange = ago(since), ago(since), ago(since)
	}
}

// failed ends the last run badly.
func failed(result string, code, status int32) func(*systemd.Timer, *systemd.Service) {
	return func(t *systemd.Timer, s *systemd.Service) {
		s.ActiveState, s.SubState, s.Result, s.ExecMainCode, s.ExecMainStatus = "failed", "failed",
			result, code, status
	}
}

// notService makes the timer start a unit of another type.
func notService(name string) func(*systemd.Timer, *systemd.Service) {
	return func(t *systemd.Timer, s *systemd.Service) {
		s.IsService, s.Name, s.Type, s.ExecMainStart, s.Commands, t.Triggers = false, name, "",
			time.Time{}, nil, name
	}
}

// never is a pair of which nothing has run yet.
func never(t *systemd.Timer, s *systemd.Service) {
	t.LastTrigger = time.Time{}
	s.InactiveExit, s.InactiveEnter, s.ExecMainStart, s.ExecMainExit, s.ConditionTime,
		s.AssertTime = time.Time{}, time.Time{}, time.Time{}, time.Time{}, time.Time{}, time.Time{}
	s.ConditionResult, s.AssertResult, s.ExecMainCode = false, false, 0
}

// triggered makes the last trigger one that left no run behind.
func triggered(d time.Duration) func(*systemd.Timer, *systemd.Service) {
	return func(t *systemd.Timer, s *systemd.Service) { t.LastTrigger = ago(d) }
}

func condition(d time.Duration) func(*systemd.Timer, *systemd.Service) {
	return func(t *systemd.Timer, s *systemd.Service) {
		t.LastTrigger, s.ConditionTime, s.ConditionResult = ago(d), ago(d), false
		s.Conditions = []systemd.Condition{{Type: "ConditionUser", Param: "root", State: 1},
			{Type: "ConditionPathExists", Param: "/run/x", Negate: true, State: -1}}
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
		case "-vv":
			opt.Verbose = 2
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

// row is a case: the first line for one timer.
type row struct {
	name, args string
	pair       systemd.Pair
	want       string
}

// judges tries the rows of a test, and keeps those of them that the page shows.
func judges(t *testing.T, rows []row) {
	t.Helper()
	said := map[string]string{}
	for _, test := range rows {
		_, got := judgement(t, test.args, test.pair)
		if got != test.want {
			t.Errorf("%s: judge(%s) =\n\t%s; want\n\t%s", test.name, test.args, got, test.want)
		}
		said[strings.TrimSpace(test.name+" "+test.args)] = got
	}
	document.CompareRows(t, page, t.Name(), said)
}
