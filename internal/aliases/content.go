package aliases

import (
	"bytes"
	"cmp"
	"context"
	"hash/crc32"
	"hash/maphash"
	"io"
	"math"
	"os"
	"slices"
)

// few is how many problems of each kind, and how many duplicate keys, are kept.
const few = 5

// atOnce is the number of entries in a batch.
const atOnce = 64

// Read finds out what a file holds, and whether the program finds the required keys in it. An error
// comes from r or from ctx: the file could not be read to its end. If r is a file, its size tells
// how many keys to expect.
func Read(ctx context.Context, r io.Reader, f Format, require []string) (*Content, error) {
	c := &collector{content: &Content{Format: f}, seed: maphash.MakeSeed()}
	if file, ok := r.(*os.File); ok {
		if info, err := file.Stat(); err == nil {
			c.progress.size = info.Size()
		}
	}
	c.require(require)
	read, err := blocks(ctx, r, newSimple(f), c)
	if err != nil {
		return nil, err
	}
	c.flush()
	return c.finish(read), nil
}

// collector is the sink that collects what a file holds.
type collector struct {
	content  *Content
	seed     maphash.Seed // of the hashes of keys
	keys     keys
	batch    batch
	sum      uint64           // of the digests of entries
	asked    map[string][]int // by folded key: its indexes in Content.Required
	catchAll map[string][]int // by catch-all key: the indexes of keys that it may stand for
	last     int64            // the line of the last problem
	progress progress

	key, value []byte // scratch
}

// progress is how much of a file was read.
type progress struct {
	size int64 // of the file; 0: not known
	read int64 // bytes of entries
}

// expect returns how many keys the whole file may hold, if what was read of it holds n.
func (p progress) expect(n int) int {
	return int(float64(n) * float64(p.size) / float64(max(1, p.read)))
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

func (c *collector) entry(line int64, key, value []byte) {
	c.progress.read += int64(len(key) + len(value) + len(":\n"))
	f, b := c.content.Format, &c.batch
	c.key = f.fold(append(c.key[:0], key...))
	c.value = slices.Grow(c.value[:0], len(value))
	value = f.squeeze(c.value, value)
	if f.pattern(c.key) {
		c.content.Patterns++
	}
	b.keys = append(b.keys, c.key...)
	b.entries = append(b.entries, waiting{line, maphash.Bytes(c.seed, c.key),
		crc32.Checksum(value, castagnoli()), len(b.keys), len(value) == 0})
	if len(b.entries) == atOnce {
		c.flush()
	}
}

// batch holds entries that are looked up together.
type batch struct {
	entries []waiting
	keys    []byte // one after the other
}

// waiting is an entry of a batch.
type waiting struct {
	line  int64
	hash  uint64 // of its key
	check uint32 // check sum of its value
	end   int    // where its key ends in the keys of the batch
	empty bool   // it has no value
}

// flush looks up the entries of the batch. The set of a million keys is larger than a CPU's caches.
// If flush first touches the places of many keys, the CPU fetches these places at the same time.
func (c *collector) flush() {
	b := &c.batch
	for _, e := range b.entries {
		c.keys.touch(e.hash)
	}
	c.keys.expected = c.progress.expect(c.keys.n)
	start := 0
	for _, e := range b.entries {
		c.add(e, b.keys[start:e.end])
		start = e.end
	}
	b.entries, b.keys = b.entries[:0], b.keys[:0]
}

// add adds an entry with this key to the content.
func (c *collector) add(e waiting, key []byte) {
	k, known := c.keys.add(e.hash)
	if !known {
		*k = key16{e.hash, e.check, uint32(min(e.line, math.MaxUint32))}
		c.content.Entries++
		c.sum += digest(key, e.check)
	} else {
		c.repeat(e, key, k)
	}
	if len(c.asked) > 0 && (!known || c.content.Format.LastWins()) {
		c.found(e, key)
	}
}

// repeat records an entry whose key is in the set already, as k.
func (c *collector) repeat(e waiting, key []byte, k *key16) {
	differ := k.value != e.check
	c.content.Repeated++
	if differ {
		c.content.Differing++
	}
	shown := string(key[:min(len(key), 64)])
	c.content.remember(Duplicate{shown, int64(k.line), e.line, differ})
	if c.content.Format.LastWins() {
		c.sum += digest(key, e.check) - digest(key, k.value)
		k.value = e.check
	}
	if c.content.Format == OpenSMTPDDB {
		c.refuse(Problem{Kind: Again, Line: e.line, Cause: int64(k.line)})
	}
}

// remember keeps the first few duplicate keys whose values differ, and the first few whose values
// are equal.
func (c *Content) remember(d Duplicate) {
	same := 0
	for i := range c.Duplicates {
		if old := &c.Duplicates[i]; old.First == d.First {
			old.Last, old.Differ = d.Last, old.Differ || d.Differ
			return
		} else if old.Differ == d.Differ {
			same++
		}
	}
	if same < few {
		c.Duplicates = append(c.Duplicates, d)
	}
}

// found records an entry whose key is required, or may stand for a required key.
func (c *collector) found(e waiting, key []byte) {
	for _, i := range c.asked[string(key)] {
		r := &c.content.Required[i]
		r.Line, r.Empty, r.Bad = e.line, e.empty, false
	}
	for _, i := range c.catchAll[string(key)] {
		r := &c.content.Required[i]
		r.CatchAll = cmp.Or(r.CatchAll, e.line)
	}
}

// problem records a problem. Of the problems of one line it counts the first, and those that
// concern the whole file or refuse the file.
func (c *collector) problem(p Problem, text []byte) {
	c.flush()
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

// unseen looks for a required key in text that the program does not read as an entry.
func (c *collector) unseen(p Problem, text []byte) {
	for _, i := range c.meant(text) {
		switch r := &c.content.Required[i]; {
		case p.Kind == Deferred:
			r.Bad = true
		case r.Lost == nil || p.Line < r.Lost.Line:
			p.Key = r.Key
			r.Lost = &p
		}
	}
}

// meant returns the places in Content.Required of the key that a person would see in a text.
func (c *collector) meant(text []byte) []int {
	if len(c.asked) == 0 || len(text) == 0 {
		return nil
	}
	c.key = c.content.Format.fold(append(c.key[:0], looseKey(text)...))
	return c.asked[string(c.key)]
}

func (c *collector) comment(line int64, text []byte) {
	c.flush()
	text = bytes.TrimLeft(text, "# \t")
	first := c.content.Entries+c.content.Malformed == 0
	if first && c.content.Format == OpenSMTPD && string(text) == "@list" {
		c.problem(Problem{Kind: List, Line: line}, nil)
	}
	for _, i := range c.meant(text) {
		r := &c.content.Required[i]
		r.Note = cmp.Or(r.Note, line)
	}
}

func (c *collector) finish(read extent) *Content {
	all := c.content
	all.Digest, all.Lines, all.NoNewline = mix(c.sum), int(read.lines), read.noNewline
	if all.Regexp = all.Format == Map && 2*all.Patterns > all.Entries; all.Regexp {
		all.forgive()
	}
	slices.SortFunc(all.Problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Kind, b.Kind))
	})
	slices.SortFunc(all.Duplicates, func(a, b Duplicate) int {
		switch {
		case a.Differ == b.Differ:
			return cmp.Compare(a.First, b.First)
		case a.Differ:
			return -1
		}
		return 1
	})
	all.Duplicates = all.Duplicates[:min(few, len(all.Duplicates))]
	all.hideKeys()
	return all
}

// forgive removes what postmap would say of the lines and keys of a table that it does not read.
func (c *Content) forgive() {
	c.Malformed, c.Repeated, c.Differing, c.Duplicates = 0, 0, 0, nil
	for kind, n := range c.Counts {
		if Kind(kind).Whole() {
			c.Malformed += n
		} else {
			c.Counts[kind] = 0
		}
	}
	c.Problems = slices.DeleteFunc(c.Problems, func(p Problem) bool { return !p.Kind.Whole() })
}

// hideKeys removes all keys if the file has at least as many malformed lines as good entries: it
// may be something else, and the text where keys stand may be secret.
func (c *Content) hideKeys() {
	if c.Entries+c.Repeated-c.Counts[NoValue] > c.Malformed {
		return
	}
	for i := range c.Problems {
		c.Problems[i].Key = ""
	}
	for i := range c.Duplicates {
		c.Duplicates[i].Key = ""
	}
}

// castagnoli makes its table at the first use: making it at each start would cost 0.15 ms.
func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// digest is an entry's part of the digest of the file: FNV-1a of its key and the check sum of its
// value, mixed.
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
