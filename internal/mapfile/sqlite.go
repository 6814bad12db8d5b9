package mapfile

import "encoding/binary"

// readSQLite looks at the header of an SQLite database, and counts the cells of the
// leaf pages of its first table.
func readSQLite(in *source) Facts {
	head, ok := in.at(0, 100)
	if !ok {
		return damaged("sqlite", "is cut off in its header")
	}
	page := int64(binary.BigEndian.Uint16(head[16:]))
	pages := int64(binary.BigEndian.Uint32(head[28:]))
	if page == 1 {
		page = 65536
	}
	switch {
	case !powerOfTwo(page):
		return damaged("sqlite", "has a page size of %d", page)
	case in.size < pages*page:
		return damaged("sqlite", "is cut off: %d of %d pages", in.size/page, pages)
	}
	if root, ok := firstTable(in, page); ok {
		left := in.size / page
		if n, ok := cells(in, page, root, 0, &left); ok {
			return whole("sqlite", n, 0)
		}
	}
	return whole("sqlite", -1, 0)
}

// firstTable finds the root page of the first table: the schema is a table of its
// own, whose root is the first page, and a row of it has type, name, table name, root
// page and SQL. The first row of Exim's maps is their one table.
func firstTable(in *source, page int64) (root int64, ok bool) {
	p, ok := in.at(0, int(page))
	if !ok || p[100] != tableLeaf || binary.BigEndian.Uint16(p[103:]) == 0 {
		return 0, false
	}
	row := p[min(int(binary.BigEndian.Uint16(p[108:])), len(p)):]
	row = row[varint(row).n:] // length of the row
	row = row[varint(row).n:] // number of the row
	header := varint(row)     // length of the header
	types := row[header.n:]   // the types of the columns
	skip := int64(0)          // length of the columns before the root page
	for range 3 {
		t := varint(types)
		types = types[t.n:]
		skip += max(0, (t.value-13)/2) // text
	}
	t := varint(types)
	at := header.value + skip
	if t.value < 1 || t.value > 4 || at < 0 || at+t.value > int64(len(row)) {
		return 0, false
	}
	for _, c := range row[at : at+t.value] {
		root = root<<8 | int64(c)
	}
	return root, true
}

// number is a number of variable length, and the bytes that it takes.
type number struct {
	value int64
	n     int
}

// varint reads a number of up to three bytes, as short rows have; of others the
// value is wrong, but no byte behind b is read.
func varint(b []byte) (v number) {
	for v.n < min(len(b), 3) {
		c := b[v.n]
		v.n++
		v.value = v.value<<7 | int64(c&0x7f)
		if c < 0x80 {
			break
		}
	}
	return v
}

const tableInterior, tableLeaf = 5, 13

// cells counts the cells of the leaf pages below a page at some depth, visiting at
// most left pages.
func cells(in *source, page, number int64, depth int, left *int64) (n int64, ok bool) {
	if *left--; *left < 0 || depth > 20 {
		return 0, false
	}
	start := int64(0)
	if number == 1 {
		start = 100
	}
	p, ok := in.at((number-1)*page, int(page))
	if !ok {
		return 0, false
	}
	count := int64(binary.BigEndian.Uint16(p[start+3:]))
	switch p[start] {
	case tableLeaf:
		return count, true
	case tableInterior:
	default:
		return 0, false
	}
	children := []int64{int64(binary.BigEndian.Uint32(p[start+8:]))}
	for i := range min(count, (page-start-12)/2) {
		at := int64(binary.BigEndian.Uint16(p[start+12+2*i:]))
		if at+4 > page {
			return 0, false
		}
		children = append(children, int64(binary.BigEndian.Uint32(p[at:])))
	}
	for _, child := range children {
		more, ok := cells(in, page, child, depth+1, left)
		if !ok {
			return 0, false
		}
		n += more
	}
	return n, true
}
