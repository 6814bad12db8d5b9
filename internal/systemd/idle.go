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

// askActivation asks when the timer was activated.
func (i idlePair) askActivation(q *batch) {
	q.add(i.pair, get(unitPath(i.pair.Asked[0]), "Unit", "ActiveEnterTimestamp", i.timer))
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
// skipped the run. ExecStart says when each command of the latest run began and ended, unless a
// daemon-reload removed that. If all commands ended before the units were listed, and none may
// ignore a failure, then the result is known and the service was not started since: nothing more is
// asked, but begin and end of the run where they have to be exact.
//
// From systemd 257 on a service is frozen with its slice, also while it does not run, and cannot be
// started then. That is rare: all pairs are read whole while any slice is frozen.
func (c *Conn) readIdle(ctx context.Context, pairs []*Pair, exact bool) (whole []*Pair) {
	var first batch
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
	}
	c.askSlices(&first)
	c.send(ctx, first)
	run := func(i idlePair, q *batch) { c.askRun(i, q, exact) }
	result := func(i idlePair, q *batch) { c.askResult(i, q, exact) }
	for _, ask := range []func(idlePair, *batch){run, c.askEnd, result} {
		var next batch
		for _, i := range list {
			if i.pair.Err == nil {
				ask(i, &next)
			}
		}
		c.send(ctx, next)
	}
	frozen := c.list.frozen()
	for _, i := range list {
		if i.pair.Err == nil && (frozen || !c.fillPair(i)) {
			whole = append(whole, i.pair)
		}
	}
	return whole
}

// askSlices asks whether the slices are frozen, of each slice until it has an answer. A slice
// without an answer counts as not frozen: systemd before 246 has no such property, and a slice may
// be gone by now.
func (c *Conn) askSlices(q *batch) {
	for name, slice := range c.list.slices {
		if slice.has("FreezerState") {
			continue
		}
		nobody := new(Pair) // who gets the error
		nobody.reset(name)
		q.add(nobody, get(unitPath(name), "Unit", "FreezerState", slice))
	}
}

// frozen reports whether a slice is frozen.
func (l listing) frozen() bool {
	for _, slice := range l.slices {
		if strings.HasPrefix(slice.text("FreezerState"), "fr") { // freezing, frozen
			return true
		}
	}
	return false
}

// askRun asks whether the service has run. It asks for the activation of the timer if something
// counts from that: monotonic entries, or calendar entries if the timer has not triggered since the
// manager's start.
func (c *Conn) askRun(i idlePair, q *batch, exact bool) {
	start := c.manager.instant("UserspaceTimestamp")
	counts := len(i.timer.monotonic()) > 0 || !i.timer.instant("LastTriggerUSec").After(start)
	if !counts && !exact {
		i.ask(q, "Service.ExecStart")
		return
	}
	i.ask(q, "Unit.InactiveExitTimestamp")
	if counts {
		i.askActivation(q)
	}
}

// askEnd asks how a run ended, if the service has run.
func (c *Conn) askEnd(i idlePair, q *batch) {
	switch asked := i.service.has("ExecStart"); {
	case asked && !i.service.endedBefore(c.list.time):
		i.ask(q, "Service.Result", "Service.ExecMainStatus", "Unit.InactiveExitTimestamp",
			"Unit.InactiveEnterTimestamp")
		i.askActivation(q)
	case !asked && i.ran():
		i.ask(q, "Unit.InactiveEnterTimestamp", "Service.ExecStart")
	}
}

// askResult asks for the result of a run, if its commands do not tell. If numbers have to be exact
// it asks for restarts by Restart=, unless the first command began with the run: from systemd 257
// on the run begins with the first attempt, and a whole pair tells how long the last one took.
func (c *Conn) askResult(i idlePair, q *batch, exact bool) {
	if i.ran() && !i.service.has("Result") && !i.service.endedBefore(c.list.time) {
		i.ask(q, "Service.Result", "Service.ExecMainStatus", "Unit.InactiveExitTimestamp")
	}
	if exact && i.ran() && !i.service.beganAtOnce() {
		i.ask(q, "Service.NRestarts")
	}
}

// beganAtOnce reports whether the first ExecStart= command began when the service left the state
// inactive.
func (p *properties) beganAtOnce() bool {
	const most = 50_000 // microseconds
	began, _, _ := p.commandTimes()
	exit := p.uint64("InactiveExitTimestamp")
	return began >= exit && began-exit <= most
}

// endedBefore reports whether all commands of the latest run, and the run if its end was read,
// ended before an instant, and none of the commands may ignore a failure.
func (p *properties) endedBefore(at time.Time) bool {
	_, latest, complete := p.commandTimes()
	return complete && max(latest, p.uint64("InactiveEnterTimestamp")) <= uint64(at.UnixMicro())
}

// commandTimes returns when the first ExecStart= command of the latest run began and when the last
// one ended, in microseconds since 1970. complete is true if all of them ended and none may ignore
// a failure.
func (p *properties) commandTimes() (began, ended uint64, complete bool) {
	n := 0
	complete = true
	p.rows("ExecStart", execType, func(r *reader) {
		e, start, end := r.exec("ExecStart")
		if n++; n == 1 {
			began = start
		}
		ended, complete = max(ended, end), complete && end > 0 && !e.IgnoreFailure
	})
	return began, ended, complete && n > 0
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
	if !i.service.has("InactiveExitTimestamp") {
		began, ended, _ := i.service.commandTimes()
		s.InactiveExit, s.InactiveEnter = c.clock.instant(began, 0), c.clock.instant(ended, 0)
		s.InactiveEnterWall = s.InactiveEnter
	}
	p.Timer, p.Service, p.Partial = t, s, true
	failed := slices.ContainsFunc(s.Commands, func(e Exec) bool { return e.Status != 0 })
	return t.Triggers == s.Name && s.Result == "success" && s.ExecMainStatus == 0 && !failed &&
		s.NRestarts == 0 && triggerRan(t, s) && !s.InactiveExit.After(c.list.time)
}

// triggerRan reports whether the service ran at the timer's latest trigger in this boot; true if
// there was no trigger.
func triggerRan(t Timer, s Service) bool {
	if s.InactiveExit.IsZero() {
		return t.LastTriggerMonotonic == 0 && t.LastTrigger.Before(t.ActiveEnter)
	}
	return !s.InactiveExit.Before(t.LastTrigger.Add(-time.Second))
}
