package mapfile

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"slices"
)

// lookup looks a key up in a map. known is false if the pages of the map do not show the answer.
type lookup func(key []byte) (found, known bool)

// signature returns how many entries postalias itself added to a map: 3 for "@", YP_LAST_MODIFIED
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

// probes is the largest number of slots, or of pages of a chain, that a lookup reads.
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
			if slot != int64(hash) {
				continue
			}
			record, ok := in.at(pos, 8+len(key))
			if ok && int(binary.LittleEndian.Uint32(record)) == len(key) &&
				bytes.Equal(record[8:], key) {
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

// items returns the items of a page. The offsets of the items follow the header of the page. Each
// item is returned with all bytes up to the end of the page.
func items(page []byte, order binary.ByteOrder, header, count int) (list [][]byte, ok bool) {
	if header+2*count > len(page) {
		return nil, false
	}
	for i := range count {
		at := int(order.Uint16(page[header+2*i:]))
		if at < header || at >= len(page) {
			return nil, false
		}
		list = append(list, page[at:])
	}
	return list, true
}

// lookupHash looks a key up in a Berkeley hash with its first page, meta. The key's hash selects a
// bucket: a chain of pages (hash.src, db_page.h and hash_func.c of Berkeley DB 5.3).
func (db berkeley) lookupHash(meta []byte) lookup {
	const maxBucket, highMask, lowMask, charKey, spares = 72, 76, 80, 92, 96
	field := func(at int) uint32 { return db.order.Uint32(meta[at:]) }
	return func(key []byte) (found, known bool) {
		if fnv([]byte("%$sniglet^&\x00")) != field(charKey) {
			return false, false // another hash function
		}
		inPage := append([]byte{1}, key...) // the type of the item, then the key
		bucket := fnv(key) & field(highMask)
		if bucket > field(maxBucket) {
			bucket &= field(lowMask)
		}
		number := int64(bucket) + int64(field(spares+4*bits.Len32(bucket)))
		for range probes {
			page, list, ok := db.read(number)
			if !ok || bytes.IndexByte(hashPages, page[pageType]) < 0 {
				return false, false
			}
			rest := 0 // bytes after the item
			for i, item := range list {
				if i%2 == 0 && bytes.Equal(item[:max(0, len(item)-rest)], inPage) {
					return true, true
				}
				rest = len(item)
			}
			if number = int64(db.order.Uint32(page[pageNext:])); number == 0 {
				return false, true
			}
		}
		return false, false
	}
}

// fnv is the hash function of Berkeley DB since 4.0: FNV-1 with the initial value 0.
func fnv(key []byte) (h uint32) {
	for _, c := range key {
		h = h*16777619 ^ uint32(c)
	}
	return h
}

// Types of pages of a hash. A page that was allocated and never used has only zeros.
const hashUnused, hashUnsorted, hashSorted = 0, 2, 13

var hashPages = []byte{hashUnused, hashUnsorted, hashSorted}

// read returns a page and its items.
func (db berkeley) read(number int64) (page []byte, list [][]byte, ok bool) {
	page, ok = db.in.at(number*db.page, int(db.page))
	if !ok || number == 0 {
		return nil, nil, false
	}
	list, ok = items(page, db.order, pageLen, int(db.order.Uint16(page[pageItems:])))
	return page, list, ok
}

// node is a page of a tree of sorted keys.
type node struct {
	keys     [][]byte
	children []int64 // one for each key; nil in a leaf
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
			next, same := slices.BinarySearchFunc(n.keys, key, bytes.Compare)
			if n.children == nil {
				return same, true
			}
			if !same {
				next = max(0, next-1)
			}
			number = n.children[next]
		}
		return false, false
	}
}

// lookupBtree looks a key up in a Berkeley btree. It does not compare long keys, which have pages
// of their own.
func (db berkeley) lookupBtree(root int64) lookup {
	const inPage = 1 // type of an item
	return lookupTree(root, func(number int64) (n node, ok bool) {
		page, list, ok := db.read(number)
		if !ok || page[pageType] != btreeInternal && page[pageType] != btreeLeaf {
			return n, false
		}
		leaf, head, step := page[pageType] == btreeLeaf, 12, 1
		if leaf {
			head, step = 3, 2
		}
		for i := 0; i < len(list); i += step {
			item := list[i]
			if leaf && len(item) >= head && item[2]&0x7f != inPage {
				continue // too long to be a key that is looked for
			}
			if len(item) < head || len(item) < head+int(db.order.Uint16(item)) ||
				i > 0 && item[2]&0x7f != inPage {
				return n, false
			}
			n.keys = append(n.keys, item[head:head+int(db.order.Uint16(item))])
			if !leaf {
				n.children = append(n.children, int64(db.order.Uint32(item[4:])))
			}
		}
		return n, true
	})
}

// lookupLMDB looks a key up in an LMDB, from the given root. A node has two halves of a number,
// flags, the length of its key and the key. In a leaf, the number is the length of the data. In a
// branch, it is a child's page; with 64 bits, the flags are its upper bits (mdb.c of LMDB 0.9).
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
		header := w.magic // in a meta page, the magic number follows the header
		kind := order.Uint16(b[header-6:])
		list, ok := items(b, order, header, (int(order.Uint16(b[header-4:]))-header)/2)
		if !ok || kind&(branch|leaf) == 0 {
			return n, false
		}
		for _, item := range list {
			if len(item) < head || len(item) < head+int(order.Uint16(item[6:])) {
				return n, false
			}
			n.keys = append(n.keys, item[head:head+int(order.Uint16(item[6:]))])
			child := int64(order.Uint32(item))
			if w == layout64 {
				child |= int64(order.Uint16(item[4:])) << 32
			}
			if kind&branch != 0 {
				n.children = append(n.children, child)
			}
		}
		return n, true
	})
}
