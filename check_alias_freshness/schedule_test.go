package main

import (
	"strings"
	"testing"
	"time"

	"mailfresh/internal/document"
	"mailfresh/internal/nagios"
	"mailfresh/internal/systemd"
)

// hourly is a timer whose job ended some time ago, after 10 minutes.
func hourly(ended time.Duration, change func(*timer)) *timer {
	t := &timer{host: systemd.Host{Zone: time.UTC}}
	t.Pair.Timer = systemd.Timer{
		Unit: systemd.Unit{Name: "x.timer", LoadState: "loaded", ActiveState: "active",
			ActiveEnter: ago(9000 * time.Hour)},
		Calendar: []string{"hourly"}, Accuracy: time.Minute,
	}
	t.Pair.Service = systemd.Service{
		Unit: systemd.Unit{Name: "x.service", LoadState: "loaded", ActiveState: "inactive",
			InactiveExit: ago(ended + 10*time.Minute), InactiveEnter: ago(ended)},
	}
	if change != nil {
		change(t)
	}
	return t
}

// now is 16:47; the elapses are on the hour.
func TestSchedule(t *testing.T) {
	running := func(t *timer) {
		t.Pair.Service.ActiveState, t.Pair.Service.InactiveExit = "activating",
			ago(47*time.Minute)
	}
	said := map[string]string{}
	for _, test := range []struct {
		name    string
		written time.Duration
		timer   *timer
		want    nagios.State
		text    string
	}{
		{"fresh", 40 * time.Minute, hourly(37*time.Minute, nil), nagios.OK,
			"was last written 40m ago"},
		{"one missed", 50 * time.Minute, hourly(37*time.Minute, nil), nagios.Warning,
			"1 update of x.timer missed, x.service finished successfully 37m ago, but the file was not updated"},
		{"two missed", 110 * time.Minute, hourly(37*time.Minute, nil), nagios.Critical,
			"2 updates of x.timer missed"},
		{"110 days", 110 * 24 * time.Hour, hourly(37*time.Minute, nil), nagios.Critical,
			"2640 updates of x.timer missed, x.service finished successfully"},
		{"swallowed", 110 * time.Minute, hourly(37*time.Minute,
			func(t *timer) {
				t.Pair.Service.ExecMainCode, t.Pair.Service.ExecMainStatus = 1,
					3
			}), nagios.Critical, "was not updated (exit status 3, ignored)$"},
		{"declared a success", 110 * time.Minute, hourly(37*time.Minute, func(t *timer) {
			t.Pair.Service.ExecMainCode, t.Pair.Service.ExecMainStatus,
				t.Pair.Service.SuccessStatus = 1, 75, []int32{75}
		}), nagios.Critical, "was not updated$"},
		{"killed", 110 * time.Minute, hourly(37*time.Minute,
			func(t *timer) {
				t.Pair.Service.ExecMainCode, t.Pair.Service.ExecMainStatus = 2,
					9
			}), nagios.Critical, "was not updated (killed by signal 9)$"},
		{"a long job", 50 * time.Minute, hourly(65*time.Minute,
			func(t *timer) { t.Pair.Service.InactiveExit = ago(120 * time.Minute) }), nagios.OK,
			""},
		{"a hang that was killed excuses nothing", 13 * time.Hour, hourly(5*time.Minute,
			func(t *timer) { t.Pair.Service.InactiveExit = ago(12 * time.Hour) }), nagios.Critical,
			"13 updates of x.timer missed"},
		{"slack", 50 * time.Minute, hourly(65*time.Minute,
			func(t *timer) { t.Pair.Timer.RandomizedDelay = 40 * time.Minute }), nagios.OK, ""},
		{"at work", 50 * time.Minute, hourly(37*time.Minute, running), nagios.OK, ""},
		{"stuck", 3 * time.Hour, hourly(37*time.Minute, running), nagios.Critical,
			"2 updates of x.timer missed, x.service has been running for 47m"},
		{"failed", 3 * time.Hour, hourly(37*time.Minute, func(t *timer) {
			t.Pair.Service.ActiveState,
				t.Pair.Service.Result = "failed", "exit-code"
		}), nagios.Critical, "x.service failed (exit-code)"},
		{"not since", 3 * time.Hour, hourly(3*time.Hour+time.Minute, nil), nagios.Critical,
			"x.service last ran 3h 1m ago"},
		{"ended after it wrote", 3 * time.Hour, hourly(3*time.Hour-time.Minute, nil),
			nagios.Critical, "x.service last ran 2h 59m ago"},
		{"hangs after it wrote", 150 * time.Minute, hourly(4*time.Hour,
			func(t *timer) {
				t.Pair.Service.ActiveState, t.Pair.Service.InactiveExit = "activating",
					ago(160*time.Minute)
			}), nagios.Critical, "2 updates of x.timer missed, x.service has been running for 2h 40m"},
		{"restart loop", 3 * time.Hour, hourly(4*time.Hour, func(t *timer) {
			t.Pair.Service.ActiveState, t.Pair.Service.SubState, t.Pair.Service.Result,
				t.Pair.Service.InactiveExit = "activating", "auto-restart", "exit-code",
				ago(47*time.Minute)
		}), nagios.Critical, "2 updates of x.timer missed, x.service fails and is started again, over and over (exit-code)"},
		{"service masked", 3 * time.Hour, hourly(0,
			func(t *timer) {
				t.Pair.Service.Unit = systemd.Unit{Name: "x.service",
					LoadState: "masked"}
			}), nagios.Critical, "3 updates of x.timer missed, x.service is masked"},
		{"stays active", 3 * time.Hour, hourly(0, func(t *timer) {
			t.Pair.Service.ActiveState, t.Pair.Service.SubState,
				t.Pair.Service.InactiveEnter = "active", "exited", time.Time{}
		}), nagios.Critical, "3 updates of x.timer missed, x.service is active (exited): the timer cannot start it again"},
		{"absent", time.Minute, hourly(time.Minute,
			func(t *timer) { t.Pair.Timer.LoadState = "not-found" }), nagios.Critical,
			"nothing rewrites it: x.timer is not-found"},
		{"inactive", time.Minute, hourly(time.Minute,
			func(t *timer) { t.Pair.Timer.ActiveState = "inactive" }), nagios.Critical,
			"nothing rewrites it: x.timer is inactive"},
		{"no schedule", time.Hour, hourly(time.Minute,
			func(t *timer) { t.Pair.Timer.Calendar = nil }),
			nagios.OK, ""},
		{"bad schedule", time.Hour, hourly(time.Minute,
			func(t *timer) { t.Pair.Timer.Calendar = []string{"x"} }), nagios.Unknown,
			"its schedule is not understood: x.timer: OnCalendar=x"},
		{"future", -time.Hour, hourly(time.Minute, nil), nagios.Warning, "in the future"},
	} {
		opt := given(func(o *options) {
			o.Warning, o.Critical = nagios.TimeRange{},
				nagios.TimeRange{}
		})
		f := good(func(f *file) { f.File.ModTime = ago(test.written) })
		r := judge(opt, read(test.timer, f), now)
		said[test.name] = r.State.String() + " - " + r.Summary
		if r.State != test.want || !strings.Contains(r.Summary+"$", test.text) {
			t.Errorf("%s: judge = %v, %q; want %v, %q", test.name, r.State, r.Summary, test.want,
				test.text)
		}
	}
	document.CompareRows(t, "../docs/check_alias_freshness.md", "schedule", said)
}

// Counting ends at 10,000: more may have been missed.
func TestUpdates(t *testing.T) {
	for n, want := range map[int]string{1: "1 update", 9999: "9999 updates",
		10_000: "at least 10000 updates"} {
		if got := updates(n); got != want {
			t.Errorf("updates(%d) = %q; want %q", n, got, want)
		}
	}
}
