//go:build integration

package integration

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"mailfresh/internal/plugintest"
	"mailfresh/internal/plugintest/simulator"
)

// The simulator against what it simulates: random timers and services, and what a person does to
// them, are played for a minute by the simulator and by the real systemd, and all properties are
// compared every few seconds. MAILFRESH_SEED draws others.
func TestSimulatorAgainstSystemd(t *testing.T) {
	everyRelease(t, func(t *testing.T, r release) {
		t.Parallel() // it waits most of the time
		h := r.host(t, "simulator", "")
		rehearse(t, r.systemd(t), systemBus(t, h.pid), func(command ...string) string {
			out, errs, status := h.in("root", command...)
			if status != 0 {
				t.Fatalf("%q: exit %d: %s%s", command, status, out, errs)
			}
			return out
		})
	})
}

const (
	rehearsed  = 60               // timers
	rehearsal  = 60 * time.Second // how long they are played
	second     = int64(1_000_000) // how far simulator and systemd may be apart, in microseconds
	snapshots  = 100 * time.Millisecond
	difference = 3 * time.Second // of the instants that are compared
)

// A busyHost is slower than the simulator: each command of a service takes so much longer, and each
// action of a person comes so much later.
type busyHost struct{ commands, actions int64 }

var busyHosts = []busyHost{
	{second / 4, 0}, {second / 10, second}, {second / 2, second / 2}, {second, second / 4},
}

// A rehearsed pair is played twice.
type rehearsedPair struct {
	*simulator.Pair
	files   map[string]string // the unit files
	actions []action
	seen    []snapshot // what the simulator says
}

// An action is what a person does: a method of systemd's manager, of a unit.
type action struct {
	at           int64
	kind         int
	method, unit string
}

type snapshot struct {
	at         int64
	properties map[string]string
}

// rehearse plays random pairs in the simulator, then on a host, and compares. On a busy host it
// takes long to play the simulator and to write the files; then it begins anew, with more time.
func rehearse(t *testing.T, release int, bus *dbus.Conn, in func(...string) string) {
	seed := plugintest.Seed(t)
	boot, manager := hostClocks(t, bus, in)
	var pairs []*rehearsedPair
	var start time.Time
	for margin := 30 * time.Second; margin < 5*time.Minute; margin *= 2 {
		// Calendar elapses are at whole seconds, so that none is near the start.
		start = time.Now().Add(margin).Truncate(time.Second).Add(200 * time.Millisecond)
		pairs = steadyPairs(seed, release, func(d rehearsalDraw) *simulator.Host {
			host := simulator.NewHost(release, time.UTC, start, d.Rand)
			host.Container = true
			host.Up(boot, simulator.Stamp{Wall: boot + manager, Mono: manager})
			return host
		})
		install(pairs, in)
		if time.Now().Before(start) {
			break
		}
	}
	real := realPlay{pairs: pairs, bus: bus}
	real.play(t, start.UnixMicro())
	t.Logf("simulator: seed %d: systemd %d: %d timers for %v, %d more that the host was too busy for, "+
		"%d snapshots of %d properties compared", seed, release, len(pairs)-real.late, rehearsal,
		real.late, real.compared, len(pairs[0].Properties()))
	if len(pairs) < rehearsed/10 {
		t.Errorf("only %d of %d timers could be compared", len(pairs), rehearsed)
	}
}

// steadyPairs draws pairs, plays them with random actions, and gives those that go the same way on
// slower hosts.
func steadyPairs(
	seed uint64, release int, up func(rehearsalDraw) *simulator.Host,
) (pairs []*rehearsedPair) {
	for i := range uint64(rehearsed) {
		draw := func(slow int64) (*simulator.Host, rehearsalDraw) {
			d := rehearsalDraw{rand.New(rand.NewPCG(seed, uint64(release)<<32+i)), slow}
			return up(d), d
		}
		host, d := draw(0)
		p := d.pair(host, fmt.Sprintf("rehearsal%d-%d", release, i))
		p.play(host, func(at int64) bool {
			return len(p.actions) < 3 && d.IntN(100) == 0 && p.Quiet(3*second/2) &&
				p.act(d.IntN(5), at)
		})
		same := !slices.ContainsFunc(busyHosts, func(busy busyHost) bool {
			host, d := draw(busy.commands)
			again := d.pair(host, p.Name)
			host.Latency = 100_000
			again.repeat(host, p.actions, busy.actions)
			return !p.steady(again)
		})
		if same {
			pairs = append(pairs, p)
		}
	}
	return pairs
}

// hostClocks gives the real time of the boot, and when systemd started on CLOCK_MONOTONIC.
func hostClocks(t *testing.T, bus *dbus.Conn, in func(...string) string) (boot, manager int64) {
	now := time.Now().UnixMicro()
	uptime, err := strconv.ParseFloat(strings.Fields(in("cat", "/proc/uptime"))[0], 64)
	if err != nil {
		t.Fatal(err)
	}
	systemd := bus.Object("org.freedesktop.systemd1", "/org/freedesktop/systemd1")
	var started uint64
	err = systemd.Call("org.freedesktop.DBus.Properties.Get", 0, "org.freedesktop.systemd1.Manager",
		"UserspaceTimestampMonotonic").Store(&started)
	if err != nil {
		t.Fatal(err)
	}
	return now - int64(uptime*1e6), int64(started)
}

// play plays the pair in the simulator, keeps snapshots, and lets act do something to it.
func (p *rehearsedPair) play(host *simulator.Host, act func(at int64) bool) {
	start := host.Now()
	p.StartTimer()
	for at := start; at < start+rehearsal.Microseconds()+5*second; at += snapshots.Microseconds() {
		host.Run(at)
		act(at)
		p.seen = append(p.seen, snapshot{at, p.Properties()})
	}
}

// repeat plays the pair with what was done to it before, each so much later.
func (p *rehearsedPair) repeat(host *simulator.Host, actions []action, later int64) {
	step := snapshots.Microseconds()
	p.play(host, func(at int64) bool {
		i := slices.IndexFunc(actions, func(a action) bool { return a.at == at-later/step*step })
		return i >= 0 && p.act(actions[i].kind, at)
	})
}

// steady reports whether another play of the same, on a host that is slower, went the same way.
// Where two things happen at almost the same time, their order depends on that: such a pair proves
// nothing.
func (p *rehearsedPair) steady(again *rehearsedPair) bool {
	const some = 5 // every half second
	for i := 0; i < len(again.seen); i += some {
		if p.differs(again.seen[i]) != "" {
			return false
		}
	}
	return true
}

// install writes the unit files.
func install(pairs []*rehearsedPair, in func(...string) string) {
	var script strings.Builder
	var timers []string
	for _, p := range pairs {
		timers = append(timers, p.Name+".timer")
		for _, name := range slices.Sorted(maps.Keys(p.files)) {
			fmt.Fprintf(&script, "cat >/run/systemd/system/%s <<'EOF'\n%sEOF\n", name,
				p.files[name])
		}
	}
	// What wants the timers keeps systemd from forgetting those that are stopped.
	fmt.Fprintf(&script,
		"cat >/run/systemd/system/rehearsal.target <<'EOF'\n[Unit]\nWants=%s\nEOF\n", strings.Join(timers, " "))
	in("sh", "-c", script.String()+"systemctl daemon-reload")
}

// look reads the properties of the pair over D-Bus, and notes when.
func (p *rehearsedPair) look(t *testing.T, bus *dbus.Conn) snapshot {
	s := snapshot{time.Now().UnixMicro(), map[string]string{}}
	for _, kind := range []string{"timer", "service"} {
		name := strings.ReplaceAll(p.Name, "-", "_2d") + "_2e" + kind
		path := "/org/freedesktop/systemd1/unit/" + name
		unit := bus.Object("org.freedesktop.systemd1", dbus.ObjectPath(path))
		var values map[string]dbus.Variant
		getAll := unit.Call("org.freedesktop.DBus.Properties.GetAll", 0, "")
		if err := getAll.Store(&values); err != nil {
			t.Fatal(err)
		}
		for name, v := range values {
			s.properties[kind+" "+name] = fmt.Sprint(v.Value())
		}
	}
	return s
}

// systemBus connects to the system bus of the host whose PID 1 is given.
func systemBus(t *testing.T, pid int) *dbus.Conn {
	bus, err := dbus.Dial(fmt.Sprintf("unix:path=/proc/%d/root/run/dbus/system_bus_socket", pid))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { bus.Close() })
	if err := cmp.Or(bus.Auth([]dbus.Auth{dbus.AuthExternal("0")}), bus.Hello()); err != nil {
		t.Fatal(err)
	}
	return bus
}

// differs says how what was seen differs from what the simulator says of about that time.
func (p *rehearsedPair) differs(real snapshot) string {
	if p.seen == nil {
		return ""
	}
	nearest, problem := int64(-1), "the simulator says nothing of that time"
	for _, s := range p.seen {
		if max(s.at-real.at, real.at-s.at) > difference.Microseconds() {
			continue
		}
		var wrong []string
		for name, want := range s.properties {
			if got := real.properties[name]; !alike(got, want) {
				wrong = append(wrong, fmt.Sprintf("%s = %s; the simulator says %s", name, got,
					want))
			}
		}
		if len(wrong) == 0 {
			return ""
		}
		if away := max(s.at-real.at, real.at-s.at); nearest < 0 || away < nearest {
			slices.Sort(wrong)
			nearest, problem = away, strings.Join(wrong, "\n")
		}
	}
	return problem
}

// alike compares two properties: numbers of microseconds may be apart.
func alike(got, want string) bool {
	if got == "18446744073709551615" {
		got = "0"
	}
	a, errA := strconv.ParseInt(got, 10, 64)
	b, errB := strconv.ParseInt(want, 10, 64)
	if errA != nil || errB != nil || a == 0 || b == 0 || a < 1000 || b < 1000 {
		return got == want
	}
	return max(a-b, b-a) <= 3*second
}
