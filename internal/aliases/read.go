package aliases

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
)

const (
	blockSize = 256 << 10 // bytes read at a time
	maxEntry  = 4 << 20   // bytes without the beginning of an entry
)

var (
	errOversize = errors.New("more than 4 MiB without the beginning of an entry")
	errFormat   = errors.New("no format")
)

// extent is how much was read.
type extent struct {
	lines     int64
	noNewline bool // the last line has no newline
}

// blocks reads r in blocks, in order, and passes what the grammar finds to a sink. A block ends
// before the last line that begins an entry; the next block begins with that line.
func blocks(ctx context.Context, r io.Reader, lines *simple, to sink) (read extent, err error) {
	if lines.format == None {
		return read, errFormat
	}
	in := bufio.NewReader(r)
	start, _ := in.Peek(4096)
	beginning(start, to)
	s := bufio.NewScanner(in)
	s.Buffer(make([]byte, blockSize), maxEntry)
	s.Split(func(buf []byte, ended bool) (n int, block []byte, err error) {
		if n = len(buf); n > 0 {
			read.noNewline = buf[n-1] != '\n'
		}
		if !ended {
			n = lastStart(buf)
		}
		if n > 0 {
			block = buf[:n]
		}
		return n, block, nil
	})
	line := int64(1)
	for ctx.Err() == nil && s.Scan() {
		line = block(lines, s.Bytes(), line, to)
	}
	switch err = s.Err(); {
	case ctx.Err() != nil:
		return read, context.Cause(ctx)
	case err == bufio.ErrTooLong:
		to.problem(Problem{Kind: Oversize, Line: line}, nil)
		err = nil
	}
	if read.lines = line; !read.noNewline {
		read.lines--
	}
	return read, err
}

// block reads a block of whole logical lines, and returns the number of the line after the block.
// The first line of the block has the number line.
func block(lines *simple, b []byte, line int64, to sink) int64 {
	rule := &rules[lines.format]
	for len(b) > 0 {
		if key, value, n := lines.line(b); n > 0 {
			to.entry(line, key, value)
			b, line = b[n:], line+1
			continue
		}
		if text, _ := physical(b); conflict(text) {
			to.problem(Problem{Kind: Conflict, Line: line}, nil)
		}
		text, n := rule.text(b, line, to)
		if len(text) > 0 {
			key, value, kind := rule.entry(text)
			if key != nil {
				to.entry(line, key, value)
			}
			if kind != good {
				to.problem(Problem{Kind: kind, Line: line}, cut(text))
			}
		}
		line = control(lines.format, b[:n], line, to)
		b = b[n:]
	}
	return line
}

// begins reports whether a line whose first byte is c can only be the beginning of an entry.
func begins(c byte) bool { return c > ' ' && c != '#' }

// lastStart returns the offset of the last line in buf, without the first line, that begins an
// entry in every grammar and state: the line before it has no NUL, and the last byte before it,
// newlines aside, is no backslash. It returns 0 if there is no such line.
func lastStart(buf []byte) int {
	for i := bytes.LastIndexByte(buf[:max(0, len(buf)-1)], '\n'); i >= 0; {
		next := bytes.LastIndexByte(buf[:i], '\n')
		if begins(buf[i+1]) && bytes.IndexByte(buf[next+1:i], 0) < 0 &&
			!bytes.HasSuffix(bytes.TrimRight(buf[:i], "\n"), []byte(`\`)) {
			return i + 1
		}
		i = next
	}
	return 0
}

// fold folds a key as the program does, in place if possible.
func (f Format) fold(key []byte) []byte {
	var all byte // all bytes of the key, ORed
	for i, c := range key {
		if c >= 'A' && c <= 'Z' {
			key[i] = c | 0x20
		}
		all |= c
	}
	if all >= 0x80 && (f == Aliases || f == Map) {
		return casefold(key)
	}
	return key
}

// squeeze returns a value without its white space: the value itself if it has none, else a copy in
// buf.
func (f Format) squeeze(buf, value []byte) []byte {
	buf, start := buf[:0], 0
	for i, c := range value {
		if space[c] && (c != '\r' || f != Sendmail) {
			buf, start = append(buf, value[start:i]...), i+1
		}
	}
	if start == 0 {
		return value
	}
	return append(buf, value[start:]...)
}
