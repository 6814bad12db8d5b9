package main

import (
	"fmt"
	"math"
	"strings"
	"time"

	"mailfresh/internal/aliases"
	"mailfresh/internal/nagios"
	"mailfresh/internal/systemd"
)

// facts is what was gathered.
type facts struct {
	files     []aliases.File
	failed    []failure // files and patterns that could not be looked at
	unmatched []string  // patterns that no file matches
	timer     *timer    // nil if none was asked for
}

type failure struct {
	name string
	err  error
	late bool // the time was up
}

// timer is the timer that should rewrite the files.
type timer struct {
	systemd.Pair
	host systemd.Host
	err  error // it could not be looked at
	late bool  // the time was up
}

// judge gives the result for the files that were read.
func judge(opt options, f facts, now time.Time) nagios.Result {
	var verdicts []nagios.Object
	for _, file := range f.files {
		s := &subject{opt: opt, File: file, timer: f.timer, now: now}
		s.inspect()
		verdicts = append(verdicts, s.verdict())
	}
	for _, pattern := range f.unmatched {
		verdicts = append(verdicts, say(nagios.Critical, pattern, "no file matches"))
	}
	for _, f := range f.failed {
		verdicts = append(verdicts, say(opt.unseen(f.late), f.name, "cannot be looked at: "+f.err.Error()))
	}
	r := nagios.Result{}
	for _, v := range verdicts {
		r.State = nagios.Worst(r.State, v.State)
		r.Objects = append(r.Objects, v)
	}
	r.Summary = nagios.Summary(r.Objects, "file", " are fresh", func(o nagios.Object) string { return o.Text })
	return r
}

// unseen is the state of what could not be looked at.
func (o *options) unseen(late bool) nagios.State {
	if late {
		return o.TimeoutState
	}
	return nagios.Unknown
}

// say makes a sentence of what was found of a file: "x is missing", but "x: no
// file matches".
func say(state nagios.State, path, text string) nagios.Object {
	joint := ": "
	switch verb, _, _ := strings.Cut(text, " "); verb {
	case "is", "was", "has", "cannot":
		joint = " "
	}
	return nagios.Object{State: state, Text: path + joint + text, Prefix: strings.TrimPrefix(path, "/")}
}

// subject is one file while it is judged.
type subject struct {
	opt options
	aliases.File
	timer    *timer
	now      time.Time
	findings nagios.Findings
	notes    []string
	data     []nagios.Quantity
}

// found adds what was seen of the file.
func (s *subject) found(state nagios.State, format string, args ...any) {
	s.findings.Add(state, format, args...)
}

func (s *subject) note(format string, args ...any) {
	s.notes = append(s.notes, fmt.Sprintf(format, args...))
}

// measure adds an item of performance data.
func (s *subject) measure(label string, value float64, unit string, warning, critical nagios.Range) {
	s.data = append(s.data, nagios.Quantity{Label: label, Value: value, Unit: unit, Signed: label == "age", Warning: warning, Critical: critical})
}

func (s *subject) inspect() {
	if s.atFault() {
		return
	}
	s.age()
	s.size()
	if s.Content != nil {
		s.content()
	}
	for _, m := range s.Maps {
		s.compiled(m)
	}
	s.mapLag()
	if s.Moving {
		s.note("note: the file may still be being written: what is said of its content may be half of it")
	}
	if s.Link != "" {
		s.note("a symbolic link to %s", s.Link)
	}
}

// atFault reports whether the file cannot be read.
func (s *subject) atFault() bool {
	switch s.Fault {
	case aliases.Missing:
		s.found(nagios.Critical, "is missing")
	case aliases.Dangling:
		s.found(nagios.Critical, "is a symbolic link to %s, which does not exist", s.Link)
	case aliases.Looping:
		s.found(nagios.Critical, "is a symbolic link that leads back to itself")
	case aliases.Irregular:
		s.found(nagios.Critical, "is not a regular file but a %s", s.Type)
	case aliases.Denied:
		where := ""
		if s.Where != s.Path {
			where = " on the directory " + s.Where
		}
		s.found(nagios.Unknown, "cannot be read: permission denied%s", where)
	default:
		return false
	}
	return true
}

// skew is how far in the future a file may seem to be written.
const skew = time.Minute

// age judges the time since the file was written.
func (s *subject) age() {
	old := max(s.now.Sub(s.ModTime), -math.MaxInt64)
	if old >= -skew {
		old = max(old, 0)
	}
	s.measure("age", math.Round(old.Seconds()), "s", s.opt.Warning.Range, s.opt.Critical.Range)
	if old < 0 {
		s.found(nagios.Warning, "was written %s in the future (%s): its freshness cannot be judged", nagios.Span(-old), nagios.Instant(s.ModTime))
		return
	}
	state := nagios.Judge(old.Seconds(), s.opt.Warning.Range, s.opt.Critical.Range)
	text := fmt.Sprintf("was last written %s ago (%s)", nagios.Span(old.Truncate(time.Second)), nagios.Instant(s.ModTime))
	if state != nagios.OK {
		text += ", " + nagios.CrossedTime(state, old.Seconds(), s.opt.Warning.Range, s.opt.Critical.Range)
	}
	if s.timer != nil {
		s.schedule(state, text)
		return
	}
	s.found(state, "%s", text)
}

func (s *subject) size() {
	s.measure("size", float64(s.Size), "B", s.opt.SizeWarning, s.opt.SizeCritical)
	state := nagios.Judge(float64(s.Size), s.opt.SizeWarning, s.opt.SizeCritical)
	switch {
	case state != nagios.OK:
		s.found(state, "has %s, %s", nagios.Count(int(s.Size), "byte", "bytes"), nagios.Crossed(state, s.opt.SizeWarning, s.opt.SizeCritical))
	case s.Size == 0 && s.Content == nil && !s.opt.SizeWarning.Set && !s.opt.SizeCritical.Set:
		s.found(nagios.Critical, "is empty")
	}
}

func (s *subject) verdict() nagios.Object {
	v := say(s.findings.Worst(), s.Path, s.findings.Text())
	v.Notes, v.Detail, v.Quantities = s.notes, s.detail(), s.data
	return v
}

// detail is the raw facts.
func (s *subject) detail() []string {
	if s.Fault != aliases.Readable {
		return nil
	}
	list := []string{fmt.Sprintf("size %d bytes, written %s", s.Size, nagios.Instant(s.ModTime))}
	if c := s.Content; c != nil {
		list = append(list, fmt.Sprintf("format %s, %s", c.Format, nagios.Count(c.Lines, "line", "lines")))
		for _, p := range c.Problems {
			list = append(list, problemText(p))
		}
	}
	for _, m := range s.Maps {
		list = append(list, fmt.Sprintf("%s: %d bytes, written %s", m.Path, m.Size, nagios.Instant(m.ModTime)))
	}
	return list
}
