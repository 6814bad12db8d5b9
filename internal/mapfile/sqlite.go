package mapfile

import "encoding/binary"

// readSQLite looks at the header of an SQLite database, and counts the rows of its first table.
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
	n, ok := cells(in, page)
	if !ok {
		n = -1
	}
	return whole("sqlite", n, 0)
}

const tableInterior, tableLeaf = 5, 13

// cells counts the cells of the leaf pages of the first table. The root of that table is page 2:
// SQLite uses page 2 for the table that is made first, and Exim makes only one. cells returns false
// for a damaged tree, and for a database with auto_vacuum, in which page 2 belongs to no table.
func cells(in *source, page int64) (n int64, ok bool) {
	pages := []int64{2} // pages to be read
	for left := in.size / page; len(pages) > 0; left-- {
		last := len(pages) - 1
		p, ok := in.at((pages[last]-1)*page, int(page))
		pages = pages[:last]
		if !ok || int64(last) >= left {
			return 0, false // no such page, or pages in a circle
		}
		count := int(binary.BigEndian.Uint16(p[3:]))
		if p[0] == tableLeaf {
			n += int64(count)
			continue
		}
		children, ok := items(p, binary.BigEndian, 12, count)
		if !ok || p[0] != tableInterior {
			return 0, false
		}
		for _, child := range append(children, p[8:]) {
			if len(child) < 4 {
				return 0, false
			}
			pages = append(pages, int64(binary.BigEndian.Uint32(child)))
		}
	}
	return n, true
}
