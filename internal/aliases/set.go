package aliases

import (
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

// A record is what is kept of an entry: the upper bits of the hash of its key,
// but for those that name the part of the set, and above them, in the lower 20
// bits, the number of its block. It stands in a slab as eight bytes.
const (
	recordSize = 8
	blockMask  = 1<<20 - 1
)

// parts is how many parts a set has, by the upper bits of the hashes: one is
// small enough to be searched in the processor's cache.
const parts = 1 << partBits
const partBits = 7

// short is as much of the hash of a key as a part and a record in it tell.
func short(part int, record uint64) uint64 {
	return uint64(part)<<(64-partBits) | record&^blockMask>>partBits
}

func (h sums) short() uint64 { return h.key &^ (1<<(20-partBits) - 1) }

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

func (s *set) add(key uint64, block int) {
	p := &s.parts[key>>(64-partBits)]
	if len(p.open) == cap(p.open) {
		s.grow(p)
	}
	p.open = p.open[:len(p.open)+recordSize]
	binary.LittleEndian.PutUint64(p.open[len(p.open)-recordSize:], key<<partBits&^blockMask|uint64(block)&blockMask)
}

// grow opens a slab. Larger ones, or powers of two, would lie so that the parts
// drive each other out of the processor's cache.
func (s *set) grow(p *part) {
	size := 24 * recordSize
	if p.open != nil {
		p.full = append(p.full, p.open)
		size = 248 * recordSize
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
		size := 8 << bits.Len(uint(n)) // mostly empty: few keys meet
		seen = slices.Grow(seen[:0], size)[:size]
		clear(seen)
		twice := insert(slabs, seen)
		s.mu.Lock()
		s.Entries += n
		if twice {
			s.suspect(part, slabs, seen)
		}
		s.mu.Unlock()
	}
}

// A record is known in a table by 30 bits of its hash, and by its place or, if
// that is taken, the next. The lowest bit is 0 where more than one entry has it.
const once = 1

func tag(record uint64) (tag uint32, place uint64) {
	return uint32(record>>32) | 2 | once, record >> 20
}

// insert puts records into a table, whose length is a power of two; twice says
// that some may stand there twice.
func insert(slabs [][]byte, seen []uint32) (twice bool) {
	mask := uint64(len(seen) - 1)
	for _, slab := range slabs {
		for ; len(slab) >= recordSize; slab = slab[recordSize:] {
			t, i := tag(binary.LittleEndian.Uint64(slab))
			for i &= mask; seen[i] != 0; i = (i + 1) & mask {
				if seen[i]|once == t {
					t, twice = t&^once, true
					break
				}
			}
			seen[i] = t
		}
	}
	return twice
}

// suspect remembers the keys that may stand in a table twice, and their blocks.
func (s *scanner) suspect(part int, slabs [][]byte, seen []uint32) {
	mask := uint64(len(seen) - 1)
	for _, slab := range slabs {
		for ; len(slab) >= recordSize; slab = slab[recordSize:] {
			r := binary.LittleEndian.Uint64(slab)
			t, i := tag(r)
			for i &= mask; seen[i]|once != t; i = (i + 1) & mask {
			}
			if seen[i]&once == 0 {
				s.suspects[short(part, r)] = nil
				s.twiceIn[r&blockMask] = true
			}
		}
	}
}
