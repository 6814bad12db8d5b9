package calendar

import (
	"slices"
	"time"
)

// Certain returns the first elapse after an instant that every release of systemd finds, wherever
// the search began. Like Next, it returns false if there is none.
//
// Releases differ on steps of days over New Year (systemd issue 40260): 252 skips January's first
// steps when it searches from December, and later releases do not. *-*-2/12 after 26 December is
// 14 January on systemd 252, and 2 January on 257.13 and 262. A search that begins in January finds
// 2 January on 252, too. Certain leaves out elapses that not all releases find.
func (e *Event) Certain(after time.Time) (time.Time, bool) {
	endless := func(c component) bool { return c.step > 0 && c.stop < 0 }
	local := after.In(e.location)
	if slices.ContainsFunc(e.chains[day], endless) && local.Month() == time.January {
		newYear := time.Date(local.Year(), time.January, 1, 0, 0, 0, 0, e.location)
		first, ok := e.Next(newYear.Add(-2 * time.Microsecond)) // the search begins 1 µs later
		if ok && first.After(after) {
			return first, true
		}
	}
	return e.Next(after)
}

// Count returns the number of elapses e with after < e <= until, as repeated calls of Certain find
// them, but at most max.
func (e *Event) Count(after, until time.Time, max int) (n int) {
	for n < max {
		next, ok := e.Certain(after)
		if !ok || next.After(until) {
			break
		}
		n, after = n+1, next
	}
	return n
}
