package main

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"mailfresh/internal/nagios"
	"mailfresh/internal/systemd"
)

// facts is what was seen of the timers asked for.
type facts struct {
	host   systemd.Host
	timers []systemd.Pair
	// by the name asked for: the timer was named, so it is expected to run
	named     map[string]bool
	whole     bool     // --all or a glob: the set of timers may change from run to run
	unmatched []string // globs that matched nothing

	before map[string]*before // by timer: the runs before, where a run is in progress
	stuck  map[string]*stuck  // by timer: the processes, where a run in progress alerts
}

// isNamed reports whether the timer was named, by this name or by an alias.
func (f facts) isNamed(pair systemd.Pair) bool {
	return slices.ContainsFunc(pair.Asked, func(name string) bool { return f.named[name] })
}

// alerting gives the names of the timers that alert, where only so much was read
// of them as shows that there may be something to say.
func (f *facts) alerting(opt options, now time.Time) (names []string) {
	if !f.whole || opt.Verbose > 0 {
		return nil
	}
	for _, p := range f.timers {
		if p.Brief && p.Err == nil && inspect(opt, *f, p, now).State != nagios.OK {
			names = append(names, p.Timer.Name)
		}
	}
	return names
}

// replace puts pairs that were read again in the place of those read before.
func (f *facts) replace(pairs []systemd.Pair) {
	again := map[string]systemd.Pair{}
	for _, p := range pairs {
		again[p.Timer.Name] = p
	}
	for i, p := range f.timers {
		if now, ok := again[p.Timer.Name]; ok && now.Err == nil {
			now.Asked = p.Asked
			f.timers[i] = now
		}
	}
}

// most is how many pairs the journal, or the processes, are read of.
const most = 64

// wantBefore gives the pairs of which the runs before are to be read: those with
// a run in progress first, then the others if more is to be said.
func (f *facts) wantBefore(opt options) (pairs []systemd.Pair) {
	var idle []systemd.Pair
	for _, p := range f.timers {
		switch {
		case !p.Service.IsService || p.Timer.LoadState != "loaded":
		case inProgress(p.Service):
			pairs = append(pairs, p)
		case p.Service.Result == "exec-condition": // systemd has forgotten the run before
			pairs = append(pairs, p)
		case opt.Verbose > 0:
			idle = append(idle, p)
		}
	}
	pairs = append(pairs, idle...)
	f.before = map[string]*before{}
	for _, p := range pairs {
		f.before[p.Timer.Name] = &before{err: errors.New("there are too many")}
	}
	return pairs[:min(len(pairs), most)]
}

// wantProcesses gives the pairs of which the processes are to be looked at:
// those with a run in progress that alerts, or all of these if more is to be said.
func (f *facts) wantProcesses(opt options, now time.Time) (pairs []systemd.Pair) {
	f.stuck = map[string]*stuck{}
	for _, p := range f.timers {
		if p.Service.ControlGroup == "" || p.Timer.LoadState != "loaded" ||
			!inProgress(p.Service) || len(pairs) == most {
			continue
		}
		if opt.Verbose > 0 || inspect(opt, *f, p, now).State != nagios.OK {
			pairs, f.stuck[p.Timer.Name] = append(pairs, p), &stuck{}
		}
	}
	return pairs
}

// caught turns a panic of what is done for one timer into its error.
func caught(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("internal error, please report it: %v", p)
	}
}

// choose gives the names of the timers to read, sorted, and notes in f which of
// them were named and which globs matched nothing.
func choose(opt options, known []string, f *facts) []string {
	var names []string
	for _, unit := range opt.Unit {
		if !isGlob(unit) {
			f.named[unit] = true
			names = append(names, unit)
			continue
		}
		matched := matching(unit, known)
		if len(matched) == 0 {
			f.unmatched = append(f.unmatched, unit)
		}
		names = append(names, matched...)
	}
	if opt.All {
		names = append(names, known...)
	}
	names = slices.DeleteFunc(names, func(name string) bool {
		return slices.ContainsFunc(opt.Exclude, func(glob string) bool { return match(glob, name) })
	})
	slices.Sort(names)
	return slices.Compact(names)
}

func matching(glob string, names []string) (matched []string) {
	for _, name := range names {
		if match(glob, name) {
			matched = append(matched, name)
		}
	}
	return matched
}

// match matches a glob that was validated; its suffix may be left out.
func match(glob, name string) bool {
	matched, _ := systemd.Match(glob, name)
	return matched
}
