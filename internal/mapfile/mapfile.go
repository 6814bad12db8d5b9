// Package mapfile reads facts from the headers of compiled maps: whether the map is whole, and how
// many entries it holds.
//
//	type    suffix  who writes it                    whole        number of entries
//	hash    .db     postmap, postalias, newaliases,  pages, last  u32 at byte 88, from 4096
//	                makemap, exim_dbmbuild           page         or 0 on
//	btree   .db     postmap, postalias               pages, last  half the items of all leaf
//	                                                 page         pages, which are a chain
//	cdb     .cdb    postmap, postalias               the tables   half the slots of the 256
//	                                                 end the file tables
//	lmdb    .lmdb   postmap, postalias               last page    md_entries of the newer of
//	                                                              two meta pages
//	sqlite  .db     Exim 4.99 and later in Debian    pages        cells of the leaf pages of
//	                                                              the first table
//
// Berkeley DB and LMDB write numbers in the byte order of the machine, LMDB also in its word size.
// The package reads all byte orders and word sizes. cdb is little-endian, SQLite big-endian.
// (db_page.h of Berkeley DB 5.3, mdb.c of LMDB 0.9, cdb(5), https://sqlite.org/fileformat.html.)
package mapfile

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

// Kind is a kind of compiled map, by the suffix of its name.
type Kind uint8

// The kinds of compiled maps. The zero Kind is Auto.
const (
	Auto Kind = iota // each map beside the source, for formats that are compiled
	None             // no map
	DB               // FILE.db
	CDB              // FILE.cdb
	LMDB             // FILE.lmdb
	ends
)

var kinds = [ends]string{"auto", "none", "db", "cdb", "lmdb"}

// String returns the name of the kind in options, which is the suffix of the file.
func (k Kind) String() string { return kinds[k] }

// UnmarshalText reads the name of a kind.
func (k *Kind) UnmarshalText(text []byte) error {
	i := slices.Index(kinds[:], strings.ToLower(string(text)))
	if i < 0 {
		return fmt.Errorf("%q is not a kind of map: want auto, none, db, cdb or lmdb", text)
	}
	*k = Kind(i)
	return nil
}

// Facts are what the header of a map says.
type Facts struct {
	Type   string // "hash", "btree", "cdb", "lmdb", "sqlite"; empty if it is none of these
	Damage string // what is wrong with the map, as a predicate: "is empty"; else empty
	// Entries is the number of entries, -1 if it is not known. For a hash, Entries is the number in
	// the header, which begins at 4096 if Postfix or Sendmail's makemap wrote the map, and at 0 if
	// newaliases, exim_dbmbuild or OpenSMTPD's makemap wrote it.
	Entries int64
	// Preset is, for a hash, Entries less 4096, or -1 if Entries is less. For other types it is
	// Entries.
	Preset int64
	// Own is how many entries postalias itself added: 3, or 1 if postalias was built without NIS; 0
	// if postalias did not write the map; -1 if that is not known.
	Own int64
	// Locked says that a program of this host builds the map: it holds a lock, and wrote to the map
	// less than ten minutes ago. [Read] leaves Locked false.
	Locked bool
}

// ReadFile looks at an open map. An error means that it could not be read.
func ReadFile(f *os.File, kind Kind) (Facts, error) {
	info, err := f.Stat()
	if err != nil {
		return Facts{}, err
	}
	// before the reading: the writer may end while the map is read
	before := time.Since(info.ModTime()) < 10*time.Minute && locked(f)
	facts, err := Read(f, info.Size(), kind)
	facts.Locked = before
	return facts, err
}

// Read looks at a map of the given size. An error comes from r.
func Read(r io.ReaderAt, size int64, kind Kind) (Facts, error) {
	if size == 0 {
		return damaged("", "is empty"), nil
	}
	in := &source{r: r, size: size}
	var f Facts
	switch kind {
	case CDB:
		f = readCDB(in)
	case LMDB:
		f = readLMDB(in)
	default:
		f = readDB(in)
	}
	return f, in.err
}

// source is a file that is read in parts.
type source struct {
	r    io.ReaderAt
	size int64
	err  error
}

// at returns n bytes at an offset; false if the file has fewer bytes there.
func (s *source) at(offset int64, n int) ([]byte, bool) {
	if offset < 0 || offset > s.size-int64(n) || s.err != nil {
		return nil, false
	}
	b := make([]byte, n)
	if _, err := s.r.ReadAt(b, offset); err != nil {
		if err != io.EOF {
			s.err = err
		}
		return nil, false
	}
	return b, true
}

func damaged(kind, format string, args ...any) Facts {
	return Facts{Type: kind, Damage: fmt.Sprintf(format, args...), Entries: -1, Preset: -1, Own: -1}
}

func whole(kind string, entries, own int64) Facts {
	return Facts{Type: kind, Entries: entries, Preset: entries, Own: own}
}

// powerOfTwo reports whether a page size is one that maps have.
func powerOfTwo(page int64) bool { return page >= 512 && page <= 65536 && page&(page-1) == 0 }

// readCDB looks at the 256 hash tables of a constant database. The tables stand after the records,
// one after the other, up to the end of the file. Half of the slots of the tables are free.
func readCDB(in *source) Facts {
	const tables, slot = 256, 8
	head, ok := in.at(0, tables*8)
	if !ok {
		return damaged("", "is too short for a cdb")
	}
	end, slots := int64(len(head)), int64(0)
	for i := range tables {
		pos := int64(binary.LittleEndian.Uint32(head[8*i:]))
		n := int64(binary.LittleEndian.Uint32(head[8*i+4:]))
		if pos < int64(len(head)) {
			return damaged("", "is not a cdb")
		}
		end = max(end, pos+n*slot)
		slots += n
	}
	switch {
	case in.size < end:
		return damaged("cdb", "is cut off: %d of %d bytes", in.size, end)
	case in.size > end:
		return damaged("", "is not a cdb")
	}
	return whole("cdb", slots/2, signature(lookupCDB(in)))
}

// layout has the offsets of the fields of an LMDB meta page. The layout depends on the machine's
// word size, so it also tells the size of a word.
type layout struct{ magic, page, entries, root, last, txn int }

var layout64, layout32 = layout{16, 40, 120, 128, 136, 144}, layout{12, 28, 76, 80, 84, 88}

func (w layout) word(order binary.ByteOrder, b []byte) uint64 {
	if w == layout64 {
		return order.Uint64(b)
	}
	return uint64(order.Uint32(b))
}

// orders are the byte orders of machines.
var orders = []binary.ByteOrder{binary.LittleEndian, binary.BigEndian}

// readLMDB looks at the two meta pages of an LMDB environment. It reads the magic number, the
// version and the page size, and from the newer page the last page and the number of entries.
func readLMDB(in *source) Facts {
	const magic, version, length = 0xbeefc0de, 1, 152
	first, ok := in.at(0, length)
	if !ok {
		return damaged("", "is not an LMDB")
	}
	for _, w := range []layout{layout64, layout32} {
		for _, order := range orders {
			if order.Uint32(first[w.magic:]) == magic &&
				order.Uint32(first[w.magic+4:]) == version {
				return readMeta(in, first, w, order)
			}
		}
	}
	return damaged("", "is not an LMDB")
}

func readMeta(in *source, meta []byte, w layout, order binary.ByteOrder) Facts {
	page := int64(order.Uint32(meta[w.page:]))
	if !powerOfTwo(page) {
		return damaged("lmdb", "has a page size of %d", page)
	}
	second, ok := in.at(page, len(meta))
	if !ok || order.Uint32(second[w.magic:]) != order.Uint32(meta[w.magic:]) {
		return damaged("lmdb", "is cut off in its second page")
	}
	if w.word(order, second[w.txn:]) > w.word(order, meta[w.txn:]) {
		meta = second
	}
	pages, last := uint64(in.size/page), w.word(order, meta[w.last:])
	if last >= pages {
		return damaged("lmdb", "is cut off: %d of %d pages", pages, last+1)
	}
	entries := w.word(order, meta[w.entries:])
	if entries > uint64(in.size) {
		return damaged("lmdb", "claims to hold %d entries in %d bytes", entries, in.size)
	}
	root := w.word(order, meta[w.root:])
	return whole("lmdb", int64(entries), signature(lookupLMDB(in, page, root, w, order)))
}
