package aliases

import (
	"cmp"
	"io"
	"slices"
)

// few is how many of a kind are remembered.
const few = 5

// twin is an entry whose key may stand in the file elsewhere.
type twin struct {
	sums
	line int64
}

// twins reads the blocks again in which keys may stand twice, and takes off what
// was counted more than once: of two entries the first wins, in Sendmail the last.
func (s *scanner) twins(each func(n, limit int, f func(i int))) error {
	list := make([]twin, 0, len(s.suspects))
	slices.Sort(s.suspects)
	s.suspects = slices.Compact(s.suspects)
	each(len(s.parsers), len(s.parsers), func(int) {
		p := newParser(&notes{format: s.format, seed: s.seed})
		p.suspects = s.suspects
		for {
			k := int(s.again.Add(1)) - 1
			if k >= len(s.offsets) {
				break
			}
			if s.twiceIn[k] {
				s.readAgain(k, p)
			}
		}
		s.mu.Lock()
		list = append(list, p.twins...)
		s.mu.Unlock()
	})
	slices.SortFunc(list, func(a, b twin) int { return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.line, b.line)) })
	for n := 0; len(list) > 0; list = list[n:] {
		for n = 1; n < len(list) && list[n].key == list[0].key; n++ {
		}
		if n > 1 {
			s.repeated(list[:n])
		}
	}
	return s.err
}

// suspect takes an entry if its key may stand in the file twice.
func (p *parser) suspect(t twin) {
	if _, found := slices.BinarySearch(p.suspects, t.short()); found {
		p.twins = append(p.twins, t)
	}
}

// repeated counts the entries of one key as one.
func (s *scanner) repeated(same []twin) {
	n := len(same) - 1
	d := Duplicate{First: same[0].line, Last: same[n].line}
	wins := same[0].entry
	if s.format == Sendmail {
		wins = same[n].entry
	}
	s.Entries -= n
	s.Repeated += n
	s.Digest += wins
	for _, t := range same {
		s.Digest -= t.entry
		if t.entry != wins {
			s.Differing++
			d.Differ = true
		}
	}
	rank := func(d Duplicate) int64 { // differing ones first
		if d.Differ {
			return d.First - 1<<62
		}
		return d.First
	}
	s.Duplicates = append(s.Duplicates, d)
	slices.SortFunc(s.Duplicates, func(a, b Duplicate) int { return cmp.Compare(rank(a), rank(b)) })
	s.Duplicates = s.Duplicates[:min(len(s.Duplicates), few)]
}

// name gives a duplicate its key and the lines their numbers.
func (s *scanner) name(d *Duplicate) {
	p := newParser(&notes{format: s.format, seed: s.seed})
	p.visit = func(e Entry) error {
		if e.Line == d.First && d.Key == "" {
			d.Key = string(e.Key[:min(len(e.Key), 64)])
		}
		return nil
	}
	s.readAgain(int(d.First>>32), p)
	d.First, d.Last = s.line(d.First), s.line(d.Last)
}

// readAgain reads a block again.
func (s *scanner) readAgain(k int, p *parser) {
	in, b := &blocks{ctx: s.ctx, r: s.r, next: s.offsets[k]}, new(block)
	if in.read(b) {
		b.number = k
		p.block(b, int64(k)<<32+1)
	} else if in.err != io.EOF {
		s.mu.Lock()
		s.err = in.err
		s.mu.Unlock()
	}
}
