package aliases

import (
	"bytes"
	"slices"
	"strings"
)

// sendmailText reads an entry as newaliases does, or a line that belongs to no entry.
func sendmailText(b []byte, line int64, to sink) (text []byte, n int) {
	text, n, long := sendmailLine(b)
	first, m := physical(b)
	switch {
	case long:
		return nil, sendmailLong(b, n, line, text, to)
	case len(text) > 0 && text[0] == '#', len(trimLeft(first)) == 0:
		to.comment(line, first)
		if next := trimLeft(b[m:n]); len(next) > 0 { // it continues the comment
			to.problem(Problem{Kind: Unattached, Line: line + 1}, next)
		}
		return nil, n
	case len(text) > 0 && (text[0] == ' ' || text[0] == '\t'):
		to.problem(Problem{Kind: Unattached, Line: line}, text)
		return nil, n
	}
	return text, n
}

// sendmailLine reads a logical line into the program's buffer of 8192 bytes. long says that the
// program did not see the end of the line: the line is too long, or a NUL stands before the end.
func sendmailLine(b []byte) (text []byte, n int, long bool) {
	const size = 8192
	buf := make([]byte, 0, 512)
	for {
		room := size - len(buf) - 1
		_, m := physical(b[n:min(len(b), n+room)])
		buf = append(buf, cut(b[n:n+m])...)
		n += m
		end := bytes.IndexByte(buf, '\n')
		switch {
		case m == 0:
			return buf, n, n < len(b)
		case end > 0 && buf[end-1] == '\\':
			buf = buf[:end-1]
		case n < len(b) && (b[n] == ' ' || b[n] == '\t'):
			buf = bytes.TrimSuffix(buf, []byte("\n"))
		case end >= 0:
			return buf[:end], n, false
		default:
			return buf, n, n < len(b)
		}
	}
}

// sendmailLong skips an entry whose end the program did not see: to the end of the logical line or,
// after a NUL, to the end of the next logical line. It returns the place after that.
func sendmailLong(b []byte, n int, line int64, text []byte, to sink) int {
	if b[n-1] == '\n' {
		cause := line + int64(bytes.Count(b[:n-1], []byte("\n")))
		to.unseen(Problem{Kind: NUL, Line: line}, text)
		next, _ := physical(b[n:])
		to.problem(Problem{Kind: NUL, Line: cause + 1, Cause: cause}, next)
	} else {
		to.problem(Problem{Kind: TooLong, Line: line}, text)
	}
	for more := true; more && n < len(b); {
		skipped, m := physical(b[n:])
		n += m
		more = bytes.HasSuffix(skipped, []byte(`\`)) || n < len(b) && (b[n] == ' ' || b[n] == '\t')
	}
	return n
}

// sendmailEntry splits a line into name and value. The name is what the stock rule set makes of the
// text before the first colon outside of quotes and brackets: it drops comments; if there are angle
// brackets, it takes only the text in them; it writes a dot for white space between words; it drops
// localhost and needless quotes.
func sendmailEntry(text []byte) (name, value []byte, kind Kind) {
	colon := bytes.IndexByte(text, ':')
	if colon < 0 {
		return nil, nil, NoSeparator
	}
	value = trimLeft(text[colon+1:])
	name, quoted, angle := sendmailWords(text)
	if quoted {
		name = append(name, '"') // as Sendmail does
	}
	name = bytes.TrimPrefix(name, []byte("localhost!"))
	name = bytes.TrimSuffix(bytes.TrimSuffix(name, []byte("@localhost")), []byte("%localhost"))
	if bytes.HasPrefix(name, []byte(`"`)) && quotedWord().Match(name) {
		name = name[1 : len(name)-1]
	}
	switch n := len(name); {
	case angle:
		return nil, nil, Unbalanced
	case n == 0:
		return nil, nil, NoSeparator
	case n > 255:
		return nil, nil, TooLong
	case slices.ContainsFunc(name, func(c byte) bool { return c >= 0x80 && c < 0xa0 }):
		return nil, nil, Illegal
	case name[0] == '/' || name[0] == '|', !sendmailPlain(name):
		return nil, nil, NotLocal
	case quoted:
		return name, value, Unbalanced
	case len(value) == 0:
		return nil, nil, NoValue
	}
	return name, value, good
}

// sendmailWords joins the words of a name with dots, and reports whether a quote or an angle
// bracket is open at the end of the name.
func sendmailWords(text []byte) (name []byte, quoted, angle bool) {
	var blank, closed bool
	depth := 0 // of angle brackets
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '\\' && i+1 < len(text):
			i++
			if !closed {
				name = append(name, c, text[i])
			}
			continue
		case quoted:
			quoted = c != '"'
		case c == ':' && depth == 0:
			return name, false, false
		case c == '(':
			i += commentLength(text[i:]) - 1
			blank = true
			continue
		case c == '<':
			depth++
			name, blank = name[:0], false
			continue
		case c == '>':
			closed = closed || depth > 0
			depth = max(0, depth-1)
			continue
		case space[c]:
			blank = true
			continue
		case c == ')':
			continue
		case c == '"':
			quoted = true
		case c < ' ' || c == 0x7f || c == 0xff:
			c = '?'
		}
		if !closed {
			if n := len(name); blank && n > 0 && atomByte(c) && atomByte(name[n-1]) {
				name = append(name, '.')
			}
			name, blank = append(name, c), false
		}
	}
	return name, quoted, depth > 0
}

// commentLength is the length of the comment at the beginning of text. Comments nest. A comment
// that is not closed goes to the end of text.
func commentLength(text []byte) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '(':
			depth++
		case ')':
			depth--
		}
		if depth == 0 {
			return i + 1
		}
	}
	return len(text)
}

// atomByte reports whether c may stand in a word.
func atomByte(c byte) bool { return strings.IndexByte(`.:%@!^/[]+,;"`, c) < 0 }

// quotedWord is a word in quotes that needs no quotes. A backslash at its end escapes nothing.
var (
	quotedWord = expression(`^"(\\[^ \t<>]?|[^"\\ \t<>])*"$`)
	quotedRun  = expression(`"(\\.|[^"\\])*"`)
)

// sendmailPlain reports whether a name is plain: no byte makes the name an address.
func sendmailPlain(name []byte) bool {
	if bytes.IndexByte(name, '"') >= 0 {
		name = quotedRun().ReplaceAll(name, []byte("q"))
	}
	n := len(name) - 1
	return !bytes.ContainsAny(name, "@%") && bytes.IndexByte(name[:n], ',') < 0 &&
		bytes.IndexByte(name[1:max(n, 1)], '!') < 0
}
