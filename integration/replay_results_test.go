//go:build integration

package integration

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func (r *replay) last(service string) checkResult {
	past := r.history[service]
	if len(past) == 0 {
		return checkResult{State: -1}
	}
	return past[len(past)-1]
}

// are tells whether the services are in this state.
func (r *replay) are(state float64, services ...string) bool {
	for _, service := range services {
		if r.last(service).State != state {
			return false
		}
	}
	return true
}

// until has rounds of checks until a condition holds.
func (r *replay) until(t *testing.T, what string, patience time.Duration, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		r.round(t, "true")
		if holds() {
			return
		}
	}
	var now []string
	for _, service := range append(append(ours, ofMX1001...), peers...) {
		last := r.last(service)
		now = append(now, fmt.Sprintf("%s: %v %s", service, last.State, last.Output))
	}
	t.Fatalf("not so after %v: %s\n%s", patience, what, strings.Join(now, "\n"))
}

// says compares the last output of a service with an expression.
func (r *replay) says(t *testing.T, service, want string) {
	t.Helper()
	if output := r.last(service).Output; !regexp.MustCompile(want).MatchString(output) {
		t.Errorf("%s says %q; want %q", service, output, want)
	}
}

// perfdata compares a value, as Icinga reads it, with its bounds.
func (r *replay) perfdata(t *testing.T, service, label string, least, most float64) {
	t.Helper()
	items := r.last(service).Perfdata
	if value, ok := r.parsed(t, items)[label]; !ok || value < least || value > most {
		t.Errorf("%s has performance data %q; want %s from %v to %v", service, items, label, least,
			most)
	}
}

// since gives the results of a service from an instant on.
func (r *replay) since(start time.Time, service string) (results []checkResult) {
	for _, result := range r.history[service] {
		if result.Start >= float64(start.UnixMicro())/1e6 {
			results = append(results, result)
		}
	}
	return results
}

// first gives the time from the start to the first result of this state, in intervals of the job.
func (r *replay) first(start time.Time, service string, state float64) (intervals float64,
	found bool) {
	for _, result := range r.since(start, service) {
		if result.State == state {
			return (result.End - float64(start.UnixMicro())/1e6) / interval.Seconds(), true
		}
	}
	return 0, false
}

// stays wants the services in one state all the time.
func (r *replay) stays(t *testing.T, start time.Time, state float64, services ...string) {
	t.Helper()
	for _, service := range services {
		results := r.since(start, service)
		if len(results) == 0 {
			t.Errorf("%s: no result", service)
		}
		for _, result := range results {
			if result.State != state {
				t.Errorf("%s: state %v: %s; want %v all the time", service, result.State,
					result.Output, state)
				break
			}
		}
	}
}

// ranked wants each of the services to warn before it is critical.
func (r *replay) ranked(t *testing.T, start time.Time, services ...string) {
	t.Helper()
	for _, service := range services {
		w, warned := r.first(start, service, warning)
		if c, alarmed := r.first(start, service, critical); !warned || !alarmed || w >= c {
			t.Errorf(
				"%s: WARNING %v after %.1f intervals, CRITICAL %v after %.1f; want both, in this order",
				service, warned, w, alarmed, c)
		}
	}
}

// chapter adds an act to the table: when each check warned and was critical, in intervals of the
// job since the fault, and what it says now. A peer whose state never changed said the same all
// along.
func (r *replay) chapter(t *testing.T, act string, fault time.Time, services ...string) {
	t.Helper()
	for range 2 {
		r.round(t, "true")
	}
	after := func(service string, state float64) string {
		if intervals, found := r.first(fault, service, state); found {
			return fmt.Sprintf("%.1f", intervals)
		}
		return "never"
	}
	fmt.Fprintf(&r.table, "\n%s:\n\n| check | WARNING | CRITICAL | says |\n|---|---|---|---|\n",
		act)
	for _, service := range services {
		says := strings.TrimSpace(firstLine(r.last(service).Output))
		fmt.Fprintf(&r.table, "| %s | %s | %s | %s |\n", named[service], after(service, warning),
			after(service, critical), says)
	}
}

// measured compares the table with the one in the chapter about the incident: all but the numbers
// is to be the same. UPDATE writes it anew.
func (r *replay) measured(t *testing.T, file string) {
	t.Helper()
	const begin, end = "<!-- make replay -->\n", "<!-- end -->\n"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, _ := strings.Cut(string(text), begin)
	old, after, found := strings.Cut(rest, end)
	if !found {
		t.Fatalf("%s has no table between %q and %q", file, begin, end)
	}
	if os.Getenv("UPDATE") != "" {
		text = []byte(before + begin + r.table.String()[1:] + "\n" + end + after)
		if err := os.WriteFile(file, text, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	mask := func(table string) string {
		table = regexp.MustCompile(`[0-9]+(\.[0-9]+)?( ?(ms|s|m)\b)?( [0-9]+s\b)?`).
			ReplaceAllString(table, "N")
		return strings.TrimSpace(table)
	}
	if diff := cmp.Diff(mask(old), mask(r.table.String())); diff != "" {
		t.Errorf("%s is stale (-has +measured):\n%s", file, diff)
	}
}
