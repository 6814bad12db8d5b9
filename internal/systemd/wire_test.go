package systemd

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/godbus/dbus/v5"
	"github.com/google/go-cmp/cmp"

	"mailfresh/internal/plugintest"
)

// encoded is a reply with the body as godbus writes it.
func encoded(t testing.TB, order binary.ByteOrder, body ...any) []byte {
	t.Helper()
	m := &dbus.Message{
		Type: dbus.TypeMethodReply,
		Body: body,
		Headers: map[dbus.HeaderField]dbus.Variant{
			dbus.FieldReplySerial: dbus.MakeVariant(uint32(1)),
			dbus.FieldSender:      dbus.MakeVariant(":1.7"),
			dbus.FieldSignature:   dbus.MakeVariant(dbus.SignatureOf(body...)),
		},
	}
	var b bytes.Buffer
	if err := m.EncodeTo(&b, order); err != nil {
		t.Fatal(err)
	}
	order.PutUint32(b.Bytes()[8:], 1) // the serial
	return b.Bytes()
}

// What is sent is what godbus reads in it.
func TestEncode(t *testing.T) {
	for _, args := range [][]any{nil, {""}, {"org.freedesktop.systemd1.Unit", "Id"}, {uint32(17)},
		{[]string{}, []string{"*.timer", "x"}}} {
		c := call{
			to:     "org.freedesktop.systemd1",
			path:   unitPath("a-b.timer"),
			iface:  "org.freedesktop.DBus.Properties",
			method: "Get",
			args:   args,
		}
		m, err := dbus.DecodeMessage(bytes.NewReader(c.encode(42)))
		if err != nil {
			t.Errorf("%q: %v", args, err)
			continue
		}
		if diff := cmp.Diff(args, m.Body); diff != "" && len(args) > 0 {
			t.Errorf("%q: the body (-want +got):\n%s", args, diff)
		}
		got := []any{
			m.Type,
			m.Headers[dbus.FieldPath].Value(),
			m.Headers[dbus.FieldDestination].Value(),
			m.Headers[dbus.FieldInterface].Value(),
			m.Headers[dbus.FieldMember].Value(),
		}
		want := []any{dbus.TypeMethodCall, dbus.ObjectPath(c.path), c.to, c.iface, c.method}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: the header (-want +got):\n%s", args, diff)
		}
	}
}

type row struct {
	Path  string
	Args  []string
	Fails bool
	At    uint64
}

// some are properties of every type, names and strings of every length among them.
func some() map[string]dbus.Variant {
	return map[string]dbus.Variant{
		"a":    dbus.MakeVariant(byte(1)),
		"bb":   dbus.MakeVariant(true),
		"ccc":  dbus.MakeVariant(int16(-2)),
		"dddd": dbus.MakeVariant(uint16(2)),
		"e":    dbus.MakeVariant(int32(-3)),
		"ff":   dbus.MakeVariant(uint32(3)),
		"ggg":  dbus.MakeVariant(int64(-4)),
		"hhhh": dbus.MakeVariant(uint64(4)),
		"i":    dbus.MakeVariant(1.5),
		"jj":   dbus.MakeVariant("text"),
		"kkk":  dbus.MakeVariant(dbus.ObjectPath("/a/b")),
		"llll": dbus.MakeVariant(dbus.ParseSignatureMust("a(sb)")),
		"m":    dbus.MakeVariant([]byte{1, 2, 3}),
		"nn":   dbus.MakeVariant([]uint64{}),
		"ooo":  dbus.MakeVariant([]string{"", "x"}),
		"pppp": dbus.MakeVariant([]row{{"/bin/true", []string{"a"}, true, 5}}),
		"q":    dbus.MakeVariant(row{"/bin/false", nil, false, 6}),
		"rr":   dbus.MakeVariant(map[string]uint64{"x": 7}),
		"sss":  dbus.MakeVariant(dbus.MakeVariant("inside")),
		"tttt": dbus.MakeVariant([][]int64{{1}, {}}),
		"u":    dbus.MakeVariant([]row{}),
		"vv": dbus.MakeVariant([]dbus.Variant{dbus.MakeVariant(uint64(1)),
			dbus.MakeVariant("x")}),
	}
}

// What is read is what godbus wrote, whatever stands before it, and in the byte order of either
// kind of machine.
func TestDecode(t *testing.T) {
	all := some()
	r := rand.New(rand.NewPCG(plugintest.Seed(t), 0))
	for range 300 {
		chosen := map[string]dbus.Variant{}
		for _, name := range slices.Sorted(maps.Keys(all)) {
			if r.IntN(3) > 0 {
				chosen[name] = all[name]
			}
		}
		order := []binary.ByteOrder{binary.LittleEndian, binary.BigEndian}[r.IntN(2)]
		message := encoded(t, order, chosen) // in map order: each time another
		m, err := decode(message)
		p := newProperties(clock{})
		if err == nil {
			err = p.fill(m)
		}
		if err != nil || m.replyTo != 1 || m.kind != dbus.TypeMethodReply {
			t.Fatalf("%q: %+v, %v", message, m, err)
		}
		got := map[string]string{}
		for name, found := range p.values {
			got[name] = found.signature
		}
		want := map[string]string{}
		for name, v := range chosen {
			want[name] = v.Signature().String()
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%q: (-want +got):\n%s", message, diff)
		}
		for name, read := range map[string]func() any{
			"bb": func() any { return p.bool("bb") }, "e": func() any { return p.int32("e") },
			"ff":   func() any { return p.uint32("ff") },
			"hhhh": func() any { return p.uint64("hhhh") },
			"jj":   func() any { return p.text("jj") },
			"ooo":  func() any { return p.texts("ooo") },
		} {
			if v, ok := chosen[name]; ok && fmt.Sprint(read()) != fmt.Sprint(v.Value()) ||
				p.err != nil {
				t.Fatalf("%q: %s is %v, %v; want %v", message, name, read(), p.err, v)
			}
		}
		var rows []row
		p.rows(
			"pppp",
			"a(sasbt)",
			func(r *reader) { rows = append(rows, row{r.text(), r.texts(), r.bool(), r.uint64()}) },
		)
		if v, ok := chosen["pppp"]; ok && !cmp.Equal(rows, v.Value()) {
			t.Fatalf("%q: the rows are %v; want %v", message, rows, v)
		}
	}
}

func TestDecodeMalformed(t *testing.T) {
	whole := encoded(t, binary.LittleEndian, some())
	for name, message := range map[string][]byte{
		"nothing":               nil,
		"no D-Bus":              bytes.Repeat([]byte{0xff}, 100),
		"cut in the header":     whole[:30],
		"cut in the body":       whole[:len(whole)-5],
		"a body longer than it": append(whole[:len(whole)-9:len(whole)-9], 0xff),
	} {
		m, err := decode(message)
		if err == nil {
			err = newProperties(clock{}).fill(m)
		}
		if err != errMessage {
			t.Errorf("%s: %v; want %v", name, err, errMessage)
		}
	}
}

// Containers in containers end somewhere.
func TestSkipDeep(t *testing.T) {
	r := reader{message: bytes.Repeat([]byte("\x01v\x00"), 1_000_000), order: binary.LittleEndian}
	if r.skip("v", 0); !r.bad || r.at > 3*(maxDepth+2) {
		t.Errorf("a variant in a variant, and so on: bad %t at byte %d", r.bad, r.at)
	}
}

// FuzzDecode wants no panic, and no property where godbus sees no message.
func FuzzDecode(f *testing.F) {
	f.Add(encoded(f, binary.LittleEndian, some()))
	f.Add(encoded(f, binary.BigEndian, some()))
	f.Add(encoded(f, binary.LittleEndian, []string{"a"}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) >= fixedHeader {
			length(b)
		}
		m, err := decode(b)
		if err != nil {
			return
		}
		p := newProperties(clock{})
		if p.fill(m) != nil || len(b) > 1<<16 {
			return
		}
		for name, found := range p.values {
			if found.at > len(b) || len(name) > len(b) {
				t.Errorf("%q: property %q at %d", b, name, found.at)
			}
		}
	})
}

// A type that D-Bus does not have is malformed. An array is skipped by its length, whatever the
// type of its elements is.
func TestSkipUnknown(t *testing.T) {
	for signature, want := range map[string]bool{"": true, "Z": true, "(iZ)": true, "a": false,
		"aZ": false, "aaZ": false, "a(iZ)": false} {
		r := reader{message: make([]byte, 100), order: binary.LittleEndian}
		if r.skip(signature, 0); r.bad != want {
			t.Errorf("skip(%q): bad %t; want %t", signature, r.bad, want)
		}
	}
}

// A message that is too long is refused by its first bytes.
func TestLength(t *testing.T) {
	const fields = 8
	for body, want := range map[uint32]bool{0: true, maxMessage - fixedHeader - fields: true,
		maxMessage - fixedHeader - fields + 1: false, math.MaxUint32: false} {
		header := make([]byte, fixedHeader)
		header[0] = 'l'
		binary.LittleEndian.PutUint32(header[4:], body)
		binary.LittleEndian.PutUint32(header[12:], fields)
		n, ok := length(header)
		if ok != want || ok && n != fixedHeader+fields+int(body) {
			t.Errorf("length of a message with %d bytes = %d, %t; want %t", body, n, ok, want)
		}
	}
}
