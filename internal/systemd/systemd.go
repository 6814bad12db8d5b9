// Package systemd reads what a systemd manager knows about timers and the services they start.
//
// It asks over D-Bus and changes nothing: no method that acts, no Subscribe, no subprocess. Root
// talks to PID 1 itself (/run/systemd/private), everyone else through the system bus; --user means
// the caller's own manager. A unit is read with one Properties.GetAll("") call, so that all that is
// said of it was true at one instant; its object path is its escaped name, so no GetUnit call is
// needed. A unit that does not exist is a fact (LoadState "not-found"); an error means that systemd
// could not be asked, or that its answer cannot be understood.
//
// PID 1 has one thread, so little is asked of it, and all at once: the calls of a batch are sent
// together over one connection and answered in one go, under one deadline and in the caller's
// goroutine. The connection is in bus.go, the wire format in wire.go; the rest is what is asked of
// systemd. Measured on systemd 252:
//   - GetAll takes PID 1 0.3 ms for a timer and its service, one property 0.01 ms; after a
//     daemon-reload the first GetAll of a unit takes as long as it takes to look at all unit files
//     (UnitFileState), 4 ms where there are 2000. So of a listed timer that waits for its next
//     elapse while its service is idle, only the few properties are read that show whether there
//     is more to be said.
//   - ListUnitFilesByPatterns looks at all unit files for each timer: 3.7 s for 1000. So timers
//     that are enabled but not loaded are found by the links in the *.wants and *.requires folders
//     of the manager's UnitPath.
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

	sdbus "github.com/coreos/go-systemd/v22/dbus"
)

const (
	systemd1  = "org.freedesktop.systemd1"
	root      = "/org/freedesktop/systemd1"
	maxTimers = 10_000 // a bus that lists more has gone mad
)

// Conn is a connection to a systemd manager, for one goroutine.
type Conn struct {
	bus     *bus
	clock   clock
	manager *properties // what Host needs; nil: not read yet
	list    listing
}

// listing is what Timers found.
type listing struct {
	time    time.Time // just before it was asked for
	units   map[string]unitState
	stepped bool // the wall clock was stepped since the manager's start
}

// unitState is what a list of units says of the state of a timer or service.
type unitState int

const (
	busy     unitState = iota // or failed, or not active, or with a job
	idle                      // a timer that waits, or a service that does not run
	notFound                  // other units mention it
)

// Dial connects to the system's manager or, for user, to the caller's own: to the manager itself
// where that is allowed, else through the bus. DBUS_SYSTEM_BUS_ADDRESS is honoured; for user,
// XDG_RUNTIME_DIR and DBUS_SESSION_BUS_ADDRESS are. Nothing is started. The error says what became
// of each address.
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

// ask sends the calls and gives the first error of any of them.
func (c *Conn) ask(ctx context.Context, calls ...call) error {
	return cmp.Or(c.bus.exchange(ctx, calls)...)
}

// manager1 is a call of a method of the manager's.
func manager1(what, method string, reply func(m reply) error, args ...any) call {
	return call{what, systemd1, root, systemd1 + ".Manager", method, args, reply}
}

// getAll is the call that reads all properties of an object's interface, "" for all of them, into
// p.
func getAll(what, path, iface string, p *properties) call {
	const properties = "org.freedesktop.DBus.Properties"
	return call{what, systemd1, path, properties, "GetAll", []any{iface}, p.fill}
}

// get is the call that reads one property of an object's interface into p.
func get(path, kind, name string, p *properties) call {
	const properties = "org.freedesktop.DBus.Properties"
	take := func(m reply) error {
		return m.read("v", func(r *reader) { p.take(name, r, &m.body) })
	}
	return call{"read the property " + name, systemd1, path, properties, "Get",
		[]any{systemd1 + "." + kind, name}, take}
}

// getUnit is the call that reads all properties of a unit and hands them to set.
func (c *Conn) getUnit(name string, set func(*properties)) call {
	p := newProperties(c.clock)
	ask := getAll("read "+name, unitPath(name), "", p)
	ask.reply = func(m reply) error {
		if err := p.fill(m); err != nil {
			return err
		}
		set(p)
		return p.check()
	}
	return ask
}

func unitPath(name string) string { return root + "/unit/" + sdbus.PathBusEscape(name) }

// Timers returns the names of all timers that are loaded, or enabled but not loaded, sorted.
// Names that other units merely mention and templates are no timers.
func (c *Conn) Timers(ctx context.Context) ([]string, error) {
	c.list = listing{time: time.Now(), units: map[string]unitState{}}
	search := newProperties(c.clock)
	calls := append(c.hostCalls(), c.listUnits(), get(root, "Manager", "UnitPath", search))
	if err := c.ask(ctx, calls...); err != nil {
		return nil, err
	}
	start := c.manager.uint64("UserspaceTimestamp")
	c.list.stepped = !c.manager.instant("UserspaceTimestamp").Equal(c.clock.instant(start, 0))
	var names []string
	for name, state := range c.list.units {
		if _, err := TimerName(name); err == nil && state != notFound {
			names = append(names, name)
		}
	}
	for _, name := range wanted(search.texts("UnitPath")) {
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

// listUnits is the call that lists the timers and services in memory.
func (c *Conn) listUnits() call {
	return manager1("list the timers", "ListUnitsByPatterns", func(m reply) error {
		return m.read("a(ssssssouso)", func(r *reader) {
			r.rows(func() {
				name := r.text()
				r.textBytes() // description
				load, active, sub := r.textBytes(), r.textBytes(), r.textBytes()
				r.textBytes() // the unit that it follows
				r.textBytes() // its path
				job := r.uint32()
				r.textBytes() // the job's type
				r.textBytes() // and path
				c.list.units[name] = stateOf(string(load), string(active), string(sub), job)
			})
		})
	}, []string{}, []string{"*.timer", "*.service"})
}

// stateOf reads a row of the list.
func stateOf(load, active, sub string, job uint32) unitState {
	switch {
	case load == "not-found":
		return notFound
	case load != "loaded" || job != 0:
		return busy
	case active == "active" && sub == "waiting", active == "inactive" && sub == "dead":
		return idle
	}
	return busy
}

// wanted returns the timers that a link in folder/*.wants or folder/*.requires enables. A dangling
// link enables nothing; a folder that is missing or closed to us has none.
func wanted(folders []string) (names []string) {
	for _, folder := range folders {
		entries, _ := os.ReadDir(folder)
		for _, e := range entries {
			if suffix := filepath.Ext(e.Name()); suffix != ".wants" && suffix != ".requires" {
				continue
			}
			links, _ := os.ReadDir(filepath.Join(folder, e.Name()))
			for _, link := range links {
				name, err := TimerName(link.Name())
				path := filepath.Join(folder, e.Name(), link.Name())
				if filepath.Ext(link.Name()) == ".timer" && err == nil && enables(path, name) {
					names = append(names, name)
				}
			}
		}
	}
	return names
}

// enables reports whether the link leads to a unit file. That of an instance may bear the
// instance's name, of which there is no file.
func enables(link, name string) bool {
	_, err := os.Stat(link)
	return err == nil || strings.Contains(name, "@")
}

// Match reports whether name matches the glob as systemctl understands it: * ? [a-z] [!a-z], a
// backslash is itself, and .timer may be left out. The only error is a malformed glob.
func Match(glob, name string) (bool, error) {
	g := strings.NewReplacer(`\`, `\\`, "[!", "[^").Replace(glob)
	if ok, err := path.Match(g, name); ok || err != nil {
		return ok, err
	}
	return path.Match(g+".timer", name)
}
