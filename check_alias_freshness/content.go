package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"mailfresh/internal/aliases"
	"mailfresh/internal/nagios"
)

// content judges what the file holds.
func (s *subject) content() {
	c, none := s.Content, nagios.Range{}
	state := nagios.Judge(float64(c.Entries), s.opt.EntriesWarning, s.opt.EntriesCritical)
	switch {
	case state != nagios.OK && s.Size == 0:
		s.found(state, "is empty")
	case state != nagios.OK && c.Entries == 0:
		s.found(state, "has no entries")
	case state != nagios.OK:
		s.found(state, "has %s, %s", nagios.Count(c.Entries, "entry", "entries"), nagios.Crossed(state, s.opt.EntriesWarning, s.opt.EntriesCritical))
	}
	s.required()
	if c.Refused != "" {
		s.found(nagios.Critical, "OpenSMTPD refuses the whole file and goes on with the old map: %s", c.Refused)
	}
	s.problems(nagios.Critical, true)
	if c.Refused == "" {
		s.problems(nagios.Warning, false)
	}
	s.duplicates()
	s.measure("entries", float64(c.Entries), "", s.opt.EntriesWarning, s.opt.EntriesCritical)
	s.measure("malformed", float64(c.Malformed), "", none, none)
	s.measure("duplicates", float64(c.Repeated), "", none, none)
	s.note("%s, digest %016x", nagios.Count(c.Entries, "entry", "entries"), c.Digest)
}

// required says which of the keys asked for are not found, or found empty.
func (s *subject) required() {
	lost := 0
	for _, r := range s.Content.Required {
		switch {
		case r.Empty:
			s.found(nagios.Warning, "required key %s has no value in line %d: Exim finds it with empty data", r.Key, r.Line)
		case r.Line == 0 && lost < shown:
			s.found(nagios.Critical, "required key %s not found: %s", r.Key, whyLost(s.Content, r))
		}
		if r.Line == 0 {
			lost++
		}
	}
	if lost > shown {
		s.found(nagios.Critical, "%s not found", nagios.Count(lost-shown, "more required key", "more required keys"))
	}
}

// shown is how many of a kind are named.
const shown = 3

// problems says the first few problems that concern the file, or lines of it,
// and counts the rest.
func (s *subject) problems(state nagios.State, whole bool) {
	total := 0
	for kind, n := range s.Content.Counts {
		if aliases.Kind(kind).Whole() == whole {
			total += n
		}
	}
	var texts []string
	for _, p := range s.Content.Problems {
		if p.Kind.Whole() == whole && len(texts) < shown {
			texts = append(texts, problemText(p))
		}
	}
	if total == 0 {
		return
	}
	verb := "lines are lost or misread"
	if total == 1 {
		verb = "line is lost or misread"
	}
	if whole {
		verb = "damage"
		s.found(state, "%s: %s", verb, nagios.List(texts, shown, total))
		return
	}
	s.found(state, "%d %s: %s", total, verb, nagios.List(texts, shown, total))
}

func problemText(p aliases.Problem) string {
	if p.Key == "" {
		return p.String()
	}
	return p.String() + " (" + p.Key + ")"
}

// whyLost says why the mail server does not find a key.
func whyLost(c *aliases.Content, r aliases.Requirement) string {
	switch {
	case r.Lost != nil:
		return r.Lost.String()
	case r.Note > 0:
		return fmt.Sprintf("it stands in a comment, line %d", r.Note)
	case c.Counts[aliases.Oversize] > 0:
		return "it does not stand in the part of the file that was read"
	case c.Format == aliases.Map && !strings.Contains(r.Key, "@"):
		return "it does not stand in the file (the keys of a map are compared whole)"
	}
	return "it does not stand in the file"
}

func (s *subject) duplicates() {
	c := s.Content
	if c.Refused != "" {
		return
	}
	wins := "first"
	if c.Format == aliases.Sendmail {
		wins = "last"
	}
	if c.Differing > 0 {
		s.found(nagios.Warning, "has %s a key with another value (the %s wins)%s", nagios.Count(c.Differing, "entry that repeats", "entries that repeat"), wins, first(c, true, c.Differing))
	}
	if same := c.Repeated - c.Differing; same > 0 {
		s.note("note: %s a key with the same value%s", nagios.Count(same, "entry that repeats", "entries that repeat"), first(c, false, same))
	}
}

// first names the first few keys that n entries repeat.
func first(c *aliases.Content, differ bool, n int) string {
	var texts []string
	for _, d := range c.Duplicates {
		if d.Differ == differ && len(texts) < shown {
			texts = append(texts, fmt.Sprintf("%s (lines %d and %d)", d.Key, d.First, d.Last))
		}
	}
	if len(texts) == 0 {
		return ""
	}
	return ": " + nagios.List(texts, shown, n)
}

// compiled judges a map that is compiled from the file.
func (s *subject) compiled(m aliases.CompiledMap) {
	switch {
	case m.Fault == aliases.Missing, m.Fault == aliases.Dangling:
		s.found(nagios.Critical, "its map %s does not exist (%s)", m.Path, s.rebuild(m.Kind))
	case m.Fault == aliases.Denied:
		s.found(nagios.Unknown, "its map %s cannot be read: permission denied", m.Path)
	case m.Fault != aliases.Readable:
		s.found(nagios.Critical, "its map %s is no regular file", m.Path)
	case m.Damage != "":
		s.found(nagios.Critical, "its map %s %s (%s)", m.Path, m.Damage, s.rebuild(m.Kind))
	}
	if !m.ModTime.IsZero() && m.Stale(s.ModTime, s.now) {
		uses := "the mail server still uses the old entries"
		if slices.ContainsFunc(s.Maps, func(m aliases.CompiledMap) bool {
			return m.Damage == "" && !m.ModTime.IsZero() && !m.Stale(s.ModTime, s.now)
		}) {
			uses = "the mail server has the old entries if it is this map that it uses"
		}
		s.found(nagios.Critical, "its map %s is %s older than the file: %s (%s)", m.Path, nagios.Span(s.ModTime.Sub(m.ModTime)), uses, s.rebuild(m.Kind))
	}
}

// rebuild is what to do about a map: the command that compiles it.
func (s *subject) rebuild(kind aliases.MapKind) string {
	source := s.Path
	if kind != aliases.DB { // Postfix' default
		source = kind.String() + ":" + source
	}
	switch s.opt.Format {
	case aliases.Aliases:
		return "run postalias " + source
	case aliases.Map:
		return "run postmap " + source
	case aliases.Sendmail:
		return "run newaliases"
	case aliases.OpenSMTPD:
		return "run makemap"
	}
	return "compile it again"
}

// mapLag measures how far the map is behind the file, of several the worst.
func (s *subject) mapLag() {
	none, lag, any := nagios.Range{}, time.Duration(0), false
	for _, m := range s.Maps {
		if !m.ModTime.IsZero() {
			lag, any = max(lag, s.ModTime.Sub(m.ModTime)), true
		}
	}
	if any {
		s.measure("map_lag", lag.Truncate(time.Second).Seconds(), "s", none, none)
	}
}
