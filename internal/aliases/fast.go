package aliases

import (
	"encoding/binary"
	"math/bits"
)

const ones, tops = 0x0101010101010101, 0x8080808080808080

// special marks, by the top bit of their byte, the bytes of w that may end a
// plain key: those below "-", ":" to "?", those from "{". Above the first one
// that is marked, others may be. What it leaves to [brackets] is seldom seen.
func special(w uint64) uint64 {
	colon := w ^ ones*0x3f
	return ((w-ones*0x2d)&^w | (colon-ones*6)&^colon | (w + ones*5) | w) & tops
}

// brackets marks "@", "`" and "[" to "_", as special does.
func brackets(w uint64) uint64 {
	at, bracket := w&^(ones*0x20)^ones*0x40, w^ones*0x5f
	return ((at-ones)&^at | (bracket-ones*5)&^bracket) & tops
}

// blanks marks the first byte of w that is white space or another control, and
// those beyond ASCII.
func blanks(w uint64) uint64 { return ((w-ones*0x21)&^w | w) & tops }

// simple reads a line that is an entry of its own: a key of plain bytes, a
// separator, a value of ASCII. The slice has slack bytes behind the end of the
// block. It gives the length of the line, 0 if the line is not that simple.
func (p *parser) simple(padded []byte, pos, line int) int {
	end := len(padded) - slack
	if c := padded[pos]; !p.plain[c] || c == '#' || c == '/' || c >= '<' && c <= '>' {
		return 0
	}
	h, n := scanKey(padded[pos:], p.plain, p.strict)
	i := pos + n
	if n == 0 || i >= end || n > 255 && p.format == Sendmail {
		return 0
	}
	start := p.separator(padded, i)
	if start == 0 || padded[start] <= ' ' {
		return 0
	}
	v, n := scanValue(padded[start:])
	j := start + n
	if n == 0 || j >= end || padded[j] >= 0x80 {
		return 0
	}
	if padded[j] != '\n' {
		if j, v = p.spaced(padded, start, j); j < 0 || j >= end {
			return 0
		}
	}
	if j-pos > 4000 || padded[j-1] == '\\' || !p.alone(padded[:end], start, j) {
		return 0
	}
	if p.visit != nil {
		p.entry(line, padded[pos:i], padded[start:j])
	} else {
		p.add(h, v, line)
	}
	return j + 1 - pos
}

// scanKey hashes the plain bytes at the beginning of b, as [hashKey], and counts
// them: 0 if there is no end to them. What is rare is not plain here.
func scanKey(b []byte, plain *[256]bool, strict bool) (h uint64, n int) {
	const caseless = ones * 0x20
	h = hashStart
	for s := b; len(s) >= 16; s = s[16:] {
		lo, hi := binary.LittleEndian.Uint64(s), binary.LittleEndian.Uint64(s[8:])
		stop, more := special(lo), special(hi)
		if strict {
			stop, more = stop|brackets(lo), more|brackets(hi)
		}
		if stop = unplain(lo, stop, plain); stop != 0 {
			k := bits.TrailingZeros64(stop) >> 3
			return finish(h, (lo|caseless)&(1<<(8*k)-1), 0, n+k), n + k
		}
		if stop = unplain(hi, more, plain); stop != 0 {
			k := bits.TrailingZeros64(stop) >> 3
			return finish(h, lo|caseless, (hi|caseless)&(1<<(8*k)-1), n+8+k), n + 8 + k
		}
		h = mix(h^(lo|caseless), hi|caseless)
		n += 16
	}
	return 0, 0
}

// unplain takes away the marks of bytes of w that are plain, up to the first
// that is not.
func unplain(w, stop uint64, plain *[256]bool) uint64 {
	for ; stop != 0; stop &= stop - 1 {
		if c := byte(w >> (bits.TrailingZeros64(stop) &^ 7)); !plain[c] || rarely(c) {
			return stop
		}
	}
	return 0
}

// scanValue hashes the bytes at the beginning of b up to the first that is white
// space or not ASCII, and counts them: 0 if there is no end to them.
func scanValue(b []byte) (v uint64, n int) {
	v = hashStart
	for s := b; len(s) >= 16; s = s[16:] {
		lo, hi := binary.LittleEndian.Uint64(s), binary.LittleEndian.Uint64(s[8:])
		if stop := blanks(lo); stop != 0 {
			k := bits.TrailingZeros64(stop) >> 3
			return finish(v, lo&(1<<(8*k)-1), 0, n+k), n + k
		}
		if stop := blanks(hi); stop != 0 {
			k := bits.TrailingZeros64(stop) >> 3
			return finish(v, lo, hi&(1<<(8*k)-1), n+8+k), n + 8 + k
		}
		v = mix(v^lo, hi)
		n += 16
	}
	return 0, 0
}

// spaced reads the rest of a value that has white space at j. It gives the end
// of the line, -1 if that is not simple, and the value's hash.
func (p *parser) spaced(b []byte, start, j int) (end int, v uint64) {
	p.value = append(p.value[:0], b[start:j]...)
	for b[j] != '\n' {
		if b[j] != ' ' && b[j] != '\t' {
			return -1, 0
		}
		j++
		_, n := scanValue(b[j:])
		p.value = append(p.value, b[j:j+n]...)
		j += n
	}
	return j, hash(p.value, 0)
}

// separator gives the place of the value behind a key that ends at i, 0 if it
// takes the full rules to tell.
func (p *parser) separator(b []byte, i int) int {
	c, colon := b[i], false
	switch p.format {
	case Aliases, Sendmail:
		if c != ':' {
			return 0
		}
	case Map:
		if b[i-1] == ':' || c != ' ' && c != '\t' {
			return 0
		}
	default:
		if c != ':' && c != ' ' && c != '\t' {
			return 0
		}
	}
	if colon = c == ':'; colon {
		i++
	}
	for b[i] == ' ' || b[i] == '\t' {
		i++
	}
	if p.format == Exim && !colon && b[i] == ':' {
		for i++; b[i] == ' ' || b[i] == '\t'; i++ {
		}
	}
	return i
}

// alone reports whether the line up to the newline at j, whose value begins at
// start, is an entry without continuation.
func (p *parser) alone(b []byte, start, j int) bool {
	if p.format == OpenSMTPD {
		return simpleTarget(b[start:j])
	}
	if j+1 == len(b) {
		return true
	}
	c := b[j+1]
	return c > ' ' && c != '#' || p.format == Exim && (c == '#' || c == '\n')
}
