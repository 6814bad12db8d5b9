// Package aliases reads facts from the files that list a mail server's addresses: alias files and
// the sources of lookup tables. It reads a file as the mail server does.
//
// # Grammars
//
// Each format is the grammar of one program, byte for byte, as these programs were seen to read
// random files: Exim 4.96 to 4.100 (lsearch lookup), Postfix 3.7 to 3.11 (postalias, postmap),
// Sendmail 8.17 and 8.18 (newaliases), OpenSMTPD 7.6 and 7.9 (tables of type file:, and makemap -t
// aliases). A logical line is a line and the lines that continue it. An entry is "lost" if it
// stands in the file and the program does not find it.
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
//	comment, blank   the rest of     the entry goes on after it     the rest of
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
// OpenSMTPD has no continuation lines; see [OpenSMTPD] and [OpenSMTPDDB]. Sendmail rewrites
// addresses by its configuration; the table shows the grammar of the stock rule set, where only
// localhost is local.
//
// In every format a byte-order mark is part of the first key, and the text after a lone CR belongs
// to the value. Each program folds the ASCII letters of keys; Postfix folds the letters of all
// scripts (full folding: "ß" becomes "ss").
//
// # What is kept of a file
//
// A file is read in blocks of whole logical lines, in order. Sixteen bytes are kept of each
// distinct key: the hash of the key, the check sum of its value, its line. So memory grows with the
// number of distinct keys, not of lines. The hashes of keys depend on a random seed of this run:
// two of a million keys have the same hash with a probability of 3 * 10^-8, even in a hostile file.
// The reading ends if no entry begins in 4 MiB.
//
// The digest is the sum, modulo 2^64, of a hash of key and value (without white space) over all
// entries that the program finds. It is the same on every host and does not depend on the order or
// the layout of the file. It does not protect against forgery.
package aliases

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Format is the grammar of a file: the program that reads it.
type Format uint8

// The formats. None, the zero Format, says that the content is not looked at.
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

// String returns the name of the format in options; empty for None.
func (f Format) String() string { return formats[f] }

// UnmarshalText reads the name of a format, or its short name.
func (f *Format) UnmarshalText(text []byte) error {
	name := strings.ToLower(string(text))
	switch name {
	case "aliases", "map":
		name = "postfix-" + name
	case "postfix":
		return errors.New("postfix stands for two formats: postfix-aliases (aliases(5), compiled by " +
			"postalias) and postfix-map (virtual(5), transport(5) and so on, compiled by postmap)")
	}
	if i := slices.Index(formats, name); i > 0 {
		*f = Format(i)
		return nil
	}
	return fmt.Errorf("%q is not a format: want exim, postfix-aliases, postfix-map, sendmail, "+
		"opensmtpd or opensmtpd-db", text)
}

// LastWins reports whether the program finds the last of two entries with the same key; else the
// program finds the first.
func (f Format) LastWins() bool { return f == Sendmail || f == OpenSMTPD }

// Entry is one entry of a file. A duplicate key has one Entry for each of its lines. The slices are
// valid until the next entry is read.
type Entry struct {
	Line  int64  // of the key, from 1
	Key   []byte // as the program stores it: folded, and in most formats dequoted
	Value []byte // continuation lines joined, all white space taken out
}

// Duplicate is a key that has several entries.
type Duplicate struct {
	Key         string // up to 64 bytes; empty if the file is not mostly entries
	First, Last int64  // the first and the last line of the key
	Differ      bool   // the values differ
}

// Requirement is a key that was asked for.
type Requirement struct {
	Key   string
	Line  int64    // of the entry that the program finds, else 0
	Empty bool     // found, with empty data (Exim)
	Bad   bool     // found, but its value is not understood (OpenSMTPD answers 424)
	Lost  *Problem // a line that has the key but that the program does not find; else nil
	Note  int64    // a comment line that has the key, else 0
	// CatchAll is the line of a key that the program may take instead, such as "*" in Exim's
	// lsearch* lookups, or "@domain" in Postfix's virtual(5); else 0.
	CatchAll int64
}

// Content is what a file holds.
type Content struct {
	Format     Format
	Lines      int
	Entries    int         // distinct keys
	Digest     uint64      // of the entries that the program finds
	Malformed  int         // lines with a problem
	Counts     [kinds]int  // problems by kind
	Problems   []Problem   // the first few of each kind, by line
	Repeated   int         // entries whose key has an earlier entry
	Differing  int         // how many of Repeated have another value than the winner so far
	Duplicates []Duplicate // the first few; those with differing values come first
	Required   []Requirement
	Patterns   int      // keys that look like regular expressions or wildcards
	Regexp     bool     // by its keys a regexp: or pcre: table; its problems are not known
	Refused    *Problem // why the program refuses the whole file (OpenSMTPD), else nil
	NoNewline  bool     // the last line has no newline
}
