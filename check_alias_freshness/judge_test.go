package main

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"mailfresh/internal/aliases"
	"mailfresh/internal/document"
	"mailfresh/internal/mapfile"
	"mailfresh/internal/nagios"
	"mailfresh/internal/output"
	"mailfresh/internal/plugin"
	"mailfresh/internal/regular"
)

var now = time.Date(2022, 2, 22, 16, 47, 0, 0, time.UTC)

func ago(d time.Duration) time.Time { return now.Add(-d) }

// given are options with their defaults.
func given(change func(*options)) options {
	var o options
	for r, text := range map[*nagios.Range]string{&o.MissedWarning: "0", &o.MissedCritical: "1",
		&o.EntriesCritical: "1:", &o.Warning.Range: "3600", &o.Critical.Range: "7200"} {
		if err := r.UnmarshalText([]byte(text)); err != nil {
			panic(err)
		}
	}
	o.Format, o.MtimeTolerance = aliases.Exim, nagios.Duration(time.Minute)
	if change != nil {
		change(&o)
	}
	return o
}

// good is a good file of half an hour ago.
func good(change func(*file)) file {
	f := file{
		File:    regular.File{Path: "/etc/aliases", Size: 100, ModTime: ago(30 * time.Minute)},
		content: &aliases.Content{Format: aliases.Exim, Entries: 5, Lines: 5},
	}
	if change != nil {
		change(&f)
	}
	return f
}

func withProblem(k aliases.Kind) file {
	return good(func(f *file) {
		f.content.Counts[k] = 1
		f.content.Problems = []aliases.Problem{{Kind: k, Line: 3, Key: "a"}}
	})
}

func again(key string, first int, differ bool) aliases.Duplicate {
	return aliases.Duplicate{Key: key, First: int64(first), Last: 9, Differ: differ}
}

// read is what was read of some files.
func read(t *timer, files ...file) facts {
	f := facts{timer: t}
	for _, one := range files {
		f = addRead(f, one.File.Path, one, nil)
	}
	return f
}

func addRead(f facts, path string, one file, err error) facts {
	f.paths = append(f.paths, path)
	f.read = append(f.read, plugin.Outcome[file]{Value: one, Err: err})
	return f
}

// judgeRow is a file and what is judged of it.
type judgeRow struct {
	name string
	opt  func(*options)
	file file
	want nagios.State
	text string // of the summary
}

func none(*options) {}

// fileRows has a row for each state that a file itself may be in.
var fileRows = []judgeRow{
	{"fresh", none, good(nil), nagios.OK,
		"/etc/aliases was last written 30m ago (2022-02-22 16:17:00 UTC)"},
	{"stale", none, good(func(f *file) { f.File.ModTime = ago(time.Hour + time.Second) }),
		nagios.Warning, "the limit is 1h"},
	{"very stale", none, good(func(f *file) { f.File.ModTime = ago(3 * time.Hour) }),
		nagios.Critical, "was last written 3h ago (2022-02-22 13:47:00 UTC), the limit is 2h"},
	{"at the limit", none, good(func(f *file) { f.File.ModTime = ago(time.Hour) }), nagios.OK,
		""},
	{"future", none, good(func(f *file) { f.File.ModTime = ago(-time.Hour) }), nagios.Warning,
		"1h in the future (2022-02-22 17:47:00 UTC): its freshness cannot be judged"},
	{"skew", none, good(func(f *file) { f.File.ModTime = ago(-time.Minute) }), nagios.OK, ""},
	{"missing", none, file{File: regular.File{Path: "x", Fault: regular.Missing}},
		nagios.Critical, "x is missing"},
	{"dangling", none, file{File: regular.File{Path: "x", Fault: regular.Dangling, Link: "y"}},
		nagios.Critical, "symbolic link to y, which does not exist"},
	{"loop", none, file{File: regular.File{Path: "x", Fault: regular.Looping}}, nagios.Critical,
		"leads back to itself"},
	{"FIFO", none, file{File: regular.File{Path: "x", Fault: regular.Irregular, Type: "FIFO"}},
		nagios.Critical, "not a regular file but a FIFO"},
	{"denied", none, file{File: regular.File{Path: "x", Fault: regular.Denied, Where: "x"}},
		nagios.Unknown, "x cannot be read: permission denied"},
	{"denied above", none, file{File: regular.File{Path: "/a/x", Fault: regular.Denied,
		Where: "/a"}}, nagios.Unknown,
		"/a/x cannot be read: permission denied on the directory /a"},
	{"just now", none, good(func(f *file) { f.File.ModTime = ago(1700 * time.Millisecond) }),
		nagios.OK, "was last written 1 s ago"},
	{"comments only", none, good(func(f *file) { f.content.Entries = 0 }), nagios.Critical,
		"/etc/aliases has no entries"},
	{"empty", none, good(func(f *file) {
		f.content.Entries, f.File.Size, f.content.Required = 0, 0,
			[]aliases.Requirement{{Key: "k"}}
	}), nagios.Critical, "/etc/aliases is empty; required key k not found"},
	{"centuries ahead", nil, good(func(f *file) {
		f.File.ModTime = time.Date(2500, 1, 1, 0, 0, 0, 0,
			time.UTC)
	}), nagios.Warning, "was written 106751d 23h in the future (2500-01-01"},
	{"few entries", func(o *options) {
		o.EntriesWarning = nagios.Range{Start: 10,
			End: math.Inf(1), Set: true}
	}, good(nil), nagios.Warning, "has 5 entries, outside the range 10:$"},
	{"too few entries", func(o *options) {
		o.EntriesCritical = nagios.Range{Start: 20,
			End: math.Inf(1), Set: true}
	}, good(nil), nagios.Critical, "has 5 entries, outside the range 20:$"},
	{"size", func(o *options) {
		o.SizeCritical = nagios.Range{Start: 200, End: math.Inf(1),
			Set: true}
	}, good(nil), nagios.Critical, "has 100 bytes"},
	{"size 0, not looked into", none, good(func(f *file) { f.content, f.File.Size = nil, 0 }),
		nagios.Critical, "is empty"},
	{"byte-order mark", none, withProblem(aliases.Mark), nagios.Critical,
		"damage: line 3: a byte-order mark belongs to the first key (a)"},
	{"NUL", none, withProblem(aliases.NUL), nagios.Critical, "damage: line 3: a NUL byte"},
	{"lone CR", none, withProblem(aliases.LoneCR), nagios.Critical, "lone CR"},
	{"HTML", none, withProblem(aliases.HTML), nagios.Critical, "HTML page"},
	{"conflict", none, withProblem(aliases.Conflict), nagios.Critical, "merge-conflict"},
	{"oversize", none, withProblem(aliases.Oversize), nagios.Critical,
		"no entry begins in the next 4 MiB"},
	{"no value", none, withProblem(aliases.NoValue), nagios.Warning,
		"1 line is lost or misread: line 3: key without value (a)"},
	{"no separator", none, withProblem(aliases.NoSeparator), nagios.Warning, ""},
	{"joined", none, good(func(f *file) {
		f.content.Counts[aliases.Joined] = 1
		f.content.Problems = []aliases.Problem{{Kind: aliases.Joined, Line: 3, Cause: 2,
			Key: "a"}}
	}), nagios.Warning, "1 line is lost or misread: line 3 continues the entry of line 2 (a)"},
	{"dropped continuation", none, withProblem(aliases.Unattached), nagios.Warning,
		"line 3: continues no entry and is lost (a)"},
	{"not local", none, withProblem(aliases.NotLocal), nagios.Warning, ""},
	{"not UTF-8", none, withProblem(aliases.NotUTF8), nagios.Warning, ""},
	{"too long", none, withProblem(aliases.TooLong), nagios.Warning, ""},
	{"illegal", none, withProblem(aliases.Illegal), nagios.Warning, ""},
	{"unbalanced", none, withProblem(aliases.Unbalanced), nagios.Warning, ""},
	{"colon key", none, withProblem(aliases.ColonKey), nagios.Warning, ""},
	{"CRLF", none, withProblem(aliases.CarriageEnds), nagios.Warning, ""},
	{"refused", none, good(func(f *file) {
		f.content.Format, f.content.Refused = aliases.OpenSMTPD,
			&aliases.Problem{Kind: aliases.Invalid,
				Line: 3}
	}), nagios.Critical, "smtpd does not start with this file; a running one goes on with the old table: line 3: an invalid entry$"},
	{"refused by makemap", none, good(func(f *file) {
		f.content.Format, f.content.Refused = aliases.OpenSMTPDDB,
			&aliases.Problem{Kind: aliases.Again,
				Line: 4, Cause: 2}
	}), nagios.Critical, "makemap refuses the whole file, and smtpd goes on with the old map: lines 2 and 4 have the same key$"},
	{"deferred", none, withProblem(aliases.Deferred), nagios.Warning,
		"line 3: the value is not understood: mail to this key is deferred (424) (a)$"},
	{"required, deferred", none, good(func(f *file) {
		f.content.Required = []aliases.Requirement{{Key: "k", Line: 2, Bad: true}}
	}), nagios.Critical, "required key k has a value in line 2 that OpenSMTPD does not understand: mail to it is deferred (424)"},
	{"required, a default", none, good(func(f *file) {
		f.content.Required = []aliases.Requirement{{Key: "k", CatchAll: 2}}
	}), nagios.Unknown, "required key k is no key of the file, but line 2 may stand for it, if the mail server's lookup has a default"},
	{"required, patterns", none, good(func(f *file) {
		f.content.Patterns, f.content.Required = 3, []aliases.Requirement{{Key: "k"}}
	}), nagios.Unknown, "required key k is no key of the file, and 3 keys look like patterns, which are not tried"},
	{"required, a pattern", none, good(func(f *file) {
		f.content.Patterns, f.content.Required = 1, []aliases.Requirement{{Key: "k"}}
	}), nagios.Unknown, "and 1 key looks like a pattern, which is not tried$"},
	{"duplicates that differ", none, good(func(f *file) {
		f.content.Repeated, f.content.Differing = 3, 2
		f.content.Duplicates = []aliases.Duplicate{{Key: "a", First: 2, Last: 9, Differ: true}}
	}), nagios.Warning, "/etc/aliases has 2 entries that repeat a key with another value (the first wins): a (lines 2 and 9) and 1 more"},
	{"many duplicates", none, good(func(f *file) {
		f.content.Repeated, f.content.Differing = 9, 4
		f.content.Duplicates = []aliases.Duplicate{again("a", 1, true), again("b", 2, true),
			again("c", 3, true), again("d", 4, true), again("e", 5, false)}
	}), nagios.Warning, "has 4 entries that repeat a key with another value (the first wins): a (lines 1 and 9), b (lines 2 and 9), c (lines 3 and 9) and 1 more"},
	{"few that differ", none, good(func(f *file) {
		f.content.Repeated, f.content.Differing = 2, 1
		f.content.Duplicates = []aliases.Duplicate{again("a", 1, true), again("e", 5, false)}
	}), nagios.Warning, "has 1 entry that repeats a key with another value (the first wins): a (lines 1 and 9)$"},
	{"duplicates", none, good(func(f *file) {
		f.content.Repeated = 1
		f.content.Duplicates = []aliases.Duplicate{{Key: "a", First: 2, Last: 9}}
	}), nagios.OK, ""},
	{"required",
		none, good(func(f *file) {
			f.content.Required = []aliases.Requirement{{Key: "k",
				Line: 2}}
		}), nagios.OK, ""},
	{"required, absent", none,
		good(func(f *file) { f.content.Required = []aliases.Requirement{{Key: "k"}} }),
		nagios.Critical, "/etc/aliases: required key k not found: it does not stand in the file"},
	{"required, found empty", none,
		good(func(f *file) {
			f.content.Required = []aliases.Requirement{{Key: "k", Line: 2,
				Empty: true}}
		}), nagios.Warning, "required key k has no value in line 2: Exim finds it with empty data"},
	{"required, not read", none, good(func(f *file) {
		f.content.Required = []aliases.Requirement{{Key: "k"}}
		f.content.Counts[aliases.Oversize] = 1
	}), nagios.Critical, "required key k not found: it does not stand in the part of the file that was read"},
	{"many required", none, good(func(f *file) {
		f.content.Required = []aliases.Requirement{{Key: "k"}, {Key: "l"}, {Key: "m"},
			{Key: "n"}, {Key: "o"}}
	}), nagios.Critical, "required key m not found: it does not stand in the file; 2 more required keys not found"},
	{"required, lost", none, good(func(f *file) {
		f.content.Required = []aliases.Requirement{{Key: "k",
			Lost: &aliases.Problem{Kind: aliases.NUL, Line: 812, Cause: 811}}}
	}), nagios.Critical, "required key k not found: line 812 is swallowed by the NUL in line 811"},
	{"required, in a comment", none,
		good(func(f *file) {
			f.content.Required = []aliases.Requirement{{Key: "k",
				Note: 4}}
		}), nagios.Critical, "it stands in a comment, line 4"},
}

// TestJudge has a row for each state that a file or its map may be in.
func TestJudge(t *testing.T) {
	said := map[string]string{}
	for _, test := range slices.Concat(fileRows, mapRows) {
		r := judge(given(test.opt), read(nil, test.file), now)
		said[test.name] = r.State.String() + " - " + r.Summary
		if r.State != test.want || !strings.Contains(r.Summary+"$", test.text) {
			t.Errorf("%s: judge = %v, %q; want %v, %q", test.name, r.State, r.Summary, test.want,
				test.text)
		}
	}
	document.CompareRows(t, "../docs/check_alias_freshness.md", "judge", said)
}

// What cannot be looked at is UNKNOWN and hides nothing else.
func TestFailures(t *testing.T) {
	broken, late := errors.New("read /x: input/output error"), context.DeadlineExceeded
	missing, noBus := file{File: regular.File{Path: "/y",
		Fault: regular.Missing}}, &timer{err: errors.New("no bus")}
	for _, test := range []struct {
		facts facts
		want  nagios.State
		text  string
	}{
		{addRead(facts{}, "/x", file{}, broken), nagios.Unknown,
			"/x cannot be looked at: read /x: input/output error"},
		{addRead(read(nil, good(nil)), "/x", file{}, broken), nagios.Unknown,
			"/x cannot be looked at: read /x: input/output error (the other file is fine)"},
		{addRead(read(nil, missing), "/x", file{}, broken), nagios.Critical,
			"/y is missing (and 1 more of 2 files)"},
		{read(noBus, good(nil)), nagios.Unknown, "; its timer cannot be looked at: no bus"},
		{read(noBus, missing), nagios.Critical, "/y is missing"},
		{read(noBus, good(func(f *file) { f.File.ModTime = ago(3 * time.Hour) })), nagios.Critical,
			"the limit is 2h; its timer cannot be looked at: no bus"},
		{read(&timer{err: late}, good(nil)), nagios.Warning, "; its timer cannot be looked at"},
		{addRead(facts{}, "/x", file{}, late), nagios.Warning,
			"/x cannot be looked at: no answer in time"},
		{addRead(read(nil, missing), "/x", file{}, late), nagios.Critical,
			"/y is missing (and 1 more of 2 files)"},
	} {
		r := judge(given(func(o *options) { o.TimeoutState = nagios.Warning }), test.facts, now)
		if r.State != test.want || !strings.Contains(r.Summary, test.text) {
			t.Errorf("judge(%+v) = %v, %q; want %v, %q", test.facts, r.State, r.Summary, test.want,
				test.text)
		}
	}
}

// The example runs in README.md: the file of the incident, and a map that nobody
// compiled again.
func TestREADME(t *testing.T) {
	for command, f := range map[string]file{
		"check_alias_freshness -f /etc/exim4/vrts_aliases --format exim -w 1h -c 2h": {
			File: regular.File{
				Path: "/etc/exim4/vrts_aliases", Size: 4823, ModTime: time.Date(2022, 2, 22, 3, 44,
					0, 0, time.UTC),
			},
			content: &aliases.Content{Format: aliases.Exim, Entries: 127,
				Digest: 0x2b4c1e7793ad5f08},
		},
		"check_alias_freshness -f /etc/aliases --format aliases -w 52w": {
			File: regular.File{Path: "/etc/aliases", Size: 1204, ModTime: ago(26 * time.Hour)},
			content: &aliases.Content{Format: aliases.Aliases, Entries: 31,
				Digest: 0x90d7c4fb0e6a1d35},
			maps: []compiled{built("/etc/aliases.db", mapfile.DB, 100*24*time.Hour, holds("hash",
				4130, 34))},
		},
	} {
		opt := given(func(o *options) {
			o.Format, o.Warning, o.Critical = f.content.Format, nagios.TimeRange{},
				nagios.TimeRange{}
			words := strings.Fields(command)
			for name, r := range map[string]*nagios.TimeRange{"-w": &o.Warning, "-c": &o.Critical} {
				if k := slices.Index(words, name); k >= 0 {
					if err := r.UnmarshalText([]byte(words[k+1])); err != nil {
						t.Fatal(err)
					}
				}
			}
		})
		r := judge(opt, read(nil, f), now)
		for _, file := range []string{"../README.md", "../docs/check_alias_freshness.md"} {
			document.CompareSample(t, file, command, output.Text("ALIAS_FRESHNESS", r, 0))
		}
	}
}
