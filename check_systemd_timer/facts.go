package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"mailfresh/internal/nagios"
	"mailfresh/internal/systemd"
)

// facts is what was seen of the timers asked for.
type facts struct {
	host   systemd.Host
	timers []systemd.Pair  // without the timers of fine
	fine   []nagios.Object // of a whole host: results of timers that need no second look
	// by the name asked for: the operator named the timer, so the timer is expected to run
	named     map[string]bool
	whole     bool     // --all or a glob: the set of timers may change from run to run
	unmatched []string // globs that matched nothing

	before map[string]*before // by timer: the earlier runs, if they are asked for
	stuck  map[string]*stuck  // by timer: the processes of a run in progress, if asked for
}

// isNamed reports whether the timer was named, by this name or by an alias.
func (f *facts) isNamed(pair *systemd.Pair) bool {
	return slices.ContainsFunc(pair.Asked, func(name string) bool { return f.named[name] })
}

// keep adds a timer of a whole host. If the timer is OK and wantsBefore is false, keep stores only
// the result, so that memory does not grow with the facts of thousands of timers.
func (f *facts) keep(opt options, p systemd.Pair, now time.Time) {
	if !wantsBefore(&p) {
		if o := inspect(&opt, f, &p, now); o.State == nagios.OK {
			f.fine = append(f.fine, o)
			return
		}
	}
	f.timers = append(f.timers, p)
}

// partial returns the names of the kept timers whose facts were read only in part.
func (f *facts) partial() (names []string) {
	for i := range f.timers {
		if p := &f.timers[i]; p.Partial {
			names = append(names, p.Timer.Name)
		}
	}
	return names
}

// replace puts pairs that were read again in the place of the old pairs of the same timers.
func (f *facts) replace(pairs []systemd.Pair) {
	again := map[string]*systemd.Pair{}
	for i := range pairs {
		again[pairs[i].Timer.Name] = &pairs[i]
	}
	for i := range f.timers {
		old := &f.timers[i]
		if p := again[old.Timer.Name]; p != nil && p.Err == nil {
			p.Asked = old.Asked
			*old = *p
		}
	}
}

// The limits of the second look, at the journal or at processes.
const (
	most   = 64 // pairs
	atOnce = 4  // pairs at the same time
)

// wantsBefore reports whether the verdict needs the earlier runs: a run is in progress, or systemd
// has forgotten the last run because ExecCondition= skipped a later one.
func wantsBefore(p *systemd.Pair) bool {
	return mayHaveRun(p) && (inProgress(&p.Service) || p.Service.Result == "exec-condition")
}

func mayHaveRun(p *systemd.Pair) bool {
	return p.Service.IsService && p.Timer.LoadState == "loaded"
}

// wantBefore returns at most 64 pairs whose earlier runs are to be read: first the pairs of
// wantsBefore, then, with -v, the others that may have run.
func (f *facts) wantBefore(opt options) (pairs []systemd.Pair) {
	var idle []systemd.Pair
	for i := range f.timers {
		switch p := &f.timers[i]; {
		case wantsBefore(p):
			pairs = append(pairs, *p)
		case opt.Verbose > 0 && mayHaveRun(p):
			idle = append(idle, *p)
		}
	}
	pairs = append(pairs, idle...)
	f.before = map[string]*before{}
	for _, p := range pairs {
		f.before[p.Timer.Name] = &before{err: errors.New("there are too many")}
	}
	return pairs[:min(len(pairs), most)]
}

// wantProcesses returns the pairs whose processes are still to be looked at: pairs with a run in
// progress that alerts or, with -v, with any run in progress. What was seen of pairs without such a
// run is forgotten.
func (f *facts) wantProcesses(opt options, now time.Time) (pairs []systemd.Pair) {
	seen := f.stuck
	f.stuck = map[string]*stuck{}
	for i := range f.timers {
		p := &f.timers[i]
		if p.Service.ControlGroup == "" || p.Timer.LoadState != "loaded" ||
			!inProgress(&p.Service) || len(f.stuck) == most {
			continue
		}
		if opt.Verbose == 0 && inspect(&opt, f, p, now).State == nagios.OK {
			continue
		}
		name := p.Timer.Name
		if f.stuck[name] = seen[name]; f.stuck[name] == nil {
			pairs, f.stuck[name] = append(pairs, *p), &stuck{}
		}
	}
	return pairs
}

// caught turns a panic in the work for one timer into the error of that timer.
func caught(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("internal error, please report it: %v", p)
	}
}

// choose returns the names of the timers to read, the named timers first. It notes in f which
// timers were named and which globs matched nothing.
func choose(opt options, known []string, f *facts) []string {
	var names []string
	for _, unit := range opt.Unit {
		if !isGlob(unit) {
			f.named[unit] = true
			names = append(names, unit)
			continue
		}
		others := len(names)
		for _, name := range known {
			if match(unit, name) {
				names = append(names, name)
			}
		}
		if len(names) == others {
			f.unmatched = append(f.unmatched, unit)
		}
	}
	if opt.All {
		names = append(names, known...)
	}
	names = slices.DeleteFunc(names, func(name string) bool {
		return slices.ContainsFunc(opt.Exclude, func(glob string) bool { return match(glob, name) })
	})
	slices.SortFunc(names, func(a, b string) int {
		switch {
		case f.named[a] == f.named[b]:
			return strings.Compare(a, b)
		case f.named[a]:
			return -1
		}
		return 1
	})
	return slices.Compact(names)
}

// match reports whether a validated glob matches; the glob may leave out ".timer".
func match(glob, name string) bool {
	matched, _ := systemd.Match(glob, name)
	return matched
}
