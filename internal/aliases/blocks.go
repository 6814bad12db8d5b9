package aliases

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"sync"
)

const (
	blockSize = 128 << 10 // bytes read at a time: what stays in the processor's cache
	maxEntry  = 4 << 20   // bytes without the beginning of an entry
	slack     = 16        // bytes that may be read beyond a block
)

// block is a run of whole logical lines.
type block struct {
	buf    []byte // has slack bytes behind its end
	offset int64  // in the file
	number int    // of blocks before it
	lines  int64  // in it, once it is parsed
	end    error  // why it is the last: io.EOF or errOversize
}

// blocks splits a file into blocks. Its read may be called by several
// goroutines: they take turns only to look for the end of the next block, in
// the lines behind it.
type blocks struct {
	ctx context.Context
	r   io.ReaderAt

	mu      sync.Mutex
	offsets []int64 // of the blocks handed out
	lines   []int64 // in each
	next    int64   // offset of the next block
	err     error   // why there is none: io.EOF, errOversize, or it could not be read
	unended bool    // the last line has no end
	window  []byte
}

var errOversize = errors.New("more than 4 MiB without the beginning of an entry")

// read fills b, whose lines were counted, with another block; false at the end
// of the file or after an error.
func (s *blocks) read(b *block) bool {
	size := s.reserve(b)
	if size == 0 {
		return false
	}
	b.buf = slices.Grow(b.buf[:0], size+slack)[:size+slack]
	n, err := s.r.ReadAt(b.buf[:size], b.offset)
	if err != nil && err != io.EOF {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.err = err
		return false
	}
	switch b.end {
	case errOversize:
		n = max(0, lastStart(b.buf[:n]))
	case io.EOF:
		s.unended = n > 0 && b.buf[n-1] != '\n'
	}
	clear(b.buf[n:])
	b.buf[n] = 'x' // the last line is not continued
	b.buf = b.buf[:n]
	return true
}

// reserve takes the next part of the file, which ends where an entry begins,
// for b. It gives its size, at the end of the file a larger one, or 0.
func (s *blocks) reserve(b *block) (size int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b.lines > 0 {
		s.lines[b.number] = b.lines
	}
	if err := s.ctx.Err(); err != nil && s.err == nil {
		s.err = err
	}
	if s.err != nil {
		return 0
	}
	b.number, b.offset = len(s.offsets), s.next
	s.offsets, s.lines = append(s.offsets, s.next), append(s.lines, 0)
	s.next, s.err = s.start(s.next + blockSize)
	if b.end = s.err; s.err != nil && s.err != io.EOF && s.err != errOversize {
		return 0
	}
	return int(s.next - b.offset)
}

// start finds the beginning of an entry behind an offset.
func (s *blocks) start(at int64) (int64, error) {
	for n := 4096; ; n *= 4 {
		s.window = slices.Grow(s.window[:0], n)[:n]
		got, err := s.r.ReadAt(s.window, at)
		lead := bytes.IndexByte(s.window[:got], '\n') + 1 // of a line whose beginning is not seen
		switch i := lastStart(s.window[lead:got]); {
		case i > 0:
			return at + int64(lead+i), nil
		case err != nil:
			return at + int64(got), err
		case n >= maxEntry:
			return at, errOversize
		}
	}
}

// line gives the number of a line in the file. Until all are counted, a line is
// known by its number in its block, and that of the block above 32 bits.
func (s *blocks) line(line int64) int64 {
	n := line & (1<<32 - 1)
	for _, more := range s.lines[:line>>32] {
		n += more
	}
	return n
}

// begins reports whether a line that begins with c can only be the beginning of
// an entry.
func begins(c byte) bool { return c > ' ' && c != '#' }

// lastStart finds, behind the first line of buf, the last line that begins an
// entry in every grammar and state: the line before it has neither a backslash
// at its end nor a NUL.
func lastStart(buf []byte) int {
	for end := len(buf) - 1; end > 0; {
		i := bytes.LastIndexByte(buf[:end], '\n')
		if i < 0 {
			break
		}
		line := buf[bytes.LastIndexByte(buf[:i], '\n')+1 : i]
		if begins(buf[i+1]) && !bytes.HasSuffix(line, []byte(`\`)) && bytes.IndexByte(line, 0) < 0 {
			return i + 1
		}
		end = i
	}
	return -1
}
