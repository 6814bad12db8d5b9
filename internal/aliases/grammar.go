package aliases

import "bytes"

// grammars read, of a block that begins with the beginning of a line, the first
// logical line or the first lines that are none, and give its length, which is
// at least 1.
var grammars = [...]func(p *parser, b []byte, line int) int{
	Exim:      (*parser).exim,
	Aliases:   (*parser).aliases,
	Map:       (*parser).postmap,
	Sendmail:  (*parser).sendmail,
	OpenSMTPD: (*parser).opensmtpd,
}

// space is isspace(3).
var space = [256]bool{' ': true, '\t': true, '\n': true, '\v': true, '\f': true, '\r': true}

// plain are the bytes of keys that a format takes as they are.
var plain = [...][256]bool{
	Exim:      without(` :"`),
	Aliases:   without(` :"\()<>@,;[]%`),
	Map:       without(` "\`),
	Sendmail:  without(` :"\()<>@,;[]%!|/#`),
	OpenSMTPD: without(` :#\`),
}

// userByte are the bytes of a value that OpenSMTPD takes for a user name.
var userByte = only("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-+")

func without(some string) (t [256]bool) {
	for c := 0x21; c < 0x7f; c++ {
		t[c] = bytes.IndexByte([]byte(some), byte(c)) < 0
	}
	return t
}

func only(some string) (t [256]bool) {
	for _, c := range []byte(some) {
		t[c] = true
	}
	return t
}

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

const blank = " \t\n\v\f\r"

func trimLeft(b []byte) []byte { return bytes.TrimLeft(b, blank) }

func trimRight(b []byte) []byte { return bytes.TrimRight(b, blank) }

// conflict reports whether a line is a marker that a version control system
// leaves where two versions contradict each other.
func conflict(text []byte) bool {
	return bytes.HasPrefix(text, []byte("<<<<<<< ")) || bytes.HasPrefix(text, []byte(">>>>>>> ")) || string(text) == "======="
}
