//go:build bench

package integration

import (
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const budget = 5 * time.Second // of a contest, which has 5 pairs nevertheless

var minPairs = 5

// A command is one side of a contest, with its right answer.
type command struct {
	args   []string
	user   string   // nagios if empty, as under NRPE
	env    []string // on top of NRPE's
	status int
	says   string // a regular expression that matches its output
}

// ours is a plugin built from this tree, and a run of it that is right if it is OK.
func ours(plugin string, args ...string) command {
	return command{
		args: append([]string{filepath.Join(bin, plugin)}, args...),
		says: "^[A-Z_]+ OK - ",
	}
}

// A contest is two commands for the same question, or one for which there is no other. They run
// alternately, and each goes first in every other pair.
type contest struct {
	ours, peer command
	pairs      int
	host       bool // this thread has entered a private host: count the CPU time of its daemons
}

// A cost is what one run took, in ms: pid1 and bus are the CPU time of the host's PID 1 and of its
// dbus-daemon.
type cost struct{ wall, cpu, pid1, bus float64 }

// A pair is the medians of both sides, and of the ratio and the difference in each pair of runs.
type pair struct{ ours, peer, ratio, more float64 }

func (c contest) run(t *testing.T, what, peer string) row {
	t.Helper()
	sides := []command{c.ours}
	if c.peer.args != nil {
		sides = append(sides, c.peer)
	}
	for _, side := range sides { // once uncounted: what it reads is in memory from here on
		side.measure(t, c.host)
	}
	if testing.Short() {
		c.pairs = minPairs
	}
	costs := make([][]cost, len(sides))
	began := time.Now()
	for n := 0; n < c.pairs && (n < minPairs || time.Since(began) < budget); n++ {
		for k := range sides {
			i := (n + k) % len(sides)
			costs[i] = append(costs[i], sides[i].measure(t, c.host))
		}
	}
	r := row{what: what, peer: peer, pairs: len(costs[0])}
	r.wall = compare(costs, func(c cost) float64 { return c.wall })
	r.cpu = compare(costs, func(c cost) float64 { return c.cpu })
	if c.host {
		r.pid1 = compare(costs, func(c cost) float64 { return c.pid1 })
		r.bus = compare(costs, func(c cost) float64 { return c.bus })
	}
	r.peak = peaks(t, sides)
	return r
}

func compare(costs [][]cost, of func(cost) float64) pair {
	sides := make([][]float64, len(costs))
	for i, list := range costs {
		for _, c := range list {
			sides[i] = append(sides[i], of(c))
		}
	}
	p := pair{ours: median(sides[0])}
	if len(sides) == 2 {
		p.peer = median(sides[1])
	}
	if p.peer == 0 {
		return p
	}
	var ratios, more []float64
	for i, x := range sides[0] {
		ratios, more = append(ratios, x/sides[1][i]), append(more, x-sides[1][i])
	}
	p.ratio, p.more = median(ratios), median(more)
	return p
}

func median(list []float64) float64 {
	return slices.Sorted(slices.Values(list))[len(list)/2]
}

// measure runs the command once, which has to give its right answer.
func (c command) measure(t *testing.T, host bool) (spent cost) {
	t.Helper()
	output := inMemory(t)
	defer output.Close()
	cmd := c.prepare(t, output)
	if host {
		before := idleDaemons(t)
		defer func() {
			after := idleDaemons(t)
			spent.pid1, spent.bus = ms(after.pid1-before.pid1), ms(after.bus-before.bus)
		}()
	}
	start := time.Now()
	err := cmd.Run() // without a copy of this process: Go starts a child as vfork does
	spent.wall = ms(time.Since(start))
	if cmd.ProcessState == nil {
		t.Fatalf("%q: %v", c.args, err)
	}
	spent.cpu = ms(cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime())
	if !c.right(cmd, output) {
		t.Fatalf("%q: %v; want exit status %d and %q\n%.2000s", c.args, cmd.ProcessState, c.status,
			c.says, text(output))
	}
	return spent
}

func (c command) right(cmd *exec.Cmd, output *os.File) bool {
	return cmd.ProcessState.ExitCode() == c.status &&
		regexp.MustCompile(c.says).MatchString(text(output))
}

// prepare makes the command ready to start, inside the host that this thread has entered, if any.
func (c command) prepare(t *testing.T, output *os.File) *exec.Cmd {
	t.Helper()
	name := c.user
	if name == "" {
		name = "nagios"
	}
	u, err := user.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.ParseUint(u.Uid, 10, 32)
	gid, _ := strconv.ParseUint(u.Gid, 10, 32)
	cmd := exec.Command(c.args[0], c.args[1:]...)
	cmd.Dir = "/"
	cmd.Env = append([]string{"PATH=/usr/bin:/bin", "HOME=" + u.HomeDir, "SHELL=/bin/sh",
		"USER=" + name, "LOGNAME=" + name}, c.env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)},
	}
	cmd.Stdout, cmd.Stderr = output, output
	return cmd
}

// inMemory gives a file for the output of a command: nothing here has to run beside the command to
// take it.
func inMemory(t *testing.T) *os.File {
	t.Helper()
	fd, err := unix.MemfdCreate("output", unix.MFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	return os.NewFile(uintptr(fd), "output")
}

func text(output *os.File) string {
	var text strings.Builder
	_, _ = io.Copy(&text, io.NewSectionReader(output, 0, 1<<30))
	return text.String()
}

// peaks gives the medians of the largest resident sets, in MB.
func peaks(t *testing.T, sides []command) (p pair) {
	t.Helper()
	for i, side := range sides {
		var list []float64
		for range minPairs {
			list = append(list, side.peak(t))
		}
		if i == 0 {
			p.ours = median(list)
		} else {
			p.peer, p.ratio = median(list), p.ours/median(list)
		}
	}
	return p
}

// peak asks time(1), which is small: the kernel counts in what a process was before it executed the
// command.
func (c command) peak(t *testing.T) float64 {
	t.Helper()
	output := inMemory(t)
	defer output.Close()
	c.args = append([]string{"/usr/bin/time", "-f", "%M"}, c.args...)
	cmd := c.prepare(t, output)
	_ = cmd.Run()
	words := strings.Fields(text(output))
	if cmd.ProcessState == nil || len(words) == 0 || !c.right(cmd, output) {
		t.Fatalf("%q: %v\n%.2000s", c.args, cmd.ProcessState, text(output))
	}
	kib, err := strconv.ParseFloat(words[len(words)-1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return kib * 1024 / 1e6
}

// daemons are the times that a host's PID 1 and its dbus-daemon have spent on a CPU.
type daemons struct{ pid1, bus time.Duration }

// idleDaemons waits until the host's daemons have no more to do, for a second at most.
func idleDaemons(t *testing.T) daemons {
	t.Helper()
	bus := pidOfBus(t)
	read := func() daemons { return daemons{cpuOf(t, "1"), cpuOf(t, bus)} }
	last := read()
	for range 500 {
		time.Sleep(2 * time.Millisecond)
		now := read()
		if now == last {
			break
		}
		last = now
	}
	return last
}

// pidOfBus finds the dbus-daemon of the host.
func pidOfBus(t *testing.T) (pid string) {
	t.Helper()
	names, err := filepath.Glob("/proc/[0-9]*/comm")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if comm, err := os.ReadFile(name); err == nil && string(comm) == "dbus-daemon\n" {
			return filepath.Base(filepath.Dir(name))
		}
	}
	t.Fatal("the host has no dbus-daemon")
	return ""
}

// cpuOf reads the time of a process' first thread; /proc/PID/stat has it in hundredths of a second.
func cpuOf(t *testing.T, pid string) time.Duration {
	t.Helper()
	line, err := os.ReadFile("/proc/" + pid + "/schedstat")
	if err != nil {
		t.Fatal(err)
	}
	nanoseconds, _, _ := strings.Cut(string(line), " ")
	n, err := strconv.ParseInt(nanoseconds, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(n)
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
