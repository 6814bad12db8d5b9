package aliases

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"
)

// postfixText reads a logical line: lines that begin with white space continue it, also after blank
// lines and comments. It returns no text if the first line is blank or a comment.
func postfixText(b []byte, line int64, to sink) (text []byte, n int) {
	for last := line; ; last++ {
		part, m := physical(b[n:])
		n += m
		switch rest := trimLeft(part); {
		case len(rest) > 0 && rest[0] == '#':
			to.comment(last, rest)
		case len(rest) > 0 && len(text) == 0:
			text = slices.Clip(part) // so that append leaves b as it is
		case len(rest) > 0:
			text = append(text, part...)
		}
		if len(text) == 0 || n == len(b) || b[n] != '#' && !space[b[n]] {
			break
		}
	}
	cutText := cut(text)
	switch {
	case len(cutText) == 0:
	case space[text[0]]:
		to.problem(Problem{Kind: Unattached, Line: line}, cutText)
	case !utf8.Valid(text):
		to.problem(Problem{Kind: NotUTF8, Line: line}, cutText)
	default:
		return cutText, n
	}
	return nil, n
}

// postalias splits a line as postalias does: into RFC 822 tokens. The tokens before the first colon
// are the key.
func postalias(text []byte) (key, value []byte, kind Kind) {
	var seen []byte // the kinds of the tokens
	key = []byte{}
	token, part, value := nextToken(text)
	for ; token != 0 && token != ':'; token, part, value = nextToken(value) {
		if n := len(seen); n > 0 && (token == '<' || isWord(token) && isWord(seen[n-1])) {
			key = append(key, ' ')
		}
		key, seen = append(key, part...), append(seen, token)
	}
	switch {
	case token == 0, len(seen) == 0, bytes.IndexByte(seen, ',') >= 0:
		return nil, nil, NoSeparator
	case len(bytes.TrimLeft(value, " \t\r\n")) == 0:
		return nil, nil, NoValue
	case bytes.ContainsAny(seen, "@%"):
		return nil, nil, NotLocal
	}
	return key, value, good
}

func isWord(token byte) bool { return strings.IndexByte(`a"([`, token) >= 0 }

// operators are the tokens of RFC 822 that have one byte, and the bytes that begin other tokens.
const operators = `|%!()<>@,;:".[]`

// nextToken reads a token as Postfix does from alias files; rest is what follows the token. The
// kind is 'a' for an atom, '"' for a quoted string, '(' for a comment, '[' for a domain literal, 0
// if there is no token, else the byte itself. The text has no quotes.
func nextToken(b []byte) (kind byte, text, rest []byte) {
	b = bytes.TrimLeft(b, " \t\r\n")
	if len(b) == 0 {
		return 0, nil, nil
	}
	switch kind = b[0]; {
	case kind == '(':
		n := commentLength(b)
		return kind, b[:n], b[n:]
	case kind == '[':
		text, rest = collect([]byte("["), b[1:], "]")
		return kind, append(text, ']'), rest[min(1, len(rest)):]
	case kind == '"':
		text, rest = collect(nil, b[1:], `"`)
		return kind, text, rest[min(1, len(rest)):]
	case strings.IndexByte(operators, kind) >= 0:
		return kind, b[:1], b[1:]
	}
	text, rest = collect(nil, b, operators+" \t\r\n")
	return 'a', text, rest
}

// collect appends to text the bytes before the first byte that ends the token. The byte after a
// backslash has no special meaning.
func collect(text, b []byte, ends string) (all, rest []byte) {
	for i := 0; i < len(b); i++ {
		c := b[i]
		if c == '\\' {
			if i++; i == len(b) {
				break
			}
			c = b[i]
		} else if strings.IndexByte(ends, c) >= 0 {
			return text, b[i:]
		}
		if c == '\t' || c == '\r' || c == '\n' {
			c = ' '
		}
		text = append(text, c)
	}
	return text, nil
}

// postmap splits a line as postmap does: the key ends at the first white space outside of quotes.
// The quotes stay in the key.
func postmap(text []byte) (key, value []byte, kind Kind) {
	i, quoted := 0, false
	for ; i < len(text) && (quoted || !space[text[i]]); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			quoted = !quoted
		}
	}
	i = min(i, len(text))
	switch key, value = text[:i], text[i:]; {
	case quoted:
		return nil, nil, Unbalanced
	case len(trimLeft(value)) == 0:
		return nil, nil, NoValue
	case key[i-1] == ':':
		return key, value, ColonKey
	}
	return key, value, good
}
