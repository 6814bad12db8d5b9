package aliases

import (
	"cmp"
	"io"
	"slices"
)

// few is how many of a kind are remembered.
const few = 5

// twin is a key that may stand in the file twice.
type twin struct {
	key, wins   uint64 // the hash of the key, that of the entry that wins
	first, last int64  // lines
	differ      bool
}

// readTwins reads the blocks again in which keys may stand twice, and takes off
// what was counted more than once.
func (s *scanner) readTwins() {
	p := newParser(&notes{format: s.format, seed: s.seed})
	p.again = s.twin
	for k, twice := range s.twiceIn {
		if twice {
			s.readAgain(k, p)
		}
	}
	for _, t := range s.suspects {
		if t == nil || t.first == t.last {
			continue
		}
		d := Duplicate{First: t.first, Last: t.last, Differ: t.differ}
		i, _ := slices.BinarySearchFunc(s.Duplicates, d, byWeight)
		if s.Duplicates = slices.Insert(s.Duplicates, i, d); len(s.Duplicates) > few {
			s.Duplicates = s.Duplicates[:few]
		}
	}
	for i := range s.Duplicates {
		s.name(&s.Duplicates[i])
	}
}

// twin takes an entry that is read again: of two the first wins, in Sendmail the
// last.
func (s *scanner) twin(h sums, line int64) {
	t, suspect := s.suspects[h.short()]
	if suspect && t == nil {
		s.suspects[h.short()] = &twin{h.key, h.entry, line, line, false}
	}
	if t == nil || t.key != h.key {
		return
	}
	s.Entries--
	s.Repeated++
	t.last = line
	if h.entry != t.wins {
		s.Differing++
		t.differ = true
	}
	if s.format == Sendmail {
		t.wins, h.entry = h.entry, t.wins
	}
	s.Digest -= h.entry
}

// byWeight sorts duplicates: differing ones first.
func byWeight(a, b Duplicate) int {
	switch {
	case a.Differ == b.Differ:
		return cmp.Compare(a.First, b.First)
	case a.Differ:
		return -1
	}
	return 1
}

// name gives a duplicate its key and its lines their numbers.
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
	in := &blocks{ctx: s.ctx, r: s.r, next: s.offsets[k]}
	s.second.lines = 0
	if in.read(&s.second) {
		p.block(&s.second, int64(k)<<32+1)
	} else if in.err != io.EOF {
		s.err = in.err
	}
}
