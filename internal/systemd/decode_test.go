package systemd

import (
	"encoding/binary"
	"math"
	"strings"
	"testing"
	"time"
)

func TestInstant(t *testing.T) {
	boot := time.Date(2022, 2, 1, 0, 0, 0, 0, time.UTC)
	usec := func(at time.Time) uint64 { return uint64(at.UnixMicro()) }
	hour := uint64(time.Hour / time.Microsecond)
	for _, tt := range []struct {
		name       string
		asleep     time.Duration
		real, mono uint64
		want       time.Time
	}{
		{"unset", 0, 0, 0, time.Time{}},
		{"never", 0, math.MaxUint64, math.MaxUint64, time.Time{}},
		{"from before the boot", 0, usec(boot.Add(-time.Hour)), 0, boot.Add(-time.Hour)},
		{"no wall clock", 0, 0, hour, boot.Add(time.Hour)},
		{"both agree", 0, usec(boot.Add(time.Hour + 300*time.Millisecond)), hour, boot.Add(time.Hour + 300*time.Millisecond)},
		{"clock stepped forwards since", 0, usec(boot.Add(-50 * 365 * 24 * time.Hour)), hour, boot.Add(time.Hour)},
		{"clock stepped back since", 0, usec(boot.Add(9999 * time.Hour)), hour, boot.Add(time.Hour)},
		{"slept for 8 h since", 8 * time.Hour, usec(boot.Add(-7 * time.Hour)), hour, boot.Add(-7 * time.Hour)},
		{"absurd", 0, math.MaxUint64 - 1, 0, time.UnixMicro(math.MaxInt64)},
		{"absurd monotonic", 0, 0, math.MaxUint64 - 1, boot.Add(Infinity)},
	} {
		got := clock{boot, tt.asleep}.instant(tt.real, tt.mono)
		if !got.Equal(tt.want) {
			t.Errorf("%s: instant(%d, %d) = %v; want %v", tt.name, tt.real, tt.mono, got, tt.want)
		}
	}
}

func TestDuration(t *testing.T) {
	for usec, want := range map[uint64]time.Duration{0: 0, 1: time.Microsecond, 60_000_000: time.Minute,
		math.MaxUint64: Infinity, math.MaxUint64 - 1: Infinity, math.MaxInt64: Infinity} {
		if got := duration(usec); got != want {
			t.Errorf("duration(%d) = %v; want %v", usec, got, want)
		}
	}
}

func TestConditionString(t *testing.T) {
	for want, c := range map[string]Condition{
		"ConditionPathExists=!/run/x": {Type: "ConditionPathExists", Param: "/run/x", Negate: true},
		"AssertUser=|!root":           {Type: "AssertUser", Param: "root", Trigger: true, Negate: true},
		"ConditionACPower=true":       {Type: "ConditionACPower", Param: "true"},
	} {
		if got := c.String(); got != want {
			t.Errorf("%#v.String() = %q; want %q", c, got, want)
		}
	}
}

// TestWireBounds holds the reading of values against messages that are cut, or that claim more than there is.
func TestWireBounds(t *testing.T) {
	le := binary.LittleEndian
	huge := le.AppendUint32(nil, math.MaxUint32)
	nested := append([]byte(strings.Repeat("\x01v\x00", 200)), "\x01y\x00x"...)
	for name, read := range map[string]func() *wire{
		"empty":          func() *wire { w := &wire{order: le}; w.uint64(); return w },
		"endless string": func() *wire { w := &wire{b: huge, order: le}; w.string(); return w },
		"endless array":  func() *wire { w := &wire{b: huge, order: le}; w.array(8, func() { w.uint64() }); return w },
		"skipped array":  func() *wire { w := &wire{b: huge, order: le}; w.skip("as", 0); return w },
		"no progress": func() *wire {
			w := &wire{b: append(le.AppendUint32(nil, 4), 1, 2, 3, 4), order: le}
			w.array(1, func() {})
			return w
		},
		"variants nested": func() *wire { w := &wire{b: nested, order: le}; w.skip("v", 0); return w },
		"array of what":   func() *wire { w := &wire{b: huge, order: le}; w.skip("a", 0); return w },
	} {
		if w := read(); w.err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	long := append(le.AppendUint32(nil, 100_000), make([]byte, 100_001)...)
	w := &wire{b: long, order: le}
	if s := w.string(); len(s) != maxString || w.err != nil || w.pos != len(long) {
		t.Errorf("a string of 100000 bytes: %d bytes, %v, at %d", len(s), w.err, w.pos)
	}
}

// FuzzProperties wants no panic and no endless loop, whatever the properties of a unit are.
func FuzzProperties(f *testing.F) {
	f.Add([]byte{}, "a{sv}", false)
	f.Add([]byte("\x10\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00Id\x00\x01s\x00\x01\x00\x00\x00x\x00"), "a{sv}", false)
	f.Add([]byte("\xff\xff\xff\xff\x00\x00\x00\x00\x03\x00\x00\x00Job\x00\x04(uo)\x00"), "a{sv}", true)
	f.Add([]byte("\x20\x00\x00\x00\x00\x00\x00\x00\x0e\x00\x00\x00TimersCalendar\x00\x06a(sst)\x00\xff\xff\xff\x00"), "a{sv}", false)
	f.Fuzz(func(t *testing.T, b []byte, signature string, big bool) {
		w := &wire{b: b, order: binary.LittleEndian}
		if big {
			w.order = binary.BigEndian
		}
		p := &properties{values: map[string]value{}}
		p.all(w, signature)
		p.timer("x.timer", clock{})
		p.service("x.service", clock{})
		(&wire{b: b, order: w.order}).skip(signature, 0)
	})
}
