// Package schedule says what a timer's schedule has demanded since an instant:
// its elapses. It joins what systemd says of the timer with the meaning of
// calendar events, does no I/O and reads no clock.
//
// An elapse is counted once it is certain that systemd let it pass: systemd may
// wait up to AccuracySec= and RandomizedDelaySec= after it on purpose, and
// starting takes a moment. So callers ask for the elapses up to now less [Slack].
//
// The entries of systemd.timer(5), and what they demand since an instant S:
//
//   - OnCalendar=: each elapse of the calendar event after S that every release
//     of systemd has ([calendar.Event.Certain]).
//   - OnActiveSec=, OnBootSec=, OnStartupSec=: one elapse, that long after the
//     timer was activated, the host booted or the manager started; where that
//     was before the activation, systemd elapses at activation, unless the timer
//     has triggered, or was active at that time, before.
//   - OnUnitActiveSec=, OnUnitInactiveSec=: one elapse for each whole interval
//     after the base, which is S or what [Base] names; none without a base.
//
// All but the first stand still while the host is suspended: see [Awake].
//
// With several entries the largest count is taken.
package schedule

import (
	"fmt"
	"time"

	"mailfresh/internal/calendar"
	"mailfresh/internal/systemd"
)

// maxCount bounds how many elapses of an entry are counted.
const maxCount = 10_000

// Starting is how long systemd may take to start a unit.
const Starting = 5 * time.Second

// Slack is how long after an elapse a run may lawfully begin: AccuracySec and
// RandomizedDelaySec of the timer, and 5 s for systemd to start it. It is at
// most a century.
func Slack(t systemd.Timer) time.Duration {
	const most = 100 * 365 * 24 * time.Hour
	return min(max(t.Accuracy, 0), most) + min(max(t.RandomizedDelay, 0), most) + Starting
}

// Base is where counting begins.
type Base struct {
	Since        time.Time // elapses after this instant count
	UnitActive   time.Time // what OnUnitActiveSec= counts from; zero: nothing
	UnitInactive time.Time // what OnUnitInactiveSec= counts from; zero: nothing
	// of the job, which OnUnitInactiveSec= waits for before each interval
	Runtime time.Duration

	// Slept is how much of the time since Since the host was suspended during a
	// run that is in progress: so much less counts for calendar entries.
	Slept time.Duration

	// Awake is Since as [Awake] has it, and then so are the two above; zero: they
	// are by the wall clock, all three.
	Awake time.Time
}

// From counts from one instant: the elapses that should have moved something
// that was last moved then, by a job that takes runtime.
func From(t time.Time, runtime time.Duration) Base {
	return Base{Since: t, UnitActive: t, UnitInactive: t, Runtime: max(runtime, 0)}
}

// Demand is what a schedule has demanded.
type Demand struct {
	Count int       // elapses, at most 10,000
	First time.Time // the earliest of them; zero if there is none
}

// Elapses counts the elapses e of the timer's schedule with base.Since < e <=
// until. It fails when a calendar entry cannot be parsed.
func Elapses(t systemd.Timer, h systemd.Host, base Base, until time.Time) (Demand, error) {
	events, err := events(t, h)
	if err != nil {
		return Demand{}, err
	}
	var worst Demand
	least, most := offsets(t, events)
	for _, event := range events {
		since := base.Since.Add(-least)
		d := Demand{Count: event.Count(since, until.Add(-most-base.Slept), maxCount)}
		if d.Count > 0 {
			first, _ := event.Certain(since)
			d.First = first.Add(most)
		}
		worst = worst.or(d)
	}
	if base.Awake.IsZero() {
		base.Awake = Awake(h, base.Since, 0)
		base.UnitActive, base.UnitInactive = Awake(h, base.UnitActive, 0),
			Awake(h, base.UnitInactive, 0)
	}
	for _, entry := range t.Monotonic {
		worst = worst.or(monotonic(entry, t, h, base, until))
	}
	return worst, nil
}

func events(t systemd.Timer, h systemd.Host) (list []*calendar.Event, err error) {
	for _, spec := range t.Calendar {
		event, err := calendar.Parse(spec, h.Zone)
		if err != nil {
			return nil, fmt.Errorf("OnCalendar=%s: %w", spec, err)
		}
		list = append(list, event)
	}
	return list, nil
}

// offsets are the least and the most by which RandomizedOffsetSec= may shift the
// calendar elapses of the timer. All are shifted alike; systemd does not say by
// how much, but its next elapse is a shifted one, of which RandomizedDelaySec=
// may be a part.
func offsets(t systemd.Timer, events []*calendar.Event) (least, most time.Duration) {
	if t.RandomizedOffset <= 0 || t.NextElapse.IsZero() {
		return 0, max(t.RandomizedOffset, 0)
	}
	found := false
	for _, event := range events {
		e, ok := event.Next(t.NextElapse.Add(-t.RandomizedOffset - time.Microsecond))
		if ok && !e.After(t.NextElapse) {
			most, found = max(most, t.NextElapse.Sub(e)), true
		}
	}
	if !found || len(events) > 1 || len(t.Monotonic) > 0 {
		return 0, t.RandomizedOffset
	}
	return max(most-max(t.RandomizedDelay, 0), 0), most
}

// Awake is an instant as monotonic timers count: what is between it and now is
// the time the host was awake since then. mono is the instant on
// CLOCK_MONOTONIC; where that is not known, 0, the host may have slept since.
func Awake(h systemd.Host, t time.Time, mono time.Duration) time.Time {
	switch {
	case t.IsZero() || h.Asleep < time.Second:
		return t
	case mono > 0:
		return h.MonotonicZero.Add(mono)
	}
	return t.Add(h.Asleep)
}

// or is the larger demand; between equal ones the earlier.
func (d Demand) or(other Demand) Demand {
	if other.Count > d.Count || other.Count == d.Count && other.Count > 0 &&
		other.First.Before(d.First) {
		return other
	}
	return d
}

func monotonic(entry systemd.MonotonicEntry, t systemd.Timer, h systemd.Host, base Base,
	until time.Time) Demand {
	activated := Awake(h, t.ActiveEnter, t.ActiveEnterMonotonic)
	switch entry.Base {
	case "OnActiveSec":
		e := activated.Add(entry.Interval)
		if dropped(e, t, h) {
			return Demand{}
		}
		return once(e, entry.Interval, base, until)
	case "OnBootSec":
		return atStart(boot(h), entry.Interval, t, h, base, until)
	case "OnStartupSec":
		return atStart(managerStart(h), entry.Interval, t, h, base, until)
	case "OnUnitActiveSec":
		return each(base.UnitActive, entry.Interval, until)
	case "OnUnitInactiveSec":
		return each(base.UnitInactive, entry.Interval+base.Runtime, until)
	}
	return Demand{}
}

// boot and managerStart are what OnBootSec= and OnStartupSec= count from, as
// [Awake] has it.
func boot(h systemd.Host) time.Time {
	if h.Boot.Equal(h.ManagerStart) { // in a container
		return managerStart(h)
	}
	return Awake(h, h.Boot, 0)
}

func managerStart(h systemd.Host) time.Time {
	return Awake(h, h.ManagerStart, h.ManagerStartMonotonic)
}

// atStart is the one elapse that long after the start of the host or of its manager. If that
// instant is past when the timer is activated, the timer elapses at once - unless it has triggered
// or was active before.
func atStart(start time.Time, interval time.Duration, t systemd.Timer, h systemd.Host, base Base,
	until time.Time) Demand {
	if start.IsZero() {
		return Demand{}
	}
	e, activated := start.Add(interval), Awake(h, t.ActiveEnter, t.ActiveEnterMonotonic)
	if e.Before(activated) {
		stopped := Awake(h, t.InactiveEnter, t.InactiveEnterMonotonic)
		if !stopped.IsZero() && !e.After(stopped) || triggeredBefore(t) {
			return Demand{}
		}
		e = activated
	}
	if dropped(e, t, h) {
		return Demand{}
	}
	return once(e, interval, base, until)
}

// triggeredBefore reports whether the timer's last trigger was before its
// activation.
func triggeredBefore(t systemd.Timer) bool {
	if t.LastTriggerMonotonic > 0 && t.ActiveEnterMonotonic > 0 {
		return t.LastTriggerMonotonic < t.ActiveEnterMonotonic
	}
	return !t.LastTrigger.IsZero() && t.LastTrigger.Before(t.ActiveEnter)
}

// dropped reports whether systemd ignores the one elapse of an entry: a daemon-reload brought the
// entry when its elapse was over.
func dropped(e time.Time, t systemd.Timer, h systemd.Host) bool {
	passed := t.SubState == "waiting" && t.NextElapse.After(e.Add(Slack(t)))
	return passed && (stamped(t) || Awake(h, t.LastTrigger, t.LastTriggerMonotonic).Before(e))
}

// stamped reports whether the last trigger is that of the stamp file which
// Persistent= keeps: it was before the boot, whatever the clock showed then. The
// timer may have been Persistent= until a daemon-reload.
func stamped(t systemd.Timer) bool {
	return t.LastTriggerMonotonic == 0 && t.ActiveEnterMonotonic > 0
}

// once is the one elapse at an instant. systemd reads the clock for the elapse
// before it stamps the activation, and a busy one is late with that: the run
// seems to begin before its elapse.
func once(e time.Time, interval time.Duration, base Base, until time.Time) Demand {
	early := min(time.Second, interval/2)
	if e.After(base.Awake.Add(early)) && !e.After(until) {
		return Demand{Count: 1, First: e}
	}
	return Demand{}
}

// each is one elapse for each whole interval after the base.
func each(base time.Time, interval time.Duration, until time.Time) Demand {
	if base.IsZero() || interval <= 0 || until.Before(base.Add(interval)) {
		return Demand{}
	}
	return Demand{Count: int(min(until.Sub(base)/interval, maxCount)), First: base.Add(interval)}
}

// Next is the earliest elapse of the timer's calendar entries after an
// instant; false if it has none.
func Next(t systemd.Timer, h systemd.Host, after time.Time) (next time.Time, ok bool, err error) {
	events, err := events(t, h)
	for _, event := range events {
		if e, found := event.Certain(after); found && (!ok || e.Before(next)) {
			next, ok = e, true
		}
	}
	return next, ok, err
}

// Recurs reports whether the schedule can demand another run after an instant.
func Recurs(t systemd.Timer, h systemd.Host, after time.Time) bool {
	if HasUnitBase(t) {
		return true
	}
	_, ok, err := Next(t, h, after)
	return ok || err != nil
}

// GoesOn reports whether a calendar entry of the timer has elapses after an
// instant, or soon after it. systemd may find none although there are some: its
// search does not end where steps of days, or other dates that are far apart,
// lead over a change of the clock by half an hour (Australia/Lord_Howe), on
// every release so far.
func GoesOn(t systemd.Timer, h systemd.Host, after time.Time) bool {
	const stride, far = 20 * 24 * time.Hour, 200 * 24 * time.Hour
	for ahead := time.Duration(0); ahead <= far; ahead += stride {
		if _, ok, err := Next(t, h, after.Add(ahead)); ok && err == nil {
			return true
		}
	}
	return false
}

// HasUnitBase reports whether the timer has an entry that counts from the last
// activity of its unit, OnUnitActiveSec= or OnUnitInactiveSec=.
func HasUnitBase(t systemd.Timer) bool {
	for _, entry := range t.Monotonic {
		if entry.Base == "OnUnitActiveSec" || entry.Base == "OnUnitInactiveSec" {
			return true
		}
	}
	return false
}
