// Package aliases reads facts from the files by which mail servers know their
// addresses: alias files and the sources of lookup tables, as the server that
// reads them understands them, and the maps compiled from them.
//
// # Grammars
//
// Each format is the grammar of one program, byte for byte, as that program was
// seen to read random files: Exim 4.96 (lsearch lookup), Postfix 3.7 (postalias,
// postmap), Sendmail 8.17 (newaliases), OpenSMTPD 6.8 (makemap -t aliases). A
// logical line is a line and the lines that continue it. "Lost" is an entry
// that stands in the file and that the program does not find.
//
//	                 exim            aliases        map            sendmail       opensmtpd
//	key ends at      ":" or blank    ":"            blank          ":"            ":" or blank
//	key: case        folded          folded         folded         folded         folded
//	key: quotes      "" and escapes  "" and escapes kept in place  "" and escapes literal
//	key: a@b         an entry        lost           an entry       lost           an entry
//	no value         found, empty    lost           lost           lost           refused
//	no separator     found, empty    lost           lost           lost           refused
//	comment          # in column 1   # first on its line           # in column 1  # anywhere, unless \#
//	continued by     leading blank   leading blank  leading blank  leading blank, \ at the end
//	                                                               \ at the end
//	comment, blank   the rest of     the entry goes on behind it   the rest of    the entry ends
//	inside an entry  it is lost                                    it is lost
//	leading blank,   lost            lost           lost           lost           an entry
//	nothing to continue
//	same key twice   first wins      first wins     first wins     last wins      refused
//	NUL              the rest of its line and all of the next line are lost (exim, sendmail);
//	                 the rest of the logical line is lost (aliases, map, opensmtpd)
//	not UTF-8        an entry        lost           lost           an entry       an entry
//	long lines       key: 4095 bytes no limit       no limit       entry: 8 kB    no limit
//	CR before LF     dropped         dropped        dropped        in the value   dropped
//
// Refused means that the whole file is: makemap stops there, and smtpd goes on
// with the old map. OpenSMTPD 7.6 and later does not join lines at a backslash.
// Sendmail's addresses are rewritten by its configuration; what is said here is
// the grammar of the stock rule set, where no host but localhost is local.
//
// A byte-order mark is part of the first key in all of them. A lone CR ends no
// line in any: what follows it belongs to the value. Keys fold ASCII letters,
// in Postfix formats letters of all scripts (simple folding: "ß" stays).
// Where Sendmail's buffer of 8 kB is full before a blank, newaliases loops for
// ever; here the entry is too long.
//
// # What is kept of a file
//
// A file is read in blocks of whole logical lines, by as many goroutines as there
// are processors, at most four. Of an entry eight bytes are kept: most of a
// 64-bit hash of its folded key, and the number of its block. So a million
// entries take 8 MB. The blocks in which keys seem to stand twice are read again,
// to compare their hashes whole. These depend on a seed that is drawn anew in
// each run: two keys of a million are taken for one with a probability of
// 3 * 10^-8, whoever wrote the file. Where no entry begins in 4 MiB, the reading
// ends.
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
	None      Format = iota
	Exim             // Exim's lsearch lookup
	Aliases          // Postfix aliases(5), the input of postalias
	Map              // Postfix virtual(5), transport(5) and so on, the input of postmap
	Sendmail         // Sendmail aliases, the input of newaliases
	OpenSMTPD        // OpenSMTPD aliases(5), the input of makemap -t aliases
)

var formats = []string{"", "exim", "aliases", "map", "sendmail", "opensmtpd"}

// String gives the name of the format in options; empty for None.
func (f Format) String() string { return formats[f] }

// UnmarshalText reads the name of a format.
func (f *Format) UnmarshalText(text []byte) error {
	for i, name := range formats {
		if i > 0 && strings.EqualFold(string(text), name) {
			*f = Format(i)
			return nil
		}
	}
	return fmt.Errorf("%q is not a format: want exim, aliases, map, sendmail or opensmtpd", text)
}

// Entry is one entry of a file, in the order of the file: of a key that stands
// there twice, both. The slices are valid until the next one is read.
type Entry struct {
	Line  int64  // of its key, from 1
	Key   []byte // dequoted and folded, as the program stores it
	Value []byte // continuation lines joined, all white space taken out
}

// Kind is what is wrong with a line.
type Kind uint8

// The kinds of problems, those that concern the whole file first.
const (
	Mark         Kind = iota // byte-order mark
	NUL                      // NUL byte
	LoneCR                   // CR that is not before LF
	HTML                     // an HTML page
	Conflict                 // conflict markers of a version control system
	Oversize                 // more than 4 MiB without the beginning of an entry: from here on not read
	Invalid                  // OpenSMTPD: refuses the file
	NoValue                  // key without value
	NoSeparator              // no colon, or nothing before it
	Unattached               // begins with white space, but there is nothing to continue
	NotLocal                 // a key that is an address where a local name is wanted
	NotUTF8                  // not UTF-8
	TooLong                  // longer than the program reads
	Illegal                  // Sendmail: a byte that it does not take
	Unbalanced               // a quote or bracket without its other half
	ColonKey                 // map: the key ends with a colon
	CarriageEnds             // Sendmail: CR before LF is kept in values
	Joined                   // continues an entry, but reads as one
	kinds
)

// Whole reports whether a problem is never one line's: keys are lost in silence.
func (k Kind) Whole() bool { return k <= Oversize }

// texts say a problem; %d is the line of its cause.
var texts = [kinds]string{
	Mark:         "a byte-order mark belongs to the first key",
	NUL:          "a NUL byte cuts the line",
	LoneCR:       "a lone CR does not end the line",
	HTML:         "an HTML page",
	Conflict:     "a merge-conflict marker",
	Oversize:     "no entry begins in the next 4 MiB; from here on the file is not read",
	Invalid:      "an invalid entry",
	NoValue:      "key without value",
	NoSeparator:  "no key and separator",
	Unattached:   "continues no entry and is lost",
	NotLocal:     "the name must be local",
	NotUTF8:      "not UTF-8",
	TooLong:      "too long",
	Illegal:      "the name is not legal",
	Unbalanced:   "unbalanced quotes or brackets",
	ColonKey:     "the key ends with a colon; is this an alias file?",
	CarriageEnds: "CR at the end of the line is kept in the value",
	Joined:       "continues the entry before it",
}

// Problem is a line that the program drops, misreads or refuses.
type Problem struct {
	Kind  Kind
	Line  int64
	Cause int64  // the line that makes the program lose this one, or, Joined, that it continues; else 0
	Key   string // the key that is concerned, up to 64 bytes, if it can be told from a value
}

// String says what is wrong, without the key: "line 812: swallowed by the NUL in
// line 811".
func (p Problem) String() string {
	switch {
	case p.Kind == Joined:
		return fmt.Sprintf("line %d continues the entry of line %d", p.Line, p.Cause)
	case p.Cause > 0:
		return fmt.Sprintf("line %d is swallowed by the NUL in line %d", p.Line, p.Cause)
	}
	return fmt.Sprintf("line %d: %s", p.Line, texts[p.Kind])
}

// Duplicate is a key that stands in a file more than once.
type Duplicate struct {
	Key         string
	First, Last int64 // its first and last line
	Differ      bool  // the values differ
}

// Requirement is a key that was asked for.
type Requirement struct {
	Key   string
	Line  int64    // of the entry that the program finds, else 0
	Empty bool     // found, with empty data (Exim)
	Lost  *Problem // a line where the key stands but is not found; nil if there is none
	Note  int64    // a comment line in which the key stands, else 0
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
	Refused    string // OpenSMTPD: why it refuses the file, else empty
	NoNewline  bool   // the last line has no end
}

var errFormat = errors.New("no format")
