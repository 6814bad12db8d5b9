//go:build integration

package integration

import (
	"slices"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// A realPlay plays pairs on a host, and compares it with the simulator's snapshots.
type realPlay struct {
	pairs    []*rehearsedPair
	bus      *dbus.Conn
	pending  []comparison // those that did not agree yet
	compared int          // snapshots
	late     int          // pairs that are compared no further, as an action came late
}

// A comparison is made several times: timer and service are not read at the same instant.
type comparison struct {
	pair  *rehearsedPair
	tries int
}

// play does what is to be done, each at its time, and compares every two seconds.
func (r *realPlay) play(t *testing.T, start int64) {
	todo := []action{{at: start, method: "StartUnit", unit: "rehearsal.target"}}
	for _, p := range r.pairs {
		todo = append(todo, p.actions...)
	}
	slices.SortFunc(todo, func(a, b action) int { return int(a.at - b.at) })
	end, next := start+rehearsal.Microseconds(), start+2*second
	for now := start; now < end || len(r.pending) > 0; now = time.Now().UnixMicro() {
		for len(todo) > 0 && todo[0].at <= now {
			r.do(t, todo[0])
			todo = todo[1:]
		}
		if now >= next && now < end {
			for _, p := range r.pairs {
				r.pending = append(r.pending, comparison{p, 20})
			}
			next = now + 2*second
		}
		r.compareSome(t, start)
		time.Sleep(50 * time.Millisecond)
	}
}

// do does what a person would. Where that came too late, because the host was busy, its pair has a
// life of its own from then on and proves nothing.
func (r *realPlay) do(t *testing.T, a action) {
	time.Sleep(time.Until(time.UnixMicro(a.at)))
	manager := r.bus.Object("org.freedesktop.systemd1", "/org/freedesktop/systemd1")
	call := manager.Call("org.freedesktop.systemd1.Manager."+a.method, 0, a.unit, "replace")
	if call.Err != nil {
		t.Fatalf("%s %s: %v", a.method, a.unit, call.Err)
	}
	if time.Now().UnixMicro()-a.at <= second {
		return
	}
	for _, p := range r.pairs {
		if p.seen != nil && slices.Contains(p.actions, a) {
			p.seen = nil
			r.late++
		}
	}
}

// compareSome makes a few of the comparisons that are pending, so that no action has to wait long.
func (r *realPlay) compareSome(t *testing.T, start int64) {
	some := min(len(r.pending), 10)
	now := r.pending[:some]
	r.pending = slices.Clone(r.pending[some:])
	for _, c := range now {
		s := c.pair.look(t, r.bus)
		problem := c.pair.differs(s)
		switch {
		case problem == "":
			r.compared++
		case c.tries > 0:
			r.pending = append(r.pending, comparison{c.pair, c.tries - 1})
		default:
			t.Errorf("%s, %v after the start:\n%s\n%v\n%v", c.pair.Name,
				time.UnixMicro(s.at).Sub(time.UnixMicro(start)), problem, c.pair.actions,
				c.pair.files)
			c.pair.seen = nil
		}
	}
}
