package aliases

import (
	"context"
	"fmt"
	"io"
	"math/bits"
	"runtime"
	"slices"
	"sort"
	"sync"
	"sync/atomic"
)

// ReadContent reads facts from a file. An error means that it could not be read
// to its end: one of r, or of ctx. Of the request it takes Format, Require and
// Each.
func ReadContent(ctx context.Context, r io.ReaderAt, q Request) (*Content, error) {
	return scan(ctx, r, 0, q)
}

// scan reads a file of about that size.
func scan(ctx context.Context, r io.ReaderAt, size int64, q Request) (*Content, error) {
	if q.Format == None {
		return nil, errFormat
	}
	s := &scanner{blocks: blocks{ctx: ctx, r: r}, notes: newNotes(q.Format, q.Require)}
	n := 1
	if q.Each != nil && size > 4*blockSize { // else it is not worth a goroutine
		n = min(runtime.GOMAXPROCS(0), 4)
	}
	for range n {
		p := newParser(s.notes)
		p.shift = max(0, bits.Len64(uint64(size))-32)
		s.parsers = append(s.parsers, p)
		defer p.set.release()
	}
	q.each(n, s.parse)
	if s.err != io.EOF && s.err != errOversize {
		return nil, s.err
	}
	q.each(n, func(int) { s.count() })
	return s.content()
}

// each calls f for every goroutine.
func (q Request) each(n int, f func(i int)) {
	if n > 1 {
		q.Each(n, n, f)
		return
	}
	f(0)
}

// scanner is what the goroutines that read a file share.
type scanner struct {
	blocks
	*notes
	parsers []*parser
	part    atomic.Int32
	mu      sync.Mutex
	tally
}

// parse reads blocks until there are none.
func (s *scanner) parse(i int) {
	for b := new(block); s.read(b); {
		s.parsers[i].block(b, int64(b.number)<<32+1)
	}
}

// count counts parts of the set until there are none.
func (s *scanner) count() {
	t := count(s.parsers, s.format == Sendmail, &s.part)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tally.add(t)
}

// content puts together what was found.
func (s *scanner) content() (*Content, error) {
	c := &Content{
		Format: s.format, Counts: s.counts, Required: s.found, NoNewline: s.unended,
		Entries: s.entries, Repeated: s.repeated, Differing: s.differing, Digest: mixEntry(entryStart, s.digest),
	}
	for _, n := range s.lines {
		c.Lines += int(n)
	}
	if s.unended {
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
	for _, d := range s.twice {
		named, err := s.name(d)
		if err != nil {
			return nil, err
		}
		c.Duplicates = append(c.Duplicates, named)
	}
	c.refuse()
	return c, nil
}

// number gives the lines of a problem their numbers in the file.
func (s *scanner) number(p *Problem) { p.Line, p.Cause = s.line(p.Line), s.line(p.Cause) }

// name reads the blocks again in which a key stands first and last.
func (s *scanner) name(t twin) (Duplicate, error) {
	d := Duplicate{Differ: t.differ}
	err := s.again(t.first, func(e Entry) error {
		if d.First == 0 && s.hash(e.Key, nil).key == t.key {
			d.First, d.Key = s.line(e.Line), string(e.Key[:min(len(e.Key), 64)])
		}
		return nil
	})
	if err != nil {
		return d, err
	}
	return d, s.again(t.last, func(e Entry) error {
		if s.hash(e.Key, nil).key == t.key {
			d.Last = s.line(e.Line)
		}
		return nil
	})
}

// again calls visit for the entries of the block in which a place is.
func (s *scanner) again(place uint32, visit func(Entry) error) error {
	k := sort.Search(len(s.offsets), func(k int) bool { return uint32(s.offsets[k]>>s.parsers[0].shift) > place }) - 1
	in, b := &blocks{ctx: s.ctx, r: s.r, next: s.offsets[k]}, new(block)
	p := newParser(newNotes(s.format, nil))
	p.visit = visit
	if in.read(b) {
		p.block(b, int64(k)<<32+1)
	} else if in.err != io.EOF {
		return in.err
	}
	return nil
}

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
