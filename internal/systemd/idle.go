package systemd

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// brief is the properties that are read for a pair that is listed as idle.
type brief struct {
	pair           *Pair
	path           string // of the service
	timer, service *properties
}

// ask adds single properties of the service to the questions: "Unit.Id".
func (i brief) ask(q *questions, properties ...string) {
	for _, property := range properties {
		kind, name, _ := strings.Cut(property, ".")
		q.add(i.pair, get(i.path, kind, name, i.service))
	}
}

// ran reports whether the service has run in this boot.
func (i brief) ran() bool { return i.service.uint64("InactiveExitTimestamp") != 0 }

// isIdle reports whether a timer was listed as waiting and its usual service as idle. It is false
// if the clock was stepped or stopped: then the few properties are not enough.
func (c *Conn) isIdle(timer string) bool {
	return !c.list.stepped && !c.clock.slept() &&
		c.list.units[timer] == idle && c.list.units[usual(timer)] == idle
}

// readIdle reads the idle pairs in brief. It returns the pairs that are not idle, or that have to
// be read whole.
//
// A service that does not run and has not failed has the result "success", or "exec-condition" if
// its ExecCondition= said no. ExecStart has the end of each command of the latest start that has
// ended, unless a daemon-reload removed it. If all ended before the units were listed, and none has
// a failure that is ignored, systemd need not be asked for the result, nor whether the service was
// started since the list.
func (c *Conn) readIdle(ctx context.Context, pairs []*Pair) (busy []*Pair) {
	var first, second, third questions
	var list []brief
	for _, p := range pairs {
		timer := p.Asked[0]
		if !c.isIdle(timer) {
			busy = append(busy, p)
			continue
		}
		i := brief{p, unitPath(usual(timer)), newProperties(c.clock), newProperties(c.clock)}
		list = append(list, i)
		first.add(p, getAll("read "+timer, unitPath(timer), systemd1+".Timer", i.timer))
		i.ask(&first, "Unit.InactiveExitTimestamp")
	}
	c.answer(ctx, first)
	for _, i := range list {
		if i.pair.Err != nil {
			continue
		}
		if i.ran() {
			i.ask(&second, "Unit.InactiveEnterTimestamp", "Service.ExecStart")
		}
		if !i.ran() || len(i.timer.monotonic()) > 0 { // nothing else counts from its activation
			timer := unitPath(i.pair.Asked[0])
			second.add(i.pair, get(timer, "Unit", "ActiveEnterTimestamp", i.timer))
		}
	}
	c.answer(ctx, second)
	for _, i := range list {
		if i.pair.Err == nil && i.ran() && !i.service.endedBefore(c.list.time) {
			i.ask(&third, "Service.Result", "Service.ExecMainStatus", "Unit.InactiveExitTimestamp")
		}
	}
	c.answer(ctx, third)
	for _, i := range list {
		if i.pair.Err == nil && !c.complete(i) {
			busy = append(busy, i.pair)
		}
	}
	return busy
}

// endedBefore reports whether all commands of the latest start had ended before an instant, and
// none of them has a failure that is ignored.
func (p *properties) endedBefore(at time.Time) bool {
	latest, n := p.uint64("InactiveEnterTimestamp"), 0
	whole := true
	p.rows("ExecStart", execType, func(r *reader) {
		e, ended := r.exec("ExecStart")
		n, latest = n+1, max(latest, ended)
		whole = whole && ended > 0 && !e.IgnoreFailure
	})
	return whole && n > 0 && latest <= uint64(at.UnixMicro())
}

// complete makes a pair from its properties, and reports whether they are enough.
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
	if !i.service.has("Result") {
		s.Result = "success"
	}
	p.Timer, p.Service, p.Brief = t, s, true
	failed := slices.ContainsFunc(s.Commands, func(e Exec) bool { return e.Status != 0 })
	return t.Triggers == s.Name && s.Result == "success" && s.ExecMainStatus == 0 && !failed &&
		triggerRan(t, s) && !s.InactiveExit.After(c.list.time)
}

// triggerRan reports whether the service ran at the timer's latest trigger in this boot; true if
// there was no trigger.
func triggerRan(t Timer, s Service) bool {
	if s.InactiveExit.IsZero() {
		return t.LastTriggerMonotonic == 0 && t.LastTrigger.Before(t.ActiveEnter)
	}
	return !s.InactiveExit.Before(t.LastTrigger.Add(-time.Second))
}
