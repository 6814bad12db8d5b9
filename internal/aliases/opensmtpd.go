package aliases

import (
	"bytes"
	"regexp"
	"sync"
)

// A table of type file: is read a line at a time: leading and trailing white space goes, "#" begins
// a comment where it stands first, the key ends at the first blank, tab or colon, and one separator
// follows, then only blanks. A key in brackets ends at the bracket. The first line that is no
// comment says what the table is: with a separator a table of keys and values, without one a list.
// (parse_table_line of OpenSMTPD 7.6; 6.8 skips further colons.)
//
//	a line without separator or value  the file is refused: smtpd does not start; a running smtpd
//	                                   keeps the old table
//	a list                             the same: "may not be used for alias lookups"
//	a duplicate key                    the last entry wins
//	a value that is not understood     this key answers 424
//
// makemap reads its input by the same rules, but refuses a file with a duplicate key, or with a
// value that it does not understand.

// opensmtpd reads a line of a table of type file:.
func opensmtpd(b []byte, line int64, to sink) int { return tableLine(b, line, to, false) }

// makemap reads a line as makemap -t aliases does.
func makemap(b []byte, line int64, to sink) int { return tableLine(b, line, to, true) }

// tableLine reads a line of a table, which makemap may compile.
func tableLine(b []byte, line int64, to sink, compile bool) int {
	text, n := physical(b)
	trimmed := cut(trimLeft(trimRight(text)))
	key, value, kind := keyValue(trimmed)
	switch {
	case kind == isComment:
		to.comment(line, trimmed)
		return n
	case kind == List && compile: // makemap is told what it makes
		kind = Invalid
	case kind != kinds:
	case compile:
		if !user(value) && !targets(value) {
			kind = Invalid
		}
	case len(key) > 1023:
		kind = TooLong
	case len(bytes.Trim(value, ", \t\v\f\r")) == 0:
		kind = NoValue
	case !user(value) && !expands(value):
		kind = Deferred
	}
	if kind == kinds || kind == Deferred {
		to.entry(line, key, value)
	}
	if kind != kinds {
		to.problem(Problem{Kind: kind, Line: line}, text)
	}
	return n
}

const isComment = kinds + 1

// keyValue splits a line into key and value. The kind is kinds, but isComment for a comment or a
// blank line, List without a separator, and Invalid without a value.
func keyValue(text []byte) (key, value []byte, kind Kind) {
	if len(text) == 0 || text[0] == '#' {
		return nil, nil, isComment
	}
	end := bytes.IndexAny(text, " \t:")
	if text[0] == '[' {
		end = bytes.IndexByte(text, ']') + 1
	}
	switch {
	case text[0] == '[' && end == 0:
		return nil, nil, Invalid
	case end < 0 || end >= len(text):
		return nil, nil, List
	}
	key, value = text[:end], bytes.TrimLeft(text[end+1:], " \t")
	if len(value) == 0 {
		return nil, nil, Invalid
	}
	return key, value, kinds
}

// user reports whether a value is a user or an address of letters, digits, "_", ".", "-", "+". Both
// programs understand these.
func user(value []byte) bool {
	at := 0
	for i, c := range value {
		switch {
		case c == '@' && at == 0 && i > 0:
			at = i
		case !userByte[c]:
			return false
		}
	}
	return len(value) < 256 && at+1 < len(value)
}

var userByte = table("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_.-+")

// expands reports whether smtpd understands a value: less than 2048 bytes of targets, with commas
// between them outside of quotes. A backslash takes the meaning from the byte behind it. Targets
// may be empty.
func expands(value []byte) bool {
	if len(value) >= 2048 {
		return false
	}
	var one []byte
	var quote byte
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '\\':
			if i++; i == len(value) {
				return false
			}
			one = append(one, value[i])
			continue
		case c == ',' && quote == 0:
			if !emptyOrTarget(one) {
				return false
			}
			one = one[:0]
			continue
		case quote == c:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		}
		one = append(one, value[i])
	}
	return quote == 0 && emptyOrTarget(one)
}

func emptyOrTarget(t []byte) bool {
	t = trimLeft(trimRight(t))
	return len(t) == 0 || target(t)
}

// targets reports whether makemap takes a value: targets with commas between them, none of them
// empty.
func targets(value []byte) bool {
	for t := range bytes.SplitSeq(value, []byte(",")) {
		if !target(trimLeft(trimRight(t))) {
			return false
		}
	}
	return true
}

// longTarget is an error, a program, a file or an include. OpenSMTPD takes a part of up to 1023
// bytes of it. userTarget is a user of up to 255 bytes with any domain.
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
	if m := longTarget().FindSubmatch(t); m != nil && len(bytes.Join(m[1:], nil)) < 1024 {
		return true
	}
	m := userTarget().FindSubmatchIndex(t)
	return m != nil && m[3] < 256 || address().Match(t)
}
