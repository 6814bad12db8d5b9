package aliases

import (
	"bytes"
	"cmp"
	"context"
	"hash/crc32"
	"hash/maphash"
	"io"
	"math"
	"slices"
)

// few is how many of a kind are remembered.
const few = 5

// Read finds out what a file holds, and about the keys that are required of it. An
// error means that it could not be read to its end: one of r, or of ctx.
func Read(ctx context.Context, r io.Reader, f Format, require []string) (*Content, error) {
	if f == None {
		return nil, errFormat
	}
	c := &collector{content: &Content{Format: f}, seed: maphash.MakeSeed()}
	c.require(require)
	end := &ending{r: r}
	lines, err := blocks(ctx, end, newSimple(f), c)
	if err != nil {
		return nil, err
	}
	return c.finish(lines, end.last), nil
}

// ending knows the last byte of what is read.
type ending struct {
	r    io.Reader
	last byte
}

func (e *ending) Read(b []byte) (int, error) {
	n, err := e.r.Read(b)
	if n > 0 {
		e.last = b[n-1]
	}
	return n, err
}

// collector is the sink that collects what a file holds.
type collector struct {
	content    *Content
	seed       maphash.Seed // of the hashes of keys
	keys       keys
	sum        uint64           // of the digests of entries
	asked      map[string][]int // the places in Content.Required of a folded key
	catchAll   map[string][]int // the same of keys that may stand for it
	twice      []repeated       // the first few keys that stand there twice
	last       int64            // the line of the last problem
	key, value []byte           // scratch
}

// repeated is a key that stands there twice, known by its hash.
type repeated struct {
	hash uint64
	Duplicate
}

func (c *collector) require(keys []string) {
	c.asked, c.catchAll = map[string][]int{}, map[string][]int{}
	for i, key := range keys {
		c.content.Required = append(c.content.Required, Requirement{Key: key})
		folded := string(c.content.Format.fold([]byte(key)))
		c.asked[folded] = append(c.asked[folded], i)
		for _, other := range c.content.Format.catchAlls(folded) {
			c.catchAll[other] = append(c.catchAll[other], i)
		}
	}
}

// entry takes an entry. Of two with the same key the first wins, or the last.
func (c *collector) entry(line int64, key, value []byte) {
	f := c.content.Format
	c.key = f.fold(append(c.key[:0], key...))
	c.value = slices.Grow(c.value[:0], len(value))
	value = f.squeeze(c.value, value)
	if f.pattern(c.key) {
		c.content.Patterns++
	}
	hash, check := maphash.Bytes(c.seed, c.key), crc32.Checksum(value, castagnoli())
	k, known := c.keys.add(hash)
	if !known {
		*k = key16{hash, check, uint32(min(line, math.MaxUint32))}
		c.content.Entries++
		c.sum += digest(c.key, check)
	} else {
		c.repeat(line, k, check)
	}
	if len(c.asked) > 0 && (!known || f.LastWins()) {
		c.found(line, len(value) == 0)
	}
}

// repeat takes an entry whose key is known.
func (c *collector) repeat(line int64, k *key16, check uint32) {
	differ := k.value != check
	c.content.Repeated++
	if differ {
		c.content.Differing++
	}
	c.remember(repeated{k.hash, Duplicate{string(head64(c.key)), int64(k.line), line, differ}})
	if c.content.Format.LastWins() {
		c.sum += digest(c.key, check) - digest(c.key, k.value)
		k.value = check
	}
	if c.content.Format == OpenSMTPDDB {
		c.refuse(Problem{Kind: Again, Line: line, Cause: int64(k.line)})
	}
}

// remember keeps the first few keys that stand there twice, of those that differ
// and of those that do not.
func (c *collector) remember(r repeated) {
	same := 0
	for i := range c.twice {
		if t := &c.twice[i]; t.hash == r.hash {
			t.Last, t.Differ = r.Last, t.Differ || r.Differ
			return
		} else if t.Differ == r.Differ {
			same++
		}
	}
	if same < few {
		c.twice = append(c.twice, r)
	}
}

func head64(key []byte) []byte { return key[:min(len(key), 64)] }

// found looks whether the present key was asked for, or may stand for one that was.
func (c *collector) found(line int64, empty bool) {
	for _, i := range c.asked[string(c.key)] {
		r := &c.content.Required[i]
		r.Line, r.Empty, r.Bad = line, empty, false
	}
	for _, i := range c.catchAll[string(c.key)] {
		if r := &c.content.Required[i]; r.CatchAll == 0 {
			r.CatchAll = line
		}
	}
}

// problem takes a problem. Of a line one is enough, but for those that concern the
// whole file or refuse it.
func (c *collector) problem(p Problem, text []byte) {
	again := p.Line == c.last
	c.last = p.Line
	if p.Kind == List && c.content.Entries+c.content.Malformed > 0 {
		p.Kind = Invalid // only the first line makes a table a list
	}
	if !again {
		c.content.Malformed++
	}
	if p.Kind.Refuses() {
		c.refuse(p)
	}
	if !again || p.Kind.Whole() || p.Kind.Refuses() {
		if c.content.Counts[p.Kind]++; c.content.Counts[p.Kind] <= few {
			p.Key = p.shown(text)
			c.content.Problems = append(c.content.Problems, p)
		}
	}
	c.unseen(p, text)
}

func (c *collector) refuse(p Problem) {
	if c.content.Refused == nil {
		c.content.Refused = &p
	}
}

// unseen looks whether a key that was asked for stands in text that the program
// does not see as an entry.
func (c *collector) unseen(p Problem, text []byte) {
	for _, i := range c.loose(text) {
		r := &c.content.Required[i]
		if p.Kind == Deferred {
			r.Bad = true
		} else if r.Lost == nil || p.Line < r.Lost.Line {
			p.Key = r.Key
			r.Lost = &p
		}
	}
}

func (c *collector) comment(line int64, text []byte) {
	if first := c.content.Entries+c.content.Malformed == 0; first &&
		c.content.Format == OpenSMTPD && string(bytes.TrimLeft(text, "# \t")) == "@list" {
		c.problem(Problem{Kind: List, Line: line}, nil)
	}
	for _, i := range c.loose(bytes.TrimLeft(text, "# \t")) {
		if r := &c.content.Required[i]; r.Note == 0 {
			r.Note = line
		}
	}
}

// loose gives the places of the key that was asked for and stands in text.
func (c *collector) loose(text []byte) []int {
	if len(c.asked) == 0 || len(text) == 0 {
		return nil
	}
	c.key = c.content.Format.fold(append(c.key[:0], looseKey(text)...))
	return c.asked[string(c.key)]
}

// finish puts together what was found.
func (c *collector) finish(lines int64, last byte) *Content {
	all := c.content
	all.Digest = mix(c.sum)
	all.Lines = int(lines)
	if all.NoNewline = last != '\n' && last != 0; all.NoNewline {
		all.Lines++
	}
	slices.SortFunc(all.Problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Kind, b.Kind))
	})
	slices.SortFunc(c.twice, func(a, b repeated) int {
		if a.Differ != b.Differ {
			return map[bool]int{true: -1, false: 1}[a.Differ]
		}
		return cmp.Compare(a.First, b.First)
	})
	for _, t := range c.twice[:min(len(c.twice), few)] {
		all.Duplicates = append(all.Duplicates, t.Duplicate)
	}
	if !all.mostlyEntries() {
		all.hideKeys()
	}
	return all
}

// mostlyEntries reports whether most lines that are read as entries are meant to
// be some. Else the file is something else, and what stands where keys do may be
// secret.
func (c *Content) mostlyEntries() bool {
	return c.Entries+c.Repeated-c.Counts[NoValue] > c.Malformed
}

func (c *Content) hideKeys() {
	for i := range c.Problems {
		c.Problems[i].Key = ""
	}
	for i := range c.Duplicates {
		c.Duplicates[i].Key = ""
	}
}

// castagnoli is made at the first use: at each start it would cost 0.15 ms.
func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// digest is the part of an entry in the digest of the file: FNV-1a of its key, and
// a check sum of its value, mixed.
func digest(key []byte, value uint32) uint64 {
	h := uint64(14695981039346656037)
	for _, c := range key {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return mix(h ^ uint64(value)<<32 ^ uint64(value))
}

// mix is the finaliser of MurmurHash3: each bit of x changes half of the result.
func mix(x uint64) uint64 {
	x = (x ^ x>>33) * 0xff51afd7ed558ccd
	x = (x ^ x>>33) * 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}
