// Package calendar evaluates the calendar events of systemd.time(7), the right-hand side of a
// timer's OnCalendar=, as systemd 252 does. [Event.Certain] says where later releases differ.
//
// An event has up to four parts: weekdays, date, time of day, zone.
//
//	Mon..Thu,Sat *-05~07/1 00:00:00/0.42 Europe/Berlin
//
// Weekdays are English names, whole or cut to three letters, in lists and forward ranges (".." or
// "-"). Date and time are six components: year-month-day and hour:minute:second. A component is
// "*" or a list of values, ranges (a..b) and steps (a/n, a..b/n). An event without a date means
// every day, one without a time means midnight; the year and the seconds may be left out, too. "~"
// instead of the dash before the day counts days from the month's end. Years below 100 mean
// 1970-2069; seconds have microseconds. "@N" is N seconds after the epoch. The shorthands
// (minutely to yearly) stand for a date and time. The zone is UTC, an IANA name that exists below
// /usr/share/zoneinfo, or one of the local zone's own two abbreviations; an event without a zone
// is in the local zone.
//
// An abbreviation asks for standard or daylight saving time, it does not convert: "daily CEST"
// elapses only while summer time is in force, and systemd gives up ("never") at the first date it
// looks at that has the other time.
//
// The package follows systemd where systemd surprises: an elapse inside a spring-forward gap does
// not happen that day, a repeated hour counts once, steps that go past the end of their minute
// shift the next minute's, and a search that has gone round a thousand times finds nothing. The
// tests hold each such case; they were compared with systemd-analyze calendar
// (integration/calendar_test.go).
package calendar

import "time"

// unit numbers the six components of a date and time, coarse to fine. The finest is microseconds
// within the minute.
type unit int

const (
	year unit = iota
	month
	day
	hour
	minute
	micro

	units    = 6
	second   = 1_000_000 // microseconds
	everyDay = 1<<7 - 1

	maxComponents = 241 // systemd's limit on the items of one list
	anyTime       = -1  // neither standard nor daylight saving time asked for
)

// one returns the unit's step from a value to the next. Seconds step by whole seconds.
func (u unit) one() int {
	if u == micro {
		return second
	}
	return 1
}

// limits are the least and greatest value of each unit. A unit restarts from its least value when a
// coarser unit moves.
var limits = [units]struct{ min, max int }{
	{1970, 2199}, {1, 12}, {1, 31}, {0, 23}, {0, 59}, {0, 60*second - 1},
}

// An Event is a parsed calendar event. It is immutable and safe for concurrent use.
type Event struct {
	weekdays uint // one bit a day, Monday first; 0: every day
	chains   [units]chain
	fromEnd  bool // days count back from the month's end
	zone     string
	dst      int // anyTime; 0: only while standard time is in force; 1: daylight saving time
	location *time.Location
}

// A component is a value, a range or a progression of values of one unit. An absent stop is -1, an
// absent step 0.
type component struct{ start, stop, step int }

// A chain is the list of components of one unit, any of which may match. The empty chain matches
// everything.
type chain []component

// next returns the least value at or after v that the chain matches.
func (c chain) next(v int) (least int, ok bool) {
	if len(c) == 0 {
		return v, true
	}
	for _, p := range c {
		n := p.start
		if n < v {
			if p.step == 0 {
				continue
			}
			n += (v - n + p.step - 1) / p.step * p.step
			if p.stop >= 0 && n > p.stop {
				continue
			}
		}
		if !ok || n < least {
			least, ok = n, true
		}
	}
	return least, ok
}
