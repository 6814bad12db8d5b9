package systemd

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
)

// brief is what is read of a pair that is listed as idle.
type brief struct {
	pair           *Pair
	path           string // of the service
	timer, service *properties
}

// idleService are the properties that show whether there is more to be said of an idle service that
// ran. Where the clock was not stepped, the realtime stamps are enough. The last one shows whether
// the service was started while they were read.
var idleService = []struct{ kind, name string }{
	{"Unit", "InactiveEnterTimestamp"}, {"Service", "Result"}, {"Service", "ExecMainStatus"},
	{"Service", "ExecStart"}, {"Unit", "InactiveExitTimestamp"},
}

// isIdle reports whether a timer was listed as waiting and its usual service as idle. With a clock
// that was stepped or stood still, what is read of an idle pair is not enough.
func (c *Conn) isIdle(timer string) bool {
	return !c.list.stepped && !c.clock.slept() &&
		c.list.units[timer] == idle && c.list.units[usual(timer)] == idle
}

// readIdle reads those of the pairs that are idle in brief, and returns those that are not, or of
// which there is more to be said.
func (c *Conn) readIdle(ctx context.Context, pairs []*Pair) (busy []*Pair) {
	var first, second questions
	var list []brief
	for _, p := range pairs {
		timer := p.Asked[0]
		if !c.isIdle(timer) {
			busy = append(busy, p)
			continue
		}
		path := unitPath(timer)
		i := brief{p, unitPath(usual(timer)), newProperties(c.clock), newProperties(c.clock)}
		list = append(list, i)
		first.add(p, getAll("read "+timer, path, systemd1+".Timer", i.timer),
			get(path, "Unit", "ActiveEnterTimestamp", i.timer),
			get(i.path, "Unit", "InactiveExitTimestamp", i.service))
	}
	c.answer(ctx, first)
	for _, i := range list {
		if i.pair.Err != nil || i.service.uint64("InactiveExitTimestamp") == 0 { // it never ran
			continue
		}
		for _, property := range idleService {
			second.add(i.pair, get(i.path, property.kind, property.name, i.service))
		}
	}
	c.answer(ctx, second)
	for _, i := range list {
		if i.pair.Err == nil && !c.complete(i) {
			busy = append(busy, i.pair)
		}
	}
	return busy
}

// complete makes a pair of what was read of it, and reports whether there is no more to be said.
func (c *Conn) complete(i brief) bool {
	p, name := i.pair, i.pair.Asked[0]
	t, s := i.timer.timer(name), i.service.service(usual(name))
	if err := cmp.Or(i.timer.err, i.service.err); err != nil {
		p.Err = fmt.Errorf("read %s: %w", name, err)
		return true
	}
	t.LoadState, t.ActiveState, t.SubState, t.InactiveExit = "loaded", "active", "waiting",
		t.ActiveEnter
	s.LoadState, s.ActiveState, s.SubState = "loaded", "inactive", "dead"
	if s.InactiveExit.IsZero() {
		s.Result = "success"
	}
	p.Timer, p.Service, p.Brief = t, s, true
	failed := slices.ContainsFunc(s.Commands, func(e Exec) bool { return e.Status != 0 })
	return t.Triggers == s.Name && s.Result == "success" && s.ExecMainStatus == 0 && !failed &&
		triggerRan(t, s) && !s.InactiveExit.After(c.list.time)
}

// triggerRan reports whether the service ran at the timer's latest trigger in this boot, if there
// was one.
func triggerRan(t Timer, s Service) bool {
	if s.InactiveExit.IsZero() {
		return t.LastTriggerMonotonic == 0 && t.LastTrigger.Before(t.ActiveEnter)
	}
	return !s.InactiveExit.Before(t.LastTrigger.Add(-time.Second))
}
