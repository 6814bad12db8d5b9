// Package simulator simulates systemd's timers, and the services that they start, on a clock of its
// own: a year of a host takes a fraction of a second. At any instant it returns the facts that
// D-Bus would return. The rules are those of systemd.timer(5) and systemd.service(5), for each
// release of systemd; integration/simulator_test.go compares them with the real systemd.
//
// A host has four clocks. Real time never stops and is never set. The wall clock (CLOCK_REALTIME)
// may be set. CLOCK_BOOTTIME and CLOCK_MONOTONIC count from the boot; CLOCK_MONOTONIC stops while
// the host is suspended. All instants and spans are microseconds.
package simulator

import (
	"math"
	"math/rand/v2"
	"time"
)

// Spans in microseconds.
const (
	Second = int64(time.Second / time.Microsecond)
	Minute = 60 * Second
	Hour   = 60 * Minute
	Day    = 24 * Hour

	never = math.MaxInt64
)

// A Stamp is an instant as systemd keeps it: on the wall clock and on CLOCK_MONOTONIC. 0 is none.
type Stamp struct{ Wall, Mono int64 }

// A Host is a machine with its clocks and units.
type Host struct {
	Release   int // of systemd: 252, 257 or 262
	Zone      *time.Location
	Container bool  // OnBootSec= counts from the start of systemd
	Latency   int64 // the most that systemd takes to start a unit; in one of 100 cases it takes 2 s
	Units     []*Pair

	rand  *rand.Rand
	clock clock
}

// clock is the state of a host's clocks.
type clock struct {
	now     int64 // real time, since the epoch
	step    int64 // the wall clock is this much ahead of real time
	boot    int64 // real time at which the kernel started
	slept   int64 // how long the host was suspended since then
	manager Stamp // when systemd started
}

// NewHost returns a host that is down until Boot. rand gives its random numbers.
func NewHost(release int, zone *time.Location, start time.Time, rand *rand.Rand) *Host {
	return &Host{Release: release, Zone: zone, rand: rand, clock: clock{now: start.UnixMicro()}}
}

// Now is the real time.
func (h *Host) Now() int64 { return h.clock.now }

// Stamp is the present instant.
func (h *Host) Stamp() Stamp {
	c := h.clock
	return Stamp{c.now + c.step, c.now - c.boot - c.slept}
}

// atWall and atMono return the real time at which a clock will show t, if nothing happens to it.
func (h *Host) atWall(t int64) int64 { return t - h.clock.step }
func (h *Host) atMono(t int64) int64 { return t + h.clock.boot + h.clock.slept }

// upTo draws a span from 0 to most.
func (h *Host) upTo(most int64) int64 {
	if most <= 0 {
		return 0
	}
	return h.rand.Int64N(most)
}

// Up makes the host one that is up: its kernel started at the real time boot, systemd at manager.
func (h *Host) Up(boot int64, manager Stamp) {
	h.clock.boot, h.clock.manager = boot, manager
	for _, p := range h.Units {
		p.Load()
	}
}

// Boot starts the host at the present: its systemd, and then the units that are enabled.
func (h *Host) Boot() {
	h.clock.boot, h.clock.slept = h.clock.now, 0
	h.clock.now += Second + h.upTo(5*Second)
	h.clock.manager = h.Stamp()
	for _, p := range h.Units {
		p.Load()
	}
	h.clock.now += Second + h.upTo(20*Second)
	for _, p := range h.Units {
		if p.Enabled && !p.Forgotten && !p.Lost {
			p.StartTimer()
		}
	}
}

// Down switches the host off for span, and boots it again. A run in progress is killed.
func (h *Host) Down(span int64) {
	h.clock.now += span
	h.Boot()
}

// Suspend suspends the host for span. What is due in this time happens after it.
func (h *Host) Suspend(span int64) {
	h.clock.now += span
	h.clock.slept += span
}

// Step sets the wall clock forward, or back, and tells systemd.
func (h *Host) Step(span int64) {
	h.clock.step += span
	for _, p := range h.Units {
		p.timeChange()
	}
}

// Run simulates the host until a real time.
func (h *Host) Run(until int64) {
	for {
		var first *Pair
		due := until
		for _, p := range h.Units {
			if d := p.due(); d < due {
				first, due = p, d
			}
		}
		h.clock.now = max(h.clock.now, due)
		if first == nil {
			return
		}
		first.happen()
	}
}
