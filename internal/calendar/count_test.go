package calendar

import (
	"testing"
	"time"
)

func TestCount(t *testing.T) {
	for _, test := range []struct {
		spec, zone, after string
		span              time.Duration
		want              int
	}{
		{"hourly", "UTC", "2024-01-01 00:00:00", 24 * time.Hour, 24}, // not the one at the start
		{"hourly", "Europe/Berlin", "2024-03-30 23:00:00", 24 * time.Hour, 24},
		{"hourly", "Europe/Berlin", "2024-10-26 22:00:00", 24 * time.Hour, 23},
		// a doubled hour counts once
		{"daily", "UTC", "2024-01-01 00:00:00", 366 * 24 * time.Hour, 366},
		{"*:*:0/0.7", "UTC", "2024-01-01 00:00:00", time.Minute, 85}, // 59.5 is the last one,
		{"*-02-30", "UTC", "2024-01-01 00:00:00", 36525 * 24 * time.Hour, 0},
		{"*:*", "UTC", "2024-01-01 00:00:00", 36525 * 24 * time.Hour, 1000}, // at most
		{"*:*:0/0.000001", "UTC", "2024-01-01 00:00:00", time.Hour, 1000},
		{"daily", "UTC", "2024-01-01 00:00:00", -time.Hour, 0},
		{"*-*-2/12", "UTC", "2023-12-20 00:00:00", 30 * 24 * time.Hour, 2}, // see TestCertain
	} {
		after := at(t, test.after)
		got := parseTest(t, test.spec, test.zone).Count(after, after.Add(test.span), 1000)
		if got != test.want {
			t.Errorf("%q in %s: Count(%s, %s later) = %d; want %d",
				test.spec, test.zone, test.after, test.span, got, test.want)
		}
	}
}

// systemd 252, asked after 26 December, names 14 January for *-*-2/12; 257.13 and 262 name
// 2 January. Asked on 1 January all name 2 January.
func TestCertain(t *testing.T) {
	for _, test := range []struct{ spec, zone, after, next, certain string }{
		{"*-*-2/12", "UTC", "2023-12-26 00:00:00", "2024-01-14 00:00:00", "2024-01-14 00:00:00"},
		{"*-*-2/12", "UTC", "2023-12-31 23:59:59", "2024-01-14 00:00:00", "2024-01-14 00:00:00"},
		{"*-*-2/12", "UTC", "2024-01-01 00:00:00", "2024-01-02 00:00:00", "2024-01-14 00:00:00"},
		{"*-*-2/12", "UTC", "2024-01-02 00:00:00", "2024-01-14 00:00:00", "2024-01-14 00:00:00"},
		{"*-*-2/12", "UTC", "2024-01-14 00:00:00", "2024-01-26 00:00:00", "2024-01-26 00:00:00"},
		{"*-*-2/12", "UTC", "2024-02-01 00:00:00", "2024-02-02 00:00:00", "2024-02-02 00:00:00"},
		// 23:30 UTC on New Year's Eve is January in Berlin.
		{"*-*-2/12", "Europe/Berlin", "2023-12-31 23:30:00", "2024-01-01 23:00:00",
			"2024-01-13 23:00:00"},
		{"*-*~18/16", "UTC", "2023-12-31 00:00:00", "2024-01-30 00:00:00", "2024-01-30 00:00:00"},
		{"*-*~18/16", "UTC", "2024-01-01 00:00:00", "2024-01-14 00:00:00", "2024-01-30 00:00:00"},
		// A step with an end, and one in the time of day, are the same everywhere.
		{"*-*-2..28/12", "UTC", "2024-01-01 00:00:00", "2024-01-02 00:00:00",
			"2024-01-02 00:00:00"},
		{"0/7:0", "UTC", "2024-01-01 00:00:00", "2024-01-01 07:00:00", "2024-01-01 07:00:00"},
		{"*-12-24/4", "UTC", "2024-01-05 00:00:00", "2024-12-24 00:00:00", "2024-12-24 00:00:00"},
	} {
		e := parseTest(t, test.spec, test.zone)
		next, _ := e.Next(at(t, test.after))
		certain, _ := e.Certain(at(t, test.after))
		got := [2]string{next.UTC().Format(time.DateTime), certain.UTC().Format(time.DateTime)}
		if want := [2]string{test.next, test.certain}; got != want {
			t.Errorf("%q in %s after %s: Next and Certain = %q; want %q",
				test.spec, test.zone, test.after, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, test := range golden {
		f.Add(test.spec, int64(1711843200), int64(500000))
	}
	for _, spec := range []string{
		"Mon *-02-30", "*-*~28/2 *:*:59/0.000001", "*:*:0/59.999999", "@-0",
		"sun,MON..fri 70..99/3-1..12/5~1..28/9 0..23/7:*:* Cest", "2199-12-31 0/1:0/59:0/59",
	} {
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
		if certain, ok := e.Certain(after); ok {
			next, _ := e.Next(after)
			if certain.Before(next) || !certain.After(after) {
				t.Errorf("%q: Certain(%v) = %v, and Next = %v", spec, after, certain, next)
			}
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
		{"yearly", 50 * 366 * 24 * time.Hour}, {"*:*:*", 24 * time.Hour}, {"*:*:*",
			366 * 24 * time.Hour}, {"*:*:0/0.1", 24 * time.Hour}, {"daily",
			50 * 366 * 24 * time.Hour},
	} {
		b.Run(test.spec+"/"+test.span.String(), func(b *testing.B) {
			e := parseTest(b, test.spec, "Europe/Berlin")
			for b.Loop() {
				e.Count(time.Unix(1700000000, 0), time.Unix(1700000000, 0).Add(test.span), 10_000)
			}
		})
	}
}
