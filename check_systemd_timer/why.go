package main

import (
	"context"
	"errors"
	"time"

	"mailfresh/internal/journal"
	"mailfresh/internal/plugin"
	"mailfresh/internal/process"
	"mailfresh/internal/systemd"
)

// The pairs of which the journal or the processes are read, and how many of
// them at once.
const (
	most   = 64
	atOnce = 4
)

// why adds, where a run is in progress, how the runs before ended, and where
// that alerts, what its processes wait for. What cannot be had is a note: it
// hides nothing of what is known.
func why(ctx context.Context, opt options, bus *systemd.Conn, f *facts) {
	f.readBefore(ctx, opt)
	f.readProcesses(ctx, opt, bus)
}

// half gives a part of the check at most 2 s, and at most half of the time that
// is left, so that one which hangs takes nothing from the others.
func half(ctx context.Context) (context.Context, context.CancelFunc) {
	span := 2 * time.Second
	if deadline, ok := ctx.Deadline(); ok {
		span = min(span, time.Until(deadline)/2)
	}
	return context.WithTimeout(ctx, span)
}

func (f *facts) readBefore(ctx context.Context, opt options) {
	ctx, cancel := half(ctx)
	defer cancel()
	running, idle := f.inProgress(opt)
	pairs := append(running, idle[:min(len(idle), max(0, most-len(running)))]...)
	runs := make([]before, len(pairs))
	plugin.Each(len(pairs), atOnce, func(i int) {
		if runs[i].err = errors.New("there are too many"); i < most {
			runs[i].Runs, runs[i].err = journal.Read(ctx, pairs[i].Service.Name, opt.User)
		}
	})
	f.before = map[string]*before{}
	for i, p := range pairs {
		f.before[p.Timer.Name] = &runs[i]
	}
}

func (f *facts) readProcesses(ctx context.Context, opt options, bus *systemd.Conn) {
	ctx, cancel := half(ctx)
	defer cancel()
	pairs := f.suspicious(opt, time.Now())
	pairs = pairs[:min(len(pairs), most)]
	looks := make([]stuck, len(pairs))
	f.stuck = map[string]*stuck{}
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
