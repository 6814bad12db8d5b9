package simulator

import "slices"

// A Pair is a timer and its service, with their files.
type Pair struct {
	Name      string // without suffix
	Files     Files  // as they are on disk
	Enabled   bool
	Forgotten bool // the boot does not start the timer, although it is enabled
	Lost      bool // the timer's file is gone
	Blocked   bool // start jobs of the service wait
	Jobless   bool // start jobs of the service are lost (systemd issue 5923)

	host    *Host
	loaded  Files // as systemd has read them
	timer   timer
	service service
	stamp   int64  // the wall clock's time of the stamp file of Persistent=; 0: there is none
	fixed   uint64 // what FixedRandomDelay= and RandomizedOffsetSec= are drawn from
}

// Files are the settings of a timer and its service, and what the commands of the service do.
type Files struct {
	Timer   TimerFile
	Service ServiceFile
	Run     func() Run
}

// unit is what timer and service have in common.
type unit struct {
	state string // systemd's low-level state, SubState

	inactiveExit, activeEnter, activeExit, inactiveEnter, change Stamp
}

// Add puts a pair on the host.
func (h *Host) Add(p *Pair) {
	p.host, p.fixed = h, h.rand.Uint64()
	h.Units = append(h.Units, p)
}

// Load reads the files of a pair anew, at a boot.
func (p *Pair) Load() {
	p.loaded = p.Files
	p.timer = timer{unit: unit{state: "dead"}, result: "success"}
	p.service = service{unit: unit{state: "dead"}, result: "success", flush: true}
}

// Reload is a daemon-reload: systemd reads the files again and goes on where it was.
func (p *Pair) Reload() {
	p.loaded = p.Files
	p.timer.disabled = nil
	if p.timer.state == "waiting" {
		p.enterWaiting(false)
	}
}

// active maps a low-level state to the ActiveState.
func active(state string) string {
	switch state {
	case "dead", "dead-before-auto-restart":
		return "inactive"
	case "failed", "failed-before-auto-restart":
		return "failed"
	case "condition", "start-pre", "start", "start-post", "auto-restart", "auto-restart-queued":
		return "activating"
	case "stop-sigterm", "stop-post", "final-sigterm":
		return "deactivating"
	}
	return "active" // waiting, running, elapsed, exited
}

// isDown reports whether a low-level state is inactive or failed.
func isDown(state string) bool {
	a := active(state)
	return a == "inactive" || a == "failed"
}

// enter changes the state of a unit and takes the stamps of that.
func (u *unit) enter(state string, at Stamp) {
	was := u.state
	u.state, u.change = state, at
	switch {
	case isDown(was) && !isDown(state):
		u.inactiveExit = at
	case !isDown(was) && isDown(state):
		u.inactiveEnter = at
	}
	switch {
	case active(was) != "active" && active(state) == "active":
		u.activeEnter = at
	case active(was) == "active" && active(state) != "active":
		u.activeExit = at
	}
}

// Quiet reports whether nothing happens to the pair, or has happened to it, within a span.
func (p *Pair) Quiet(span int64) bool {
	now := p.host.Stamp().Mono
	last := max(p.timer.change.Mono, p.service.change.Mono, p.timer.lastTrigger.Mono)
	return now-last > span && p.due()-p.host.Now() > span
}

// AheadOfClock reports whether the wall clock was set back to before the timer's activation. After
// a restart of the timer systemd would count from the activation, and miss all elapses before it.
func (p *Pair) AheadOfClock() bool { return p.timer.inactiveExit.Wall > p.host.Stamp().Wall }

// Unanchored reports whether a restart of the timer would end it: systemd 252 then forgets the last
// trigger, but not that OnBootSec= has elapsed. OnUnitActiveSec= has nothing to count from if a
// condition has skipped each run of this boot.
func (p *Pair) Unanchored() bool {
	return p.host.Release <= 252 && p.service.inactiveExit == (Stamp{}) &&
		slices.ContainsFunc(p.loaded.Timer.Entries, func(e Entry) bool { return ofUnit(e.Base) })
}

// Overdue reports whether the timer's next elapse has passed while the service runs. systemd starts
// the service again as soon as the run ends.
func (p *Pair) Overdue() bool {
	if isDown(p.service.state) {
		return false
	}
	for _, e := range p.loaded.Timer.Entries {
		if e.Base != "OnCalendar" {
			continue
		}
		if at := p.calendarElapse(e); at != 0 && at <= p.host.Stamp().Wall {
			return true
		}
	}
	return false
}

// due is the real time at which something happens to the pair next.
func (p *Pair) due() int64 {
	return min(p.timerDue(), p.serviceDue())
}

func (p *Pair) happen() {
	if p.serviceDue() <= p.timerDue() {
		p.serviceStep()
	} else {
		p.trigger()
	}
}
