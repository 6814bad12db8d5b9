//go:build integration || bench

package integration

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	mxPort  = "2525" // of all mail daemons, each on its own address
	exim    = "/var/cache/mailfresh/exim4/usr/sbin/exim4"
	postfix = "/var/cache/mailfresh/postfix/usr"
)

// A mailer starts mail daemons: those of a release in private hosts of it, or with no host those
// that are unpacked on this machine.
type mailer struct{ exim, postfix *host }

// mailer gives the mail daemons of the release, until the test ends.
func (r release) mailer(t testing.TB) mailer {
	t.Helper()
	return mailer{exim: r.host(t, "exim", "exim"), postfix: r.host(t, "postfix", "postfix")}
}

// startExim starts a private Exim with Debian's default limits on one address; rules are the RCPT
// ACL and what follows. DIR in them is its folder, which has a log.
func (m mailer) startExim(t testing.TB, addr, rules string) (dir string) {
	t.Helper()
	return m.startEximOptions(t, addr, "tls_advertise_hosts =\n", rules)
}

func (m mailer) startEximOptions(t testing.TB, addr, options, rules string) (dir string) {
	t.Helper()
	dir = folder(t, m.exim, "exim", "Debian-exim", "spool", "log")
	program := exim
	if m.exim != nil {
		program = "/usr/sbin/exim4"
	} else {
		need(t, exim)
	}
	start(t, addr,
		m.exim.daemon(program, "-bdf", "-C", writeEximConfig(t, dir, addr, options, rules)))
	return dir
}

// daemon prepares a program that root runs inside the host; on this machine if there is no host.
func (h *host) daemon(command ...string) *exec.Cmd {
	if h == nil {
		return exec.Command(command[0], command[1:]...)
	}
	return exec.Command("nsenter", append(h.enter(), command...)...)
}

func writeEximConfig(t testing.TB, dir, addr, options, rules string) (config string) {
	t.Helper()
	config = filepath.Join(dir, "exim.conf")
	text := strings.NewReplacer("DIR", dir, "ADDR", addr, "PORT", mxPort).Replace(`
primary_hostname = mx.example.org
local_interfaces = <; [ADDR]:PORT
spool_directory = DIR/spool
log_file_path = DIR/log/%slog
pid_file_path = DIR/spool/exim.pid
exim_user = Debian-exim
exim_group = Debian-exim
host_lookup =
` + options + `
acl_smtp_rcpt = rcpt
begin acl
rcpt:` + rules)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return config
}

// start runs a daemon until the test ends, and waits for its port.
func start(t testing.TB, addr string, cmd *exec.Cmd) {
	t.Helper()
	var output strings.Builder
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(janitor, "mind", cmd.Process.Pid)
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
		}
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		<-ended
		fmt.Fprintln(janitor, "forget", cmd.Process.Pid)
	})
	for range 200 {
		if c, err := net.Dial("tcp", net.JoinHostPort(addr, mxPort)); err == nil {
			c.Close()
			return
		}
		select {
		case <-ended:
			t.Fatalf("%s ended: %s", cmd.Path, &output)
		case <-time.After(50 * time.Millisecond):
		}
	}
	t.Fatalf("%s does not listen on %s", cmd.Path, addr)
}

// folder makes a daemon's folder, which all users may enter, with parts that belong to its user.
func folder(t testing.TB, h *host, name, owner string, parts ...string) string {
	t.Helper()
	dir, err := os.MkdirTemp(shared, name+"-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, part := range parts {
		if err := os.Mkdir(filepath.Join(dir, part), 0o755); err != nil {
			t.Fatal(err)
		}
		own(t, h, filepath.Join(dir, part), owner)
	}
	return dir
}

// own gives a file to a user of the host.
func own(t testing.TB, h *host, path, name string) {
	t.Helper()
	passwd := "/etc/passwd"
	if h != nil {
		passwd = h.path(passwd)
	}
	text, err := os.ReadFile(passwd)
	if err != nil {
		t.Fatal(err)
	}
	entry := regexp.MustCompile("(?m)^" + name + ":[^:]*:([0-9]+):([0-9]+):").FindSubmatch(text)
	if entry == nil {
		lack(t, "no user "+name)
	}
	uid, _ := strconv.Atoi(string(entry[1]))
	gid, _ := strconv.Atoi(string(entry[2]))
	if err := os.Chown(path, uid, gid); err != nil {
		t.Fatal(err)
	}
}
