package main

import (
	"testing"
	"time"

	"mailfresh/internal/journal"
	"mailfresh/internal/systemd"
)

// The wall clock is set, the host is suspended, the timer is restarted: what the
// schedule has demanded since then.
func TestDemanded(t *testing.T) {
	const h, m = time.Hour, time.Minute
	slept := systemd.Host{Boot: ago(50 * h), ManagerStart: ago(50 * h), Zone: time.UTC,
		MonotonicZero: ago(30 * m), ManagerStartMonotonic: 5 * time.Second, Asleep: 49*h + 30*m}
	ran := func(t *systemd.Timer, s *systemd.Service, began, ended time.Duration) {
		s.InactiveExit, s.InactiveEnter = ago(began), ago(ended)
		s.ExecMainStart, s.ExecMainExit = ago(began), ago(ended)
		s.ConditionTime, t.LastTrigger = ago(began), ago(began)
	}
	hourlyRun := func(lasted, back time.Duration) systemd.Pair {
		p := daily(running("activating", "start", lasted))
		p.Timer.Calendar = []string{"*-*-* *:40:00"}
		p.Timer.LastTriggerWall = p.Timer.LastTrigger.Add(back)
		return p
	}
	for _, test := range []struct {
		name string
		host systemd.Host
		pair systemd.Pair
		want int
	}{
		// A run was started by hand after the clock was set back; the timer waits, as
		// systemd counts from what the clock showed at the activation.
		{"set back after the activation, then started by hand", host,
			daily(func(t *systemd.Timer, s *systemd.Service) {
				ran(t, s, 50*m, 49*m)
				t.Calendar, t.LastTrigger = []string{"*-*-* *:0/5:00"}, time.Time{}
				t.ActiveEnter, t.ActiveEnterWall = ago(51*m), now.Add(h)
			}), 0},
		{"the activation was long before the run", host,
			daily(func(t *systemd.Timer, s *systemd.Service) {
				ran(t, s, 50*m, 49*m)
				t.Calendar, t.LastTrigger = []string{"*-*-* *:0/30:00"}, time.Time{}
				t.ActiveEnter, t.ActiveEnterWall = ago(51*m), ago(51*m)
			}), 2},
		// The host was suspended during a run. After its end, systemd draws the elapse
		// that has passed from its own start anew: an hour ahead.
		{"RandomizedDelaySec after a run that slept", slept,
			daily(func(t *systemd.Timer, s *systemd.Service) {
				ran(t, s, 48*h, m)
				t.RandomizedDelay, t.NextElapse = 2*h, now.Add(h)
			}), 0},
		{"a delay that is over", slept, daily(func(t *systemd.Timer, s *systemd.Service) {
			ran(t, s, 48*h, m)
			t.RandomizedDelay, t.NextElapse = h, now.Add(h)
		}), 2},
		// A restart of the timer makes systemd 252 forget that a condition skipped the
		// last trigger.
		{"skipped, and the timer restarted", host,
			daily(func(t *systemd.Timer, s *systemd.Service) {
				ran(t, s, 36*h, 35*h)
				t.LastTrigger, t.ActiveEnter = time.Time{}, ago(h)
				s.ConditionTime, s.ConditionResult = ago(12*h+47*m), false
			}), 0},
		{"not skipped since the last elapse", host,
			daily(func(t *systemd.Timer, s *systemd.Service) {
				ran(t, s, 60*h, 59*h)
				t.LastTrigger, t.ActiveEnter = time.Time{}, ago(h)
				s.ConditionTime, s.ConditionResult = ago(36*h+47*m), false
			}), 1},
		// systemd is about to start the service once more: that makes up for nothing.
		{"due again after triggers that started nothing", host,
			daily(func(t *systemd.Timer, s *systemd.Service) {
				ran(t, s, 10*m, 9*m)
				t.Calendar, t.Accuracy = []string{"*-*-* *:*:00"}, time.Second
				t.LastTrigger, t.NextElapse = ago(m), now
			}), 9},
		{"due again after a run", host, daily(func(t *systemd.Timer, s *systemd.Service) {
			ran(t, s, 10*m, 9*m)
			t.Calendar, t.Accuracy = []string{"*-*-* *:*:00"}, time.Second
			t.NextElapse = now
		}), 0},
		// A run that was triggered at 16:40 is no hour late because 16:40 comes a second time.
		{"set back during a run", host, hourlyRun(30*m, 25*m), 0},
		{"set back during a run, before an elapse", host, hourlyRun(5*m, 55*m), 0},
		{"set back during a run that hangs", host, hourlyRun(5*h, 25*m), 5},
		{"not set back", host, hourlyRun(30*m, 0), 1},
	} {
		r := latest(&test.pair, nil, test.host, now)
		if r.missed.err != nil || r.missed.count != test.want {
			t.Errorf("%s: missed = %+v; want %d", test.name, r.missed, test.want)
		}
	}
}

// The clock was set between the trigger and the run that it started, as the wall
// clock shows both: the monotonic stamps say that it started.
func TestAttemptAfterClockSteps(t *testing.T) {
	for _, test := range []struct {
		name      string
		triggered time.Duration // since the boot
		want      attempt
	}{
		{"the run came after the trigger", time.Hour - time.Second, started},
		{"the run was before", 2 * time.Hour, notStarted},
	} {
		p := daily(triggered(12*time.Hour), func(t *systemd.Timer, s *systemd.Service) {
			t.LastTriggerMonotonic = test.triggered
			s.InactiveExitMonotonic, s.InactiveEnterMonotonic = time.Hour, time.Hour+time.Minute
		})
		if got := lastAttempt(&p, trigger(p.Timer)); got != test.want {
			t.Errorf("%s: attempt = %v; want %v", test.name, got, test.want)
		}
	}
}

// The last known run is the one that ended last. Where systemd has seen none, it is the trigger
// from before the boot, of Persistent=; a trigger in this boot that started nothing is none.
func TestKnownRun(t *testing.T) {
	const h = time.Hour
	for _, test := range []struct {
		name                       string
		trigger, activated, exited time.Time
		ended, want                time.Time
	}{
		{"ran", ago(3 * h), ago(9 * h), ago(3 * h), ago(2 * h), ago(2 * h)},
		{"ran before the boot", ago(12 * h), ago(9 * h), time.Time{}, time.Time{}, ago(12 * h)},
		{"runs for the first time", ago(12 * h), ago(9 * h), ago(h), time.Time{}, time.Time{}},
		{"started nothing", ago(3 * h), ago(9 * h), time.Time{}, time.Time{}, time.Time{}},
	} {
		p := daily(func(t *systemd.Timer, s *systemd.Service) {
			t.LastTrigger, t.ActiveEnter = test.trigger, test.activated
			s.InactiveExit, s.InactiveEnter = test.exited, test.ended
		})
		if got := latest(&p, nil, host, now).known; !got.Equal(test.want) {
			t.Errorf("%s: known = %s; want %s", test.name, got, test.want)
		}
	}
}

// The journal may have the end of a run, but not its start: how long it took is then not known.
func TestRunBeforeSkippedOne(t *testing.T) {
	p := daily(func(_ *systemd.Timer, s *systemd.Service) { s.Result = "exec-condition" })
	ended := journal.Run{End: ago(time.Hour), Result: "success"}
	whole := ended
	whole.Start, whole.Duration = ago(2*time.Hour), time.Hour
	for _, test := range []struct {
		b     *before
		end   time.Time
		known bool
	}{
		{nil, time.Time{}, false},
		{&before{}, time.Time{}, false},
		{&before{runs: journal.Runs{List: []journal.Run{ended, whole}}}, ended.End, false},
		{&before{runs: journal.Runs{List: []journal.Run{whole, ended}}}, ended.End, true},
	} {
		if r := latest(&p, test.b, host, now); !r.ended.Equal(test.end) ||
			r.tookKnown != test.known {
			t.Errorf("%+v: ended %s, known %t; want %s, %t", test.b, r.ended, r.tookKnown, test.end,
				test.known)
		}
	}
}

// With DeferReactivation= (257) systemd drops the elapses during a run.
func TestDemandedDuringARun(t *testing.T) {
	for deferred, want := range map[bool]int{false: 3, true: 0} {
		p := daily(running("active", "running", 3*time.Hour))
		p.Timer.Calendar, p.Timer.DeferReactivation = []string{"*-*-* *:00:00"}, deferred
		r := latest(&p, nil, host, now)
		if got, err := demanded(&p, r, host, now); got.Count != want || err != nil {
			t.Errorf("DeferReactivation=%t: demanded = %+v, %v; want %d", deferred, got, err, want)
		}
		if len(p.Timer.Calendar) != 1 {
			t.Errorf("DeferReactivation=%t: the facts changed: %q", deferred, p.Timer.Calendar)
		}
	}
}

// While the host is suspended a run does not go on, and misses nothing.
func TestDemandedWhileAsleep(t *testing.T) {
	const h = time.Hour
	slept := systemd.Host{Boot: ago(35 * h), ManagerStart: ago(35 * h), Zone: time.UTC,
		MonotonicZero: ago(30 * h), ManagerStartMonotonic: time.Second, Asleep: 5 * h}
	for began, want := range map[time.Duration]int{25 * h: 5, 20 * h: 10} { // on CLOCK_MONOTONIC
		p := daily(running("active", "running", 10*h),
			func(t *systemd.Timer, s *systemd.Service) {
				t.LastTriggerMonotonic, s.InactiveExitMonotonic = began, began
			})
		p.Timer.Calendar = []string{"*-*-* *:00:00"}
		r := latest(&p, nil, slept, now)
		if got, err := demanded(&p, r, slept, now); got.Count != want || err != nil {
			t.Errorf("a run since %s: demanded = %+v, %v; want %d", began, got, err, want)
		}
	}
}
