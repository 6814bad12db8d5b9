package mapfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
)

func words(size int, at map[int]uint32, order binary.ByteOrder) string {
	b := make([]byte, size)
	for offset, value := range at {
		order.PutUint32(b[offset:], value)
	}
	return string(b)
}

func TestDamage(t *testing.T) {
	little, big := binary.LittleEndian, binary.BigEndian
	hash := map[int]uint32{12: 0x061561, 20: 4096, 32: 2}
	btree := map[int]uint32{12: 0x053162, 20: 4096, 32: 2, 88: 1, 4096 + 24: 5 << 8}
	lmdb := map[int]uint32{16: 0xbeefc0de, 20: 1, 40: 4096, 136: 1, 144: 1, 4096 + 16: 0xbeefc0de,
		4096 + 20: 1, 4096 + 40: 4096, 4096 + 136: 2, 4096 + 144: 2}
	cdb := map[int]uint32{}
	for i := range 256 {
		cdb[8*i] = 2048
	}
	with := func(m map[int]uint32, at int, value uint32) map[int]uint32 {
		out := map[int]uint32{at: value}
		for k, v := range m {
			if k != at {
				out[k] = v
			}
		}
		return out
	}
	for _, test := range []struct {
		kind Kind
		data string
		want string
	}{
		{DB, "", "is empty"},
		{DB, words(12288, hash, little), ""},
		{DB, words(12288, hash, big), ""},
		{DB, words(12288, btree, little), ""},
		{DB, words(12288, with(btree, 32, 3), little), "is cut off: 3 of 4 pages"},
		{DB, words(12000, hash, little),
			"has 12000 bytes, which is not a multiple of its page size 4096"},
		{DB, words(12288, with(hash, 20, 1000), little), "has a page size of 1000"},
		{DB, words(12288, with(hash, 20, 0), little), "has a page size of 0"},
		{DB, words(12288, with(hash, 12, 1), little), "is not a Berkeley DB hash or btree"},
		{DB, "x", "is too short for a Berkeley DB"},
		{CDB, words(2048, cdb, little), ""},
		{CDB, words(2064, with(with(cdb, 8*255+4, 2), 8*3, 2064), little), ""},
		{CDB, words(2060, with(cdb, 8*255+4, 2), little), "is cut off: 2060 of 2064 bytes"},
		{CDB, words(3000, cdb, little), "is not a cdb"},
		{CDB, words(2048, with(cdb, 0, 7), little), "is not a cdb"},
		{CDB, "x", "is too short for a cdb"},
		{LMDB, words(12288, lmdb, little), ""},
		{LMDB, words(8192, lmdb, little), "is cut off: 2 of 3 pages"},
		{LMDB, words(8192, lmdb, little)[:4096], "is cut off in its second page"},
		{LMDB, words(12288, with(lmdb, 40, 5), little), "has a page size of 5"},
		{LMDB, words(12288, with(lmdb, 16, 5), little), "is not an LMDB"},
		{LMDB, "x", "is not an LMDB"},
	} {
		f, err := Read(strings.NewReader(test.data), int64(len(test.data)), test.kind)
		if err != nil || f.Damage != test.want {
			t.Errorf("%s of %d bytes: %+v, %v; want %q", test.kind, len(test.data), f, err,
				test.want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(sqlite(2)))
	f.Add([]byte(btree(binary.BigEndian)))
	f.Add([]byte(words(4096, map[int]uint32{12: 0x061561, 20: 4096}, binary.LittleEndian)))
	f.Add([]byte(words(2048, nil, binary.LittleEndian)))
	f.Add([]byte(hashMap(binary.LittleEndian, "@", "a", "b")))
	f.Add([]byte(btreeMap(binary.LittleEndian, "@", "a", "b")))
	f.Add([]byte(cdbMap("@", "a", "b")))
	f.Add([]byte(lmdbMap(layout64, binary.LittleEndian, "@", "a", "b")))
	f.Add([]byte(words(8192, map[int]uint32{16: 0xbeefc0de, 20: 1, 40: 4096}, binary.LittleEndian)))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, kind := range []Kind{DB, CDB, LMDB} {
			facts, err := Read(bytes.NewReader(data), int64(len(data)), kind)
			if err != nil || facts.Damage == "" && facts.Type == "" || facts.Entries > 1<<32 {
				t.Fatalf("%s: %+v, %v", kind, facts, err)
			}
		}
	})
}

// btree is a map of three pages behind the first: the root, and two leaves with 6 and
// 4 items.
func btree(order binary.ByteOrder) string {
	b := []byte(words(16384, map[int]uint32{
		12: 0x053162, 20: 4096, 32: 3, 88: 1,
		4096 + 16: 0, 8192 + 16: 3, 12288 + 16: 0, // the next page
		8000: 0, 8004: 2, // the item of the root that leads to the leftmost leaf
	}, order))
	for page, head := range map[int]struct {
		items uint16
		kind  byte
	}{1: {2, 3}, 2: {6, 5}, 3: {4, 5}} {
		order.PutUint16(b[4096*page+20:], head.items)
		b[4096*page+25] = head.kind
	}
	order.PutUint16(b[4096+26:], 8000-4096)
	return string(b)
}

// sqlite is a database of one table whose root, the second page, has some rows.
func sqlite(rows uint16) string {
	b := make([]byte, 1024)
	copy(b, "SQLite format 3\x00")
	binary.BigEndian.PutUint16(b[16:], 512)
	binary.BigEndian.PutUint32(b[28:], 2)
	b[100] = tableLeaf
	binary.BigEndian.PutUint16(b[103:], 1)
	binary.BigEndian.PutUint16(b[108:], 400)
	// length, number, header of 6 bytes: three texts of 5, 3 and 3 bytes, a byte, a text
	copy(b[400:], "\x14\x01\x06\x17\x13\x13\x01\x0dtabletbltbl\x02")
	b[512] = tableLeaf
	binary.BigEndian.PutUint16(b[515:], rows)
	return string(b)
}

// The numbers of entries, in either byte order and word size.
func TestEntries(t *testing.T) {
	little, big := binary.ByteOrder(binary.LittleEndian), binary.ByteOrder(binary.BigEndian)
	hash := map[int]uint32{12: 0x061561, 20: 4096, 32: 2, 88: 4106}
	empty := map[int]uint32{12: 0x061561, 20: 4096, 32: 2, 88: 11}
	cdb := map[int]uint32{4: 6, 2044: 2}
	for i := range 256 {
		cdb[8*i] = 2048
	}
	cdb[2040] = 2048 + 48
	meta := func(magic, page, entries, last, txn int) map[int]uint32 {
		return map[int]uint32{
			magic: 0xbeefc0de, magic + 4: 1, page: 4096, last: 1, txn: 1, entries: 5,
			4096 + magic: 0xbeefc0de, 4096 + magic + 4: 1,
			4096 + last: 1, 4096 + txn: 2, 4096 + entries: 7,
		}
	}
	wide, narrow := meta(16, 40, 120, 136, 144), meta(12, 28, 76, 84, 88)
	wideBig := map[int]uint32{}
	for at, n := range wide { // the lower half of a word is its second
		if at%4096 >= 120 {
			at += 4
		}
		wideBig[at] = n
	}
	for _, test := range []struct {
		name            string
		kind            Kind
		data            string
		wantType        string
		entries, preset int64
	}{
		{"hash of postmap", DB, words(12288, hash, little), "hash", 4106, 10},
		{"hash of a big-endian machine", DB, words(12288, hash, big), "hash", 4106, 10},
		{"hash of newaliases", DB, words(12288, empty, little), "hash", 11, -1},
		{"btree", DB, btree(little), "btree", 5, 5},
		{"btree of a big-endian machine", DB, btree(big), "btree", 5, 5},
		{"cdb", CDB, words(2048+64, cdb, little), "cdb", 4, 4},
		{"LMDB", LMDB, words(8192, wide, little), "lmdb", 7, 7},
		{"LMDB of a big-endian machine", LMDB, words(8192, wideBig, big), "lmdb", 7, 7},
		{"LMDB of 32 bits", LMDB, words(8192, narrow, little), "lmdb", 7, 7},
		{"LMDB of 32 bits, big-endian", LMDB, words(8192, narrow, big), "lmdb", 7, 7},
		{"SQLite", DB, sqlite(3), "sqlite", 3, 3},
	} {
		f, err := Read(strings.NewReader(test.data), int64(len(test.data)), test.kind)
		want := Facts{Type: test.wantType, Entries: test.entries, Preset: test.preset}
		f.Own = 0 // TestSignature
		if err != nil || f != want {
			t.Errorf("%s: %+v, %v; want %+v", test.name, f, err, want)
		}
	}
}

// Headers that lie, and pages in a circle.
func TestHostileMaps(t *testing.T) {
	change := func(data string, at int, value uint32) string {
		b := []byte(data)
		binary.LittleEndian.PutUint32(b[at:], value)
		return string(b)
	}
	tree, little := btree(binary.LittleEndian), binary.LittleEndian
	lmdb := map[int]uint32{16: 0xbeefc0de, 20: 1, 40: 4096, 120: 1 << 31, 4096 + 16: 0xbeefc0de,
		4096 + 20: 1}
	for _, test := range []struct {
		kind       Kind
		data, want string
	}{
		{DB, change(tree, 88, 1<<31), "has no page 2147483648"},
		{DB, change(tree, 12288+16, 2), "has pages that follow each other in a circle"},
		{DB, change(tree, 8004, 9), "has no page 9"},
		{DB, change(tree, 8192+24, 0), "has a page 2 of type 0"},
		{LMDB, words(8192, lmdb, little), "claims to hold 2147483648 entries in 8192 bytes"},
		{DB, change(hashMap(little), 88, 1<<31), "claims to hold 2147479552 entries in 2048 bytes"},
		{DB, sqlite(1)[:512], "is cut off: 1 of 2 pages"},
		{DB, sqlite(1)[:50], "is cut off in its header"},
	} {
		f, err := Read(strings.NewReader(test.data), int64(len(test.data)), test.kind)
		if err != nil || f.Damage != test.want || f.Entries != -1 {
			t.Errorf("%s: %+v, %v; want %q", test.kind, f, err, test.want)
		}
	}
	broken := errors.New("broken")
	if _, err := Read(failing{broken}, 8192, CDB); !errors.Is(err, broken) {
		t.Errorf("Read = %v; want %v", err, broken)
	}
}

type failing struct{ err error }

func (f failing) ReadAt([]byte, int64) (int, error) { return 0, f.err }

var _ io.ReaderAt = failing{}

func TestKinds(t *testing.T) {
	for k := Auto; k < ends; k++ {
		var got Kind
		if err := got.UnmarshalText([]byte(k.String())); err != nil || got != k {
			t.Errorf("UnmarshalText(%q) = %v, %v", k, got, err)
		}
	}
	if err := new(Kind).UnmarshalText([]byte("dbm")); err == nil {
		t.Error(`UnmarshalText("dbm") = nil; want an error`)
	}
}
