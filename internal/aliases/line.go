package aliases

import (
	"encoding/binary"
	"math/bits"
)

// Eight bytes are looked at in a word: a byte of it below 0x80 is at least c if
// adding 0x80-c sets its top bit. A byte from 0x80 may spoil those above it.
const ones, tops = 0x0101010101010101, 0x8080808080808080

// special marks, by the top bit of their byte, the bytes of w that may end a
// plain key, and capitals: those below "-", from ":" to "]", from DEL.
func special(w uint64) uint64 {
	return (^(w + ones*(0x80-'-')) | ((w + ones*(0x80-':')) ^ (w + ones*(0x80-'^'))) | (w + ones)) & tops
}

// lower folds the capitals of ASCII bytes.
func lower(w uint64) uint64 {
	return w | (w+ones*(0x80-'A'))&^(w+ones*(0x80-'['))&tops>>2
}

// blanks marks white space and other controls, and bytes beyond ASCII.
func blanks(w uint64) uint64 { return (^(w + ones*(0x80-'!')) | w) & tops }

// until is a mask of the bytes below the first that is marked, and their number:
// bits.TrailingZeros64, where the oldest processors are to do, is slow.
func until(marks uint64) (mask uint64, n int) {
	mask = (marks - 1) &^ marks >> 7
	return mask, bits.TrailingZeros64(marks) >> 3
}

// unplain takes away the marks of bytes that are plain, up to the first that is
// not.
func (p *parser) unplain(w, marks uint64) uint64 {
	for marks != 0 {
		if _, n := until(marks); !p.plain[byte(w>>(8*n&63))] {
			break
		}
		marks &= marks - 1
	}
	return marks
}

// simple reads a line that is an entry of its own: a key of plain bytes, a
// separator, a value of ASCII. The slice has slack bytes behind the end of the
// block. It gives the length of the line, 0 if the line is not that simple.
func (p *parser) simple(b []byte, line int64) int {
	if !p.opening[b[0]] {
		return 0
	}
	h, n := p.simpleKey(b)
	start := n + 1
	for b[start] == ' ' || b[start] == '\t' {
		start++
	}
	if !p.ends[b[n]] || b[start] == ':' && b[n] != ':' || n > 255 {
		return 0
	}
	end, entry := simpleValue(b, start, h.entry)
	if end == start || end > 4000 || b[end] != '\n' || b[end-1] == '\\' || p.continues[b[end+1]] {
		return 0
	}
	if p.format == OpenSMTPD && !simpleTarget(b[start:end]) {
		return 0
	}
	if p.visit != nil {
		p.entry(line, b[:n], b[start:end])
	} else {
		p.add(sums{h.key, entry}, line, false)
	}
	return end + 1
}

// simpleKey hashes the plain bytes at the beginning of b, which are followed by
// others, and counts them.
func (p *parser) simpleKey(b []byte) (h sums, n int) {
	h = sums{p.seed.start, entryStart}
	for {
		w := binary.LittleEndian.Uint64(b[n : n+8 : n+8])
		if marks := special(w); marks != 0 {
			marks = p.unplain(w, marks)
			w = lower(w)
			if marks != 0 {
				mask, k := until(marks)
				n += k
				w = lastWord(w&mask, n)
				return sums{p.mixKey(h.key, w), mixEntry(h.entry, w)}, n
			}
		}
		h.key, h.entry = p.mixKey(h.key, w), mixEntry(h.entry, w)
		n += 8
	}
}

// simpleValue adds the value that begins at i to the hash of an entry. It gives
// the place of the first byte behind it that is neither ASCII nor a blank, which
// should be a newline.
func simpleValue(b []byte, i int, entry uint64) (end int, hash uint64) {
	start := i
	for {
		w := binary.LittleEndian.Uint64(b[i : i+8 : i+8])
		if marks := blanks(w); marks != 0 {
			mask, k := until(marks)
			i += k
			if b[i] == ' ' || b[i] == '\t' {
				return blankValue(b, i, i-start, entry, w&mask)
			}
			return i, mixEntry(entry, lastWord(w&mask, i-start))
		}
		entry = mixEntry(entry, w)
		i += 8
	}
}

// blankValue reads the rest, from a blank at i, of a value of which n bytes are
// read, those behind the last whole word in rest.
func blankValue(b []byte, i, n int, entry, rest uint64) (end int, hash uint64) {
	for {
		for b[i] == ' ' || b[i] == '\t' {
			i++
		}
		w := binary.LittleEndian.Uint64(b[i : i+8 : i+8])
		mask, k := ^uint64(0), 8
		if marks := blanks(w); marks != 0 {
			mask, k = until(marks)
		}
		if k == 0 {
			return i, mixEntry(entry, lastWord(rest, n))
		}
		w &= mask
		shift := n & 7 * 8
		rest |= w << shift
		if n&7+k >= 8 {
			entry = mixEntry(entry, rest)
			rest = w >> (64 - shift)
		}
		n += k
		i += k
	}
}
