package calendar

import (
	"bytes"
	"encoding/binary"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"
	_ "time/tzdata" // for a machine without zones

	"github.com/google/go-cmp/cmp"
)

// zones stands for /usr/share/zoneinfo, which not every machine has.
var zones = fstest.MapFS{
	"America/New_York": {Data: zoneFile("EST", -5, "EST5EDT,M3.2.0,M11.1.0")},
	"Europe/Berlin":    {Data: zoneFile("CET", 1, "CET-1CEST,M3.5.0,M10.5.0/3")},
	"posixrules":       {Mode: fs.ModeNamedPipe},
	"tzdata.zi":        {Data: []byte("# version 2024a\nR d 1916 o - Jun 14 23s 1 S\n")},
	"huge":             {Data: make([]byte, 1<<20+1)},
}

// zoneFile makes a zone file (RFC 8536, version 2) without transitions: one name and hours east of
// UTC, and the rule of the footer, which counts at all times.
func zoneFile(name string, hours int32, rule string) []byte {
	var b bytes.Buffer
	header := func(types, chars uint32) {
		b.WriteString("TZif2" + strings.Repeat("\x00", 15+4*4)) // no leap seconds, no transitions
		binary.Write(&b, binary.BigEndian, []uint32{types, chars})
	}
	body := func() {
		binary.Write(&b, binary.BigEndian, hours*3600)
		b.WriteString("\x00\x00" + name + "\x00")
	}
	header(1, uint32(len(name)+1))
	body()
	header(1, uint32(len(name)+1))
	body()
	b.WriteString("\n" + rule + "\n")
	return b.Bytes()
}

func mustZone(t testing.TB, name string) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// parseTest parses spec with a local zone that is given by name.
func parseTest(t testing.TB, spec, zone string) *Event {
	t.Helper()
	e, err := parseIn(zones, spec, mustZone(t, zone))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func at(t testing.TB, text string) time.Time {
	t.Helper()
	instant, err := time.Parse(time.DateTime, text)
	if err != nil {
		t.Fatal(err)
	}
	return instant
}

// golden is what systemd-analyze calendar --iterations=3 of systemd 252.38 prints: the normalised
// form, and the elapses after an
// instant, in UTC and cut to seconds.
var golden = []struct{ spec, zone, after, normal, elapses string }{
	// Man page: duplicate and overlapping weekdays fold.
	{"Sat,Thu,Mon..Wed,Sat..Sun", "UTC", "2024-05-01 00:00:00", "Mon..Thu,Sat,Sun *-*-* 00:00:00",
		"2024-05-02 00:00:00, 2024-05-04 00:00:00, 2024-05-05 00:00:00"},
	// Man page: two-digit year, list of hours.
	{"Mon,Sun 12-*-* 2,1:23", "UTC", "2012-02-28 00:00:00", "Mon,Sun 2012-*-* 01,02:23:00",
		"2012-03-04 01:23:00, 2012-03-04 02:23:00, 2012-03-05 01:23:00"},
	// Man page: trailing comma.
	{"Wed, 17:48", "UTC", "2024-05-01 00:00:00", "Wed *-*-* 17:48:00",
		"2024-05-01 17:48:00, 2024-05-08 17:48:00, 2024-05-15 17:48:00"},
	// Man page: fractions are rounded to six places.
	{"05:40:23.4200004/3.1700005", "UTC", "2024-05-01 05:40:23", "*-*-* 05:40:23.420000/3.170001",
		"2024-05-01 05:40:23, 2024-05-01 05:40:26, 2024-05-01 05:40:29"},
	// Man page: step in the month, values out of order.
	{"mon,fri *-1/2-1,3 *:30:45", "UTC", "2024-05-01 00:00:00", "Mon,Fri *-01/2-01,03 *:30:45",
		"2024-05-03 00:30:45, 2024-05-03 01:30:45, 2024-05-03 02:30:45"},
	// Dashes in weekday ranges, any case, double blank.
	{"mon-WED,friday  12:5", "UTC", "2024-05-01 00:00:00", "Mon..Wed,Fri *-*-* 12:05:00",
		"2024-05-01 12:05:00, 2024-05-03 12:05:00, 2024-05-06 12:05:00"},
	// The last three days of each month.
	{"*-*~1..3", "UTC", "2024-02-27 12:00:00", "*-*~01..03 00:00:00",
		"2024-02-28 00:00:00, 2024-02-29 00:00:00, 2024-03-29 00:00:00"},
	// The last Monday in May: ~7 with a step runs to the month's end.
	{"Mon *-05~07/1", "UTC", "2024-01-01 00:00:00", "Mon *-05~07/1 00:00:00",
		"2024-05-27 00:00:00, 2025-05-26 00:00:00, 2026-05-25 00:00:00"},
	// The 28th last day and every third one after it, to the month's end.
	{"*-*~28/3", "UTC", "2024-04-20 00:00:00", "*-*~28/3 00:00:00",
		"2024-04-21 00:00:00, 2024-04-24 00:00:00, 2024-04-27 00:00:00"},
	// A range that ends where it starts is a value, its step is dropped.
	{"*:25..25/23", "UTC", "2024-05-01 00:00:00", "*-*-* *:25:00",
		"2024-05-01 00:25:00, 2024-05-01 01:25:00, 2024-05-01 02:25:00"},
	// A range ends at the last value its step reaches.
	{"*:0..59/25", "UTC", "2024-05-01 00:00:00", "*-*-* *:00..50/25:00",
		"2024-05-01 00:25:00, 2024-05-01 00:50:00, 2024-05-01 01:00:00"},
	// A range with step one needs no step; every second is a star.
	{"*:*:0/1", "UTC", "2024-05-01 00:00:00", "*-*-* *:*:*",
		"2024-05-01 00:00:01, 2024-05-01 00:00:02, 2024-05-01 00:00:03"},
	// But the same as a range is not.
	{"*:*:0..59/1", "UTC", "2024-05-01 00:00:00", "*-*-* *:*:00..59",
		"2024-05-01 00:00:01, 2024-05-01 00:00:02, 2024-05-01 00:00:03"},
	// Duplicates go.
	{"7/11,07/11:53", "UTC", "2024-05-01 00:00:00", "*-*-* 07/11:53:00",
		"2024-05-01 07:53:00, 2024-05-01 18:53:00, 2024-05-02 07:53:00"},
	// A leap day on a Monday.
	{"Mon *-02-29", "UTC", "2024-05-01 00:00:00", "Mon *-02-29 00:00:00",
		"2044-02-29 00:00:00, 2072-02-29 00:00:00, 2112-02-29 00:00:00"},
	// The shorthand nobody documents.
	{"bi-annually", "UTC", "2024-05-01 00:00:00", "*-01,07-01 00:00:00",
		"2024-07-01 00:00:00, 2025-01-01 00:00:00, 2025-07-01 00:00:00"},
	// A misspelling systemd keeps.
	{"anually", "UTC", "2024-05-01 00:00:00", "*-01-01 00:00:00",
		"2025-01-01 00:00:00, 2026-01-01 00:00:00, 2027-01-01 00:00:00"},
	// Seconds since the epoch are UTC, whatever the local zone.
	{"@1700000000", "Europe/Berlin", "2023-01-01 00:00:00", "2023-11-14 22:13:20 UTC",
		"2023-11-14 22:13:20"},
	// C's strtoul takes white space and signs.
	{"@ +5", "UTC", "1970-01-01 00:00:00", "1970-01-01 00:00:05 UTC", "1970-01-01 00:00:05"},
	// It also wraps negative numbers around.
	{"@-18446744073709551615", "UTC", "1970-01-01 00:00:00", "1970-01-01 00:00:01 UTC",
		"1970-01-01 00:00:01"},
	// The event's own zone.
	{"daily America/New_York", "Europe/Berlin", "2024-03-09 12:00:00",
		"*-*-* 00:00:00 America/New_York",
		"2024-03-10 05:00:00, 2024-03-11 04:00:00, 2024-03-12 04:00:00"},
	// UTC in any case.
	{"12:00 utc", "Europe/Berlin", "2024-03-30 12:00:00", "*-*-* 12:00:00 UTC",
		"2024-03-31 12:00:00, 2024-04-01 12:00:00, 2024-04-02 12:00:00"},
	// No 31 April.
	{"*-04-31", "UTC", "2024-05-01 00:00:00", "*-04-31 00:00:00", ""},
	// Nor 30 February; systemd gives up after 1000 rounds at the latest.
	{"Mon *-02-30", "UTC", "2024-05-01 00:00:00", "Mon *-02-30 00:00:00", ""},
	// 2199 is the last year.
	{"2199-12-31 23:59:59", "UTC", "2024-05-01 00:00:00", "2199-12-31 23:59:59",
		"2199-12-31 23:59:59"},
	// Spring: a time in the gap does not happen that day.
	{"02:30", "Europe/Berlin", "2024-03-30 00:00:00", "*-*-* 02:30:00",
		"2024-03-30 01:30:00, 2024-04-01 00:30:00, 2024-04-02 00:30:00"},
	// Spring: a progression passes the gap.
	{"0/1:30", "Europe/Berlin", "2024-03-31 00:00:00", "*-*-* 00/1:30:00",
		"2024-03-31 00:30:00, 2024-03-31 01:30:00, 2024-03-31 02:30:00"},
	// Autumn: the repeated hour counts once, its second half is passed over.
	{"*:0/30", "Europe/Berlin", "2024-10-27 00:15:00", "*-*-* *:00/30:00",
		"2024-10-27 00:30:00, 2024-10-27 02:00:00, 2024-10-27 02:30:00"},
	// Autumn: from within the second half the rest of it counts.
	{"*:0/30", "Europe/Berlin", "2024-10-27 01:15:00", "*-*-* *:00/30:00",
		"2024-10-27 01:30:00, 2024-10-27 02:00:00, 2024-10-27 02:30:00"},
	// Half an hour of daylight saving time.
	{"*:0/20", "Australia/Lord_Howe", "2024-04-06 14:30:00", "*-*-* *:00/20:00",
		"2024-04-06 14:40:00, 2024-04-06 15:30:00, 2024-04-06 15:50:00"},
	// The gap swallows midnight.
	{"daily", "America/Sao_Paulo", "2018-11-03 00:00:00", "*-*-* 00:00:00",
		"2018-11-03 03:00:00, 2018-11-05 02:00:00, 2018-11-06 02:00:00"},
	// The day that Samoa skipped.
	{"daily", "Pacific/Apia", "2011-12-29 00:00:00", "*-*-* 00:00:00",
		"2011-12-29 10:00:00, 2011-12-30 10:00:00, 2011-12-31 10:00:00"},
	// Summer is standard time in Ireland: mktime answers times in the gap with times before it.
	{"*:*", "Europe/Dublin", "2024-03-31 00:58:30", "*-*-* *:*:00",
		"2024-03-31 00:59:00, 2024-03-31 01:00:00, 2024-03-31 01:01:00"},
	// For the same reason a time after the gap can be missed.
	{"1..2:30", "Europe/Dublin", "2024-03-31 00:50:30", "*-*-* 01..02:30:00",
		"2024-04-01 00:30:00, 2024-04-01 01:30:00, 2024-04-02 00:30:00"},
	// A progression that overruns the hour into a gap, under an abbreviation: 02:50 is missed, and
	// 03:29 is the last.
	{"1..3:29/21 +1030", "Australia/Lord_Howe", "1999-10-30 15:00:00",
		"*-*-* 01..03:29/21:00 +1030", "1999-10-30 15:20:00, 1999-10-30 16:29:00"},
	// Steps that overrun midnight into a gap go round in circles: never, although 11:00 comes
	// every day.
	{"11/5:*:55", "Europe/Berlin", "2019-03-30 22:52:38", "*-*-* 11/5:*:55", ""},
	// An abbreviation does not convert: the first date looked at has the other time, so never.
	{"daily CEST", "Europe/Berlin", "2024-01-10 00:00:00", "*-*-* 00:00:00 CEST", ""},
	// An abbreviation, while that time is in force.
	{"daily cet", "Europe/Berlin", "2024-01-10 00:00:00", "*-*-* 00:00:00 CET",
		"2024-01-10 23:00:00, 2024-01-11 23:00:00, 2024-01-12 23:00:00"},
	// Fractions that overrun the minute shift the next one: 59.5 is followed by 0.7, not 0.0.
	{"*:*:0/0.7", "UTC", "2024-05-01 00:00:58.5", "*-*-* *:*:00/0.700000",
		"2024-05-01 00:00:58, 2024-05-01 00:00:59, 2024-05-01 00:01:00"},
	// Minutes that overrun the hour: 56 is followed by 0.
	{"*:0/7", "UTC", "2024-05-01 00:50:00", "*-*-* *:00/7:00",
		"2024-05-01 00:56:00, 2024-05-01 01:00:00, 2024-05-01 01:07:00"},
}

func TestNext(t *testing.T) {
	for _, test := range golden {
		t.Run(test.spec, func(t *testing.T) {
			e := parseTest(t, test.spec, test.zone)
			if got := e.String(); got != test.normal {
				t.Errorf("Parse(%q).String() = %q; want %q", test.spec, got, test.normal)
			}
			var got []string
			for next, ok := e.Next(at(t, test.after)); ok && len(got) < 3; next, ok = e.Next(next) {
				got = append(got, next.UTC().Format(time.DateTime))
			}
			if diff := cmp.Diff(test.elapses, strings.Join(got, ", ")); diff != "" {
				t.Errorf("%q in %s after %s (-want +got):\n%s",
					test.spec, test.zone, test.after, diff)
			}
		})
	}
}

func TestNextIsExactToTheMicrosecond(t *testing.T) {
	e := parseTest(t, "*:*:0/0.7", "UTC")
	after := at(t, "2024-05-01 00:00:59").Add(500 * time.Millisecond)
	for _, want := range []string{"00:01:00.7", "00:01:01.4", "00:01:02.1"} {
		next, ok := e.Next(after)
		if got := next.Format("15:04:05.999999999"); !ok || got != want {
			t.Errorf("Next(%s) = %s, %t; want %s", after, got, ok, want)
		}
		after = next
	}
}

func TestNextOutsideTheYears(t *testing.T) {
	e := parseTest(t, "daily", "UTC")
	if next, ok := e.Next(at(t, "1900-01-01 00:00:00")); !ok || !next.Equal(time.Unix(0, 0)) {
		t.Errorf("after 1900 = %v, %t; want the epoch", next, ok)
	}
	for _, after := range []string{
		"2199-12-31 00:00:00", "2200-06-01 00:00:00", "9999-01-01 00:00:00",
	} {
		if next, ok := e.Next(at(t, after)); ok {
			t.Errorf("after %s = %v; want none", after, next)
		}
	}
	if next, ok := e.Next(time.Unix(1<<55, 0)); ok {
		t.Errorf("after a far future = %v; want none", next)
	}
}

// Under an abbreviation systemd can name an elapse an hour before the instant it was asked about:
// here 02:31 CEST, 00:31 UTC, over and
// over. A next elapse that is past is none.
func TestNextNeverGoesBack(t *testing.T) {
	e := parseTest(t, "*:* CEST", "Europe/Berlin")
	after := at(t, "2024-10-27 01:30:00") // 02:30 CET
	if next, ok := e.Next(after); ok {
		t.Errorf("Next(%v) = %v; want none", after, next)
	}
}

func TestParseSaysWhatIsWrong(t *testing.T) {
	for spec, want := range map[string]string{
		"Fri..Mon 12:00": `calendar event "Fri..Mon 12:00": no weekday or forward range of weekdays: "fri..mon"`,
		"12:6x,y":        `calendar event "12:6x,y": no value, range or step: "6x"`,
		"99-99 99:99":    `calendar event "99-99 99:99": value out of range in "99"`,
		"30/40:00":       `calendar event "30/40:00": value out of range in "30/40"`,
		"*:5..3":         `calendar event "*:5..3": range runs backwards in "05..03"`,
	} {
		if e, err := Parse(spec, time.UTC); err == nil || err.Error() != want {
			t.Errorf("Parse(%q) = %v, %v; want %s", spec, e, err, want)
		}
	}
}

// Every one of these is refused by systemd-analyze calendar, too.
func TestParseRefuses(t *testing.T) {
	for _, spec := range []string{
		"", " ", "foo", " 12:00", "12:00 ", "12:00:", "12", "1,:00", "*,1:00", "daily 12:00", "UTC",
		" UTC", "we\u212aly", "hourl\xff", "12:\x0000",
		"Fri..Mon", "Mon..", "Mon..Tue..Wed", "Mond 12:00", "Mon,,Tue", "Mon.Tue", "Mon..foo",
		"24:00", "*:60", "*:*:60", "*-13-1", "*-*-32", "*-0-1", "1969-1-1", "2200-1-1",
		"69..70-1-1", "2024-01", "2024~01-01", "2024-01-01 12",
		"5..3:00", "*:0/60", "*:31/29", "*:0/0", "*:*:0..0.5", "*:*:59.9999999", "*:*:7.",
		"*:*:2147", "*:*:2148", "99999999999:0",
		"*-*~29", "*-*~1,26", "@", "@1.5", "@7258118400", "@99999999999999999999",
		"12:00 Mars/Olympus", "12:00 europe/berlin", "12:00 ../zoneinfo/UTC", "12:00 Europe",
		"12:00 /Europe/Berlin", "12:00 tzdata.zi",
		"*:" + strings.Repeat("1,", 241) + "1",
	} {
		if e, err := Parse(spec, time.UTC); err == nil {
			t.Errorf("Parse(%q) = %v; want an error", spec, e)
		}
	}
}

// And these are accepted, though they look wrong.
func TestParseAccepts(t *testing.T) {
	for spec, want := range map[string]string{
		"*-*~01 ":                              "*-*~01 00:00:00",
		"*:31/28":                              "*-*-* *:31/28:00",
		"*~*":                                  "*-*-* 00:00:00",
		"00000000000012:0":                     "*-*-* 12:00:00",
		"@7258118399":                          "2199-12-31 23:59:59 UTC",
		"*:" + strings.Repeat("1,", 240) + "1": "*-*-* *:01:00",
	} {
		if e, err := Parse(spec, time.UTC); err != nil || e.String() != want {
			t.Errorf("Parse(%q) = %v, %v; want %q", spec, e, err, want)
		}
	}
}

// A zone that has daylight saving time alone has one name, too.
func TestAbbreviationsOfEndlessSummer(t *testing.T) {
	data := bytes.ReplaceAll(zoneFile("SUM", 2, ""), []byte("\x00\x00SUM"), []byte("\x01\x00SUM"))
	zone, err := time.LoadLocationFromTZData("summer", data)
	if err != nil {
		t.Fatal(err)
	}
	want := [2]string{"SUM", "SUM"}
	if got := abbreviations(at(t, "2024-07-01 00:00:00").In(zone)); got != want {
		t.Errorf("abbreviations = %q; want %q", got, want)
	}
}

func TestAbbreviations(t *testing.T) {
	for _, test := range []struct {
		zone, now string
		want      [2]string
	}{
		{"Europe/Berlin", "2024-07-01 00:00:00", [2]string{"CET", "CEST"}},
		{"Europe/Berlin", "2124-01-01 00:00:00", [2]string{"CET", "CEST"}},
		{"Asia/Kathmandu", "2024-07-01 00:00:00", [2]string{"+0545", "+0545"}}, // one name is both
		// -02 was abolished in 2019
		{"America/Sao_Paulo", "2024-07-01 00:00:00", [2]string{"-03", "-03"}},
		{"Europe/Moscow", "2010-07-01 00:00:00", [2]string{"MSK", "MSD"}},
	} {
		if got := abbreviations(at(t, test.now).In(mustZone(t, test.zone))); got != test.want {
			t.Errorf("abbreviations(%s in %s) = %q; want %q", test.now, test.zone, got, test.want)
		}
	}
}
