package main

import (
	"fmt"
	"strings"

	"mailfresh/internal/aliases"
	"mailfresh/internal/nagios"
)

// content judges what the file holds.
func content(opt options, f file) part {
	c := f.content
	if c == nil {
		return part{}
	}
	return join(
		entries(opt, f),
		required(c),
		refused(c),
		problems(c, nagios.Critical, aliases.Kind.Whole),
		problems(c, nagios.Warning, func(k aliases.Kind) bool {
			return !k.Whole() && !k.Refuses() && c.Refused == nil
		}),
		duplicates(c),
		measure(
			nagios.Quantity{Label: "entries", Metric: "entries", Value: float64(c.Entries),
				Warning: opt.EntriesWarning, Critical: opt.EntriesCritical},
			nagios.Quantity{Label: "malformed", Metric: "malformed_lines",
				Value: float64(c.Malformed)},
			nagios.Quantity{Label: "duplicates", Metric: "duplicate_keys",
				Value: float64(c.Repeated)},
			nagios.Quantity{Metric: "digest_info", Value: 1, Labels: []nagios.MetricLabel{
				{Name: "digest", Value: fmt.Sprintf("%016x", c.Digest)}}},
		),
		note("%s, digest %016x", nagios.Count(c.Entries, "entry", "entries"), c.Digest),
		regexps(c),
	)
}

// regexps says what is not judged in a file that postmap does not read.
func regexps(c *aliases.Content) part {
	if !c.Regexp {
		return part{}
	}
	return note("note: most keys look like patterns, as in a regexp: or pcre: table: lines and repeated keys are not judged")
}

// entries judges the number of entries.
func entries(opt options, f file) part {
	c := f.content
	state := nagios.Judge(float64(c.Entries), opt.EntriesWarning, opt.EntriesCritical)
	switch {
	case state == nagios.OK:
		return part{}
	case f.File.Size == 0:
		return found(state, "is empty")
	case c.Entries == 0 && c.Malformed == 0:
		return found(state, "has no entries, only comments and blank lines (if it is meant to: --entries-critical 0:)")
	case c.Entries == 0:
		return found(state, "has no entries")
	}
	return found(state, "has %s, %s", nagios.Count(c.Entries, "entry", "entries"),
		nagios.Crossed(state, opt.EntriesWarning, opt.EntriesCritical))
}

// required says which required keys the mail server does not find, or finds with a value that is
// missing or not understood.
func required(c *aliases.Content) (all part) {
	lost := 0
	for _, r := range c.Required {
		switch {
		case r.Line > 0 && r.Bad:
			all.findings.Add(nagios.Critical,
				"required key %s has a value in line %d that OpenSMTPD does not understand: mail to it is deferred (424)", r.Key, r.Line)
		case r.Line > 0 && r.Empty:
			all.findings.Add(nagios.Warning,
				"required key %s has no value in line %d: Exim finds it with empty data", r.Key, r.Line)
		case r.Line > 0:
		case r.Lost == nil && (r.CatchAll > 0 || c.Patterns > 0):
			all.findings.Add(nagios.Unknown, "required key %s is no key of the file%s", r.Key,
				patterns(c, r))
		default:
			if lost++; lost <= shown {
				all.findings.Add(nagios.Critical, "required key %s not found: %s", r.Key,
					whyLost(c, r))
			}
		}
	}
	if lost > shown {
		all.findings.Add(nagios.Critical, "%s not found", nagios.Count(lost-shown,
			"more required key", "more required keys"))
	}
	return all
}

// patterns says which keys may match a key that the file does not have.
func patterns(c *aliases.Content, r aliases.Requirement) string {
	if r.CatchAll > 0 {
		return fmt.Sprintf(", but line %d may stand for it, if the mail server's lookup has a default", r.CatchAll)
	}
	return fmt.Sprintf(", and %s not tried", nagios.Count(c.Patterns,
		"key looks like a pattern, which is", "keys look like patterns, which are"))
}

// shown is how many things of a kind are named.
const shown = 3

// refused says why OpenSMTPD takes nothing of the file.
func refused(c *aliases.Content) part {
	switch {
	case c.Refused == nil:
		return part{}
	case c.Format == aliases.OpenSMTPDDB:
		return found(nagios.Critical,
			"makemap refuses the whole file, and smtpd goes on with the old map: %s", c.Refused)
	}
	return found(nagios.Critical,
		"smtpd does not start with this file; a running one goes on with the old table: %s", c.Refused)
}

// problems names the first few problems of some kinds, and counts the rest.
func problems(c *aliases.Content, state nagios.State, of func(aliases.Kind) bool) part {
	total := 0
	for kind, n := range c.Counts {
		if of(aliases.Kind(kind)) {
			total += n
		}
	}
	if total == 0 {
		return part{}
	}
	var texts []string
	for _, p := range c.Problems {
		if of(p.Kind) {
			texts = append(texts, problemText(p))
		}
	}
	verb := nagios.Count(total, "line is", "lines are") + " lost or misread"
	if state == nagios.Critical {
		verb = "damage"
	}
	return found(state, "%s: %s", verb, nagios.List(texts, shown, total))
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

// duplicates says which keys have several entries.
func duplicates(c *aliases.Content) (all part) {
	if c.Refused != nil {
		return part{}
	}
	wins := "first"
	if c.Format.LastWins() {
		wins = "last"
	}
	if c.Differing > 0 {
		all = found(nagios.Warning, "has %s a key with another value (the %s wins)%s",
			nagios.Count(c.Differing, "entry that repeats", "entries that repeat"), wins, first(c,
				true, c.Differing))
	}
	if same := c.Repeated - c.Differing; same > 0 {
		all = join(all, note("note: %s a key with the same value%s", nagios.Count(same,
			"entry that repeats", "entries that repeat"), first(c, false, same)))
	}
	return all
}

// first names the first few repeated keys; n is the number of entries that repeat a key.
func first(c *aliases.Content, differ bool, n int) string {
	var texts []string
	for _, d := range c.Duplicates {
		if d.Differ != differ {
			continue
		}
		text := fmt.Sprintf("lines %d and %d", d.First, d.Last)
		if d.Key != "" {
			text = fmt.Sprintf("%s (%s)", d.Key, text)
		}
		texts = append(texts, text)
	}
	if len(texts) == 0 {
		return ""
	}
	return ": " + nagios.List(texts, shown, n)
}
