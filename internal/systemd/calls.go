package systemd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	sdbus "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"
)

const (
	systemd1         = "org.freedesktop.systemd1"
	root             = "/org/freedesktop/systemd1"
	propertiesGet    = "org.freedesktop.DBus.Properties.Get"
	propertiesGetAll = "org.freedesktop.DBus.Properties.GetAll"
)

func unitPath(name string) string { return root + "/unit/" + sdbus.PathBusEscape(name) }

// getAll is the call that reads a unit.
func getAll(name string, set func(*properties)) call {
	return call{what: "read " + name, path: unitPath(name), method: propertiesGetAll, args: []any{""},
		reply: func(w *wire, signature string) {
			p := &properties{values: map[string]value{}}
			if p.all(w, signature); w.err != nil {
				return
			}
			if set(p); p.err == nil && p.string("LoadState") == "" {
				p.err = errors.New("the reply has no LoadState")
			}
			w.err = p.err
		}}
}

// getProperty is the call that adds one property of an object, "" for the manager, to p.
func getProperty(path, kind, name string, p *properties) call {
	if path == "" {
		path = root
	}
	return call{what: "read the property " + name, path: path, method: propertiesGet, args: []any{systemd1 + "." + kind, name},
		reply: func(w *wire, signature string) {
			if w.is(signature, "v") {
				p.add(name, w)
			}
		}}
}

// listUnits is the call that lists the timers and services in memory.
func listUnits(list map[string]listed) call {
	return call{what: "list the timers", path: root, method: systemd1 + ".Manager.ListUnitsByPatterns", args: []any{[]string{}, []string{"*.timer", "*.service"}},
		reply: func(w *wire, signature string) {
			if !w.is(signature, "a(ssssssouso)") {
				return
			}
			w.array(8, func() {
				name, _ := w.string(), w.string()
				u := listed{load: w.string(), active: w.string(), sub: w.string()}
				w.skip("so", 0)
				u.job = w.uint32()
				w.skip("so", 0)
				list[name] = u
			})
		}}
}

// containers are the values of Virtualization for which OnBootSec= counts from the manager's start.
var containers = []string{"systemd-nspawn", "lxc-libvirt", "lxc", "openvz", "docker", "podman", "rkt", "wsl", "proot", "pouch", "container-other"}

// localZone returns the host's time zone, whatever TZ says here; UTC where /etc/localtime is missing, as for systemd.
func localZone() *time.Location {
	data, err := os.ReadFile("/etc/localtime")
	if err != nil {
		return time.UTC
	}
	zone, err := time.LoadLocationFromTZData("Local", data)
	if err != nil {
		return time.UTC
	}
	return zone
}

// Host returns what the manager says about itself.
func (c *Conn) Host(ctx context.Context) (Host, error) {
	if c.manager.values == nil {
		if err := c.exchange(ctx, c.hostCalls()); err != nil {
			return Host{}, err
		}
	}
	h := Host{Boot: c.clock.boot, ManagerStart: c.manager.instant("UserspaceTimestamp", c.clock), Zone: localZone()}
	if slices.Contains(containers, c.manager.string("Virtualization")) {
		h.Boot = h.ManagerStart
	}
	if c.manager.err != nil {
		return Host{}, fmt.Errorf("read the manager: %w", c.manager.err)
	}
	return h, nil
}

// hostCalls are the calls that read what Host needs.
func (c *Conn) hostCalls() (calls []call) {
	c.manager.values = map[string]value{}
	for _, name := range []string{"UserspaceTimestamp", "UserspaceTimestampMonotonic", "Virtualization"} {
		calls = append(calls, getProperty("", "Manager", name, &c.manager))
	}
	return calls
}

// readJobs completes the jobs of a pair, of which the IDs are known, with what they wait for. It reports whether one has ended meanwhile.
func (c *Conn) readJobs(ctx context.Context, p *Pair) (ended bool, err error) {
	for _, job := range []**Job{&p.Timer.Job, &p.Service.Job} {
		if *job == nil {
			continue
		}
		err := c.readJob(ctx, *job)
		var e dbus.Error
		switch {
		case errors.As(err, &e) && (e.Name == "org.freedesktop.DBus.Error.UnknownObject" || e.Name == systemd1+".NoSuchJob"):
			*job, ended = nil, true
		case err != nil:
			return false, err
		}
	}
	return ended, nil
}

func (c *Conn) readJob(ctx context.Context, j *Job) error {
	what, p := fmt.Sprintf("read job %d of %s", j.ID, j.Unit), &properties{values: map[string]value{}}
	err := c.exchange(ctx, []call{{what: what, path: fmt.Sprintf("%s/job/%d", root, j.ID), method: propertiesGetAll, args: []any{""}, reply: p.all}})
	if err != nil {
		return err
	}
	j.Type, j.State = p.string("JobType"), p.string("State")
	if p.err != nil {
		return fmt.Errorf("%s: %w", what, p.err)
	}
	if j.State != "waiting" {
		return nil
	}
	return c.exchange(ctx, []call{{what: what, path: root, method: systemd1 + ".Manager.GetJobBefore", args: []any{j.ID},
		reply: func(w *wire, signature string) {
			if !w.is(signature, "a(usssoo)") {
				return
			}
			w.array(8, func() {
				j.Blockers = append(j.Blockers, Job{ID: w.uint32(), Unit: w.string(), Type: w.string(), State: w.string()})
				w.skip("oo", 0)
			})
		}}})
}
