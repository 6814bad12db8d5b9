// Command check_systemd_timer reports whether systemd timers fire, whether their
// jobs finish, and whether they finished recently - or are stuck. It asks systemd
// over D-Bus, changes nothing, and needs no privileges.
package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"mailfresh/internal/journal"
	"mailfresh/internal/nagios"
	"mailfresh/internal/plugin"
	"mailfresh/internal/process"
	"mailfresh/internal/systemd"
)

func main() { plugin.Main(check()) }

func check() plugin.Check {
	var opt options
	return plugin.Check{
		Name:     "check_systemd_timer",
		About:    "check_systemd_timer reports whether systemd timers fire, whether their jobs finish, and whether they finished recently - or are stuck. With no thresholds it counts the scheduled runs that were missed.",
		Examples: []string{"check_systemd_timer -u backup -w 25h -c 2d --running-critical 3h", "check_systemd_timer --all --exclude 'apt-*'"},
		Options:  &opt,
		Run: func(ctx context.Context, _ time.Time) (nagios.Result, error) {
			f, err := gather(ctx, opt)
			if err != nil {
				return nagios.Result{}, err
			}
			return judge(opt, f, time.Now()), nil // after the last fact
		},
	}
}

// gather reads the timers asked for, each once, in order of name.
func gather(ctx context.Context, opt options) (facts, error) {
	bus, err := systemd.Dial(ctx, opt.User)
	if err != nil {
		return facts{}, err
	}
	defer bus.Close()
	f := facts{named: map[string]bool{}, whole: opt.All || slices.ContainsFunc(opt.Unit, isGlob)}
	var known []string
	if f.whole {
		if known, err = bus.Timers(ctx); err != nil {
			return facts{}, err
		}
	}
	read := bus.Read
	if f.whole && opt.Verbose == 0 {
		read = bus.ReadBrief
	}
	if f.timers, err = read(ctx, choose(opt, known, &f)...); err != nil {
		return facts{}, err
	}
	if f.host, err = bus.Host(ctx); err != nil {
		return facts{}, err
	}
	why(ctx, opt, bus, &f)
	return f, nil
}

// why adds, where a run is in progress, how the runs before ended, and where
// that alerts, what its processes wait for. What cannot be had is a note: it
// hides nothing of what is known.
func why(ctx context.Context, opt options, bus *systemd.Conn, f *facts) {
	const most, atOnce, span = 64, 4, 3 * time.Second
	ctx, cancel := context.WithTimeout(ctx, span)
	defer cancel()
	running, idle := f.inProgress(opt)
	pairs := append(running, idle[:min(len(idle), max(0, most-len(running)))]...)
	runs := make([]before, len(pairs))
	plugin.Each(len(pairs), atOnce, func(i int) {
		if runs[i].err = errors.New("there are too many"); i < most {
			runs[i].Runs, runs[i].err = journal.Read(ctx, pairs[i].Service.Name, opt.User)
		}
	})
	f.before, f.stuck = map[string]*before{}, map[string]*stuck{}
	for i, p := range pairs {
		f.before[p.Timer.Name] = &runs[i]
	}
	pairs = f.suspicious(opt, time.Now())
	pairs = pairs[:min(len(pairs), most)]
	looks := make([]stuck, len(pairs))
	for i, p := range pairs {
		looks[i].listed, looks[i].err = bus.Processes(ctx, p.Service.Name)
		f.stuck[p.Timer.Name] = &looks[i]
	}
	plugin.Each(len(pairs), atOnce, func(i int) {
		if pids := looks[i].pids(); len(pids) > 0 {
			looks[i].seen, looks[i].err = process.Gather(ctx, "/", pairs[i].Service.ControlGroup, pids)
		}
	})
}
