package nagios

import (
	"strings"
	"testing"
)

func TestFindings(t *testing.T) {
	for _, test := range []struct {
		seen  string // states, in the order of seeing
		worst State
		want  string
	}{
		{"", OK, ""},
		{"ok", OK, "0 ok"},
		{"ok ok", OK, "0 ok"},
		{"ok warning", Warning, "1 warning"},
		{"warning ok unknown warning critical critical", Critical,
			"4 critical; 5 critical; 2 unknown; 0 warning; 3 warning"},
	} {
		var f Findings
		for i, word := range strings.Fields(test.seen) {
			var state State
			if err := state.UnmarshalText([]byte(word)); err != nil {
				t.Fatal(err)
			}
			f.Add(state, "%d %s", i, word)
		}
		if f.Worst() != test.worst || f.Text() != test.want {
			t.Errorf("%q: %v, %q; want %v, %q", test.seen, f.Worst(), f.Text(), test.worst,
				test.want)
		}
	}
}

func TestSummary(t *testing.T) {
	for _, test := range []struct {
		states []State
		want   string
	}{
		{[]State{OK}, "a"},
		{[]State{Warning}, "a"},
		{[]State{OK, OK}, "2 files are fresh"},
		{[]State{OK, Warning}, "b (the other file is fine)"},
		{[]State{OK, Critical, OK}, "b (the other 2 files are fine)"},
		{[]State{Warning, Unknown, OK, Critical, Critical}, "d (and 3 more of 5 files)"},
	} {
		var objects []Object
		for i, state := range test.states {
			objects = append(objects, Object{State: state, Name: string(rune('a' + i))})
		}
		if got := Summary(objects, "file", " are fresh",
			func(o Object) string { return o.Name }); got != test.want {
			t.Errorf("Summary(%v) = %q; want %q", test.states, got, test.want)
		}
	}
}
