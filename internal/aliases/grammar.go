package aliases

import (
	"bytes"
	"strings"
)

// grammars read, of a block that begins with the beginning of a line, the first
// logical line or the first lines that are none, and give its length, which is
// at least 1.
var grammars = [...]func(p *parser, b []byte, line int64) int{
	Exim:      (*parser).exim,
	Aliases:   (*parser).aliases,
	Map:       (*parser).postmap,
	Sendmail:  (*parser).sendmail,
	OpenSMTPD: (*parser).opensmtpd,
}

// space is isspace(3).
var space = table(" \t\n\v\f\r")

// class is what a format's simple lines are made of.
type class struct {
	plain     [256]bool // bytes of keys that are taken as they are
	opening   [256]bool // of those, what a simple line may begin with
	ends      [256]bool // what ends a key
	continues [256]bool // what a line begins with that may belong to the entry before it
}

// class makes the class of a format.
func (f Format) class() (c class) {
	row := [...]struct{ special, ends, continues string }{
		Exim:      {` :"`, ": \t", "\x00\t\v\f\r "},
		Aliases:   {` :"\()<>@,;[]%`, ":", "\x00\t\n\v\f\r #"},
		Map:       {` :"\`, " \t", "\x00\t\n\v\f\r #"},
		Sendmail:  {` :"\()<>@,;[]%!|/#`, ":", "\x00\t\n\v\f\r #"},
		OpenSMTPD: {` :#\`, ": \t", ""},
	}[f]
	c.ends, c.continues = table(row.ends), table(row.continues)
	for i := range c.plain {
		b := byte(i)
		c.plain[b] = b > ' ' && b < 0x7f && strings.IndexByte(row.special, b) < 0
		c.opening[b] = c.plain[b] && strings.IndexByte("#/<=>", b) < 0
	}
	return c
}

var newline, carriage = []byte("\n"), []byte("\r")

// physical gives the line at the beginning of b and its length with the newline.
func physical(b []byte) (text []byte, n int) {
	if n = bytes.IndexByte(b, '\n') + 1; n > 0 {
		return b[:n-1], n
	}
	return b, len(b)
}

// cut is b as a C string: up to the first NUL.
func cut(b []byte) []byte {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return b[:i]
	}
	return b
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

// conflict reports whether a line is a marker that a version control system
// leaves where two versions contradict each other.
func conflict(text []byte) bool {
	return bytes.HasPrefix(text, []byte("<<<<<<< ")) || bytes.HasPrefix(text, []byte(">>>>>>> ")) || string(text) == "======="
}
