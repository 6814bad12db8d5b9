package plugintest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"mailfresh/internal/nagios"
)

// Build compiles all plugins into a folder, as make does. The tests of a folder beside the plugins'
// call it.
func Build(dir string) error {
	mains, err := filepath.Glob("../check_*/main.go")
	if err != nil {
		return err
	}
	for _, main := range mains {
		pkg := filepath.Dir(main)
		build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o",
			filepath.Join(dir, filepath.Base(pkg)), pkg)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("go build %s: %w\n%s", pkg, err, out)
		}
	}
	return nil
}

// Seed returns the seed of random draws: MAILFRESH_SEED, or 1, so that a test fails because of a
// change and not because of other draws.
func Seed(t testing.TB) uint64 {
	t.Helper()
	n := uint64(1)
	if text := os.Getenv("MAILFRESH_SEED"); text != "" {
		var err error
		if n, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("MAILFRESH_SEED: %v", err)
		}
	}
	t.Logf("MAILFRESH_SEED=%d", n)
	return n
}

// Outcome is the result of one run of a plugin.
type Outcome struct {
	Plugin         string // check_x
	Exit           int    // -1: a signal ended it
	Stdout, Stderr string
	Took           time.Duration
	Peak           int64 // memory, in bytes; 0: not measured
}

// Limits are the limits of a run.
type Limits struct {
	Time time.Duration
	Peak int64 // memory, in bytes; 0: none
}

// Tally counts for one section of the torture tests: inputs, wrong verdicts, crashes, and runs
// whose output, duration or memory breaks the rules.
type Tally struct {
	mu                                 sync.Mutex
	inputs, wrong, crashes, violations int
}

// NewTally begins a section. At the end of the test its counts are logged, and appended to the file
// $MAILFRESH_TALLY.
func NewTally(t *testing.T, section string) *Tally {
	c := &Tally{}
	t.Cleanup(func() {
		row := fmt.Sprintf("%s\t%d\t%d\t%d\t%d\n", section, c.inputs, c.wrong, c.crashes,
			c.violations)
		t.Logf("%s: %d inputs, %d wrong verdicts, %d crashes, %d rule violations", section,
			c.inputs, c.wrong, c.crashes, c.violations)
		name := os.Getenv("MAILFRESH_TALLY")
		if name == "" {
			return
		}
		f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteString(row); err != nil {
			t.Fatal(err)
		}
	})
	return c
}

// Late reports whether a run took longer than Time.
func (l Limits) Late(r Outcome) bool { return r.Took > l.Time }

// Judge counts a run and fails the test if it is wrong. Its state must be one of want; without want
// each state is right.
func (c *Tally) Judge(t testing.TB, input string, r Outcome, l Limits, want ...nagios.State) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.inputs++
	name := strings.ToUpper(strings.TrimPrefix(r.Plugin, "check_"))
	if r.Exit < 0 || r.Exit > 3 || r.Stdout == "" || strings.Contains(r.Stdout, "internal error") {
		c.crashes++
		t.Errorf("%s: crash: exit code %d\n%.2000s%.2000s", input, r.Exit, r.Stdout, r.Stderr)
		return
	}
	if len(want) > 0 && !slices.Contains(want, nagios.State(r.Exit)) {
		c.wrong++
		t.Errorf("%s: %v; want %v\n%.2000s", input, nagios.State(r.Exit), want, r.Stdout)
	}
	err := CheckOutput(name, r.Exit, r.Stdout, r.Stderr)
	switch {
	case err != nil:
	case l.Late(r):
		err = fmt.Errorf("it took %v; want at most %v", r.Took, l.Time)
	case l.Peak > 0 && r.Peak > l.Peak:
		err = fmt.Errorf("it used %d KiB; want at most %d", r.Peak>>10, l.Peak>>10)
	}
	if err != nil {
		c.violations++
		t.Errorf("%s: rule violation: %v\n%.2000s", input, err, r.Stdout)
	}
}
