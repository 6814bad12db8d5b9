package systemd

import (
	"errors"
	"fmt"
	"slices"
)

// containers are the values of Virtualization for which OnBootSec= counts from the manager's start.
var containers = []string{
	"systemd-nspawn", "lxc-libvirt", "lxc", "openvz", "docker", "podman", "rkt", "wsl", "proot",
	"pouch", "container-other",
}

// errNoHost is why a timer that counts from something that Host says is not known.
var errNoHost = errors.New("read the manager: no answer")

// Host returns what the manager and the clocks say about themselves. Boot and ManagerStart are zero
// where nothing that was read counts from them, or is to be compared with them.
func (c *Conn) Host() (Host, error) {
	h := Host{Zone: localZone(), MonotonicZero: c.clock.zero, Asleep: c.clock.asleep}
	if c.manager == nil {
		return h, nil
	}
	h.Boot = c.clock.zero.Add(-c.clock.asleep)
	h.ManagerStart = c.manager.instant("UserspaceTimestamp")
	h.ManagerStartMonotonic = c.manager.duration("UserspaceTimestampMonotonic")
	if slices.Contains(containers, c.manager.text("Virtualization")) {
		h.Boot = h.ManagerStart
	}
	if c.manager.err != nil {
		return Host{}, fmt.Errorf("read the manager: %w", c.manager.err)
	}
	return h, nil
}

// hostCalls are the calls that read what Host needs.
func (c *Conn) hostCalls() (calls []call) {
	c.manager = newProperties(c.clock)
	for _, name := range []string{"UserspaceTimestamp", "UserspaceTimestampMonotonic",
		"Virtualization"} {
		calls = append(calls, get(root, "Manager", name, c.manager))
	}
	return calls
}

// countsFromHost reports whether the timer counts from something that Host says.
func countsFromHost(t Timer) bool {
	return slices.ContainsFunc(t.Monotonic, func(e MonotonicEntry) bool {
		return e.Base == "OnBootSec" || e.Base == "OnStartupSec"
	})
}

// comparesWithHost reports whether the manager's start matters for what is known of the pair: a run
// that was killed, or the one before a run in progress, may have been killed by a soft-reboot; and
// after a suspend RandomizedDelaySec= may count from the manager's start.
func (c *Conn) comparesWithHost(p Pair) bool {
	s := p.Service
	other := p.Timer.Triggers != usual(p.Asked[0]) // its service is not read yet
	running := s.ActiveState != "inactive" && s.ActiveState != "failed"
	killed := s.ExecMainCode == 2 || s.ExecMainCode == 3 // CLD_KILLED, CLD_DUMPED
	return other || running || killed || c.clock.slept() && p.Timer.RandomizedDelay > 0
}
