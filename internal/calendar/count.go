package calendar

import "time"

// Count gives the number of elapses e with after < e <= until, as repeated calls of Next would find them, but at most max. A day's
// elapses are counted at once, or a minute's near a clock change and where seconds have fractions or overrun the minute. So the
// cost grows with the days that have elapses, and only for events with fractions with the elapses themselves.
func (e *Event) Count(after, until time.Time, max int) int {
	n := 0
	for n < max {
		next, ok := e.Next(after)
		if !ok || next.After(until) {
			break
		}
		more, last := e.restOfDay(next, until)
		if last.IsZero() {
			more, last = e.restOfMinute(next, until, max-n-1)
		}
		n += 1 + more
		after = last
	}
	return min(n, max)
}

// restOfDay counts the elapses after next up to until and the end of its day, and gives the last one of that day, or no time
// where plain arithmetic may not do.
func (e *Event) restOfDay(next, until time.Time) (n int, last time.Time) {
	y, m, d := next.Date()
	_, change := next.ZoneBounds()
	if near := next.AddDate(0, 0, 2); e.dst != anyTime || !change.IsZero() && change.Before(near) || !e.steadySeconds() {
		return 0, last
	}
	_, h := e.chains[hour].count(limits[hour].max)
	_, mi := e.chains[minute].count(limits[minute].max)
	_, us := e.chains[micro].count(limits[micro].max)
	last = time.Date(y, m, d, h, mi, us/second, 0, e.location)
	if until.Before(last) {
		return e.upTo(until.In(e.location)) - e.upTo(next), last
	}
	return e.upTo(last) - e.upTo(next), last
}

// restOfMinute counts the elapses after next up to until and the end of its minute, at most max, and gives the last one.
func (e *Event) restOfMinute(next, until time.Time, max int) (n int, last time.Time) {
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
	seconds, _ := e.chains[micro].count(limits[micro].max)
	minutes, _ := e.chains[minute].count(limits[minute].max)
	n, at := e.chains[hour].count(h)
	if n *= minutes * seconds; at == h { // less what of this hour is still to come
		before, at := e.chains[minute].count(m)
		n -= (minutes - before) * seconds
		if at == m {
			now, _ := e.chains[micro].count(s * second)
			n -= seconds - now
		}
	}
	return n
}

// count gives how many values up to high the chain matches, and the last of them, or -1.
func (c chain) count(high int) (n, last int) {
	last = -1
	for v, ok := c.next(0); ok && v <= high; v, ok = c.next(v + 1) {
		n, last = n+1, v
	}
	return n, last
}

// steadySeconds tells whether all minutes have the same seconds, and whole ones. A progression that overruns the minute, as 0/7,
// shifts the next one's.
func (e *Event) steadySeconds() bool {
	for _, c := range e.chains[micro] {
		if c.start%second != 0 || c.step%second != 0 || c.step > 0 && c.stop < 0 && (60*second-c.start)%c.step != 0 {
			return false
		}
	}
	return true
}
