//go:build integration || bench

package integration

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A setup says what a host is to be like.
type setup struct {
	name   string
	root   string        // the root folder of a release; "" for this machine's own
	uptime time.Duration // since it booted, without sleep; 0: as long as this machine
	asleep time.Duration // suspended since it booted: CLOCK_MONOTONIC stood still
}

// A host is a private machine with systemd as PID 1 (see boot). It shares the network with all
// others.
type host struct {
	setup
	pid  int // of its PID 1, as seen from here
	cmd  *exec.Cmd
	held io.Closer // boot ends the host when this closes
}

// newHost gives a host of the test's own, which ends with the test.
func newHost(t testing.TB, name string) *host {
	t.Helper()
	needSystemd(t)
	h, err := setup{name: name}.boot()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.close)
	return h
}

func needSystemd(t testing.TB) {
	t.Helper()
	need(t, "/lib/systemd/systemd", "/usr/bin/dbus-daemon", "/usr/bin/nsenter", "/usr/bin/unshare",
		"/usr/bin/setpriv", "/usr/bin/pgrep")
}

// booting are the turns to boot: a host takes a CPU for that.
var booting = make(chan struct{}, runtime.NumCPU())

// boot starts a host and waits until its systemd is up.
func (m setup) boot() (*host, error) {
	booting <- struct{}{}
	defer func() { <-booting }()
	dir, err := os.MkdirTemp("/var/tmp", "mailfresh-host-")
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("./boot", dir, m.name)
	cmd.Env = append(os.Environ(), "ROOT="+m.root, "SHARED="+shared)
	cmd.Env = append(cmd.Env, m.clocks()...)
	// an interrupt from the keyboard reaches it by the pipe alone
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	held, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	h := &host{setup: m, cmd: cmd, held: held}
	if err := h.up(out); err != nil {
		log, _ := os.ReadFile(filepath.Join(dir, "log"))
		h.close()
		return nil, fmt.Errorf("boot %s: %w\n%s", m.name, err, log)
	}
	return h, nil
}

// moved reports whether the host has clocks of its own.
func (m setup) moved() bool { return m.uptime != 0 || m.asleep != 0 }

// clocks are the variables that tell boot how far to move the clocks.
func (m setup) clocks() []string {
	if !m.moved() {
		return nil
	}
	now := func(clock int32) time.Duration {
		var at unix.Timespec
		_ = unix.ClockGettime(clock, &at) // cannot fail: Linux has both clocks
		return time.Duration(at.Nano())
	}
	uptime := cmp.Or(m.uptime, now(unix.CLOCK_MONOTONIC))
	return []string{
		fmt.Sprintf("MONOTONIC=%.0f", (uptime - now(unix.CLOCK_MONOTONIC)).Seconds()),
		fmt.Sprintf("BOOTTIME=%.0f", (uptime + m.asleep - now(unix.CLOCK_BOOTTIME)).Seconds()),
	}
}

func (h *host) up(out io.Reader) error {
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return fmt.Errorf("its PID 1: %w", err)
	}
	if h.pid, err = strconv.Atoi(strings.TrimSpace(line)); err != nil {
		return err
	}
	var state, errs string
	for deadline := time.Now().Add(time.Minute); time.Now().
		Before(deadline); time.Sleep(50 * time.Millisecond) {
		// by the system bus, which is started by this
		state, errs, _ = h.in("nagios", "systemctl", "is-system-running")
		if state == "running\n" || state == "degraded\n" {
			return nil
		}
	}
	return fmt.Errorf("systemd is %q after a minute: %s", state, errs)
}

// close kills the host and everything in it, and waits for the end.
func (h *host) close() {
	h.held.Close()
	_ = h.cmd.Wait()
}

// command prepares a command inside the host, run as NRPE runs its plugins: as user, in /, without
// standard input, with HOME, PATH, SHELL, USER and LOGNAME alone in its environment.
func (h *host) command(ctx context.Context, user string, command ...string) *exec.Cmd {
	args := append(h.enter(), "setpriv", "--reuid="+user, "--regid="+user, "--init-groups",
		"--reset-env", "sh", "-c", `exec "$@" <&-`, "sh")
	cmd := exec.CommandContext(ctx, "nsenter", append(args, command...)...)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// enter are the options of nsenter for the host.
func (h *host) enter() []string {
	args := []string{"-t", strconv.Itoa(h.pid), "-p", "-m", "-u", "-i", "-C"}
	if h.moved() {
		args = append(args, "-T")
	}
	return args
}

// path gives the path, from here, of a file inside the host.
func (h *host) path(name string) string {
	return filepath.Join("/proc", strconv.Itoa(h.pid), "root", name)
}

// in runs a command inside the host, for a minute at most, and gives its output and exit status.
func (h *host) in(user string, command ...string) (stdout, stderr string, status int) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := h.command(ctx, user, command...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		fmt.Fprintln(&errs, err)
		return out.String(), errs.String(), -1
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}
