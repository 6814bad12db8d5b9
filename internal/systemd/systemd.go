// Package systemd reads what a systemd manager knows about timers and the services they start.
//
// It asks over D-Bus and changes nothing: no method that acts, no Subscribe, no subprocess. Root talks to PID 1 itself
// (/run/systemd/private), everyone else through the system bus; --user means the caller's own manager. A unit is read
// with one Properties.GetAll("") call, so that all that is said of it was true at one instant; its object path is its
// escaped name, so no GetUnit call is needed. A unit that does not exist is a fact (LoadState "not-found"); an error
// means that systemd could not be asked, or that its answer cannot be understood.
//
// PID 1 has one thread, so little is asked of it, and all at once: the calls of a batch are sent together over one connection and
// answered in one go, under one deadline and in the caller's goroutine. godbus's and go-systemd's own connections log in step by step,
// obey a context in some steps only, and decode in goroutines of their own, where a hostile reply could panic unseen. So of godbus the
// messages, types and errors are used, of go-systemd the object paths. Measured on systemd 252:
//   - GetAll takes PID 1 0.3 ms for a timer and its service, one property 0.01 ms; after a daemon-reload the first
//     GetAll of a unit takes as long as it takes to look at all unit files (UnitFileState), 4 ms where there are 2000. So
//     of a listed timer that waits for its next elapse while its service is idle, only the few properties are read
//     that show whether there is more to be said.
//   - ListUnitFilesByPatterns looks at all unit files for each timer: 3.7 s for 1000. So timers that are enabled but not loaded are
//     found by the links in the *.wants and *.requires folders of the manager's UnitPath.
package systemd

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	batch     = 16     // pairs that PID 1 is asked for at a time
	maxTimers = 10_000 // a bus that lists more has gone mad
)

// listed is what a list of units says of one.
type listed struct {
	load, active, sub string
	job               uint32
}

// Timers returns the names of all timers that are loaded, or enabled but not loaded, sorted.
// Names that other units merely mention and templates are no timers.
func (c *Conn) Timers(ctx context.Context) ([]string, error) {
	list, search := map[string]listed{}, newProperties()
	c.listTime = time.Now()
	err := c.exchange(ctx, append(c.hostCalls(), listUnits(list), get(root, "Manager", "UnitPath", search)))
	if err != nil {
		return nil, err
	}
	c.list = list
	start := value[uint64](&c.manager, "UserspaceTimestamp")
	c.stepped = !c.manager.instant("UserspaceTimestamp", c.clock).Equal(c.clock.instant(start, 0))
	var names []string
	for name, u := range list {
		if _, err := TimerName(name); err == nil && u.load != "not-found" {
			names = append(names, name)
		}
	}
	for _, name := range wanted(value[[]string](search, "UnitPath")) {
		if _, ok := list[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) > maxTimers {
		return nil, fmt.Errorf("list the timers: there are %d, more than the %d that can be read", len(names), maxTimers)
	}
	return names, search.err
}

// wanted returns the timers that a link in folder/*.wants or folder/*.requires enables. A dangling link enables nothing;
// a folder that is missing or closed to us has none.
func wanted(folders []string) []string {
	var names []string
	for _, folder := range folders {
		for _, pattern := range []string{"*.wants/*.timer", "*.requires/*.timer"} {
			links, _ := filepath.Glob(filepath.Join(folder, pattern)) // the only error is a bad pattern
			for _, link := range links {
				name, err := TimerName(filepath.Base(link))
				if err != nil {
					continue
				}
				if _, err := os.Stat(link); err == nil || strings.Contains(name, "@") { // an instance's link may name the instance
					names = append(names, name)
				}
			}
		}
	}
	return names
}

// Read reads the named timers with the units they start, in the order of the names; a timer that has several of the
// names is read once. A pair of which a part changed while it was read, or that contradicts itself, is read once more.
func (c *Conn) Read(ctx context.Context, names ...string) ([]Pair, error) {
	return c.read(ctx, false, names)
}

// ReadBrief is as Read, but asks little about timers that Timers listed as waiting and whose service is idle, with nothing
// wrong. Of these, Timer.Unit has only Name, LoadState, ActiveState, SubState, InactiveExit and ActiveEnter, and Service has only
// Name, LoadState, ActiveState, SubState, InactiveExit, InactiveEnter, Result, ExecMainStatus and, of Commands, ExecStart.
func (c *Conn) ReadBrief(ctx context.Context, names ...string) ([]Pair, error) {
	return c.read(ctx, true, names)
}

func (c *Conn) read(ctx context.Context, brief bool, names []string) (pairs []Pair, err error) {
	all := make([]Pair, len(names))
	which := make([]int, len(names))
	for i := range which {
		which[i] = i
	}
	for some := range slices.Chunk(which, batch) {
		if brief {
			if some, err = c.readIdle(ctx, names, some, all); err != nil {
				return nil, err
			}
		}
		torn, err := c.readWhole(ctx, names, some, all)
		if err != nil {
			return nil, err
		}
		if _, err := c.readWhole(ctx, names, torn, all); err != nil {
			return nil, err
		}
	}
	place := map[string]int{}
	for i, p := range all {
		at, twice := place[p.Timer.Name]
		if !twice {
			at = len(pairs)
			place[p.Timer.Name] = at
			pairs = append(pairs, p)
		}
		pairs[at].Asked = append(pairs[at].Asked, names[i])
	}
	return pairs, nil
}

// usual is the service that a timer starts where Unit= does not name another.
func usual(timer string) string { return strings.TrimSuffix(timer, ".timer") + ".service" }

// readWhole reads the pairs of which the indices are given, and returns the indices of those that have to be read again.
func (c *Conn) readWhole(ctx context.Context, names []string, which []int, pairs []Pair) (torn []int, err error) {
	began := time.Now()
	var calls []call
	readService := func(i int, name string) {
		calls = append(calls, getUnit(name, func(p *properties) { pairs[i].Service = p.service(name, c.clock) }))
	}
	for _, i := range which {
		pairs[i] = Pair{}
		calls = append(calls, getUnit(names[i], func(p *properties) { pairs[i].Timer = p.timer(names[i], c.clock) }))
		readService(i, usual(names[i]))
	}
	if err := c.exchange(ctx, calls); err != nil {
		return nil, err
	}
	calls = nil
	for _, i := range which {
		if c.manager.values == nil && slices.ContainsFunc(pairs[i].Timer.Monotonic, ofHost) {
			calls = append(calls, c.hostCalls()...)
		}
		switch name := pairs[i].Timer.Triggers; name {
		case usual(names[i]):
		case "":
			pairs[i].Service = Service{}
		default:
			readService(i, name)
		}
	}
	if err := c.exchange(ctx, calls); err != nil {
		return nil, err
	}
	for _, i := range which {
		ended, err := c.readJobs(ctx, &pairs[i])
		if err != nil {
			return nil, err
		}
		t, s := pairs[i].Timer, pairs[i].Service
		over := t.SubState == "running" && s.Job == nil && (s.ActiveState == "inactive" || s.ActiveState == "failed")
		if ended || over || s.StateChange.After(began) {
			torn = append(torn, i)
		}
	}
	return torn, nil
}

// ofHost reports whether an entry counts from something that Host says.
func ofHost(e MonotonicEntry) bool { return e.Base == "OnBootSec" || e.Base == "OnStartupSec" }

// idlePair is what is read of a pair that is idle.
type idlePair struct{ timer, service *properties }

// idleService are the properties that show whether there is more to be said of an idle service that ran. Where the clock was not
// stepped, the realtime stamps are enough. The last one shows whether the service was started while they were read.
var idleService = []struct{ kind, name string }{
	{"Unit", "InactiveEnterTimestamp"}, {"Service", "Result"}, {"Service", "ExecMainStatus"}, {"Service", "ExecStart"}, {"Unit", "InactiveExitTimestamp"},
}

// readIdle reads those of the pairs that are idle, and returns the indices of those that are not or have something wrong.
func (c *Conn) readIdle(ctx context.Context, names []string, which []int, pairs []Pair) (busy []int, err error) {
	var calls []call
	idle := map[int]idlePair{}
	for _, i := range which {
		t, s := names[i], usual(names[i])
		if c.stepped || c.list[t] != (listed{"loaded", "active", "waiting", 0}) || c.list[s] != (listed{"loaded", "inactive", "dead", 0}) {
			busy = append(busy, i)
			continue
		}
		p := idlePair{newProperties(), newProperties()}
		idle[i] = p
		calls = append(calls, getAll("read "+t, unitPath(t), systemd1+".Timer", p.timer), get(unitPath(t), "Unit", "ActiveEnterTimestamp", p.timer),
			get(unitPath(s), "Unit", "InactiveExitTimestamp", p.service))
	}
	if err := c.exchange(ctx, calls); err != nil {
		return nil, err
	}
	calls = nil
	for _, i := range which {
		p, ok := idle[i]
		if !ok || value[uint64](p.service, "InactiveExitTimestamp") == 0 {
			continue // it never ran
		}
		for _, property := range idleService {
			calls = append(calls, get(unitPath(usual(names[i])), property.kind, property.name, p.service))
		}
	}
	if err := c.exchange(ctx, calls); err != nil {
		return nil, err
	}
	for _, i := range which {
		p, ok := idle[i]
		if !ok {
			continue
		}
		pair, more, err := c.idlePair(names[i], p)
		if err != nil {
			return nil, err
		}
		pairs[i] = pair
		if more {
			busy = append(busy, i)
		}
	}
	return busy, nil
}

// idlePair makes a pair of what was read of it, and tells whether there is more to be said of it.
func (c *Conn) idlePair(name string, p idlePair) (pair Pair, more bool, err error) {
	t, s := p.timer.timer(name, c.clock), p.service.service(usual(name), c.clock)
	if err := cmp.Or(p.timer.err, p.service.err); err != nil {
		return Pair{}, false, fmt.Errorf("read %s: %w", name, err)
	}
	t.LoadState, t.ActiveState, t.SubState, t.InactiveExit = "loaded", "active", "waiting", t.ActiveEnter
	s.LoadState, s.ActiveState, s.SubState = "loaded", "inactive", "dead"
	if s.InactiveExit.IsZero() {
		s.Result = "success"
	}
	started := !s.InactiveExit.Before(t.LastTrigger.Add(-time.Second)) || s.InactiveExit.IsZero() && t.LastTrigger.Before(t.ActiveEnter)
	failed := slices.ContainsFunc(s.Commands, func(e Exec) bool { return e.Status != 0 })
	more = t.Triggers != s.Name || s.Result != "success" || s.ExecMainStatus != 0 || failed || !started || s.InactiveExit.After(c.listTime)
	return Pair{Timer: t, Service: s}, more, nil
}

// Match reports whether name matches the glob as systemctl understands it: * ? [a-z] [!a-z], a backslash is itself,
// and .timer may be left out. The only error is a malformed glob.
func Match(glob, name string) (bool, error) {
	g := strings.NewReplacer(`\`, `\\`, "[!", "[^").Replace(glob)
	if ok, err := path.Match(g, name); ok || err != nil {
		return ok, err
	}
	return path.Match(g+".timer", name)
}
