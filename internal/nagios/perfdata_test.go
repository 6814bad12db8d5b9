package nagios

import (
	"math"
	"strings"
	"testing"
)

func TestQuantityPerfdata(t *testing.T) {
	limit := Range{End: 90000, Set: true}
	for _, test := range []struct {
		q    Quantity
		want string
	}{
		{Quantity{Value: 3}, "x=3;;;0"},
		{Quantity{Value: 1.5, Unit: Seconds, Critical: limit}, "x=1.5s;;90000;0"},
		{Quantity{Value: -2, Unit: Seconds, Signed: true}, "x=-2s"},
		{Quantity{Value: 7, Unit: Bytes, Signed: true, Warning: limit}, "x=7B;90000"},
		{Quantity{Value: math.NaN()}, ""},
		{Quantity{Value: math.Inf(-1)}, ""},
	} {
		got, err := test.q.Perfdata("x")
		if got != test.want || (err != nil) != (test.want == "") {
			t.Errorf("%+v: %q, %v; want %q", test.q, got, err, test.want)
		}
		if err := test.q.data("x").Validate(); err != nil && test.want != "" {
			t.Errorf("%+v: go-nagios says: %v", test.q, err)
		}
	}
}

// file is an object with one quantity, or none where the file is missing.
func file(name string, missing bool) Object {
	o := Object{Name: "/" + name, Prefix: name}
	if !missing {
		o.Quantities = []Quantity{{Label: "age", Value: 1, Signed: true},
			{Metric: "mtime", Value: 5}}
	}
	return o
}

// Two names that make one label: each keeps its own, whatever happens to the
// other. Before, the second took the first one's when that was missing.
func TestLabelsByPosition(t *testing.T) {
	count := Quantity{Label: "files", Value: 2}
	for _, test := range []struct {
		name   string
		result Result
		want   string
	}{
		{"one", Result{Objects: []Object{file("a.b", false)}}, "age=1"},
		{"one missing", Result{Objects: []Object{file("a.b", true)}}, ""},
		{"several", Result{Objects: []Object{file("a", false), file("b", false)}},
			"a_age=1 b_age=1"},
		{"one label", Result{Objects: []Object{file("a.b", false), file("a-b", false)}},
			"a_b_age=1 a_b_age_2=1"},
		{"the first missing", Result{Objects: []Object{file("a.b", true), file("a-b", false)}},
			"a_b_age_2=1"},
		{"the second missing", Result{Objects: []Object{file("a.b", false), file("a-b", true)}},
			"a_b_age=1"},
		{"totals", Result{Totals: []Quantity{count},
			Objects: []Object{file("a", false), file("b", false)}}, "files=2;;;0 a_age=1 b_age=1"},
		{"totals only", Result{Totals: []Quantity{count}, TotalsOnly: true,
			Objects: []Object{file("a", false)}}, "files=2;;;0"},
		{"a total's label", Result{Totals: []Quantity{{Label: "age", Signed: true}},
			Objects: []Object{file("a", false)}}, "age=0 age_2=1"},
	} {
		if got := strings.Join(test.result.Perfdata(), " "); got != test.want {
			t.Errorf("%s: %q; want %q", test.name, got, test.want)
		}
	}
}

// Labels are folded; a label that an object has twice is numbered, too.
func TestLabelsOfObjects(t *testing.T) {
	twice := Object{Name: "MX1:25", Quantities: []Quantity{{Label: "Time A", Signed: true},
		{Label: "time-a", Signed: true}}}
	for _, test := range []struct {
		objects []Object
		want    string
	}{
		{nil, ""},
		{[]Object{twice}, "time_a=0 time_a_2=0"},
		{[]Object{twice, file("/x", false), twice},
			"mx1_25_time_a=0 mx1_25_time_a_2=0 _x_age=1 mx1_25_time_a_2_2=0 mx1_25_time_a_2_3=0"},
	} {
		if got := strings.Join((Result{Objects: test.objects}).Perfdata(), " "); got != test.want {
			t.Errorf("%+v: %q; want %q", test.objects, got, test.want)
		}
	}
}
