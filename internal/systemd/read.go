package systemd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// How many pairs are read at a time. With 256 single properties at a time dbus-daemon 1.14 takes
// twice as long for each.
const (
	atOnce        = 64
	atOncePartial = 128
)

// Read returns the named timers with the units they start, in the order of the names. A timer that
// has several of the names is one pair. A pair that changed while it was read, or that contradicts
// itself, is read once more. A pair that could not be read has an Err; if none could be read, the
// error is that of the first pair.
func (c *Conn) Read(ctx context.Context, names ...string) (pairs []Pair, err error) {
	err = c.each(ctx, names, atOnce, c.readWhole, func(p *Pair) { pairs = append(pairs, *p) })
	return mergeAliases(pairs), err
}

// ReadPartial reads as Read does, and passes each pair to take as soon as it is read. If
// [Conn.Timers] listed a timer as waiting, its service does not run and nothing is wrong, the pair
// is Partial: few properties are read. A timer that has several of the names is passed on for the
// first of them. In a Partial pair Timer.Unit has only Name, LoadState, ActiveState, SubState and,
// if the service has not run or the timer has Monotonic entries, InactiveExit and ActiveEnter.
// Service has only Name, LoadState, ActiveState, SubState, InactiveExit, InactiveEnter,
// InactiveEnterWall, Result and, in Commands, ExecStart. Unless exact is wanted, InactiveExit and
// InactiveEnter may be begin and end of the ExecStart= commands: ExecStartPre= may have run before,
// ExecStopPost= after them.
func (c *Conn) ReadPartial(ctx context.Context, names []string, exact bool,
	take func(Pair)) error {
	seen := map[string]bool{}
	read := func(ctx context.Context, some []*Pair) {
		for whole := range slices.Chunk(c.readIdle(ctx, some, exact), atOnce) {
			c.readWhole(ctx, whole)
		}
	}
	return c.each(ctx, names, atOncePartial, read, func(p *Pair) {
		if !seen[p.Timer.Name] {
			seen[p.Timer.Name] = true
			take(*p)
		}
	})
}

// each reads pairs, atOnce at a time, and passes them to take in the order of the names.
func (c *Conn) each(ctx context.Context, names []string, atOnce int,
	read func(context.Context, []*Pair), take func(*Pair)) error {
	some, failed := false, error(nil)
	for len(names) > 0 {
		n := min(atOnce, len(names))
		pairs, refs := make([]Pair, n), make([]*Pair, n)
		late := ctx.Err() // the time that is left is for judging the pairs that were read
		for i, name := range names[:n] {
			refs[i] = &pairs[i]
			refs[i].reset(name)
			if late != nil {
				pairs[i].Err = fmt.Errorf("read %s: %w", name, noAnswer{end: late})
			}
		}
		if late == nil {
			part, cancel := shareTime(ctx, n < len(names))
			read(part, refs)
			cancel()
		}
		for _, p := range refs {
			take(p)
			some, failed = some || p.Err == nil, cmp.Or(failed, p.Err)
		}
		names = names[n:]
	}
	if some {
		return nil
	}
	return failed
}

// reset makes p the pair of a timer that is not read yet.
func (p *Pair) reset(name string) {
	*p = Pair{}
	p.Asked, p.Timer.Name = []string{name}, name
}

// shareTime returns a context for some of the pairs: it has half of the time that is left if there
// are more pairs, so that a pair without an answer does not hide all pairs after it.
func shareTime(ctx context.Context, more bool) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !more || !ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, time.Until(deadline)/2)
}

// mergeAliases joins the pairs of a timer that was asked for by several names.
func mergeAliases(pairs []Pair) (list []Pair) {
	place := map[string]int{}
	for i := range pairs {
		p := &pairs[i]
		if at, twice := place[p.Timer.Name]; twice {
			list[at].Asked = append(list[at].Asked, p.Asked...)
			continue
		}
		place[p.Timer.Name] = len(list)
		list = append(list, *p)
	}
	return list
}

// batch is calls that are sent together, and for each of them the pair that it belongs to.
type batch struct {
	calls []call
	pairs []*Pair
}

func (b *batch) add(p *Pair, calls ...call) {
	for _, c := range calls {
		b.calls, b.pairs = append(b.calls, c), append(b.pairs, p)
	}
}

// send sends the calls. A pair gets the error of the first of its calls that fails.
func (c *Conn) send(ctx context.Context, b batch) {
	for i, err := range c.bus.exchange(ctx, b.calls) {
		if p := b.pairs[i]; err != nil && p.Err == nil {
			p.reset(p.Asked[0])
			p.Err = err
		}
	}
}

// readWhole reads pairs, and once more those that changed while they were read.
func (c *Conn) readWhole(ctx context.Context, pairs []*Pair) {
	c.readOnce(ctx, c.readOnce(ctx, pairs))
}

// readOnce reads pairs, and returns those that changed meanwhile or that contradict themselves.
func (c *Conn) readOnce(ctx context.Context, pairs []*Pair) (changed []*Pair) {
	began := time.Now()
	c.readUnits(ctx, pairs)
	for _, p := range pairs {
		ended := false
		if p.Err == nil {
			ended, p.Err = c.readJobs(ctx, p)
		}
		if p.Err == nil {
			p.Slices, p.Err = c.readSlices(ctx, p)
		}
		if p.Err == nil && (ended || contradicts(p) || p.Service.StateChange.After(began)) {
			changed = append(changed, p)
		}
	}
	return changed
}

// contradicts reports whether the timer waits for the end of a service that does not run.
func contradicts(p *Pair) bool {
	s := &p.Service
	return p.Timer.SubState == "running" && s.Job == nil &&
		(s.ActiveState == "inactive" || s.ActiveState == "failed")
}

// readUnits reads the units of pairs: a timer and its default service together, a service of
// another name after its timer.
func (c *Conn) readUnits(ctx context.Context, pairs []*Pair) {
	var first, second batch
	readService := func(name string, p *Pair) call {
		return c.getUnit(name, func(all *properties) { p.Service = all.service(name) })
	}
	for _, p := range pairs {
		name := p.Asked[0]
		p.reset(name)
		first.add(p, c.getUnit(name, func(all *properties) { p.Timer = all.timer(name) }))
		if service := defaultService(name); checkName(service) == nil { // it may be too long
			first.add(p, readService(service, p))
		}
	}
	c.send(ctx, first)
	for _, p := range pairs {
		if p.Err != nil {
			continue
		}
		if c.manager == nil && (countsFromHost(&p.Timer) || c.comparesWithHost(p)) {
			second.add(p, c.hostCalls()...)
		}
		switch name := p.Timer.Triggers; name {
		case defaultService(p.Asked[0]):
		case "":
			p.Service = Service{}
		default:
			second.add(p, readService(name, p))
		}
	}
	c.send(ctx, second)
	if c.manager != nil && !c.manager.has("UserspaceTimestamp") {
		c.manager = nil
		for _, p := range pairs {
			if p.Err == nil && countsFromHost(&p.Timer) {
				p.Err = errors.New("read the manager: no answer")
			}
		}
	}
}

// defaultService is the service that a timer starts without Unit= (systemd.timer(5)).
func defaultService(timer string) string { return strings.TrimSuffix(timer, ".timer") + ".service" }
