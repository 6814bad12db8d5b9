package calendar

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// shorthands are the special expressions of systemd.time(7), and three that only systemd's source
// has: anually, semi-annually and bi-annually.
var shorthands = [...]struct{ name, event string }{
	{"minutely", "*:*"}, {"hourly", "*:0"}, {"daily", "0:0"}, {"weekly", "mon"}, {"monthly", "*-1"},
	{"quarterly", "1,4,7,10-1"}, {"biannually", "1,7-1"}, {"bi-annually", "1,7-1"},
	{"semiannually", "1,7-1"}, {"semi-annually", "1,7-1"},
	{"yearly", "1-1"}, {"annually", "1-1"}, {"anually", "1-1"},
}

// Parse reads a calendar event. An event that names no zone is in the zone local; an event may name
// one of the two abbreviations of local that are in force now. The error says what is wrong with
// spec. An impossible date, such as *-02-30, is no error: the event never elapses.
func Parse(spec string, local *time.Location) (*Event, error) {
	return parseIn(os.DirFS(zoneinfo), spec, local)
}

// parseIn is Parse with the folder of the zone files.
func parseIn(zones fs.FS, spec string, local *time.Location) (*Event, error) {
	e := &Event{location: local, dst: anyTime}
	err := e.parse(lower(e.cutZone(spec, zones)))
	if err == nil {
		err = e.normalise()
	}
	if err != nil {
		return nil, fmt.Errorf("calendar event %q: %w", spec, err)
	}
	return e, nil
}

// parse reads all but the zone. Text is in lower case.
func (e *Event) parse(text string) error {
	if text == "" {
		return errors.New("empty")
	}
	for _, s := range shorthands {
		if text == s.name {
			text = s.event
		}
	}
	if text[0] >= 'a' && text[0] <= 'z' {
		days, rest, _ := strings.Cut(text, " ")
		if err := e.parseDays(days); err != nil {
			return err
		}
		text = strings.TrimLeft(rest, " ")
	}
	if instant, ok := strings.CutPrefix(text, "@"); ok {
		return e.parseInstant(instant)
	}
	date, clock, hasDate := strings.Cut(text, " ")
	if !hasDate && strings.Contains(text, ":") {
		date, clock = "", text
	}
	if hasDate || date != "" {
		if err := e.parseDate(date); err != nil {
			return err
		}
	}
	return e.parseClock(strings.TrimLeft(clock, " "))
}

// parseDays reads a list of weekdays. A comma may end it.
func (e *Event) parseDays(list string) error {
	for _, item := range strings.Split(strings.TrimSuffix(list, ","), ",") {
		first, last, isRange := strings.Cut(strings.Replace(item, "..", "-", 1), "-")
		if !isRange {
			last = first
		}
		from, to := dayNumber(first), dayNumber(last)
		if from < 0 || to < from {
			return fmt.Errorf("no weekday or forward range of weekdays: %q", item)
		}
		for ; from <= to; from++ {
			e.weekdays |= 1 << from
		}
	}
	return nil
}

// dayNumber returns 0 for Monday, and -1 for a name of no weekday. The name is whole or cut to
// three letters.
func dayNumber(name string) int {
	days := []string{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}
	return slices.IndexFunc(days, func(day string) bool { return name == day || name == day[:3] })
}

// parseInstant reads N of @N as C's strtoul does: it takes white space and a sign before N, and a
// negative N wraps around.
func (e *Event) parseInstant(text string) error {
	digits := strings.TrimLeft(text, " \t\n\v\f\r")
	digits, negative := strings.CutPrefix(digits, "-")
	if !negative {
		digits = strings.TrimPrefix(digits, "+")
	}
	seconds, err := strconv.ParseUint(digits, 10, 64)
	if negative {
		seconds = -seconds
	}
	if err != nil || seconds > 1<<33 { // in 2242: normalise checks the year
		return fmt.Errorf("no instant: %q", text)
	}
	utc := clock{location: time.UTC}
	for u, v := range utc.wall(int64(seconds), 0).value {
		e.chains[u] = chain{{v, -1, 0}}
	}
	e.zone, e.location, e.dst = "UTC", time.UTC, anyTime
	return nil
}

// parseDate reads year-month-day or month-day, with a tilde before days from the month's end.
func (e *Event) parseDate(text string) error {
	last := strings.LastIndexAny(text, "-~")
	if last < 0 {
		return fmt.Errorf("neither date nor time: %q", text)
	}
	e.fromEnd = text[last] == '~'
	years, months, hasYear := strings.Cut(text[:last], "-")
	if !hasYear {
		years, months = "*", years
	}
	return cmp.Or(
		e.parseChain(year, years), e.parseChain(month, months), e.parseChain(day, text[last+1:]))
}

// parseClock reads hour:minute or hour:minute:second. Nothing at all is midnight.
func (e *Event) parseClock(text string) error {
	if text == "" {
		text = "0:0"
	}
	parts := strings.Split(text, ":")
	if len(parts) == 2 {
		parts = append(parts, "0")
	}
	if len(parts) != 3 {
		return fmt.Errorf("no time: %q", text)
	}
	return cmp.Or(
		e.parseChain(hour, parts[0]), e.parseChain(minute, parts[1]), e.parseChain(micro, parts[2]))
}

// parseChain reads one unit's star or list. A star of seconds means whole ones.
func (e *Event) parseChain(u unit, text string) error {
	items := strings.SplitN(text, ",", maxComponents+1)
	switch {
	case text == "*" && u == micro:
		e.chains[u] = chain{{0, -1, second}}
		return nil
	case text == "*":
		return nil
	case len(items) > maxComponents:
		return fmt.Errorf("list of more than %d values", maxComponents)
	}
	for _, item := range items {
		c, ok := parseComponent(item, u.one())
		if !ok {
			return fmt.Errorf("no value, range or step: %q", item)
		}
		e.chains[u] = append(e.chains[u], c)
	}
	return nil
}

// parseComponent reads a value, range or progression, in multiples of one.
func parseComponent(item string, one int) (c component, ok bool) {
	c.stop = -1
	item, step, hasStep := strings.Cut(item, "/")
	start, stop, hasStop := strings.Cut(item, "..")
	if c.start, ok = parseValue(start, one); !ok {
		return c, false
	}
	if hasStop {
		if c.stop, ok = parseValue(stop, one); !ok {
			return c, false
		}
		c.step = one
	}
	if hasStep {
		c.step, ok = parseValue(step, one)
		return c, ok && c.step > 0
	}
	return c, one == 1 || !hasStop || c.start <= c.stop-one // a range of seconds has at least two
}

// parseValue reads digits and, of seconds, a fraction, rounded to six places. The value fits
// systemd's int.
func parseValue(text string, one int) (v int, ok bool) {
	whole, places, hasPlaces := strings.Cut(text, ".")
	n, err := strconv.ParseUint(whole, 10, 31)
	if err != nil ||
		hasPlaces && (one == 1 || places == "" || strings.Trim(places, "0123456789") != "") {
		return 0, false
	}
	n *= uint64(one)
	if hasPlaces {
		places += "000000"
		micros, _ := strconv.ParseUint(places[:6], 10, 32) // these are digits
		n += micros
		if len(places) > 6 && places[6] >= '5' {
			n++
		}
	}
	return int(n), n <= math.MaxInt32
}

// lower maps A-Z only. Unicode folds other letters to ASCII, too, and systemd does not.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, s)
}
