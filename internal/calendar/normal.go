package calendar

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// normalise brings the chains to systemd's normal form and refuses values that no date or time has.
func (e *Event) normalise() error {
	if e.weekdays == everyDay {
		e.weekdays = 0
	}
	for u := range e.chains {
		c := e.chains[u]
		for i := range c {
			if unit(u) == year {
				c[i].start, c[i].stop = fullYear(c[i].start), fullYear(c[i].stop)
			}
			c[i] = c[i].normal()
		}
		slices.SortFunc(c, func(a, b component) int {
			return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.stop, b.stop),
				cmp.Compare(a.step, b.step))
		})
		e.chains[u] = slices.Compact(c)
		if err := e.valid(unit(u)); err != nil {
			return err
		}
	}
	return nil
}

// fullYear adds the century to years below 100: 70 is 1970, 69 is 2069.
func fullYear(y int) int {
	switch {
	case y >= 0 && y < 70:
		return y + 2000
	case y >= 70 && y < 100:
		return y + 1900
	}
	return y
}

// normal ends a range at the last value that its step reaches. A range that reaches only its start
// becomes a plain value.
func (c component) normal() component {
	if c.stop > c.start && c.step > 0 {
		c.stop -= (c.stop - c.start) % c.step
	}
	if c.stop == c.start {
		c.stop, c.step = -1, 0
	}
	return c
}

// valid checks the values of a unit: each is within the unit's limits, and each step reaches at
// least a second value. Days from the month's end are at most 28 (the second of a list 25, the
// third 22, and so on), and their steps go up to the month's end.
func (e *Event) valid(u unit) error {
	low, high := limits[u].min, limits[u].max
	backwards := u == day && e.fromEnd
	for _, c := range e.chains[u] {
		if backwards {
			high -= 3 // for each item anew: systemd refuses *~1,26
		}
		room := high - c.start // for the first step
		switch {
		case c.stop >= 0:
			room = c.stop - c.start
		case backwards:
			room = c.start - low
		}
		switch {
		case c.start < low || max(c.start, c.stop) > high || c.step > high-low:
			return fmt.Errorf("value out of range in %q", c.format(u))
		case c.stop >= 0 && c.stop < c.start:
			return fmt.Errorf("range runs backwards in %q", c.format(u))
		case c.step > room:
			return fmt.Errorf("step too long in %q", c.format(u))
		}
	}
	return nil
}

// String returns the normalised form, as systemd prints it and TimersCalendar holds it.
func (e *Event) String() string {
	dash := "-"
	if e.fromEnd && e.chains[day] != nil {
		dash = "~"
	}
	text := e.format(year) + "-" + e.format(month) + dash + e.format(day) + " " +
		e.format(hour) + ":" + e.format(minute) + ":" + e.format(micro)
	if days := e.formatWeekdays(); days != "" {
		text = days + " " + text
	}
	if e.zone != "" {
		text += " " + e.zone
	}
	return text
}

// formatWeekdays writes runs of three days and more as ranges.
func (e *Event) formatWeekdays() string {
	names := [...]string{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}
	var days []string
	for d := 0; d < 7; d++ {
		from := d
		for d < 7 && e.weekdays&(1<<d) != 0 {
			d++
		}
		switch {
		case d-from > 2:
			days = append(days, names[from]+".."+names[d-1])
		case d > from:
			days = append(days, names[from:d]...)
		}
	}
	return strings.Join(days, ",")
}

func (e *Event) format(u unit) string {
	if len(e.chains[u]) == 0 {
		return "*"
	}
	var parts []string
	for _, c := range e.chains[u] {
		if u == micro && c == (component{0, -1, second}) {
			return "*"
		}
		parts = append(parts, c.format(u))
	}
	return strings.Join(parts, ",")
}

// format writes one component. A range that takes every value needs no step.
func (c component) format(u unit) string {
	width, one := 2, u.one()
	if u == year {
		width = 4
	}
	number := func(width, v int) string {
		s := fmt.Sprintf("%0*d", width, v/one)
		if v%one > 0 {
			s += fmt.Sprintf(".%06d", v%one)
		}
		return s
	}
	s := number(width, c.start)
	if c.stop > 0 {
		s += ".." + number(width, c.stop)
	}
	if c.step > 0 && (c.stop <= 0 || c.step != one) {
		s += "/" + number(1, c.step)
	}
	return s
}
