// Package systemd reads what a systemd manager knows about timers and the services they start.
//
// It asks over D-Bus (org.freedesktop.systemd1(5)) and changes nothing: no method that acts, no
// Subscribe, no subprocess. Root talks to PID 1 itself (/run/systemd/private), everyone else
// through the system bus. A unit is read with one Properties.GetAll("") call, so that all its
// properties are of one instant. Its object path is its escaped name, so no GetUnit call is needed.
// A unit that does not exist is a fact (LoadState "not-found"). An error means that systemd could
// not be asked, or that its answer is not understood.
//
// PID 1 has one thread, so the package asks little, and sends the calls of a batch together over
// one connection, in the caller's goroutine. The connection is in bus.go, the wire format in
// wire.go. Measured on systemd 252:
//   - PID 1 takes 0.3 ms for GetAll of a timer and its service, and 0.01 ms for one property. After
//     a daemon-reload the first GetAll of a unit looks at all unit files (UnitFileState): 4 ms for
//     2000 of them. So few properties are read of a timer that waits for its next elapse and whose
//     service does not run, if these show that nothing is wrong (ReadPartial).
//   - ListUnitFilesByPatterns looks at all unit files for each timer: 3.7 s for 1000 timers. So
//     timers that are enabled but not loaded are found by the links in the *.wants and *.requires
//     folders of the manager's UnitPath.
package systemd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	sdbus "github.com/coreos/go-systemd/v22/dbus"
)

const (
	systemd1       = "org.freedesktop.systemd1"
	dbusProperties = "org.freedesktop.DBus.Properties"
	root           = "/org/freedesktop/systemd1"
	maxTimers      = 10_000
)

// Conn is a connection to a systemd manager, for one goroutine.
type Conn struct {
	bus     *bus
	clock   clock
	manager *properties // for Host; nil: not read yet
	list    listing     // zero before Timers
}

// listing is what Timers found.
type listing struct {
	time    time.Time // just before the call
	units   map[string]unitState
	slices  map[string]*properties // by name; FreezerState is read later
	stepped bool                   // the wall clock was set since the manager's start
}

// unitState is the state of a timer or service in a list of units.
type unitState int

const (
	notIdle  unitState = iota
	idle               // a timer that waits, or a service that does not run and has not failed
	notFound           // it does not exist, but other units name it
)

// Dial connects to the system's manager or, for user, to the caller's own manager: to the manager
// itself if that is allowed, else through the bus. The environment may name the addresses, by
// DBUS_SYSTEM_BUS_ADDRESS or, for user, XDG_RUNTIME_DIR and DBUS_SESSION_BUS_ADDRESS. Dial starts
// no bus. The error says why each address failed.
func Dial(ctx context.Context, user bool) (*Conn, error) {
	sockets, err := sockets(user)
	for _, s := range sockets {
		b := &bus{socket: s}
		failed := b.connect(ctx)
		if failed == nil {
			return &Conn{bus: b, clock: readClock()}, nil
		}
		failed = fmt.Errorf("%s: %w", s.path, failed)
		switch {
		case ctx.Err() != nil:
			return nil, fmt.Errorf("connect to systemd at %w", failed)
		case err == nil:
			err = failed
		default:
			err = fmt.Errorf("%w; %w", err, failed)
		}
	}
	return nil, fmt.Errorf("connect to systemd: %w", err)
}

// Close closes the connection.
func (c *Conn) Close() error { return c.bus.stream.Close() }

// ask sends the calls and returns the first of their errors.
func (c *Conn) ask(ctx context.Context, calls ...call) error {
	return cmp.Or(c.bus.exchange(ctx, calls)...)
}

// manager1 is a call of org.freedesktop.systemd1.Manager.
func manager1(what, method string, reply func(m reply) error, args ...any) call {
	return call{what, systemd1, root, systemd1 + ".Manager", method, args, reply}
}

// getAll is the call that reads all properties of an interface ("": of all interfaces) into p.
func getAll(what, path, iface string, p *properties) call {
	return call{what, systemd1, path, dbusProperties, "GetAll", []any{iface}, p.fill}
}

// get is the call that reads one property of an object's interface into p.
func get(path, kind, name string, p *properties) call {
	take := func(m reply) error {
		return m.read("v", func(r *reader) { p.add(name, r, &m.body) })
	}
	return call{"read the property " + name, systemd1, path, dbusProperties, "Get",
		[]any{systemd1 + "." + kind, name}, take}
}

// getUnit is the call that reads all properties of a unit and passes them to set.
func (c *Conn) getUnit(name string, set func(*properties)) call {
	p := newProperties(c.clock)
	ask := getAll("read "+name, unitPath(name), "", p)
	ask.reply = func(m reply) error {
		if err := p.fill(m); err != nil {
			return err
		}
		set(p)
		if p.err == nil && p.text("LoadState") == "" {
			return errors.New("the reply has no LoadState")
		}
		return p.err
	}
	return ask
}

func unitPath(name string) string { return root + "/unit/" + sdbus.PathBusEscape(name) }

// Timers returns the sorted names of all timers that are loaded or enabled, without templates and
// names that only other units mention.
func (c *Conn) Timers(ctx context.Context) ([]string, error) {
	c.list = listing{time: time.Now(), units: map[string]unitState{},
		slices: map[string]*properties{}}
	search := newProperties(c.clock)
	calls := append(c.hostCalls(), c.listUnits(), get(root, "Manager", "UnitPath", search))
	if err := c.ask(ctx, calls...); err != nil {
		return nil, err
	}
	const start = "UserspaceTimestamp"
	c.list.stepped = !c.manager.instant(start).Equal(c.manager.wall(start))
	var names []string
	for name, state := range c.list.units {
		if _, err := TimerName(name); err == nil && state != notFound {
			names = append(names, name)
		}
	}
	for _, name := range enabledTimers(search.texts("UnitPath")) {
		if _, ok := c.list.units[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) > maxTimers {
		return nil, fmt.Errorf("list the timers: there are %d, more than the %d that can be read",
			len(names), maxTimers)
	}
	return names, search.err
}

// listUnits is the call that lists the timers, services and slices in memory.
func (c *Conn) listUnits() call {
	return manager1("list the timers", "ListUnitsByPatterns", func(m reply) error {
		return m.rows("a(ssssssouso)", func(r *reader) {
			name := r.text()
			r.textBytes() // description
			load, active, sub := r.textBytes(), r.textBytes(), r.textBytes()
			r.textBytes() // the unit that it follows
			r.textBytes() // its path
			job := r.uint32()
			r.textBytes() // the job's type
			r.textBytes() // and path
			if strings.HasSuffix(name, ".slice") {
				c.list.slices[name] = newProperties(c.clock)
				return
			}
			c.list.units[name] = stateOf(string(load), string(active), string(sub), job)
		})
	}, []string{}, []string{"*.timer", "*.service", "*.slice"})
}

// stateOf returns the state of a listed unit.
func stateOf(load, active, sub string, job uint32) unitState {
	switch {
	case load == "not-found":
		return notFound
	case load != "loaded" || job != 0:
		return notIdle
	case active == "active" && sub == "waiting", active == "inactive" && sub == "dead":
		return idle
	}
	return notIdle
}

// enabledTimers returns the timers that a link in folder/*.wants or folder/*.requires enables. A
// dangling link enables none, but the link of an instance, name@x.timer, may lead to a file that
// does not exist. A folder that is missing or cannot be read has no links.
func enabledTimers(folders []string) (names []string) {
	for _, folder := range folders {
		entries, _ := os.ReadDir(folder)
		for _, e := range entries {
			if suffix := filepath.Ext(e.Name()); suffix != ".wants" && suffix != ".requires" {
				continue
			}
			dir := filepath.Join(folder, e.Name())
			links, _ := os.ReadDir(dir)
			for _, link := range links {
				name := link.Name()
				if filepath.Ext(name) != ".timer" || checkName(name) != nil {
					continue
				}
				_, err := os.Stat(filepath.Join(dir, name))
				if err == nil || strings.Contains(name, "@") {
					names = append(names, name)
				}
			}
		}
	}
	return names
}

// Match reports whether name matches the glob as systemctl understands it: * ? [a-z] [!a-z]. The
// glob need not end in .timer, and a backslash in it stands for itself. The only error is that of a
// malformed glob.
func Match(glob, name string) (bool, error) {
	g := strings.NewReplacer(`\`, `\\`, "[!", "[^").Replace(glob)
	if ok, err := path.Match(g, name); ok || err != nil {
		return ok, err
	}
	return path.Match(g+".timer", name)
}
