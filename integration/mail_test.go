//go:build integration || bench

package integration

import (
	"crypto/tls"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"mailfresh/internal/plugintest"
)

const (
	mxPort  = "2525" // of all mail daemons, each on its own address
	exim    = "/var/cache/mailfresh/exim4/usr/sbin/exim4"
	postfix = "/var/cache/mailfresh/postfix/usr"
)

// eximMX is an MX as in the incident: what is in the alias file is accepted, for the rest the back end is asked.
func eximMX(callout, backend string) string {
	return strings.NewReplacer("CALLOUT", callout, "BACKEND", backend).Replace(`
  require verify = recipient/callout=5sCALLOUT
  accept
begin routers
aliases:
  driver = accept
  condition = ${lookup{$local_part@$domain}lsearch{DIR/aliases}{yes}{no}}
  transport = local
backend:
  driver = manualroute
  route_list = * BACKEND
  self = send
  transport = remote
begin transports
local:
  driver = appendfile
  file = /dev/null
remote:
  driver = smtp
  port = ` + mxPort + "\n")
}

// eximBackend knows old and picky, and does not like one sender.
const eximBackend = `
  deny senders = bad@example.net
       message = 5.1.1 Not from you
  accept local_parts = old : picky
  deny message = 5.1.1 No such user
begin routers
`

// startExim starts a private Exim with Debian's default limits on one address; rules are the RCPT ACL and what follows. DIR in them is
// its folder, which has a log.
func startExim(t testing.TB, addr, rules string) (dir string) {
	t.Helper()
	return startEximOptions(t, addr, "tls_advertise_hosts =\n", rules)
}

// startEximTLS is startExim with STARTTLS.
func startEximTLS(t testing.TB, addr, rules string, certificate tls.Certificate) {
	t.Helper()
	files := t.TempDir()
	if err := os.Chmod(filepath.Dir(files), 0o755); err != nil {
		t.Fatal(err)
	}
	cert, key := plugintest.CertificatePEM(certificate)
	for name, text := range map[string][]byte{"cert.pem": cert, "key.pem": key} {
		if err := os.WriteFile(filepath.Join(files, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	startEximOptions(t, addr, "tls_advertise_hosts = *\ntls_certificate = "+files+"/cert.pem\ntls_privatekey = "+files+"/key.pem\n", rules)
}

func startEximOptions(t testing.TB, addr, options, rules string) (dir string) {
	t.Helper()
	need(t, exim)
	dir = folder(t, "exim", "Debian-exim", "spool", "log")
	config := filepath.Join(dir, "exim.conf")
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
	start(t, addr, exec.Command(exim, "-bdf", "-C", config))
	return dir
}

// startPostfix starts a private Postfix with Debian's default limits on one address. It knows the addresses in the file users of its folder.
func startPostfix(t testing.TB, addr, options string) (dir string) {
	t.Helper()
	need(t, postfix+"/sbin/postfix")
	dir = folder(t, "postfix", "postfix", "data")
	for _, sub := range []string{"queue/pid", "log", "queue/private", "queue/public", "queue/incoming", "queue/active", "queue/deferred", "queue/maildrop"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
		if sub != "queue/pid" && sub != "log" {
			own(t, filepath.Join(dir, sub), "postfix")
		}
	}
	replace := strings.NewReplacer("DIR", dir, "ADDR", addr, "PORT", mxPort, "POSTFIX", postfix)
	for name, text := range map[string]string{
		"users": "",
		"main.cf": `
compatibility_level = 3.7
queue_directory = DIR/queue
data_directory = DIR/data
command_directory = POSTFIX/sbin
daemon_directory = POSTFIX/lib/postfix/sbin
shlib_directory = POSTFIX/lib/postfix
mail_owner = postfix
setgid_group = postdrop
import_environment = LD_LIBRARY_PATH MAIL_CONFIG
maillog_file = DIR/log/mail.log
maillog_file_prefixes = DIR/log
myhostname = mx.example.org
mydestination =
inet_interfaces = 127.0.0.1
smtpd_tls_security_level = none
virtual_mailbox_domains = example.org
virtual_mailbox_maps = texthash:DIR/users
default_database_type = texthash
alias_maps =
` + options,
		"master.cf": `
ADDR:PORT inet n - n - - smtpd
rewrite unix - - n - - trivial-rewrite
proxymap unix - - n - - proxymap
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(replace.Replace(text)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	master := exec.Command(postfix+"/lib/postfix/sbin/master", "-c", dir, "-d")
	master.Env = append(os.Environ(), "LD_LIBRARY_PATH="+postfix+"/lib/postfix")
	start(t, addr, master)
	return dir
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
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
		}
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		<-ended
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
func folder(t testing.TB, name, owner string, parts ...string) string {
	t.Helper()
	dir, err := os.MkdirTemp("/var/tmp", "mailfresh-"+name+"-")
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
		own(t, filepath.Join(dir, part), owner)
	}
	return dir
}

func own(t testing.TB, path, name string) {
	t.Helper()
	u, err := user.Lookup(name)
	if err != nil {
		lack(t, err.Error())
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	if err := os.Chown(path, uid, gid); err != nil {
		t.Fatal(err)
	}
}
