package systemd

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// How many pairs PID 1 is asked for at a time: those that are read whole, and in brief.
const (
	atOnce        = 64
	atOnceInBrief = 256
)

// Read reads the named timers with the units they start, in the order of the names. A timer that
// has several of the names is read once. A pair that changed while it was read, or that contradicts
// itself, is read once more. A pair's Err says why it could not be read. If no pair could be read,
// the error is that of the first.
func (c *Conn) Read(ctx context.Context, names ...string) (pairs []Pair, err error) {
	err = c.each(ctx, names, atOnce, c.readWhole, func(p Pair) { pairs = append(pairs, p) })
	return eachOnce(pairs), err
}

// ReadBrief reads as Read does, but asks little about a timer that Timers listed as waiting if its
// service is idle and nothing is wrong. It hands over each pair as soon as it is read. A timer that
// has several of the names is handed over for the first of them. In a Brief pair Timer.Unit has
// only Name, LoadState, ActiveState, SubState and, if its service has not run or it has Monotonic
// entries, InactiveExit and ActiveEnter. Service has only Name, LoadState, ActiveState, SubState,
// InactiveExit, InactiveEnter, Result and, in Commands, ExecStart.
func (c *Conn) ReadBrief(ctx context.Context, names []string, take func(Pair)) error {
	seen := map[string]bool{}
	read := func(ctx context.Context, some []*Pair) {
		for busy := range slices.Chunk(c.readIdle(ctx, some), atOnce) {
			c.readWhole(ctx, busy)
		}
	}
	return c.each(ctx, names, atOnceInBrief, read, func(p Pair) {
		if !seen[p.Timer.Name] {
			seen[p.Timer.Name] = true
			take(p)
		}
	})
}

// each reads pairs, some at a time, and hands them over in the order of the names.
func (c *Conn) each(ctx context.Context, names []string, atOnce int,
	read func(context.Context, []*Pair), take func(Pair)) error {
	var failed error
	some := len(names) == 0
	for len(names) > 0 {
		n := min(atOnce, len(names))
		pairs, refs := make([]Pair, n), make([]*Pair, n)
		late := ctx.Err() // the time that is left is for judging the pairs that were read
		for i, name := range names[:n] {
			pairs[i], refs[i] = asked(name), &pairs[i]
			if late != nil {
				pairs[i].Err = fmt.Errorf("read %s: %w", name, silence{end: late})
			}
		}
		if late == nil {
			part, cancel := share(ctx, n < len(names))
			read(part, refs)
			cancel()
		}
		for _, p := range pairs {
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

// asked is a pair that is not read yet.
func asked(name string) Pair {
	p := Pair{Asked: []string{name}}
	p.Timer.Name = name
	return p
}

// share gives the time for some of the pairs: half of what is left if there are more pairs, so that
// a pair without an answer does not hide all pairs behind it.
func share(ctx context.Context, more bool) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !more || !ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, time.Until(deadline)/2)
}

// eachOnce joins the pairs of one timer that was asked for by several names.
func eachOnce(pairs []Pair) (list []Pair) {
	place := map[string]int{}
	for _, p := range pairs {
		if at, twice := place[p.Timer.Name]; twice {
			list[at].Asked = append(list[at].Asked, p.Asked...)
			continue
		}
		place[p.Timer.Name] = len(list)
		list = append(list, p)
	}
	return list
}

// questions are calls, and for each of them the pair that it belongs to.
type questions struct {
	calls []call
	pairs []*Pair
}

func (q *questions) add(p *Pair, calls ...call) {
	for _, c := range calls {
		q.calls, q.pairs = append(q.calls, c), append(q.pairs, p)
	}
}

// answer asks the questions. A pair whose question has no answer gets an error.
func (c *Conn) answer(ctx context.Context, q questions) {
	for i, err := range c.bus.exchange(ctx, q.calls) {
		if p := q.pairs[i]; err != nil && p.Err == nil {
			*p = Pair{Asked: p.Asked, Err: err}
			p.Timer.Name = p.Asked[0]
		}
	}
}

// readWhole reads pairs, and reads a pair again that changed while it was read.
func (c *Conn) readWhole(ctx context.Context, pairs []*Pair) {
	c.readOnce(ctx, c.readOnce(ctx, pairs))
}

// readOnce reads pairs, and returns those that have to be read again.
func (c *Conn) readOnce(ctx context.Context, pairs []*Pair) (torn []*Pair) {
	began := time.Now()
	c.readUnits(ctx, pairs)
	for _, p := range pairs {
		ended := false
		if p.Err == nil {
			ended, p.Err = c.readJobs(ctx, p)
		}
		if p.Err == nil {
			p.Slices, p.Err = c.readSlices(ctx, *p)
		}
		if p.Err == nil && (ended || contradicts(*p) || p.Service.StateChange.After(began)) {
			torn = append(torn, p)
		}
	}
	return torn
}

// contradicts reports whether the timer waits for the end of a service that does not run.
func contradicts(p Pair) bool {
	s := p.Service
	return p.Timer.SubState == "running" && s.Job == nil &&
		(s.ActiveState == "inactive" || s.ActiveState == "failed")
}

// readUnits reads the units of pairs: a timer and its usual service at once, a service of another
// name after its timer.
func (c *Conn) readUnits(ctx context.Context, pairs []*Pair) {
	var first, second questions
	readService := func(name string, p *Pair) call {
		return c.getUnit(name, func(all *properties) { p.Service = all.service(name) })
	}
	for _, p := range pairs {
		name := p.Asked[0]
		*p = asked(name)
		first.add(p, c.getUnit(name, func(all *properties) { p.Timer = all.timer(name) }))
		if checkName(usual(name)) == nil { // ".service" may be too long where ".timer" is not
			first.add(p, readService(usual(name), p))
		}
	}
	c.answer(ctx, first)
	for _, p := range pairs {
		if p.Err != nil {
			continue
		}
		if c.manager == nil && (countsFromHost(p.Timer) || c.comparesWithHost(*p)) {
			second.add(p, c.hostCalls()...)
		}
		switch name := p.Timer.Triggers; name {
		case usual(p.Asked[0]):
		case "":
			p.Service = Service{}
		default:
			second.add(p, readService(name, p))
		}
	}
	c.answer(ctx, second)
	if c.manager != nil && !c.manager.has("UserspaceTimestamp") {
		c.manager = nil
		for _, p := range pairs {
			if p.Err == nil && countsFromHost(p.Timer) {
				p.Err = errNoHost
			}
		}
	}
}

// usual is the service that a timer starts unless Unit= names another.
func usual(timer string) string { return strings.TrimSuffix(timer, ".timer") + ".service" }
