package systemd

import (
	"encoding/binary"
	"errors"
	"fmt"
)

const (
	maxString = 4096 // bytes; a longer string is cut: no name is that long, and no script in ExecStart= need be kept whole
	maxDepth  = 64   // of variants in variants
)

var errMalformed = errors.New("malformed D-Bus message")

// wire is the body of a D-Bus message that is read value by value (D-Bus specification, "Marshaling").
// After the first error all values are zero.
type wire struct {
	b     []byte
	pos   int
	order binary.ByteOrder
	err   error
}

// is reports whether the body has the type that is wanted; it is an error if not.
func (w *wire) is(signature, wanted string) bool {
	if signature != wanted && w.err == nil {
		w.err = fmt.Errorf("the reply has the type %q, not %q", signature, wanted)
	}
	return w.err == nil
}

// next aligns to a multiple of align and returns the n bytes there; after an error zeros, of which eight are enough.
func (w *wire) next(align, n int) []byte {
	at := (w.pos + align - 1) / align * align
	if w.err == nil && (n < 0 || at > len(w.b) || n > len(w.b)-at) {
		w.err = errMalformed
	}
	if w.err != nil {
		return make([]byte, 8)
	}
	w.pos = at + n
	return w.b[at:w.pos]
}

func (w *wire) byte() byte     { return w.next(1, 1)[0] }
func (w *wire) uint32() uint32 { return w.order.Uint32(w.next(4, 4)) }
func (w *wire) uint64() uint64 { return w.order.Uint64(w.next(8, 8)) }
func (w *wire) int32() int32   { return int32(w.uint32()) }
func (w *wire) bool() bool     { return w.uint32() != 0 }

func (w *wire) string() string {
	b := w.next(1, int(w.uint32()))
	w.next(1, 1) // NUL
	if w.err != nil {
		return ""
	}
	return string(b[:min(len(b), maxString)])
}

func (w *wire) signature() string {
	b := w.next(1, int(w.byte()))
	w.next(1, 1)
	if w.err != nil {
		return ""
	}
	return string(b)
}

// array calls element at the beginning of each element, of the given alignment.
func (w *wire) array(align int, element func()) {
	n := int(w.uint32())
	w.next(align, 0)
	for end := w.pos + n; w.err == nil && w.pos < end; {
		before := w.pos
		if w.next(align, 0); w.pos < end {
			element()
		}
		if w.err == nil && (w.pos == before || w.pos > end) {
			w.err = errMalformed
		}
	}
}

func (w *wire) strings() (all []string) {
	w.array(4, func() { all = append(all, w.string()) })
	return all
}

// skip passes over values of these types. Only variants nest: an array says how long it is.
func (w *wire) skip(signature string, depth int) {
	for i := 0; i < len(signature) && w.err == nil; i++ {
		switch c := signature[i]; c {
		case 'a':
			n := int(w.uint32())
			if i+1 < len(signature) {
				w.next(alignment(signature[i+1]), 0)
			}
			w.next(1, n)
			i += complete(signature[i+1:])
		case ')', '}':
		case '(', '{':
			w.next(8, 0)
		case 'v':
			if depth == maxDepth {
				w.err = errMalformed
			}
			w.skip(w.signature(), depth+1)
		case 's', 'o':
			w.string()
		case 'g':
			w.signature()
		default:
			w.next(alignment(c), alignment(c))
		}
	}
}

// complete returns the length of the first complete type of a signature.
func complete(signature string) int {
	depth := 0
	for i := range len(signature) {
		switch signature[i] {
		case '(', '{':
			depth++
		case ')', '}':
			depth--
		case 'a':
			continue
		}
		if depth == 0 {
			return i + 1
		}
	}
	return len(signature)
}

// alignment of a type; where its size is fixed, that is the same.
func alignment(c byte) int {
	switch c {
	case 'n', 'q':
		return 2
	case 'b', 'i', 'u', 'h', 's', 'o', 'a':
		return 4
	case 'x', 't', 'd', '(', '{':
		return 8
	}
	return 1 // y, g, v
}

// properties are what a GetAll reply or several Get replies hold: where each value lies. A property that is missing has its zero value,
// as systemd before and after 252 knows fewer and more of them; one of another type than expected is an error.
type properties struct {
	values map[string]value
	err    error // the first one
}

type value struct {
	wire
	signature string
}

// all adds the properties of a GetAll reply.
func (p *properties) all(w *wire, signature string) {
	if w.is(signature, "a{sv}") {
		w.array(8, func() { p.add(w.string(), w) })
	}
}

// add adds the property whose value, a variant, comes next.
func (p *properties) add(name string, w *wire) {
	signature := w.signature()
	p.values[name] = value{*w, signature}
	w.skip(signature, 0)
}

// read returns a property: its zero value if it is missing.
func read[T any](p *properties, name, signature string, next func(*wire) T) (v T) {
	found, ok := p.values[name]
	if !ok || p.err != nil {
		return v
	}
	if found.signature != signature {
		p.err = fmt.Errorf("property %s has the type %q, not %q", name, found.signature, signature)
		return v
	}
	v = next(&found.wire)
	if found.err != nil {
		p.err = fmt.Errorf("property %s: %w", name, found.err)
	}
	return v
}

func (p *properties) string(name string) string { return read(p, name, "s", (*wire).string) }
func (p *properties) bool(name string) bool     { return read(p, name, "b", (*wire).bool) }
func (p *properties) int32(name string) int32   { return read(p, name, "i", (*wire).int32) }
func (p *properties) uint32(name string) uint32 { return read(p, name, "u", (*wire).uint32) }
func (p *properties) uint64(name string) uint64 { return read(p, name, "t", (*wire).uint64) }

// structs calls element, at the beginning of each element, for a property that is an array of structs.
func (p *properties) structs(name, signature string, element func(*wire)) {
	read(p, name, signature, func(w *wire) (none struct{}) {
		w.array(8, func() { element(w) })
		return none
	})
}
