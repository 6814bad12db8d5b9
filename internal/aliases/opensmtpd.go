package aliases

import (
	"bytes"
	"regexp"
	"strings"
	"sync"
)

// opensmtpd reads a logical line as makemap -t aliases does.
func (p *parser) opensmtpd(b []byte, line int64) int {
	whole, n := p.spliced(b, line)
	whole = cut(whole)
	text := trimLeft(whole)
	if len(text) == 0 {
		return n
	}
	if conflict(trimRight(text)) {
		p.problem(Problem{Kind: Conflict, Line: line}, text...)
	}
	i := bytes.IndexAny(text, " \t:")
	if i < 0 {
		p.problem(Problem{Kind: Invalid, Line: line}, whole...)
		return n
	}
	value := text[i+1:]
	for len(value) > 0 && (value[0] == ':' || space[value[0]]) {
		value = value[1:]
	}
	if !targets(value) {
		p.problem(Problem{Kind: Invalid, Line: line}, whole...)
		return n
	}
	p.entry(line, text[:i], value)
	return n
}

// spliced reads a line and those that a backslash at the end joins to it, with
// what stands behind an unescaped "#" taken away, and "\#" as "#".
func (p *parser) spliced(b []byte, line int64) (text []byte, n int) {
	buf := p.text[:0]
	for again := true; again && n < len(b); line++ {
		part, m := physical(b[n:])
		n += m
		again = false
		if i := unescaped(part, '#'); i >= 0 {
			p.comment(part[i:], line)
			part = part[:i]
		}
		if k := len(part) - 1; k >= 0 && unescaped(part[k:], '\\') == 0 && !escaped(part, k) {
			part, again = part[:k], true
		}
		buf = append(buf, part...)
	}
	p.text = buf
	if bytes.IndexByte(buf, '#') >= 0 {
		return unhash(buf), n
	}
	return buf, n
}

// unescaped finds c without a backslash before it.
func unescaped(b []byte, c byte) int {
	for i := 0; ; i++ {
		k := bytes.IndexByte(b[i:], c)
		if k < 0 {
			return -1
		}
		if i += k; !escaped(b, i) {
			return i
		}
	}
}

// escaped reports whether an odd number of backslashes stands before b[i].
func escaped(b []byte, i int) bool {
	n := 0
	for n < i && b[i-1-n] == '\\' {
		n++
	}
	return n%2 == 1
}

func unhash(b []byte) []byte {
	out := b[:0]
	for i := 0; i < len(b); i++ {
		if b[i] == '\\' && i+1 < len(b) {
			if i++; b[i] != '#' {
				out = append(out, '\\')
			}
		}
		out = append(out, b[i])
	}
	return out
}

// targets reports whether makemap takes a value: a list of targets.
func targets(value []byte) bool {
	for more := true; more; {
		var t []byte
		t, value, more = bytes.Cut(value, []byte(","))
		if t = trimRight(trimLeft(t)); len(t) == 0 || !simpleTarget(t) && !target(t) {
			return false
		}
	}
	return true
}

// longTarget is an error, a program, a file or an include, of which makemap
// takes a part of up to 1023 bytes; address is one; userTarget is a user of up to
// 255 bytes with whatever domain.
var (
	longTarget = expression(`(?s)^(?:(?i::?error:)([45][0-9][0-9] [0-9A-Za-z].*)|"\|(.*")|\|(.*)|(?i::?include:)?(/.*))$`)
	address    = expression("^[0-9A-Za-z!#$%*/?|^{}`~&'+=_.-]+@[0-9A-Za-z.-]+$")
	userTarget = expression(`(?s)^([0-9A-Za-z_.+-]+)(?:@.+)?$`)
)

// expression compiles a regular expression when it is needed: that takes as long
// as to read ten thousand entries.
func expression(text string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}

func target(t []byte) bool {
	if m := longTarget().FindSubmatch(t); m != nil && len(bytes.Join(m[1:], nil)) < 1024 {
		return true
	}
	m := userTarget().FindSubmatchIndex(t)
	return m != nil && m[3] < 256 || address().Match(t)
}

// targetByte sums up to 0 over a user name, to 1 over what has one "@" too, to
// more over others.
var targetByte = func() (t [256]byte) {
	for i := range t {
		switch c := byte(i); {
		case c == '@':
			t[c] = 1
		case c|0x20 >= 'a' && c|0x20 <= 'z', c >= '0' && c <= '9', strings.IndexByte("_.-+", c) >= 0:
		default:
			t[c] = 2
		}
	}
	return t
}()

// simpleTarget reports whether a value is surely one that makemap takes: a user
// or an address.
func simpleTarget(value []byte) bool {
	sum, b := 0, value
	for ; len(b) >= 4; b = b[4:] {
		sum += int(targetByte[b[0]]) + int(targetByte[b[1]]) + int(targetByte[b[2]]) + int(targetByte[b[3]])
	}
	for _, c := range b {
		sum += int(targetByte[c])
	}
	n := len(value)
	return n < 256 && (sum == 0 || sum == 1 && value[0] != '@' && value[n-1] != '@')
}
