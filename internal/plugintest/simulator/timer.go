package simulator

import (
	"time"

	"mailfresh/internal/calendar"
)

// TimerFile holds the settings of a timer (systemd.timer(5)). Spans are microseconds.
type TimerFile struct {
	Entries                       []Entry
	Accuracy, Delay, Offset       int64 // AccuracySec=, RandomizedDelaySec=, RandomizedOffsetSec=
	FixedDelay, Persistent, Defer bool  // FixedRandomDelay=, Persistent=, DeferReactivation=
	Forget                        bool  // RemainAfterElapse=no
}

// An Entry is a line such as OnCalendar= or OnBootSec=.
type Entry struct {
	// OnCalendar, OnActiveSec, OnBootSec, OnStartupSec, OnUnitActiveSec, OnUnitInactiveSec
	Base  string
	Event *calendar.Event
	Span  int64
}

// timer is the state of a timer.
type timer struct {
	unit
	result      string
	lastTrigger Stamp
	disabled    []bool // entries that have elapsed and count once
	elapse      Stamp  // NextElapseUSecRealtime and NextElapseUSecMonotonic; 0: none
	late        int64  // how much of AccuracySec= systemd takes this time
}

// timerDue is when the timer elapses, in real time.
func (p *Pair) timerDue() int64 {
	t := &p.timer
	if t.state != "waiting" {
		return never
	}
	due := int64(never)
	if t.elapse.Wall != 0 {
		due = p.host.atWall(t.elapse.Wall) + t.late
	}
	if t.elapse.Mono != 0 {
		due = min(due, p.host.atMono(t.elapse.Mono)+t.late)
	}
	return due
}

// RestartTimer is systemctl restart of the timer.
func (p *Pair) RestartTimer() {
	p.StopTimer()
	p.StartTimer()
}

// StopTimer is systemctl stop of the timer.
func (p *Pair) StopTimer() {
	if active(p.timer.state) == "active" {
		p.enterTimer("dead")
	}
}

// StartTimer is systemctl start of the timer. After systemd 252 the last trigger of this boot is
// kept.
func (p *Pair) StartTimer() {
	t := &p.timer
	if active(t.state) == "active" {
		return
	}
	if p.host.Release <= 252 {
		t.lastTrigger = Stamp{}
	}
	for i, e := range p.loaded.Timer.Entries {
		if i < len(t.disabled) && e.Base == "OnActiveSec" {
			t.disabled[i] = false
		}
	}
	now := p.host.Stamp()
	switch {
	case !p.loaded.Timer.Persistent:
	case p.stamp == 0:
		p.stamp = now.Wall
	case p.stamp < now.Wall:
		t.lastTrigger.Wall = p.stamp
	}
	p.enterWaiting(false)
}

// enterTimer changes the timer's state.
func (p *Pair) enterTimer(state string) {
	if state != "waiting" {
		p.timer.elapse = Stamp{}
	}
	p.timer.enter(state, p.host.Stamp())
}

// trigger starts the service because the timer has elapsed.
func (p *Pair) trigger() {
	p.timer.lastTrigger = p.host.Stamp()
	if p.loaded.Timer.Persistent {
		p.stamp = p.timer.lastTrigger.Wall
	}
	p.queueStart()
	p.enterTimer("running")
}

// notify tells the timer that its service has changed its state, or that a job of it is done.
func (p *Pair) notify() {
	for i, e := range p.loaded.Timer.Entries {
		if i < len(p.timer.disabled) && ofUnit(e.Base) {
			p.timer.disabled[i] = false
		}
	}
	switch p.timer.state {
	case "waiting", "elapsed":
		p.enterWaiting(false)
	case "running":
		if isDown(p.service.state) {
			p.enterWaiting(false)
		}
	}
}

func ofUnit(base string) bool { return base == "OnUnitActiveSec" || base == "OnUnitInactiveSec" }

// timeChange tells the timer that the wall clock was stepped.
func (p *Pair) timeChange() {
	if p.timer.state != "waiting" {
		return
	}
	p.timer.lastTrigger.Wall = min(p.timer.lastTrigger.Wall, p.host.Stamp().Wall)
	p.enterWaiting(true)
}

// enterWaiting computes the next elapse. Without one the timer has elapsed for good.
func (p *Pair) enterWaiting(timeChange bool) {
	t, file, h := &p.timer, &p.loaded.Timer, p.host
	if len(t.disabled) != len(file.Entries) {
		t.disabled = make([]bool, len(file.Entries))
	}
	var next Stamp
	around := !file.Forget
	for i, e := range file.Entries {
		around = around || ofUnit(e.Base)
		switch {
		case t.disabled[i]:
		case e.Base == "OnCalendar":
			next.Wall = earlier(next.Wall, p.calendarElapse(e))
		default:
			at, once := p.monotonicElapse(e)
			if at != 0 && once && t.lastTrigger != (Stamp{}) && !timeChange && at < h.Stamp().Mono {
				t.disabled[i] = true
				continue
			}
			next.Mono = earlier(next.Mono, at)
		}
	}
	if next == (Stamp{}) {
		state := "elapsed"
		if !around {
			state = "dead"
		}
		p.enterTimer(state)
		return
	}
	t.elapse = Stamp{p.delayed(next.Wall), p.delayed(next.Mono)}
	t.late = h.upTo(file.Accuracy)
	p.enterTimer("waiting")
}

// earlier is the earlier of two instants of which 0 is none.
func earlier(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// delayed adds what RandomizedDelaySec= draws.
func (p *Pair) delayed(at int64) int64 {
	file := &p.loaded.Timer
	switch {
	case at == 0 || file.Delay == 0:
		return at
	case file.FixedDelay:
		return at + int64(p.fixed%uint64(file.Delay))
	}
	return at + p.host.upTo(file.Delay)
}

// calendarElapse is the next elapse of a calendar entry, 0 if it has none. An elapse from before
// the boot is due when systemd starts.
func (p *Pair) calendarElapse(e Entry) int64 {
	t, h := &p.timer, p.host
	now := h.Stamp()
	base := t.lastTrigger.Wall
	switch {
	case p.loaded.Timer.Defer && h.Release >= 257 && p.service.inactiveEnter != (Stamp{}):
		base = max(base, p.service.inactiveEnter.Wall)
	case base != 0:
	case t.inactiveExit != (Stamp{}): // also of an activation that is over
		base = t.inactiveExit.Wall
	default:
		base = now.Wall
	}
	var offset int64
	if p.loaded.Timer.Offset > 0 && h.Release >= 258 {
		offset = int64(p.fixed % uint64(p.loaded.Timer.Offset))
	}
	next, ok := p.nextEvent(e.Event, base-offset)
	if !ok {
		return 0
	}
	started := now.Wall - (now.Mono - h.clock.manager.Mono) // by the wall clock as it is now
	return max(next+offset, started)
}

// nextEvent is the next elapse of a calendar event as this release finds it. After systemd 252 a
// search that reaches a new year begins anew in January.
func (p *Pair) nextEvent(e *calendar.Event, after int64) (int64, bool) {
	from := time.UnixMicro(after)
	next, ok := e.Next(from)
	if first := from.In(p.host.Zone); p.host.Release > 252 && first.Month() == time.December {
		newYear := time.Date(first.Year()+1, time.January, 1, 0, 0, 0, 0, next.Location())
		if ok && next.After(newYear) && newYear.After(from) {
			next, ok = e.Next(newYear.Add(-time.Microsecond))
		}
	}
	return next.UnixMicro(), ok
}

// monotonicElapse is the elapse of another entry on CLOCK_MONOTONIC, 0 if it has nothing to count
// from. once says that the entry elapses only once.
func (p *Pair) monotonicElapse(e Entry) (at int64, once bool) {
	t, s := &p.timer, &p.service
	base := int64(0)
	switch e.Base {
	case "OnActiveSec":
		base = p.host.Stamp().Mono
		if active(t.state) == "active" {
			base = t.inactiveExit.Mono
		}
	case "OnBootSec":
		if p.host.Container {
			base = p.host.clock.manager.Mono
		}
	case "OnStartupSec":
		base = p.host.clock.manager.Mono
	case "OnUnitActiveSec":
		base = max(s.inactiveExit.Mono, t.lastTrigger.Mono)
	case "OnUnitInactiveSec":
		base = max(s.inactiveEnter.Mono, t.lastTrigger.Mono)
	}
	if ofUnit(e.Base) && base == 0 {
		return 0, false
	}
	return base + e.Span, !ofUnit(e.Base)
}
