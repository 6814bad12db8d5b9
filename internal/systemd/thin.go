package systemd

import (
	"bytes"
	"encoding/binary"
	"strings"
	"sync"
)

// used are the names of the properties that facts are made of: those that are asked for when one makes facts of none.
var used = sync.OnceValue(func() map[string]bool {
	p := newProperties()
	p.asked = map[string]bool{}
	p.timer("x.timer", clock{})
	p.service("x.service", clock{})
	p.job()
	return p.asked
})

const fixedHeader = 16 // bytes of a message, up to the header fields

// bodyAt gives where the body of a message begins, and its end, read from the fixed header; ok is false where this is no message.
func bodyAt(header []byte) (body, end uint64, ok bool) {
	var order binary.ByteOrder = binary.LittleEndian
	switch header[0] {
	case 'l':
	case 'B':
		order = binary.BigEndian
	default:
		return 0, 0, false
	}
	body = (fixedHeader + uint64(order.Uint32(header[12:])) + 7) &^ 7
	return body, body + uint64(order.Uint32(header[4:])), true
}

// propertiesType is the header field that says: the body is properties by name.
const propertiesType = "\x08\x01g\x00\x05a{sv}\x00"

// thin takes the properties that nobody uses out of a reply to GetAll. A service has 260 of them and a check uses 45; godbus, which makes a
// value of each, took longer for them than all the rest of the check. Entries begin at a multiple of 8 bytes and stay at one, so their
// inner alignment holds (D-Bus specification, "Marshaling"). Any other message, or one that is malformed, is left as it is, for godbus to judge.
func thin(message []byte, used map[string]bool) []byte {
	body, end, _ := bodyAt(message)
	const length = 8 // bytes before the first entry: the length of the array, and padding
	if message[0] != 'l' || end != uint64(len(message)) || end < body+length || !bytes.Contains(message[fixedHeader:body], []byte(propertiesType)) {
		return message
	}
	first := int(body + length)
	if uint64(binary.LittleEndian.Uint32(message[body:])) != end-uint64(first) {
		return message
	}
	kept := append(make([]byte, 0, 4096), message[:first]...)
	w := walker{rest: message[first:]}
	for len(w.rest) > 0 && !w.bad {
		start := w.at
		name := w.text(4)
		w.value("v", 0)
		if !w.bad && used[string(name)] {
			kept = append(kept, make([]byte, -len(kept)&7)...)
			kept = append(kept, message[first+start:first+w.at]...)
		}
		w.align(8)
	}
	if w.bad {
		return message
	}
	binary.LittleEndian.PutUint32(kept[body:], uint32(len(kept)-first))
	binary.LittleEndian.PutUint32(kept[4:], uint32(len(kept))-uint32(body))
	return kept
}

// walker walks over marshalled values without reading them. It begins at a multiple of 8 bytes.
type walker struct {
	rest []byte
	at   int
	bad  bool // malformed, or cut short
}

func (w *walker) skip(n int) (skipped []byte) {
	if n < 0 || n > len(w.rest) {
		w.bad, w.rest = true, nil
		return nil
	}
	skipped, w.rest = w.rest[:n], w.rest[n:]
	w.at += n
	return skipped
}

// align goes to the next multiple of n, a power of two, or to the end.
func (w *walker) align(n int) { w.skip(min(-w.at&(n-1), len(w.rest))) }

// number reads an unsigned number of 1 or 4 bytes.
func (w *walker) number(size int) int {
	w.align(size)
	var n [8]byte
	copy(n[:], w.skip(size))
	return int(binary.LittleEndian.Uint32(n[:]))
}

// text reads a string: its length, in a number of the given size, its bytes and a NUL.
func (w *walker) text(size int) []byte {
	text := w.skip(w.number(size) + 1)
	return text[:max(0, len(text)-1)]
}

// sizes of the types that have one, which is their alignment, too.
var sizes = map[byte]int{'y': 1, 'n': 2, 'q': 2, 'b': 4, 'i': 4, 'u': 4, 'h': 4, 'x': 8, 't': 8, 'd': 8}

// value skips a value of the type that the signature begins with, and returns the rest of the signature.
func (w *walker) value(signature string, depth int) (rest string) {
	const maxDepth = 64 // of containers (D-Bus specification, "Valid Signatures")
	n := oneType(signature)
	if n == 0 || depth > maxDepth {
		w.bad, w.rest = true, nil
		return ""
	}
	switch kind := signature[0]; kind {
	case 's', 'o':
		w.text(4)
	case 'g':
		w.text(1)
	case 'v':
		if w.value(string(w.text(1)), depth+1) != "" {
			w.bad = true
		}
	case 'a':
		length := w.number(4)
		if element := signature[1]; element == '(' || element == '{' || sizes[element] == 8 {
			w.align(8)
		}
		w.skip(length)
	case '(', '{':
		w.align(8)
		for fields := signature[1 : n-1]; fields != "" && !w.bad; {
			fields = w.value(fields, depth+1)
		}
	default:
		w.align(sizes[kind])
		w.skip(sizes[kind])
	}
	return signature[n:]
}

// oneType gives the length of the type that a signature begins with, 0 where it begins with none.
func oneType(signature string) int {
	open := 0
	for i, kind := range []byte(signature) {
		switch kind {
		case '(', '{':
			open++
		case ')', '}':
			open--
		case 'a':
			continue
		default:
			if sizes[kind] == 0 && !strings.ContainsRune("sogv", rune(kind)) {
				return 0
			}
		}
		if open <= 0 {
			return i + 1
		}
	}
	return 0
}
