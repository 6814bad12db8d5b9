package aliases

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// ReadContent reads facts from a file. An error means that it could not be read
// to its end: one of r, or of ctx. Of the request it takes Format and Require.
func ReadContent(ctx context.Context, r io.ReaderAt, q Request) (*Content, error) {
	return scan(ctx, r, 0, q)
}

// scan reads a file of about that size.
func scan(ctx context.Context, r io.ReaderAt, size int64, q Request) (*Content, error) {
	if q.Format == None {
		return nil, errFormat
	}
	s := &scanner{blocks: blocks{ctx: ctx, r: r}, notes: newNotes(q.Format, q.Require)}
	each := q.Each
	if each == nil || size < 4*blockSize { // not worth a goroutine
		each = func(_, _ int, f func(int)) { f(0) }
	}
	n := min(runtime.GOMAXPROCS(0), 4)
	for range n {
		p := newParser(s.notes)
		s.parsers = append(s.parsers, p)
		defer p.set.release() // also after an error
	}
	each(n, n, s.parse)
	if s.err != io.EOF && s.err != errOversize {
		return nil, s.err
	}
	s.suspects, s.twiceIn = map[uint64]*twin{}, make([]bool, len(s.offsets))
	each(n, n, s.count)
	for _, p := range s.parsers {
		s.Digest += p.sum
		p.set.release()
	}
	s.readTwins()
	return s.content()
}

// scanner is what the goroutines that read a file share.
type scanner struct {
	blocks
	*notes
	parsers []*parser
	part    atomic.Int32 // the next to be counted

	mu sync.Mutex
	Content
	suspects map[uint64]*twin // keys that may stand there twice, by their short hashes
	twiceIn  []bool           // the blocks in which they stand
	second   block            // to read those again
}

// parse reads blocks until there are none.
func (s *scanner) parse(i int) {
	for b := new(block); s.read(b); {
		s.parsers[i].block(b, int64(b.number)<<32+1)
	}
}

// content puts together what was found.
func (s *scanner) content() (*Content, error) {
	c := &s.Content
	c.Format, c.Malformed, c.Counts, c.Required, c.NoNewline = s.format, s.bad, s.counts, s.found, s.unended
	c.Digest = mixEntry(entryStart, c.Digest)
	for _, n := range s.lines {
		c.Lines += int(n)
	}
	if c.NoNewline {
		c.Lines++
	}
	c.Problems = slices.Concat(s.list[:]...)
	slices.SortFunc(c.Problems, byLine)
	for i := range c.Problems {
		s.number(&c.Problems[i])
	}
	for i := range c.Required {
		r := &c.Required[i]
		r.Line, r.Note = s.line(r.Line), s.line(r.Note)
		if r.Lost != nil {
			s.number(r.Lost)
		}
	}
	c.refuse()
	if s.err != io.EOF && s.err != errOversize {
		return nil, s.err
	}
	return c, nil
}

// number gives the lines of a problem their numbers in the file.
func (s *scanner) number(p *Problem) { p.Line, p.Cause = s.line(p.Line), s.line(p.Cause) }

// refuse finds out why OpenSMTPD refuses a file, if it does.
func (c *Content) refuse() {
	if c.Format != OpenSMTPD {
		return
	}
	for _, d := range c.Duplicates[:min(1, len(c.Duplicates))] {
		c.Refused = fmt.Sprintf("lines %d and %d have the same key", d.First, d.Last)
	}
	if i := slices.IndexFunc(c.Problems, func(p Problem) bool { return p.Kind == Invalid }); i >= 0 {
		c.Refused = c.Problems[i].String()
	}
}
