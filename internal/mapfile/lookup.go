package mapfile

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// lookup looks a key up in a map. known is false where the map's pages do not tell.
type lookup func(key []byte) (found, known bool)

// signature tells how many entries of its own postalias added to a map: 3 for "@", YP_LAST_MODIFIED
// and YP_MASTER_NAME; 1 for "@" alone, from a postalias without NIS; 0 for none; -1 if that is not
// known (postalias.c of Postfix 3.7 to 3.11; the keys with or without a final NUL).
func signature(has lookup) int64 {
	own := int64(0)
	for _, mark := range []struct {
		key string
		own int64
	}{{"@\x00", 1}, {"@", 1}, {"YP_LAST_MODIFIED", 3}, {"YP_LAST_MODIFIED\x00", 3}} {
		found, known := has([]byte(mark.key))
		if !known {
			return -1
		}
		if found {
			own = mark.own
		}
	}
	return own
}

// probes is how many slots or pages of a chain are looked at.
const probes = 1000

// lookupCDB looks a key up by its hash, whose low byte is the number of the table (cdb(5)).
func lookupCDB(in *source) lookup {
	return func(key []byte) (found, known bool) {
		hash := uint32(5381)
		for _, c := range key {
			hash = hash<<5 + hash ^ uint32(c)
		}
		table, slots, ok := in.pair(int64(hash%256) * 8)
		if !ok || slots == 0 {
			return false, ok
		}
		for i := range min(slots, probes) {
			slot, pos, ok := in.pair(table + (int64(hash>>8)+i)%slots*8)
			if !ok || pos == 0 {
				return false, ok
			}
			if slot == int64(hash) && in.record(pos, key) {
				return true, true
			}
		}
		return false, slots <= probes
	}
}

// pair reads two numbers of a cdb.
func (s *source) pair(offset int64) (a, b int64, ok bool) {
	p, ok := s.at(offset, 8)
	if !ok {
		return 0, 0, false
	}
	return int64(binary.LittleEndian.Uint32(p)), int64(binary.LittleEndian.Uint32(p[4:])), true
}

// record reports whether the record of a cdb at an offset has a key.
func (s *source) record(offset int64, key []byte) bool {
	length, _, ok := s.pair(offset)
	if !ok || length != int64(len(key)) {
		return false
	}
	text, ok := s.at(offset+8, len(key))
	return ok && bytes.Equal(text, key)
}

// lookupHash looks a key up in a Berkeley hash by its first page: the hash of the key tells its
// bucket, which is a chain of pages (hash.src, db_page.h and hash_func.c of Berkeley DB 5.3).
func (db berkeley) lookupHash(meta []byte) lookup {
	const maxBucket, highMask, lowMask, charKey, spares = 72, 76, 80, 92, 96
	field := func(at int) uint32 { return db.order.Uint32(meta[at:]) }
	return func(key []byte) (found, known bool) {
		if fnv([]byte("%$sniglet^&\x00")) != field(charKey) {
			return false, false // another function
		}
		bucket := fnv(key) & field(highMask)
		if bucket > field(maxBucket) {
			bucket &= field(lowMask)
		}
		number := int64(bucket) + int64(field(spares+4*bits.Len32(bucket)))
		for range probes {
			p, ok := db.read(number)
			if !ok || p.kind != hashUnsorted && p.kind != hashSorted && p.kind != hashUnused {
				return false, false
			}
			for i := 0; i < len(p.items); i += 2 {
				if item := p.items[i]; len(item) > 0 && item[0] == 1 && bytes.Equal(item[1:], key) {
					return true, true
				}
			}
			if number = p.next; number == 0 {
				return false, true
			}
		}
		return false, false
	}
}

// fnv is the hash function of Berkeley DB since 4.0, FNV-1 that begins with 0.
func fnv(key []byte) (h uint32) {
	for _, c := range key {
		h = h*16777619 ^ uint32(c)
	}
	return h
}

// berkeleyPage is a page of a Berkeley DB.
type berkeleyPage struct {
	kind  byte
	next  int64
	items [][]byte // each up to the item before it; in a btree perhaps more
}

// Types of pages of a hash. A page that was allocated and never used has only zeros.
const hashUnused, hashUnsorted, hashSorted = 0, 2, 13

// read gives a page.
func (db berkeley) read(number int64) (p berkeleyPage, ok bool) {
	const header = 26
	b, ok := db.in.at(number*db.page, int(db.page))
	if !ok || number == 0 {
		return p, false
	}
	p.kind, p.next = b[pageType], int64(db.order.Uint32(b[pageNext:]))
	end, count := len(b), int(db.order.Uint16(b[pageItems:]))
	if header+2*count > len(b) {
		return p, false
	}
	for i := range count {
		at := int(db.order.Uint16(b[header+2*i:]))
		if at < header || at >= len(b) {
			return p, false
		}
		if p.kind == btreeInternal || p.kind == btreeLeaf || at >= end {
			end = len(b)
		}
		p.items = append(p.items, b[at:end])
		end = at
	}
	return p, true
}

// node is a page of a tree of sorted keys.
type node struct {
	keys     [][]byte
	children []int64 // of each key; none in a leaf
}

// lookupTree looks a key up from the root of a tree. The first child of a page has all keys that
// are less than the second key.
func lookupTree(root int64, read func(number int64) (node, bool)) lookup {
	return func(key []byte) (found, known bool) {
		number := root
		for range 32 {
			n, ok := read(number)
			if !ok || len(n.keys) == 0 {
				return false, false
			}
			next := 0
			for i, k := range n.keys {
				switch order := bytes.Compare(k, key); {
				case order == 0 && n.children == nil:
					return true, true
				case order <= 0:
					next = i
				}
			}
			if n.children == nil {
				return false, true
			}
			number = n.children[next]
		}
		return false, false
	}
}

// lookupBtree looks a key up in a Berkeley btree. It does not compare keys that are so long that
// they have pages of their own.
func (db berkeley) lookupBtree(root int64) lookup {
	const inPage = 1 // type of an item
	return lookupTree(root, func(number int64) (n node, ok bool) {
		p, ok := db.read(number)
		if !ok || p.kind != btreeInternal && p.kind != btreeLeaf {
			return n, false
		}
		head, step := 12, 1
		if p.kind == btreeLeaf {
			head, step = 3, 2
		}
		for i := 0; i < len(p.items); i += step {
			item := p.items[i]
			switch {
			case len(item) < head:
				return n, false
			case item[2]&0x7f == inPage, i == 0 && step == 1:
			case step == 2:
				continue // too long to be a key that is looked for
			default:
				return n, false
			}
			length := int(db.order.Uint16(item))
			if head+length > len(item) {
				return n, false
			}
			n.keys = append(n.keys, item[head:head+length])
			if p.kind == btreeInternal {
				n.children = append(n.children, int64(db.order.Uint32(item[4:])))
			}
		}
		return n, true
	})
}

// lookupLMDB looks a key up in an LMDB, from the root that a meta page names. A node has the two
// halves of a number, flags, the length of its key and the key. In a leaf the number is the length
// of the data; elsewhere, with the flags above it, it is the page of a child (mdb.c of LMDB 0.9).
func lookupLMDB(in *source, page int64, root uint64, w layout, order binary.ByteOrder) lookup {
	const branch, leaf, head = 1, 2, 8
	return lookupTree(int64(root), func(number int64) (n node, ok bool) {
		if number < 0 || number > in.size/page {
			return n, false
		}
		b, ok := in.at(number*page, int(page))
		if !ok {
			return n, false
		}
		kind, start := order.Uint16(b[w.magic-6:]), w.magic // it stands behind a page's header
		end := int(order.Uint16(b[w.magic-4:]))
		if kind&(branch|leaf) == 0 || end > len(b) {
			return n, false
		}
		for at := start; at+2 <= end; at += 2 {
			place := int(order.Uint16(b[at:]))
			if place+head > len(b) {
				return n, false
			}
			item := b[place:]
			low, high := order.Uint16(item), order.Uint16(item[2:])
			if order == binary.ByteOrder(binary.BigEndian) {
				low, high = high, low
			}
			flags, length := order.Uint16(item[4:]), int(order.Uint16(item[6:]))
			if head+length > len(item) {
				return n, false
			}
			n.keys = append(n.keys, item[head:head+length])
			if kind&branch != 0 {
				child := int64(low) | int64(high)<<16
				if w.magic == layout64.magic {
					child |= int64(flags) << 32
				}
				n.children = append(n.children, child)
			}
		}
		return n, true
	})
}
