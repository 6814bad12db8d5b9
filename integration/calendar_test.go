//go:build integration

package integration

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mailfresh/internal/calendar"
	"mailfresh/internal/plugintest"
)

// The calendar against its oracle: random events, most of them well-formed, are read by
// calendar.Parse and by the systemd-analyze of each release, under several local zones. Both must
// accept the same ones, normalise them alike and name the same next five elapses, to the second,
// which is all systemd-analyze prints. Both read the zones of the release. MAILFRESH_SEED chooses
// the events.
func TestCalendarAgainstSystemdAnalyze(t *testing.T) {
	everyRelease(t, testCalendar)
}

func testCalendar(t *testing.T, r release) {
	seed, root := plugintest.Seed(t), r.root(t, "")
	var (
		tally  calendarTally
		groups = make(chan calendarGroup)
		wait   sync.WaitGroup
	)
	for range 2 {
		wait.Add(1)
		go func() {
			defer wait.Done()
			if err := enterZones(root); err != nil {
				t.Error(err)
			}
			for g := range groups {
				g.compare(t, r, &tally)
			}
		}()
	}
	draw := calendarDraw{rand.New(rand.NewPCG(seed, 0))}
	for i := range 80 {
		groups <- draw.group(calendarZones[i%len(calendarZones)], 75)
	}
	close(groups)
	wait.Wait()
	if tally.accepted < tally.specs/3 || tally.accepted > tally.specs*9/10 ||
		tally.elapses < 3*tally.accepted {
		t.Errorf("the draw is lopsided: %d of %d specs accepted, %d elapses", tally.accepted,
			tally.specs, tally.elapses)
	}
	r.report(t, "calendar events, beside systemd-analyze",
		fmt.Sprintf("%d, %d elapses", tally.specs, tally.elapses))
	t.Logf("calendar: seed %d: %d specs, %d accepted, %d elapses, %d went backwards, %d stuck, %d in January, %d differences",
		seed, tally.specs, tally.accepted, tally.elapses, tally.backwards, tally.stuck,
		tally.january, tally.differences)
}

// enterZones gives the calling goroutine, and what it runs, the time zones of the root folder in
// place of this machine's.
func enterZones(root string) error {
	runtime.LockOSThread() // for good: this thread ends with the goroutine
	if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("unshare the mounts: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make the mounts private: %w", err)
	}
	const zones = "/usr/share/zoneinfo"
	if err := unix.Mount(root+zones, zones, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mount %s: %w", root+zones, err)
	}
	return nil
}

type calendarTally struct {
	sync.Mutex
	specs, accepted, elapses, differences int
	// systemd named an elapse that lies before its predecessor
	backwards int
	stuck     int // systemd gave up on an elapse
	january   int // systemd named one that 252 passes over
}

// A calendarGroup is what one call of systemd-analyze is asked.
type calendarGroup struct {
	zone  string
	base  time.Time
	specs []string
}

// A calendarReading is what is known of one event: empty if refused, stuck alone if systemd-analyze
// gave up on it, then it prints nothing.
type calendarReading struct {
	normalised string
	elapses    []string
	stuck      bool // one of the five elapses cannot be determined
}

// Between any two events systemd-analyze is given one that is past, so that it is plain which it
// refused. It is local: evaluating it makes glibc's names of the local zone those at the base time
// again, whatever years the event before led to.
const calendarMark = "1971-03-04 05:06:07.891011"

func (g calendarGroup) oracle(root string) ([]calendarReading, error) {
	args := []string{root, "systemd-analyze", "calendar", "--iterations=5",
		fmt.Sprintf("--base-time=@%d.%06d", g.base.Unix(), g.base.Nanosecond()/1000), "--"}
	for _, spec := range g.specs {
		args = append(args, spec, calendarMark)
	}
	cmd := exec.Command("chroot", args...)
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
		case reading.normalised == "":
		case label == "(in UTC)":
			reading.elapses[len(reading.elapses)-1] = value
		case label == "Next elapse", strings.HasPrefix(label, "Iter. #"),
			strings.HasPrefix(label, "Iteration #"):
			// where the local time is that of UTC all year, no line in UTC follows
			if value != "never" {
				reading.elapses = append(reading.elapses, strings.Replace(value, " +00", " UTC", 1))
			}
		}
	}
	if len(readings) != len(g.specs) {
		return nil, fmt.Errorf("systemd-analyze answered %d of %d events: %s", len(readings),
			len(g.specs), refusals.Bytes())
	}
	return readings, explain(readings, refusals.String())
}

// explain tells events that systemd-analyze gave up on from those it refused. Its errors come in
// the order of the events.
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
			return fmt.Errorf("systemd-analyze gave more errors than it left out events: %s",
				refusals)
		}
		readings[i].stuck = stuck
		i++
	}
	return nil
}

// compare reports each event on which the two disagree.
func (g calendarGroup) compare(t *testing.T, r release, tally *calendarTally) {
	readings, err := g.oracle(r.root(t, ""))
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
			got.elapses = calendarElapses(event.Next, g.base, len(want.elapses)+1)
			if r.systemd(t) >= 257 && daySteps.MatchString(got.normalised) {
				next := intoJanuary(event, g.specs[i], local)
				later := calendarElapses(next, g.base, len(want.elapses)+1)
				if strings.Join(later, ",") != strings.Join(got.elapses, ",") {
					got.elapses = later
					tally.january++
				}
			}
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
			got = calendarReading{stuck: len(calendarElapses(event.Next, g.base, 5)) < 5}
		}
		if got.normalised != want.normalised || got.stuck != want.stuck ||
			strings.Join(got.elapses, ",") != strings.Join(want.elapses, ",") {
			tally.differences++
			t.Errorf("TZ=%s systemd-analyze calendar --iterations=5 --base-time=%q %q:\n got %+v (%v)\nwant %+v",
				g.zone, g.base.UTC().Format("2006-01-02 15:04:05.000000 UTC"), g.specs[i], got, err,
				want)
		}
	}
}

const calendarLayout = "Mon 2006-01-02 15:04:05 MST"

// daySteps matches normalised events whose days have steps.
var daySteps = regexp.MustCompile("[-~][0-9.,/]*/[0-9.,/]* ")

// intoJanuary is Next as systemd has it since issue 40260 was mended: steps of days begin anew with
// the year, and those of January are found from December on.
func intoJanuary(e *calendar.Event, spec string,
	local *time.Location) func(after time.Time) (time.Time, bool) {
	if zone, err := time.LoadLocation(spec[strings.LastIndexByte(spec, ' ')+1:]); err == nil {
		local = zone
	}
	return func(after time.Time) (time.Time, bool) {
		next, ok := e.Next(after)
		newYear := time.Date(after.In(local).Year()+1, time.January, 1, 0, 0, 0, 0, local)
		if first, found := e.Next(newYear.Add(-time.Microsecond)); ok && found &&
			first.Before(next) && first.After(after) {
			return first, true
		}
		return next, ok
	}
}

func calendarElapses(following func(after time.Time) (time.Time, bool), after time.Time,
	max int) (elapses []string) {
	for range max {
		next, ok := following(after)
		if !ok {
			break
		}
		elapses = append(elapses, next.UTC().Format(calendarLayout))
		after = next
	}
	return elapses
}

// forward counts the elapses up to the first that lies before its predecessor. (The second they are
// cut to may be the same.)
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
