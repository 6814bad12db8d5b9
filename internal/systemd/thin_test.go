package systemd

import (
	"bytes"
	"encoding/binary"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/godbus/dbus/v5"
	"github.com/google/go-cmp/cmp"

	"mailfresh/internal/plugintest"
)

// reply encodes a reply with the body.
func reply(t testing.TB, body ...any) []byte {
	t.Helper()
	m := &dbus.Message{Type: dbus.TypeMethodReply, Body: body, Headers: map[dbus.HeaderField]dbus.Variant{
		dbus.FieldReplySerial: dbus.MakeVariant(uint32(1)), dbus.FieldSignature: dbus.MakeVariant(dbus.SignatureOf(body...))}}
	var b bytes.Buffer
	if err := m.EncodeTo(&b, binary.LittleEndian); err != nil {
		t.Fatal(err)
	}
	b.Bytes()[8] = 1 // the serial
	return b.Bytes()
}

// some are properties of every type, names and strings of every length among them.
func some() map[string]dbus.Variant {
	type row struct {
		Path  string
		Args  []string
		Fails bool
		At    uint64
	}
	return map[string]dbus.Variant{
		"a": dbus.MakeVariant(byte(1)), "bb": dbus.MakeVariant(true), "ccc": dbus.MakeVariant(int16(-2)), "dddd": dbus.MakeVariant(uint16(2)),
		"e": dbus.MakeVariant(int32(-3)), "ff": dbus.MakeVariant(uint32(3)), "ggg": dbus.MakeVariant(int64(-4)), "hhhh": dbus.MakeVariant(uint64(4)),
		"i": dbus.MakeVariant(1.5), "jj": dbus.MakeVariant("text"), "kkk": dbus.MakeVariant(dbus.ObjectPath("/a/b")), "llll": dbus.MakeVariant(dbus.ParseSignatureMust("a(sb)")),
		"m": dbus.MakeVariant([]byte{1, 2, 3}), "nn": dbus.MakeVariant([]uint64{}), "ooo": dbus.MakeVariant([]string{"", "x"}), "pppp": dbus.MakeVariant([]row{{"/bin/true", []string{"a"}, true, 5}}),
		"q": dbus.MakeVariant(row{"/bin/false", nil, false, 6}), "rr": dbus.MakeVariant(map[string]uint64{"x": 7}), "sss": dbus.MakeVariant(dbus.MakeVariant("inside")),
		"tttt": dbus.MakeVariant([][]int64{{1}, {}}), "u": dbus.MakeVariant([]row{}),
	}
}

func decode(t testing.TB, message []byte) map[string]dbus.Variant {
	t.Helper()
	m, err := dbus.DecodeMessage(bytes.NewReader(message))
	if err != nil {
		t.Fatalf("DecodeMessage: %v\n%q", err, message)
	}
	return m.Body[0].(map[string]dbus.Variant)
}

// What is kept is as godbus reads it from the whole, whatever stands before it.
func TestThin(t *testing.T) {
	all := some()
	r := rand.New(rand.NewPCG(plugintest.Seed(t), 0))
	for range 500 {
		used := map[string]bool{}
		for _, name := range slices.Sorted(maps.Keys(all)) {
			used[name] = r.IntN(3) == 0
		}
		whole := reply(t, all) // map order: each time another
		want := decode(t, whole)
		maps.DeleteFunc(want, func(name string, _ dbus.Variant) bool { return !used[name] })
		if diff := cmp.Diff(format(want), format(decode(t, thin(whole, used)))); diff != "" {
			t.Fatalf("thin(%q, %v) (-want +got):\n%s", whole, used, diff)
		}
	}
}

func format(p map[string]dbus.Variant) map[string]string {
	text := map[string]string{}
	for name, v := range p {
		text[name] = v.String()
	}
	return text
}

func TestThinLeaves(t *testing.T) {
	for name, message := range map[string][]byte{
		"another type": reply(t, []string{"a"}),
		"a cut":        reply(t, some())[:100],
		"a long array": func() []byte { m := reply(t, some()); m[len(m)-1]++; binary.LittleEndian.PutUint32(m[4:], 1); return m }(),
	} {
		if got := thin(message, map[string]bool{}); !bytes.Equal(got, message) {
			t.Errorf("thin of %s = %q; want %q", name, got, message)
		}
	}
}

// Facts are made of what thin keeps.
func TestUsed(t *testing.T) {
	for _, name := range []string{"LoadState", "InactiveExitTimestampMonotonic", "TimersCalendar", "ExecStart", "SuccessExitStatus", "JobType", "ControlGroup"} {
		if !used()[name] {
			t.Errorf("used() lacks %s", name)
		}
	}
	if n := len(used()); n > 80 {
		t.Errorf("used() has %d names; want fewer than 80", n)
	}
}

// FuzzThin wants no panic, nothing added, and of properties the used ones alone.
func FuzzThin(f *testing.F) {
	f.Add(reply(f, some()))
	f.Add(reply(f, []string{"a"}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < fixedHeader {
			return
		}
		used := map[string]bool{"a": true, "nn": true, "pppp": true, "jj": true}
		got := thin(b, used)
		if len(got) > len(b) {
			t.Fatalf("thin made %d bytes of %d", len(got), len(b))
		}
		if bytes.Equal(got, b) || len(got) > 1<<16 {
			return
		}
		if m, err := dbus.DecodeMessage(bytes.NewReader(got)); err == nil {
			for name := range m.Body[0].(map[string]dbus.Variant) {
				if !used[name] {
					t.Errorf("thin kept %q", name)
				}
			}
		}
	})
}
