package aliases

import (
	"cmp"
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"slices"
	"syscall"
)

// seed is what the hashes of keys depend on, another in each run: nobody can
// write a file whose keys collide.
type seed struct{ start, factor uint64 }

func newSeed() seed { return seed{rand.Uint64(), rand.Uint64() | 1} }

// sums are the hashes of an entry: of its key, by which keys are told apart; and
// of key and value, the same on every host, for the digest. Both are taken over
// words of eight bytes, little-endian, first those of the key, then those of the
// value; see [lastWord] for the last of each.
type sums struct{ key, entry uint64 }

const (
	entryStart  = 0x9e3779b97f4a7c15
	entryFactor = 0xa0761d6478bd642f
)

// mixKey adds a word to the hash of a key.
func (s seed) mixKey(h, word uint64) uint64 {
	hi, lo := bits.Mul64(h^word, s.factor)
	return hi ^ lo
}

// mixEntry adds a word to the hash of an entry.
func mixEntry(h, word uint64) uint64 { return bits.RotateLeft64((h^word)*entryFactor, 29) }

// lastWord makes a word of what is left of a text of n bytes: up to seven bytes,
// zeros, and above them the length.
func lastWord(rest uint64, n int) uint64 { return rest | uint64(n)<<56 }

// hash hashes a folded key and a value.
func (s seed) hash(key, value []byte) sums {
	h := sums{s.start, entryStart}
	eachWord(key, func(w uint64) { h = sums{s.mixKey(h.key, w), mixEntry(h.entry, w)} })
	eachWord(value, func(w uint64) { h.entry = mixEntry(h.entry, w) })
	return h
}

func eachWord(text []byte, f func(uint64)) {
	n := len(text)
	for ; len(text) >= 8; text = text[8:] {
		f(binary.LittleEndian.Uint64(text))
	}
	var rest [8]byte
	copy(rest[:], text)
	f(lastWord(binary.LittleEndian.Uint64(rest[:]), n))
}

// record is what is kept of an entry.
type record struct {
	key   uint64 // seeded hash
	entry uint32 // the upper half of the hash of the entry
	place uint32 // of the logical line, in steps of 2^shift bytes
}

// recordSize is the size of a record in a slab, where it stands as bytes.
const recordSize = 16

func readRecord(b []byte) record {
	_ = b[recordSize-1]
	return record{binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint32(b[8:]), binary.LittleEndian.Uint32(b[12:])}
}

// parts is how many parts a set has, by the upper bits of the hashes: one is
// small enough to be searched in the processor's cache.
const parts = 1 << partBits
const partBits = 7

// set is the records of one goroutine. Its slabs lie outside of Go's heap, in
// huge pages where the system has them: to be given page after page takes as
// long as to hash the keys.
type set struct {
	parts [parts]part
	free  []byte   // to be made slabs
	maps  [][]byte // to be unmapped
}

type part struct {
	open []byte
	full [][]byte
}

func (s *set) add(h sums, place uint32) {
	p := &s.parts[h.key>>(64-partBits)]
	n := len(p.open)
	if n == cap(p.open) {
		s.grow(p)
		n = 0
	}
	p.open = p.open[:n+recordSize]
	b := p.open[n:]
	binary.LittleEndian.PutUint64(b, h.key)
	binary.LittleEndian.PutUint64(b[8:], h.entry>>32|uint64(place)<<32)
}

// grow opens a slab. Larger ones, or powers of two, would lie so that the parts
// drive each other out of the processor's cache.
func (s *set) grow(p *part) {
	size := 12 * recordSize
	if p.open != nil {
		p.full = append(p.full, p.open)
		size = 252 * recordSize
	}
	if len(s.free) < size {
		s.more()
	}
	p.open, s.free = s.free[:0:size], s.free[size:]
}

// more gets memory for slabs: a little from the heap, then from the system.
func (s *set) more() {
	const little, much = 128 << 10, 16 << 20
	if s.free == nil {
		s.free = make([]byte, little)
		return
	}
	b, err := syscall.Mmap(-1, 0, much, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE|syscall.MAP_NORESERVE)
	if err != nil {
		s.free = make([]byte, much)
		return
	}
	_ = syscall.Madvise(b, syscall.MADV_HUGEPAGE) // as well as it can
	s.free, s.maps = b, append(s.maps, b)
}

// release gives the memory back; the set is not to be used any more.
func (s *set) release() {
	for _, b := range s.maps {
		_ = syscall.Munmap(b) // cannot fail: it was mapped
	}
	*s = set{}
}

// few is how many of a kind are remembered.
const few = 5

// twin is a key that stands in a file more than once.
type twin struct {
	key         uint64
	first, last uint32 // places
	differ      bool
}

// rank orders twins: differing ones first.
func (t twin) rank() uint64 {
	if t.differ {
		return uint64(t.first)
	}
	return 1<<32 | uint64(t.first)
}

// count counts the entries of all sets, part by part, until no part is left.
func (s *scanner) count(int) {
	var seen []uint32
	for {
		part := int(s.part.Add(1)) - 1
		if part >= parts {
			return
		}
		var slabs [][]byte
		n := 0
		for _, p := range s.parsers {
			slabs = append(append(slabs, p.set.parts[part].full...), p.set.parts[part].open)
		}
		for _, slab := range slabs {
			n += len(slab) / recordSize
		}
		size := 4 << bits.Len(uint(n)) // mostly empty: few keys meet
		seen = slices.Grow(seen[:0], size)[:size]
		clear(seen)
		var list []record
		sum, twice := insert(slabs, seen)
		if twice {
			list = repeated(slabs, seen)
		}
		s.mu.Lock()
		s.Entries += n
		s.Digest += sum
		s.twins(list)
		s.mu.Unlock()
	}
}

// A key is known in a table by 30 bits of its hash, and by its place or, if that
// is taken, the next. The lowest bit is 0 where more than one entry has it.
const once = 1

func tag(key uint64) uint32 { return uint32(key) | 2 | once }

// insert puts the keys of records into a table, whose length is a power of two,
// and sums up their entries; twice says that some may stand there twice.
func insert(slabs [][]byte, seen []uint32) (sum uint64, twice bool) {
	mask := uint64(len(seen) - 1)
	for _, slab := range slabs {
		for ; len(slab) >= recordSize; slab = slab[recordSize:] {
			r := readRecord(slab)
			sum += uint64(r.entry)
			m, i := tag(r.key), r.key>>32&mask
			for seen[i] != 0 {
				if seen[i]|once == m {
					m, twice = m&^once, true
					break
				}
				i = (i + 1) & mask
			}
			seen[i] = m
		}
	}
	return sum, twice
}

// repeated gives the records whose keys may stand in the table twice, sorted.
func repeated(slabs [][]byte, seen []uint32) (list []record) {
	mask := uint64(len(seen) - 1)
	for _, slab := range slabs {
		for ; len(slab) >= recordSize; slab = slab[recordSize:] {
			r := readRecord(slab)
			m, i := tag(r.key), r.key>>32&mask
			for seen[i]|once != m {
				i = (i + 1) & mask
			}
			if seen[i]&once == 0 {
				list = append(list, r)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b record) int { return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.place, b.place)) })
	return list
}

// twins takes off what was counted more than once, and remembers the first few
// keys: of two entries the first wins, in Sendmail the last.
func (s *scanner) twins(list []record) {
	for n := 0; len(list) > 0; list = list[n:] {
		for n = 1; n < len(list) && list[n].key == list[0].key; n++ {
		}
		t := twin{key: list[0].key, first: list[0].place, last: list[n-1].place}
		wins := list[0].entry
		if s.format == Sendmail {
			wins = list[n-1].entry
		}
		s.Digest += uint64(wins)
		for _, r := range list[:n] {
			s.Digest -= uint64(r.entry)
			if r.entry != wins {
				s.Differing++
				t.differ = true
			}
		}
		if n > 1 {
			s.Entries -= n - 1
			s.Repeated += n - 1
			s.twice = append(s.twice, t)
			slices.SortFunc(s.twice, func(a, b twin) int { return cmp.Compare(a.rank(), b.rank()) })
			s.twice = s.twice[:min(len(s.twice), few)]
		}
	}
}
