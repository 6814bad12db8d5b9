package calendar

import "time"

// maxRounds is systemd's own limit on the search for one elapse, against dates that never come.
const maxRounds = 1000

// Next returns the first elapse after an instant, in the event's zone and to the microsecond, as
// systemd 252 finds it. It returns false if there is none up to the year 2199, if systemd finds
// none, or if what systemd finds lies in the past. The cost is bounded: two or three rounds as a
// rule, maxRounds at worst.
func (e *Event) Next(after time.Time) (time.Time, bool) {
	var from int64 // microseconds since the epoch
	switch {
	case after.Year() > limits[year].max+1: // in any zone; up to there UnixMicro cannot overflow
		return time.Time{}, false
	case !after.Before(time.Unix(0, 0)):
		from = after.UnixMicro() + 1
	}
	k := &clock{location: e.location}
	m := k.wall(from/second, int(from%second))
	k.offset = k.at(from / second).offset
	if !e.search(k, &m) {
		return time.Time{}, false
	}
	t, _, ok := k.resolve(m)
	next := time.Unix(t, int64(m.value[micro]%second)*1000).In(e.location)
	return next, ok && t >= 0 && next.After(after)
}

// search moves m forward to the first wall-clock time that matches.
//
// For a time that the clock skips, mktime may return a time before the gap: if winter time is the
// zone's daylight saving time (Europe/Dublin), or after steps went past the end of the day. Then
// the match lies before the start. From then on search keeps the daylight saving time that the
// clock has there, whatever the event asks for, and so passes the gap.
func (e *Event) search(k *clock, m *moment) bool {
	start, keep := *m, false
	for range maxRounds {
		if _, normal, ok := k.resolve(*m); ok {
			*m = normal
		}
		if !keep {
			m.dst = e.dst
		}
		switch e.round(k, m) {
		case never:
			return false
		case found:
			if !m.before(start) {
				return true
			}
			keep = true
			m.value[hour]++
		}
	}
	return false
}

// outcome is the result of one round of a search.
type outcome int

const (
	again outcome = iota
	found
	never
)

// round goes through the units from the year down and moves each to its first match. If a unit has
// no match left, or its match does not exist on the clock, the next coarser unit moves on by one,
// and another round starts.
func (e *Event) round(k *clock, m *moment) outcome {
	for u := year; u <= micro; u++ {
		v, ok := e.chainOn(k, m, u).next(m.value[u])
		if ok && v != m.value[u] {
			m.value[u] = v
			m.restart(u + 1)
		}
		bounds := outside
		if ok {
			bounds = k.check(m)
		}
		switch {
		case u == year && bounds != within:
			return never
		case bounds == outside:
			m.value[u-1]++
			m.restart(u)
			return again
		case bounds == shifted:
			return again
		case u == day && !e.onWeekday(k, m):
			m.value[day]++
			m.restart(hour)
			return again
		}
	}
	return found
}

// chainOn returns the chain of a unit. Days from the month's end become days of the month of m.
func (e *Event) chainOn(k *clock, m *moment, u unit) chain {
	if u != day || !e.fromEnd {
		return e.chains[u]
	}
	days := make(chain, len(e.chains[day]))
	for i, c := range e.chains[day] {
		days[i] = component{k.fromEnd(*m, c.start), k.fromEnd(*m, c.stop), c.step}
		if days[i].stop > 0 {
			days[i].start, days[i].stop = days[i].stop, days[i].start
		}
	}
	return days
}

func (e *Event) onWeekday(k *clock, m *moment) bool {
	if e.weekdays == 0 {
		return true
	}
	t, normal, ok := k.resolve(*m)
	weekday := time.Unix(normal.civil(), 0).UTC().Weekday()
	return ok && t >= 0 && e.weekdays&(1<<((weekday+6)%7)) != 0
}
