package calendar

import (
	"math"
	"testing"
	"time"
)

// stepped counts as Count promises to: by Next alone.
func stepped(e *Event, after, until time.Time, max int) (n int) {
	for n < max {
		next, ok := e.Next(after)
		if !ok || next.After(until) {
			break
		}
		n, after = n+1, next
	}
	return n
}

func TestCountIsTheNumberOfSteps(t *testing.T) {
	const max = 400
	for _, zone := range []string{"UTC", "Europe/Berlin", "Europe/Dublin", "Australia/Lord_Howe", "America/Sao_Paulo", "Pacific/Apia"} {
		for _, spec := range []string{
			"*:*:*", "*:*", "*:0/7", "*:0/7:5..50/9", "hourly", "daily", "Mon..Fri 0/5:0,30", "02:30", "*-*~1..5 *:15", "3/6:0", "*:0/30:0/7", "*:*:0..59/3",
			"23:59:59", "*:*:0/0.7", "*:*:30.5", "*:0/10:0/13.000001", "1..3:*", "yearly", "*-02-30",
		} {
			e := parseTest(t, spec, zone)
			for _, start := range []string{"2018-11-02 21:10:11", "2024-03-29 23:59:59", "2024-10-25 13:00:00", "2024-04-05 12:34:56", "2011-12-28 06:00:00", "2024-06-10 10:00:00"} {
				after := at(t, start)
				for _, span := range []time.Duration{0, time.Second, 47 * time.Minute, 31 * time.Hour, 4*24*time.Hour + 123456*time.Microsecond} {
					got, want := e.Count(after, after.Add(span), max), stepped(e, after, after.Add(span), max)
					if got != want {
						t.Errorf("%q in %s: Count(%s, %s later) = %d; want %d", spec, zone, start, span, got, want)
					}
				}
			}
		}
	}
}

// Were these counted elapse by elapse, the test would not end.
func TestCountDoesNotStep(t *testing.T) {
	for _, test := range []struct {
		spec  string
		years int
		want  int
	}{
		{"yearly", 50, 50},
		{"*-*-* 12:00", 50, 18263},
		{"*:*:*", 12, 4383 * 86400},
		{"*:*", 12, 4383 * 1440},
		{"*-02-30 *:*:*", 100, 0},
	} {
		e := parseTest(t, test.spec, "UTC")
		after := at(t, "2024-01-01 00:00:00").Add(-time.Microsecond)
		until := at(t, "2024-01-01 00:00:00").AddDate(test.years, 0, 0).Add(-time.Microsecond)
		if got := e.Count(after, until, math.MaxInt); got != test.want {
			t.Errorf("%q: %d elapses in %d years; want %d", test.spec, got, test.years, test.want)
		}
	}
}

func TestCountStopsAtMax(t *testing.T) {
	after := at(t, "2024-01-01 00:00:00")
	for _, spec := range []string{"*:*:*", "*:*", "*:*:0/0.000001", "daily"} {
		e := parseTest(t, spec, "Europe/Berlin")
		for _, max := range []int{0, 1, 100} {
			if got := e.Count(after, after.AddDate(100, 0, 0), max); got != max {
				t.Errorf("%q: Count(..., %d) = %d", spec, max, got)
			}
		}
		if got := e.Count(after, after.Add(-time.Hour), 5); got != 0 {
			t.Errorf("%q: %d elapses until before the start; want 0", spec, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, test := range golden {
		f.Add(test.spec, int64(1711843200), int64(500000))
	}
	for _, spec := range []string{"Mon *-02-30", "*-*~28/2 *:*:59/0.000001", "*:*:0/59.999999", "sun,MON..fri 70..99/3-1..12/5~1..28/9 0..23/7:*:* Cest", "@-0", "2199-12-31 0/1:0/59:0/59"} {
		f.Add(spec, int64(1729990800), int64(1))
	}
	local := mustZone(f, "Europe/Berlin")
	f.Fuzz(func(t *testing.T, spec string, seconds, micros int64) {
		e, err := Parse(spec, local)
		if err != nil {
			return
		}
		normal := e.String()
		if again, err := Parse(normal, local); err != nil || again.String() != normal {
			t.Fatalf("Parse(%q) = %v, %v; from %q", normal, again, err, spec)
		}
		after := time.Unix(seconds%(1<<34), micros%1000000*1000)
		if n := e.Count(after, after.AddDate(0, 0, 3), 50); n != stepped(e, after, after.AddDate(0, 0, 3), 50) {
			t.Errorf("%q: Count(%v, 3 days later) = %d; want %d", spec, after, n, stepped(e, after, after.AddDate(0, 0, 3), 50))
		}
		for range 3 {
			next, ok := e.Next(after)
			if ok && !next.After(after) {
				t.Fatalf("%q: Next(%v) = %v", spec, after, next)
			}
			if !ok {
				return
			}
			after = next
		}
	})
}

func BenchmarkNext(b *testing.B) {
	for _, spec := range []string{"daily", "*:*:*", "Mon *-02-29 UTC", "Mon *-02-30"} {
		b.Run(spec, func(b *testing.B) {
			e := parseTest(b, spec, "Europe/Berlin")
			for b.Loop() {
				e.Next(time.Unix(1700000000, 0))
			}
		})
	}
}

func BenchmarkCount(b *testing.B) {
	for _, test := range []struct {
		spec string
		span time.Duration
	}{
		{"yearly", 50 * 366 * 24 * time.Hour}, {"*:*:*", 24 * time.Hour}, {"*:*:*", 366 * 24 * time.Hour}, {"*:*:0/0.1", 24 * time.Hour}, {"daily", 50 * 366 * 24 * time.Hour},
	} {
		b.Run(test.spec+"/"+test.span.String(), func(b *testing.B) {
			e := parseTest(b, test.spec, "Europe/Berlin")
			for b.Loop() {
				e.Count(time.Unix(1700000000, 0), time.Unix(1700000000, 0).Add(test.span), math.MaxInt)
			}
		})
	}
}
