//go:build integration

package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestPrivateHosts(t *testing.T) {
	t.Parallel()
	one, two := newHost(t, "one"), newHost(t, "two")
	for _, test := range []struct {
		host       *host
		user       string
		command    string
		want       string
		wantStatus int
	}{
		{one, "root", "cat /proc/1/comm; uname -n; pwd", "systemd\none\n/\n", 0},
		{two, "root", "cat /proc/1/comm; uname -n; pwd", "systemd\ntwo\n/\n", 0},
		{one, "nagios", "id -un; id -Gn; [ -t 0 ]", "nagios\nnagios\n", 1},
		{one, "nagios", "env | cut -d= -f1 | sort | tr '\\n' ' '",
			"HOME LOGNAME PATH PWD SHELL USER ", 0},
		{one, "nagios", "readlink /proc/self/fd/0 /proc/$$/fd/0", "", 1},
		{one, "nagios", "systemctl is-system-running", "running\n", 0},
		{one, "root", "touch /etc/only-one /var/only-one /run/only-one /tmp/only-one", "", 0},
		{two, "root", "ls -d /etc/only* /var/only* /run/only* /tmp/only* 2>/dev/null", "", 2},
		{sharedHost(t), "root", "uname -n", "shared\n", 0},
		{one, "root", "touch /sys/x 2>/dev/null || echo 1 >/proc/sys/vm/swappiness", "", 2},
	} {
		out, errs, status := test.host.in(test.user, "sh", "-c", test.command)
		if out != test.want || status != test.wantStatus {
			t.Errorf("in(%s, %q) = %q, %d; want %q, %d\n%s", test.user, test.command, out, status,
				test.want, test.wantStatus, errs)
		}
	}
	if name, err := os.ReadFile(two.path("/etc/hostname")); string(name) != "two\n" {
		t.Errorf("ReadFile(/etc/hostname of two) = %q, %v; want %q", name, err, "two\n")
	}
}

// TestHostsLeaveNothing looks for what a private host could leave on the machine.
func TestHostsLeaveNothing(t *testing.T) {
	t.Parallel()
	h := newHost(t, "gone")
	if _, errs, status := h.in("root", "systemd-run", "sleep", "1000"); status != 0 {
		t.Fatal(errs)
	}
	before := h.traces(t)
	h.close()
	after := h.traces(t)
	if len(before) < 3 || len(after) != 0 {
		t.Errorf("traces of a host: while it runs %q, after its end %q; want its folder, cgroup and processes, then none", before, after)
	}
}

// traces lists what is seen of the host on the machine: its folder, cgroup, mounts and processes.
func (h *host) traces(t *testing.T) (found []string) {
	t.Helper()
	dir := h.cmd.Args[1]
	group := filepath.Base(dir)
	paths := []string{dir, "/sys/fs/cgroup/" + group, "/sys/fs/cgroup/unified/" + group,
		fmt.Sprint("/proc/", h.pid)}
	for _, path := range paths {
		if _, err := os.Stat(path); err == nil {
			found = append(found, path)
		}
	}
	// of all processes, or of those in a cgroup v2 that is not mounted here
	files, err := filepath.Glob("/proc/[0-9]*/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, "/proc/self/mountinfo") {
		if text, err := os.ReadFile(file); err == nil && strings.Contains(string(text), group) {
			found = append(found, file)
		}
	}
	return found
}

// TestJanitor closes the janitor's standard input, as the end of this process does: what it minds
// is killed, what it forgot is not.
func TestJanitor(t *testing.T) {
	dir := t.TempDir()
	shell := exec.Command("bash", "-c", janitorScript, dir)
	pipe, err := shell.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	var daemons [2]*exec.Cmd
	for i := range daemons {
		daemons[i] = exec.Command("sleep", "1000")
		daemons[i].SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if err := daemons[i].Start(); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(pipe, "mind", daemons[i].Process.Pid)
	}
	minded, forgotten := daemons[0], daemons[1]
	fmt.Fprintln(pipe, "forget", forgotten.Process.Pid)
	pipe.Close()
	shell.Wait()
	if err := minded.Wait(); err == nil || err.Error() != "signal: killed" {
		t.Errorf("the daemon it minds: %v; want killed", err)
	}
	if err := forgotten.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("the daemon it forgot: %v; want alive", err)
	}
	forgotten.Process.Kill()
	forgotten.Wait()
	if _, err := os.Stat(dir); err == nil {
		t.Errorf("%s is still there", dir)
	}
}
