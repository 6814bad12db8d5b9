package main

import (
	"math/rand/v2"
	"testing"
	"time"

	"mailfresh/internal/calendar"
	"mailfresh/internal/nagios"
	"mailfresh/internal/plugintest/simulator"
	"mailfresh/internal/systemd"
)

// looping is a host with systemd 252, and a service that its timer starts each minute. Attempts of
// that many seconds fail, until so many have, and Restart= makes the next one a second later.
func looping(t *testing.T, attempt int64, failures int) (*simulator.Life, *int) {
	t.Helper()
	event, err := calendar.Parse("minutely", time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	h := simulator.NewHost(252, time.UTC, time.Date(2022, 2, 22, 0, 0, 3, 0, time.UTC),
		rand.New(rand.NewPCG(1, 2)))
	n := new(int)
	h.Add(&simulator.Pair{Name: "loop", Enabled: true, Files: simulator.Files{
		Timer: simulator.TimerFile{Entries: []simulator.Entry{{Base: "OnCalendar", Event: event}}},
		Service: simulator.ServiceFile{Type: "oneshot", Restart: "on-failure",
			RestartDelay: simulator.Second},
		Run: func() simulator.Run {
			if *n++; *n > failures {
				return simulator.Run{Main: 30 * simulator.Second}
			}
			return simulator.Run{Main: attempt * simulator.Second, Exit: 1}
		},
	}})
	h.Boot()
	return &simulator.Life{Host: h}, n
}

// The timer of a loop of long attempts triggers again and again, and each attempt is younger than
// the time since that: on systemd 252, who may not read the journal saw a run of a few seconds, OK,
// at most instants. Once the restarts took longer than the last trigger is ago the loop is seen at
// each.
func TestLoopOutlivesTrigger(t *testing.T) {
	l, attempts := looping(t, 40, 1<<30)
	for *attempts < 200 {
		l.Run(l.Now() + 2*simulator.Second)
		r, pairs := ask(optionsFor(t, ""), l)
		if *attempts > 65 && r.State == nagios.OK {
			t.Fatalf("attempt %d: %s\n%s", *attempts, r.Summary, describe(pairs[0], l))
		}
	}
}

// The fifth attempt, soon after the trigger, is healthy, and so is the timer from then on.
func TestHealthyAfterRestarts(t *testing.T) {
	l, attempts := looping(t, 1, 4)
	for *attempts < 20 {
		l.Run(l.Now() + 2*simulator.Second)
		r, pairs := ask(optionsFor(t, ""), l)
		s := pairs[0].Service
		ran := l.Stamp().Mono - s.InactiveExitMonotonic.Microseconds()
		settled := s.NRestarts == 0 || ran > 3*simulator.Second
		if *attempts > 4 && settled && r.State != nagios.OK {
			t.Fatalf("attempt %d: %s\n%s", *attempts, r.Summary, describe(pairs[0], l))
		}
	}
}

// Restart=always starts also what succeeded again: it did not fail.
func TestWaitsAfterSuccess(t *testing.T) {
	_, got := judgement(t, "", daily(running("activating", "auto-restart", time.Hour)))
	want := "WARNING - report.service ended and waits to be restarted, since 2022-02-22 15:47:00 UTC"
	if got != want {
		t.Errorf("judge() = %s; want %s", got, want)
	}
}

// systemd may not set an alarm where there is no clock for it, as in a container. The timer fails
// with the same result as where its service is refused.
func TestNoAlarmClock(t *testing.T) {
	_, got := judgement(t, "", daily(func(t *systemd.Timer, s *systemd.Service) {
		t.ActiveState, t.SubState, t.Result, t.WakeSystem = "failed", "failed", "resources", true
	}))
	want := "CRITICAL - report.timer: the timer failed (resources): systemd may not wake this host " +
		"(WakeSystem=yes), or refused to start report.service (systemctl status report.timer shows " +
		"why), since 2022-02-22 04:47:00 UTC"
	if got != want {
		t.Errorf("judge() = %s; want %s", got, want)
	}
}

// A trigger after the latest restart makes a loop only before systemd 254, which says no
// RestartMode=: later releases count the restarts of one run.
func TestLoopsAfterATrigger(t *testing.T) {
	for mode, want := range map[string]bool{"": true, "normal": false} {
		s := daily(running("active", "running", 50*time.Minute)).Service
		s.RestartMode = mode
		r := run{began: ago(50 * time.Minute), tried: ago(40 * time.Minute), restarts: 5,
			trigger: ago(10 * time.Minute)}
		if got := loops(&s, r, now); got != want {
			t.Errorf("loops with RestartMode=%s = %t; want %t", mode, got, want)
		}
	}
}
