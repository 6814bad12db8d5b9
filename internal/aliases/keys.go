package aliases

import "math/bits"

// keys is a set of keys, by their hashes. Each key has a number, and stands in a slab that never
// moves. A table with open addressing, at most half full, holds the numbers. In a place of the
// table, the bits above the number are the tag: upper bits of the hash. If two tags differ, the
// keys differ, so most searches compare only one key.
type keys struct {
	places   []uint32 // upper bits: the tag; lower bits: 1 + the number of the key; 0: free
	width    int      // bits of a number; the table has 1<<width places
	slabs    [][]key16
	n        int
	expected int // how many keys there may be in the end; 0: not known
	// what touch has read; without this field the compiler would remove the reading
	touched uint32
}

// key16 is the record of a key, in sixteen bytes.
type key16 struct {
	hash  uint64
	value uint32 // check sum of the value that wins so far
	line  uint32 // of its first entry
}

const slab = 1024 // keys

// add returns the key with this hash, and whether the set had this key before. The caller fills in
// a new key.
func (s *keys) add(hash uint64) (k *key16, known bool) {
	if 2*s.n >= len(s.places) {
		s.grow()
	}
	mask, tag := uint64(len(s.places)-1), s.tag(hash)
	i := hash & mask
	for ; s.places[i] != 0; i = (i + 1) & mask {
		if p := s.places[i]; p>>s.width == tag {
			if k := s.at(p&uint32(mask) - 1); k.hash == hash {
				return k, true
			}
		}
	}
	if s.n%slab == 0 {
		s.slabs = append(s.slabs, make([]key16, slab))
	}
	s.n++
	s.places[i] = tag<<s.width | uint32(s.n)
	return s.at(uint32(s.n - 1)), false
}

// touch reads the place at which the search for a hash begins.
func (s *keys) touch(hash uint64) {
	if len(s.places) > 0 {
		s.touched |= s.places[hash&uint64(len(s.places)-1)]
	}
}

func (s *keys) at(n uint32) *key16 { return &s.slabs[n/slab][n%slab] }

// tag returns upper bits of a hash, as many as a place has above the number.
func (s *keys) tag(hash uint64) uint32 { return uint32(hash>>32) >> s.width }

// grow makes the table twice as large, or up to eight times where so many keys are expected. A
// guess that is a little too high does not double the table.
func (s *keys) grow() {
	wanted := bits.Len(uint(s.expected) / 8 * 15)
	s.width = max(10, s.width+1, min(wanted, s.width+3))
	s.places = make([]uint32, 1<<s.width)
	mask := uint64(len(s.places) - 1)
	for n := range s.n {
		hash := s.at(uint32(n)).hash
		i := hash & mask
		for s.places[i] != 0 {
			i = (i + 1) & mask
		}
		s.places[i] = s.tag(hash)<<s.width | uint32(n+1)
	}
}
