package plugintest

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"
)

// The structures in properties.
type (
	loadError  struct{ Name, Message string }
	onCalendar struct {
		Base, Spec string
		Next       uint64
	}
	onMonotonic struct {
		Base           string
		Interval, Next uint64
	}
	condition struct {
		Type            string
		Trigger, Negate bool
		Param           string
		State           int32
	}
	execStart struct {
		Path                string
		Args                []string
		Ignore              bool
		Start, SM, Exit, EM uint64
		PID                 uint32
		Code, Status        int32
	}
)

// parseValue returns the D-Bus value of a text; the zero value of the kind for "". For a kind that
// is a list the text is an element, which is added to list.
func parseValue(kind, text string, list any, now time.Time) (any, error) {
	switch kind {
	case "string":
		return text, nil
	case "strings":
		return strings.Fields(text), nil
	case "bool":
		return text == "yes", nil
	case "uint32":
		n, err := strconv.ParseUint("0"+text, 10, 32)
		return uint32(n), err
	case "int32":
		n, err := strconv.ParseInt("0"+text, 10, 32)
		return int32(n), err
	case "usec":
		return parseDuration(text)
	case "stamp", "wall", "mono":
		return parseInstant(text, kind == "mono", now)
	case "error":
		return loadError{"org.freedesktop.systemd1.LoadFailed", text}, nil
	case "job":
		return struct {
			ID   uint32
			Path dbus.ObjectPath
		}{0, "/"}, nil
	case "calendar":
		all, _ := list.([]onCalendar)
		return append(all, onCalendar{"OnCalendar", text, 0}), nil
	case "monotonic":
		all, _ := list.([]onMonotonic)
		base, interval, _ := strings.Cut(text, " ")
		usec, err := parseDuration(interval)
		return append(all, onMonotonic{base, usec, 0}), err
	case "conditions":
		all, _ := list.([]condition)
		return append(all, parseCondition(text)), nil
	case "exec":
		all, _ := list.([]execStart)
		e, err := parseExec(text, now)
		return append(all, e), err
	}
	return nil, fmt.Errorf("unknown property")
}

// parseCondition reads "ConditionPathExists=|!/run/x failed". Without the last word the condition
// was not checked.
func parseCondition(text string) condition {
	text, state, _ := strings.Cut(text, " ")
	kind, param, _ := strings.Cut(text, "=")
	c := condition{Type: kind, State: map[string]int32{"failed": -1, "succeeded": 1}[state]}
	param, c.Trigger = strings.CutPrefix(param, "|")
	c.Param, c.Negate = strings.CutPrefix(param, "!")
	return c
}

// parseExec reads "-/bin/x arg ; began now-2h ; ended now-1h 0" with instants and an exit status.
// Without the former the command began when it ended. Without the latter it has not ended in this
// run, or systemd has forgotten its end.
func parseExec(text string, now time.Time) (e execStart, err error) {
	line, end, ended := strings.Cut(text, " ; ended ")
	line, start, began := strings.Cut(line, " ; began ")
	line, e.Ignore = strings.CutPrefix(line, "-")
	args := append(strings.Fields(line), "")
	e.Path, e.Args = args[0], args[:len(args)-1]
	if !ended {
		return e, nil
	}
	instant, status, _ := strings.Cut(end, " ")
	n, err := strconv.ParseInt(status, 10, 32)
	if err != nil {
		return e, err
	}
	e.Exit, err = parseInstant(instant, false, now)
	e.Start, e.Code, e.Status = e.Exit, 1, int32(n) // CLD_EXITED
	if began && err == nil {
		e.Start, err = parseInstant(start, false, now)
	}
	return e, err
}

// parseInstant returns microseconds since 1970 or, for mono, since this machine's boot; an instant
// before the boot is an error.
func parseInstant(text string, mono bool, now time.Time) (uint64, error) {
	at := now
	switch rest, relative := strings.CutPrefix(text, "now"); {
	case text == "" || text == "0":
		return 0, nil
	case text == "infinity":
		return math.MaxUint64, nil
	case relative && rest == "":
	case relative:
		usec, err := parseDuration(rest[1:])
		if err != nil || rest[0] != '-' && rest[0] != '+' {
			return 0, fmt.Errorf("%q is no instant", text)
		}
		at = now.Add(time.Duration(usec) * time.Microsecond * map[byte]time.Duration{'-': -1,
			'+': 1}[rest[0]])
	default:
		var err error
		if at, err = time.Parse("2006-01-02 15:04:05 MST", text); err != nil {
			return 0, err
		}
	}
	if !mono {
		return uint64(at.UnixMicro()), nil
	}
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		return 0, err
	}
	usec := ts.Nano()/1000 - time.Since(at).Microseconds()
	if usec <= 0 {
		return 0, fmt.Errorf("%q may lie before this machine's boot", text)
	}
	return uint64(usec), nil
}

// parseDuration returns the microseconds of 1d2h3min4s; a number without a unit is seconds.
func parseDuration(text string) (usec uint64, err error) {
	units := map[string]time.Duration{"w": 7 * 24 * time.Hour, "d": 24 * time.Hour, "h": time.Hour,
		"min": time.Minute, "m": time.Minute,
		"s": time.Second, "": time.Second, "ms": time.Millisecond, "us": time.Microsecond}
	if text == "infinity" {
		return math.MaxUint64, nil
	}
	for rest := strings.ReplaceAll(text, " ", ""); rest != ""; {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		letters := len(rest[digits:]) - len(strings.TrimLeft(rest[digits:],
			"abcdefghijklmnopqrstuvwxyz"))
		n, err := strconv.ParseUint(rest[:digits], 10, 64)
		unit, ok := units[rest[digits:digits+letters]]
		if err != nil || !ok {
			return 0, fmt.Errorf("%q is no duration", text)
		}
		usec += n * uint64(unit/time.Microsecond)
		rest = rest[digits+letters:]
	}
	return usec, nil
}
