package aliases

import "math/bits"

// keys is a set of keys, by their hashes. The keys are numbered and stand in slabs that are never
// moved. A table with open addressing, at most half full, holds their numbers. Above the number, a
// place of the table holds upper bits of the hash (the tag), so that most searches look at no other
// key.
type keys struct {
	places []uint32 // the tag, and below it 1 + the number of the key; 0: free
	width  int      // of a number, in bits: the table has 1<<width places
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

// add gives the key with this hash, and whether the set had it before. The caller fills in a new
// key.
func (s *keys) add(hash uint64) (k *key16, known bool) {
	if 2*s.n >= len(s.places) {
		s.places = make([]uint32, max(1024, 2*len(s.places)))
		s.width = bits.Len(uint(len(s.places) - 1))
		for n := range uint32(s.n) {
			hash := s.at(n).hash
			*s.place(hash) = s.tag(hash)<<s.width | (n + 1)
		}
	}
	place, n := s.place(hash), uint32(s.n)
	if *place != 0 {
		return s.at(s.number(*place)), true
	}
	if s.n++; n%slab == 0 {
		s.slabs = append(s.slabs, make([]key16, slab))
	}
	*place = s.tag(hash)<<s.width | (n + 1)
	return s.at(n), false
}

// place gives the place of the key with this hash, or the free one where it belongs.
func (s *keys) place(hash uint64) *uint32 {
	mask, tag := uint64(len(s.places)-1), s.tag(hash)
	for i := hash & mask; ; i = (i + 1) & mask {
		p := s.places[i]
		if p == 0 || p>>s.width == tag && s.at(s.number(p)).hash == hash {
			return &s.places[i]
		}
	}
}

func (s *keys) at(n uint32) *key16 { return &s.slabs[n/slab][n%slab] }

// number is the number of the key of a place.
func (s *keys) number(place uint32) uint32 { return place&uint32(len(s.places)-1) - 1 }

// tag is as many upper bits of a hash as a place has above the number.
func (s *keys) tag(hash uint64) uint32 { return uint32(hash>>32) >> s.width }
