package aliases

import (
	"bytes"
	"fmt"
	"strings"
)

// Kind is what is wrong with a line.
type Kind uint8

// The kinds of problems. Those that concern the whole file come first.
const (
	Mark         Kind = iota // byte-order mark
	NUL                      // NUL byte
	LoneCR                   // CR without LF after it
	HTML                     // an HTML page
	Conflict                 // conflict markers of a version control system
	Oversize                 // more than 4 MiB without the beginning of an entry: the reading ends
	Invalid                  // OpenSMTPD: an invalid entry; the whole file is refused
	List                     // OpenSMTPD: reads the file as a list, not as a table of aliases
	Again                    // OpenSMTPD's makemap: a duplicate key
	Deferred                 // OpenSMTPD: the value is not understood; smtpd answers 424
	NoValue                  // key without value
	NoSeparator              // no colon, or nothing before it
	Unattached               // begins with white space, but there is nothing to continue
	NotLocal                 // the key is an address, but must be a local name
	NotUTF8                  // not UTF-8
	TooLong                  // longer than the program reads
	Illegal                  // Sendmail: the key has a byte that is not legal
	Unbalanced               // an open quote or bracket
	ColonKey                 // map: the key ends with a colon
	CarriageEnds             // Sendmail: CR before LF is kept in values
	Joined                   // continues an entry, but looks like an entry itself
	kinds
	good = kinds // no problem
)

// Whole reports whether a problem damages the file as a whole: the mail server silently finds fewer
// keys.
func (k Kind) Whole() bool { return k <= Oversize }

// Refuses reports whether the program refuses the whole file because of such a line.
func (k Kind) Refuses() bool { return k == Invalid || k == List || k == Again }

// texts are the problems in words.
var texts = [kinds]string{
	Mark:         "a byte-order mark belongs to the first key",
	NUL:          "a NUL byte cuts the line",
	LoneCR:       "a lone CR does not end the line",
	HTML:         "an HTML page",
	Conflict:     "a merge-conflict marker",
	Oversize:     "no entry begins in the next 4 MiB; from here on the file is not read",
	Invalid:      "an invalid entry",
	List:         "no separator, so the file is taken for a list",
	Deferred:     "the value is not understood: mail to this key is deferred (424)",
	NoValue:      "key without value",
	NoSeparator:  "no key and separator",
	Unattached:   "continues no entry and is lost",
	NotLocal:     "the name must be local",
	NotUTF8:      "not UTF-8",
	TooLong:      "too long",
	Illegal:      "the name is not legal",
	Unbalanced:   "unbalanced quotes or brackets",
	ColonKey:     "the key ends with a colon; is this an alias file?",
	CarriageEnds: "CR at the end of the line is kept in the value",
}

// Problem is a line that the program drops, misreads or refuses.
type Problem struct {
	Kind  Kind
	Line  int64
	Cause int64  // another line that caused the problem: see [Problem.String]; else 0
	Key   string // the key of the line, if it surely is a key and may be shown; else empty
}

// String says what is wrong, without the key: "line 812 is swallowed by the NUL in line 811".
func (p Problem) String() string {
	switch {
	case p.Kind == Again:
		return fmt.Sprintf("lines %d and %d have the same key", p.Cause, p.Line)
	case p.Kind == Joined:
		return fmt.Sprintf("line %d continues the entry of line %d", p.Line, p.Cause)
	case p.Cause > 0:
		return fmt.Sprintf("line %d is swallowed by the NUL in line %d", p.Line, p.Cause)
	}
	return fmt.Sprintf("line %d: %s", p.Line, texts[p.Kind])
}

// shown returns the key of a line that has a problem. Values are secret, and a malformed line may
// be a part of a value whose indentation is missing. So the key is shown only if the line looks
// like an entry: a name or an address, then a colon.
func (p Problem) shown(text []byte) string {
	switch {
	case p.Kind == Unattached, p.Kind == Joined, p.Kind == NoSeparator, p.Kind == LoneCR,
		p.Kind == TooLong, p.Kind == NUL && p.Cause == 0:
		return ""
	}
	if m := named().FindSubmatch(text); m != nil && len(m[1]) <= 64 {
		return string(m[1])
	}
	return ""
}

var named = expression(`^(?:\x{feff})?([0-9A-Za-z._+@*=-]+)[ \t]*:`)

// looseKey returns what a person would take for the key of a line.
func looseKey(text []byte) []byte {
	text = bytes.TrimLeft(bytes.TrimPrefix(text, mark), "\x00\" \t\r\n\v\f")
	if i := bytes.IndexAny(text, "\x00\": \t\r\n\v\f"); i >= 0 {
		text = text[:i]
	}
	return text
}

var mark = []byte("\xef\xbb\xbf")

// conflict reports whether a line is a marker of a merge conflict in a version control system.
func conflict(text []byte) bool {
	return bytes.HasPrefix(text, []byte("<<<<<<< ")) ||
		bytes.HasPrefix(text, []byte(">>>>>>> ")) || string(trimRight(text)) == "======="
}

// beginning looks for a byte-order mark and an HTML page in the first bytes of a file.
func beginning(buf []byte, to sink) {
	if bytes.HasPrefix(buf, mark) {
		to.problem(Problem{Kind: Mark, Line: 1}, buf)
	}
	start := bytes.TrimPrefix(buf[:min(len(buf), 512)], mark)
	if bytes.HasPrefix(bytes.TrimLeft(start, " \t\r\n"), []byte("<")) && html().Match(start) {
		to.problem(Problem{Kind: HTML, Line: 1}, nil)
	}
}

var html = expression(`(?i)<(!doctype html|html|head)`)

// control looks for NUL, CR and lines that continue an entry, in the lines that a grammar has read.
// It returns the number of the line after them.
func control(f Format, buf []byte, line int64, to sink) int64 {
	entry, backslash := int64(0), false
	for len(buf) > 0 {
		text, n := physical(buf)
		if len(text) > 0 {
			blank := text[0] == ' ' || text[0] == '\t'
			switch {
			case entry > 0 && (backslash || blank && !f.onePerLine()):
				joined(f, trimLeft(text), Problem{Kind: Joined, Line: line, Cause: entry}, to)
			case begins(text[0]):
				entry = line
			}
			backslash = f == Sendmail && text[len(text)-1] == '\\'
		}
		if i := bytes.IndexByte(text, 0); i >= 0 {
			to.problem(Problem{Kind: NUL, Line: line}, bytes.TrimLeft(text[i:], "\x00"))
		}
		if bytes.IndexByte(text, '\r') >= 0 {
			returns(f, text, line, n > len(text), to)
		}
		if n > len(text) {
			line++
		}
		buf = buf[n:]
	}
	return line
}

// returns looks at the CRs of a line. ended says that a LF follows the line.
func returns(f Format, text []byte, line int64, ended bool, to sink) {
	body := bytes.TrimRight(text, "\r")
	_, hidden, lone := bytes.Cut(body, []byte("\r"))
	switch {
	case lone:
		p := Problem{Kind: LoneCR, Line: line}
		to.problem(p, nil)
		for text := range bytes.SplitSeq(hidden, []byte("\r")) {
			to.unseen(p, text)
		}
	case f == Sendmail && ended && len(body) < len(text) &&
		len(trimLeft(body)) > 0 && body[0] != '#':
		to.problem(Problem{Kind: CarriageEnds, Line: line}, nil)
	}
}

// joined judges a line that continues an entry. Most such lines belong to the value. But a line
// that looks like an entry, "name: ", was meant as an entry: it is a problem. If the line looks
// less like an entry, it counts only if its first word is a required key.
func joined(f Format, text []byte, p Problem, to sink) {
	name := looseKey(text)
	if len(name) == 0 || name[0] == '#' || len(text) < len(name)+2 || !bytes.HasPrefix(text, name) {
		return
	}
	end, next := text[len(name)], text[len(name)+1]
	switch {
	case f != Map && end == ':' && (next == ' ' || next == '\t') &&
		!bytes.ContainsAny(name, `/|,<>()\'`):
		to.problem(p, text)
	case strings.IndexByte(rules[f].ends, end) >= 0:
		to.unseen(p, text)
	}
}
