//go:build integration

package integration

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"mailfresh/internal/nagios"
	"mailfresh/internal/plugintest"
)

// tortured is how many times more there is to do than in the short form.
func tortured(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi("0" + os.Getenv("MAILFRESH_TORTURE"))
	if err != nil {
		t.Fatalf("MAILFRESH_TORTURE: %v", err)
	}
	return max(n, 1)
}

var serviceLimits = plugintest.Limits{Time: 10 * time.Second}

const tortureUnits = `
cat >/run/systemd/system/torture-good.timer <<E
[Timer]
OnCalendar=*:*:0/10
AccuracySec=1ms
E
cat >/run/systemd/system/torture-good.service <<E
[Service]
Type=oneshot
ExecStart=/bin/true
E
cat >/run/systemd/system/torture-hung.timer <<E
[Timer]
OnActiveSec=1ms
OnUnitInactiveSec=1s
AccuracySec=1ms
E
cat >/run/systemd/system/torture-hung.service <<E
[Service]
Type=simple
ExecStart=/bin/sleep infinity
E
systemctl daemon-reload
systemctl start torture-good.timer torture-hung.timer
`

// TestTortureSystemd checks timers while systemd reloads and re-executes itself and while the bus
// is restarted. A good timer is never CRITICAL, a job that hangs never OK; where nobody answers the
// plugin says that it could not look.
func TestTortureSystemd(t *testing.T) {
	h := newHost(t, "torture")
	h.must(t, tortureUnits)
	good, hung := []string{bin + "/check_systemd_timer", "-u", "torture-good"},
		[]string{bin + "/check_systemd_timer", "-u", "torture-hung"}
	eventually(t, "the good timer has run", time.Minute,
		func() bool { _, _, status := h.in("nagios", good...); return status == 0 })
	eventually(t, "the other hangs", time.Minute,
		func() bool { _, _, status := h.in("nagios", hung...); return status == 2 })
	for _, storm := range []struct{ name, script string }{
		{"daemon-reload storm", "systemctl daemon-reload"},
		{"daemon-reexec", "systemctl daemon-reexec; sleep 2"},
		{"dbus restarts", "systemctl restart dbus.service; sleep 2"},
	} {
		t.Run(storm.name, func(t *testing.T) {
			c := plugintest.NewTally(t, "timers during "+storm.name)
			ctx, stop := context.WithCancel(context.Background())
			var weather sync.WaitGroup
			defer weather.Wait()
			defer stop()
			weather.Add(1)
			go func() {
				defer weather.Done()
				// it is killed
				_ = h.command(ctx, "root", "sh", "-c", "while :; do "+storm.script+"; done").Run()
			}()
			var blind atomic.Int32
			// of each, as root and as nagios: 200 in the long form
			checks := 10 * min(tortured(t), 5)
			inParallel(checks, 4, func(i int) {
				for _, user := range []string{"root", "nagios"} {
					for _, test := range []struct {
						command []string
						want    []nagios.State
					}{{good, []nagios.State{nagios.OK, nagios.Unknown}},
						{hung, []nagios.State{nagios.Critical, nagios.Unknown}}} {
						begin := time.Now()
						out, errs, status := h.in(user, test.command...)
						if status == 3 {
							blind.Add(1)
						}
						c.Judge(t, fmt.Sprintf("%s: %q as %s", storm.name, test.command[1:], user),
							plugintest.Outcome{Plugin: "check_systemd_timer", Exit: status,
								Stdout: out, Stderr: errs, Took: time.Since(begin)}, serviceLimits,
							test.want...)
					}
				}
			})
			t.Logf("%d of %d checks could not look", blind.Load(), 4*checks)
			if int(blind.Load()) > 2*checks {
				t.Error("this storm shows nothing: most checks could not look")
			}
		})
	}
}

// inParallel calls f(0) .. f(n-1), at most limit at a time.
func inParallel(n, limit int, f func(i int)) {
	var wait sync.WaitGroup
	next := atomic.Int32{}
	for range limit {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for i := int(next.Add(1)); i <= n; i = int(next.Add(1)) {
				f(i - 1)
			}
		}()
	}
	wait.Wait()
}

// TestTortureExim kills and restarts one of two Exims while they are asked. What both accept is
// never CRITICAL, what both or the other reject is never OK.
func TestTortureExim(t *testing.T) {
	const stays, dies = "127.0.41.1", "127.0.41.2"
	rules := `
  accept local_parts = known
  accept local_parts = disputed
         condition = ${if eq{$received_ip_address}{` + dies + `}}
  deny message = 5.1.1 No such user
begin routers
`
	mailer{}.startExim(t, stays, rules)
	c, r := plugintest.NewTally(t, "Exim killed and restarted"),
		rand.New(rand.NewPCG(plugintest.Seed(t), 6))
	e := newMortalExim(t, dies, rules)
	var done atomic.Bool
	var deaths int
	var reaper sync.WaitGroup
	pauses := make([]time.Duration, 100)
	for i := range pauses {
		pauses[i] = time.Duration(r.IntN(40)) * time.Millisecond
	}
	reaper.Add(1)
	go func() {
		defer reaper.Done()
		for ; !done.Load(); deaths++ {
			e.start(t)
			time.Sleep(30*time.Millisecond + pauses[deaths%len(pauses)])
			e.kill([]syscall.Signal{syscall.SIGKILL, syscall.SIGTERM}[deaths%2])
		}
	}()
	inParallel(70*min(tortured(t), 10), 4, func(i int) {
		for name, want := range map[string][]nagios.State{
			"known":    {nagios.OK, nagios.Warning},
			"unknown":  {nagios.Critical},
			"disputed": {nagios.Critical}, // rejected by the one that stays
		} {
			begin := time.Now()
			cmd := exec.Command(filepath.Join(bin, "check_mx_rcpt"), "-p", mxPort, "--helo",
				"monitor.example.org", "-H", stays, "-H", dies, "-r", name+"@example.org")
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			if err := cmd.Run(); err != nil && !errors.As(err, new(*exec.ExitError)) {
				t.Error(err)
				return
			}
			c.Judge(t, name,
				plugintest.Outcome{Plugin: "check_mx_rcpt", Exit: cmd.ProcessState.ExitCode(),
					Stdout: stdout.String(), Stderr: stderr.String(), Took: time.Since(begin)},
				serviceLimits, want...)
		}
	})
	done.Store(true)
	reaper.Wait()
	t.Logf("Exim died %d times", deaths)
}

// mortalExim is an Exim that may be killed with all its processes, and started again.
type mortalExim struct {
	config string
	cmd    *exec.Cmd
	addr   string
}

func newMortalExim(t *testing.T, addr, rules string) *mortalExim {
	dir := folder(t, nil, "exim", "Debian-exim", "spool", "log")
	return &mortalExim{config: writeEximConfig(t, dir, addr, "tls_advertise_hosts =\n", rules),
		addr: addr}
}

// start returns when it listens.
func (e *mortalExim) start(t *testing.T) {
	e.cmd = exec.Command(exim, "-bdf", "-C", e.config)
	e.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := e.cmd.Start(); err != nil {
		t.Error(err)
		return
	}
	fmt.Fprintln(janitor, "mind", e.cmd.Process.Pid)
	for range 200 {
		if c, err := net.Dial("tcp", net.JoinHostPort(e.addr, mxPort)); err == nil {
			c.Close()
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Errorf("Exim does not listen on %s", e.addr)
}

// kill ends it, the processes that hold dialogues included.
func (e *mortalExim) kill(signal syscall.Signal) {
	_ = syscall.Kill(-e.cmd.Process.Pid, signal)
	_ = e.cmd.Wait()
	_ = syscall.Kill(-e.cmd.Process.Pid, syscall.SIGKILL)
	fmt.Fprintln(janitor, "forget", e.cmd.Process.Pid)
}

// sample runs the plugins on nasty input and keeps what they say.
func sample(t *testing.T, n int) (all []plugintest.Outcome) {
	r, dir := rand.New(rand.NewPCG(plugintest.Seed(t), 7)), t.TempDir()
	run := func(env []string, name string, args ...string) {
		cmd := exec.Command(filepath.Join(bin, name), args...)
		cmd.Env = env
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Run(); err != nil && !errors.As(err, new(*exec.ExitError)) {
			t.Fatal(err)
		}
		all = append(all, plugintest.Outcome{Plugin: name, Exit: cmd.ProcessState.ExitCode(),
			Stdout: stdout.String(), Stderr: stderr.String()})
	}
	for i := range n {
		junk := plugintest.Junk(r)
		switch verbose := []string{"-t9", "-v", "-vv"}[i/3%3]; i % 3 {
		case 0:
			s, err := plugintest.PlaySMTP("127.0.0.1:0",
				"hello\nC: MAIL FROM:<>\nC: RCPT TO:<a@example.org>\nS: 250 ok\nS: "+[]string{"550",
					"450", "250", "550 5.7.1"}[i%4]+" "+junk)
			if err != nil {
				t.Fatal(err)
			}
			run(nil, "check_mx_rcpt", "-H", s.Addr, "-r", "a@example.org", verbose, "-w", "0.5",
				"-c", "@10:20")
			s.Close()
		case 1:
			file := filepath.Join(dir, strings.ReplaceAll(fmt.Sprintf("%d %.100s", i, junk), "/",
				"-"))
			if err := os.WriteFile(file, []byte(junk+": "+junk+"\n"+junk+"\na: b\nA: c\n"),
				0o644); err != nil {
				t.Fatal(err)
			}
			run(nil, "check_alias_freshness", "-f", file, "-c", "25h", "-w", "~:1h", "--format",
				"aliases", "--require", junk, verbose)
		case 2:
			text := "[job.timer]\nTimersMonotonic=OnUnitInactiveUSec 1h\nDescription=" + junk +
				"\nActiveEnterTimestamp=now-30d\nLastTriggerUSec=now-7m\n[job.service]\n" +
				"InactiveExitTimestamp=now-67m\nInactiveEnterTimestamp=now-65m\nConditionTimestamp=now-7m\nConditionResult=no\nConditions=ConditionPathExists=" + junk + " failed\n"
			s, err := plugintest.ParseSystemd(text, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			socket := filepath.Join(dir, "bus")
			stage, err := s.Listen(socket)
			if err != nil {
				t.Fatal(err)
			}
			run([]string{"DBUS_SYSTEM_BUS_ADDRESS=unix:path=" + socket}, "check_systemd_timer",
				"-u", "job", verbose)
			stage.Close()
		}
	}
	return all
}

// TestTortureMonitors has a real Icinga 2 and a real NRPE pass on what the plugins say of nasty
// input: state, text and performance data arrive as they were printed.
func TestTortureMonitors(t *testing.T) {
	const addr = "127.7.41.1"
	c, all := plugintest.NewTally(t, "output read by Icinga 2 and NRPE"),
		sample(t, 24*min(tortured(t), 5))
	var services, commands strings.Builder
	fmt.Fprintf(&services,
		"object Host \"torture\" { check_command = \"dummy\" }\nobject CheckCommand \"torture-replay\" { command = [ \"/run/torture/replay\" ]\n arguments = { n = { value = \"$n$\"; skip_key = true } } }\n")
	for i := range all {
		fmt.Fprintf(&services,
			"object Service \"s%d\" { host_name = \"torture\"\n check_command = \"torture-replay\"\n check_interval = 1d\n vars.n = \"%d\" }\n", i, i)
		fmt.Fprintf(&commands, "command[s%d]=/run/torture/replay %d\n", i, i)
	}
	m := newMonitor(t, "torture-monitor", addr, services.String())
	m.must(t, "mkdir /run/torture")
	m.write(t, "/run/torture/replay",
		"#!/bin/sh\ncat /run/torture/$1; exit $(cat /run/torture/$1.exit)\n")
	m.must(t, "chmod 755 /run/torture/replay")
	for i, o := range all {
		m.write(t, fmt.Sprint("/run/torture/", i), o.Stdout)
		m.write(t, fmt.Sprint("/run/torture/", i, ".exit"), fmt.Sprint(o.Exit))
	}
	m.write(t, "/etc/nagios/nrpe.d/torture.cfg", commands.String())
	m.startNRPE(t, addr)
	m.checkNow(t, `match("torture!s*", service.__name)`)
	eventually(t, "Icinga has run all", 2*time.Minute,
		func() bool { return len(m.results(t)) >= len(all) })
	results := m.results(t)
	for i, o := range all {
		text, perfdata := split(o.Stdout)
		got := results[fmt.Sprintf("torture!s%d", i)]
		seen, want := strings.TrimSpace(got.Output), text
		var items []string
		if len(got.Perfdata) > 0 {
			m.parsed(t, got.Perfdata) // fails where Icinga cannot read one
			items = got.Perfdata
		}
		o.Stderr = ""
		if got.State != float64(o.Exit) || seen != want || !slices.Equal(items, perfdata) {
			o.Stderr = fmt.Sprintf("Icinga makes of it state %v, %q and %q", got.State, seen, items)
		}
		c.Judge(t, fmt.Sprint("Icinga, sample ", i), o, serviceLimits, nagios.State(o.Exit))
		out, errs, status := m.in("nagios", "/usr/lib/nagios/plugins/check_nrpe", "-H", addr, "-c",
			fmt.Sprint("s", i))
		o.Stderr = ""
		if out != o.Stdout || status != o.Exit {
			o.Stderr = fmt.Sprintf("NRPE makes of it %d and %q %s", status, out, errs)
		}
		c.Judge(t, fmt.Sprint("NRPE, sample ", i), o, serviceLimits, nagios.State(o.Exit))
	}
}

// split takes an output apart as Icinga does: the text, with the blank before the pipe, and the
// items of performance data.
func split(output string) (text string, items []string) {
	line, rest, _ := strings.Cut(strings.TrimSuffix(output, "\n"), "\n")
	line, data, found := strings.Cut(line, "|")
	if found {
		items = strings.Fields(data)
	}
	return strings.TrimSpace(line + "\n" + rest), items
}
