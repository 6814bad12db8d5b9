package aliases

import (
	"bytes"
	"slices"
	"strings"
)

// segment reads as fgets(3) does into Exim's buffer of 4096 bytes: text is the
// C string that the program sees, with white space at the end of a line taken
// away; ended says that it sees the line's end, which a NUL hides.
func segment(b []byte) (text []byte, n int, ended bool) {
	const size = 4095
	n = bytes.IndexByte(b[:min(len(b), size)], '\n') + 1
	if n == 0 {
		n = min(len(b), size)
	}
	text = cut(b[:n])
	if ended = len(text) > 0 && text[len(text)-1] == '\n'; ended {
		text = trimRight(text)
	}
	return text, n, ended
}

// exim reads an entry as lsearch does, or lines that are none.
func exim(b []byte, line int64, to sink) int {
	text, n, ended := segment(b)
	if conflict(text) {
		to.problem(Problem{Kind: Conflict, Line: line}, nil)
	}
	at := eximPlace{n, line}
	if len(text) == 0 || text[0] == '#' || space[text[0]] {
		_, at = eximRest(nil, b, at, ended, to)
		switch {
		case len(text) > 0 && text[0] == '#':
			to.comment(line, text)
		case len(trimLeft(text)) > 0:
			to.problem(Problem{Kind: Unattached, Line: line}, text)
		}
		return at.n
	}
	key, data := eximKey(text)
	if len(key) == 4095 {
		to.problem(Problem{Kind: TooLong, Line: line}, key)
	}
	value, at := eximRest(slices.Clone(eximData(data)), b, at, ended, to)
	for at.n < len(b) && space[b[at.n]] {
		more, m, ended := segment(b[at.n:])
		if len(more) == 0 { // blank: the entry ends
			break
		}
		next := eximPlace{at.n + m, at.line + 1}
		value, at = eximRest(append(value, more...), b, next, ended, to)
	}
	if len(key) == 0 {
		to.problem(Problem{Kind: NoSeparator, Line: line}, text)
		return at.n
	}
	if len(value) == 0 {
		to.problem(Problem{Kind: NoValue, Line: line}, text)
	}
	to.entry(line, key, value)
	return at.n
}

// eximPlace is a place in a block, and the line of the byte before it.
type eximPlace struct {
	n    int
	line int64
}

// eximRest reads the rest of a line whose end was not seen yet, with, behind a
// NUL, the next line. It adds its text to data and gives the place behind it.
func eximRest(data, b []byte, at eximPlace, ended bool, to sink) ([]byte, eximPlace) {
	for !ended && at.n < len(b) {
		if b[at.n-1] == '\n' {
			text, _ := physical(b[at.n:])
			to.problem(Problem{Kind: NUL, Line: at.line + 1, Cause: at.line}, text)
			at.line++
		}
		var text []byte
		var m int
		text, m, ended = segment(b[at.n:])
		data = append(data, text...)
		at.n += m
	}
	return data, at
}

// eximKey splits a line into key and the rest.
func eximKey(text []byte) (key, rest []byte) {
	if text[0] != '"' {
		i := bytes.IndexAny(text, ": \t\n\v\f\r")
		if i < 0 {
			i = len(text)
		}
		return text[:i], text[i:]
	}
	i := 1
	for ; i < len(text) && text[i] != '"'; i++ {
		c := text[i]
		if c == '\\' {
			c, i = unescape(text, i)
		}
		key = append(key, c)
	}
	return key, text[min(i+1, len(text)):]
}

// unescape reads the escape at text[i], a backslash: \b \f \n \r \t \v, up to
// three octal digits, x and up to two hexadecimal ones, else the byte itself.
// It gives the place of its last byte.
func unescape(text []byte, i int) (byte, int) {
	if i+1 >= len(text) {
		return '\\', i
	}
	i++
	if k := strings.IndexByte("bfnrtv", text[i]); k >= 0 {
		return "\b\f\n\r\t\v"[k], i
	}
	base, width, first := 8, 3, i
	if text[i] == 'x' {
		base, width, first = 16, 2, i+1
	}
	value, end := 0, first
	for ; end < len(text) && end < first+width; end++ {
		digit := strings.IndexByte("0123456789abcdef", text[end]|0x20*(text[end]>>6&1))
		if digit < 0 || digit >= base {
			break
		}
		value = value*base + digit
	}
	if end == i {
		return text[i], i
	}
	return byte(value), end - 1
}

// eximData skips what stands between key and data.
func eximData(rest []byte) []byte {
	rest = trimLeft(rest)
	if len(rest) > 0 && rest[0] == ':' {
		rest = trimLeft(rest[1:])
	}
	return rest
}
