package aliases

import (
	"cmp"
	"context"
	"io"
	"slices"
)

// Each calls visit for every entry that the program would read from r, in order, until the first
// error of visit, r or ctx. Each returns that error.
func Each(ctx context.Context, r io.Reader, f Format, visit func(Entry) error) error {
	v := &visitor{format: f, visit: visit}
	if _, err := blocks(ctx, r, newSimple(f), v); err != nil {
		return err
	}
	return v.err
}

// visitor is the sink that passes entries on.
type visitor struct {
	format     Format
	visit      func(Entry) error
	err        error  // the first of visit, or errOversize
	key, value []byte // scratch
}

func (v *visitor) entry(line int64, key, value []byte) {
	if v.err == nil {
		v.key = v.format.fold(append(v.key[:0], key...))
		v.value = slices.Grow(v.value[:0], len(value))
		v.err = v.visit(Entry{line, v.key, v.format.squeeze(v.value, value)})
	}
}

func (v *visitor) problem(p Problem, _ []byte) {
	if p.Kind == Oversize {
		v.err = cmp.Or(v.err, errOversize)
	}
}

func (*visitor) unseen(Problem, []byte) {}

func (*visitor) comment(int64, []byte) {}
