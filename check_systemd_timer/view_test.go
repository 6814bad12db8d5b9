package main

import "testing"

// Counting ends at 10,000: more may have been missed.
func TestRuns(t *testing.T) {
	for n, want := range map[int]string{1: "1 scheduled run", 9999: "9999 scheduled runs",
		10_000: "at least 10000 scheduled runs"} {
		if got := runs(n); got != want {
			t.Errorf("runs(%d) = %q; want %q", n, got, want)
		}
	}
}
