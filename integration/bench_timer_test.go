//go:build bench

package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// timer measures one timer of a private host, and what it costs to say why a job hangs or has
// failed.
func (r *report) timer(t *testing.T) {
	enter(t, r.release.host(t, "bench", "bench"))
	startTimers(t, 0, 1, false)
	must(t, "systemctl", "start", "bench-0.service")
	idle := ours("check_systemd_timer", "-u", "bench-0")
	show := command{
		args: []string{"/usr/bin/systemctl", "show", "bench-0.timer", "bench-0.service"},
		says: "(?s)Id=bench-0.timer.*Id=bench-0.service",
	}
	for _, user := range []string{"nagios", "root"} {
		idle.user, show.user = user, user
		c := contest{idle, show, 200, true}
		what := "one timer, as " + user
		one := c.run(t, what, "systemctl show").want(limit{ofWall, 0.6})
		r.add(one)
		r.beside(t, what, c)
		if user == "nagios" {
			r.addPeak(one)
		}
	}
	idle.user = ""
	debian := command{
		args: []string{"/usr/lib/nagios/plugins/check_systemd", "-n", "-u", "bench-0.timer"},
		says: "^SYSTEMD OK",
	}
	minute := contest{idle, debian, 15, true}.run(t, "one timer, as nagios", "check_systemd -u")
	r.add(minute)
	r.hour = append(r.hour, minute)
	r.burst(t, "one timer", idle)
	r.why(t, idle)
}

// why compares the check of a timer that has something to explain with that of an idle one.
func (r *report) why(t *testing.T, idle command) {
	const wakes = "/usr/bin/perl -e 'select undef, undef, undef, 0.001 while 1'"
	startUnit(t, "failed", atNight(0), "/bin/false")
	startUnit(t, "hung", atNight(0), "/bin/sleep 1000")
	startUnit(t, "works", atNight(0), wakes)
	must(t, "systemctl", "start", "--no-block", "failed.timer", "failed.service", "hung.timer",
		"hung.service", "works.timer")
	awaitFailure("failed.service")
	failed := ours("check_systemd_timer", "-u", "failed")
	failed.status, failed.says = 2, "^SYSTEMD_TIMER CRITICAL - failed.service"
	within := ours("check_systemd_timer", "-u", "hung")
	hung := ours("check_systemd_timer", "-u", "hung", "--running-critical", "0")
	hung.status, hung.says = 2, "sleep"
	works := ours("check_systemd_timer", "-u", "works", "--running-critical", "0")
	works.status, works.says = 2, "perl"
	as := func(user string, c command) command { c.user = user; return c }
	for _, c := range []struct { // nagios may not read the journal
		what  string
		check command
		most  float64 // ms more than the idle timer
	}{
		{"why: the last run failed, as nagios", as("nagios", failed), 5},
		{"why: it runs, within its limits, as nagios", as("nagios", within), 3},
		{"why: it runs, within its limits (journal), as root", as("root", within), 3},
		{"why: it hangs, past a limit (one look), as nagios", as("nagios", hung), 5},
		{"why: it hangs, past a limit (journal, one look), as root", as("root", hung), 5},
		{"why: it works, past a limit (journal, two looks), as root", as("root", works), 25},
	} {
		if c.check.says == works.says {
			must(t, "systemctl", "start", "--no-block", "works.service")
		}
		why := contest{c.check, as(c.check.user, idle), 100, true}
		r.add(why.run(t, c.what, "an idle timer").want(limit{moreMS, c.most}))
		r.beside(t, c.what, why)
	}
	must(t, "systemctl", "stop", "works.service")
	for _, test := range []struct {
		of    string
		check command
		want  bool
	}{
		{"an idle timer", as("root", idle), false},
		{"one that hangs", as("root", hung), true},
		{"one that hangs, as a user who may not read the journal", hung, false},
	} {
		if started := r.journalctlIsStarted(t, test.check); started != test.want {
			t.Errorf("the check of %s starts journalctl: %t; want %t", test.of, started, test.want)
		}
	}
}

// awaitFailure waits until a unit has failed, for 5 s at most.
func awaitFailure(unit string) {
	for range 100 {
		if exec.Command("systemctl", "-q", "is-failed", unit).Run() == nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
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

// startTimers starts the timers bench-FROM to bench-(TO-1) inside the host. If they are due, they
// were last triggered two days ago, and this waits until all have fired and their services ended.
func startTimers(t *testing.T, from, to int, due bool) {
	t.Helper()
	start := []string{"systemctl", "start"}
	for i := from; i < to; i++ {
		name, schedule := fmt.Sprintf("bench-%d", i), atNight(i)
		if due {
			schedule += "\nPersistent=true"
			stampTimer(t, name, time.Now().Add(-48*time.Hour))
		}
		startUnit(t, name, schedule, "/bin/true")
		start = append(start, name+".timer")
	}
	must(t, "systemctl", "daemon-reload")
	must(t, start...)
	for range 600 {
		if !due || strings.Contains(must(t, "systemctl", "list-jobs"), "No jobs running") {
			return
		}
		time.Sleep(500 * time.Millisecond)
	}
	t.Fatal("the timers still run")
}

// stampTimer notes when a persistent timer last triggered (systemd.timer(5)).
func stampTimer(t *testing.T, name string, at time.Time) {
	t.Helper()
	path := "/var/lib/systemd/timers/stamp-" + name + ".timer"
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

// atNight is the daily schedule of the timer i: about twelve hours from now, so that none elapses
// while the bench runs. The hosts' zone is UTC.
func atNight(i int) string {
	hour := time.Now().UTC().Add(12 * time.Hour).Hour()
	return fmt.Sprintf("OnCalendar=*-*-* %02d:%02d:%02d", hour, i/60%60, i%60)
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
