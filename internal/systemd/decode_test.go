package systemd

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
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
		{"both agree", 0, usec(boot.Add(time.Hour + 300*time.Millisecond)), hour,
			boot.Add(time.Hour + 300*time.Millisecond)},
		{"clock stepped forwards since", 0, usec(boot.Add(-50 * 365 * 24 * time.Hour)), hour,
			boot.Add(time.Hour)},
		{"clock stepped back since", 0, usec(boot.Add(9999 * time.Hour)), hour,
			boot.Add(time.Hour)},
		{"slept for 8 h since", 8 * time.Hour, usec(boot.Add(-7 * time.Hour)), hour,
			boot.Add(-7 * time.Hour)},
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
	for usec, want := range map[uint64]time.Duration{0: 0, 1: time.Microsecond,
		60_000_000:     time.Minute,
		math.MaxUint64: Infinity, math.MaxUint64 - 1: Infinity, math.MaxInt64: Infinity} {
		if got := duration(usec); got != want {
			t.Errorf("duration(%d) = %v; want %v", usec, got, want)
		}
	}
}

func TestConditionString(t *testing.T) {
	for want, c := range map[string]Condition{
		"ConditionPathExists=!/run/x": {Type: "ConditionPathExists", Param: "/run/x", Negate: true},
		"AssertUser=|!root": {Type: "AssertUser", Param: "root", Trigger: true,
			Negate: true},
		"ConditionACPower=true": {Type: "ConditionACPower", Param: "true"},
	} {
		if got := c.String(); got != want {
			t.Errorf("%#v.String() = %q; want %q", c, got, want)
		}
	}
}

// FuzzReply wants no panic and no endless loop, whatever message comes back.
func FuzzReply(f *testing.F) {
	add := func(signature string, body ...any) {
		m := &dbus.Message{
			Type: dbus.TypeMethodReply,
			Body: body,
			Headers: map[dbus.HeaderField]dbus.Variant{
				dbus.FieldReplySerial: dbus.MakeVariant(uint32(1)),
				dbus.FieldSignature:   dbus.MakeVariant(dbus.ParseSignatureMust(signature)),
			},
		}
		var b bytes.Buffer
		if err := m.EncodeTo(&b, binary.LittleEndian); err != nil {
			f.Fatal(err)
		}
		b.Bytes()[8] = 1 // the serial
		f.Add(b.Bytes())
	}
	add(
		"a{sv}",
		map[string]dbus.Variant{
			"Id":        dbus.MakeVariant("x.timer"),
			"Job":       dbus.MakeVariant(uint32(1)),
			"LoadState": dbus.MakeVariant("loaded"),
		},
	)
	add("v", dbus.MakeVariant([]string{"a"}))
	add("as", []string{"a"})
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := decode(b)
		if err != nil {
			return
		}
		c := &Conn{list: listing{units: map[string]unitState{}}}
		p := newProperties(clock{})
		calls := []call{getAll("", "/", "", p), get("/", "Unit", "Job", p), c.listUnits(),
			c.getUnit("x.timer", func(p *properties) { p.timer("x.timer") }),
			c.getUnit("x.service", func(p *properties) { p.service("x.service") }),
			c.getUnit("x.slice", func(p *properties) { p.slice("x.slice") })}
		for _, c := range calls {
			_ = m.err()
			_ = c.reply(m)
		}
		p.timer("x.timer")
		p.service("x.service")
	})
}
