package aliases

import (
	"bytes"
	"strings"
)

// opensmtpd reads a logical line as makemap -t aliases does.
func (p *parser) opensmtpd(b []byte, line int) int {
	text, n := p.joined(b, line)
	text = trimLeft(cut(text))
	if len(text) == 0 {
		return n
	}
	if conflict(trimRight(text)) {
		p.problem(Problem{Kind: Conflict, Line: line}, text...)
	}
	i := bytes.IndexAny(text, " \t:")
	if i < 0 {
		p.problem(Problem{Kind: Invalid, Line: line}, text...)
		return n
	}
	value := text[i+1:]
	for len(value) > 0 && (value[0] == ':' || space[value[0]]) {
		value = value[1:]
	}
	if !targets(value) {
		p.problem(Problem{Kind: Invalid, Line: line}, text...)
		return n
	}
	p.entry(line, text[:i], value)
	return n
}

// joined reads a line and those that a backslash at the end joins to it, with
// what stands behind an unescaped "#" taken away, and "\#" as "#".
func (p *parser) joined(b []byte, line int) (text []byte, n int) {
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

// targets reports whether makemap takes a value: a list of targets, each a
// program, a file, an include, an error, an address or a user.
func targets(value []byte) bool {
	if len(value) == 0 {
		return false
	}
	for _, t := range strings.Split(string(value), ",") {
		if t = string(trimRight(trimLeft([]byte(t)))); !target(t) {
			return false
		}
	}
	return true
}

func target(t string) bool {
	const buffer, name = 1024, 256 // sizes in makemap, with the NUL
	if t == "" {
		return false
	}
	fold := strings.TrimPrefix(strings.ToLower(t), ":")
	if text, ok := strings.CutPrefix(fold, "error:"); ok && errorText(text) && len(text) < buffer {
		return true
	}
	path, _ := strings.CutPrefix(fold, "include:")
	switch program, quoted := strings.CutPrefix(t, `"|`); {
	case quoted && len(program) > 0 && program[len(program)-1] == '"' && len(program) < buffer:
		return true
	case t[0] == '|' && len(t) <= buffer:
		return true
	case (t[0] == '/' || path != fold) && path[:min(len(path), 1)] == "/" && len(path) < buffer:
		return true
	}
	user, domain, address := strings.Cut(t, "@")
	if address && (len(t) < 3 || user == "" || domain == "") {
		return false
	}
	if address && all(user, "!#$%*/?|^{}`~&'+-=_.") && all(domain, "-.") {
		return true
	}
	return all(user, "_.-+") && len(user) < name
}

// all reports whether s has ASCII letters, digits and bytes of more alone.
func all(s, more string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte(more, c) >= 0) {
			return false
		}
	}
	return true
}

// errorText reports whether s is an SMTP reply: "550 text".
func errorText(s string) bool {
	return len(s) >= 5 && (s[0] == '4' || s[0] == '5') && s[1] >= '0' && s[1] <= '9' && s[2] >= '0' && s[2] <= '9' &&
		s[3] == ' ' && all(s[4:5], "")
}

// simpleTarget reports whether a value is surely one that makemap takes: a user
// or an address.
func simpleTarget(value []byte) bool {
	at := 0
	for _, c := range value {
		if c == '@' {
			at++
		} else if !userByte[c] {
			return false
		}
	}
	return at == 0 && len(value) < 256 || at == 1 && value[0] != '@' && value[len(value)-1] != '@'
}
