package aliases

import (
	"bytes"
	"regexp"
	"sync"
)

// In a table of type file:, smtpd reads line by line. It drops leading and trailing white space. A
// line is a comment if it then begins with "#". The key ends at the first blank, tab or colon; a
// key in brackets ends at the bracket. One separator follows the key, then only blanks. The first
// line that is no comment decides what the table is: with a separator keys and values, without one
// a list. (parse_table_line of OpenSMTPD 7.6; 6.8 skips further colons.)
//
//	a line without separator or value  the file is refused: smtpd does not start; a running smtpd
//	                                   keeps the old table
//	a list                             the same: "may not be used for alias lookups"
//	a duplicate key                    the last entry wins
//	a value that is not understood     smtpd answers 424 for this key
//
// makemap reads its input by the same rules, but refuses a file with a duplicate key, or with a
// value that it does not understand.

// tableText reads a line.
func tableText(b []byte, line int64, to sink) (text []byte, n int) {
	text, n = physical(b)
	if trimmed := cut(trimLeft(trimRight(text))); len(trimmed) == 0 || trimmed[0] == '#' {
		to.comment(line, trimmed)
		return nil, n
	}
	return text, n
}

// opensmtpd splits a line of a table of type file:.
func opensmtpd(text []byte) (key, value []byte, kind Kind) {
	key, value, kind = keyValue(text)
	switch {
	case kind != good:
	case len(key) > 1023:
		return nil, nil, TooLong
	case len(bytes.Trim(value, ", \t\v\f\r")) == 0:
		return nil, nil, NoValue
	case !expands(value):
		return key, value, Deferred
	}
	return key, value, kind
}

// makemap splits a line as makemap -t aliases does.
func makemap(text []byte) (key, value []byte, kind Kind) {
	key, value, kind = keyValue(text)
	if kind != good || !targets(value) {
		return nil, nil, Invalid
	}
	return key, value, good
}

// keyValue splits a line into key and value. The kind is List if the line has no separator, and
// Invalid if it has no value.
func keyValue(text []byte) (key, value []byte, kind Kind) {
	text = cut(trimLeft(trimRight(text)))
	end := bytes.IndexAny(text, " \t:")
	if text[0] == '[' {
		if end = bytes.IndexByte(text, ']') + 1; end == 0 {
			return nil, nil, Invalid
		}
	}
	if end < 0 || end == len(text) {
		return nil, nil, List
	}
	key, value = text[:end], bytes.TrimLeft(text[end+1:], " \t")
	if len(value) == 0 {
		return nil, nil, Invalid
	}
	return key, value, good
}

// user reports whether a value is a user or an address of letters, digits, "_", ".", "-", "+". Both
// programs understand such a value.
func user(value []byte) bool {
	name, domain, address := bytes.Cut(value, []byte("@"))
	return len(value) < 256 && userPart(name) && (!address || userPart(domain))
}

func userPart(b []byte) bool {
	for _, c := range b {
		if !userByte[c] {
			return false
		}
	}
	return len(b) > 0
}

var userByte = table("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_.-+")

// expands reports whether smtpd understands a value: less than 2048 bytes of targets, with commas
// between them outside of quotes. The byte after a backslash has no special meaning. Targets may be
// empty.
func expands(value []byte) bool {
	if len(value) >= 2048 {
		return false
	}
	var one []byte
	var quote byte
	for i := 0; i <= len(value); i++ {
		switch {
		case i == len(value), value[i] == ',' && quote == 0:
			one = trimLeft(trimRight(one))
			if quote != 0 || len(one) > 0 && !target(one) {
				return false
			}
			one = one[:0]
			continue
		case value[i] == '\\':
			if i++; i == len(value) {
				return false
			}
		case quote == value[i]:
			quote = 0
		case quote == 0 && (value[i] == '"' || value[i] == '\''):
			quote = value[i]
		}
		one = append(one, value[i])
	}
	return true
}

// targets reports whether makemap takes a value: targets with commas between them. No target may be
// empty.
func targets(value []byte) bool {
	for t := range bytes.SplitSeq(value, []byte(",")) {
		if !target(trimLeft(trimRight(t))) {
			return false
		}
	}
	return true
}

// longTarget is an error, a program, a file or an include. The part that OpenSMTPD takes of it, the
// group, has up to 1023 bytes. userTarget is a user of up to 255 bytes with any domain.
var (
	longTarget = expression(`(?s)^(?:(?i::?error:)([45][0-9][0-9] [0-9A-Za-z].*)|` +
		`"\|(.*")|\|(.*)|(?i::?include:)?(/.*))$`)
	address    = expression("^[0-9A-Za-z!#$%*/?|^{}`~&'+=_.-]+@[0-9A-Za-z.-]+$")
	userTarget = expression(`(?s)^([0-9A-Za-z_.+-]+)(?:@.+)?$`)
)

// expression compiles a regular expression at its first use: compiling takes as long as reading
// ten thousand entries.
func expression(text string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}

func target(t []byte) bool {
	if user(t) {
		return true
	} else if m := longTarget().FindSubmatch(t); m != nil && len(bytes.Join(m[1:], nil)) < 1024 {
		return true
	}
	m := userTarget().FindSubmatchIndex(t)
	return m != nil && m[3] < 256 || address().Match(t)
}
