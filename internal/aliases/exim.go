package aliases

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
)

// segment reads as fgets(3) does into Exim's buffer of 4096 bytes. The text is the C string that
// Exim sees, without white space at the end of a line. ended says that Exim sees the line's end,
// which a NUL hides.
func segment(b []byte) (text []byte, n int, ended bool) {
	_, n = physical(b[:min(len(b), 4095)])
	text = cut(b[:n])
	if ended = bytes.HasSuffix(text, []byte("\n")); ended {
		text = trimRight(text)
	}
	return text, n, ended
}

// exim reads an entry as lsearch does, or a line that belongs to no entry.
func exim(b []byte, line int64, to sink) int {
	text, n, ended := segment(b)
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
	value, at := eximRest(slices.Clone(data), b, at, ended, to)
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

// eximRest reads the rest of a line whose end Exim has not seen yet; behind a NUL that is the whole
// next line. It appends the text to data and gives the place behind it.
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

// eximKey splits a line into key and data.
func eximKey(text []byte) (key, data []byte) {
	end := len(text)
	if text[0] == '"' {
		for end = 1; end < len(text) && text[end] != '"'; end++ {
			c := text[end]
			if c == '\\' {
				c, end = unescape(text, end)
			}
			key = append(key, c)
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

// unescape reads the escape at text[i], a backslash: \b \f \n \r \t \v, up to three octal digits, x
// and up to two hexadecimal digits, else the byte itself. It gives the place of its last byte.
func unescape(text []byte, i int) (byte, int) {
	if i+1 >= len(text) {
		return '\\', i
	}
	i++
	if k := strings.IndexByte("bfnrtv", text[i]); k >= 0 {
		return "\b\f\n\r\t\v"[k], i
	}
	digits, base, width, first := "01234567", 8, 3, i
	if text[i] == 'x' {
		digits, base, width, first = "0123456789abcdefABCDEF", 16, 2, i+1
	}
	end := first
	for end < min(len(text), first+width) && strings.IndexByte(digits, text[end]) >= 0 {
		end++
	}
	if end == i {
		return text[i], i
	}
	value, _ := strconv.ParseUint(string(text[first:end]), base, 64) // 0 without digits
	return byte(value), end - 1
}
