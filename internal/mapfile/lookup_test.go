package mapfile

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"
)

// put writes numbers of 16 bits at offsets, put32 of 32.
func put(b []byte, order binary.ByteOrder, at map[int]int) {
	for offset, value := range at {
		order.PutUint16(b[offset:], uint16(value))
	}
}

func put32(b []byte, order binary.ByteOrder, at map[int]int) {
	for offset, value := range at {
		order.PutUint32(b[offset:], uint32(value))
	}
}

// fill puts items on a page of a Berkeley DB, from its end on.
func fill(page []byte, order binary.ByteOrder, kind byte, items ...string) {
	end := len(page)
	for i, item := range items {
		end -= len(item)
		copy(page[end:], item)
		put(page, order, map[int]int{26 + 2*i: end, pageItems: i + 1})
	}
	page[pageType] = kind
}

// hashMap is a hash of two buckets whose second is a chain of two pages.
func hashMap(order binary.ByteOrder, keys ...string) string {
	b := make([]byte, 4*512)
	put32(b, order, map[int]int{12: 0x061561, 20: 512, 32: 3, 88: 4096 + len(keys),
		72: 1, 76: 1, 80: 0, 92: int(fnv([]byte("%$sniglet^&\x00"))), 96: 1, 100: 1})
	buckets := [2][]string{}
	for _, key := range keys {
		n := fnv([]byte(key)) & 1
		buckets[n] = append(buckets[n], "\x01"+key, "\x01value")
	}
	fill(b[512:1024], order, hashSorted, buckets[0]...)
	fill(b[1024:1536], order, hashSorted, "\x01abc", "\x01x")
	put32(b, order, map[int]int{1024 + pageNext: 3})
	fill(b[1536:], order, hashUnsorted, buckets[1]...)
	return string(b)
}

// inPage is an item of a leaf.
func inPage(order binary.ByteOrder, text string) string {
	head := make([]byte, 3)
	put(head, order, map[int]int{0: len(text)})
	head[2] = 1
	return string(head) + text
}

// btreeMap is a btree of a root and two leaves: of one key, and of all.
func btreeMap(order binary.ByteOrder, keys ...string) string {
	b := make([]byte, 4*512)
	put32(b, order, map[int]int{12: 0x053162, 20: 512, 32: 3, 88: 1, 1024 + pageNext: 3})
	child := func(page int, key string) string {
		head := make([]byte, 12)
		put(head, order, map[int]int{0: len(key)})
		put32(head, order, map[int]int{4: page})
		head[2] = 1
		return string(head) + key
	}
	fill(b[512:1024], order, btreeInternal, child(2, ""), child(3, "0"))
	fill(b[1024:1536], order, btreeLeaf, inPage(order, "#"), inPage(order, "value"))
	var items []string
	for _, key := range slices.Sorted(slices.Values(keys)) {
		items = append(items, inPage(order, key), inPage(order, "value"))
	}
	fill(b[1536:], order, btreeLeaf, items...)
	return string(b)
}

// cdbMap is a cdb, as cdb(5) says.
func cdbMap(keys ...string) string {
	little := binary.LittleEndian
	b := make([]byte, 2048)
	tables := [256][][2]int{}
	for _, key := range keys {
		hash := uint32(5381)
		for i := range len(key) {
			hash = hash*33 ^ uint32(key[i])
		}
		tables[hash%256] = append(tables[hash%256], [2]int{int(hash), len(b)})
		record := make([]byte, 8)
		put32(record, little, map[int]int{0: len(key), 4: 5})
		b = append(b, string(record)+key+"value"...)
	}
	for i, table := range tables {
		put32(b, little, map[int]int{8 * i: len(b), 8*i + 4: 2 * len(table)})
		slots := make([]byte, 16*len(table))
		for _, slot := range table {
			at := slot[0] >> 8 % (2 * len(table))
			for little.Uint32(slots[8*at+4:]) != 0 {
				at = (at + 1) % (2 * len(table))
			}
			put32(slots, little, map[int]int{8 * at: slot[0], 8*at + 4: slot[1]})
		}
		b = append(b, slots...)
	}
	return string(b)
}

// lmdbMap is an LMDB of two meta pages, a root, and two leaves: of one key, and of all.
func lmdbMap(w layout, order binary.ByteOrder, keys ...string) string {
	const page = 1024
	b := make([]byte, 5*page)
	word := func(at, value int) {
		if w.magic == layout64.magic {
			order.PutUint64(b[at:], uint64(value))
		} else {
			order.PutUint32(b[at:], uint32(value))
		}
	}
	for _, meta := range []int{0, page} {
		order.PutUint32(b[meta+w.magic:], 0xbeefc0de) // no int where it has 32 bits
		put32(b, order, map[int]int{meta + w.magic + 4: 1, meta + w.page: page})
		word(meta+w.last, 4)
		word(meta+w.entries, len(keys)+1)
		word(meta+w.root, 2)
	}
	leaf := func(number, kind int, child []int, keys ...string) {
		p := b[number*page : (number+1)*page]
		end := len(p)
		for i, key := range keys {
			low, high := 0, 2
			if order == binary.ByteOrder(binary.BigEndian) {
				low, high = 2, 0
			}
			end -= 8 + len(key) + len(key)%2
			copy(p[end+8:], key)
			put(p, order, map[int]int{w.magic + 2*i: end, w.magic - 4: w.magic + 2*i + 2,
				end + low: child[min(i, len(child)-1)], end + high: 0, end + 6: len(key)})
		}
		put(p, order, map[int]int{w.magic - 6: kind})
	}
	leaf(2, 1, []int{3, 4}, "", "0")
	leaf(3, 2, []int{0}, "#")
	leaf(4, 2, []int{0}, slices.Sorted(slices.Values(keys))...)
	return string(b)
}

// Whether postalias wrote a map: the keys that it adds are looked up.
func TestSignature(t *testing.T) {
	type maker = func(keys ...string) string
	in := func(order binary.ByteOrder, make func(binary.ByteOrder, ...string) string) maker {
		return func(keys ...string) string { return make(order, keys...) }
	}
	lmdb := func(w layout, order binary.ByteOrder) maker {
		return func(keys ...string) string { return lmdbMap(w, order, keys...) }
	}
	little, big := binary.ByteOrder(binary.LittleEndian), binary.ByteOrder(binary.BigEndian)
	for _, m := range []struct {
		name string
		kind Kind
		make maker
	}{
		{"hash", DB, in(little, hashMap)},
		{"hash, big-endian", DB, in(big, hashMap)},
		{"btree", DB, in(little, btreeMap)},
		{"btree, big-endian", DB, in(big, btreeMap)},
		{"cdb", CDB, cdbMap},
		{"LMDB", LMDB, lmdb(layout64, little)},
		{"LMDB, big-endian", LMDB, lmdb(layout64, big)},
		{"LMDB of 32 bits", LMDB, lmdb(layout32, little)},
		{"LMDB of 32 bits, big-endian", LMDB, lmdb(layout32, big)},
	} {
		for _, test := range []struct {
			keys string
			want int64
		}{
			{"a b@ @b root YP_LAST_MODIFIE yp_last_modified z", 0},
			{"root @0", 1}, // 0 is a NUL
			{"root @", 1},
			{"@0 YP_LAST_MODIFIED YP_MASTER_NAME root zz", 3},
			{"a YP_LAST_MODIFIED0", 3},
		} {
			keys := strings.Fields(strings.ReplaceAll(test.keys, "0", "\x00"))
			data := m.make(keys...)
			f, err := Read(strings.NewReader(data), int64(len(data)), m.kind)
			if err != nil || f.Damage != "" || f.Own != test.want {
				t.Errorf("%s of %q: %+v, %v; want %d", m.name, keys, f, err, test.want)
			}
		}
	}
}

// Pages that lead nowhere: nothing is known, and the map is not called damaged.
func TestSignatureUnknown(t *testing.T) {
	order := binary.ByteOrder(binary.LittleEndian)
	change := func(data string, at, value int) string {
		b := []byte(data)
		put32(b, order, map[int]int{at: value})
		return string(b)
	}
	hash, tree := hashMap(order, "a", "b"), btreeMap(order, "a")
	lmdb := lmdbMap(layout64, order, "a")
	for _, test := range []struct {
		name string
		kind Kind
		data string
	}{
		{"another hash function", DB, change(hash, 92, 1)},
		{"a bucket beyond the end", DB, change(change(hash, 96, 99), 100, 99)},
		{"a chain in a circle", DB, change(change(hash, 1536+pageNext, 3), 512+pageNext, 1)},
		{"a key that is too long for the root", DB, change(tree, 1024-12-13, 3<<16)},
		{"a root beyond the end", LMDB, change(lmdb, 128, 1<<30)},
		{"a root that is its own child", LMDB, change(lmdb, 3*1024-8-8-2, 2)},
	} {
		f, err := Read(strings.NewReader(test.data), int64(len(test.data)), test.kind)
		if err != nil || f.Damage != "" || f.Own != -1 {
			t.Errorf("%s: %+v, %v; want -1", test.name, f, err)
		}
	}
}
