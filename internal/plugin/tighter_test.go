package plugin

import (
	"testing"

	"mailfresh/internal/nagios"
)

// A critical range within the warning range hides every warning; -w 2h -c 1h
// was mistaken for the other way round.
func TestTighter(t *testing.T) {
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
		if got := tighter(&o); (len(got) == 1) != x.want {
			t.Errorf("-w %s -c %s: %q; want a note: %t", x.w, x.c, got, x.want)
		}
	}
}
