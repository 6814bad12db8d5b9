package aliases

import (
	"cmp"
	"encoding/binary"
	"math/bits"
	"slices"
	"sync/atomic"
	"syscall"
)

// The hash of a text is taken over its 16-byte words, little-endian, the last one
// filled up with zeros, and its length. It is the same on every host.
const (
	hashStart = 0x9e3779b97f4a7c15
	hashFlip  = 0xa0761d6478bd642f
	hashMix   = 0xd6e8feb86659fd93
)

func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b^hashFlip)
	return hi ^ lo
}

// finish ends a hash with the last word and the length.
func finish(h, lo, hi uint64, n int) uint64 {
	return mix(mix(h^lo, hi)^uint64(n), hashMix)
}

// hash is the hash of b with bits set in each of its 8-byte words.
func hash(b []byte, or uint64) uint64 {
	h, n := uint64(hashStart), len(b)
	for ; len(b) >= 16; b = b[16:] {
		h = mix(h^(binary.LittleEndian.Uint64(b)|or), binary.LittleEndian.Uint64(b[8:])|or)
	}
	var tail [16]byte
	copy(tail[:], b)
	lo, hi := binary.LittleEndian.Uint64(tail[:])|or, binary.LittleEndian.Uint64(tail[8:])|or
	return finish(h, lo&first(len(b)), hi&first(len(b)-8), n)
}

// first is a mask of the first n bytes of a word: none below 1, all from 8.
func first(n int) uint64 {
	return 1<<(8*max(0, min(n, 8))) - 1
}

// hashKey is the hash of a folded key. That of one that has no byte of
// [rarely] is over the key with 0x20 set in every byte, which folds letters: so
// the fast path need not tell letters from others.
func hashKey(key []byte) uint64 {
	const caseless = 0x2020202020202020
	h := hash(key, caseless)
	for _, c := range key {
		if rarely(c) {
			return mix(h, hash(key, 0))
		}
	}
	return h
}

// rarely reports whether 0x20 set in c may make it another byte of a key, or c
// is what others become then.
func rarely(c byte) bool { return c < ' ' || c == '`' || c > 'z' }

// record is what is kept of an entry.
type record struct {
	key   uint64
	value uint32
	line  uint32
}

// recordSize is the size of a record in a slab, where it stands as bytes.
const recordSize = 16

func readRecord(b []byte) record {
	_ = b[recordSize-1]
	return record{binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint32(b[8:]), binary.LittleEndian.Uint32(b[12:])}
}

// set is the records of one goroutine, by the first byte of their hash: a part
// is small enough to be searched in the processor's cache. The slabs lie
// outside of Go's heap, for which they are too many: the collector would run
// again and again while it grows.
type set struct {
	parts [256]part
	free  []byte   // to be made slabs
	maps  [][]byte // to be unmapped
}

type part struct {
	full [][]byte
	open []byte
}

func (s *set) add(key, value uint64, line int) {
	p := &s.parts[key>>56]
	n := len(p.open)
	if n == cap(p.open) {
		s.grow(p)
		n = 0
	}
	p.open = p.open[:n+recordSize]
	b := p.open[n:]
	binary.LittleEndian.PutUint64(b, key)
	binary.LittleEndian.PutUint64(b[8:], value&(1<<32-1)|uint64(min(line, 1<<32-1))<<32)
}

func (s *set) grow(p *part) {
	size := 16 * recordSize
	if p.open != nil {
		p.full = append(p.full, p.open)
		size = min(2*cap(p.open), 1024*recordSize)
	}
	if len(s.free) < size {
		s.free = s.more()
	}
	p.open, s.free = s.free[:0:size], s.free[size:]
}

// more gives memory for slabs: a little from the heap, then from the system, in
// huge pages where it has them.
func (s *set) more() []byte {
	const little, much = 128 << 10, 16 << 20
	if s.free == nil {
		return make([]byte, little)
	}
	b, err := syscall.Mmap(-1, 0, much, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE|syscall.MAP_NORESERVE)
	if err != nil {
		return make([]byte, much)
	}
	_ = syscall.Madvise(b, syscall.MADV_HUGEPAGE) // faster where it works
	s.maps = append(s.maps, b)
	return b
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

// count counts the entries of the sets, which are those of one file; last says
// whether the last of two entries with the same key wins, else the first. It
// takes the parts that next gives.
func count(sets []*set, last bool, next *atomic.Int32) *Content {
	c := new(Content)
	var slabs [][]byte
	var seen []uint32
	for {
		i := int(next.Add(1)) - 1
		if i >= 256 {
			return c
		}
		slabs = slabs[:0]
		n := 0
		for _, s := range sets {
			slabs = append(append(slabs, s.parts[i].full...), s.parts[i].open)
		}
		for _, slab := range slabs {
			n += len(slab) / recordSize
		}
		if n == 0 {
			continue
		}
		size := 2 << bits.Len(uint(n))
		if cap(seen) < size {
			seen = make([]uint32, size)
		}
		seen = seen[:size]
		clear(seen)
		if sum, ok := distinct(slabs, seen); ok {
			c.Entries += n
			c.Digest += sum
			continue
		}
		c.sorted(records(slabs, n), last)
	}
}

// records copies the records of slabs.
func records(slabs [][]byte, n int) []record {
	list := make([]record, 0, n)
	for _, slab := range slabs {
		for ; len(slab) > 0; slab = slab[recordSize:] {
			list = append(list, readRecord(slab))
		}
	}
	return list
}

// distinct sums up records whose keys all differ; false if some may not or the
// keys crowd. The length of the table is a power of two.
func distinct(slabs [][]byte, seen []uint32) (sum uint64, ok bool) {
	const crowd = 64
	mask := uint64(len(seen) - 1)
	for _, slab := range slabs {
		for ; len(slab) >= recordSize; slab = slab[recordSize:] {
			r := readRecord(slab)
			key := uint32(r.key) | 1 // 0 is an empty place
			i, steps := r.key>>32&mask, 0
			for seen[i] != 0 {
				if steps++; seen[i] == key || steps > crowd {
					return 0, false
				}
				i = (i + 1) & mask
			}
			seen[i] = key
			sum += mix(r.key, uint64(r.value))
		}
	}
	return sum, true
}

// sorted counts records of which some have the same key.
func (c *Content) sorted(list []record, last bool) {
	slices.SortFunc(list, func(a, b record) int { return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.line, b.line)) })
	for len(list) > 0 {
		n := 1
		for n < len(list) && list[n].key == list[0].key {
			n++
		}
		same := list[:n]
		list = list[n:]
		wins := same[0]
		if last {
			wins = same[n-1]
		}
		c.Entries++
		c.Digest += mix(wins.key, uint64(wins.value))
		if n == 1 {
			continue
		}
		d := Duplicate{First: int(same[0].line), Last: int(same[n-1].line)}
		c.Repeated += n - 1
		for _, r := range same {
			if r.value != wins.value {
				c.Differing++
				d.Differ = true
			}
		}
		c.keep(d)
	}
}

// keep remembers the first few duplicates, differing ones before others.
func (c *Content) keep(list ...Duplicate) {
	c.Duplicates = append(c.Duplicates, list...)
	slices.SortFunc(c.Duplicates, func(a, b Duplicate) int {
		if a.Differ == b.Differ {
			return cmp.Compare(a.First, b.First)
		}
		if a.Differ {
			return -1
		}
		return 1
	})
	c.Duplicates = c.Duplicates[:min(len(c.Duplicates), few)]
}

// add adds what was counted in other parts.
func (c *Content) add(u *Content) {
	c.Entries += u.Entries
	c.Repeated += u.Repeated
	c.Differing += u.Differing
	c.Digest += u.Digest
	c.keep(u.Duplicates...)
}
