//go:build bench

package integration

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestBenchTimer compares check_systemd_timer with systemctl on a private host, for one timer and for all of 1000: the two run alternately, and the
// medians are printed. It judges no number: machines differ, and what else they do at the moment.
func TestBenchTimer(t *testing.T) {
	plugin := filepath.Join(bin, "check_systemd_timer")
	need(t, plugin, "/usr/bin/time")
	h := newHost(t, "bench")
	enter(t, h)
	startTimers(t, 1)
	one := contest{
		ours:   []string{plugin, "-u", "bench-0"},
		theirs: []string{"/usr/bin/systemctl", "show", "bench-0.timer", "bench-0.service"},
		rounds: 300,
	}
	one.run(t, "one timer", "root", 0.7)
	one.run(t, "one timer", "nagios", 0.7)
	startTimers(t, 1000)
	all := contest{
		ours:   []string{plugin, "--all"},
		theirs: []string{"/usr/bin/systemctl", "list-timers", "--all"},
		rounds: 15,
	}
	all.run(t, "1000 timers", "root", 1)
	all.run(t, "1000 timers", "nagios", 1)
}

// startTimers starts the timers bench-0 to bench-(n-1) inside the host. They are due at night; the service of the first one has run.
func startTimers(t *testing.T, n int) {
	t.Helper()
	start := []string{"systemctl", "--no-ask-password", "start"}
	for i := range n {
		name := fmt.Sprintf("/run/systemd/system/bench-%d", i)
		timer := fmt.Sprintf("[Timer]\nOnCalendar=*-*-* 03:%02d:%02d\n", i/60, i%60)
		if err := os.WriteFile(name+".timer", []byte(timer), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name+".service", []byte("[Service]\nType=oneshot\nExecStart=/bin/true\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		start = append(start, fmt.Sprintf("bench-%d.timer", i))
	}
	for _, command := range [][]string{{"systemctl", "daemon-reload"}, start, {"systemctl", "start", "bench-0.service"}} {
		if out, err := as(t, "root", command).CombinedOutput(); err != nil {
			t.Fatalf("%.50q: %v\n%s", command, err, out)
		}
	}
}

// enter moves this goroutine's thread into the host, for good: from here on it sees the files of the host, and what it starts is started there,
// without the cost of an nsenter.
func enter(t *testing.T, h *host) {
	t.Helper()
	runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		t.Fatal(err)
	}
	for _, ns := range []string{"pid", "mnt"} {
		fd, err := os.Open(fmt.Sprintf("/proc/%d/ns/%s", h.pid, ns))
		if err != nil {
			t.Fatal(err)
		}
		defer fd.Close()
		if err := unix.Setns(int(fd.Fd()), 0); err != nil {
			t.Fatalf("enter the %s namespace of the host: %v", ns, err)
		}
	}
}

// A contest is two commands with the same purpose.
type contest struct {
	ours, theirs []string
	rounds       int
}

// A cost is what one run took.
type cost struct {
	wall, cpu, pid1 time.Duration // pid1: CPU time of the host's PID 1
}

func (c contest) run(t *testing.T, name, user string, target float64) {
	var ours, theirs []cost
	for range c.rounds {
		ours = append(ours, measure(t, user, c.ours))
		theirs = append(theirs, measure(t, user, c.theirs))
	}
	row := func(command []string, costs []cost) {
		fmt.Printf("%-44.44s %9.2f %9.2f %9.2f %9.1f\n", filepath.Base(command[0])+" "+strings.Join(command[1:], " "),
			ms(median(costs, wall)), ms(median(costs, cpu)), ms(median(costs, pid1)), peak(t, user, command))
	}
	ratio := func(of func(cost) time.Duration) float64 {
		return float64(median(ours, of)) / float64(median(theirs, of))
	}
	fmt.Printf("\n%-44s %9s %9s %9s %9s\n", fmt.Sprintf("%s, as %s, %d pairs", name, user, c.rounds), "wall ms", "CPU ms", "PID 1 ms", "peak MiB")
	row(c.ours, ours)
	row(c.theirs, theirs)
	fmt.Printf("%-44s %9.2f %9.2f %9.2f\n", fmt.Sprintf("ratio (wall: at most %.1f wanted)", target), ratio(wall), ratio(cpu), ratio(pid1))
}

// measure runs the command once. It has to succeed.
func measure(t *testing.T, user string, command []string) cost {
	t.Helper()
	cmd := as(t, user, command)
	before, start := cpuOfPID1(t), time.Now()
	if err := cmd.Run(); err != nil {
		t.Fatalf("%q: %v", command, err)
	}
	return cost{time.Since(start), cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), cpuOfPID1(t) - before}
}

// peak gives the largest resident set of the command in MiB. The kernel counts in what the process was before it executed the command, hence time(1),
// which is small.
func peak(t *testing.T, user string, command []string) float64 {
	t.Helper()
	var peaks []float64
	for range 9 {
		cmd := as(t, user, append([]string{"/usr/bin/time", "-f", "%M"}, command...))
		var report bytes.Buffer
		cmd.Stderr = &report
		if err := cmd.Run(); err != nil {
			t.Fatalf("%q: %v\n%s", command, err, &report)
		}
		kib, err := strconv.ParseFloat(strings.TrimSpace(report.String()), 64)
		if err != nil {
			t.Fatal(err)
		}
		peaks = append(peaks, kib/1024)
	}
	slices.Sort(peaks)
	return peaks[len(peaks)/2]
}

// as prepares a command on this thread, which is inside the host.
func as(t *testing.T, name string, command []string) *exec.Cmd {
	t.Helper()
	u, err := user.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.ParseUint(u.Uid, 10, 32)
	gid, _ := strconv.ParseUint(u.Gid, 10, 32)
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/usr/bin:/bin", "HOME=" + u.HomeDir, "SHELL=/bin/sh", "USER=" + name, "LOGNAME=" + name}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	return cmd
}

// cpuOfPID1 reads the time that the host's PID 1 has spent on a CPU. (/proc/1/stat has it too, in hundredths of a second.)
func cpuOfPID1(t *testing.T) time.Duration {
	t.Helper()
	line, err := os.ReadFile("/proc/1/schedstat")
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

func wall(c cost) time.Duration { return c.wall }
func cpu(c cost) time.Duration  { return c.cpu }
func pid1(c cost) time.Duration { return c.pid1 }

func median(costs []cost, of func(cost) time.Duration) time.Duration {
	var all []time.Duration
	for _, c := range costs {
		all = append(all, of(c))
	}
	slices.Sort(all)
	return all[len(all)/2]
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
