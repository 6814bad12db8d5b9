package aliases

import (
	"bytes"
	"slices"
	"unicode/utf8"
)

// logical reads a logical line as Postfix does: lines that begin with white space continue it, over
// blank lines and comments. It gives the text and its length in b. The text is empty where the
// first line is blank or a comment.
func logical(b []byte, line int64, to sink) (text []byte, n int) {
	for n < len(b) {
		part, m := physical(b[n:])
		n += m
		switch rest := trimLeft(part); {
		case len(rest) > 0 && rest[0] == '#':
			to.comment(line, rest)
		case len(rest) > 0 && len(text) == 0:
			text = slices.Clip(part) // b keeps its bytes
		case len(rest) > 0:
			text = append(text, part...)
		}
		line++
		if len(text) == 0 || n < len(b) && b[n] != '#' && !space[b[n]] {
			break
		}
	}
	return text, n
}

// postfix reads a logical line and its problems that both Postfix formats have in common. The text
// is empty if there is nothing more to do.
func postfix(b []byte, line int64, to sink) (text []byte, n int) {
	whole, n := logical(b, line, to)
	text = cut(whole)
	switch {
	case len(text) == 0:
	case space[text[0]]:
		to.problem(Problem{Kind: Unattached, Line: line}, text)
	case !utf8.Valid(whole):
		to.problem(Problem{Kind: NotUTF8, Line: line}, text)
	default:
		return text, n
	}
	return nil, n
}

// postalias reads a logical line as postalias does: as RFC 822 tokens. The tokens before the first
// colon are the key.
func postalias(b []byte, line int64, to sink) int {
	text, n := postfix(b, line, to)
	if len(text) == 0 {
		return n
	}
	var key []byte
	local, comma, word := true, false, false
	tokens, rest := 0, text
	for ; ; tokens++ {
		var t token
		if t, rest = nextToken(rest); t.kind == 0 {
			to.problem(Problem{Kind: NoSeparator, Line: line}, text)
			return n
		}
		if t.kind == ':' {
			break
		}
		if tokens > 0 && (t.kind == '<' || word && t.word()) {
			key = append(key, ' ')
		}
		key = append(key, t.text...)
		word = t.word()
		comma = comma || t.kind == ','
		local = local && t.kind != '@' && t.kind != '%'
	}
	value, _ := nextToken(rest)
	switch {
	case tokens == 0 || comma:
		to.problem(Problem{Kind: NoSeparator, Line: line}, text)
	case value.kind == 0:
		to.problem(Problem{Kind: NoValue, Line: line}, text)
	case !local:
		to.problem(Problem{Kind: NotLocal, Line: line}, text)
	default:
		to.entry(line, key, rest)
	}
	return n
}

// token is a lexical token of RFC 822, as Postfix reads them from alias files.
type token struct {
	// kind is 'a' for an atom, '"' for a quoted string, '(' for a comment, '[' for a domain
	// literal, 0 for none, else the byte itself.
	kind byte
	text []byte // without quotes
}

func (t token) word() bool {
	return t.kind == 'a' || t.kind == '"' || t.kind == '(' || t.kind == '['
}

var (
	operators = table(`|%!()<>@,;:".[]`)
	atomEnd   = table(`|%!()<>@,;:".[]` + " \t\r\n")
)

// nextToken reads a token and gives the text behind it.
func nextToken(b []byte) (token, []byte) {
	b = bytes.TrimLeft(b, " \t\r\n")
	if len(b) == 0 {
		return token{}, nil
	}
	switch c := b[0]; c {
	case '(':
		n := commentLength(b)
		return token{c, b[:n]}, b[n:]
	case '[':
		text, rest := collect(b[1:], func(c byte) bool { return c == ']' })
		return token{c, append(append([]byte("["), text...), ']')}, rest[min(1, len(rest)):]
	case '"':
		text, rest := collect(b[1:], func(c byte) bool { return c == '"' })
		return token{c, text}, rest[min(1, len(rest)):]
	}
	if operators[b[0]] {
		return token{b[0], b[:1]}, b[1:]
	}
	text, rest := collect(b, func(c byte) bool { return atomEnd[c] })
	return token{'a', text}, rest
}

// collect reads up to the first byte that ends the token. A backslash takes the meaning from the
// byte behind it.
func collect(b []byte, ends func(byte) bool) (text, rest []byte) {
	for i := 0; i < len(b); i++ {
		c := b[i]
		if c == '\\' {
			if i++; i == len(b) {
				break
			}
			c = b[i]
		} else if ends(c) {
			return text, b[i:]
		}
		if c == '\t' || c == '\r' || c == '\n' {
			c = ' '
		}
		text = append(text, c)
	}
	return text, nil
}

// postmap reads a logical line as postmap does: the key ends at the first white space outside of
// quotes. The quotes stay in the key.
func postmap(b []byte, line int64, to sink) int {
	text, n := postfix(b, line, to)
	if len(text) == 0 {
		return n
	}
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
	key, value := text[:i], trimLeft(trimRight(text[i:]))
	switch {
	case quoted:
		to.problem(Problem{Kind: Unbalanced, Line: line}, text)
		return n
	case len(value) == 0:
		to.problem(Problem{Kind: NoValue, Line: line}, text)
		return n
	case key[len(key)-1] == ':':
		to.problem(Problem{Kind: ColonKey, Line: line}, key)
	}
	to.entry(line, key, value)
	return n
}
