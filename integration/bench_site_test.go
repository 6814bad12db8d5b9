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

// hourOfCPU renders what an hour of checks costs a host, one of each kind a minute.
func hourOfCPU(minutes []row) string {
	lines := [][]string{{
		"a check a minute, as nagios", "CPU s an hour", "of it PID 1", "of it dbus-daemon",
		"the other check", "CPU s an hour", "of it PID 1", "of it dbus-daemon",
	}}
	hour := func(ms float64) string { return fmt.Sprintf("%.2f", ms*60/1000) }
	part := func(r row, ms float64) string {
		if r.pid1 == (pair{}) {
			return ""
		}
		return hour(ms)
	}
	var sum pair
	for _, r := range minutes {
		all := pair{
			ours: r.cpu.ours + r.pid1.ours + r.bus.ours,
			peer: r.cpu.peer + r.pid1.peer + r.bus.peer,
		}
		sum = pair{ours: sum.ours + all.ours, peer: sum.peer + all.peer}
		lines = append(lines, []string{
			r.what, hour(all.ours), part(r, r.pid1.ours), part(r, r.bus.ours),
			r.peer, hour(all.peer), part(r, r.pid1.peer), part(r, r.bus.peer),
		})
	}
	return align(append(lines,
		[]string{"all three", hour(sum.ours), "", "", "all three", hour(sum.peer), "", ""}))
}

// traffic is what mail servers see of a check in an hour.
type traffic struct {
	what               string
	every              int // minutes
	command            command
	connections, bytes int
}

// mailTraffic counts what two mail servers see of an hour of checks: in a network of its own, whose
// loopback passes packets as Ethernet does. The runs follow each other at once.
func (r *report) mailTraffic(t *testing.T) {
	ownNetwork(t)
	for _, addr := range []string{"127.0.25.1", "127.0.25.2"} {
		mailer{}.startExim(t, addr, acceptAll)
	}
	two := []string{"-p", mxPort, "--helo", "monitor.example.org", "-H", "127.0.25.1",
		"-H", "127.0.25.2"}
	file := writeAliases(t, "recipients", addresses, 500)
	one := ours("check_mx_rcpt", append(two, "-r", "dcw@example.org")...)
	one.says = `^MX_RCPT OK - .* accepted=2;`
	many := ours("check_mx_rcpt", append(two, "--recipients-from", file, "--format", "exim")...)
	many.says = `^MX_RCPT OK - .* accepted=1000;`
	for _, c := range []traffic{
		{what: "check_mx_rcpt, one recipient at two hosts", every: 1, command: one},
		{what: "check_mx_rcpt, 500 recipients at two hosts", every: 5, command: many},
		{what: "check_smtp, one host", every: 1, command: checkSMTP("127.0.25.1")},
	} {
		connections, bytes := seen(t)
		for range 60 / c.every {
			c.command.measure(t, false)
		}
		time.Sleep(100 * time.Millisecond) // until the last connection is closed on both sides
		opened, passed := seen(t)
		c.connections, c.bytes = opened-connections, passed-bytes
		r.traffic = append(r.traffic, c)
	}
}

// ownNetwork moves this goroutine's thread into a network that has a loopback alone.
func ownNetwork(t *testing.T) {
	t.Helper()
	runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatal(err)
	}
	up := exec.Command("ip", "link", "set", "lo", "mtu", "1500", "gso_max_segs", "1", "up")
	if out, err := up.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", up.Args, err, out)
	}
}

// seen reads how many connections were opened in this network and how many bytes passed its
// loopback, each once, with the headers of IP and TCP.
func seen(t *testing.T) (connections, bytes int) {
	t.Helper()
	read := func(file, expression string) int {
		text, err := os.ReadFile("/proc/thread-self/net/" + file)
		if err != nil {
			t.Fatal(err)
		}
		n, err := strconv.Atoi(submatch(string(text), expression))
		if err != nil {
			t.Fatalf("%s of this network: %q", file, text)
		}
		return n
	}
	// RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens
	return read("snmp", `(?m)^Tcp: \d+ \d+ \d+ -?\d+ (\d+)`), read("dev", `(?m)^ *lo: *(\d+)`)
}

func mailHour(list []traffic) string {
	lines := [][]string{{"check", "every", "connections an hour", "kB an hour, both directions"}}
	for _, c := range list {
		lines = append(lines, []string{c.what, fmt.Sprintf("%d min", c.every),
			fmt.Sprint(c.connections), fmt.Sprintf("%.1f", float64(c.bytes)/1000)})
	}
	return align(lines)
}
