package schedule

import (
	"os"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the local zones of the tests, on a machine that has none

	"mailfresh/internal/systemd"
)

var (
	now  = time.Date(2022, 2, 22, 16, 47, 0, 0, time.UTC)
	host = systemd.Host{Boot: ago(100 * time.Hour), ManagerStart: ago(99 * time.Hour),
		Zone: time.UTC}
)

func ago(d time.Duration) time.Time { return now.Add(-d) }

func every(base string, interval time.Duration) systemd.MonotonicEntry {
	return systemd.MonotonicEntry{Base: base, Interval: interval}
}

func TestElapses(t *testing.T) {
	const h = time.Hour
	for _, test := range []struct {
		name  string
		timer systemd.Timer
		base  Base
		want  Demand
	}{
		{"no entry", systemd.Timer{}, From(ago(9*h), 0), Demand{}},
		{"daily, not yet", systemd.Timer{Calendar: []string{"daily"}}, From(ago(16*h), 0),
			Demand{}},
		{"daily, three", systemd.Timer{Calendar: []string{"daily"}}, From(ago(70*h), 0),
			Demand{3, time.Date(2022, 2, 20, 0, 0, 0, 0, time.UTC)}},
		{"an elapse at the base does not count", systemd.Timer{Calendar: []string{"daily"}},
			From(time.Date(2022, 2, 22, 0, 0, 0, 0, time.UTC), 0), Demand{}},
		{"an elapse at the end counts", systemd.Timer{Calendar: []string{"16:47"}}, From(ago(h), 0),
			Demand{1, now}},
		{"impossible date", systemd.Timer{Calendar: []string{"*-04-31"}}, From(ago(70000*h), 0),
			Demand{}},
		{"every second for a year is bounded", systemd.Timer{Calendar: []string{"*:*:*"}},
			From(ago(8766*h), 0), Demand{10_000, ago(8766*h - time.Second)}},
		{"OnUnitActiveSec",
			systemd.Timer{Monotonic: []systemd.MonotonicEntry{every("OnUnitActiveSec", h)}},
			Base{Since: ago(5 * h), UnitActive: ago(150 * time.Minute)},
			Demand{2, ago(90 * time.Minute)}},
		{"OnUnitActiveSec without a base",
			systemd.Timer{Monotonic: []systemd.MonotonicEntry{every("OnUnitActiveSec", h)}},
			Base{Since: ago(5 * h)}, Demand{}},
		{"OnUnitInactiveSec",
			systemd.Timer{Monotonic: []systemd.MonotonicEntry{every("OnUnitInactiveSec", h)}},
			Base{UnitInactive: ago(h)}, Demand{1, now}},
		{"OnUnitInactiveSec waits for the job",
			systemd.Timer{Monotonic: []systemd.MonotonicEntry{every("OnUnitInactiveSec", h)}},
			From(ago(6*h), 30*time.Minute), Demand{4, ago(270 * time.Minute)}},
		{"OnUnitInactiveSec=0",
			systemd.Timer{Monotonic: []systemd.MonotonicEntry{every("OnUnitInactiveSec", 0)}},
			From(ago(6*h), 0), Demand{}},
		{"OnBootSec", active(ago(99*h), every("OnBootSec", 98*h)), From(ago(50*h), 0),
			Demand{1, ago(2 * h)}},
		{"OnBootSec before the base", active(ago(99*h), every("OnBootSec", 2*h)),
			From(ago(50*h), 0), Demand{}},
		{"OnBootSec ahead", active(ago(99*h), every("OnBootSec", 101*h)), From(ago(50*h), 0),
			Demand{}},
		{"OnBootSec in the past at activation", active(ago(10*h), every("OnBootSec", 2*h)),
			From(ago(50*h), 0), Demand{1, ago(10 * h)}},
		{"OnBootSec that was over before a restart of the timer",
			stopped(ago(9*h), ago(10*h), every("OnBootSec", 2*h)), From(ago(50*h), 0), Demand{}},
		{"OnBootSec that was ahead when the timer was stopped",
			stopped(ago(9*h), ago(99*h), every("OnBootSec", 2*h)), From(ago(98*h), 0),
			Demand{1, ago(9 * h)}},
		{"OnBootSec of a timer that had triggered before",
			systemd.Timer{Unit: systemd.Unit{ActiveEnter: ago(10 * h)}, LastTrigger: ago(200 * h),
				Monotonic: []systemd.MonotonicEntry{every("OnBootSec", 2*h)}}, From(ago(10*h), 0),
			Demand{}},
		// systemd 257: after a boot the clock was set back to before the stamp of
		// Persistent=; the entry came with a daemon-reload, when it was over.
		{"OnBootSec of a timer with a stamp from before the boot",
			systemd.Timer{Unit: systemd.Unit{SubState: "waiting", ActiveEnter: ago(2 * h),
				ActiveEnterMonotonic: time.Minute}, Persistent: true, LastTrigger: ago(h),
				NextElapse: now.Add(h),
				Monotonic:  []systemd.MonotonicEntry{every("OnBootSec", 98*h+h/2)}},
			From(ago(2*h), 0),
			Demand{}},
		{"RandomizedOffsetSec, not due",
			shifted(-now.Sub(time.Date(2022, 2, 23, 3, 0, 0, 0, time.UTC)), 4*h, "daily"),
			From(ago(13*h), 0), Demand{}},
		{"RandomizedOffsetSec, due by it",
			shifted(-now.Sub(time.Date(2022, 2, 23, 3, 0, 0, 0, time.UTC)), 4*h, "daily"),
			From(ago(14*h), 0), Demand{1, time.Date(2022, 2, 22, 3, 0, 0, 0, time.UTC)}},
		{"RandomizedOffsetSec, and no next elapse",
			systemd.Timer{RandomizedOffset: 17 * h, Calendar: []string{"daily"}},
			From(ago(17*h), 0), Demand{}},
		{"OnStartupSec", active(ago(99*h), every("OnStartupSec", 98*h)), From(ago(50*h), 0),
			Demand{1, ago(h)}},
		{"OnActiveSec", active(ago(3*h), every("OnActiveSec", h)), From(ago(3*h), 0),
			Demand{1, ago(2 * h)}},
		{"OnActiveSec, the run seems to begin before it", active(ago(3*h), every("OnActiveSec", h)),
			From(ago(2*h+50*time.Millisecond), 0), Demand{}},
		{"OnActiveSec, soon and in vain", active(ago(3*h), every("OnActiveSec", time.Second)),
			From(ago(3*h), 0), Demand{1, ago(3*h - time.Second)}},
		{"OnActiveSec of a timer that is not active",
			systemd.Timer{Monotonic: []systemd.MonotonicEntry{every("OnActiveSec", h)}},
			From(ago(3*h), 0), Demand{}},
		{"the largest count", systemd.Timer{Calendar: []string{"daily", "hourly"},
			Monotonic: []systemd.MonotonicEntry{every("OnUnitActiveSec", 3*h)}}, From(ago(7*h), 0),
			Demand{7, time.Date(2022, 2, 22, 10, 0, 0, 0, time.UTC)}},
		{"of equal counts the earliest",
			systemd.Timer{Calendar: []string{"16:00", "15:30", "16:30"}}, From(ago(7*h), 0),
			Demand{1, time.Date(2022, 2, 22, 15, 30, 0, 0, time.UTC)}},
		{"an entry this version does not know", active(ago(9*h), every("OnMoonSec", h)),
			From(ago(7*h), 0), Demand{}},
	} {
		got, err := Elapses(test.timer, host, test.base, now)
		if err != nil || got != test.want {
			t.Errorf("%s: Elapses = %v, %v; want %v", test.name, got, err, test.want)
		}
	}
	if d, err := Elapses(systemd.Timer{Calendar: []string{"never"}}, host, From(now, 0),
		now); err == nil {
		t.Errorf("Elapses of a broken schedule = %v; want an error", d)
	}
}

// An entry that a daemon-reload added when its elapse was over, and instants that are not known.
func TestElapsesOfOneEntry(t *testing.T) {
	const h = time.Hour
	reloaded := func(entry systemd.MonotonicEntry) systemd.Timer {
		timer := active(ago(9*h), entry)
		timer.SubState, timer.NextElapse, timer.LastTrigger = "waiting", now.Add(h), ago(8*h)
		return timer
	}
	container := systemd.Host{Boot: ago(10 * h), ManagerStart: ago(10 * h),
		ManagerStartMonotonic: 90 * h, MonotonicZero: ago(95 * h), Asleep: h, Zone: time.UTC}
	unknown := systemd.Host{Zone: time.UTC}
	for _, test := range []struct {
		name  string
		timer systemd.Timer
		host  systemd.Host
		want  Demand
	}{
		{"OnActiveSec", reloaded(every("OnActiveSec", 7*h)), host, Demand{}},
		{"OnBootSec", reloaded(every("OnBootSec", 98*h)), host, Demand{}},
		{"OnActiveSec that was ahead", reloaded(every("OnActiveSec", h/2)), host,
			Demand{1, ago(8*h + h/2)}},
		{"OnBootSec, no boot", active(ago(9*h), every("OnBootSec", 8*h)), unknown, Demand{}},
		{"OnStartupSec, no start", active(ago(9*h), every("OnStartupSec", 8*h)), unknown, Demand{}},
		{"OnBootSec in a container", active(ago(9*h), every("OnBootSec", 4*h)), container,
			Demand{1, ago(h)}},
	} {
		got, err := Elapses(test.timer, test.host, From(ago(9*h), 0), now)
		if err != nil || got != test.want {
			t.Errorf("%s: Elapses = %v, %v; want %v", test.name, got, err, test.want)
		}
	}
}

// stopped is a timer that was started again.
func stopped(since, before time.Time, entries ...systemd.MonotonicEntry) systemd.Timer {
	t := active(since, entries...)
	t.InactiveEnter = before
	return t
}

// shifted is a timer with a RandomizedOffsetSec= of at most that, which elapses next after d.
func shifted(d, most time.Duration, spec string) systemd.Timer {
	return systemd.Timer{RandomizedOffset: most, NextElapse: now.Add(d), Calendar: []string{spec}}
}

// A suspended host: monotonic entries count the time that it was awake.
func TestElapsesAsleep(t *testing.T) {
	const h = time.Hour
	slept := systemd.Host{Boot: ago(10 * h), ManagerStart: ago(10 * h), MonotonicZero: ago(2 * h),
		Asleep: 8 * h, Zone: time.UTC}
	timer := active(ago(10*h), every("OnUnitActiveSec", 30*time.Minute), every("OnBootSec", 3*h))
	timer.Calendar = []string{"16:00"}
	for _, test := range []struct {
		name string
		base Base
		want Demand
	}{
		{"awake for 15 minutes since", Base{Since: ago(9 * h), Awake: ago(15 * time.Minute),
			UnitActive: ago(15 * time.Minute)}, Demand{1, ago(47 * time.Minute)}},
		{"awake for 70 minutes since", Base{Since: ago(9 * h), Awake: ago(70 * time.Minute),
			UnitActive: ago(70 * time.Minute)}, Demand{2, ago(40 * time.Minute)}},
		{"it may have slept since", From(ago(9*h), 0), Demand{2, ago(30 * time.Minute)}},
	} {
		if got, err := Elapses(timer, slept, test.base, now); err != nil || got != test.want {
			t.Errorf("%s: Elapses = %v, %v; want %v", test.name, got, err, test.want)
		}
	}
	if got := Awake(slept, ago(9*h), h); !got.Equal(ago(h)) {
		t.Errorf("Awake = %v; want %v", got, ago(h))
	}
}

func active(since time.Time, entries ...systemd.MonotonicEntry) systemd.Timer {
	return systemd.Timer{Unit: systemd.Unit{ActiveEnter: since}, Monotonic: entries}
}

// The zone is the entry's own or the host's, also over a change of the clocks.
func TestElapsesInZone(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	h := systemd.Host{Zone: berlin}
	since, until := time.Date(2022, 3, 26, 12, 0, 0, 0, time.UTC),
		time.Date(2022, 3, 28, 12, 0, 0, 0, time.UTC)
	for spec, want := range map[string]time.Time{
		// CEST began that night
		"*-*-* 04:00:00":                  time.Date(2022, 3, 27, 2, 0, 0, 0, time.UTC),
		"*-*-* 04:00:00 UTC":              time.Date(2022, 3, 27, 4, 0, 0, 0, time.UTC),
		"*-*-* 04:00:00 America/New_York": time.Date(2022, 3, 27, 8, 0, 0, 0, time.UTC),
	} {
		got, err := Elapses(systemd.Timer{Calendar: []string{spec}}, h, From(since, 0), until)
		if _, lacks := os.Stat("/usr/share/zoneinfo/America/New_York"); lacks != nil &&
			strings.HasSuffix(spec, "/New_York") {
			if err == nil { // systemd refuses it here, too
				t.Errorf("Elapses(%q) = %v without the zone's file; want an error", spec, got)
			}
			continue
		}
		if err != nil || got.Count != 2 || !got.First.Equal(want) {
			t.Errorf("Elapses(%q) = %v, %v; want 2, first at %v", spec, got, err, want)
		}
	}
}

func TestSlack(t *testing.T) {
	got := Slack(systemd.Timer{Accuracy: time.Minute, RandomizedDelay: time.Hour})
	if want := time.Hour + time.Minute + 5*time.Second; got != want {
		t.Errorf("Slack = %v; want %v", got, want)
	}
	if got := Slack(systemd.Timer{Accuracy: systemd.Infinity,
		RandomizedDelay: systemd.Infinity}); got < 0 {
		t.Errorf("Slack of infinity = %v; want more than nothing", got)
	}
}

func TestRecurs(t *testing.T) {
	for _, test := range []struct {
		name  string
		timer systemd.Timer
		want  bool
	}{
		{"one-off in the past", systemd.Timer{Calendar: []string{"2020-01-01"}}, false},
		{"one-off ahead", systemd.Timer{Calendar: []string{"2023-01-01"}}, true},
		{"daily", systemd.Timer{Calendar: []string{"2020-01-01", "daily"}}, true},
		{"OnBootSec", systemd.Timer{Monotonic: []systemd.MonotonicEntry{every("OnBootSec", 1)}},
			false},
		{"OnUnitActiveSec",
			systemd.Timer{Monotonic: []systemd.MonotonicEntry{every("OnUnitActiveSec", 1)}}, true},
		{"OnUnitInactiveSec",
			systemd.Timer{Monotonic: []systemd.MonotonicEntry{every("OnUnitInactiveSec", 1)}},
			true},
	} {
		if got := Recurs(test.timer, host, now); got != test.want {
			t.Errorf("%s: Recurs = %t; want %t", test.name, got, test.want)
		}
	}
}
