package nagios

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
)

// Range is a threshold range of the Monitoring Plugins guidelines: [@][start:][end]. A value
// outside start..end alerts; with @ a value inside alerts. Both ends are inside. The zero Range is
// no threshold: it never alerts, and its text is empty.
type Range struct {
	Start, End float64 // inclusive; -Inf and +Inf where open
	Inside     bool    // @: alert inside instead of outside
	Set        bool    // false: no threshold was given
}

// UnmarshalText reads a range of plain numbers: "10", "10:", "~:10", "10:20", "@10:20".
func (r *Range) UnmarshalText(text []byte) (err error) {
	*r, err = parseRange(string(text), parseNumber)
	return err
}

// TimeRange is a Range in seconds whose bounds may carry the units of systemd.time(7): "25h",
// "10m:2h", "@0:1d12h". A bare number is in seconds.
type TimeRange struct{ Range }

// UnmarshalText reads a range of time spans.
func (r *TimeRange) UnmarshalText(text []byte) (err error) {
	r.Range, err = parseRange(string(text), parseSeconds)
	return err
}

// parseRange reads a range; bound reads its start and its end.
func parseRange(text string, bound func(string) (float64, error)) (Range, error) {
	r := Range{End: math.Inf(1), Set: true}
	rest, inside := strings.CutPrefix(text, "@")
	r.Inside = inside
	start, end, both := strings.Cut(rest, ":")
	if !both {
		start, end = "", rest
	}
	if start == "" && end == "" {
		return Range{}, errors.New("a range is empty: want [@][start:][end]")
	}
	var err error
	switch start {
	case "":
	case "~":
		r.Start = math.Inf(-1)
	default:
		r.Start, err = bound(start)
	}
	if end != "" && err == nil {
		r.End, err = bound(end)
	}
	switch {
	case err != nil:
		return Range{}, fmt.Errorf("range %q: %w", text, err)
	case r.Start > r.End:
		return Range{}, fmt.Errorf("range %q: start %s is beyond end %s", text, Number(r.Start),
			Number(r.End))
	}
	return r, nil
}

// Alerts reports whether v crosses the threshold.
func (r Range) Alerts(v float64) bool {
	return r.Set && (v >= r.Start && v <= r.End) == r.Inside
}

// String writes the range with plain numbers, in the shortest form that reads back the same:
// "90000", "10:20", "@~:5". It is empty if no range is set.
func (r Range) String() string { return r.text(Number) }

// Times writes the range of times with units: "10m:2h".
func (r Range) Times() string { return r.text(timeBound) }

// text writes the range; bound writes its start and its end.
func (r Range) text(bound func(float64) string) string {
	if !r.Set {
		return ""
	}
	text := ""
	if r.Inside {
		text = "@"
	}
	switch {
	case math.IsInf(r.Start, -1):
		text += "~:"
	case r.Start != 0 || math.IsInf(r.End, 1):
		text += bound(r.Start) + ":"
	}
	if !math.IsInf(r.End, 1) {
		text += bound(r.End)
	}
	return text
}

// Crossed says which threshold a value has crossed, from the state that it has.
func Crossed(state State, warning, critical Range) string {
	return crossedRange(state, warning, critical).crossed(Number)
}

// crossedRange is the range that made the state.
func crossedRange(state State, warning, critical Range) Range {
	if state == Critical {
		return critical
	}
	return warning
}

func (r Range) crossed(bound func(float64) string) string {
	if text, inside := strings.CutPrefix(r.text(bound), "@"); inside {
		if !strings.Contains(text, ":") {
			text = "0:" + text
		}
		return "inside the range " + text
	}
	return "outside the range " + r.text(bound)
}

// CrossedTime is Crossed for a time span in seconds. If the span and the limit have the same text,
// it also says by how much the limit was passed.
func CrossedTime(state State, seconds float64, warning, critical Range) string {
	r := crossedRange(state, warning, critical)
	if r.Inside || r.Start != 0 || math.IsInf(r.End, 1) {
		return r.crossed(timeBound)
	}
	took, allowed := span(seconds), span(r.End)
	text := "the limit is " + Span(allowed)
	if Span(took) == Span(allowed) {
		text += ", passed by " + Span(took-allowed)
	}
	return text
}

// span is a time span of at most 285 years.
func span(seconds float64) time.Duration {
	return time.Duration(math.Round(min(seconds, 9e9) * 1e9))
}

// timeBound writes an end of a range as an option takes it: "10m", "1h30m"; in seconds if units
// would not be exact.
func timeBound(seconds float64) string {
	text := strings.ReplaceAll(Span(span(seconds)), " ", "")
	if whole, err := parseSeconds(text); err != nil || whole != seconds {
		return Number(seconds) + "s"
	}
	return text
}

// Judge returns the state of v by its critical and its warning range.
func Judge(v float64, warning, critical Range) State {
	switch {
	case critical.Alerts(v):
		return Critical
	case warning.Alerts(v):
		return Warning
	}
	return OK
}
