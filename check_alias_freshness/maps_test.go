package main

import (
	"context"
	"slices"
	"syscall"
	"testing"
	"time"

	"mailfresh/internal/aliases"
	"mailfresh/internal/mapfile"
	"mailfresh/internal/nagios"
	"mailfresh/internal/regular"
)

// mapRows has a row for each state that a compiled map may be in.
var mapRows = []judgeRow{
	{"map", none, withMap(built("m.db", mapfile.DB, 29*time.Minute, nil)), nagios.OK, ""},
	{"stale map", none, withMap(built("m.db", mapfile.DB, 2*time.Hour, nil)), nagios.Critical,
		"its map m.db is 1h 30m older than the file"},
	{"stale cdb of Postfix", func(o *options) { o.Format = aliases.Aliases },
		withMap(built("/etc/aliases.cdb", mapfile.CDB, 2*time.Hour,
			nil)), nagios.Critical, "(run postalias cdb:/etc/aliases)"},
	{"stale hash of Postfix", func(o *options) { o.Format = aliases.Map },
		withMap(built("/etc/aliases.db", mapfile.DB, 2*time.Hour,
			func(m *compiled) { m.facts.Type = "hash" })), nagios.Critical,
		"(run postmap hash:/etc/aliases)"},
	{"stale map beside a fresh one", none, good(func(f *file) {
		f.maps = []compiled{built("m.db", mapfile.DB, 2*time.Hour, nil), built("m.lmdb",
			mapfile.LMDB, time.Minute, nil)}
	}), nagios.OK, ""},
	{"stale map beside a damaged one", none, good(func(f *file) {
		f.maps = []compiled{built("m.db", mapfile.DB, 2*time.Hour, nil), built("m.lmdb",
			mapfile.LMDB, time.Minute, damage("is empty"))}
	}), nagios.Critical, "older than the file: the mail server still uses the old entries"},
	{"stale map of an unknown format", func(o *options) { o.Format = aliases.None },
		withMap(built("m.db", mapfile.DB, 2*time.Hour,
			nil)), nagios.Critical, "uses the old entries (compile it again)"},
	{"map of 100 s", none, good(func(f *file) {
		f.File.ModTime, f.maps = ago(100*time.Second), []compiled{built("m.db", mapfile.DB,
			time.Hour, nil)}
	}), nagios.OK, ""},
	{"no map", func(o *options) { o.Compiled = mapfile.DB },
		withMap(compiled{File: regular.File{Path: "m.db",
			Fault: regular.Missing}}), nagios.Critical, "its map m.db does not exist"},
	{"no map, not asked for", func(o *options) { o.Format = aliases.Map },
		withMap(compiled{File: regular.File{Path: "m.db",
			Fault: regular.Missing}}), nagios.OK, ""},
	{"damaged map", none, withMap(built("m.db", mapfile.DB, time.Minute, damage("is empty"))),
		nagios.Critical, "its map m.db is empty"},
	{"hidden map", none, withMap(compiled{File: regular.File{Path: "/a/m.db", Where: "/a",
		Fault: regular.Denied}}), nagios.Unknown,
		"its map /a/m.db cannot be looked at: permission denied on /a"},
	{"unreadable map", none, withMap(built("m.db", mapfile.DB, time.Minute,
		func(m *compiled) { m.File.Fault = regular.Denied })), nagios.OK, ""},
	{"unreadable stale map", none, withMap(built("m.db", mapfile.DB, 2*time.Hour,
		func(m *compiled) { m.File.Fault = regular.Denied })), nagios.Critical,
		"its map m.db is 1h 30m older than the file"},
	// It took the verdict on the file away: "/etc/aliases cannot be looked at: ...".
	{"map on a broken disk", none, withMap(built("m.db", mapfile.DB, 0,
		func(m *compiled) { m.err = syscall.EIO })), nagios.Unknown,
		"its map m.db cannot be looked at: input/output error$"},
	{"map with no answer in time", func(o *options) { o.TimeoutState = nagios.Warning },
		withMap(built("m.db", mapfile.DB, 0,
			func(m *compiled) { m.err = context.DeadlineExceeded })), nagios.Warning,
		"its map m.db cannot be looked at: "},
	{"empty map", func(o *options) { o.Format = aliases.Map }, withMap(built("/etc/aliases.db",
		mapfile.DB, time.Minute, holds("hash", 4096,
			0))), nagios.Critical,
		"its map /etc/aliases.db holds 0 of 5 entries (run postmap hash:/etc/aliases)$"},
	{"map of another file", func(o *options) { o.Format = aliases.Aliases },
		withMap(built("/etc/aliases.lmdb", mapfile.LMDB, time.Minute, holds("lmdb", 12,
			12))), nagios.Critical,
		"its map /etc/aliases.lmdb holds 9 of 5 entries (run postalias lmdb:/etc/aliases)$"},
	{"postmap for postalias", func(o *options) { o.Format = aliases.Aliases },
		withMap(built("/etc/aliases.db", mapfile.DB, time.Minute, signed(0, holds("btree", 5,
			5)))), nagios.Critical,
		"was built by postmap, not by postalias: no lookup finds anything (run postalias btree:/etc/aliases)$"},
	{"postalias for postmap", func(o *options) { o.Format = aliases.Map },
		withMap(built("/etc/aliases.cdb", mapfile.CDB, time.Minute, signed(3, holds("cdb", 3,
			3)))), nagios.Critical,
		"was built by postalias, not by postmap: it lacks the file's entries (run postmap cdb:/etc/aliases)$"},
	// 48 of 720 maps of the other program had the file's number of entries and passed.
	{"postmap for postalias, the same number", func(o *options) { o.Format = aliases.Aliases },
		withMap(built("/etc/aliases.db", mapfile.DB, time.Minute, signed(0, holds("hash", 4104,
			8)))), nagios.Critical, "was built by postmap, not by postalias"},
	{"postalias for postmap, the same number", func(o *options) { o.Format = aliases.Map },
		withMap(built("/etc/aliases.lmdb", mapfile.LMDB, time.Minute, signed(3, holds("lmdb", 5,
			5)))), nagios.Critical, "was built by postalias, not by postmap"},
	{"empty map of Postfix", func(o *options) { o.Format = aliases.Aliases },
		withMap(built("/etc/aliases.db", mapfile.DB, time.Minute, signed(0, holds("hash", 4096,
			0)))), nagios.Critical, "holds 0 of 5 entries (run postalias hash:/etc/aliases)$"},
	// Postfix without NIS, as Fedora and Alpine have it, adds "@" alone.
	{"postalias without NIS", func(o *options) { o.Format = aliases.Aliases },
		withMap(built("/etc/aliases.lmdb", mapfile.LMDB, time.Minute, signed(1, holds("lmdb", 6,
			6)))), nagios.OK, ""},
	// postmap -w puts all entries into a cdb: a good map was said to hold 7 of 5 entries.
	{"cdb of postmap -w", func(o *options) { o.Format = aliases.Map }, good(func(f *file) {
		f.content.Repeated = 2
		f.maps = []compiled{built("/etc/aliases.cdb", mapfile.CDB, time.Minute, holds("cdb", 7, 7))}
	}), nagios.OK, ""},
	{"cdb of another file", func(o *options) { o.Format = aliases.Map }, good(func(f *file) {
		f.content.Repeated = 2
		f.maps = []compiled{built("/etc/aliases.cdb", mapfile.CDB, time.Minute, holds("cdb", 8, 8))}
	}), nagios.Critical, "its map /etc/aliases.cdb holds 8 of 5 entries"},
	{"newaliases with more than 4,096", func(o *options) { o.Format = aliases.Sendmail },
		good(func(f *file) {
			f.content.Entries = 5000
			f.maps = []compiled{built("/etc/aliases.db", mapfile.DB, time.Minute,
				signed(1, holds("hash", 5001, 905)))}
		}), nagios.OK, ""},
	{"newaliases", func(o *options) { o.Format = aliases.Sendmail },
		withMap(built("/etc/aliases.db", mapfile.DB, time.Minute, holds("hash", 6,
			-1))), nagios.OK, ""},
	{"newaliases, another file", func(o *options) { o.Format = aliases.Sendmail },
		withMap(built("/etc/aliases.db", mapfile.DB, time.Minute, holds("hash", 5,
			-1))), nagios.Critical, "holds 4 of 5 entries (run newaliases)$"},
	{"edited a moment ago", func(o *options) { o.Format = aliases.Map }, good(func(f *file) {
		f.File.ModTime, f.maps = ago(50*time.Second), []compiled{built("m.db", mapfile.DB,
			time.Minute, holds("hash", 4100, 4))}
	}), nagios.OK, ""},
	{"Berkeley DB for Exim", func(o *options) { o.Compiled = mapfile.DB },
		withMap(built("/etc/aliases.db", mapfile.DB, time.Minute, holds("hash", 5, -1))),
		nagios.OK, ""},
	{"Berkeley DB for an Exim that reads SQLite", func(o *options) { o.Compiled = mapfile.DB },
		withMap(built("/etc/aliases.db", mapfile.DB, time.Minute, func(m *compiled) {
			holds("hash", 5, -1)(m)
			m.exim = "sqlite"
		})), nagios.Critical,
		"is a Berkeley DB, but this host's Exim reads SQLite: it finds nothing (run exim_dbmbuild /etc/aliases /etc/aliases.db)$"},
	{"Berkeley DB for an Exim that reads it", func(o *options) { o.Compiled = mapfile.DB },
		withMap(built("/etc/aliases.db", mapfile.DB, time.Minute, func(m *compiled) {
			holds("hash", 5, -1)(m)
			m.exim = "hash"
		})), nagios.OK, ""},
	{"map being built", func(o *options) { o.Format = aliases.Map },
		withMap(built("/etc/aliases.db", mapfile.DB, time.Minute, func(m *compiled) {
			holds("hash", 4096, 0)(m)
			m.facts.Locked = true
		})), nagios.OK, ""},
	{"map being built, too short yet", func(o *options) { o.Format = aliases.Map },
		withMap(built("/etc/aliases.db", mapfile.DB, time.Minute, func(m *compiled) {
			damage("is empty")(m)
			m.facts.Locked = true
		})), nagios.OK, ""},
	{"empty Berkeley DB for Exim", func(o *options) { o.Compiled = mapfile.DB },
		withMap(built("/etc/aliases.db", mapfile.DB, time.Minute, holds("hash", 0, -1))),
		nagios.Critical,
		"holds 0 of 5 entries (run exim_dbmbuild /etc/aliases /etc/aliases.db)$"},
	{"SQLite for Postfix", func(o *options) { o.Format = aliases.Map },
		withMap(built("/etc/aliases.db", mapfile.DB, time.Minute, holds("sqlite", 5,
			5))), nagios.Critical,
		"is an SQLite database, which only Exim reads (run postmap hash:/etc/aliases)$"},
	{"map is a folder", none, withMap(compiled{File: regular.File{Path: "m.db",
		Fault: regular.Irregular, Type: "directory"}}), nagios.Critical,
		"its map m.db is not a regular file but a directory$"},
	// It passed as if there were no map to judge.
	{"map is a link to itself", none, withMap(compiled{File: regular.File{Path: "m.db",
		Fault: regular.Looping}}), nagios.Critical,
		"its map m.db is a symbolic link that leads back to itself$"},
}

func withMap(m compiled) file {
	return good(func(f *file) { f.maps = []compiled{m} })
}

// built is a map that was built some time ago.
func built(path string, kind mapfile.Kind, age time.Duration, change func(*compiled)) compiled {
	m := compiled{
		File:  regular.File{Path: path, Size: 12288, ModTime: ago(age)},
		kind:  kind,
		facts: mapfile.Facts{Type: kind.String(), Entries: 5, Preset: 5, Own: -1},
	}
	if change != nil {
		change(&m)
	}
	return m
}

// damage damages a map, and holds gives it a type and a number of entries.
func damage(text string) func(*compiled) {
	return func(m *compiled) { m.facts.Damage = text }
}

func holds(kind string, entries, preset int64) func(*compiled) {
	return func(m *compiled) {
		m.facts = mapfile.Facts{Type: kind, Entries: entries,
			Preset: preset, Own: -1}
	}
}

// signed says how many of the entries postalias added of its own.
func signed(own int64, change func(*compiled)) func(*compiled) {
	return func(m *compiled) {
		change(m)
		m.facts.Own = own
	}
}

// While postmap built a map of a million entries, a graph of map_entries fell to 0.
func TestEntriesOfMapBeingBuilt(t *testing.T) {
	for _, locked := range []bool{false, true} {
		f := withMap(built("/etc/aliases.db", mapfile.DB, time.Minute, func(m *compiled) {
			holds("hash", 4096, 0)(m)
			m.facts.Locked = locked
		}))
		r := judge(given(func(o *options) { o.Format = aliases.Map }), read(nil, f), now)
		measured := slices.ContainsFunc(r.Objects[0].Quantities, func(q nagios.Quantity) bool {
			return q.Label == "map_entries"
		})
		if measured == locked {
			t.Errorf("a map that is being built %t: map_entries %t", locked, measured)
		}
	}
}
