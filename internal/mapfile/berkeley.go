package mapfile

import (
	"bytes"
	"encoding/binary"
)

// readDB looks at the first page of a Berkeley DB: magic number, page size, number of the last
// page. The magic number tells the byte order.
func readDB(in *source) Facts {
	if head, ok := in.at(0, 16); ok && bytes.Equal(head, []byte("SQLite format 3\x00")) {
		return readSQLite(in)
	}
	head, ok := in.at(0, 92)
	if !ok {
		return damaged("", "is too short for a Berkeley DB")
	}
	for _, order := range orders {
		switch order.Uint32(head[12:]) {
		case 0x061561:
			return readBerkeley(in, head, "hash", order)
		case 0x053162:
			return readBerkeley(in, head, "btree", order)
		}
	}
	return damaged("", "is not a Berkeley DB hash or btree")
}

func readBerkeley(in *source, head []byte, kind string, order binary.ByteOrder) Facts {
	const preset = 4096
	page, last := int64(order.Uint32(head[20:])), int64(order.Uint32(head[32:]))
	db := berkeley{in, page, order}
	switch {
	case !powerOfTwo(page):
		return damaged(kind, "has a page size of %d", page)
	case in.size%page != 0:
		return damaged(kind, "has %d bytes, which is not a multiple of its page size %d", in.size,
			page)
	case in.size < (last+1)*page:
		return damaged(kind, "is cut off: %d of %d pages", in.size/page, last+1)
	case kind == "hash":
		n := int64(order.Uint32(head[88:]))
		if n-preset > in.size {
			return damaged(kind, "claims to hold %d entries in %d bytes", n-preset, in.size)
		}
		meta, _ := in.at(0, 512) // the length of the shortest page
		return Facts{Type: kind, Entries: n, Preset: max(n-preset, -1),
			Own: signature(db.lookupHash(meta))}
	}
	return db.readBtree(int64(order.Uint32(head[88:])))
}

// berkeley is a Berkeley DB whose first page was read.
type berkeley struct {
	in    *source
	page  int64 // bytes
	order binary.ByteOrder
}

// Types of pages, and the offsets of the fields of a page.
const (
	btreeInternal, btreeLeaf               = 3, 5
	pageNext, pageItems, pageType, pageLen = 16, 20, 25, 26
)

// readBtree counts the items of the leaf pages. It goes from the root to the leftmost leaf. Each
// leaf has the number of the next leaf. An entry is two items.
func (db berkeley) readBtree(root int64) Facts {
	number, items := root, int64(0)
	for left := db.in.size / db.page; left > 0; left-- {
		head, ok := db.in.at(number*db.page, pageLen+6)
		switch {
		case !ok || number == 0:
			return damaged("btree", "has no page %d", number)
		case head[pageType] == btreeInternal: // its first item leads to the left
			item, ok := db.in.at(number*db.page+int64(db.order.Uint16(head[pageLen:])), 8)
			if !ok {
				return damaged("btree", "has a page %d without items", number)
			}
			number = int64(db.order.Uint32(item[4:]))
		case head[pageType] == btreeLeaf:
			items += int64(db.order.Uint16(head[pageItems:]))
			if number = int64(db.order.Uint32(head[pageNext:])); number == 0 {
				return whole("btree", items/2, signature(db.lookupBtree(root)))
			}
		default:
			return damaged("btree", "has a page %d of type %d", number, head[pageType])
		}
	}
	return damaged("btree", "has pages that follow each other in a circle")
}
