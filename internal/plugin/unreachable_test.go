package plugin

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"mailfresh/internal/nagios"
)

// A critical range within the warning range hides every warning; -w 2h -c 1h
// was mistaken for the other way round.
func TestUnreachableWarnings(t *testing.T) {
	type options struct {
		Warning, Critical               nagios.TimeRange
		EntriesWarning, EntriesCritical nagios.Range
		Critically                      string
	}
	for _, x := range []struct {
		w, c string
		want bool
	}{
		{"1h", "2h", false}, {"2h", "1h", true}, {"1h", "1h", false}, {"10:", "20:", true},
		{"20:", "10:", false}, {"10:20", "5:30", false}, {"5:30", "10:20", true},
		{"10:", "20", false}, {"@1:5", "3", false},
	} {
		var o options
		if err := o.Warning.UnmarshalText([]byte(x.w)); err != nil {
			t.Fatal(err)
		}
		if err := o.Critical.UnmarshalText([]byte(x.c)); err != nil {
			t.Fatal(err)
		}
		if got := unreachableWarnings(&o); (len(got) == 1) != x.want {
			t.Errorf("-w %s -c %s: %q; want a note: %t", x.w, x.c, got, x.want)
		}
	}
}

// The note has the ranges as they are written in options: times with units.
func TestUnreachableWarningsText(t *testing.T) {
	type options struct {
		Warning, Critical             nagios.TimeRange
		MissedWarning, MissedCritical nagios.Range
	}
	var o options
	for text, r := range map[string]interface{ UnmarshalText([]byte) error }{"2h": &o.Warning,
		"1h": &o.Critical, "5": &o.MissedWarning, "3": &o.MissedCritical} {
		if err := r.UnmarshalText([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		"note: the critical range 1h lies within the warning range 2h: there is never a warning",
		"note: the critical range 3 lies within the warning range 5: there is never a warning",
	}
	if diff := cmp.Diff(want, unreachableWarnings(&o)); diff != "" {
		t.Errorf("unreachableWarnings (-want +got):\n%s", diff)
	}
}

// A limit that has a range of times among its fields is a range; what has none is no range.
func TestUnreachableWarningsInFields(t *testing.T) {
	type limit struct {
		Range nagios.TimeRange
		times float64
	}
	type options struct {
		Warning                         string
		Critical                        nagios.Range
		RunningWarning, RunningCritical limit
		AgeWarning                      nagios.Range
	}
	var o options
	for text, r := range map[string]interface{ UnmarshalText([]byte) error }{
		"1h": &o.RunningCritical.Range, "2h": &o.RunningWarning.Range, "3": &o.Critical,
		"4": &o.AgeWarning} {
		if err := r.UnmarshalText([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		"note: the critical range 1h lies within the warning range 2h: there is never a warning",
	}
	if diff := cmp.Diff(want, unreachableWarnings(&o)); diff != "" {
		t.Errorf("unreachableWarnings (-want +got):\n%s", diff)
	}
	if o.RunningWarning = (limit{times: 5}); len(unreachableWarnings(&o)) > 0 {
		t.Errorf("a limit without a range: %q; want no note", unreachableWarnings(&o))
	}
}
