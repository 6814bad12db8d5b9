package aliases

// keys is a set of keys, known by their hashes: a table of places, open
// addressing, and the keys themselves in slabs that are never moved.
type keys struct {
	places []uint32 // 1 + the number of the key; 0: free. A power of two, at most half full
	slabs  [][]key16
	n      int
}

// key16 is what is kept of a key: sixteen bytes.
type key16 struct {
	hash  uint64
	value uint32 // check sum of the value that wins so far
	line  uint32 // of its first entry
}

const slab = 1024 // keys

// add gives the place of a key in the set, and whether it was there before. A new
// one is the caller's to fill in.
func (s *keys) add(hash uint64) (k *key16, known bool) {
	if 2*s.n >= len(s.places) {
		s.grow()
	}
	mask := uint64(len(s.places) - 1)
	i := hash & mask
	for ; s.places[i] != 0; i = (i + 1) & mask {
		if k := s.at(s.places[i] - 1); k.hash == hash {
			return k, true
		}
	}
	if s.n%slab == 0 {
		s.slabs = append(s.slabs, make([]key16, slab))
	}
	s.n++
	s.places[i] = uint32(s.n)
	return s.at(uint32(s.n - 1)), false
}

func (s *keys) at(n uint32) *key16 { return &s.slabs[n/slab][n%slab] }

func (s *keys) grow() {
	s.places = make([]uint32, max(1024, 2*len(s.places)))
	mask := uint64(len(s.places) - 1)
	for n := range s.n {
		i := s.at(uint32(n)).hash & mask
		for s.places[i] != 0 {
			i = (i + 1) & mask
		}
		s.places[i] = uint32(n + 1)
	}
}
