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
	blockSize = 64 << 10 // bytes read at a time: what stays in the processor's cache
	maxEntry  = 4 << 20  // bytes without the beginning of an entry
	slack     = 16       // bytes that may be read beyond a block
)

// block is a run of whole logical lines.
type block struct {
	position
	buf []byte // has slack bytes of capacity behind its end
}

// position is a place in a file.
type position struct {
	offset int64
	line   int
}

// blocks splits a stream into blocks. Its next may be called by several
// goroutines; what it hands out is in the order of the file.
type blocks struct {
	ctx  context.Context
	r    io.Reader
	mu   sync.Mutex
	rest []byte     // read, not yet handed out
	next position   // of what is not yet handed out
	at   []position // of the blocks handed out
	done bool
	err  error
	last byte // of the stream
}

var errOversize = errors.New("more than 4 MiB without the beginning of an entry")

// start is the beginning of a file.
var start = position{line: 1}

// read fills b with the next block; false at the end of the stream or after an
// error.
func (s *blocks) read(b *block) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	buf, searched := append(b.buf[:0], s.rest...), 0
	end := -1
	for end < 0 && !s.done {
		if len(buf) >= maxEntry {
			s.err, s.done = errOversize, true
			break
		}
		buf = s.fill(buf)
		if end = lastStart(buf, searched); end < 0 {
			searched = max(0, bytes.LastIndexByte(buf, '\n'))
		}
	}
	if end < 0 {
		end = len(buf)
	}
	if end == 0 || s.err != nil {
		return false
	}
	s.rest = append(s.rest[:0], buf[end:]...)
	buf = slices.Grow(buf[:end], slack)
	clear(buf[end : end+slack])
	b.position, b.buf = s.next, buf
	s.at = append(s.at, s.next)
	s.next.line += bytes.Count(b.buf, newline)
	s.next.offset += int64(end)
	return true
}

var newline = []byte("\n")

// fill reads once, behind what is in buf.
func (s *blocks) fill(buf []byte) []byte {
	if s.err = s.ctx.Err(); s.err != nil {
		s.done = true
		return buf
	}
	n := len(buf)
	if cap(buf) < n+blockSize+slack {
		buf = append(make([]byte, 0, 2*n+blockSize+slack), buf...)
	}
	got, err := s.r.Read(buf[n : n+blockSize])
	if got > 0 {
		s.last = buf[:n+got][n+got-1]
	}
	if err != nil {
		s.done = true
		if err != io.EOF {
			s.err = err
		}
	}
	return buf[:n+got]
}

// begins reports whether a line that begins with c can only be the beginning of
// an entry.
func begins(c byte) bool { return c > ' ' && c != '#' }

// lastStart finds the last line that begins an entry in every grammar and state:
// the line before it has neither a backslash at its end nor a NUL. It looks at
// no line that ends before from.
func lastStart(buf []byte, from int) int {
	for end := len(buf) - 1; end > from; {
		i := bytes.LastIndexByte(buf[from:end], '\n')
		if i < 0 {
			return -1
		}
		i += from
		if begins(buf[i+1]) && (i == 0 || buf[i-1] != '\\') && bytes.IndexByte(buf[bytes.LastIndexByte(buf[:i], '\n')+1:i], 0) < 0 {
			return i + 1
		}
		end = i
	}
	return -1
}
