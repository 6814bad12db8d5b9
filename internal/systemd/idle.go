package systemd

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// idlePair is a pair that was listed as idle, with the few properties that are read of it.
type idlePair struct {
	pair           *Pair
	path           string // of the service
	timer, service *properties
}

// ask adds calls that read single properties of the service, such as "Unit.Id", to the batch.
func (i idlePair) ask(q *batch, properties ...string) {
	for _, property := range properties {
		kind, name, _ := strings.Cut(property, ".")
		q.add(i.pair, get(i.path, kind, name, i.service))
	}
}

// ran reports whether the service has run in this boot.
func (i idlePair) ran() bool { return i.service.uint64("InactiveExitTimestamp") != 0 }

// isIdle reports whether the timer and its default service were listed as idle. It is false if the
// wall clock was set or the host suspended, because then the few properties are not enough.
func (c *Conn) isIdle(timer string) bool {
	return !c.list.stepped && !c.clock.slept() &&
		c.list.units[timer] == idle && c.list.units[defaultService(timer)] == idle
}

// readIdle reads a few properties of each idle pair. It returns the pairs that have to be read
// whole: those that are not idle, and those of which the few properties are not enough.
//
// A service that is inactive has the result "success", or "exec-condition" if its ExecCondition=
// skipped the run. ExecStart says when each command of the latest run ended, unless a daemon-reload
// removed that. If all commands ended before the units were listed, and none may ignore a failure,
// then the result is known and the service was not started since: nothing more is asked.
func (c *Conn) readIdle(ctx context.Context, pairs []*Pair) (whole []*Pair) {
	var first, second, third batch
	var list []idlePair
	for _, p := range pairs {
		timer := p.Asked[0]
		if !c.isIdle(timer) {
			whole = append(whole, p)
			continue
		}
		i := idlePair{p, unitPath(defaultService(timer)), newProperties(c.clock),
			newProperties(c.clock)}
		list = append(list, i)
		first.add(p, getAll("read "+timer, unitPath(timer), systemd1+".Timer", i.timer))
		i.ask(&first, "Unit.InactiveExitTimestamp")
	}
	c.send(ctx, first)
	for _, i := range list {
		if i.pair.Err != nil {
			continue
		}
		if i.ran() {
			i.ask(&second, "Unit.InactiveEnterTimestamp", "Service.ExecStart")
		}
		if !i.ran() || len(i.timer.monotonic()) > 0 { // only these count from the activation
			timer := unitPath(i.pair.Asked[0])
			second.add(i.pair, get(timer, "Unit", "ActiveEnterTimestamp", i.timer))
		}
	}
	c.send(ctx, second)
	for _, i := range list {
		if i.pair.Err == nil && i.ran() && !i.service.endedBefore(c.list.time) {
			i.ask(&third, "Service.Result", "Service.ExecMainStatus", "Unit.InactiveExitTimestamp")
		}
	}
	c.send(ctx, third)
	for _, i := range list {
		if i.pair.Err == nil && !c.fillPair(i) {
			whole = append(whole, i.pair)
		}
	}
	return whole
}

// endedBefore reports whether all commands of the latest run ended before an instant, and none of
// them may ignore a failure.
func (p *properties) endedBefore(at time.Time) bool {
	latest, n := p.uint64("InactiveEnterTimestamp"), 0
	complete := true
	p.rows("ExecStart", execType, func(r *reader) {
		e, ended := r.exec("ExecStart")
		n, latest = n+1, max(latest, ended)
		complete = complete && ended > 0 && !e.IgnoreFailure
	})
	return complete && n > 0 && latest <= uint64(at.UnixMicro())
}

// fillPair sets the facts of a pair, and reports whether they are enough.
func (c *Conn) fillPair(i idlePair) bool {
	p, name := i.pair, i.pair.Asked[0]
	t, s := i.timer.timer(name), i.service.service(defaultService(name))
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
	p.Timer, p.Service, p.Partial = t, s, true
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
