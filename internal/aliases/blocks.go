package aliases

import (
	"bytes"
	"context"
	"io"
	"sync"
)

const (
	blockSize = 64 << 10 // bytes read at a time: what stays in the processor's cache
	maxEntry  = 4 << 20  // bytes without the beginning of an entry
	slack     = 16       // bytes that may be read beyond a block
)

// block is a run of whole logical lines.
type block struct {
	buf    []byte // has slack bytes of capacity behind its end
	line   int    // number of its first line
	offset int64  // of its first byte in the file
	first  bool   // the beginning of the file
	cut    bool   // ends inside an entry; the rest of that is skipped
}

// blocks splits a stream into blocks. Its next may be called by several
// goroutines; what it hands out is in the order of the file.
type blocks struct {
	ctx  context.Context
	r    io.Reader
	mu   sync.Mutex
	rest []byte // read, not yet handed out
	line int    // lines handed out
	off  int64  // bytes handed out
	skip bool   // looking for the next beginning of an entry
	done bool
	err  error
	last byte // of the stream
}

// next fills b with the next block; false at the end of the stream or after an
// error.
func (s *blocks) next(b *block) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.skip {
		s.skipEntry(b)
	}
	buf, searched := append(b.buf[:0], s.rest...), 0
	end := -1
	for end < 0 && !s.done && len(buf) < maxEntry {
		buf = s.fill(buf)
		if end = lastStart(buf, searched); end < 0 {
			searched = max(0, bytes.LastIndexByte(buf, '\n'))
		}
	}
	cut := end < 0 && !s.done
	if end < 0 {
		end = len(buf)
	}
	s.skip = cut
	s.rest = append(s.rest[:0], buf[end:]...)
	if cap(buf) >= end+slack {
		clear(buf[end : end+slack])
	}
	*b = block{buf: buf[:end], line: s.line + 1, offset: s.off, first: s.off == 0, cut: cut}
	s.line += bytes.Count(b.buf, newline)
	s.off += int64(end)
	return end > 0 && s.err == nil
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

// skipEntry drops what belongs to an entry that was cut.
func (s *blocks) skipEntry(b *block) {
	buf := append(b.buf[:0], s.rest...)
	for {
		i := firstStart(buf)
		if i < 0 {
			i = len(buf)
			if i > 0 && buf[i-1] == '\n' {
				i--
			}
		} else {
			s.skip = false
		}
		s.line += bytes.Count(buf[:i], newline)
		s.off += int64(i)
		buf = buf[:copy(buf, buf[i:])]
		if !s.skip || s.done {
			break
		}
		buf = s.fill(buf)
	}
	s.rest, b.buf = append(s.rest[:0], buf...), buf
}

// begins reports whether a line that begins with c can only be the beginning of
// an entry.
func begins(c byte) bool { return c > ' ' && c != '#' }

// firstStart finds the first line behind a newline that begins an entry.
func firstStart(buf []byte) int {
	for i := 0; ; i++ {
		n := bytes.IndexByte(buf[i:], '\n')
		if n < 0 || i+n+1 >= len(buf) {
			return -1
		}
		if i += n; begins(buf[i+1]) {
			return i + 1
		}
	}
}

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
