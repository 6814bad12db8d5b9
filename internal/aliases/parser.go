package aliases

import (
	"bytes"
	"context"
	"io"
)

// Each calls visit for every entry that the program would read from r, in
// order. It stops at the first error of visit, of r or of ctx.
func Each(ctx context.Context, r io.ReaderAt, f Format, visit func(Entry) error) error {
	if f == None {
		return errFormat
	}
	in := &blocks{ctx: ctx, r: r}
	p := newParser(newNotes(f, nil))
	p.visit = visit
	line := int64(1)
	for b := new(block); p.err == nil && in.read(b); {
		p.block(b, line)
		line += b.lines
	}
	if p.err == nil && in.err != io.EOF {
		p.err = in.err
	}
	return p.err
}

// parser reads blocks of one format.
type parser struct {
	*notes
	class
	wanted uint64 // a bit for the low 6 bits of each key asked for
	number int    // of the block
	last   int64  // the line of the last problem

	visit            func(Entry) error // if set, entries go there
	again            func(sums, int64) // if set, their hashes and lines go there
	err              error             // of visit
	set              set
	sum              uint64 // of the hashes of entries
	text, key, value []byte // scratch
	name             []byte
}

func newParser(n *notes) *parser {
	p := &parser{notes: n, class: n.format.class()}
	for _, h := range n.require {
		p.wanted |= 1 << (h & 63)
	}
	return p
}

// block reads a block whose first line has the number line, line by line where
// lines are simple, else with the grammar's full rules.
func (p *parser) block(b *block, line int64) {
	grammar, first := grammars[p.format], line
	p.number = b.number
	if b.offset == 0 {
		p.beginning(b.buf)
	}
	padded := b.buf[:len(b.buf)+slack]
	for pos := 0; pos < len(b.buf); {
		if pos, line = p.simple(padded, pos, line); pos >= len(b.buf) {
			break
		}
		n := grammar(p, b.buf[pos:], line)
		line = p.control(b.buf[pos:pos+n], line)
		pos += n
	}
	if b.end == errOversize {
		p.problem(Problem{Kind: Oversize, Line: line})
	}
	b.lines = line - first
}

// entry takes an entry; key and value are as the grammar leaves them.
func (p *parser) entry(line int64, key, value []byte) {
	key = p.fold(key)
	p.value = p.value[:0]
	for _, c := range value {
		if !space[c] || c == '\r' && p.format == Sendmail {
			p.value = append(p.value, c)
		}
	}
	switch {
	case p.visit == nil:
		p.add(p.hash(key, p.value), line, len(p.value) == 0)
	case p.err == nil:
		p.err = p.visit(Entry{line, key, p.value})
	}
}

func (p *parser) add(h sums, line int64, empty bool) {
	if p.again != nil {
		p.again(h, line)
		return
	}
	p.sum += h.entry
	p.set.add(h.key, p.number)
	if p.wanted>>(h.key&63)&1 != 0 {
		p.meet(h.key, line, empty)
	}
}

// fold folds a key as the program does; the result is valid until the next.
func (p *parser) fold(key []byte) []byte {
	p.key = append(p.key[:0], key...)
	return p.format.fold(p.key)
}

// fold folds a key, in place if it can.
func (f Format) fold(key []byte) []byte {
	ascii := true
	for i, c := range key {
		if c >= 'A' && c <= 'Z' {
			key[i] = c | 0x20
		}
		ascii = ascii && c < 0x80
	}
	if !ascii && (f == Aliases || f == Map) {
		return bytes.ToLower(key)
	}
	return key
}

// looseKey is what a person takes for the key of a line.
func looseKey(text []byte) []byte {
	text = bytes.TrimLeft(bytes.TrimPrefix(text, mark), "\x00\" \t\r\n\v\f")
	if i := bytes.IndexAny(text, "\x00\": \t\r\n\v\f"); i >= 0 {
		text = text[:i]
	}
	return text
}

var mark = []byte("\xef\xbb\xbf")

// beginning looks at the first bytes of a file.
func (p *parser) beginning(buf []byte) {
	if bytes.HasPrefix(buf, mark) {
		p.problem(Problem{Kind: Mark, Line: 1}, buf[:min(len(buf), 4096)]...)
	}
	head := bytes.ToLower(bytes.TrimLeft(bytes.TrimPrefix(buf[:min(len(buf), 512)], mark), " \t\r\n"))
	for _, tag := range []string{"<!doctype html", "<html", "<head"} {
		if bytes.HasPrefix(head, []byte("<")) && bytes.Contains(head, []byte(tag)) {
			p.problem(Problem{Kind: HTML, Line: 1})
			return
		}
	}
}

// control looks in a logical line that is not simple for NUL and CR, which no
// grammar means to have, and for lines that continue it. It gives the number of
// the line behind it.
func (p *parser) control(buf []byte, line int64) int64 {
	entry, backslash := int64(0), false
	for len(buf) > 0 {
		text, n := physical(buf)
		if len(text) > 0 {
			blank := text[0] == ' ' || text[0] == '\t'
			switch {
			case entry > 0 && (backslash || blank && p.format != OpenSMTPD):
				p.joined(trimLeft(text), line, entry)
			case begins(text[0]):
				entry = line
			}
			backslash = text[len(text)-1] == '\\' && (p.format == Sendmail || p.format == OpenSMTPD)
		}
		if i := bytes.IndexByte(text, 0); i >= 0 {
			p.problem(Problem{Kind: NUL, Line: line}, bytes.TrimLeft(head(text[i:]), "\x00")...)
		}
		body := bytes.TrimRight(text, "\r")
		if _, hidden, lone := bytes.Cut(body, carriage); lone {
			q := Problem{Kind: LoneCR, Line: line}
			p.problem(q)
			for text := range bytes.SplitSeq(hidden, carriage) {
				p.lose(q, head(text))
			}
		} else if len(body) < len(text) && len(text) < n && p.format == Sendmail && len(trimLeft(body)) > 0 && body[0] != '#' {
			p.problem(Problem{Kind: CarriageEnds, Line: line})
		}
		if n > len(text) {
			line++
		}
		buf = buf[n:]
	}
	return line
}

// joined takes a line that continues an entry. Most are lines of a value, but one
// that begins as an entry does, "name: ", was not meant to be. Where a key may end
// otherwise that can be told only of a key that was asked for.
func (p *parser) joined(text []byte, line, entry int64) {
	q := Problem{Kind: Joined, Line: line, Cause: entry}
	name := looseKey(text)
	if len(name) == 0 || name[0] == '#' || len(text) < len(name)+2 || !bytes.HasPrefix(text, name) {
		return
	}
	end, next := text[len(name)], text[len(name)+1]
	switch {
	case p.format != Map && end == ':' && (next == ' ' || next == '\t') && !bytes.ContainsAny(name, `/|,<>()\'`):
		p.problem(q, text...)
	case p.ends[end]:
		p.lose(q, head(text))
	}
}

// head is as much of b as a key may have.
func head(b []byte) []byte { return b[:min(len(b), 4096)] }
