package main

import (
	"errors"
	"slices"
	"time"

	"mailfresh/internal/nagios"
	"mailfresh/internal/systemd"
)

// facts is what was seen of the timers asked for.
type facts struct {
	host      systemd.Host
	timers    []systemd.Pair
	named     map[string]bool // by the name asked for: the timer was named, so it is expected to run
	whole     bool            // --all or a glob: the set of timers may change from run to run
	unmatched []string        // globs that matched nothing

	before map[string]*before // by timer: the runs before, where a run is in progress
	stuck  map[string]*stuck  // by timer: the processes, where a run in progress alerts
}

// isNamed reports whether the timer was named, by this name or by an alias.
func (f facts) isNamed(pair systemd.Pair) bool {
	return slices.ContainsFunc(pair.Asked, func(name string) bool { return f.named[name] })
}

// inProgress are the pairs of which the runs before are wanted: those with a run
// in progress first, then all if more is to be said.
func (f facts) inProgress(opt options) (pairs, idle []systemd.Pair) {
	for _, p := range f.timers {
		s := subject{Pair: p}
		switch {
		case !p.Service.IsService || p.Timer.LoadState != "loaded":
		case s.running():
			pairs = append(pairs, p)
		case opt.Verbose > 0:
			idle = append(idle, p)
		}
	}
	return pairs, idle
}

// suspicious are the pairs of which the processes are wanted: those with a run
// in progress that alerts, or all of these if more is to be said.
func (f facts) suspicious(opt options, now time.Time) (pairs []systemd.Pair) {
	running, _ := f.inProgress(opt)
	for _, p := range running {
		if p.Service.ControlGroup != "" && (opt.Verbose > 0 || inspect(opt, f, p, now).State != nagios.OK) {
			pairs = append(pairs, p)
		}
	}
	return pairs
}

// most is how many pairs the journal, or the processes, are read of.
const most = 64

// wantBefore gives the services of which the runs before are to be read, and
// where to put them.
func (f *facts) wantBefore(opt options) (services []string, runs []*before) {
	f.before = map[string]*before{}
	running, idle := f.inProgress(opt)
	for i, p := range append(running, idle[:min(len(idle), max(0, most-len(running)))]...) {
		b := &before{}
		f.before[p.Timer.Name] = b
		if i >= most {
			b.err = errors.New("there are too many")
			continue
		}
		services, runs = append(services, p.Service.Name), append(runs, b)
	}
	return services, runs
}

// wantProcesses gives the services of which the processes are to be looked at,
// and where to put them.
func (f *facts) wantProcesses(opt options, now time.Time) (services []systemd.Service, looks []*stuck) {
	f.stuck = map[string]*stuck{}
	pairs := f.suspicious(opt, now)
	for _, p := range pairs[:min(len(pairs), most)] {
		st := &stuck{}
		f.stuck[p.Timer.Name] = st
		services, looks = append(services, p.Service), append(looks, st)
	}
	return services, looks
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
