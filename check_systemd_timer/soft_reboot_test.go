package main

import (
	"slices"
	"testing"
	"time"

	"mailfresh/internal/journal"
	"mailfresh/internal/systemd"
)

// softRebooted gives a pair of which the last run ended 2 s before the manager's start of a
// soft-reboot, as systemd 257 and 262 have it.
func softRebooted(p systemd.Pair) (systemd.Pair, systemd.Host) {
	h := host
	h.ManagerStart, h.ManagerStartMonotonic = p.Service.InactiveEnter.Add(2*time.Second), time.Hour
	p.Service.InactiveEnterMonotonic = h.ManagerStartMonotonic - 2*time.Second
	p.Service.ExecMainCode, p.Service.ExecMainStatus = 2, 15
	return p, h
}

// A run that a soft-reboot killed is said to be so, whatever systemd made of it.
func TestSoftReboot(t *testing.T) {
	ignored := func(t *systemd.Timer, s *systemd.Service) { s.Commands[0].IgnoreFailure = true }
	simple := func(t *systemd.Timer, s *systemd.Service) { s.Type = "simple" }
	long := func(h systemd.Host) systemd.Host { // it began long after the run had ended
		h.ManagerStartMonotonic += time.Hour
		return h
	}
	same := func(h systemd.Host) systemd.Host { return h }
	for _, test := range []struct {
		name string
		pair systemd.Pair
		host func(systemd.Host) systemd.Host
		want string
		note bool
	}{
		{"failed", daily(failed("signal", 2, 15)), same,
			"report.service failed 12h 42m ago: SIGTERM (a soft-reboot of the host ended it)", false},
		{"ignored", daily(ignored), same, "report.service ended 12h 42m ago with SIGTERM, which " +
			"ExecStart=- ignores: systemd calls it a success (a soft-reboot of the host ended it)", false},
		{"a service that may be stopped", daily(simple), same,
			"report.timer: the last run of report.service ended 12h 42m ago after 5m, the next is in 11h 13m",
			true},
		{"killed long before", daily(failed("signal", 2, 15)), long,
			"report.service failed 12h 42m ago: SIGTERM", false},
	} {
		p, h := softRebooted(test.pair)
		p.Service.StateChange = p.Service.InactiveEnter
		f := facts{host: test.host(h), timers: []systemd.Pair{p}}
		r := judge(optionsFor(t, ""), f, now)
		if r.Summary != test.want {
			t.Errorf("%s: judge() = %s; want %s", test.name, r.Summary, test.want)
		}
		note := "note: a soft-reboot of the host ended the last run"
		if got := slices.Contains(r.Objects[0].Notes, note); got != test.note {
			t.Errorf("%s: notes %q; want the note: %t", test.name, r.Objects[0].Notes, test.note)
		}
	}
}

// The same where the next run is in progress, and the journal has the one before.
func TestSoftRebootBeforeThisRun(t *testing.T) {
	p, h := softRebooted(daily(running("activating", "start", time.Minute)))
	p.Service.ExecMainCode, p.Service.ExecMainStatus = 0, 0
	end := p.Service.InactiveEnter
	f := facts{host: h, timers: []systemd.Pair{p}, before: map[string]*before{"report.timer": {
		runs: journal.Runs{List: []journal.Run{{End: end, Result: "signal", Command: "ExecStart",
			ExitCode: "killed", ExitStatus: 15}}},
	}}}
	r := judge(optionsFor(t, ""), f, now)
	want := "report.service failed 1h 1m ago: SIGTERM (a soft-reboot of the host ended it); " +
		"the next attempt has been running for 1m"
	if r.Objects[0].Text != want {
		t.Errorf("judge() = %s; want %s", r.Objects[0].Text, want)
	}
}
