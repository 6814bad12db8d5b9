package aliases

import (
	"bytes"
	"cmp"
	"context"
	"io"
)

// Each calls visit for every entry that the program would read from r, in
// order. It stops at the first error of visit, of r or of ctx.
func Each(ctx context.Context, r io.Reader, f Format, visit func(Entry) error) error {
	if f == None {
		return errFormat
	}
	return (&blocks{ctx: ctx, r: r, next: start}).each(f, visit)
}

func (s *blocks) each(f Format, visit func(Entry) error) error {
	p := newParser(newNotes(f, nil))
	p.visit = visit
	for b := new(block); p.err == nil && s.read(b); {
		p.block(b)
	}
	return cmp.Or(p.err, s.err)
}

// parser reads blocks of one format.
type parser struct {
	*notes
	plain  *[256]bool
	wanted uint64 // a bit for the low 6 bits of each key asked for
	strict bool   // keys of the block may have what brackets marks

	visit            func(Entry) error // if set, entries go there
	err              error             // of visit
	set              set
	text, key, value []byte // scratch
}

func newParser(n *notes) *parser {
	p := &parser{notes: n, plain: &plain[n.format]}
	for _, h := range n.require {
		p.wanted |= 1 << (h & 63)
	}
	return p
}

// block reads a block, line by line where lines are simple, else with the
// grammar's full rules.
func (p *parser) block(b *block) {
	grammar := grammars[p.format]
	buf, pos, line := b.buf, 0, b.line
	if b.offset == 0 {
		p.beginning(buf)
		if bytes.HasPrefix(buf, mark) {
			n := grammar(p, buf, line)
			pos, line = n, line+bytes.Count(buf[:n], newline)
		}
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
	if p.wanted>>(key&63)&1 != 0 {
		p.meet(key, value, line)
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
