package nagios

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

func TestWorst(t *testing.T) {
	for _, test := range []struct {
		states []State
		want   State
	}{
		{nil, OK},
		{[]State{OK, Warning}, Warning},
		{[]State{Unknown, Warning}, Unknown},
		{[]State{Unknown, Critical, OK}, Critical},
	} {
		if got := Worst(test.states...); got != test.want {
			t.Errorf("Worst(%v) = %v; want %v", test.states, got, test.want)
		}
	}
}

func TestStateText(t *testing.T) {
	for text, want := range map[string]State{"ok": OK, "Warning": Warning, "CRITICAL": Critical,
		"unknown": Unknown} {
		var s State
		if err := s.UnmarshalText([]byte(text)); err != nil || s != want {
			t.Errorf("UnmarshalText(%q) = %v, %v; want %v", text, s, err, want)
		}
	}
	var s State
	if err := s.UnmarshalText([]byte("2")); err == nil {
		t.Errorf("UnmarshalText(2) is accepted as %v; want an error", s)
	}
}

// The accepted forms are those on which the C, Perl and Python parsers agree,
// and our units; String writes plain numbers.
func TestTimeRange(t *testing.T) {
	inf := math.Inf(1)
	for _, test := range []struct {
		text       string
		start, end float64
		inside     bool
		canonical  string
	}{
		{"10", 0, 10, false, "10"},
		{"10:", 10, inf, false, "10:"},
		{"~:10", -inf, 10, false, "~:10"},
		{"10:20", 10, 20, false, "10:20"},
		{"@10:20", 10, 20, true, "@10:20"},
		{"@10", 0, 10, true, "@10"},
		{"@~:10", -inf, 10, true, "@~:10"},
		{"@10:", 10, inf, true, "@10:"},
		{":10", 0, 10, false, "10"},
		{"10:10", 10, 10, false, "10:10"},
		{"0", 0, 0, false, "0"},
		{"0:", 0, inf, false, "0:"},
		{"-10:", -10, inf, false, "-10:"},
		{"-10:10", -10, 10, false, "-10:10"},
		{"~:-10", -inf, -10, false, "~:-10"},
		{"~:", -inf, inf, false, "~:"},
		{"@~:", -inf, inf, true, "@~:"},
		{".5:", 0.5, inf, false, "0.5:"},
		{"5.", 0, 5, false, "5"},
		{"+10", 0, 10, false, "10"},
		{"0.500000", 0, 0.5, false, "0.5"},
		{"25h", 0, 90000, false, "90000"},
		{"1d12h", 0, 129600, false, "129600"},
		{"90m", 0, 5400, false, "5400"},
		{"10m:2h", 600, 7200, false, "600:7200"},
		{"@0:5", 0, 5, true, "@5"},
		{"~:1h", -inf, 3600, false, "~:3600"},
		{"1h30min", 0, 5400, false, "5400"},
		{"1h 30min", 0, 5400, false, "5400"},
		{"2w", 0, 1209600, false, "1209600"},
		{"1y", 0, 31557600, false, "31557600"},
		{"2M", 0, 5259600, false, "5259600"},
		{"2 months", 0, 5259600, false, "5259600"},
		{"500ms", 0, 0.5, false, "0.5"},
		{"1us", 0, 1e-6, false, "0.000001"},
		{"1.5h", 0, 5400, false, "5400"},
		{"-1h:1h", -3600, 3600, false, "-3600:3600"},
	} {
		var r TimeRange
		if err := r.UnmarshalText([]byte(test.text)); err != nil {
			t.Errorf("TimeRange(%q): %v", test.text, err)
			continue
		}
		if want := (Range{test.start, test.end, test.inside, true}); r.Range != want {
			t.Errorf("TimeRange(%q) = %+v; want %+v", test.text, r.Range, want)
		}
		if got := r.String(); got != test.canonical {
			t.Errorf("TimeRange(%q).String() = %q; want %q", test.text, got, test.canonical)
		}
	}
}

func TestTimeRangeRefused(t *testing.T) {
	for _, text := range []string{
		"", ":", "@", "@:", " ", "abc", "10%", "20:10", "10:20:30", "nan", "inf", "-inf", "1e5",
		"0x10", "-10", "1.2.3", "--5", "+-5", "5:~",
		"10:abc", "1h30", "h", "1x", "10 20", "-", ".", strings.Repeat("9", 400),
		"99999999999999999999", "9999999999999y", "1h:30m", "1,5", "10;", "1 \n h", "infinity",
	} {
		var r TimeRange
		err := r.UnmarshalText([]byte(text))
		if err == nil {
			t.Errorf("TimeRange(%q) = %+v; want an error", text, r.Range)
			continue
		}
		if quoted := fmt.Sprintf("%q", text); text != "" && strings.Trim(text, "@: ") != "" &&
			!strings.Contains(err.Error(), quoted) {
			t.Errorf("TimeRange(%q): %v; want the offending text in the error", text, err)
		}
	}
}

// A range of counts or bytes takes no time units: "1M" would be a month.
func TestRangePlain(t *testing.T) {
	for _, text := range []string{"1M", "5m", "1h:2h", "10s"} {
		var r Range
		if err := r.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("Range(%q) = %+v; want an error", text, r)
		}
	}
	for text, want := range map[string]string{
		"1:": "1:", "+10": "10", "-10:10": "-10:10", "-10:": "-10:", "~:-10": "~:-10", ":10": "10",
		"10:10": "10:10", "@~:": "@~:", "~:": "~:", ".5:": "0.5:", "5.": "5", "0.500000": "0.5",
	} {
		var r Range
		if err := r.UnmarshalText([]byte(text)); err != nil || r.String() != want {
			t.Errorf("Range(%s) = %v, %v; want %s", text, r, err, want)
		}
	}
}

func TestAlerts(t *testing.T) {
	for _, test := range []struct {
		text   string
		quiet  []float64
		alerts []float64
	}{
		{"10", []float64{0, 5, 10}, []float64{-0.1, 10.000001}},
		{"10:", []float64{10, 1e12}, []float64{9.99}},
		{"@10:20", []float64{9.9, 20.1}, []float64{10, 15, 20}},
		{"~:", []float64{-1e12, 0, 1e12}, nil},
		{"@~:", nil, []float64{-1e12, 0, 1e12}},
		{"0", []float64{0}, []float64{1}},
	} {
		var r Range
		if err := r.UnmarshalText([]byte(test.text)); err != nil {
			t.Fatal(err)
		}
		for _, v := range test.quiet {
			if r.Alerts(v) {
				t.Errorf("range %s alerts at %v", test.text, v)
			}
		}
		for _, v := range test.alerts {
			if !r.Alerts(v) {
				t.Errorf("range %s is quiet at %v", test.text, v)
			}
		}
	}
	if (Range{}).Alerts(1) {
		t.Error("the zero range alerts")
	}
}

func TestJudgeCriticalFirst(t *testing.T) {
	w, c := Range{End: 10, Set: true}, Range{End: 5, Set: true}
	for v, want := range map[float64]State{5: OK, 6: Critical, 11: Critical} {
		if got := Judge(v, w, c); got != want {
			t.Errorf("Judge(%v, %v, %v) = %v; want %v", v, w, c, got, want)
		}
	}
}

func TestCrossed(t *testing.T) {
	for _, test := range []struct {
		value                                 float64
		warning, critical, state, plain, span string
	}{
		{7000, "5400", "2", "warning", "outside the range 5400", "the limit is 1h 30m"},
		{7000, "5400", "2", "critical", "outside the range 2", "the limit is 2 s"},
		{5430, "5400", "2", "warning", "outside the range 5400",
			"the limit is 1h 30m, passed by 30 s"},
		{88200, "86400", "", "warning", "outside the range 86400",
			"the limit is 1d, passed by 30m"},
		{18216, "4.1", "", "warning", "outside the range 4.1", "the limit is 4.1 s"},
		{0.000423, "0.00005", "", "warning", "outside the range 0.00005", "the limit is 50 us"},
		{7000, "10:20", "10:", "warning", "outside the range 10:20", "outside the range 10s:20s"},
		{7000, "5405:", "@90061:90062", "warning", "outside the range 5405:",
			"outside the range 5405s:"},
		{7000, "5405:", "@90061:90062", "critical", "inside the range 90061:90062",
			"inside the range 90061s:90062s"},
		{7000, "10:20", "10:", "critical", "outside the range 10:", "outside the range 10s:"},
		{7000, "@60", "@~:5", "warning", "inside the range 0:60", "inside the range 0:1m"},
		{7000, "@60", "@~:5", "critical", "inside the range ~:5", "inside the range ~:5s"},
		{7000, "9007199254740992", "", "warning", "outside the range 9007199254740992",
			"the limit is 104166d 16h"},
	} {
		var w, c Range
		var state State
		w.UnmarshalText([]byte(test.warning))
		c.UnmarshalText([]byte(test.critical))
		state.UnmarshalText([]byte(test.state))
		if got := Crossed(state, w, c); got != test.plain {
			t.Errorf("Crossed(%v, %v, %v) = %q; want %q", state, w, c, got, test.plain)
		}
		if got := CrossedTime(state, test.value, w, c); got != test.span {
			t.Errorf("CrossedTime(%v, %v, %v, %v) = %q; want %q", state, test.value, w, c, got,
				test.span)
		}
	}
}

func TestDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{"9": 9 * time.Second,
		"0.5": 500 * time.Millisecond, "1m30s": 90 * time.Second, "2.000000": 2 * time.Second} {
		var d Duration
		if err := d.UnmarshalText([]byte(text)); err != nil || time.Duration(d) != want {
			t.Errorf("Duration(%q) = %v, %v; want %v", text, time.Duration(d), err, want)
		}
	}
	for _, text := range []string{"0", "-1", "", "abc", "300y", "5:10"} {
		var d Duration
		if err := d.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("Duration(%q) = %v; want an error", text, time.Duration(d))
		}
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                                      "0 s",
		1500 * time.Microsecond:                "1 ms",
		2199 * time.Millisecond:                "2.1 s",
		45 * time.Second:                       "45 s",
		5 * time.Minute:                        "5m",
		5*time.Minute + 7*time.Second:          "5m 7s",
		12*time.Hour + 3*time.Minute:           "12h 3m",
		110*24*time.Hour + 2*time.Hour:         "110d 2h",
		-90 * time.Second:                      "-1m 30s",
		time.Duration(math.MinInt64):           "-106751d 23h",
		24*time.Hour - time.Nanosecond:         "23h 59m",
		10*time.Second - 100*time.Microsecond:  "9.9 s",
		time.Millisecond - 500*time.Nanosecond: "999 us",
	} {
		if got := Span(d); got != want {
			t.Errorf("Span(%d) = %q; want %q", d, got, want)
		}
	}
}

func TestInstant(t *testing.T) {
	zone := time.FixedZone("CET", 3600)
	if got, want := Instant(time.Date(2022, 2, 22, 5, 44, 0, 9e8, zone)),
		"2022-02-22 04:44:00 UTC"; got != want {
		t.Errorf("Instant = %q; want %q", got, want)
	}
}

// What parses prints as a range that parses to the same; nothing panics.
func FuzzTimeRange(f *testing.F) {
	for _, seed := range []string{"10", "@10:20", "~:1h30min", "1d12h:", ".5:5.", "-5:5", "1µs",
		"@~:", "9007199254740992", ":", "1h:1x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var r TimeRange
		if r.UnmarshalText([]byte(text)) != nil {
			return
		}
		if r.Start > r.End || math.IsNaN(r.Start) || math.IsNaN(r.End) {
			t.Fatalf("TimeRange(%q) = %+v", text, r.Range)
		}
		var back, again TimeRange
		if err := back.UnmarshalText([]byte(r.String())); err != nil {
			t.Fatalf("TimeRange(%q).String() = %q does not read back: %v", text, r, err)
		}
		if again.UnmarshalText([]byte(back.String())) != nil || again != back ||
			back.String() != r.String() {
			t.Fatalf("TimeRange(%q): %q reads back as %q", text, r, back)
		}
		q := Quantity{Value: r.End, Warning: r.Range, Critical: r.Range}
		if err := q.data("x").Validate(); err != nil && q.Known() {
			t.Fatalf("TimeRange(%q): go-nagios says: %v", text, err)
		}
	})
}

func TestCount(t *testing.T) {
	for n, want := range map[int]string{0: "0 entries", 1: "1 entry", 2: "2 entries"} {
		if got := Count(n, "entry", "entries"); got != want {
			t.Errorf("Count(%d) = %q; want %q", n, got, want)
		}
	}
}

func TestList(t *testing.T) {
	for _, test := range []struct {
		names        string
		limit, total int
		want         string
	}{
		{"", 3, 0, ""},
		{"a", 3, 1, "a"},
		{"a b", 3, 2, "a and b"},
		{"a b c", 3, 3, "a, b and c"},
		{"a b c d", 3, 4, "a, b, c and 1 more"},
		{"a b c d", 1, 4, "a and 3 more"},
		{"a b", 3, 7, "a, b and 5 more"},
	} {
		if got := List(strings.Fields(test.names), test.limit, test.total); got != test.want {
			t.Errorf("List(%q, %d, %d) = %q; want %q", test.names, test.limit, test.total, got,
				test.want)
		}
	}
}
