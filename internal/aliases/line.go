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

// unnamed marks the bytes that are not small letters, digits, "-" or ".".
func unnamed(w uint64) uint64 {
	small := (w + ones*(0x80-'a')) ^ (w + ones*(0x80-'{'))
	others := (w + ones*(0x80-'-')) ^ (w + ones*(0x80-':')) // and "/"
	return (small^others)&((w^ones*'/')+ones*0x7f)&^w&tops ^ tops
}

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

// simple reads lines that are an entry each: a key of plain bytes, a separator,
// a value of ASCII. It begins at pos and gives the place and number of the first
// line that is not that simple. The last slack bytes of b lie behind the block.
//
// It is one function: with calls between its parts it takes a fifth longer.
func (p *parser) simple(b []byte, pos int, line int64) (int, int64) {
	seed := p.seed
	for ; pos < len(b)-slack && p.opening[b[pos]]; line++ {
		hk, he := seed.start, uint64(entryStart)
		i := pos
		for ; ; i += 8 {
			w := word(b, i)
			if marks := special(w); marks != 0 {
				marks = p.unplain(w, marks)
				w = lower(w)
				if marks != 0 {
					mask, n := until(marks)
					i += n
					w = lastWord(w&mask, i-pos)
					hk, he = seed.mixKey(hk, w), mixEntry(he, w)
					break
				}
			}
			hk, he = seed.mixKey(hk, w), mixEntry(he, w)
		}
		key := b[pos:i]
		for i++; b[i] == ' ' || b[i] == '\t'; i++ {
		}
		if c := b[pos+len(key)]; !p.ends[c] || b[i] == ':' && c != ':' || len(key) > 255 {
			break
		}
		start := i
		if p.format == OpenSMTPD {
			i, he = addressValue(b, i, he)
		}
		if i == start {
			for ; ; i += 8 {
				w := word(b, i)
				if marks := blanks(w); marks != 0 {
					mask, n := until(marks)
					i += n
					if b[i] == ' ' || b[i] == '\t' {
						i, he = blankValue(b, i, i-start, he, w&mask)
					} else {
						he = mixEntry(he, lastWord(w&mask, i-start))
					}
					break
				}
				he = mixEntry(he, w)
			}
			if p.format == OpenSMTPD && !simpleTarget(b[start:i]) {
				break
			}
		}
		if i == start || i-start > 4000 || b[i] != '\n' || b[i-1] == '\\' || p.continues[b[i+1]] {
			break
		}
		switch {
		case p.visit != nil:
			p.entry(line, key, b[start:i])
		case p.again != nil || p.wanted>>(hk&63)&1 != 0:
			p.add(sums{hk, he}, line, false)
		default: // as add does
			p.sum += he
			p.set.add(hk, p.number)
		}
		pos = i + 1
	}
	return pos, line
}

// word is the eight bytes of b from i on.
func word(b []byte, i int) uint64 { return binary.LittleEndian.Uint64(b[i : i+8 : i+8]) }

// addressValue adds a value that begins at i to the hash of an entry, as simple
// does, if it is one of the commonest targets of OpenSMTPD: a user or an address of
// small letters, digits, "-" and ".". Else it gives i and the hash as it was.
func addressValue(b []byte, i int, entry uint64) (end int, hash uint64) {
	start, at := i, i
	hash = entry
	for ; ; i += 8 {
		w := word(b, i)
		for marks := unnamed(w); marks != 0; marks &= marks - 1 {
			mask, n := until(marks)
			switch end = i + n; {
			case b[end] == '@' && at == start && end > start:
				at = end
			case b[end] == '\n' && at+1 < end && end-start < 256:
				return end, mixEntry(hash, lastWord(w&mask, end-start))
			default:
				return start, entry
			}
		}
		hash = mixEntry(hash, w)
	}
}

// blankValue reads the rest, from a blank at i, of a value of which n bytes are
// read, those behind the last whole word in rest.
func blankValue(b []byte, i, n int, entry, rest uint64) (end int, hash uint64) {
	for {
		for b[i] == ' ' || b[i] == '\t' {
			i++
		}
		w := word(b, i)
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
