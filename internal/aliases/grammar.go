package aliases

import (
	"bytes"
	"strings"
)

// sink takes what a grammar finds in a file. The slices are valid until the method returns.
type sink interface {
	// entry takes an entry: its key dequoted, its value with all white space.
	entry(line int64, key, value []byte)
	// problem takes a line that the program drops, misreads or refuses.
	problem(p Problem, text []byte)
	// unseen takes text that the program does not read as an entry because of a problem. The
	// problem is not counted: it was counted before, or is none of the file's.
	unseen(p Problem, text []byte)
	// comment takes a comment line.
	comment(line int64, text []byte)
}

// A grammar reads the first logical line of b, or lines at its beginning that belong to no entry.
// It gives the length of what it read, at least 1.
type grammar func(b []byte, line int64, to sink) int

// rules are the grammars, and three sets of bytes for simple lines: the printable ASCII bytes that
// are special in keys, the bytes that end a key, and the bytes at the beginning of a line that may
// continue an entry.
var rules = [...]struct {
	read                     grammar
	special, ends, continues string
}{
	Exim:        {exim, ` :"`, ": \t", "\x00\t\v\f\r "},
	Aliases:     {postalias, ` :"\()<>@,;[]%`, ":", "\x00\t\n\v\f\r #"},
	Map:         {postmap, ` :"\`, " \t", "\x00\t\n\v\f\r #"},
	Sendmail:    {sendmail, ` :"\()<>@,;[]%!|/#`, ":", "\x00\t\n\v\f\r #"},
	OpenSMTPD:   {opensmtpd, ` :[`, ": \t", ""},
	OpenSMTPDDB: {makemap, ` :[`, ": \t", ""},
}

// onePerLine reports whether no line of the format continues another.
func (f Format) onePerLine() bool { return f == OpenSMTPD || f == OpenSMTPDDB }

// simple reads simple lines: a key of plain bytes, a separator, a value of printable ASCII. Most
// files have no others but comments.
type simple struct {
	format    Format
	plain     [256]bool // bytes that stand for themselves in a key
	opening   [256]bool // those of them that a simple line may begin with
	ends      [256]bool // bytes that end a key
	continues [256]bool // bytes at the beginning of a line that may continue an entry
}

func newSimple(f Format) *simple {
	r := rules[f]
	s := &simple{format: f, ends: table(r.ends), continues: table(r.continues)}
	for c := byte('!'); c < 0x7f; c++ {
		s.plain[c] = strings.IndexByte(r.special, c) < 0
		s.opening[c] = s.plain[c] && strings.IndexByte("#/<=>", c) < 0
	}
	return s
}

// line gives the entry of the first line of b and the length of the line; 0 if the line is not
// simple.
func (s *simple) line(b []byte) (key, value []byte, n int) {
	n = bytes.IndexByte(b, '\n') + 1
	if n == 0 || !s.opening[b[0]] || n < len(b) && s.continues[b[n]] {
		return nil, nil, 0
	}
	text, i := b[:n-1], 1
	for i < len(text) && s.plain[text[i]] {
		i++
	}
	if i == len(text) || i > 255 || !s.ends[text[i]] {
		return nil, nil, 0
	}
	value = bytes.TrimLeft(text[i+1:], " \t")
	switch {
	case len(value) == 0, len(value) > 2000, !printable(value), value[len(value)-1] == '\\',
		value[0] == ':' && text[i] != ':', s.format.onePerLine() && !user(value):
		return nil, nil, 0
	}
	return text[:i], value, n
}

func printable(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\t' || c >= 0x7f {
			return false
		}
	}
	return true
}

// space is the white space of isspace(3).
var space = table(" \t\n\v\f\r")

// physical gives the line at the beginning of b and its length with the newline.
func physical(b []byte) (text []byte, n int) {
	if n = bytes.IndexByte(b, '\n') + 1; n > 0 {
		return b[:n-1], n
	}
	return b, len(b)
}

// cut is b as a C string: up to the first NUL.
func cut(b []byte) []byte {
	text, _, _ := bytes.Cut(b, []byte{0})
	return text
}

func trimLeft(b []byte) []byte {
	for len(b) > 0 && space[b[0]] {
		b = b[1:]
	}
	return b
}

func trimRight(b []byte) []byte {
	for len(b) > 0 && space[b[len(b)-1]] {
		b = b[:len(b)-1]
	}
	return b
}

// table marks bytes.
func table(marked string) (t [256]bool) {
	for _, c := range []byte(marked) {
		t[c] = true
	}
	return t
}
