package main

import (
	"slices"

	"mailfresh/internal/systemd"
)

// facts is what was seen of the timers asked for.
type facts struct {
	host      systemd.Host
	timers    []systemd.Pair
	named     map[string]bool // by the name asked for: the timer was named, so it is expected to run
	whole     bool            // --all or a glob: the set of timers may change from run to run
	unmatched []string        // globs that matched nothing
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
