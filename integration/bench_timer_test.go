//go:build bench

package integration

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// timer measures one timer of a private host, and what it costs to say why a job hangs or has
// failed.
func (r *report) timer(t *testing.T) {
	enter(t, newHost(t, "bench"))
	startTimers(t, 0, 1)
	must(t, "systemctl", "start", "bench-0.service")
	idle := ours("check_systemd_timer", "-u", "bench-0")
	show := command{
		args: []string{"/usr/bin/systemctl", "show", "bench-0.timer", "bench-0.service"},
		says: "(?s)Id=bench-0.timer.*Id=bench-0.service",
	}
	for _, user := range []string{"nagios", "root"} {
		idle.user, show.user = user, user
		one := contest{idle, show, 200, true}.run(t, "one timer, as "+user, "systemctl show")
		r.add(one.want("wall at most 0.6", one.wall.ratio <= 0.6))
		if user == "nagios" {
			r.addPeak(one)
		}
	}
	idle.user = ""
	debian := command{
		args: []string{"/usr/lib/nagios/plugins/check_systemd", "-n", "-u", "bench-0.timer"},
		says: "^SYSTEMD OK",
	}
	r.add(contest{idle, debian, 15, true}.run(t, "one timer, as nagios", "check_systemd -u"))
	r.burst(t, "one timer", idle)
	r.why(t, idle)
}

// why compares the check of a timer that has something to explain with that of an idle one.
func (r *report) why(t *testing.T, idle command) {
	startUnit(t, "failed", "OnCalendar=*-*-* 03:00:00", "/bin/false")
	startUnit(t, "hung", "OnCalendar=*-*-* 03:00:00", "/bin/sleep 1000")
	must(t, "systemctl", "start", "--no-block", "failed.timer", "failed.service", "hung.timer",
		"hung.service")
	for range 100 {
		if exec.Command("systemctl", "-q", "is-failed", "failed.service").Run() == nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	failed := ours("check_systemd_timer", "-u", "failed")
	failed.status, failed.says = 2, "^SYSTEMD_TIMER CRITICAL - failed.service"
	hung := ours("check_systemd_timer", "-u", "hung", "--running-critical", "0")
	hung.status, hung.says = 2, "sleep"
	within := ours("check_systemd_timer", "-u", "hung")
	stuck := hung
	within.user, stuck.user, idle.user = "root", "root", "root" // nagios may not read the journal
	for _, c := range []struct {
		what  string
		check command
		pairs int
		most  float64 // ms more than the idle timer
	}{
		{"why: the last run failed (no journal is read)", failed, 100, 5},
		{"why: it runs, within its limits (journal), as root", within, 100, 3},
		{"why: it runs, past a limit (one look), as nagios", hung, 50, 5},
		{"why: it runs, past a limit (journal, one look), as root", stuck, 50, 5},
	} {
		idle.user = c.check.user
		row := contest{c.check, idle, c.pairs, true}.run(t, c.what, "an idle timer")
		row.more = true
		r.add(row.want(fmt.Sprintf("at most %g ms more", c.most), row.wall.more <= c.most))
	}
	for _, test := range []struct {
		of    string
		check command
		want  bool
	}{
		{"an idle timer", idle, false},
		{"one that hangs", stuck, true},
		{"one that hangs, as a user who may not read the journal", hung, false},
	} {
		if started := r.journalctlIsStarted(t, test.check); started != test.want {
			t.Errorf("the check of %s starts journalctl: %t; want %t", test.of, started, test.want)
		}
	}
}

// journalctlIsStarted runs the command once where journalctl leaves a trace.
func (r *report) journalctlIsStarted(t *testing.T, c command) bool {
	t.Helper()
	const script, trace, journalctl = "/run/journalctl", "/tmp/journalctl-was-started",
		"/usr/bin/journalctl"
	if err := os.WriteFile(script, []byte("#!/bin/sh\n: >"+trace+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount(script, journalctl, "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	defer unix.Unmount(journalctl, unix.MNT_DETACH)
	output := inMemory(t)
	defer output.Close()
	_ = c.prepare(t, output).Run()
	time.Sleep(100 * time.Millisecond) // it is not waited for
	return os.Remove(trace) == nil
}

// timers measures all timers of a private host, up to 5,000, of which none has run, and 1,000 that
// have.
func (r *report) timers(t *testing.T) {
	enter(t, newHost(t, "bench-all"))
	all := ours("check_systemd_timer", "--all")
	list := command{args: []string{"/usr/bin/systemctl", "list-timers", "--all"}}
	growth := series{
		title: "check_systemd_timer --all", x: "timers that never ran",
		peer: "systemctl list-timers --all",
	}
	stockOurs, stockList := stock(t, all, list)
	started := 0
	for _, n := range []int{10, 100, 1000, 5000} {
		startTimers(t, started, n)
		started = n
		all.says = fmt.Sprintf(`timers=%d;`, stockOurs+n)
		list.says = fmt.Sprintf(`(?m)^%d timers listed`, stockList+n)
		what := thousands(n) + " timers that never ran, as "
		c := contest{all, list, 40, true}.run(t, what+"nagios", "systemctl list-timers --all")
		growth.add(n, c.wall)
		switch n {
		case 1000:
			r.add(c.wantAll(0.5, 1, 1))
			r.thousand(t, all, list)
		case 5000:
			peak := c.peak.ours
			c = c.want("peak memory under 24 MB", peak < 24)
			r.add(c)
		}
	}
	r.grow(growth)
}

// wantAll wants ratios of the wall time, of the CPU time and of that of PID 1.
func (r row) wantAll(wall, cpu, pid1 float64) row {
	return r.want(fmt.Sprintf("wall %g, CPU %g, PID 1's %g", wall, cpu, pid1),
		r.wall.ratio <= wall && r.cpu.ratio <= cpu && r.pid1.ratio <= pid1)
}

// stock counts the timers that the host has by itself, as each of the commands counts them.
func stock(t *testing.T, all, list command) (ours, peers int) {
	t.Helper()
	count := func(c command, expression string) int {
		output := inMemory(t)
		defer output.Close()
		_ = c.prepare(t, output).Run() // its state does not count
		n, err := strconv.Atoi(submatch(text(output), expression))
		if err != nil {
			t.Fatalf("%q: no number of timers:\n%.2000s", c.args, text(output))
		}
		return n
	}
	return count(all, `timers=(\d+)`), count(list, `(?m)^(\d+) timers listed`)
}

// thousand measures 1,000 timers that never ran as root and beside check_systemd, then after each
// has run.
func (r *report) thousand(t *testing.T, all, list command) {
	dead := command{
		args: []string{"/usr/lib/nagios/plugins/check_systemd", "-n", "-t"}, says: "^SYSTEMD OK",
	}
	const peer = "systemctl list-timers --all"
	what := "1,000 timers that never ran, as nagios"
	r.add(contest{all, dead, 5, true}.run(t, what, "check_systemd -t"))
	all.user, list.user = "root", "root"
	c := contest{all, list, 40, true}.run(t, "1,000 timers that never ran, as root", peer)
	r.add(c.wantAll(0.5, 1, 1))
	run := []string{"systemctl", "start"}
	for i := range 1000 {
		run = append(run, fmt.Sprintf("bench-%d.service", i))
	}
	must(t, run...)
	for _, user := range []string{"nagios", "root"} {
		all.user, list.user = user, user
		c := contest{all, list, 40, true}.run(t, "1,000 timers that ran, as "+user, peer)
		if user == "nagios" {
			c = c.wantAll(0.3, 1, 0.3)
		}
		r.add(c)
	}
}

// startTimers starts the timers bench-FROM to bench-(TO-1) inside the host. They are due at night.
func startTimers(t *testing.T, from, to int) {
	t.Helper()
	start := []string{"systemctl", "start"}
	for i := from; i < to; i++ {
		name := fmt.Sprintf("bench-%d", i)
		startUnit(t, name, fmt.Sprintf("OnCalendar=*-*-* 03:%02d:%02d", i/60%60, i%60), "/bin/true")
		start = append(start, name+".timer")
	}
	must(t, "systemctl", "daemon-reload")
	must(t, start...)
}

// startUnit writes a timer and its service, which are loaded when they are first asked for.
func startUnit(t *testing.T, name, schedule, command string) {
	t.Helper()
	for suffix, text := range map[string]string{".timer": "[Timer]\n" + schedule + "\n",
		".service": "[Service]\nType=oneshot\nExecStart=" + command + "\n"} {
		path := "/run/systemd/system/" + name + suffix
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// must runs a command inside the host that has to succeed.
func must(t *testing.T, args ...string) string {
	t.Helper()
	output := inMemory(t)
	defer output.Close()
	if err := (command{args: args, user: "root"}).prepare(t, output).Run(); err != nil {
		t.Fatalf("%.80q: %v\n%.2000s", args, err, text(output))
	}
	return text(output)
}

// enter moves this goroutine's thread into the host, for good: from here on it sees the files of
// the host, and what it starts is started there, without the cost of an nsenter.
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
