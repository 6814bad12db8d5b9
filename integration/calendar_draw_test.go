//go:build integration

package integration

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// calendarZones are the local zones: none, whole and half hours of daylight saving time, both
// hemispheres, abolished, negative.
var calendarZones = []string{
	"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo",
	"Asia/Kathmandu", "Pacific/Apia", "Europe/Dublin",
	"Africa/Cairo", "America/Santiago", "Africa/Windhoek", "Africa/Casablanca", "Europe/Moscow",
	"Antarctica/Troll",
}

// calendarAbbreviations are names that the zones have had through all the years drawn.
var calendarAbbreviations = map[string][]string{
	"Europe/Berlin": {"CET", "CEST", "cest"}, "America/New_York": {"EST", "EDT"},
	"Australia/Lord_Howe": {"+1030", "+11"},
	"America/Sao_Paulo":   {"-03"}, "Asia/Kathmandu": {"+0545"}, "Africa/Cairo": {"EET"},
}

// A calendarDraw draws events.
type calendarDraw struct{ *rand.Rand }

func (d calendarDraw) one(of ...string) string { return of[d.IntN(len(of))] }

// often is true in n of 100 cases.
func (d calendarDraw) often(n int) bool { return d.IntN(100) < n }

// group draws a base time, often just before or after a clock change in a zone the events may name,
// and events.
func (d calendarDraw) group(zone string, n int) calendarGroup {
	g := calendarGroup{zone: zone}
	from := time.Date(1996, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	g.base = time.Unix(from+d.Int64N(40*366*86400), d.Int64N(1000000)*1000)
	near := zone
	if d.often(30) {
		near = calendarZones[d.IntN(len(calendarZones))]
	}
	if location, err := time.LoadLocation(near); err == nil && d.often(70) {
		if _, end := g.base.In(location).ZoneBounds(); !end.IsZero() {
			g.base = end.Add(time.Duration(d.IntN(30*3600)-26*3600)*time.Second +
				time.Duration(d.IntN(2)*250)*time.Millisecond)
		}
	}
	if d.often(10) { // releases differ over New Year
		g.base = time.Date(g.base.Year(), time.December, 24+d.IntN(7), d.IntN(24), d.IntN(60), 0, 0,
			time.UTC)
	}
	for range n {
		g.specs = append(g.specs, d.spec(g))
	}
	return g
}

// spec draws one event; one in twelve is then damaged.
func (d calendarDraw) spec(g calendarGroup) string {
	spec := ""
	switch {
	case d.often(5):
		spec = d.one("minutely", "hourly", "daily", "Monthly", "weekly", "YEARLY", "annually",
			"anually", "quarterly", "semiannually", "semi-annually",
			"biannually", "bi-annually", "fortnightly")
	case d.often(4):
		spec = "@" + d.one("", "", "", "+", "-", " ") +
			strconv.FormatInt(g.base.Unix()+d.Int64N(2000000)-500000, 10)
	default:
		var parts []string
		if d.often(30) {
			parts = append(parts, d.weekdays())
		}
		if d.often(55) {
			parts = append(parts, d.date(g.base.Year()))
		}
		if d.often(75) || len(parts) == 0 {
			parts = append(parts, d.time())
		}
		spec = strings.Join(parts, d.one(" ", " ", " ", " ", " ", " ", " ", "  "))
	}
	spec += d.zone(calendarAbbreviations[g.zone], g.base)
	if d.often(8) {
		spec = d.damage(spec)
	}
	return spec
}

func (d calendarDraw) zone(abbreviations []string, base time.Time) string {
	// glibc takes later names from the zone file's last line, and mixes up numeric ones
	const last = 2036
	switch {
	case d.often(60):
		return ""
	case d.often(30):
		return d.one(" UTC", " utc", " Utc")
	case d.often(70):
		return " " +
			d.one(append([]string{"Asia/Tokyo", "Etc/GMT+5", "Europe/London", "posix/Europe/Paris",
				"CST6CDT"}, calendarZones...)...)
	case d.often(70) && len(abbreviations) > 0 && base.Year() < last:
		return " " + d.one(abbreviations...)
	}
	return " " + d.one("Mars/Olympus", "Europe", "/Europe/Berlin", "Europe//Berlin",
		"europe/berlin", "../zoneinfo/UTC", "tzdata.zi", "Europe/Berlin/", "")
}

func (d calendarDraw) weekdays() string {
	name := func() string {
		return d.one("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun", "monday", "TUESDAY",
			"Wednesday", "thursday", "Friday", "sAturday", "Sunday")
	}
	var list []string
	for range 1 + d.IntN(3) {
		item := name()
		if d.often(30) {
			item += d.one("..", "..", "-") + name()
		}
		list = append(list, item)
	}
	return strings.Join(list, ",") + d.one("", "", "", "", ",")
}

func (d calendarDraw) date(base int) string {
	last := d.one("-", "-", "-", "~")
	monthDay := d.component(1, 12, 2) + last + d.component(1, 28, 2)
	if d.often(25) {
		monthDay = d.component(1, 12, 2) + last + d.component(1, 31, 2)
	}
	switch {
	case d.often(30):
		return monthDay
	case d.often(70):
		return "*-" + monthDay
	case d.often(15):
		return d.component(0, 99, 2) + "-" + monthDay
	case d.often(10):
		return d.component(1968, 2201, 4) + "-" + monthDay
	}
	return d.component(base, base+5, 4) + "-" + monthDay
}

func (d calendarDraw) time() string {
	hours := d.component(0, 23, 2)
	if d.often(30) { // when clocks change
		hours = d.one("1..3", "2", "0/1", "2..3/1", "0,1,2,3", "*", "02", "0")
	}
	clock := hours + ":" + d.component(0, 59, 2)
	if d.often(40) {
		return clock
	}
	if d.often(40) {
		return clock + ":" + d.one("0.5", "0/0.7", "1.25..3", "0..59.999999/0.000007", "59.9999994",
			"59.9999996", "0.1/1", "3..4.5/0.25", "5..5", "2..2.5", "0/1", "58/2", "59/1",
			"0.3..59.3", "30/29.999999", "1.5/2147", "00.000001", "7.", "0/0", "0/0.0000001")
	}
	return clock + ":" + d.component(0, 59, 2)
}

// component draws the text of one component: mostly values from low to high, some a little beyond.
func (d calendarDraw) component(low, high, width int) string {
	if d.often(25) {
		return "*"
	}
	value := func(low int) string {
		v := low + d.IntN(high-low+1)
		if d.often(1) {
			v = d.IntN(2*high + 2)
		}
		return fmt.Sprintf("%0*d", d.IntN(width+1), v)
	}
	var list []string
	for range 1 + d.IntN(2)*d.IntN(3) {
		item := value(low)
		if d.often(20) {
			if from, err := strconv.Atoi(item); err == nil && from >= low && from <= high &&
				d.often(95) {
				item += ".." + value(from)
			} else {
				item += ".." + value(low)
			}
		}
		if d.often(25) {
			item += "/" + strconv.Itoa(d.IntN(max(2, (high-low)/2)+1))
		}
		list = append(list, item)
	}
	return strings.Join(list, ",")
}

// damage changes, drops or adds one byte, never a NUL, which no argument can hold.
func (d calendarDraw) damage(spec string) string {
	if spec == "" {
		return spec
	}
	at, with := d.IntN(len(spec)), d.one(" ", ".", "..", ",", "-", "~", "/", ":", "*", "@", "0",
		"9", "60", "x", "\xff", "ſ", "\n", "Mon", "99999999999")
	switch d.IntN(3) {
	case 0:
		return spec[:at] + spec[at+1:]
	case 1:
		return spec[:at] + with + spec[at+1:]
	}
	return spec[:at] + with + spec[at:]
}
