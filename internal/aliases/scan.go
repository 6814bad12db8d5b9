package aliases

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync/atomic"
)

// ReadContent reads facts from a stream. An error means that it could not be
// read to its end: one of r, or of ctx. Of the request it takes Format, Require
// and Each.
func ReadContent(ctx context.Context, r io.Reader, q Request) (*Content, error) {
	if q.Format == None {
		return nil, errFormat
	}
	c, _, err := scan(ctx, r, q)
	return c, err
}

// scan reads a whole stream.
func scan(ctx context.Context, r io.Reader, q Request) (*Content, []position, error) {
	in := &blocks{ctx: ctx, r: r}
	b := new(block)
	some := in.next(b)
	workers := make([]worker, 1)
	if q.Each != nil && !in.done { // else it is not worth a goroutine
		workers = make([]worker, max(1, min(runtime.GOMAXPROCS(0), 4)))
	}
	sets := make([]*set, len(workers))
	for i := range workers {
		workers[i].parser = newParser(q.Format, q.Require)
		sets[i] = &workers[i].set
		defer sets[i].release()
	}
	if some {
		workers[0].read(b)
	}
	var next atomic.Int32
	q.each(len(workers), func(i int) {
		for b := new(block); in.next(b); {
			workers[i].read(b)
		}
	})
	q.each(len(workers), func(i int) { workers[i].tally = count(sets, q.Format == Sendmail, &next) })
	if in.err != nil {
		return nil, nil, in.err
	}
	c, at := merge(workers)
	c.Format, c.Lines, c.NoNewline = q.Format, in.line, in.off > 0 && in.last != '\n'
	if c.NoNewline {
		c.Lines++
	}
	c.refuse()
	return c, at, nil
}

// each calls f for every worker.
func (q Request) each(n int, f func(i int)) {
	if n > 1 {
		q.Each(n, n, f)
		return
	}
	f(0)
}

// position is where a block begins.
type position struct {
	offset int64
	line   int
	size   int
}

// worker is a goroutine's share of a file.
type worker struct {
	*parser
	tally tally
	at    []position
}

func (w *worker) read(b *block) {
	w.at = append(w.at, position{b.offset, b.line, len(b.buf)})
	w.block(b)
}

// refuse finds out why OpenSMTPD refuses a file, if it does.
func (c *Content) refuse() {
	if c.Format != OpenSMTPD {
		return
	}
	line := 0
	for _, d := range c.Duplicates {
		if line == 0 || d.Last < line {
			line = d.Last
			c.Refused = fmt.Sprintf("line %d: the key stands in line %d already", d.Last, d.First)
		}
	}
	for _, p := range c.Problems {
		if p.Kind == Invalid && (line == 0 || p.Line < line) {
			c.Refused = p.String()
			break
		}
	}
}

// merge joins what the workers found.
func merge(workers []worker) (*Content, []position) {
	c := &Content{Required: workers[0].found}
	var t tally
	var at []position
	for i, w := range workers {
		t.add(w.tally)
		at = append(at, w.at...)
		for k, n := range w.count {
			c.Counts[k] += n
			c.Problems = append(c.Problems, w.list[k]...)
		}
		if i > 0 {
			for k := range c.Required {
				c.Required[k].join(w.found[k], w.format == Sendmail)
			}
		}
	}
	slices.SortStableFunc(c.Problems, func(a, b Problem) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Line, b.Line)) })
	var seen [kinds]int
	c.Problems = slices.DeleteFunc(c.Problems, func(p Problem) bool {
		seen[p.Kind]++
		return seen[p.Kind] > few
	})
	slices.SortStableFunc(c.Problems, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
	slices.SortFunc(at, func(a, b position) int { return cmp.Compare(a.offset, b.offset) })
	c.Entries, c.Digest = t.entries, t.digest
	c.Repeated, c.Differing, c.Duplicates = t.repeated, t.differing, t.duplicates
	return c, at
}

// join takes what another part of the file has of the same key.
func (r *Requirement) join(q Requirement, last bool) {
	if q.Line > 0 && (r.Line == 0 || (q.Line > r.Line) == last) {
		r.Line, r.Empty = q.Line, q.Empty
	}
	if q.Lost != nil && (r.Lost == nil || q.Lost.Line < r.Lost.Line) {
		r.Lost = q.Lost
	}
	if q.Note > 0 && (r.Note == 0 || q.Note < r.Note) {
		r.Note = q.Note
	}
}
