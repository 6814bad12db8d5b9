// Package schedule counts the elapses of a timer's schedule since an instant. It joins what systemd
// says of the timer with the meaning of calendar events. It does no I/O and reads no clock.
//
// An elapse counts if systemd should have started a run for it. systemd may wait up to AccuracySec=
// and RandomizedDelaySec= after an elapse on purpose, and starting takes a moment. So callers ask
// for the elapses up to now less [Slack].
//
// The entries of systemd.timer(5), and the elapses that they have after an instant S:
//
//   - OnCalendar=: each elapse of the calendar event after S that every release of systemd has
//     ([calendar.Event.Certain]).
//   - OnActiveSec=, OnBootSec=, OnStartupSec=: one elapse, that long after the timer was activated,
//     the host booted or the manager started. If that is before the activation, the elapse is at
//     the activation; there is none if the timer triggered before, or was active at that time.
//   - OnUnitActiveSec=, OnUnitInactiveSec=: one elapse for each whole interval after the base,
//     which [Base] names; none without a base.
//
// OnCalendar= counts wall-clock time; the others count time in which the host was not suspended:
// see [Awake]. Of several entries the one with the most elapses counts.
package schedule

import (
	"fmt"
	"slices"
	"time"

	"mailfresh/internal/calendar"
	"mailfresh/internal/systemd"
)

// MaxCount is how many elapses of an entry are counted at most.
const MaxCount = 10_000

// Starting is how long systemd may take to start a unit.
const Starting = 5 * time.Second

// Slack is how long after an elapse a run may begin: AccuracySec and RandomizedDelaySec of the
// timer, and 5 s for systemd to start it. It is at most a century.
func Slack(t systemd.Timer) time.Duration {
	const most = 100 * 365 * 24 * time.Hour
	return min(max(t.Accuracy, 0), most) + min(max(t.RandomizedDelay, 0), most) + Starting
}

// Base is where counting begins.
type Base struct {
	Since        time.Time     // elapses after this instant count
	UnitActive   time.Time     // OnUnitActiveSec= counts from it; zero: it has no base
	UnitInactive time.Time     // OnUnitInactiveSec= counts from it; zero: it has no base
	Runtime      time.Duration // of the job; OnUnitInactiveSec= waits for its end

	// Slept is how long the host was suspended during the run in progress. Calendar entries do not
	// count that time.
	Slept time.Duration

	// Awake is Since, converted by [Awake]; UnitActive and UnitInactive are then converted, too. If
	// Awake is zero, all three are instants of the wall clock.
	Awake time.Time
}

// From returns a base for a thing that a job last changed at t. The job takes runtime, and each
// elapse after t should have changed the thing again.
func From(t time.Time, runtime time.Duration) Base {
	return Base{Since: t, UnitActive: t, UnitInactive: t, Runtime: max(runtime, 0)}
}

// Demand is the elapses of a schedule, that is, the runs that it demands.
type Demand struct {
	Count int       // at most MaxCount: then there may be more
	First time.Time // the earliest elapse; zero if there is none
}

// Elapses counts the elapses e of the timer's schedule with base.Since < e <= until. It fails if a
// calendar entry cannot be parsed.
func Elapses(t systemd.Timer, h systemd.Host, base Base, until time.Time) (Demand, error) {
	events, err := events(t, h)
	if err != nil {
		return Demand{}, err
	}
	var worst Demand
	least, most := offsets(t, events)
	for _, event := range events {
		since := base.Since.Add(-least)
		d := Demand{Count: event.Count(since, until.Add(-most-base.Slept), MaxCount)}
		if d.Count > 0 {
			first, _ := event.Certain(since)
			d.First = first.Add(most)
		}
		worst = worst.or(d)
	}
	if base.Awake.IsZero() {
		base.Awake = Awake(h, base.Since, 0)
		base.UnitActive = Awake(h, base.UnitActive, 0)
		base.UnitInactive = Awake(h, base.UnitInactive, 0)
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

// offsets returns the least and the most by which RandomizedOffsetSec= may shift the calendar
// elapses of the timer. All elapses have the same shift. systemd does not say how large it is, but
// the timer's next elapse includes it, and perhaps a RandomizedDelaySec=.
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

// Awake converts an instant for monotonic timers: the time from the result to now is as long as the
// host was awake since t. mono is t on CLOCK_MONOTONIC, 0 if that is not known; then every suspend
// is taken to be later than t.
func Awake(h systemd.Host, t time.Time, mono time.Duration) time.Time {
	switch {
	case t.IsZero() || h.Asleep < time.Second:
		return t
	case mono > 0:
		return h.MonotonicZero.Add(mono)
	}
	return t.Add(h.Asleep)
}

// or returns the larger of two demands; of two equal demands the earlier one.
func (d Demand) or(other Demand) Demand {
	if other.Count > d.Count || other.Count == d.Count && other.Count > 0 &&
		other.First.Before(d.First) {
		return other
	}
	return d
}

func monotonic(entry systemd.MonotonicEntry, t systemd.Timer, h systemd.Host, base Base,
	until time.Time) Demand {
	switch entry.Base {
	case "OnActiveSec":
		activated := Awake(h, t.ActiveEnter, t.ActiveEnterMonotonic)
		return once(activated, entry.Interval, t, h, base, until)
	case "OnBootSec", "OnStartupSec":
		start := Awake(h, h.ManagerStart, h.ManagerStartMonotonic)
		if entry.Base == "OnBootSec" && !h.Boot.Equal(h.ManagerStart) { // equal in a container
			start = Awake(h, h.Boot, 0)
		}
		if !start.IsZero() {
			return once(start, entry.Interval, t, h, base, until)
		}
	case "OnUnitActiveSec":
		return each(base.UnitActive, entry.Interval, until)
	case "OnUnitInactiveSec":
		return each(base.UnitInactive, entry.Interval+base.Runtime, until)
	}
	return Demand{}
}

// once returns the one elapse of an entry that counts from the start of the host, of the manager or
// of the timer, converted by [Awake]. systemd computes the elapse before it records the activation.
// If systemd is busy in between, the run seems to begin before its elapse.
func once(start time.Time, interval time.Duration, t systemd.Timer, h systemd.Host, base Base,
	until time.Time) Demand {
	e, activated := start.Add(interval), Awake(h, t.ActiveEnter, t.ActiveEnterMonotonic)
	if e.Before(activated) {
		stopped := Awake(h, t.InactiveEnter, t.InactiveEnterMonotonic)
		if !stopped.IsZero() && !e.After(stopped) || triggeredBefore(t) {
			return Demand{}
		}
		e = activated
	}
	early := min(time.Second, interval/2)
	if dropped(e, t, h) || !e.After(base.Awake.Add(early)) || e.After(until) {
		return Demand{}
	}
	return Demand{Count: 1, First: e}
}

// triggeredBefore reports whether the timer's last trigger was before its activation.
func triggeredBefore(t systemd.Timer) bool {
	if t.LastTriggerMonotonic > 0 && t.ActiveEnterMonotonic > 0 {
		return t.LastTriggerMonotonic < t.ActiveEnterMonotonic
	}
	return !t.LastTrigger.IsZero() && t.LastTrigger.Before(t.ActiveEnter)
}

// dropped reports whether systemd ignores the one elapse of an entry: a daemon-reload added the
// entry after the elapse.
func dropped(e time.Time, t systemd.Timer, h systemd.Host) bool {
	passed := t.SubState == "waiting" && t.NextElapse.After(e.Add(Slack(t)))
	// A trigger from the stamp file of Persistent= is from before the boot, even if its time is
	// later. The timer may have had Persistent= until a daemon-reload.
	stamped := t.LastTriggerMonotonic == 0 && t.ActiveEnterMonotonic > 0
	return passed && (stamped || Awake(h, t.LastTrigger, t.LastTriggerMonotonic).Before(e))
}

// each returns one elapse for each whole interval after the base.
func each(base time.Time, interval time.Duration, until time.Time) Demand {
	if base.IsZero() || interval <= 0 || until.Before(base.Add(interval)) {
		return Demand{}
	}
	return Demand{Count: int(min(until.Sub(base)/interval, MaxCount)), First: base.Add(interval)}
}

// Next returns the earliest elapse of the timer's calendar entries after an instant; false if there
// is none.
func Next(t systemd.Timer, h systemd.Host, after time.Time) (next time.Time, ok bool, err error) {
	events, err := events(t, h)
	for _, event := range events {
		if e, found := event.Certain(after); found && (!ok || e.Before(next)) {
			next, ok = e, true
		}
	}
	return next, ok, err
}

// Recurs reports whether the schedule may have an elapse after an instant.
func Recurs(t systemd.Timer, h systemd.Host, after time.Time) bool {
	if HasUnitBase(t) {
		return true
	}
	_, ok, err := Next(t, h, after)
	return ok || err != nil
}

// GoesOn reports whether a calendar entry of the timer has an elapse after an instant, or after one
// of the times up to 200 days later. From some instants every release of systemd so far finds no
// elapse although there is one: the search gives up if steps of days, or dates that are far apart,
// lead over a change of the clock by half an hour (Australia/Lord_Howe).
func GoesOn(t systemd.Timer, h systemd.Host, after time.Time) bool {
	const stride, far = 20 * 24 * time.Hour, 200 * 24 * time.Hour
	for ahead := time.Duration(0); ahead <= far; ahead += stride {
		if _, ok, err := Next(t, h, after.Add(ahead)); ok && err == nil {
			return true
		}
	}
	return false
}

// HasUnitBase reports whether the timer has an entry OnUnitActiveSec= or OnUnitInactiveSec=, which
// counts from the last activity of its unit.
func HasUnitBase(t systemd.Timer) bool {
	return slices.ContainsFunc(t.Monotonic, func(entry systemd.MonotonicEntry) bool {
		return entry.Base == "OnUnitActiveSec" || entry.Base == "OnUnitInactiveSec"
	})
}
