package calendar

import "time"

// Count gives the number of elapses e with after < e <= until, as repeated calls of Next would find them, but at most max. Days without
// a clock change are counted whole, other days minute by minute: the cost grows with the days that have elapses and, only for
// events with fractions of a second, with the elapses themselves.
func (e *Event) Count(after, until time.Time, max int) int {
	n := 0
	for n < max {
		next, ok := e.Next(after)
		if !ok || next.After(until) {
			break
		}
		more, last := e.sameDay(next, until)
		if last.IsZero() {
			more, last = e.sameMinute(next, until, max-n-1)
		}
		n += 1 + more
		after = last
	}
	return min(n, max)
}

// sameDay counts the elapses after next up to until and the end of its day, and gives the last microsecond of that day. It gives
// no time where plain arithmetic may not do: near clock changes, where seconds have fractions, and under a fixed daylight saving time.
func (e *Event) sameDay(next, until time.Time) (n int, last time.Time) {
	const near = 48 * time.Hour // a search looks at most a day ahead of the day it is in
	y, m, d := next.Date()
	last = time.Date(y, m, d+1, 0, 0, 0, 0, e.location).Add(-time.Microsecond)
	if _, change := next.ZoneBounds(); e.dst != anyTime || !change.IsZero() && change.Before(last.Add(near)) || !e.wholeSeconds() {
		return 0, time.Time{}
	}
	end := last
	if until.Before(last) {
		end = until.In(e.location)
	}
	return e.upTo(end) - e.upTo(next), last
}

// sameMinute counts the elapses after next up to until and the end of its minute, at most max, and gives the last one.
func (e *Event) sameMinute(next, until time.Time, max int) (n int, last time.Time) {
	_, change := next.ZoneBounds()
	at := next.Second()*second + next.Nanosecond()/1000
	start := next.Add(-time.Duration(at) * time.Microsecond)
	for last = next; n < max; n++ {
		v, ok := e.chains[micro].next(at + 1)
		t := start.Add(time.Duration(v) * time.Microsecond)
		if !ok || v > limits[micro].max || t.After(until) || !change.IsZero() && !t.Before(change) {
			break
		}
		at, last = v, t
	}
	return n, last
}

// upTo counts the times of day that match, from midnight to that of t.
func (e *Event) upTo(t time.Time) int {
	h, m, s := t.Clock()
	seconds, minutes := e.chains[micro].count(0, limits[micro].max), e.chains[minute].count(0, limits[minute].max)
	n := e.chains[hour].count(0, h-1) * minutes * seconds
	if e.chains[hour].matches(h) {
		n += e.chains[minute].count(0, m-1) * seconds
		if e.chains[minute].matches(m) {
			n += e.chains[micro].count(0, s*second)
		}
	}
	return n
}

// count gives how many values from low to high the chain matches: at most 60, seconds being whole.
func (c chain) count(low, high int) (n int) {
	for v, ok := c.next(low); ok && v <= high; v, ok = c.next(v + 1) {
		n++
	}
	return n
}

// wholeSeconds tells whether elapses fall on whole seconds only.
func (e *Event) wholeSeconds() bool {
	for _, c := range e.chains[micro] {
		if c.start%second != 0 || c.step%second != 0 {
			return false
		}
	}
	return true
}
