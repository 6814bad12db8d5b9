package aliases

import (
	"bytes"
	"context"
	"io"
	"slices"
)

// Each calls visit for every entry that the program would read from r, in
// order. It stops at the first error of visit, of r or of ctx.
func Each(ctx context.Context, r io.Reader, f Format, visit func(Entry) error) error {
	if f == None {
		return errFormat
	}
	in := &blocks{ctx: ctx, r: r}
	p := newParser(f, nil)
	p.visit = visit
	for b := new(block); p.err == nil && in.next(b); {
		p.block(b)
	}
	if p.err != nil {
		return p.err
	}
	return in.err
}

// parser reads blocks of one format.
type parser struct {
	format  Format
	plain   *[256]bool
	require []uint64 // hashes of the keys asked for
	wanted  uint64   // a bit for the low 6 bits of each of them
	strict  bool     // keys of the block may have what brackets marks

	visit            func(Entry) error // if set, entries go there
	err              error             // of visit
	set              set
	found            []Requirement // parallel to require
	count            [kinds]int
	list             [kinds][]Problem
	text, key, value []byte // scratch
}

func newParser(f Format, require []string) *parser {
	p := &parser{format: f, plain: &plain[f]}
	for _, key := range require {
		h := hashKey(p.fold([]byte(key)))
		p.require = append(p.require, h)
		p.wanted |= 1 << (h & 63)
		p.found = append(p.found, Requirement{Key: key})
	}
	return p
}

// block reads a block, line by line where lines are simple, else with the
// grammar's full rules.
func (p *parser) block(b *block) {
	grammar := grammars[p.format]
	buf, pos, line := b.buf, 0, b.line
	if b.first {
		p.beginning(buf)
		if bytes.HasPrefix(buf, mark) {
			n := grammar(p, buf, line)
			pos, line = n, line+bytes.Count(buf[:n], newline)
		}
	}
	if b.cut {
		p.problem(Problem{Kind: Oversize, Line: line})
	}
	p.strict = p.format == Aliases || p.format == Sendmail || bytes.IndexByte(buf, '\\') >= 0 || bytes.IndexByte(buf, '`') >= 0
	padded := buf[:len(buf)+slack]
	p.control(buf[:pos], b.line)
	for pos < len(buf) {
		if n := p.simple(padded, pos, line); n > 0 {
			pos += n
			line++
			continue
		}
		n := grammar(p, buf[pos:], line)
		p.control(buf[pos:pos+n], line)
		line += bytes.Count(buf[pos:pos+n], newline)
		pos += n
	}
}

// entry takes an entry; key and value are as the grammar leaves them.
func (p *parser) entry(line int, key, value []byte) {
	key = p.fold(key)
	p.value = p.value[:0]
	for _, c := range value {
		if !space[c] || c == '\r' && p.format == Sendmail {
			p.value = append(p.value, c)
		}
	}
	switch {
	case p.visit == nil:
		p.add(hashKey(key), hash(p.value, 0), line)
	case p.err == nil:
		p.err = p.visit(Entry{line, key, p.value})
	}
}

func (p *parser) add(key, value uint64, line int) {
	p.set.add(key, value, line)
	if p.wanted>>(key&63)&1 == 0 {
		return
	}
	for i, h := range p.require {
		if r := &p.found[i]; h == key && (r.Line == 0 || p.format == Sendmail) {
			r.Line, r.Empty = line, value == noValue
		}
	}
}

// fold folds a key as the program does; the result is valid until the next.
func (p *parser) fold(key []byte) []byte {
	p.key = append(p.key[:0], key...)
	ascii := true
	for i, c := range p.key {
		if c >= 'A' && c <= 'Z' {
			p.key[i] = c | 0x20
		}
		ascii = ascii && c < 0x80
	}
	if !ascii && (p.format == Aliases || p.format == Map) {
		return bytes.ToLower(p.key)
	}
	return p.key
}

// problem takes a problem. The program does not see the text as an entry; if a
// key that was asked for stands in it, that is why it is not found.
func (p *parser) problem(q Problem, text ...byte) {
	p.count[q.Kind]++
	list := p.list[q.Kind]
	last := 0
	for i := range list {
		if list[i].Line > list[last].Line {
			last = i
		}
	}
	if len(list) < few || q.Line < list[last].Line {
		key := looseKey(text)
		q.Key = string(key[:min(len(key), 200)])
		if len(list) < few {
			p.list[q.Kind] = append(list, q)
		} else {
			list[last] = q
		}
	}
	p.lose(q, text)
}

// lose takes text that the program does not see as an entry.
func (p *parser) lose(q Problem, text []byte) {
	if r := p.asked(looseKey(text)); r != nil && r.Lost == nil {
		q.Key = r.Key
		r.Lost = &q
	}
}

// comment takes a comment line.
func (p *parser) comment(text []byte, line int) {
	if r := p.asked(looseKey(bytes.TrimLeft(text, "# \t"))); r != nil && r.Note == 0 {
		r.Note = line
	}
}

// asked gives the requirement of a key.
func (p *parser) asked(key []byte) *Requirement {
	if len(p.require) == 0 || len(key) == 0 {
		return nil
	}
	if i := slices.Index(p.require, hashKey(p.fold(key))); i >= 0 {
		return &p.found[i]
	}
	return nil
}

// looseKey is what a person takes for the key of a line.
func looseKey(text []byte) []byte {
	text = bytes.TrimLeft(bytes.TrimPrefix(text, mark), "\x00\" \t\r\n\v\f")
	if i := bytes.IndexAny(text, "\x00\": \t\r\n\v\f"); i >= 0 {
		text = text[:i]
	}
	return text
}

var noValue = hash(nil, 0)

var mark = []byte("\xef\xbb\xbf")

// beginning looks at the first bytes of a file.
func (p *parser) beginning(buf []byte) {
	if bytes.HasPrefix(buf, mark) {
		p.problem(Problem{Kind: Mark, Line: 1}, buf[:min(len(buf), 4096)]...)
	}
	head := bytes.ToLower(bytes.TrimLeft(bytes.TrimPrefix(buf[:min(len(buf), 512)], mark), " \t\r\n"))
	if bytes.HasPrefix(head, []byte("<!doctype html")) || bytes.HasPrefix(head, []byte("<html")) {
		p.problem(Problem{Kind: HTML, Line: 1})
	}
}

// control looks for NUL and CR, which no grammar means to have, in lines that
// are not simple.
func (p *parser) control(buf []byte, line int) {
	eachLine(buf, 0, line, func(i, line int) {
		behind, _ := physical(head(buf[i:]))
		p.problem(Problem{Kind: NUL, Line: line}, bytes.TrimLeft(behind, "\x00")...)
	})
	eachLine(buf, '\r', line, func(i, line int) {
		switch {
		case i+1 == len(buf): // the end of the file
		case buf[i+1] != '\n':
			p.problem(Problem{Kind: LoneCR, Line: line}, head(buf[i+1:])...)
		case p.format == Sendmail:
			p.problem(Problem{Kind: CarriageEnds, Line: line})
		}
	})
}

// eachLine calls f with the place of the first c in each line that has one.
func eachLine(buf []byte, c byte, line int, f func(i, line int)) {
	for at := 0; ; {
		i := bytes.IndexByte(buf[at:], c)
		if i < 0 {
			return
		}
		line += bytes.Count(buf[at:at+i], newline)
		f(at+i, line)
		next := bytes.IndexByte(buf[at+i:], '\n')
		if next < 0 {
			return
		}
		at += i + next + 1
		line++
	}
}

// head is as much of b as a key may have.
func head(b []byte) []byte { return b[:min(len(b), 4096)] }
