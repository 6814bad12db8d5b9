package main

import (
	"strings"
	"testing"
	"time"

	"mailfresh/internal/systemd"
)

// Where the night of a clock change begins at midnight, systemd's search for the next elapse of a
// step of hours does not end (systemd-analyze of 252, 257 and 262: "Infinite loop"). The timer's
// other entry fires a day and a half later.
func TestSearchThatDoesNotEnd(t *testing.T) {
	zone, err := time.LoadLocation("America/Santiago")
	if err != nil {
		t.Fatal(err)
	}
	last := time.Date(2025, 9, 6, 18, 41, 55, 0, zone)
	at := time.Date(2025, 9, 7, 3, 21, 19, 0, zone)
	p := daily(func(t *systemd.Timer, s *systemd.Service) {
		t.Calendar, t.LastTrigger = []string{"*-*-* 00/6:30:00"}, last
		t.ActiveEnter, t.NextElapse = last.Add(-time.Hour), last.Add(42*time.Hour)
		t.Monotonic = []systemd.MonotonicEntry{{Base: "OnUnitActiveSec", Interval: 42 * time.Hour}}
		s.InactiveExit, s.InactiveEnter = last, last.Add(time.Second)
	})
	h := host
	h.Zone = zone
	r := judge(optionsFor(t, ""), facts{host: h, timers: []systemd.Pair{p}}, at)
	want := "waits until 2025-09-08 16:41:55 UTC although its schedule says 2025-09-07 09:30:00 UTC: " +
		"systemd found no next elapse of OnCalendar= (systemctl stop report.timer, "
	if !strings.Contains(r.Summary, want) {
		t.Errorf("judge() = %v - %s; want %s", r.State, r.Summary, want)
	}
}

// A trigger after the timer's activation stays one when the clock was set since, so that by the
// wall clock it lies before the activation: the skipped run is not demanded again.
func TestTriggerByTheMonotonicClock(t *testing.T) {
	timer := daily().Timer
	timer.ActiveEnterMonotonic, timer.LastTriggerMonotonic = time.Hour, 2*time.Hour
	timer.ActiveEnter = timer.LastTrigger.Add(9 * time.Hour)
	if got := trigger(timer); !got.Equal(timer.LastTrigger) {
		t.Errorf("trigger() = %v; want %v", got, timer.LastTrigger)
	}
	timer.LastTriggerMonotonic = time.Minute
	if got := trigger(timer); !got.IsZero() {
		t.Errorf("trigger() of one before the activation = %v; want none", got)
	}
}

// The clock was set back by an hour during a run: systemd counts from what it showed at the trigger
// and the elapse that comes a second time was served.
func TestClockSetBackDuringRun(t *testing.T) {
	p := daily(func(t *systemd.Timer, s *systemd.Service) {
		t.Calendar = []string{"*-*-1,22 17:00:00"}
		t.LastTrigger, t.LastTriggerWall = ago(10*time.Minute), now.Add(13*time.Minute)
		t.NextElapse = time.Date(2022, 3, 1, 17, 0, 0, 0, time.UTC)
		s.InactiveExit, s.InactiveEnter = ago(10*time.Minute), ago(time.Minute)
	})
	if r, got := judgement(t, "", p); r.State != 0 {
		t.Errorf("judge() = %s; want OK", got)
	}
}

// The clock was set while the host was suspended, so that the last trigger and a run by hand are in
// one order by it and in the other by CLOCK_MONOTONIC. The timer counts from the later one by the
// latter: from the trigger, which a condition skipped, or from the run.
func TestTriggerAndRunByTheMonotonicClock(t *testing.T) {
	h := host
	h.Asleep, h.MonotonicZero = 50*time.Hour, ago(86*time.Hour)
	for _, row := range []struct {
		triggered, ran         time.Time
		triggeredMono, ranMono time.Duration
	}{
		{ago(54 * time.Hour), ago(22 * time.Hour), 82 * time.Hour, 64 * time.Hour},
		{ago(22 * time.Hour), ago(54 * time.Hour), 64 * time.Hour, 82 * time.Hour},
	} {
		p := daily(func(t *systemd.Timer, s *systemd.Service) {
			t.Calendar = nil
			t.Monotonic = []systemd.MonotonicEntry{
				{Base: "OnUnitInactiveSec", Interval: 9 * time.Hour}}
			t.ActiveEnter, t.ActiveEnterMonotonic = ago(86*time.Hour), 10*time.Second
			t.LastTrigger, t.LastTriggerMonotonic = row.triggered, row.triggeredMono
			t.NextElapse = now.Add(5 * time.Hour)
			s.InactiveExit, s.InactiveExitMonotonic = row.ran, row.ranMono
			s.InactiveEnter = row.ran.Add(time.Second)
			s.InactiveEnterMonotonic = row.ranMono + time.Second
			s.ConditionResult, s.ConditionTime = false, row.triggered
		})
		f := facts{host: h, timers: []systemd.Pair{p}, whole: true}
		if r := judge(optionsFor(t, "--all"), f, now); r.State != 0 {
			t.Errorf("judge() = %s; want OK", r.Summary)
		}
	}
}
