package nagios

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// seconds returns a time unit of systemd.time(7) in seconds; 0 if it is not known. A month has
// 30.44 days, a year 365.25.
func seconds(unit string) float64 {
	switch unit {
	case "us", "usec", "µs", "μs":
		return 1e-6
	case "ms", "msec":
		return 1e-3
	case "s", "sec", "second", "seconds":
		return 1
	case "m", "min", "minute", "minutes":
		return 60
	case "h", "hr", "hour", "hours":
		return 3600
	case "d", "day", "days":
		return 86400
	case "w", "week", "weeks":
		return 604800
	case "M", "month", "months":
		return 2629800
	case "y", "year", "years":
		return 31557600
	}
	return 0
}

// maxNumber is the largest number of an option: a float64 holds all integers up to maxNumber.
const maxNumber = 1 << 53

// parseNumber reads a decimal number: digits with at most one point and an optional sign. No
// exponent, no inf, no nan.
func parseNumber(s string) (float64, error) {
	digits := strings.TrimLeft(s, "+-")
	if len(s)-len(digits) > 1 || strings.Trim(digits, "0123456789.") != "" ||
		strings.Trim(digits, ".") == "" {
		return 0, fmt.Errorf("%q is not a number", s)
	}
	v, err := strconv.ParseFloat(s, 64)
	if math.Abs(v) > maxNumber {
		return 0, fmt.Errorf("%q is too large", s)
	}
	if err != nil {
		return 0, fmt.Errorf("%q is not a number", s)
	}
	return v, nil
}

// parseSeconds reads a time span of systemd.time(7) and returns it in seconds: "90", "25h",
// "1d12h", "1h30min", "2 weeks", "0.5". A leading sign applies to the whole span.
func parseSeconds(s string) (float64, error) {
	rest := strings.TrimLeft(s, "+-")
	if len(s)-len(rest) > 1 || rest == "" {
		return 0, fmt.Errorf("%q is not a time span", s)
	}
	total := 0.0
	for first := true; rest != ""; first = false {
		unit := strings.TrimLeft(rest, "0123456789.")
		number := strings.TrimSuffix(rest, unit)
		if number == "" {
			return 0, fmt.Errorf("%q is not a time span: a number is missing", s)
		}
		v, err := parseNumber(number)
		if err != nil {
			return 0, fmt.Errorf("%q is not a time span: %w", s, err)
		}
		unit = strings.TrimLeft(unit, " ")
		end := strings.IndexAny(unit, " 0123456789.")
		if end < 0 {
			end = len(unit)
		}
		scale := seconds(unit[:end])
		switch {
		case scale > 0:
		case unit == "" && first:
			scale = 1 // a bare number is in seconds
		case unit[:end] == "":
			return 0, fmt.Errorf("%q is not a time span: a unit is missing", s)
		default:
			return 0, fmt.Errorf("%q is not a time span: unit %q is not known", s, unit[:end])
		}
		total += v * scale
		rest = strings.TrimLeft(unit[end:], " ")
	}
	if total > maxNumber {
		return 0, fmt.Errorf("%q is too large", s)
	}
	if s[0] == '-' {
		total = -total
	}
	return total, nil
}

// Duration is an option's time span: "9", "9s", "1m30s".
type Duration time.Duration

// UnmarshalText reads a positive time span of at most 290 years.
func (d *Duration) UnmarshalText(text []byte) error {
	seconds, err := parseSeconds(string(text))
	if err != nil {
		return err
	}
	if seconds <= 0 || seconds > math.MaxInt64/1e9 {
		return fmt.Errorf("%q is out of range: want more than 0 and at most 290 years", text)
	}
	*d = Duration(seconds * 1e9)
	return nil
}

// Span writes a time span for a person, in its two largest units: "12h 3m", "2.1 s", "45 s",
// "4d 3h".
func Span(d time.Duration) string {
	if d < 0 {
		return "-" + Span(-max(d, -math.MaxInt64))
	}
	pair := func(unit time.Duration, large, small string, part time.Duration) string {
		if rest := d % unit / part; rest > 0 {
			return fmt.Sprintf("%d%s %d%s", d/unit, large, rest, small)
		}
		return fmt.Sprintf("%d%s", d/unit, large)
	}
	const day = 24 * time.Hour
	switch {
	case d >= day:
		return pair(day, "d", "h", time.Hour)
	case d >= time.Hour:
		return pair(time.Hour, "h", "m", time.Minute)
	case d >= time.Minute:
		return pair(time.Minute, "m", "s", time.Second)
	case d >= 10*time.Second:
		return fmt.Sprintf("%d s", d/time.Second)
	case d >= time.Second:
		return Number(math.Floor(d.Seconds()*10)/10) + " s"
	case d == 0:
		return "0 s"
	case d >= time.Millisecond:
		return fmt.Sprintf("%d ms", d/time.Millisecond)
	}
	return Number(float64(d.Microseconds())) + " us"
}

// Instant writes a point in time for a person, in UTC to the second: "2022-02-22 04:44:00 UTC".
func Instant(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// Number writes a value with at most six decimals and no exponent.
func Number(v float64) string {
	s := strconv.FormatFloat(v, 'f', 6, 64)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}
