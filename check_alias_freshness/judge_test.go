package main

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"mailfresh/internal/aliases"
	"mailfresh/internal/document"
	"mailfresh/internal/nagios"
	"mailfresh/internal/output"
	"mailfresh/internal/systemd"
)

var now = time.Date(2022, 2, 22, 16, 47, 0, 0, time.UTC)

func ago(d time.Duration) time.Time { return now.Add(-d) }

// given are options with their defaults.
func given(change func(*options)) options {
	var o options
	for r, text := range map[*nagios.Range]string{&o.MissedWarning: "0", &o.MissedCritical: "1", &o.EntriesCritical: "1:", &o.Warning.Range: "3600", &o.Critical.Range: "7200"} {
		if err := r.UnmarshalText([]byte(text)); err != nil {
			panic(err)
		}
	}
	o.Format = aliases.Exim
	if change != nil {
		change(&o)
	}
	return o
}

// file is a good file of half an hour ago.
func file(change func(*aliases.File)) aliases.File {
	f := aliases.File{Path: "/etc/aliases", Size: 100, ModTime: ago(30 * time.Minute), Content: &aliases.Content{Format: aliases.Exim, Entries: 5, Lines: 5}}
	if change != nil {
		change(&f)
	}
	return f
}

func withProblem(k aliases.Kind) aliases.File {
	return file(func(f *aliases.File) {
		f.Content.Counts[k] = 1
		f.Content.Problems = []aliases.Problem{{Kind: k, Line: 3, Key: "a"}}
	})
}

func withMap(m aliases.CompiledMap) aliases.File {
	return file(func(f *aliases.File) { f.Maps = []aliases.CompiledMap{m} })
}

func again(key string, first int, differ bool) aliases.Duplicate {
	return aliases.Duplicate{Key: key, First: int64(first), Last: 9, Differ: differ}
}

// TestJudge has a row for each state that a file may be in.
func TestJudge(t *testing.T) {
	none, said := func(*options) {}, map[string]string{}
	for _, test := range []struct {
		name string
		opt  func(*options)
		file aliases.File
		want nagios.State
		text string // of the summary
	}{
		{"fresh", none, file(nil), nagios.OK, "/etc/aliases was last written 30m ago (2022-02-22 16:17:00 UTC)"},
		{"stale", none, file(func(f *aliases.File) { f.ModTime = ago(time.Hour + time.Second) }), nagios.Warning, "allowed is 1h"},
		{"very stale", none, file(func(f *aliases.File) { f.ModTime = ago(3 * time.Hour) }), nagios.Critical, "was last written 3h ago (2022-02-22 13:47:00 UTC), allowed is 2h"},
		{"at the limit", none, file(func(f *aliases.File) { f.ModTime = ago(time.Hour) }), nagios.OK, ""},
		{"future", none, file(func(f *aliases.File) { f.ModTime = ago(-time.Hour) }), nagios.Warning, "1h in the future (2022-02-22 17:47:00 UTC): its freshness cannot be judged"},
		{"skew", none, file(func(f *aliases.File) { f.ModTime = ago(-time.Minute) }), nagios.OK, ""},
		{"missing", none, aliases.File{Path: "x", Fault: aliases.Missing}, nagios.Critical, "x is missing"},
		{"dangling", none, aliases.File{Path: "x", Fault: aliases.Dangling, Link: "y"}, nagios.Critical, "symbolic link to y, which does not exist"},
		{"loop", none, aliases.File{Path: "x", Fault: aliases.Looping}, nagios.Critical, "leads back to itself"},
		{"FIFO", none, aliases.File{Path: "x", Fault: aliases.Irregular, Type: "FIFO"}, nagios.Critical, "not a regular file but a FIFO"},
		{"denied", none, aliases.File{Path: "x", Fault: aliases.Denied, Where: "x"}, nagios.Unknown, "x cannot be read: permission denied"},
		{"denied above", none, aliases.File{Path: "/a/x", Fault: aliases.Denied, Where: "/a"}, nagios.Unknown, "/a/x cannot be read: permission denied on the directory /a"},
		{"just now", none, file(func(f *aliases.File) { f.ModTime = ago(1700 * time.Millisecond) }), nagios.OK, "was last written 1 s ago"},
		{"comments only", none, file(func(f *aliases.File) { f.Content.Entries = 0 }), nagios.Critical, "/etc/aliases has no entries"},
		{"empty", none, file(func(f *aliases.File) {
			f.Content.Entries, f.Size, f.Content.Required = 0, 0, []aliases.Requirement{{Key: "k"}}
		}), nagios.Critical, "/etc/aliases is empty; required key k not found"},
		{"centuries ahead", nil, file(func(f *aliases.File) { f.ModTime = time.Date(2500, 1, 1, 0, 0, 0, 0, time.UTC) }), nagios.Warning, "was written 106751d 23h in the future (2500-01-01"},
		{"few entries", func(o *options) { o.EntriesWarning = nagios.Range{Start: 10, End: math.Inf(1), Set: true} }, file(nil), nagios.Warning, "has 5 entries, outside the range 10:$"},
		{"too few entries", func(o *options) { o.EntriesCritical = nagios.Range{Start: 20, End: math.Inf(1), Set: true} }, file(nil), nagios.Critical, "has 5 entries, outside the range 20:$"},
		{"size", func(o *options) { o.SizeCritical = nagios.Range{Start: 200, End: math.Inf(1), Set: true} }, file(nil), nagios.Critical, "has 100 bytes"},
		{"size 0, not looked into", none, file(func(f *aliases.File) { f.Content, f.Size = nil, 0 }), nagios.Critical, "is empty"},
		{"byte-order mark", none, withProblem(aliases.Mark), nagios.Critical, "damage: line 3: a byte-order mark belongs to the first key (a)"},
		{"NUL", none, withProblem(aliases.NUL), nagios.Critical, "damage: line 3: a NUL byte"},
		{"lone CR", none, withProblem(aliases.LoneCR), nagios.Critical, "lone CR"},
		{"HTML", none, withProblem(aliases.HTML), nagios.Critical, "HTML page"},
		{"conflict", none, withProblem(aliases.Conflict), nagios.Critical, "merge-conflict"},
		{"oversize", none, withProblem(aliases.Oversize), nagios.Critical, "no entry begins in the next 4 MiB"},
		{"no value", none, withProblem(aliases.NoValue), nagios.Warning, "1 line is lost or misread: line 3: key without value (a)"},
		{"no separator", none, withProblem(aliases.NoSeparator), nagios.Warning, ""},
		{"joined", none, file(func(f *aliases.File) {
			f.Content.Counts[aliases.Joined] = 1
			f.Content.Problems = []aliases.Problem{{Kind: aliases.Joined, Line: 3, Cause: 2, Key: "a"}}
		}), nagios.Warning, "1 line is lost or misread: line 3 continues the entry of line 2 (a)"},
		{"dropped continuation", none, withProblem(aliases.Unattached), nagios.Warning, "line 3: continues no entry and is lost (a)"},
		{"not local", none, withProblem(aliases.NotLocal), nagios.Warning, ""},
		{"not UTF-8", none, withProblem(aliases.NotUTF8), nagios.Warning, ""},
		{"too long", none, withProblem(aliases.TooLong), nagios.Warning, ""},
		{"illegal", none, withProblem(aliases.Illegal), nagios.Warning, ""},
		{"unbalanced", none, withProblem(aliases.Unbalanced), nagios.Warning, ""},
		{"colon key", none, withProblem(aliases.ColonKey), nagios.Warning, ""},
		{"CRLF", none, withProblem(aliases.CarriageEnds), nagios.Warning, ""},
		{"refused", none, file(func(f *aliases.File) { f.Content.Refused = "line 3: an invalid entry" }), nagios.Critical, "OpenSMTPD refuses the whole file and goes on with the old map: line 3"},
		{"duplicates that differ", none, file(func(f *aliases.File) {
			f.Content.Repeated, f.Content.Differing = 3, 2
			f.Content.Duplicates = []aliases.Duplicate{{Key: "a", First: 2, Last: 9, Differ: true}}
		}), nagios.Warning, "/etc/aliases has 2 entries that repeat a key with another value (the first wins): a (lines 2 and 9) and 1 more"},
		{"many duplicates", none, file(func(f *aliases.File) {
			f.Content.Repeated, f.Content.Differing = 9, 4
			f.Content.Duplicates = []aliases.Duplicate{again("a", 1, true), again("b", 2, true), again("c", 3, true), again("d", 4, true), again("e", 5, false)}
		}), nagios.Warning, "has 4 entries that repeat a key with another value (the first wins): a (lines 1 and 9), b (lines 2 and 9), c (lines 3 and 9) and 1 more"},
		{"few that differ", none, file(func(f *aliases.File) {
			f.Content.Repeated, f.Content.Differing = 2, 1
			f.Content.Duplicates = []aliases.Duplicate{again("a", 1, true), again("e", 5, false)}
		}), nagios.Warning, "has 1 entry that repeats a key with another value (the first wins): a (lines 1 and 9)$"},
		{"duplicates", none, file(func(f *aliases.File) {
			f.Content.Repeated = 1
			f.Content.Duplicates = []aliases.Duplicate{{Key: "a", First: 2, Last: 9}}
		}), nagios.OK, ""},
		{"required", none, file(func(f *aliases.File) { f.Content.Required = []aliases.Requirement{{Key: "k", Line: 2}} }), nagios.OK, ""},
		{"required, absent", none, file(func(f *aliases.File) { f.Content.Required = []aliases.Requirement{{Key: "k"}} }), nagios.Critical, "/etc/aliases: required key k not found: it does not stand in the file"},
		{"required, found empty", none, file(func(f *aliases.File) { f.Content.Required = []aliases.Requirement{{Key: "k", Line: 2, Empty: true}} }), nagios.Warning, "required key k has no value in line 2: Exim finds it with empty data"},
		{"required, not read", none, file(func(f *aliases.File) {
			f.Content.Required = []aliases.Requirement{{Key: "k"}}
			f.Content.Counts[aliases.Oversize] = 1
		}), nagios.Critical, "required key k not found: it does not stand in the part of the file that was read"},
		{"many required", none, file(func(f *aliases.File) {
			f.Content.Required = []aliases.Requirement{{Key: "k"}, {Key: "l"}, {Key: "m"}, {Key: "n"}, {Key: "o"}}
		}), nagios.Critical, "required key m not found: it does not stand in the file; 2 more required keys not found"},
		{"required, lost", none, file(func(f *aliases.File) {
			f.Content.Required = []aliases.Requirement{{Key: "k", Lost: &aliases.Problem{Kind: aliases.NUL, Line: 812, Cause: 811}}}
		}), nagios.Critical, "required key k not found: line 812 is swallowed by the NUL in line 811"},
		{"required, in a comment", none, file(func(f *aliases.File) { f.Content.Required = []aliases.Requirement{{Key: "k", Note: 4}} }), nagios.Critical, "it stands in a comment, line 4"},
		{"map", none, withMap(aliases.CompiledMap{Path: "m.db", ModTime: ago(29 * time.Minute)}), nagios.OK, ""},
		{"stale map", none, withMap(aliases.CompiledMap{Path: "m.db", ModTime: ago(2 * time.Hour)}), nagios.Critical, "its map m.db is 1h 30m older than the file"},
		{"stale cdb of Postfix", func(o *options) { o.Format = aliases.Aliases }, withMap(aliases.CompiledMap{Path: "/etc/aliases.cdb", Kind: aliases.CDB, ModTime: ago(2 * time.Hour)}), nagios.Critical, "(run postalias cdb:/etc/aliases)"},
		{"stale map beside a fresh one", none, file(func(f *aliases.File) {
			f.Maps = []aliases.CompiledMap{{Path: "m.db", Kind: aliases.DB, ModTime: ago(2 * time.Hour)}, {Path: "m.lmdb", Kind: aliases.LMDB, ModTime: ago(time.Minute)}}
		}), nagios.Critical, "its map m.db is 1h 30m older than the file: the mail server has the old entries if it is this map that it uses"},
		{"stale map beside a damaged one", none, file(func(f *aliases.File) {
			f.Maps = []aliases.CompiledMap{{Path: "m.db", Kind: aliases.DB, ModTime: ago(2 * time.Hour)}, {Path: "m.lmdb", Kind: aliases.LMDB, ModTime: ago(time.Minute), Damage: "is empty"}}
		}), nagios.Critical, "older than the file: the mail server still uses the old entries"},
		{"stale map of an unknown format", func(o *options) { o.Format = aliases.None }, withMap(aliases.CompiledMap{Path: "m.db", Kind: aliases.DB, ModTime: ago(2 * time.Hour)}), nagios.Critical, "uses the old entries (compile it again)"},
		{"map of 100 s", none, file(func(f *aliases.File) {
			f.ModTime, f.Maps = ago(100*time.Second), []aliases.CompiledMap{{Path: "m.db", ModTime: ago(time.Hour)}}
		}), nagios.OK, ""},
		{"no map", none, withMap(aliases.CompiledMap{Path: "m.db", Fault: aliases.Missing}), nagios.Critical, "its map m.db does not exist"},
		{"damaged map", none, withMap(aliases.CompiledMap{Path: "m.db", ModTime: ago(time.Minute), Damage: "is empty"}), nagios.Critical, "its map m.db is empty"},
		{"unreadable map", none, withMap(aliases.CompiledMap{Path: "m.db", Fault: aliases.Denied}), nagios.Unknown, "its map m.db cannot be read: permission denied"},
		{"map is a folder", none, withMap(aliases.CompiledMap{Path: "m.db", Fault: aliases.Irregular}), nagios.Critical, "is no regular file"},
	} {
		r := judge(given(test.opt), facts{files: []aliases.File{test.file}}, now)
		said[test.name] = r.State.String() + " - " + r.Summary
		if r.State != test.want || !strings.Contains(r.Summary+"$", test.text) {
			t.Errorf("%s: judge = %v, %q; want %v, %q", test.name, r.State, r.Summary, test.want, test.text)
		}
	}
	document.KeepRows(t, "../docs/check_alias_freshness.md", "judge", said)
}

// What cannot be looked at is UNKNOWN and hides nothing else.
func TestFailures(t *testing.T) {
	failed := []failure{{"/x", errors.New("read /x: input/output error"), false}}
	for _, test := range []struct {
		facts facts
		want  nagios.State
		text  string
	}{
		{facts{failed: failed}, nagios.Unknown, "/x cannot be looked at: read /x: input/output error"},
		{facts{failed: failed, files: []aliases.File{file(nil)}}, nagios.Unknown, "/x cannot be looked at: read /x: input/output error (the other file is fine)"},
		{facts{failed: failed, files: []aliases.File{{Path: "/y", Fault: aliases.Missing}}}, nagios.Critical, "/y is missing (and 1 more of 2 files)"},
		{facts{timer: &timer{err: errors.New("no bus")}, files: []aliases.File{file(nil)}}, nagios.Unknown, "; its timer cannot be looked at: no bus"},
		{facts{timer: &timer{err: errors.New("no bus")}, files: []aliases.File{{Path: "/y", Fault: aliases.Missing}}}, nagios.Critical, "/y is missing"},
		{facts{timer: &timer{err: errors.New("no bus")}, files: []aliases.File{file(func(f *aliases.File) { f.ModTime = ago(3 * time.Hour) })}}, nagios.Critical, "allowed is 2h; its timer cannot be looked at: no bus"},
		{facts{timer: &timer{err: errors.New("no answer"), late: true}, files: []aliases.File{file(nil)}}, nagios.Warning, "; its timer cannot be looked at"},
		{facts{failed: []failure{{"/x", errors.New("no time was left"), true}}}, nagios.Warning, "/x cannot be looked at: no time was left"},
		{facts{failed: []failure{{"/x", errors.New("no time was left"), true}}, files: []aliases.File{{Path: "/y", Fault: aliases.Missing}}}, nagios.Critical, "/y is missing (and 1 more of 2 files)"},
	} {
		r := judge(given(func(o *options) { o.TimeoutState = nagios.Warning }), test.facts, now)
		if r.State != test.want || !strings.Contains(r.Summary, test.text) {
			t.Errorf("judge(%+v) = %v, %q; want %v, %q", test.facts, r.State, r.Summary, test.want, test.text)
		}
	}
}

// hourly is a timer whose job ended some time ago, after 10 minutes.
func hourly(ended time.Duration, change func(*timer)) *timer {
	t := &timer{host: systemd.Host{Zone: time.UTC}}
	t.Timer = systemd.Timer{
		Unit:     systemd.Unit{Name: "x.timer", LoadState: "loaded", ActiveState: "active", ActiveEnter: ago(9000 * time.Hour)},
		Calendar: []string{"hourly"}, Accuracy: time.Minute,
	}
	t.Service = systemd.Service{
		Unit: systemd.Unit{Name: "x.service", LoadState: "loaded", ActiveState: "inactive", InactiveExit: ago(ended + 10*time.Minute), InactiveEnter: ago(ended)},
	}
	if change != nil {
		change(t)
	}
	return t
}

// now is 16:47; the elapses are on the hour.
func TestSchedule(t *testing.T) {
	running := func(t *timer) { t.Service.ActiveState, t.Service.InactiveExit = "activating", ago(47*time.Minute) }
	said := map[string]string{}
	for _, test := range []struct {
		name    string
		written time.Duration
		timer   *timer
		want    nagios.State
		text    string
	}{
		{"fresh", 40 * time.Minute, hourly(37*time.Minute, nil), nagios.OK, "was last written 40m ago"},
		{"one missed", 50 * time.Minute, hourly(37*time.Minute, nil), nagios.Warning, "1 update of x.timer missed, yet x.service claims success 37m ago while the file does not move"},
		{"two missed", 110 * time.Minute, hourly(37*time.Minute, nil), nagios.Critical, "2 updates of x.timer missed"},
		{"110 days", 110 * 24 * time.Hour, hourly(37*time.Minute, nil), nagios.Critical, "2640 updates of x.timer missed, yet x.service claims success"},
		{"swallowed", 110 * time.Minute, hourly(37*time.Minute, func(t *timer) { t.Service.ExecMainCode, t.Service.ExecMainStatus = 1, 3 }), nagios.Critical, "does not move (exit status 3, ignored)$"},
		{"declared a success", 110 * time.Minute, hourly(37*time.Minute, func(t *timer) {
			t.Service.ExecMainCode, t.Service.ExecMainStatus, t.Service.SuccessStatus = 1, 75, []int32{75}
		}), nagios.Critical, "does not move$"},
		{"killed", 110 * time.Minute, hourly(37*time.Minute, func(t *timer) { t.Service.ExecMainCode, t.Service.ExecMainStatus = 2, 9 }), nagios.Critical, "does not move (killed by signal 9)$"},
		{"a long job", 50 * time.Minute, hourly(65*time.Minute, func(t *timer) { t.Service.InactiveExit = ago(120 * time.Minute) }), nagios.OK, ""},
		{"a hang that was killed excuses nothing", 13 * time.Hour, hourly(5*time.Minute, func(t *timer) { t.Service.InactiveExit = ago(12 * time.Hour) }), nagios.Critical, "13 updates of x.timer missed"},
		{"slack", 50 * time.Minute, hourly(65*time.Minute, func(t *timer) { t.Timer.RandomizedDelay = 40 * time.Minute }), nagios.OK, ""},
		{"at work", 50 * time.Minute, hourly(37*time.Minute, running), nagios.OK, ""},
		{"stuck", 3 * time.Hour, hourly(37*time.Minute, running), nagios.Critical, "2 updates of x.timer missed, x.service has been running for 47m"},
		{"failed", 3 * time.Hour, hourly(37*time.Minute, func(t *timer) { t.Service.ActiveState, t.Service.Result = "failed", "exit-code" }), nagios.Critical, "x.service failed (exit-code)"},
		{"not since", 3 * time.Hour, hourly(3*time.Hour+time.Minute, nil), nagios.Critical, "x.service last ran 3h 1m ago"},
		{"ended after it wrote", 3 * time.Hour, hourly(3*time.Hour-time.Minute, nil), nagios.Critical, "x.service last ran 2h 59m ago"},
		{"hangs after it wrote", 150 * time.Minute, hourly(4*time.Hour, func(t *timer) { t.Service.ActiveState, t.Service.InactiveExit = "activating", ago(160*time.Minute) }), nagios.Critical, "2 updates of x.timer missed, x.service has been running for 2h 40m"},
		{"restart loop", 3 * time.Hour, hourly(4*time.Hour, func(t *timer) {
			t.Service.ActiveState, t.Service.SubState, t.Service.Result, t.Service.InactiveExit = "activating", "auto-restart", "exit-code", ago(47*time.Minute)
		}), nagios.Critical, "2 updates of x.timer missed, x.service fails and is started again, over and over (exit-code)"},
		{"service masked", 3 * time.Hour, hourly(0, func(t *timer) { t.Service.Unit = systemd.Unit{Name: "x.service", LoadState: "masked"} }), nagios.Critical, "3 updates of x.timer missed, x.service is masked"},
		{"stays active", 3 * time.Hour, hourly(0, func(t *timer) {
			t.Service.ActiveState, t.Service.SubState, t.Service.InactiveEnter = "active", "exited", time.Time{}
		}), nagios.Critical, "3 updates of x.timer missed, x.service is active (exited): the timer cannot start it again"},
		{"absent", time.Minute, hourly(time.Minute, func(t *timer) { t.Timer.LoadState = "not-found" }), nagios.Critical, "nothing rewrites it: x.timer is not-found"},
		{"inactive", time.Minute, hourly(time.Minute, func(t *timer) { t.Timer.ActiveState = "inactive" }), nagios.Critical, "nothing rewrites it: x.timer is inactive"},
		{"no schedule", time.Hour, hourly(time.Minute, func(t *timer) { t.Timer.Calendar = nil }), nagios.OK, ""},
		{"bad schedule", time.Hour, hourly(time.Minute, func(t *timer) { t.Timer.Calendar = []string{"x"} }), nagios.Unknown, "its schedule is not understood: x.timer: OnCalendar=x"},
		{"future", -time.Hour, hourly(time.Minute, nil), nagios.Warning, "in the future"},
	} {
		opt := given(func(o *options) { o.Warning, o.Critical = nagios.TimeRange{}, nagios.TimeRange{} })
		f := file(func(f *aliases.File) { f.ModTime = ago(test.written) })
		r := judge(opt, facts{files: []aliases.File{f}, timer: test.timer}, now)
		said[test.name] = r.State.String() + " - " + r.Summary
		if r.State != test.want || !strings.Contains(r.Summary+"$", test.text) {
			t.Errorf("%s: judge = %v, %q; want %v, %q", test.name, r.State, r.Summary, test.want, test.text)
		}
	}
	document.KeepRows(t, "../docs/check_alias_freshness.md", "schedule", said)
}

// The example runs in README.md: the file of the incident, and a map that nobody
// compiled again.
func TestREADME(t *testing.T) {
	for command, f := range map[string]aliases.File{
		"check_alias_freshness -f /etc/exim4/vrts_aliases --format exim -w 1h -c 2h": {
			Path: "/etc/exim4/vrts_aliases", Size: 4823, ModTime: time.Date(2022, 2, 22, 3, 44, 0, 0, time.UTC),
			Content: &aliases.Content{Format: aliases.Exim, Entries: 127, Digest: 0x2b4c1e7793ad5f08},
		},
		"check_alias_freshness -f /etc/aliases --format aliases -w 52w": {
			Path: "/etc/aliases", Size: 1204, ModTime: ago(26 * time.Hour),
			Content: &aliases.Content{Format: aliases.Aliases, Entries: 31, Digest: 0x90d7c4fb0e6a1d35},
			Maps:    []aliases.CompiledMap{{Path: "/etc/aliases.db", Kind: aliases.DB, Size: 12288, ModTime: ago(100 * 24 * time.Hour)}},
		},
	} {
		opt := given(func(o *options) {
			o.Format, o.Warning, o.Critical = f.Content.Format, nagios.TimeRange{}, nagios.TimeRange{}
			words := strings.Fields(command)
			for name, r := range map[string]*nagios.TimeRange{"-w": &o.Warning, "-c": &o.Critical} {
				if k := slices.Index(words, name); k >= 0 {
					if err := r.UnmarshalText([]byte(words[k+1])); err != nil {
						t.Fatal(err)
					}
				}
			}
		})
		r := judge(opt, facts{files: []aliases.File{f}}, now)
		for _, file := range []string{"../README.md", "../docs/check_alias_freshness.md"} {
			document.KeepSample(t, file, command, output.Text("ALIAS_FRESHNESS", r, 0))
		}
	}
}
