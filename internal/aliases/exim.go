package aliases

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
)

// piece reads as fgets(3) reads into Exim's buffer of 4096 bytes. The text is the C string that
// Exim sees, without white space at the end of a line. ended says that Exim sees the end of the
// line; a NUL hides that end.
func piece(b []byte) (text []byte, n int, ended bool) {
	_, n = physical(b[:min(len(b), 4095)])
	text = cut(b[:n])
	if ended = bytes.HasSuffix(text, []byte("\n")); ended {
		text = trimRight(text)
	}
	return text, n, ended
}

// eximText reads an entry as lsearch does, or a line that belongs to no entry. In the text, a NUL
// follows the piece that has the key.
func eximText(b []byte, line int64, to sink) (text []byte, n int) {
	first, n, ended := piece(b)
	if len(first) > 0 && first[0] != '#' && !space[first[0]] {
		text, n, line = eximRest(append(slices.Clip(first), 0), b, n, line, ended, to)
		for n < len(b) && space[b[n]] {
			more, m, ended := piece(b[n:])
			if len(more) == 0 { // blank: the entry ends
				break
			}
			text, n, line = eximRest(append(text, more...), b, n+m, line+1, ended, to)
		}
		return text, n
	}
	_, n, _ = eximRest(nil, b, n, line, ended, to)
	switch {
	case len(trimLeft(first)) == 0:
	case first[0] == '#':
		to.comment(line, first)
	default:
		to.problem(Problem{Kind: Unattached, Line: line}, first)
	}
	return nil, n
}

// eximRest appends to data the rest of a line whose end Exim has not seen; after a NUL, the whole
// next line. It returns where the rest ends, and the number of its last line.
func eximRest(data, b []byte, n int, line int64, ended bool, to sink) ([]byte, int, int64) {
	for !ended && n < len(b) {
		if b[n-1] == '\n' {
			text, _ := physical(b[n:])
			to.problem(Problem{Kind: NUL, Line: line + 1, Cause: line}, text)
			line++
		}
		var text []byte
		var m int
		text, m, ended = piece(b[n:])
		data = append(data, text...)
		n += m
	}
	return data, n, line
}

// eximEntry splits a text into key and data. Exim also finds a key that has no data.
func eximEntry(text []byte) (key, value []byte, kind Kind) {
	first, rest, _ := bytes.Cut(text, []byte{0})
	key, data := eximKey(first)
	switch {
	case len(key) == 0:
		return nil, nil, NoSeparator
	case len(key) == 4095:
		return key, rest, TooLong
	case len(data)+len(rest) == 0:
		return key, nil, NoValue
	}
	text[len(first)] = ' ' // data and rest are one value
	return key, text[len(first)-len(data):], good
}

// eximKey splits the piece that has the key into key and data.
func eximKey(text []byte) (key, data []byte) {
	end := len(text)
	if text[0] == '"' {
		for end = 1; end < len(text) && text[end] != '"'; {
			c, n := text[end], 1
			if c == '\\' {
				c, n = unescape(text[end:])
			}
			key, end = append(key, c), end+n
		}
		end = min(end+1, len(text))
	} else {
		if i := bytes.IndexAny(text, ": \t\n\v\f\r"); i >= 0 {
			end = i
		}
		key = text[:end]
	}
	data = trimLeft(text[end:])
	return key, trimLeft(bytes.TrimPrefix(data, []byte(":")))
}

// unescape reads the escape at the beginning of text, a backslash: \b \f \n \r \t \v, up to three
// octal digits, x and up to two hexadecimal digits, else the byte itself. n is the escape's length.
func unescape(text []byte) (c byte, n int) {
	if len(text) == 1 {
		return '\\', 1
	}
	if k := strings.IndexByte("bfnrtv", text[1]); k >= 0 {
		return "\b\f\n\r\t\v"[k], 2
	}
	digits, base, first := "01234567", 8, 1
	if text[1] == 'x' {
		digits, base, first = "0123456789abcdefABCDEF", 16, 2
	}
	field := text[first:min(len(text), 4)]
	field = field[:len(field)-len(bytes.TrimLeft(field, digits))]
	if n = first + len(field); n == 1 {
		return text[1], 2
	}
	value, _ := strconv.ParseUint(string(field), base, 64) // 0 without digits
	return byte(value), n
}
