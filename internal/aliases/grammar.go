package aliases

import (
	"bytes"
	"strings"
)

// sink receives what a grammar reads in a file. The slices are valid until the method returns.
type sink interface {
	// entry receives an entry: its key as the program reads it, its value with all white space.
	entry(line int64, key, value []byte)
	// problem receives a line that the program drops, misreads or refuses.
	problem(p Problem, text []byte)
	// unseen receives text that the program does not read as an entry because of a problem. The
	// problem is not counted: it was counted before, or the line may be correct.
	unseen(p Problem, text []byte)
	// comment receives a comment line.
	comment(line int64, text []byte)
}

// rules are the grammars.
var rules = [...]struct {
	// text reads the first logical line of b, or lines at its beginning that belong to no entry. It
	// returns the text of the line if it may be an entry, and the number of bytes read, at least 1.
	text func(b []byte, line int64, to sink) (text []byte, n int)
	// entry splits such a text. The key is nil if the program drops the line. The kind is good if
	// the line has no problem.
	entry func(text []byte) (key, value []byte, kind Kind)
	ends  string // the bytes that end a key
}{
	Exim:        {eximText, eximEntry, ": \t"},
	Aliases:     {postfixText, postalias, ":"},
	Map:         {postfixText, postmap, " \t"},
	Sendmail:    {sendmailText, sendmailEntry, ":"},
	OpenSMTPD:   {tableText, opensmtpd, ": \t"},
	OpenSMTPDDB: {tableText, makemap, ": \t"},
}

// onePerLine reports whether every entry of the format is a single line.
func (f Format) onePerLine() bool { return f == OpenSMTPD || f == OpenSMTPDDB }

// simple reads simple lines: a key of plain bytes, a separator, a value of printable ASCII. Most
// files have only simple lines and comments.
type simple struct {
	format    Format
	plain     [256]bool         // bytes that stand for themselves in a key
	ends      [256]bool         // bytes that end a key
	continues [256]bool         // bytes at the beginning of a line that may continue an entry
	value     func([]byte) bool // whether a value is simple
}

func newSimple(f Format) *simple {
	s := &simple{format: f, ends: table(rules[f].ends), continues: table("\x00\t\v\f\r ")}
	for c := byte('!'); c < 0x7f; c++ {
		s.plain[c] = strings.IndexByte(`!"#%(),/:;<>[\]|`, c) < 0
	}
	if s.value = printable; f.onePerLine() {
		s.value = user
	}
	s.plain['@'] = f != Aliases && f != Sendmail
	s.continues['#'] = f == Aliases || f == Map
	s.continues['\n'] = s.continues['#']
	return s
}

// line returns the entry of the first line of b and the length of the line. The length is 0 if the
// line is not simple.
func (s *simple) line(b []byte) (key, value []byte, n int) {
	n = bytes.IndexByte(b, '\n') + 1
	if n == 0 || !s.plain[b[0]] || n < len(b) && s.continues[b[n]] {
		return nil, nil, 0
	}
	text, i := b[:n-1], 1
	for i < len(text) && s.plain[text[i]] {
		i++
	}
	if i == len(text) || i > 255 || !s.ends[text[i]] {
		return nil, nil, 0
	}
	key = text[:i]
	for i++; i < len(text) && (text[i] == ' ' || text[i] == '\t'); i++ {
	}
	value = text[i:]
	switch {
	case len(value) == 0, len(value) > 2000, !s.value(value), value[len(value)-1] == '\\',
		value[0] == ':' && text[len(key)] != ':':
		return nil, nil, 0
	}
	return key, value, n
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

// physical returns the line at the beginning of b, and its length with the newline.
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

// table returns the set of the marked bytes.
func table(marked string) (t [256]bool) {
	for _, c := range []byte(marked) {
		t[c] = true
	}
	return t
}
