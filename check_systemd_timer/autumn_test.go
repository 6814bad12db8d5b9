package main

import (
	"strings"
	"testing"
	"time"

	"mailfresh/internal/systemd"
)

// In the doubled hour of the autumn night systemd demands nothing of a minutely timer (its issue
// 8647), on every release: 02:59 summer time is followed by 03:00 winter time, an hour and a minute
// later. Nothing is missed in that hour; what is missed after it is.
func TestAutumnNight(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	last := time.Date(2022, 10, 30, 0, 59, 0, 0, time.UTC) // 02:59 summer time
	over := time.Date(2022, 10, 30, 2, 0, 0, 0, time.UTC)  // 03:00 winter time
	p := daily(func(t *systemd.Timer, s *systemd.Service) {
		t.Calendar, t.Accuracy = []string{"*-*-* *:*:00"}, time.Second
		t.LastTrigger, t.NextElapse = last, over
		s.InactiveExit, s.InactiveEnter = last, last.Add(time.Second)
		s.ExecMainStart, s.ExecMainExit, s.ConditionTime = last, last.Add(time.Second), last
	})
	h := host
	h.Zone = berlin
	for _, test := range []struct {
		at   time.Time
		want string
	}{
		{last.Add(30 * time.Second), "OK - report.timer: the last run of report.service ended 29 s ago"},
		{last.Add(10 * time.Minute), "OK - report.timer: the last run of report.service ended 9m 59s ago"},
		{over.Add(-time.Second), "OK - report.timer: the last run of report.service ended 1h ago"},
		{over.Add(10 * time.Second), "WARNING - report.timer: 1 scheduled run missed, the first was " +
			"due at 2022-10-30 02:00:00 UTC"},
		{over.Add(70 * time.Second), "CRITICAL - report.timer: 2 scheduled runs missed"},
	} {
		r := judge(optionsFor(t, ""), facts{host: h, timers: []systemd.Pair{p}}, test.at)
		if got := r.State.String() + " - " + r.Summary; !strings.HasPrefix(got, test.want) {
			t.Errorf("at %v: judge() = %s; want %s", test.at, got, test.want)
		}
	}
}

// An entry's own zone counts, not the host's. No zone file is read: not every machine has them.
func TestEntryZone(t *testing.T) {
	newYork, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	h := host
	h.Zone = newYork
	const missed = "WARNING - report.timer: 1 scheduled run missed, the first was due at "
	for spec, want := range map[string]string{
		"*-*-* 09:00:00 UTC": missed + "2022-02-22 09:00:00 UTC",
		"*-*-* 04:00:00 EST": missed + "2022-02-22 09:00:00 UTC",
		"*-*-* 09:00:00":     missed + "2022-02-22 14:00:00 UTC",
	} {
		p := daily(func(t *systemd.Timer, s *systemd.Service) { t.Calendar = []string{spec} })
		r := judge(optionsFor(t, ""), facts{host: h, timers: []systemd.Pair{p}}, now)
		if got := r.State.String() + " - " + r.Summary; !strings.HasPrefix(got, want) {
			t.Errorf("%s: judge() = %s; want %s", spec, got, want)
		}
	}
}
