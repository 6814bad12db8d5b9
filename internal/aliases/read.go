package aliases

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
)

const (
	blockSize = 256 << 10 // bytes read at a time
	maxEntry  = 4 << 20   // bytes without the beginning of an entry
)

var errOversize = errors.New("more than 4 MiB without the beginning of an entry")

// Each calls visit for every entry that the program would read from r, in order. It stops at the
// first error of visit, of r or of ctx.
func Each(ctx context.Context, r io.Reader, f Format, visit func(Entry) error) error {
	if f == None {
		return errFormat
	}
	v := &visitor{format: f, visit: visit}
	if _, err := blocks(ctx, r, newSimple(f), v); err != nil {
		return err
	}
	return v.err
}

// visitor is the sink that hands entries to a function.
type visitor struct {
	format Format
	visit  func(Entry) error
	err    error // of visit, or errOversize
	// buffers for the entry that is handed over
	key, value []byte
}

func (v *visitor) entry(line int64, key, value []byte) {
	if v.err == nil {
		v.key = append(v.key[:0], key...)
		v.value = slices.Grow(v.value[:0], len(value))
		e := Entry{line, v.format.fold(v.key), v.format.squeeze(v.value, value)}
		v.err = v.visit(e)
	}
}

func (v *visitor) problem(p Problem, _ []byte) {
	if p.Kind == Oversize && v.err == nil {
		v.err = errOversize
	}
}

func (*visitor) unseen(Problem, []byte) {}
func (*visitor) comment(int64, []byte)  {}

// extent is how much was read.
type extent struct {
	lines     int64
	noNewline bool // the last line has no newline
}

// blocks reads r in blocks, in order, and hands what the grammar finds to a sink. The bytes behind
// the last beginning of an entry in a block wait for the next block.
func blocks(ctx context.Context, r io.Reader, lines *simple, to sink) (extent, error) {
	line := int64(1)
	buf := make([]byte, 0, blockSize)
	for first := true; ; first = false {
		if ctx.Err() != nil {
			return extent{}, context.Cause(ctx)
		}
		n, err := io.ReadFull(r, buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if first {
			beginning(buf, to)
		}
		ended := err == io.EOF || err == io.ErrUnexpectedEOF
		if err != nil && !ended {
			return extent{}, err
		}
		whole := len(buf)
		if !ended {
			whole = max(0, lastStart(buf))
		}
		line = block(lines, buf[:whole], line, to)
		oversize := whole == 0 && len(buf) >= maxEntry
		if oversize {
			to.problem(Problem{Kind: Oversize, Line: line}, nil)
		}
		if ended || oversize {
			return until(line, buf), nil
		}
		if whole == 0 {
			buf = slices.Grow(buf, 3*len(buf))
		}
		buf = buf[:copy(buf, buf[whole:])]
	}
}

// until is what was read, up to the line behind the last newline and the end of the last block.
func until(line int64, last []byte) extent {
	if len(last) > 0 && last[len(last)-1] != '\n' {
		return extent{line, true}
	}
	return extent{line - 1, false}
}

// block reads a block of whole logical lines, of which the first has the number line. It gives the
// number of the line behind the block.
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

// begins reports whether a line that begins with c can only be the beginning of an entry.
func begins(c byte) bool { return c > ' ' && c != '#' }

// lastStart finds, behind the first line of buf, the last line that begins an entry in every
// grammar and state: the line before it has neither a backslash at its end nor a NUL.
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

// fold folds a key as the program does, in place if it can.
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

// squeeze gives a value without its white space: the value itself if it has none, else in the
// buffer.
func (f Format) squeeze(buf, value []byte) []byte {
	blank := 0
	for blank < len(value) && !space[value[blank]] {
		blank++
	}
	if blank == len(value) {
		return value
	}
	buf = append(buf[:0], value[:blank]...)
	for _, c := range value[blank:] {
		if !space[c] || c == '\r' && f == Sendmail {
			buf = append(buf, c)
		}
	}
	return buf
}
