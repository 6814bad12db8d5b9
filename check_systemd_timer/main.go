// Command check_systemd_timer reports whether systemd timers fire, whether their
// jobs finish, and whether they finished recently - or are stuck. It asks systemd
// over D-Bus, changes nothing, and needs no privileges.
package main

import (
	"context"
	"slices"
	"time"

	"mailfresh/internal/journal"
	"mailfresh/internal/nagios"
	"mailfresh/internal/plugin"
	"mailfresh/internal/process"
	"mailfresh/internal/systemd"
)

const atOnce = 4 // services that are looked at

func main() { plugin.Main(check()) }

func check() plugin.Check {
	var opt options
	return plugin.Check{
		Name:     "check_systemd_timer",
		About:    "check_systemd_timer reports whether systemd timers fire, whether their jobs finish, and whether they finished recently - or are stuck. With no thresholds it counts the scheduled runs that were missed.",
		Examples: []string{"check_systemd_timer -u backup -w 25h -c 2d --running-critical 3h", "check_systemd_timer --all --exclude 'apt-*'"},
		Options:  &opt,
		Run: func(ctx context.Context) (nagios.Result, error) {
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
	// The end of the process closes it: systemd would see to a closed connection before we have answered, a twentieth of our time.
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
	if f.host, err = bus.Host(); err != nil {
		return facts{}, err
	}
	f.readBefore(ctx, opt)
	f.readProcesses(ctx, opt, bus)
	return f, nil
}

// readBefore reads how the runs before one in progress ended. What cannot be
// had is a note: it hides nothing of what is known.
func (f *facts) readBefore(ctx context.Context, opt options) {
	ctx, cancel := plugin.Part(ctx)
	defer cancel()
	pairs := f.wantBefore(opt)
	plugin.Each(len(pairs), atOnce, func(i int) {
		b := f.before[pairs[i].Timer.Name]
		b.Runs, b.err = journal.Read(ctx, pairs[i].Service.Name, opt.User)
	})
}

// readProcesses looks at what the processes of a run in progress wait for, where
// that run alerts.
func (f *facts) readProcesses(ctx context.Context, opt options, bus *systemd.Conn) {
	ctx, cancel := plugin.Part(ctx)
	defer cancel()
	pairs := f.wantProcesses(opt, time.Now())
	for _, p := range pairs {
		st := f.stuck[p.Timer.Name]
		st.listed, st.err = bus.Processes(ctx, p.Service.Name)
	}
	plugin.Each(len(pairs), atOnce, func(i int) {
		st := f.stuck[pairs[i].Timer.Name]
		if pids := st.pids(); len(pids) > 0 {
			st.seen, st.err = process.Gather(ctx, "/", pairs[i].Service.ControlGroup, pids)
		}
	})
}
