package aliases

import (
	"bytes"
	"regexp"
	"sync"
)

// A table of type file: is read a line at a time: leading and trailing white space
// goes, "#" is a comment where it stands first, the key ends at the first blank, tab
// or colon, and one separator follows, then only blanks. A key in brackets ends at
// the bracket. The first line that is no comment says what the table is: with a
// separator a table of keys and values, without one a list. (parse_table_line of
// OpenSMTPD 7.6; 6.8 skips further colons.)
//
//	a line without separator or value  the file is refused: smtpd does not start, and one
//	                                   that runs goes on with the old table
//	a list                             the same: "may not be used for alias lookups"
//	a key twice                        the last wins
//	a value that is not understood     that key answers 424
//
// makemap reads its input by the same rules, but takes a key twice, and a value that
// is not understood, for reasons to refuse the file.

// opensmtpd reads a line of a table of type file:.
func opensmtpd(b []byte, line int64, to sink) int {
	text, n := physical(b)
	if conflict(trimRight(text)) {
		to.problem(Problem{Kind: Conflict, Line: line}, text)
	}
	key, value, kind := tableLine(text)
	switch {
	case kind != kinds:
		tableProblem(kind, text, line, to)
		return n
	case key == nil:
		return n
	case len(key) > 1023:
		to.problem(Problem{Kind: TooLong, Line: line}, text)
		return n
	case !hasTarget(value):
		to.problem(Problem{Kind: NoValue, Line: line}, text)
		return n
	}
	to.entry(line, key, value)
	if !user(value) && !expands(value) {
		to.problem(Problem{Kind: Deferred, Line: line}, text)
	}
	return n
}

// opensmtpdDB reads a line as makemap -t aliases does.
func opensmtpdDB(b []byte, line int64, to sink) int {
	text, n := physical(b)
	if conflict(trimRight(text)) {
		to.problem(Problem{Kind: Conflict, Line: line}, text)
	}
	key, value, kind := tableLine(text)
	switch {
	case kind == List: // makemap knows what it makes
		tableProblem(Invalid, text, line, to)
	case kind != kinds:
		tableProblem(kind, text, line, to)
	case key == nil:
	case !user(value) && !targets(value):
		to.problem(Problem{Kind: Invalid, Line: line}, text)
	default:
		to.entry(line, key, value)
	}
	return n
}

// tableProblem takes a line that is no entry.
func tableProblem(kind Kind, text []byte, line int64, to sink) {
	if kind == isComment {
		to.comment(line, text)
		return
	}
	to.problem(Problem{Kind: kind, Line: line}, text)
}

const isComment = kinds + 1

// tableLine splits a line into key and value. The key is nil if there is none. The
// kind is kinds, but isComment for a comment, List where there is no separator, and
// Invalid where there is no value.
func tableLine(text []byte) (key, value []byte, kind Kind) {
	text = cut(trimLeft(trimRight(text)))
	switch {
	case len(text) == 0:
		return nil, nil, kinds
	case text[0] == '#':
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

// user reports whether a value is surely understood: a user, or an address of
// letters, digits, "_", ".", "-", "+".
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

// hasTarget reports whether a value has any target at all.
func hasTarget(value []byte) bool {
	return len(bytes.Trim(value, ", \t\v\f\r")) > 0
}

// expands reports whether smtpd understands a value: targets, with commas between
// them outside of quotes, of less than 2048 bytes. A backslash takes what is special
// from the byte behind it; targets may be empty.
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
	t = trimRight(trimLeft(t))
	return len(t) == 0 || target(t)
}

// targets reports whether makemap takes a value: targets with commas between them,
// none of them empty.
func targets(value []byte) bool {
	for t := range bytes.SplitSeq(value, []byte(",")) {
		if t = trimRight(trimLeft(t)); len(t) == 0 || !target(t) {
			return false
		}
	}
	return true
}

// longTarget is an error, a program, a file or an include, of which a part of up
// to 1023 bytes is taken; address is one; userTarget is a user of up to 255 bytes
// with whatever domain.
var (
	longTarget = expression(`(?s)^(?:(?i::?error:)([45][0-9][0-9] [0-9A-Za-z].*)|` +
		`"\|(.*")|\|(.*)|(?i::?include:)?(/.*))$`)
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

// unescaped finds c without a backslash before it.
func unescaped(text []byte, c byte) int {
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' {
			i++
		} else if text[i] == c {
			return i
		}
	}
	return -1
}
