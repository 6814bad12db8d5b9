package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"mailfresh/internal/aliases"
	"mailfresh/internal/mapfile"
	"mailfresh/internal/nagios"
	"mailfresh/internal/plugin"
	"mailfresh/internal/regular"
	"mailfresh/internal/systemd"
)

// facts is what was gathered.
type facts struct {
	patterns []asked                // the names and globs of --file
	paths    []string               // the files that match them
	read     []plugin.Outcome[file] // one for each path
	timer    *timer                 // nil if none was asked for
}

// add adds a pattern and its files, without the files of earlier patterns.
func (f *facts) add(pattern asked, paths []string) {
	f.patterns = append(f.patterns, pattern)
	for _, path := range paths {
		if !slices.Contains(f.paths, path) {
			f.paths = append(f.paths, path)
		}
	}
}

// asked is a name or a glob of --file, and what matches it.
type asked struct {
	text   string
	files  int
	first  int      // index of the first file in facts.paths
	others []string // compiled maps, lock files and editors' copies, which are left out
	err    error    // why a part of it could not be looked at
}

// file is what is known of one file.
type file struct {
	File    regular.File
	content *aliases.Content // nil if no format was given or it could not be read
	maps    []compiled
}

// compiled is what is known of a map that may be compiled from a file.
type compiled struct {
	File  regular.File
	kind  mapfile.Kind
	facts mapfile.Facts
	err   error  // why it could not be looked at
	exim  string // the type of map that this host's Exim reads; empty if that is not known
}

// timer is the timer that should rewrite the files.
type timer struct {
	Pair systemd.Pair
	host systemd.Host
	err  error // why it could not be looked at
}

// part is the verdict on one side of a file: its age, its size, its content or its maps.
type part struct {
	findings nagios.Findings
	notes    []string
	data     []nagios.Quantity
}

// found is a part with one finding.
func found(state nagios.State, format string, args ...any) (p part) {
	p.findings.Add(state, format, args...)
	return p
}

// note is a part with one note.
func note(format string, args ...any) part {
	return part{notes: []string{fmt.Sprintf(format, args...)}}
}

// measure is a part with quantities.
func measure(list ...nagios.Quantity) part { return part{data: list} }

// join puts parts together.
func join(parts ...part) (all part) {
	for _, p := range parts {
		all.findings = append(all.findings, p.findings...)
		all.notes = append(all.notes, p.notes...)
		all.data = append(all.data, p.data...)
	}
	return all
}

// judge returns the result for the files that were read.
func judge(opt options, f facts, now time.Time) nagios.Result {
	var objects []nagios.Object
	for i, path := range f.paths {
		if err := f.read[i].Err; err != nil {
			objects = append(objects, unseen(opt, path, err))
			continue
		}
		objects = append(objects, judgeFile(opt, f.read[i].Value, f.timer, now))
	}
	for _, p := range f.patterns {
		if p.files > 0 && len(p.others) > 0 { // the first file of the pattern has the note
			o := &objects[min(p.first, len(f.paths)-1)]
			o.Notes = append(o.Notes, "note: "+p.text+" leaves out "+leftOut(p.others))
		}
		objects = append(objects, judgePattern(opt, p)...)
	}
	r := nagios.Result{Objects: objects}
	for _, o := range objects {
		r.State = nagios.Worst(r.State, o.State)
	}
	r.Summary = nagios.Summary(r.Objects, "file", " are fresh",
		func(o nagios.Object) string { return o.Text })
	return r
}

// judgePattern judges a pattern if a part of it could not be looked at, or if no file matches it.
func judgePattern(opt options, p asked) []nagios.Object {
	switch {
	case p.err != nil:
		return []nagios.Object{unseen(opt, p.text, p.err)}
	case p.files == 0:
		text := "no file matches"
		if len(p.others) > 0 {
			text += "; left out: " + leftOut(p.others)
		}
		return []nagios.Object{say(nagios.Critical, p.text, text)}
	}
	return nil
}

// leftOut names the first few paths that a pattern leaves out.
func leftOut(paths []string) string {
	return nagios.List(paths, shown, len(paths)) + " (compiled maps, lock files, copies)"
}

// unseen is the verdict on a file that could not be looked at.
func unseen(opt options, name string, err error) nagios.Object {
	o := say(nagios.Unknown, name, "cannot be looked at: "+err.Error())
	if plugin.Late(err) {
		o = say(opt.TimeoutState, name, "cannot be looked at: no answer in time")
	}
	o.Unseen = true
	return o
}

// say makes a sentence of a path and a text: "x is missing", but "x: no file matches".
func say(state nagios.State, path, text string) nagios.Object {
	joint := ": "
	switch verb, _, _ := strings.Cut(text, " "); verb {
	case "is", "was", "has", "cannot":
		joint = " "
	}
	return nagios.Object{
		State: state, Name: path, Named: true, Text: path + joint + text,
		Prefix: strings.TrimPrefix(path, "/"),
		Labels: []nagios.MetricLabel{{Name: "file", Value: path}},
	}
}

// judgeFile judges one file: its fault or, if there is none, its age, size, content and maps.
func judgeFile(opt options, f file, t *timer, now time.Time) nagios.Object {
	var all part
	switch f.File.Fault {
	case regular.Readable:
		all = join(age(opt, f, t, now), size(opt, f), content(opt, f), maps(opt, f, now))
		if f.File.Moving && (f.content != nil || all.findings.Worst() != nagios.OK) {
			all = join(all, note("note: the file may still be being written: what is said of its content may be half of it"))
		}
		if f.File.Link != "" {
			all = join(all, note("a symbolic link to %s", f.File.Link))
		}
	case regular.Denied:
		all = found(nagios.Unknown, "%s", f.File.Reason())
	default:
		all = found(nagios.Critical, "%s", f.File.Reason())
	}
	v := say(all.findings.Worst(), f.File.Path, all.findings.Text())
	v.Notes, v.Detail, v.Quantities = all.notes, detail(f), all.data
	v.Unseen = f.File.Fault == regular.Denied
	return v
}

// age judges the time since the file was written, in whole seconds.
func age(opt options, f file, t *timer, now time.Time) part {
	old := max(now.Sub(f.File.ModTime), -math.MaxInt64).Truncate(time.Second)
	if old >= -time.Duration(opt.MtimeTolerance) {
		old = max(old, 0)
	}
	q := nagios.Quantity{Label: "age", Value: old.Seconds(), Unit: nagios.Seconds, Signed: true,
		Warning: opt.Warning.Range, Critical: opt.Critical.Range}
	data := measure(q, nagios.Timestamp("mtime_timestamp_seconds", f.File.ModTime))
	if old < 0 {
		return join(data, found(nagios.Warning,
			"was written %s in the future (%s): its freshness cannot be judged", nagios.Span(-old),
			nagios.Instant(f.File.ModTime)))
	}
	state := nagios.Judge(q.Value, q.Warning, q.Critical)
	text := fmt.Sprintf("was last written %s ago (%s)", nagios.Span(old),
		nagios.Instant(f.File.ModTime))
	if state != nagios.OK {
		text += ", " + nagios.CrossedTime(state, q.Value, q.Warning, q.Critical)
	}
	missed, more, rest := updatesSince(opt, f, t, now)
	return join(data, found(nagios.Worst(state, missed), "%s%s", text, more), rest)
}

func size(opt options, f file) part {
	q := nagios.Quantity{Label: "size", Metric: "size_bytes", Value: float64(f.File.Size),
		Unit: nagios.Bytes, Warning: opt.SizeWarning, Critical: opt.SizeCritical}
	data, state := measure(q), nagios.Judge(q.Value, q.Warning, q.Critical)
	switch {
	case state != nagios.OK:
		return join(data, found(state, "has %s, %s",
			nagios.Count(int(f.File.Size), "byte", "bytes"),
			nagios.Crossed(state, q.Warning, q.Critical)))
	case f.File.Size == 0 && f.content == nil && !opt.SizeWarning.Set && !opt.SizeCritical.Set:
		return join(data, found(nagios.Critical,
			"is empty (if it is meant to: --size-critical 0:)"))
	}
	return data
}

// detail is the raw facts.
func detail(f file) []string {
	if f.File.Fault != regular.Readable {
		return nil
	}
	list := []string{fmt.Sprintf("size %d bytes, written %s", f.File.Size,
		nagios.Instant(f.File.ModTime))}
	if c := f.content; c != nil {
		list = append(list, fmt.Sprintf("format %s, %s", c.Format, nagios.Count(c.Lines, "line",
			"lines")))
		for _, p := range c.Problems {
			list = append(list, problemText(p))
		}
	}
	for _, m := range f.maps {
		list = append(list, mapDetail(m)...)
	}
	return list
}
