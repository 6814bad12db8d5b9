package systemd

import (
	"encoding/binary"
	"errors"
	"strings"

	"github.com/godbus/dbus/v5"
)

// The D-Bus wire format (D-Bus specification, "Marshaling"), as far as systemd needs it. A service
// has 260 properties, and a check reads 45 of them. godbus decodes all, in a millisecond; this
// reader skips the others, and takes a twentieth of that time.

const (
	fixedHeader = 16        // bytes of a header before its array of fields
	maxMessage  = 128 << 20 // bytes of a message ("Message Format")
	maxDepth    = 64        // containers inside each other ("Valid Signatures")
)

var errMessage = errors.New("invalid message: this is not D-Bus")

// writer writes marshalled values.
type writer struct{ bytes []byte }

func (w *writer) align(n int) {
	for len(w.bytes)%n != 0 {
		w.bytes = append(w.bytes, 0)
	}
}

func (w *writer) uint32(n uint32) {
	w.align(4)
	w.bytes = binary.LittleEndian.AppendUint32(w.bytes, n)
}

func (w *writer) text(s string) {
	w.uint32(uint32(len(s)))
	w.bytes = append(append(w.bytes, s...), 0)
}

func (w *writer) signature(s string) {
	w.bytes = append(append(append(w.bytes, byte(len(s))), s...), 0)
}

// field writes a header field whose value is an object path, a string or a signature.
func (w *writer) field(code dbus.HeaderField, kind, value string) {
	w.align(8)
	w.bytes = append(w.bytes, byte(code))
	w.signature(kind)
	if kind == "g" {
		w.signature(value)
		return
	}
	w.text(value)
}

// value writes an argument of a call.
func (w *writer) value(v any) {
	switch v := v.(type) {
	case string:
		w.text(v)
	case uint32:
		w.uint32(v)
	case []string:
		var list writer // an array of strings is aligned as its length is
		for _, s := range v {
			list.text(s)
		}
		w.uint32(uint32(len(list.bytes)))
		w.bytes = append(w.bytes, list.bytes...)
	}
}

// encode returns the message of a method call.
func (c call) encode(serial uint32) []byte {
	w := writer{bytes: make([]byte, 0, 256)}
	w.bytes = append(w.bytes, 'l', byte(dbus.TypeMethodCall), 0, 1)
	w.uint32(0) // the length of the body, below
	w.uint32(serial)
	w.uint32(0) // the length of the fields, below
	w.field(dbus.FieldPath, "o", c.path)
	w.field(dbus.FieldDestination, "s", c.to)
	w.field(dbus.FieldInterface, "s", c.iface)
	w.field(dbus.FieldMember, "s", c.method)
	if len(c.args) > 0 {
		w.field(dbus.FieldSignature, "g", dbus.SignatureOf(c.args...).String())
	}
	binary.LittleEndian.PutUint32(w.bytes[12:], uint32(len(w.bytes)-fixedHeader))
	w.align(8)
	body := len(w.bytes)
	for _, arg := range c.args {
		w.value(arg)
	}
	binary.LittleEndian.PutUint32(w.bytes[4:], uint32(len(w.bytes)-body))
	return w.bytes
}

// reader reads marshalled values. After the first value that is malformed or cut short it is bad,
// and all values are zero.
type reader struct {
	message []byte // the whole message: values are aligned to its first byte
	order   binary.ByteOrder
	at      int
	bad     bool
}

func (r *reader) take(n int) []byte {
	if r.bad || n < 0 || n > len(r.message)-r.at {
		r.bad = true
		return nil
	}
	r.at += n
	return r.message[r.at-n : r.at]
}

func (r *reader) align(n int) { r.take(-r.at & (n - 1)) }

func (r *reader) uint32() uint32 {
	r.align(4)
	if b := r.take(4); b != nil {
		return r.order.Uint32(b)
	}
	return 0
}

func (r *reader) uint64() uint64 {
	r.align(8)
	if b := r.take(8); b != nil {
		return r.order.Uint64(b)
	}
	return 0
}

func (r *reader) bool() bool { return r.uint32() != 0 }

func (r *reader) int32() int32 { return int32(r.uint32()) }

// text reads a string or an object path.
func (r *reader) text() string { return string(r.textBytes()) }

func (r *reader) textBytes() []byte {
	b := r.take(int(r.uint32()))
	r.take(1) // NUL
	return b
}

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) signature() string {
	b := r.take(int(r.byte()))
	r.take(1) // NUL
	return string(b)
}

// array calls element for each element of an array whose elements are aligned to align bytes.
func (r *reader) array(align int, element func()) {
	length := int(r.uint32())
	r.align(align)
	if length < 0 || length > len(r.message)-r.at {
		r.bad = true
	}
	for end := r.at + length; r.at < end && !r.bad; {
		element()
		r.bad = r.bad || r.at > end
	}
}

// rows calls row for each structure of an array.
func (r *reader) rows(row func(r *reader)) {
	r.array(8, func() {
		r.align(8)
		row(r)
	})
}

// texts reads an array of strings.
func (r *reader) texts() (list []string) {
	r.array(4, func() { list = append(list, r.text()) })
	return list
}

// int32s reads an array of signed numbers.
func (r *reader) int32s() (list []int32) {
	r.array(4, func() { list = append(list, r.int32()) })
	return list
}

// alignments has the alignment of each type. It is also the size of a type of fixed size.
var alignments = [256]int{
	'y': 1, 'n': 2, 'q': 2, 'b': 4, 'i': 4, 'u': 4, 'h': 4, 'x': 8, 't': 8, 'd': 8,
	'g': 1, 'v': 1, 's': 4, 'o': 4, 'a': 4, '(': 8, '{': 8,
}

// skip steps over a value of the first type of the signature, and returns the rest of the
// signature.
func (r *reader) skip(signature string, depth int) (rest string) {
	if signature == "" || alignments[signature[0]] == 0 || depth > maxDepth {
		r.bad = true
		return ""
	}
	kind := signature[0]
	rest = signature[1:]
	r.align(alignments[kind])
	switch kind {
	case 's', 'o':
		r.textBytes()
	case 'g':
		r.take(int(r.byte()) + 1)
	case 'v':
		r.bad = r.skip(r.signature(), depth+1) != "" || r.bad
	case 'a':
		length := int(r.uint32())
		if rest != "" && alignments[rest[0]] == 8 { // the length ends at a multiple of 4
			r.align(8)
		}
		r.take(length)
		return afterType(rest)
	case '(', '{':
		for rest != "" && !strings.ContainsRune(")}", rune(rest[0])) && !r.bad {
			rest = r.skip(rest, depth+1)
		}
		return rest[min(1, len(rest)):]
	default:
		r.take(alignments[kind])
	}
	return rest
}

// afterType returns the signature without its first type.
func afterType(signature string) string {
	open := 0
	for i, kind := range []byte(signature) {
		switch kind {
		case '(', '{':
			open++
		case ')', '}':
			open--
		case 'a':
			continue
		}
		if open <= 0 {
			return signature[i+1:]
		}
	}
	return ""
}
