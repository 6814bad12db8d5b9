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
	"strconv"
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
