// Package aliases reads facts from the files by which mail servers know their
// addresses: alias files and the sources of lookup tables, as the server that
// reads them understands them.
//
// # Grammars
//
// Each format is the grammar of one program, byte for byte, as that program was
// seen to read random files: Exim 4.96 to 4.100 (lsearch lookup), Postfix 3.7 to
// 3.11 (postalias, postmap), Sendmail 8.17 and 8.18 (newaliases), OpenSMTPD 7.6
// and 7.9 (tables of type file:, and makemap -t aliases). A logical line is a line
// and the lines that continue it. "Lost" is an entry that stands in the file and
// that the program does not find.
//
//	                 exim            postfix-aliases postfix-map    sendmail
//	key ends at      ":" or blank    ":"             blank          ":"
//	key: case        folded          folded          folded         folded
//	key: quotes      "" and escapes  "" and escapes  kept in place  "" and escapes
//	key: a@b         an entry        lost            an entry       lost
//	no value         found, empty    lost            lost           lost
//	no separator     found, empty    lost            lost           lost
//	comment          # in column 1   # first on its line            # in column 1
//	continued by     leading blank   leading blank   leading blank  leading blank,
//	                                                                \ at the end
//	comment, blank   the rest of     the entry goes on behind it    the rest of
//	inside an entry  it is lost                                     it is lost
//	leading blank,   lost            lost            lost           lost
//	nothing to continue
//	same key twice   first wins      first wins      first wins     last wins
//	NUL              the rest of its line and all of the next line are lost (exim,
//	                 sendmail); the rest of the logical line is lost (postfix)
//	not UTF-8        an entry        lost            lost           an entry
//	long lines       key: 4095 bytes no limit        no limit       entry: 8 kB
//	CR before LF     dropped         dropped         dropped        in the value
//
// OpenSMTPD continues no line; see [OpenSMTPD] and [OpenSMTPDDB]. Sendmail's
// addresses are rewritten by its configuration; what is said here is the grammar
// of the stock rule set, where no host but localhost is local.
//
// A byte-order mark is part of the first key in all of them. A lone CR ends no
// line in any: what follows it belongs to the value. Keys fold ASCII letters,
// in Postfix formats letters of all scripts (simple folding: "ß" stays).
//
// # What is kept of a file
//
// A file is read in blocks of whole logical lines, in order. Of each distinct key
// sixteen bytes are kept and its place in a table: the hash of the key, the hash of
// its value, its line. So memory grows with distinct keys, never with lines. The
// hashes of keys depend on a seed that is drawn anew in each run: two keys of a
// million are taken for one with a probability of 3 * 10^-8, whoever wrote the file.
// Where no entry begins in 4 MiB, the reading ends.
//
// The digest is the sum, modulo 2^64, of a hash of key and value (without white
// space) over all entries that count. It is the same on every host and does not
// depend on the order or the layout of the file. It is no protection against
// forgery.
package aliases

import (
	"errors"
	"fmt"
	"strings"
)

// Format is the grammar of a file: the program that reads it.
type Format uint8

// The formats. The zero Format is none: the content is not looked at.
const (
	None        Format = iota
	Exim               // Exim's lsearch lookup
	Aliases            // Postfix aliases(5), the input of postalias
	Map                // Postfix virtual(5), transport(5) and so on, the input of postmap
	Sendmail           // Sendmail aliases, the input of newaliases
	OpenSMTPD          // OpenSMTPD's "table aliases file:/etc/aliases", as it is shipped
	OpenSMTPDDB        // the input of OpenSMTPD's makemap -t aliases, for "table aliases db:"
)

var formats = []string{
	"", "exim", "postfix-aliases", "postfix-map", "sendmail", "opensmtpd", "opensmtpd-db",
}

// shortNames are other names of formats.
var shortNames = map[string]Format{"aliases": Aliases, "map": Map}

// String gives the name of the format in options; empty for None.
func (f Format) String() string { return formats[f] }

// UnmarshalText reads the name of a format, or its short name.
func (f *Format) UnmarshalText(text []byte) error {
	name := strings.ToLower(string(text))
	for i := Exim; int(i) < len(formats); i++ {
		if name == formats[i] || i == shortNames[name] {
			*f = i
			return nil
		}
	}
	if name == "postfix" {
		return errors.New("postfix stands for two formats: postfix-aliases (aliases(5), compiled by " +
			"postalias) and postfix-map (virtual(5), transport(5) and so on, compiled by postmap)")
	}
	return fmt.Errorf("%q is not a format: want exim, postfix-aliases, postfix-map, sendmail, "+
		"opensmtpd or opensmtpd-db", text)
}

// LastWins reports whether of two entries with one key the program finds the
// last; else it finds the first.
func (f Format) LastWins() bool { return f == Sendmail || f == OpenSMTPD }

// Entry is one entry of a file, in the order of the file: of a key that stands
// there twice, both. The slices are valid until the next one is read.
type Entry struct {
	Line  int64  // of its key, from 1
	Key   []byte // dequoted and folded, as the program stores it
	Value []byte // continuation lines joined, all white space taken out
}

// Duplicate is a key that stands in a file more than once.
type Duplicate struct {
	Key         string // up to 64 bytes; empty if the file is not mostly entries
	First, Last int64  // its first and last line
	Differ      bool   // the values differ
}

// Requirement is a key that was asked for.
type Requirement struct {
	Key   string
	Line  int64    // of the entry that the program finds, else 0
	Empty bool     // found, with empty data (Exim)
	Bad   bool     // found, but its value is not understood (OpenSMTPD answers 424)
	Lost  *Problem // a line where the key stands but is not found; nil if there is none
	Note  int64    // a comment line in which the key stands, else 0
	// CatchAll is the line of a key that may stand for this one, such as "*" in
	// Exim's lsearch* lookups, or "@domain" in Postfix's virtual(5); else 0.
	CatchAll int64
}

// Content is what a file holds.
type Content struct {
	Format     Format
	Lines      int
	Entries    int         // distinct keys
	Digest     uint64      // of the entries that count
	Malformed  int         // lines with a problem
	Counts     [kinds]int  // problems by kind
	Problems   []Problem   // the first few of each kind, by line
	Repeated   int         // entries whose key stands there already
	Differing  int         // of those, with another value than the one that won so far
	Duplicates []Duplicate // the first few, differing ones first
	Required   []Requirement
	Patterns   int      // keys that look like regular expressions or wildcards
	Refused    *Problem // why the program takes nothing of the file (OpenSMTPD), else nil
	NoNewline  bool     // the last line has no end
}

var errFormat = errors.New("no format")
