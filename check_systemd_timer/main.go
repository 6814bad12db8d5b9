// Command check_systemd_timer reports whether systemd timers fire, whether their jobs finish, and
// whether they finished recently - or are stuck. It asks systemd over D-Bus, changes nothing, and
// needs no privileges.
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

func main() { plugin.Main(check()) }

func check() plugin.Check {
	var opt options
	return plugin.Check{
		Name: "check_systemd_timer", About: about, Examples: examples, Options: &opt,
		Run: func(ctx context.Context) (nagios.Result, error) {
			prefetched := journal.Prefetch(systemd.SeemRunning(opt.User, opt.Unit))
			defer prefetched.Stop()
			f, bus, err := gather(ctx, opt)
			if err != nil {
				return nagios.Result{}, err
			}
			again, _ := bus.Read(ctx, f.partial()...) // these timers need all facts
			f.replace(again)
			f.readProcesses(ctx, bus, f.wantProcesses(opt, time.Now())) // of runs that alert so far
			f.readBefore(ctx, opt, f.wantBefore(opt), prefetched)
			f.readProcesses(ctx, bus, f.wantProcesses(opt, time.Now())) // of runs that alert by now
			return judge(opt, f, time.Now()), nil
		},
	}
}

// gather reads the timers asked for, each once. Without -v it judges a whole host while it reads,
// and keeps no facts of fine timers. The end of the process closes the bus.
func gather(ctx context.Context, opt options) (f facts, bus *systemd.Conn, err error) {
	if bus, err = systemd.Dial(ctx, opt.User); err != nil {
		return f, bus, err
	}
	f = facts{named: map[string]bool{}, whole: opt.All || slices.ContainsFunc(opt.Unit, isGlob)}
	var known []string
	if f.whole {
		plugin.OneThread()
		if known, err = bus.Timers(ctx); err != nil {
			return f, bus, err
		}
		if opt.OutputFormat != "nagios" { // the numbers of all timers are printed
			plugin.SaveMemory(len(known))
		}
	}
	names := choose(opt, known, &f)
	if f.whole && opt.Verbose == 0 {
		if f.host, err = bus.Host(); err == nil {
			exact := opt.OutputFormat != "nagios" || opt.Warning.Set || opt.Critical.Set
			keep := func(p systemd.Pair) { f.keep(opt, p, time.Now()) }
			err = bus.ReadPartial(ctx, names, exact, keep)
		}
		return f, bus, err
	}
	if f.timers, err = bus.Read(ctx, names...); err == nil {
		f.host, err = bus.Host()
	}
	return f, bus, err
}

// readBefore reads from the journal how the earlier runs ended.
func (f *facts) readBefore(ctx context.Context, opt options, pairs []systemd.Pair,
	prefetched journal.Readers) {
	ctx, cancel := plugin.Part(ctx)
	defer cancel()
	plugin.Each(len(pairs), atOnce, func(i int) {
		b, s := f.before[pairs[i].Timer.Name], pairs[i].Service
		defer caught(&b.err)
		b.runs, b.err = prefetched.Read(ctx, s.Name, opt.User, s.StateChange)
	})
}

// readProcesses looks at what the processes of runs in progress wait for.
func (f *facts) readProcesses(ctx context.Context, bus *systemd.Conn, pairs []systemd.Pair) {
	ctx, cancel := plugin.Part(ctx)
	defer cancel()
	for _, p := range pairs {
		st := f.stuck[p.Timer.Name]
		st.listed, st.err = bus.Processes(ctx, p.Service.Name)
	}
	plugin.Each(len(pairs), atOnce, func(i int) {
		st := f.stuck[pairs[i].Timer.Name]
		defer caught(&st.err)
		if pids := st.pids(); len(pids) > 0 {
			st.seen, st.err = process.Gather(ctx, "/", pairs[i].Service.ControlGroup, pids)
		}
	})
}
