package systemd

import (
	"fmt"
	"slices"
)

// containers are the values of Virtualization for which OnBootSec= counts from the manager's start.
var containers = []string{
	"systemd-nspawn", "lxc-libvirt", "lxc", "openvz", "docker", "podman", "rkt", "wsl", "proot",
	"pouch", "container-other",
}

// Host returns the facts about the manager and the clocks. Boot and ManagerStart are zero if no
// pair that was read needs them.
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

// hostCalls are the calls that read the properties for Host.
func (c *Conn) hostCalls() (calls []call) {
	c.manager = newProperties(c.clock)
	for _, name := range []string{"UserspaceTimestamp", "UserspaceTimestampMonotonic",
		"Virtualization"} {
		calls = append(calls, get(root, "Manager", name, c.manager))
	}
	return calls
}

// countsFromHost reports whether the timer counts from Host.Boot or Host.ManagerStart.
func countsFromHost(t *Timer) bool {
	return slices.ContainsFunc(t.Monotonic, func(e MonotonicEntry) bool {
		return e.Base == "OnBootSec" || e.Base == "OnStartupSec"
	})
}

// comparesWithHost reports whether the pair has to be compared with the manager's start: a
// soft-reboot may have killed the latest run, or the run before a run in progress; and after a
// suspend RandomizedDelaySec= may count from the manager's start.
func (c *Conn) comparesWithHost(p *Pair) bool {
	s := &p.Service
	other := p.Timer.Triggers != defaultService(p.Asked[0]) // its service is not read yet
	running := s.ActiveState != "inactive" && s.ActiveState != "failed"
	killed := s.ExecMainCode == 2 || s.ExecMainCode == 3 // CLD_KILLED, CLD_DUMPED
	return other || running || killed || c.clock.slept() && p.Timer.RandomizedDelay > 0
}
