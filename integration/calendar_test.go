//go:build integration

package integration

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"mailfresh/internal/calendar"
	"mailfresh/internal/plugintest"
)

// The calendar against its oracle: random events, most of them well-formed, are read by calendar.Parse and by systemd-analyze, under
// several local zones. Both must accept the same ones, normalise them alike and name the same next five elapses, to the
// second, which is all systemd-analyze prints. MAILFRESH_SEED chooses the events.
func TestCalendarAgainstSystemdAnalyze(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	seed := plugintest.Seed(t)
	var (
		tally  calendarTally
		groups = make(chan calendarGroup)
		wait   sync.WaitGroup
	)
	for range 2 {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for g := range groups {
				g.compare(t, &tally)
			}
		}()
	}
	draw := calendarDraw{rand.New(rand.NewPCG(seed, 0))}
	for i := range 80 {
		groups <- draw.group(calendarZones[i%len(calendarZones)], 75)
	}
	close(groups)
	wait.Wait()
	if tally.accepted < tally.specs/3 || tally.accepted > tally.specs*9/10 || tally.elapses < 3*tally.accepted {
		t.Errorf("the draw is lopsided: %d of %d specs accepted, %d elapses", tally.accepted, tally.specs, tally.elapses)
	}
	t.Logf("calendar: seed %d: %d specs, %d accepted, %d elapses, %d went backwards, %d stuck, %d differences",
		seed, tally.specs, tally.accepted, tally.elapses, tally.backwards, tally.stuck, tally.differences)
}

type calendarTally struct {
	sync.Mutex
	specs, accepted, elapses, differences int
	backwards                             int // systemd named an elapse that lies before its predecessor
	stuck                                 int // systemd gave up on an elapse
}

// A calendarGroup is what one call of systemd-analyze is asked.
type calendarGroup struct {
	zone  string
	base  time.Time
	specs []string
}

// A calendarReading is what is known of one event: empty if refused, stuck alone if systemd-analyze gave up on it, then it prints nothing.
type calendarReading struct {
	normalised string
	elapses    []string
	stuck      bool // one of the five elapses cannot be determined
}

// Between any two events systemd-analyze is given one that is past, so that it is plain which it refused. It is local: evaluating it
// makes glibc's names of the local zone those at the base time again, whatever years the event before led to.
const calendarMark = "1971-03-04 05:06:07.891011"

func (g calendarGroup) oracle() ([]calendarReading, error) {
	args := []string{"calendar", "--iterations=5", fmt.Sprintf("--base-time=@%d.%06d", g.base.Unix(), g.base.Nanosecond()/1000), "--"}
	for _, spec := range g.specs {
		args = append(args, spec, calendarMark)
	}
	cmd := exec.Command("systemd-analyze", args...)
	cmd.Env = []string{"TZ=" + g.zone, "PATH=" + os.Getenv("PATH"), "LC_ALL=C"}
	var refusals bytes.Buffer
	cmd.Stderr = &refusals
	output, err := cmd.Output()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		return nil, err
	}
	var (
		readings []calendarReading
		reading  calendarReading
	)
	for line := range strings.Lines(string(output)) {
		label, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch label = strings.TrimSpace(label); {
		case label == "Normalized form" && value == calendarMark:
			readings = append(readings, reading)
			reading = calendarReading{}
		case label == "Normalized form":
			reading.normalised = value
		case label == "(in UTC)", strings.HasSuffix(value, " UTC") && (label == "Next elapse" || strings.HasPrefix(label, "Iter. #")):
			if reading.normalised != "" {
				reading.elapses = append(reading.elapses, value)
			}
		}
	}
	if len(readings) != len(g.specs) {
		return nil, fmt.Errorf("systemd-analyze answered %d of %d events: %s", len(readings), len(g.specs), refusals.Bytes())
	}
	return readings, explain(readings, refusals.String())
}

// explain tells events that systemd-analyze gave up on from those it refused. Its errors come in the order of the events.
func explain(readings []calendarReading, refusals string) error {
	i := 0
	for line := range strings.Lines(refusals) {
		stuck := strings.HasPrefix(line, "Failed to determine next elapse for '")
		if !stuck && !strings.HasPrefix(line, "Failed to parse calendar specification '") {
			continue
		}
		for i < len(readings) && readings[i].normalised != "" {
			i++
		}
		if i == len(readings) {
			return fmt.Errorf("systemd-analyze gave more errors than it left out events: %s", refusals)
		}
		readings[i].stuck = stuck
		i++
	}
	return nil
}

// compare reports each event on which the two disagree.
func (g calendarGroup) compare(t *testing.T, tally *calendarTally) {
	readings, err := g.oracle()
	if err != nil {
		t.Errorf("TZ=%s: %v", g.zone, err)
		return
	}
	local, err := time.LoadLocation(g.zone)
	if err != nil {
		t.Error(err)
		return
	}
	tally.Lock()
	defer tally.Unlock()
	for i, want := range readings {
		tally.specs++
		var got calendarReading
		event, err := calendar.Parse(g.specs[i], local)
		if err == nil {
			got.normalised = event.String()
			got.elapses = calendarElapses(event, g.base, len(want.elapses)+1)
		}
		if want.normalised != "" || want.stuck {
			tally.accepted++
		}
		tally.elapses += len(want.elapses)
		if end := want.forward(g.base); end < len(want.elapses) {
			tally.backwards++
			want.elapses = want.elapses[:end]
		}
		got.elapses = got.elapses[:min(len(got.elapses), 5)]
		if want.stuck && event != nil {
			tally.stuck++
			got = calendarReading{stuck: len(calendarElapses(event, g.base, 5)) < 5}
		}
		if got.normalised != want.normalised || got.stuck != want.stuck || strings.Join(got.elapses, ",") != strings.Join(want.elapses, ",") {
			tally.differences++
			t.Errorf("TZ=%s systemd-analyze calendar --iterations=5 --base-time=%q %q:\n got %+v (%v)\nwant %+v",
				g.zone, g.base.UTC().Format("2006-01-02 15:04:05.000000 UTC"), g.specs[i], got, err, want)
		}
	}
}

const calendarLayout = "Mon 2006-01-02 15:04:05 MST"

func calendarElapses(e *calendar.Event, after time.Time, max int) (elapses []string) {
	for range max {
		next, ok := e.Next(after)
		if !ok {
			break
		}
		elapses = append(elapses, next.UTC().Format(calendarLayout))
		after = next
	}
	return elapses
}

// forward counts the elapses up to the first that lies before its predecessor. (The second they are cut to may be the same.)
func (r calendarReading) forward(base time.Time) int {
	before := base.Truncate(time.Second)
	for i, text := range r.elapses {
		at, err := time.Parse(calendarLayout, text)
		if err != nil || at.Before(before) {
			return i
		}
		before = at
	}
	return len(r.elapses)
}

// calendarZones are the local zones: none, whole and half hours of daylight saving time, both hemispheres, abolished, negative.
var calendarZones = []string{
	"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Kathmandu", "Pacific/Apia", "Europe/Dublin",
	"Africa/Cairo", "America/Santiago", "Africa/Windhoek", "Africa/Casablanca", "Europe/Moscow", "Antarctica/Troll",
}

// calendarAbbreviations are names that the zones have had through all the years drawn.
var calendarAbbreviations = map[string][]string{
	"Europe/Berlin": {"CET", "CEST", "cest"}, "America/New_York": {"EST", "EDT"}, "Australia/Lord_Howe": {"+1030", "+11"},
	"America/Sao_Paulo": {"-03"}, "Asia/Kathmandu": {"+0545"}, "Africa/Cairo": {"EET"},
}

// A calendarDraw draws events.
type calendarDraw struct{ *rand.Rand }

func (d calendarDraw) one(of ...string) string { return of[d.IntN(len(of))] }

// often is true in n of 100 cases.
func (d calendarDraw) often(n int) bool { return d.IntN(100) < n }

// group draws a base time, often just before or after a clock change in a zone the events may name, and events.
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
			g.base = end.Add(time.Duration(d.IntN(30*3600)-26*3600)*time.Second + time.Duration(d.IntN(2)*250)*time.Millisecond)
		}
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
		spec = d.one("minutely", "hourly", "daily", "Monthly", "weekly", "YEARLY", "annually", "anually", "quarterly", "semiannually", "semi-annually",
			"biannually", "bi-annually", "fortnightly")
	case d.often(4):
		spec = "@" + d.one("", "", "", "+", "-", " ") + strconv.FormatInt(g.base.Unix()+d.Int64N(2000000)-500000, 10)
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
	const last = 2036 // glibc takes later names from the zone file's last line, and mixes up numeric ones
	switch {
	case d.often(60):
		return ""
	case d.often(30):
		return d.one(" UTC", " utc", " Utc")
	case d.often(70):
		return " " + d.one(append([]string{"Asia/Tokyo", "Etc/GMT+5", "Europe/London", "posix/Europe/Paris", "CST6CDT"}, calendarZones...)...)
	case d.often(70) && len(abbreviations) > 0 && base.Year() < last:
		return " " + d.one(abbreviations...)
	}
	return " " + d.one("Mars/Olympus", "Europe", "/Europe/Berlin", "Europe//Berlin", "europe/berlin", "../zoneinfo/UTC", "tzdata.zi", "Europe/Berlin/", "")
}

func (d calendarDraw) weekdays() string {
	name := func() string {
		return d.one("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun", "monday", "TUESDAY", "Wednesday", "thursday", "Friday", "sAturday", "Sunday")
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
		return clock + ":" + d.one("0.5", "0/0.7", "1.25..3", "0..59.999999/0.000007", "59.9999994", "59.9999996", "0.1/1", "3..4.5/0.25", "5..5", "2..2.5", "0/1", "58/2", "59/1",
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
			if from, err := strconv.Atoi(item); err == nil && from >= low && from <= high && d.often(95) {
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
	at, with := d.IntN(len(spec)), d.one(" ", ".", "..", ",", "-", "~", "/", ":", "*", "@", "0", "9", "60", "x", "\xff", "ſ", "\n", "Mon", "99999999999")
	switch d.IntN(3) {
	case 0:
		return spec[:at] + spec[at+1:]
	case 1:
		return spec[:at] + with + spec[at+1:]
	}
	return spec[:at] + with + spec[at:]
}
