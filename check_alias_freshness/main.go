// Command check_alias_freshness reports whether an alias file, and the map that is
// compiled from it, is fresh, complete and readable by its mail server. It reads
// and changes nothing; with --timer it asks systemd over D-Bus.
package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mailfresh/internal/aliases"
	"mailfresh/internal/nagios"
	"mailfresh/internal/plugin"
	"mailfresh/internal/systemd"
)

func main() { plugin.Main(check()) }

func check() plugin.Check {
	var opt options
	return plugin.Check{
		Name:     "check_alias_freshness",
		About:    "check_alias_freshness reports whether an alias file, and the map that is compiled from it, is fresh, complete and readable by its mail server.",
		Examples: []string{"check_alias_freshness -f /etc/aliases --format aliases -w 25h -c 2d", "check_alias_freshness -f /etc/exim4/vrts_aliases --timer generate_vrts_aliases"},
		Options:  &opt,
		Run: func(ctx context.Context) (nagios.Result, error) {
			return judge(opt, gather(ctx, opt), time.Now()), nil // after the last fact
		},
	}
}

// gather reads the files asked for, each once, and the timer. What cannot be
// looked at, or not in time, hides nothing of the rest.
func gather(ctx context.Context, opt options) facts {
	var f facts
	seen := map[string]bool{}
	for _, pattern := range opt.File {
		paths, err := aliases.Glob(pattern)
		switch {
		case err != nil: // not all of them
			f.failed = append(f.failed, failure{name: pattern, err: err})
		case len(paths) == 0:
			f.unmatched = append(f.unmatched, pattern)
		}
		for _, path := range paths {
			if seen[path] {
				continue
			}
			seen[path] = true
			var file aliases.File
			err := ctx.Err()
			if err == nil {
				file, err = aliases.ReadFile(ctx, path, aliases.Request{Format: opt.Format, Require: opt.Require, Maps: opt.Compiled, Now: time.Now(), Each: plugin.Each})
			}
			switch {
			case errors.Is(err, context.DeadlineExceeded):
				f.failed = append(f.failed, failure{path, fmt.Errorf("no time was left: %w", err), true})
			case err != nil:
				f.failed = append(f.failed, failure{name: path, err: err})
			default:
				f.files = append(f.files, file)
			}
		}
	}
	if opt.Timer != "" {
		f.timer = readTimer(ctx, opt.Timer)
		f.timer.late = errors.Is(f.timer.err, context.DeadlineExceeded)
	}
	return f
}

func readTimer(ctx context.Context, name string) *timer {
	bus, err := systemd.Dial(ctx, false)
	if err != nil {
		return &timer{err: err}
	}
	defer bus.Close()
	pairs, err := bus.Read(ctx, name)
	if err != nil {
		return &timer{err: err}
	}
	host, err := bus.Host() // what that timer needs of it
	if err != nil {
		return &timer{err: err}
	}
	return &timer{Pair: pairs[0], host: host}
}
