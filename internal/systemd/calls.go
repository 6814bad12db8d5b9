package systemd

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	sdbus "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"
)

const (
	systemd1 = "org.freedesktop.systemd1"
	root     = "/org/freedesktop/systemd1"
)

func unitPath(name string) string { return root + "/unit/" + sdbus.PathBusEscape(name) }

// ask is a call of systemd's; what is the name for errors.
func ask(what, path, iface, method string, reply func(m *dbus.Message) error, args ...any) call {
	return call{what, systemd1, path, iface, method, args, reply}
}

// getAll is the call that adds all properties of an object's interface, "" for all of them, to p.
func getAll(what, path, iface string, p *properties) call {
	return ask(what, path, "org.freedesktop.DBus.Properties", "GetAll", func(m *dbus.Message) error {
		values, err := body[map[string]dbus.Variant](m)
		maps.Copy(p.values, values)
		return err
	}, iface)
}

// getUnit is the call that reads all properties of a unit.
func getUnit(name string, set func(*properties)) call {
	p := newProperties()
	c := getAll("read "+name, unitPath(name), "", p)
	fill := c.reply
	c.reply = func(m *dbus.Message) error {
		if err := fill(m); err != nil {
			return err
		}
		if set(p); p.err == nil && value[string](p, "LoadState") == "" {
			return errors.New("the reply has no LoadState")
		}
		return p.err
	}
	return c
}

// get is the call that adds one property of an object's interface to p.
func get(path, kind, name string, p *properties) call {
	return ask("read the property "+name, path, "org.freedesktop.DBus.Properties", "Get", func(m *dbus.Message) (err error) {
		p.values[name], err = body[dbus.Variant](m)
		return err
	}, systemd1+"."+kind, name)
}

// listUnits is the call that lists the timers and services in memory.
func listUnits(list map[string]listed) call {
	return ask("list the timers", root, systemd1+".Manager", "ListUnitsByPatterns", func(m *dbus.Message) error {
		rows, err := body[[]struct {
			Name, Description, Load, Active, Sub, Following string
			Path                                            dbus.ObjectPath
			Job                                             uint32
			JobType                                         string
			JobPath                                         dbus.ObjectPath
		}](m)
		for _, r := range rows {
			list[r.Name] = listed{r.Load, r.Active, r.Sub, r.Job}
		}
		return err
	}, []string{}, []string{"*.timer", "*.service"})
}

// body is the one value of a reply.
func body[T any](m *dbus.Message) (v T, err error) {
	got, _ := m.Headers[dbus.FieldSignature].Value().(dbus.Signature)
	if want := dbus.SignatureOf(v); got != want || len(m.Body) != 1 {
		return v, fmt.Errorf("the reply has the type %q, not %q", got, want)
	}
	if whole, ok := m.Body[0].(T); ok {
		return whole, nil
	}
	return v, dbus.Store(m.Body, &v)
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

// Host returns what the manager says about itself, as far as the timers that were read need it.
func (c *Conn) Host() (Host, error) {
	h := Host{Zone: localZone()}
	if c.manager.values == nil {
		return h, nil
	}
	h.Boot, h.ManagerStart = c.clock.boot, c.manager.instant("UserspaceTimestamp", c.clock)
	if slices.Contains(containers, value[string](&c.manager, "Virtualization")) {
		h.Boot = h.ManagerStart
	}
	if c.manager.err != nil {
		return Host{}, fmt.Errorf("read the manager: %w", c.manager.err)
	}
	return h, nil
}

// hostCalls are the calls that read what Host needs.
func (c *Conn) hostCalls() (calls []call) {
	c.manager = *newProperties()
	for _, name := range []string{"UserspaceTimestamp", "UserspaceTimestampMonotonic", "Virtualization"} {
		calls = append(calls, get(root, "Manager", name, &c.manager))
	}
	return calls
}
