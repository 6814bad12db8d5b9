//go:build integration

package integration

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
)

// often is how long timers of the trials may be without a run, in seconds; those of byRuns count by
// the clock that is never set.
var (
	often = map[string]float64{"five": 320, "slow": 301, "hourly": 3601, "zone": 7201,
		"active": 301, "inactive": 303, "mixed": 361}
	byRuns = map[string]bool{"active": true, "inactive": true, "mixed": true}
)

// faulty are the timers of the trials whose service hangs or fails.
var faulty = map[string]bool{"hung": true, "long": true, "failing": true}

// A sight is what a check said, or what systemd gives as the next elapse of its timers.
type sight struct {
	after    string // the last step of the clock
	up, wall float64
	asked    string // the user and how he asked
	objects  []struct{ Name, State, Text string }
	next     map[string]float64 // by the wall clock
}

// The wall clock of an emulated machine with the release's systemd is set forward and back, and is
// years behind or ahead at its boot. A timer that systemd goes on to fire never alerts; one that it
// leaves waiting for days alerts, and so does what hung or failed before.
func TestClock(t *testing.T) {
	if os.Getenv("MAILFRESH_CLOCKS") == "" {
		t.Skip("it takes minutes: make clocks runs it")
	}
	everyRelease(t, func(t *testing.T, r release) {
		need(t, "/usr/bin/qemu-system-x86_64", "/usr/bin/cpio",
			"/var/cache/mailfresh/kernel/vmlinuz")
		for _, trial := range []struct{ name, scenario, clock string }{
			{"steps", "steps", "2026-11-29T00:57:00"},
			{"behind", "corrected", "1970-01-02T00:57:00"},
			{"ahead", "corrected", "2036-11-29T00:57:00"},
		} {
			t.Run(trial.name, func(t *testing.T) {
				out := tryClock(t, r, trial.scenario, trial.clock)
				sights, runs := readTrial(t, out)
				n, ends := 0, sights[len(sights)-1].up
				for _, s := range sights {
					for _, o := range s.objects {
						name := strings.TrimSuffix(o.Name, ".timer")
						why := wrong(name, o.State, o.Text, s, ends, runs[name])
						if n++; why != "" {
							t.Errorf("%s, step %s, %s at %.0f s: %s %s: %s", s.asked, s.after, name,
								s.up, o.State, o.Text, why)
						}
					}
				}
				t.Logf("clock: %s: %d verdicts at %d instants", trial.name, n, len(sights))
			})
		}
	})
}

// tryClock plays a scenario on a machine whose clock shows that at boot.
func tryClock(t *testing.T, r release, scenario, clock string) (out string) {
	t.Helper()
	dir := t.TempDir()
	layOut(t, dir, scenario)
	cmd := exec.Command("timeout", "900", "./machine", r.root(t, ""), dir, clock)
	text, err := cmd.Output()
	if err != nil || !strings.Contains(string(text), "\nEND") {
		if exit, ok := err.(*exec.ExitError); ok {
			text = append(text, exit.Stderr...)
		}
		t.Fatalf("%v: %v\n%s", cmd.Args, err, text[max(0, len(text)-3000):])
	}
	return string(text)
}

// layOut writes what a trial adds to the release's root: units, the plugin, and what plays the
// scenario. One timer ran last a day before the clock's first step.
func layOut(t *testing.T, dir, scenario string) {
	t.Helper()
	a, err := txtar.ParseFile("testdata/clock.txtar")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range a.Files {
		files[f.Name] = string(f.Data)
	}
	const units, stamp = "etc/systemd/system/", "var/lib/systemd/timers/stamp-stamped.timer"
	wants := filepath.Join(dir, units, "timers.target.wants")
	if err := os.MkdirAll(wants, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		timer, ok := strings.CutPrefix(name, "timers/")
		if !ok {
			continue
		}
		service := files["services/"+timer]
		if service == "" {
			service = "ExecStart=/note " + timer + "\n"
		}
		put(t, dir, units+timer+".timer", "[Timer]\nAccuracySec=1s\n"+text)
		put(t, dir, units+timer+".service", "[Service]\nType=oneshot\n"+service)
		err := os.Symlink("../"+timer+".timer", filepath.Join(wants, timer+".timer"))
		if err != nil {
			t.Fatal(err)
		}
	}
	plugin, err := os.ReadFile(filepath.Join(bin, "check_systemd_timer"))
	if err != nil {
		t.Fatal(err)
	}
	put(t, dir, "check_systemd_timer", string(plugin))
	put(t, dir, "trial", files["trial"])
	put(t, dir, "scenario", files[scenario])
	put(t, dir, "note", "#!/bin/sh\nread -r up rest </proc/uptime\necho RUN $up $1 >>/run/runs\n")
	put(t, dir, stamp, "")
	yesterday := time.Date(2026, 11, 28, 0, 0, 5, 0, time.UTC)
	if err := os.Chtimes(filepath.Join(dir, stamp), yesterday, yesterday); err != nil {
		t.Fatal(err)
	}
}

// put writes a file and its folders below dir, executable.
func put(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}

// readTrial reads what a trial printed: what was seen, and when services ran.
func readTrial(t *testing.T, out string) (sights []sight, runs map[string][]float64) {
	t.Helper()
	runs = map[string][]float64{}
	after, id, at, next := "none", "", -1.0, map[string]float64{}
	for line := range strings.Lines(strings.ReplaceAll(out, "\r", "")) {
		line = strings.TrimSpace(line)
		words := strings.SplitN(line, " ", 5)
		if id != "" && (line == "" || words[0] == "SAW") { // the properties of a timer are complete
			if next[id] != 0 { // it is the first of a new instant
				next = map[string]float64{}
			}
			next[id], id, at = at, "", -1
		}
		switch {
		case words[0] == "RUN":
			runs[words[2]] = append(runs[words[2]], number(t, words[1]))
		case words[0] == "STEP":
			after = words[3]
		case words[0] == "SAW":
			s := sight{after: after, up: number(t, words[1]), wall: number(t, words[2]),
				asked: words[3], next: next}
			var result struct {
				Objects []struct{ Name, State, Text string }
			}
			if err := json.Unmarshal([]byte(words[4]), &result); err != nil {
				t.Fatalf("%v: %s", err, line)
			}
			s.objects = result.Objects
			sights = append(sights, s)
		case strings.HasPrefix(line, "Id="):
			id = strings.TrimSuffix(line[3:], ".timer")
		case strings.HasPrefix(line, "NextElapseUSecRealtime="):
			if when, err := time.Parse("Mon 2006-01-02 15:04:05 MST", line[23:]); err == nil {
				at = float64(when.Unix())
			}
		}
	}
	return sights, runs
}

func number(t *testing.T, text string) float64 {
	t.Helper()
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

var running = regexp.MustCompile(`has been running for (\d+ (ms|s)|1m)\b`)

// wrong says why a verdict is wrong, by what systemd did next or means to do; nothing if it is
// right.
func wrong(name, state, text string, s sight, ends float64, runs []float64) string {
	const day = 24 * 3600
	idle, known := often[name]
	switch {
	case strings.Contains(text, "masked"): // a stock timer
		return ""
	case faulty[name] && state == "OK":
		return "the fault is not seen"
	case faulty[name], running.MatchString(text) && state == "OK":
		return ""
	case byRuns[name]:
		if ends-s.up <= idle+15 {
			return ""
		}
		fires := 2 * idle
		for _, run := range runs {
			if run > s.up {
				fires = min(fires, run-s.up)
			}
		}
		return compare(state, fires, idle+15, idle+15)
	case s.next[name] > 0 && known:
		return compare(state, s.next[name]-s.wall, idle+15, idle+15)
	case s.next[name] > 0:
		return compare(state, s.next[name]-s.wall, 8*day, 10*day)
	case state != "OK":
		return "nothing is wrong"
	}
	return ""
}

// compare says what is wrong with a state, where the timer fires in so many seconds: OK is right up
// to late, an alarm from soon on.
func compare(state string, fires, soon, late float64) string {
	switch {
	case state == "OK" && fires > late:
		return fmt.Sprintf("it does not fire for %.0f s", fires)
	case state != "OK" && fires < soon:
		return fmt.Sprintf("it fires in %.0f s", fires)
	}
	return ""
}
