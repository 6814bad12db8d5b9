package aliases

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"
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

// scan reads a whole stream. It gives the places where its blocks begin.
func scan(ctx context.Context, r io.Reader, q Request) (*Content, []position, error) {
	in := &blocks{ctx: ctx, r: r, next: start}
	b := new(block)
	some := in.read(b)
	n := 1
	if q.Each != nil && !in.done { // else it is not worth a goroutine
		n = max(1, min(runtime.GOMAXPROCS(0), 4))
	}
	found := newNotes(q.Format, q.Require)
	parsers := make([]*parser, n)
	sets := make([]*set, n)
	for i := range parsers {
		parsers[i] = newParser(found)
		sets[i] = &parsers[i].set
		defer sets[i].release()
	}
	if some {
		parsers[0].block(b)
	}
	q.each(n, func(i int) {
		for b := new(block); in.read(b); {
			parsers[i].block(b)
		}
	})
	if errors.Is(in.err, errOversize) {
		parsers[0].problem(Problem{Kind: Oversize, Line: in.next.line})
	} else if in.err != nil {
		return nil, nil, in.err
	}
	c := &Content{Lines: in.next.line - 1, NoNewline: in.err == nil && in.next.offset > 0 && in.last != '\n'}
	var part atomic.Int32
	var mu sync.Mutex
	q.each(n, func(int) {
		counted := count(sets, q.Format == Sendmail, &part)
		mu.Lock()
		c.add(counted)
		mu.Unlock()
	})
	if c.NoNewline {
		c.Lines++
	}
	found.content(c)
	c.refuse()
	return c, in.at, nil
}

// each calls f for every goroutine.
func (q Request) each(n int, f func(i int)) {
	if n > 1 {
		q.Each(n, n, f)
		return
	}
	f(0)
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
