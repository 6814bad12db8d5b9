package main

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"strings"
	"syscall"
	"time"

	"mailfresh/internal/aliases"
	"mailfresh/internal/mapfile"
	"mailfresh/internal/nagios"
	"mailfresh/internal/regular"
)

// candidates returns the paths and kinds of the maps that a file may have. Debian's Sendmail has
// the map of /etc/aliases at /etc/mail/aliases.db.
func candidates(source string, opt options) (list []compiled) {
	add := func(path string, kind mapfile.Kind) {
		list = append(list, compiled{File: regular.File{Path: path}, kind: kind})
	}
	kinds := []mapfile.Kind{opt.Compiled}
	switch {
	case opt.Compiled == mapfile.None, opt.Compiled == mapfile.Auto && !programs[opt.Format].needed:
		return nil
	case opt.Compiled != mapfile.Auto:
	case opt.Format == aliases.OpenSMTPDDB:
		kinds = []mapfile.Kind{mapfile.DB}
	default:
		kinds = []mapfile.Kind{mapfile.DB, mapfile.CDB, mapfile.LMDB}
	}
	for _, kind := range kinds {
		add(source+"."+kind.String(), kind)
		if opt.Format == aliases.Sendmail && kind == mapfile.DB {
			add(path.Join(path.Dir(source), "mail", path.Base(source)+".db"), kind)
		}
	}
	return list
}

// programs are the programs that compile maps, by the format of their sources.
var programs = [aliases.OpenSMTPDDB + 1]struct {
	command string // that compiles a map
	setting string // that names the map, or the command that prints it; empty: not known
	needed  bool   // the mail server reads the map, and not the source
}{
	aliases.Aliases:     {"run postalias TYPE:SOURCE", "postconf alias_maps", true},
	aliases.Map:         {"run postmap TYPE:SOURCE", "postconf -n", true},
	aliases.Sendmail:    {"run newaliases", "AliasFile in sendmail.cf", true},
	aliases.Exim:        {"run exim_dbmbuild SOURCE MAP", "", false},
	aliases.OpenSMTPDDB: {"run makemap -t aliases SOURCE", "", true},
}

// maps judges the maps that stand beside a file.
func maps(opt options, f file, now time.Time) part {
	present := make([]compiled, 0, len(f.maps))
	for _, m := range f.maps {
		none := errors.Is(m.err, syscall.ENAMETOOLONG) // no file can have that name
		if !none && m.File.Fault != regular.Missing && m.File.Fault != regular.Dangling {
			present = append(present, m)
		}
	}
	switch {
	case len(f.maps) == 0:
		return part{}
	case len(present) == 0 && opt.Compiled == mapfile.Auto && mostlyPatterns(f.content):
		return part{} // regexp: and pcre: read the file itself
	case len(present) == 0 && opt.Compiled == mapfile.Auto:
		return note("note: there is no compiled map beside it (%s; or, if none is wanted, --compiled none)",
			rebuild(opt, f, compiled{kind: mapfile.DB}))
	case len(present) == 0:
		return useless(opt, f, f.maps[0], "does not exist")
	}
	good, verdicts := "", make([]part, len(present))
	for i, m := range present {
		verdicts[i] = wrong(opt, f, m, now)
		if good == "" && len(verdicts[i].findings) == 0 {
			good = m.File.Path
		}
	}
	for i, m := range present {
		if len(verdicts[i].findings) > 0 && good != "" && stale(f, m, now) {
			verdicts[i] = note("note: %s is %s older than the file, %s is not: which one the mail server reads stands in its configuration (%s); the other may be deleted",
				m.File.Path, nagios.Span(lag(f, m)), good,
				cmp.Or(programs[opt.Format].setting, "its configuration"))
		}
	}
	return join(join(verdicts...), mapData(opt, f, present, good, now))
}

// mostlyPatterns reports whether most keys look like patterns.
func mostlyPatterns(c *aliases.Content) bool { return c != nil && 2*c.Patterns > c.Entries }

// wrong says what is wrong with a map.
func wrong(opt options, f file, m compiled, now time.Time) part {
	switch {
	case m.err != nil:
		return found(unseen(opt, "", m.err).State, "its map %s cannot be looked at: %v",
			m.File.Path, m.err)
	case m.File.Fault == regular.Irregular, m.File.Fault == regular.Looping:
		return found(nagios.Critical, "its map %s %s", m.File.Path, m.File.Reason())
	case m.File.Fault == regular.Denied && m.File.ModTime.IsZero():
		return found(nagios.Unknown, "its map %s cannot be looked at: permission denied on %s",
			m.File.Path, m.File.Where)
	case m.File.Fault == regular.Denied && m.File.Size == 0:
		return useless(opt, f, m, "is empty")
	case stale(f, m, now):
		return useless(opt, f, m,
			"is %s older than the file: the mail server still uses the old entries",
			nagios.Span(lag(f, m)))
	case m.File.Fault == regular.Denied:
		return note("note: its map %s may not be read: only its age and size are judged", m.File.Path)
	case building(opt, f, m):
		return note("note: its map %s is being built: what it holds is not known yet", m.File.Path)
	case m.facts.Damage != "":
		return useless(opt, f, m, "%s", m.facts.Damage)
	}
	return wrongEntries(opt, f, m)
}

// useless is a finding about a map that has to be compiled again.
func useless(opt options, f file, m compiled, format string, args ...any) part {
	return found(nagios.Critical, "its map %s %s (%s)", m.File.Path, fmt.Sprintf(format, args...),
		rebuild(opt, f, m))
}

// stale reports whether Postfix calls the map out of date: the source is newer, in whole seconds,
// and older than 100 s (dict_open of Postfix 3.7 to 3.11: "database is older than source file").
func stale(f file, m compiled, now time.Time) bool {
	return !m.File.ModTime.IsZero() && lag(f, m) > 0 && f.File.ModTime.Unix() < now.Unix()-100
}

// lag is how much older than the file a map is, in whole seconds as Postfix compares them.
func lag(f file, m compiled) time.Duration {
	whole := func(t time.Time) time.Time { return t.Truncate(time.Second) }
	return whole(f.File.ModTime).Sub(whole(m.File.ModTime)).Truncate(time.Second)
}

// building reports whether a map is incomplete because a program is writing it.
func building(opt options, f file, m compiled) bool {
	return m.facts.Locked && (m.facts.Damage != "" || !fits(f.content, opt.Format, m.facts))
}

// wrongEntries judges what a map holds.
func wrongEntries(opt options, f file, m compiled) part {
	sqlite := m.facts.Type == "sqlite"
	berkeley := opt.Format == aliases.Exim && (m.facts.Type == "hash" || m.facts.Type == "btree")
	switch {
	case sqlite && opt.Format != aliases.Exim && opt.Format != aliases.None:
		return useless(opt, f, m, "is an SQLite database, which only Exim reads")
	case berkeley && m.exim == "sqlite":
		return useless(opt, f, m,
			"is a Berkeley DB, but this host's Exim reads SQLite: it finds nothing")
	case berkeley && m.exim == "" && m.facts.Entries != 0:
		return note("note: %s is a Berkeley DB: Exim 4.99 and later in Debian find nothing in it (%s)",
			m.File.Path, rebuild(opt, f, m))
	case f.content == nil || f.content.Refused != nil ||
		f.File.ModTime.Unix() > m.File.ModTime.Unix():
		return part{} // the entries of the file are not known, or the file is newer
	}
	switch other := otherProgram(opt.Format, m.facts); {
	case other != "":
		return useless(opt, f, m, "was built by %s", other)
	case fits(f.content, opt.Format, m.facts):
		return part{}
	}
	return useless(opt, f, m, "holds %d of %s", held(opt.Format, m.facts),
		nagios.Count(f.content.Entries, "entry", "entries"))
}

// own3 is how many entries postalias itself adds: "@", YP_LAST_MODIFIED and YP_MASTER_NAME.
const own3 = 3

// otherProgram says which program built a map of Postfix, and what follows, if it was the wrong one
// of two. It returns "" if it was the right one, or if that is not known.
func otherProgram(f aliases.Format, m mapfile.Facts) string {
	switch {
	case f == aliases.Aliases && m.Own == 0 && m.Preset > 0:
		return "postmap, not by postalias: no lookup finds anything"
	case f == aliases.Map && m.Own == own3:
		return "postalias, not by postmap: it lacks the file's entries"
	}
	return ""
}

// held returns how many entries of the file a map holds if the program for this format wrote the
// map: entries that the program itself adds do not count.
func held(f aliases.Format, m mapfile.Facts) int64 {
	switch {
	case f == aliases.Aliases && m.Own < 0:
		return max(m.Preset-own3, 0)
	case f == aliases.Aliases:
		return max(m.Preset-m.Own, 0)
	case f == aliases.Sendmail && (m.Own == 1 || m.Preset < 0): // newaliases, which adds "@"
		return max(m.Entries-1, 0)
	case f == aliases.Map, f == aliases.Sendmail: // makemap
		return max(m.Preset, 0)
	}
	return m.Entries
}

// fits reports whether a map may have been compiled from a file: by the right program, with as many
// entries. The map may also have lines that the program drops only in its stock configuration.
func fits(c *aliases.Content, f aliases.Format, m mapfile.Facts) bool {
	switch {
	case c == nil, m.Entries < 0, f == aliases.Exim && m.Entries > 0:
		return true
	case otherProgram(f, m) != "":
		return false
	}
	perhaps := c.Counts[aliases.NotUTF8] // smtputf8_enable = no
	if f == aliases.Sendmail {
		perhaps = c.Counts[aliases.NotLocal] + c.Counts[aliases.Illegal]
	}
	if m.Type == "cdb" {
		perhaps += c.Repeated // postmap -w puts each entry into a cdb; a lookup finds the first
	}
	entries := held(f, m)
	return entries >= int64(c.Entries) && entries <= int64(c.Entries+perhaps)
}

// rebuild is the command that compiles a map. It names the type; without a type,
// default_database_type decides which map Postfix writes.
func rebuild(opt options, f file, m compiled) string {
	kind := m.facts.Type
	if kind == "" || kind == "sqlite" {
		kind = map[mapfile.Kind]string{mapfile.CDB: "cdb", mapfile.LMDB: "lmdb"}[m.kind]
		kind = cmp.Or(kind, "hash")
	}
	words := strings.NewReplacer("TYPE", kind, "SOURCE", f.File.Path, "MAP", m.File.Path)
	return words.Replace(cmp.Or(programs[opt.Format].command, "compile it again"))
}

// mapData measures how much older the map is than the file, and how many entries it holds. Of
// several maps it measures the good one, or all if none is good.
func mapData(opt options, f file, present []compiled, good string, now time.Time) (all part) {
	oldest, known := time.Duration(0), false
	for _, m := range present {
		if m.File.ModTime.IsZero() || good != "" && m.File.Path != good {
			continue
		}
		oldest, known = max(oldest, lag(f, m)), true
		if !building(opt, f, m) {
			all = join(all, mapEntries(f, m, good != "" || len(present) == 1))
		}
	}
	if known {
		all = join(measure(nagios.Quantity{
			Label: "map_lag", Metric: "map_lag_seconds", Value: oldest.Seconds(),
			Unit: nagios.Seconds,
		}), all)
	}
	return all
}

// mapEntries measures how many entries a map holds. alone says that no other map is measured.
func mapEntries(f file, m compiled, alone bool) part {
	if f.content == nil || m.facts.Entries < 0 || m.err != nil ||
		m.File.Fault != regular.Readable || m.facts.Damage != "" {
		return part{}
	}
	label := "map_entries"
	if !alone {
		label = nagios.Label(label, m.kind.String())
	}
	return measure(nagios.Quantity{
		Label: label, Metric: "map_entries", Value: float64(held(f.content.Format, m.facts)),
		Labels: []nagios.MetricLabel{{Name: "kind", Value: m.facts.Type}},
	})
}

// mapDetail is the raw facts of a map.
func mapDetail(m compiled) []string {
	if m.File.ModTime.IsZero() {
		return nil
	}
	text := fmt.Sprintf("%s: %d bytes, written %s", m.File.Path, m.File.Size,
		nagios.Instant(m.File.ModTime))
	if m.facts.Type != "" {
		text += ", " + m.facts.Type
	}
	if m.facts.Entries >= 0 && m.err == nil && m.File.Fault == regular.Readable {
		text += fmt.Sprintf(", %d entries by its header", m.facts.Entries)
	}
	return []string{strings.TrimSpace(text)}
}
