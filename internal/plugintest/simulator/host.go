// Package simulator plays systemd's timers, and the services that they start, on a clock of its
// own: a
// year of a host takes a fraction of a second. At any instant it gives the facts that D-Bus would
// give. The rules are those of systemd.timer(5) and systemd.service(5), where releases differ one
// set
// for each release; integration/simulator_test.go compares them with the real systemd.
//
// A host has four clocks. Real time goes on whatever happens. The wall clock (CLOCK_REALTIME) may
// be
// stepped. CLOCK_BOOTTIME counts from the boot, and CLOCK_MONOTONIC, too, but stands still while
// the
// host is suspended. All instants and spans are microseconds, as systemd has them.
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

// A Stamp is an instant as systemd notes it: on the wall clock and on CLOCK_MONOTONIC. 0 is none.
type Stamp struct{ Wall, Mono int64 }

// A Host is a machine with its clocks and units.
type Host struct {
	Release   int // of systemd: 252, 257 or 262
	Zone      *time.Location
	Container bool // OnBootSec= counts from the start of systemd
	// the most that systemd takes to start a unit; now and then it is busy and takes 2 s
	Latency int64
	Units   []*Pair

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

// NewHost gives a host that is down until Boot. Random draws are taken from rand.
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

// atWall and atMono give the real time at which a clock shows what is given, if nothing happens.
func (h *Host) atWall(t int64) int64 { return t - h.clock.step }
func (h *Host) atMono(t int64) int64 { return t + h.clock.boot + h.clock.slept }

// upTo draws a span from 0 to most.
func (h *Host) upTo(most int64) int64 {
	if most <= 0 {
		return 0
	}
	return h.rand.Int64N(most)
}

// Up makes the host one that runs already: its kernel started at a real time, systemd at a stamp.
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

// Down switches the host off for a while, and boots it again. What runs is killed.
func (h *Host) Down(span int64) {
	h.clock.now += span
	h.Boot()
}

// Suspend lets the host sleep. What falls due while it sleeps happens when it wakes up.
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

// Run plays the host until a real time.
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
