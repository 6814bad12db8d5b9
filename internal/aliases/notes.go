package aliases

import (
	"bytes"
	"cmp"
	"slices"
	"sync"
)

// notes is what the goroutines that read a file find in it beside its entries:
// its problems, and the keys that were asked for.
type notes struct {
	format Format
	seed
	require []uint64 // hashes of the keys asked for

	mu     sync.Mutex
	found  []Requirement // parallel to require
	counts [kinds]int
	bad    int              // lines with a problem
	list   [kinds][]Problem // the first few of each kind
}

func newNotes(f Format, require []string) *notes {
	n := &notes{format: f, seed: newSeed()}
	for _, key := range require {
		n.require = append(n.require, n.hash(f.fold([]byte(key)), nil).key)
		n.found = append(n.found, Requirement{Key: key})
	}
	return n
}

// asked calls f with what is known of a key, if it was asked for.
func (n *notes) asked(hash uint64, f func(*Requirement)) {
	for i, h := range n.require {
		if h == hash {
			n.mu.Lock()
			f(&n.found[i])
			n.mu.Unlock()
		}
	}
}

// meet takes an entry whose key may have been asked for: of several, the one
// that wins.
func (n *notes) meet(key uint64, line int64, empty bool) {
	n.asked(key, func(r *Requirement) {
		if r.Line == 0 || (line > r.Line) == (n.format == Sendmail) {
			r.Line, r.Empty = line, empty
		}
	})
}

// problem takes a problem. The program does not see the text as an entry; if a
// key that was asked for stands in it, that is why it is not found. Of a line one
// problem is enough, but for those that concern the whole file or refuse it.
func (p *parser) problem(q Problem, text ...byte) {
	again := q.Line == p.last
	p.last = q.Line
	p.mu.Lock()
	if !again {
		p.bad++
	}
	if !again || q.Kind.Whole() || q.Kind == Invalid {
		p.counts[q.Kind]++
		if list := p.list[q.Kind]; len(list) < few || q.Line < list[few-1].Line {
			q.Key = q.shown(text)
			list = append(list, q)
			slices.SortStableFunc(list, byLine)
			p.list[q.Kind] = list[:min(len(list), few)]
		}
	}
	p.mu.Unlock()
	p.lose(q, text)
}

// shown gives the key that stands at the beginning of text, if it surely is
// none of a value's parts: those are secret. An address without a separator is
// one where only names are keys.
func (q Problem) shown(text []byte) string {
	behind := q.Kind == Unattached || q.Kind == NUL && q.Cause == 0
	key := looseKey(text)
	address := q.Kind == NoSeparator && bytes.IndexByte(key, '@') >= 0
	if behind || address || len(key) == 0 || space[text[0]] || key[0] == '|' || key[0] == '/' {
		return ""
	}
	return string(key[:min(len(key), 64)])
}

// lose takes text that the program does not see as an entry.
func (p *parser) lose(q Problem, text []byte) {
	p.loose(text, func(r *Requirement) {
		if r.Lost == nil || q.Line < r.Lost.Line {
			lost := q
			lost.Key = r.Key
			r.Lost = &lost
		}
	})
}

// comment takes a comment line.
func (p *parser) comment(text []byte, line int64) {
	p.loose(bytes.TrimLeft(text, "# \t"), func(r *Requirement) {
		if r.Note == 0 || line < r.Note {
			r.Note = line
		}
	})
}

// loose calls f with what is known of the key that stands in text.
func (p *parser) loose(text []byte, f func(*Requirement)) {
	if len(p.require) == 0 {
		return
	}
	if key := looseKey(text); len(key) > 0 {
		p.asked(p.hash(p.fold(key), nil).key, f)
	}
}

func byLine(a, b Problem) int {
	return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Cause, b.Cause))
}
