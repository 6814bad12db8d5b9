package aliases

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// MapKind is a kind of compiled map.
type MapKind uint8

// The kinds of compiled maps. The zero MapKind is Auto.
const (
	Auto  MapKind = iota // what stands beside the source, for formats that are compiled
	NoMap                // none
	DB                   // Berkeley DB, hash or btree: FILE.db
	CDB                  // constant database: FILE.cdb
	LMDB                 // LMDB: FILE.lmdb
	mapEnd
)

var mapKinds = [mapEnd]string{"auto", "none", "db", "cdb", "lmdb"}

// String gives the name of the kind in options, which is the suffix of the file.
func (k MapKind) String() string { return mapKinds[k] }

// UnmarshalText reads the name of a kind.
func (k *MapKind) UnmarshalText(text []byte) error {
	for i, name := range mapKinds {
		if strings.EqualFold(string(text), name) {
			*k = MapKind(i)
			return nil
		}
	}
	return fmt.Errorf("%q is not a kind of map: want auto, none, db, cdb or lmdb", text)
}

// CompiledMap is what is known of the map compiled from a file.
type CompiledMap struct {
	Path    string
	Kind    MapKind
	Fault   Fault // Missing and Dangling only if the kind was asked for
	Type    string
	Damage  string // what is wrong with what is in it, else empty
	Size    int64  // bytes
	ModTime time.Time
}

// Stale reports whether Postfix calls the map out of date: its source is newer,
// by whole seconds, and was not written within the last 100 s (dict_open of
// Postfix 3.7: "database is older than source file").
func (m CompiledMap) Stale(source, now time.Time) bool {
	return source.Unix() > m.ModTime.Unix() && source.Unix() < now.Unix()-100
}

// readMaps looks at the maps of a source; at one that is damaged but was just
// written, once more.
func readMaps(source string, q Request) ([]CompiledMap, error) {
	kinds := []MapKind{q.Maps}
	switch f := q.Format; {
	case q.Maps == NoMap, q.Maps == Auto && f != Aliases && f != Map && f != Sendmail:
		return nil, nil
	case q.Maps == Auto:
		kinds = []MapKind{DB, CDB, LMDB}
	}
	var maps []CompiledMap
	for _, k := range kinds {
		m := CompiledMap{Path: source + "." + k.String(), Kind: k}
		err := m.read()
		if m.Damage != "" && q.Now.Sub(m.ModTime).Abs() < fresh {
			time.Sleep(settle)
			err = m.read()
		}
		if err != nil {
			return nil, err
		}
		if m.Fault != Missing || q.Maps != Auto {
			maps = append(maps, m)
		}
	}
	return maps, nil
}

func (m *CompiledMap) read() error {
	f := File{Path: m.Path}
	file, err := f.open()
	if f.Fault == Denied {
		// Its age can be told without reading it.
		if info, err := os.Stat(m.Path); err == nil {
			f.Size, f.ModTime = info.Size(), info.ModTime()
		}
	}
	m.Fault, m.Type, m.Damage, m.Size, m.ModTime = f.Fault, f.Type, "", f.Size, f.ModTime
	if file == nil {
		return err
	}
	defer file.Close()
	check := map[MapKind]func(io.ReaderAt, int64) string{DB: damagedDB, CDB: damagedCDB, LMDB: damagedLMDB}[m.Kind]
	if m.Damage = check(file, m.Size); m.Size == 0 {
		m.Damage = "is empty"
	}
	return nil
}

// damagedDB looks at the first page of a Berkeley DB: magic number, page size,
// number of the last page. Either byte order may be that of the file.
func damagedDB(r io.ReaderAt, size int64) string {
	const hashMagic, btreeMagic = 0x061561, 0x053162
	head := make([]byte, 72)
	if _, err := r.ReadAt(head, 0); err != nil {
		return "is too short for a Berkeley DB"
	}
	var order binary.ByteOrder = binary.LittleEndian
	if m := order.Uint32(head[12:]); m != hashMagic && m != btreeMagic {
		order = binary.BigEndian
	}
	if m := order.Uint32(head[12:]); m != hashMagic && m != btreeMagic {
		return "is not a Berkeley DB hash or btree"
	}
	page, last := int64(order.Uint32(head[20:])), int64(order.Uint32(head[32:]))
	switch {
	case page < 512 || page > 65536 || page&(page-1) != 0:
		return fmt.Sprintf("has a page size of %d", page)
	case size%page != 0:
		return fmt.Sprintf("has %d bytes, which is not a multiple of its page size %d", size, page)
	case size < (last+1)*page:
		return fmt.Sprintf("is cut off: %d of %d pages", size/page, last+1)
	}
	return ""
}

// damagedCDB looks at the 256 hash tables of a constant database: they stand
// behind the records, one after the other, up to the end.
func damagedCDB(r io.ReaderAt, size int64) string {
	const tables, slot = 256, 8
	head := make([]byte, tables*8)
	if _, err := r.ReadAt(head, 0); err != nil {
		return "is too short for a cdb"
	}
	end := int64(len(head))
	for i := range tables {
		pos, slots := int64(binary.LittleEndian.Uint32(head[8*i:])), int64(binary.LittleEndian.Uint32(head[8*i+4:]))
		if pos < int64(len(head)) {
			return "is not a cdb"
		}
		end = max(end, pos+slots*slot)
	}
	switch {
	case size < end:
		return fmt.Sprintf("is cut off: %d of %d bytes", size, end)
	case size > end:
		return "is not a cdb"
	}
	return ""
}

// damagedLMDB looks at the two meta pages of an LMDB environment: magic number,
// version, page size, and the last page of the newer one.
func damagedLMDB(r io.ReaderAt, size int64) string {
	const magic, version = 0xbeefc0de, 1
	read := func(offset int64) (meta []byte, ok bool) {
		meta = make([]byte, 152)
		_, err := r.ReadAt(meta, offset)
		return meta, err == nil && binary.LittleEndian.Uint32(meta[16:]) == magic && binary.LittleEndian.Uint32(meta[20:]) == version
	}
	first, ok := read(0)
	if !ok {
		return "is not an LMDB"
	}
	page := int64(binary.LittleEndian.Uint32(first[40:]))
	if page < 512 || page > 65536 || page&(page-1) != 0 {
		return fmt.Sprintf("has a page size of %d", page)
	}
	second, ok := read(page)
	if !ok {
		return "is cut off in its second page"
	}
	last := binary.LittleEndian.Uint64(first[136:])
	if binary.LittleEndian.Uint64(second[144:]) > binary.LittleEndian.Uint64(first[144:]) {
		last = binary.LittleEndian.Uint64(second[136:])
	}
	if pages := uint64(size / page); last >= pages {
		return fmt.Sprintf("is cut off: %d of %d pages", pages, last+1)
	}
	return ""
}
