//go:build integration

package integration

import (
	"crypto/tls"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mailfresh/internal/plugintest"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// eximMX is an MX as in the incident: what is in the alias file is accepted, for the rest the back
// end is asked.
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

// startEximTLS is startExim with STARTTLS.
func (m mailer) startEximTLS(t testing.TB, addr, rules string, certificate tls.Certificate) {
	t.Helper()
	files := folder(t, m.exim, "certificate", "")
	cert, key := plugintest.CertificatePEM(certificate)
	for name, text := range map[string][]byte{"cert.pem": cert, "key.pem": key} {
		if err := os.WriteFile(filepath.Join(files, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	options := "tls_advertise_hosts = *\ntls_certificate = " + files + "/cert.pem\n" +
		"tls_privatekey = " + files + "/key.pem\n"
	m.startEximOptions(t, addr, options, rules)
}

// startPostfix starts a private Postfix with Debian's default limits on one address, and with
// further services of master.cf. It knows the addresses in the file users of its folder.
func (m mailer) startPostfix(t testing.TB, addr, options string, services ...string) (dir string) {
	t.Helper()
	dir = folder(t, m.postfix, "postfix", "postfix", "data")
	for _, sub := range []string{"queue/pid", "log", "queue/private", "queue/public",
		"queue/incoming", "queue/active", "queue/deferred", "queue/maildrop"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
		if sub != "queue/pid" && sub != "log" {
			own(t, m.postfix, filepath.Join(dir, sub), "postfix")
		}
	}
	replace := strings.NewReplacer("DIR", dir, "ADDR", addr, "PORT", mxPort)
	for name, text := range map[string]string{
		"users": "",
		"main.cf": `
compatibility_level = 3.7
queue_directory = DIR/queue
data_directory = DIR/data
mail_owner = postfix
setgid_group = postdrop
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
` + strings.Join(services, "\n") + "\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(replace.Replace(text)),
			0o644); err != nil {
			t.Fatal(err)
		}
	}
	start(t, addr, m.postfix.daemon("/usr/lib/postfix/sbin/master", "-c", dir, "-d"))
	return dir
}
