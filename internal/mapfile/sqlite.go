package mapfile

import "encoding/binary"

// readSQLite looks at the header of an SQLite database, and counts the cells of the leaf pages of
// its first table.
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
		if n, ok := cells(in, page, root); ok {
			return whole("sqlite", n, 0)
		}
	}
	return whole("sqlite", -1, 0)
}

const tableInterior, tableLeaf = 5, 13

// firstTable finds the root page of the first table: the schema is a table whose root is the first
// page, and a row of it has type, name, table name, root page and SQL. The first row of Exim's maps
// is their only table.
func firstTable(in *source, page int64) (root int64, ok bool) {
	p, ok := in.at(0, int(page))
	if !ok || p[100] != tableLeaf || binary.BigEndian.Uint16(p[103:]) == 0 {
		return 0, false
	}
	rest := p[min(int(binary.BigEndian.Uint16(p[108:])), len(p)):]
	// next reads a number of up to three bytes, as short rows have. It gets longer numbers wrong.
	next := func() (v int64) {
		for i := 0; i < 3 && len(rest) > 0; i++ {
			c := rest[0]
			rest = rest[1:]
			v = v<<7 | int64(c&0x7f)
			if c < 0x80 {
				break
			}
		}
		return v
	}
	_, _ = next(), next() // length of the row, number of the row
	row := rest
	at := next() // length of the header; the values follow it
	for range 3 {
		at += max(0, (next()-13)/2) // length of a text, from its type
	}
	length := next() // of a number of up to 4 bytes that is its type
	if length < 1 || length > 4 || at+length > int64(len(row)) {
		return 0, false
	}
	for _, c := range row[at : at+length] {
		root = root<<8 | int64(c)
	}
	return root, true
}

// cells counts the cells of the leaf pages below a root. It gives false for a damaged tree.
func cells(in *source, page, root int64) (n int64, ok bool) {
	pages := []int64{root} // those to be read
	for left := in.size / page; len(pages) > 0; left-- {
		last := len(pages) - 1
		number := pages[last]
		pages = pages[:last]
		start := int64(0)
		if number == 1 {
			start = 100
		}
		p, ok := in.at((number-1)*page, int(page))
		if !ok || int64(last) >= left {
			return 0, false // no such page, or pages in a circle
		}
		count := int64(binary.BigEndian.Uint16(p[start+3:]))
		switch p[start] {
		case tableLeaf:
			n += count
			continue
		case tableInterior:
		default:
			return 0, false
		}
		pages = append(pages, int64(binary.BigEndian.Uint32(p[start+8:])))
		for i := range min(count, (page-start-12)/2) {
			at := int64(binary.BigEndian.Uint16(p[start+12+2*i:]))
			if at+4 > page {
				return 0, false
			}
			pages = append(pages, int64(binary.BigEndian.Uint32(p[at:])))
		}
	}
	return n, true
}
