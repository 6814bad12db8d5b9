//go:build integration

package integration

import (
	"fmt"
	"net"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

const tenAndTen = `\|.* accepted=10;;;0 rejected=10;;;0 deferred=0;;;0 probe_refused=0;;;0 ` +
	`no_answer=0;;;0 `

// mixed writes an alias file of ten keys that the hosts know and ten that they do not, in turn, and
// gives the known ones in lines of a form.
func mixed(t *testing.T, form string) (file, users string) {
	t.Helper()
	var keys strings.Builder
	for i := range 10 {
		fmt.Fprintf(&keys, "good%d@example.org: x\nbad%d@example.org: x\n", i, i)
		users += fmt.Sprintf(form, i)
	}
	file = filepath.Join(t.TempDir(), "mixed")
	write(t, file, keys.String())
	return file, users
}

// Servers that punish a client for recipients that they do not know: each of ten good and ten bad
// keys has its own verdict, and no log has a complaint. Controls spoil nothing.
func testMXPunishment(t *testing.T, m mailer) {
	file, users := mixed(t, "good%d@example.org x\n")
	const rules = `
  PUNISH condition = ${if >{$rcpt_fail_count}{2}}
         message = Too many invalid recipients
  accept condition = ${lookup{$local_part@$domain}lsearch{DIR/users}{yes}{no}}
  deny message = Unknown user
begin routers
`
	logs := map[string]string{}
	for addr, punish := range map[string]string{"127.0.25.1": "drop", "127.0.25.2": "defer"} {
		dir := m.startExim(t, addr, strings.Replace(rules, "PUNISH", punish, 1))
		write(t, filepath.Join(dir, "users"), users)
		logs[addr] = filepath.Join(dir, "log", "mainlog")
	}
	dir := m.startPostfix(t, "127.0.25.4", "smtpd_hard_error_limit = 5\n")
	write(t, filepath.Join(dir, "users"), users)
	logs["127.0.25.4"] = filepath.Join(dir, "log", "mail.log")
	for addr, log := range logs {
		args := []string{"-H", addr, "--recipients-from", file, "--format", "exim"}
		probe(t, 2, args, `^MX_RCPT CRITICAL - `+addr+` rejects bad0@example.org, .* and 7 more `,
			tenAndTen)
		probe(t, 2, append(args, "-f", "a@example.net"), tenAndTen)
		calm(t, log)
	}
	args := []string{"-H", "127.0.25.1", "-r", "good0@example.org"}
	for i := range 4 {
		args = append(args, "--reject", fmt.Sprintf("bad%d@example.org", i))
	}
	probe(t, 0, args, `^MX_RCPT OK - 127.0.25.1 accepts good0@example.org and refuses bad0@`)
}

// Postfix accepts <postmaster> also from a client that it refuses, by address, name or sender: that
// is no verdict about the recipient, as what it says of a foreign domain is.
func testMXClientRefused(t *testing.T, m mailer) {
	user := "dcw@example.org x\n"
	for i, c := range []struct{ by, what, next string }{
		{"client", "probe by policy", "this monitor.s address there, or give another --helo"},
		{"helo", "probe by policy", "this monitor.s address there, or give another --helo"},
		{"sender", "sender", "this sender there, or give another --from"},
	} {
		addr := fmt.Sprintf("127.0.25.%d", 5+i)
		m.startPostfix(t, addr,
			"smtpd_"+c.by+"_restrictions = check_"+c.by+"_access static:REJECT\n")
		probe(t, 3, []string{"-H", addr, "-r", "dcw@example.org", "-f", "a@example.net"},
			`^MX_RCPT UNKNOWN - `+addr+` refuses the `+c.what+` for dcw@example.org `+
				`\(554 5.7.1 .* rejected: Access denied\): allow `+c.next+` \|`)
	}
	m.startPostfix(t, "127.0.25.4", "virtual_mailbox_domains = example.net\n"+
		"smtpd_relay_restrictions = reject_unauth_destination\n")
	dir := m.startPostfix(t, "127.0.25.9", "")
	write(t, filepath.Join(dir, "users"), user)
	probe(t, 2, []string{"-H", "127.0.25.4", "-H", "127.0.25.9", "-r", "dcw@example.org"},
		`^MX_RCPT CRITICAL - MX hosts disagree on dcw@example.org: 127.0.25.4 rejects it `+
			`\(554 5.7.1 .dcw@example.org.: Relay access denied\), 127.0.25.9 accepts it \|`)
}

// postscreen with this client on its denylist refuses the probe.
func testMXPostscreen(t *testing.T, m mailer) {
	dir := m.startPostfix(t, "127.0.25.4", "postscreen_access_list = static:reject\n"+
		"postscreen_blacklist_action = enforce\npostscreen_greet_wait = 1s\n",
		"127.0.25.5:"+mxPort+" inet n - n - 1 postscreen", "smtpd pass - - n - - smtpd",
		"dnsblog unix - - n - 0 dnsblog", "tlsproxy unix - - n - 0 tlsproxy")
	write(t, filepath.Join(dir, "users"), "dcw@example.org x\n")
	probe(t, 3, []string{"-H", "127.0.25.4", "-H", "127.0.25.5", "-r", "dcw@example.org"},
		`^MX_RCPT UNKNOWN - 127.0.25.5 refuses the probe for dcw@example.org \(550 5.3.2 .*\): `+
			`allow this monitor.s address there, or give another --helo \|`)
}

// A server that waits for TLS on port 465 is asked in plain text: the hint does not take until the
// time is up.
func testMXPlainText(t *testing.T, _ mailer) {
	l, err := net.Listen("tcp", "127.0.25.9:465")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	begin := time.Now()
	probe(t, 2, []string{"-H", "127.0.25.9:465", "-r", "dcw@example.org", "-t", "50"},
		`^MX_RCPT CRITICAL - 127.0.25.9:465 gives no answer for dcw@example.org `+
			`\(greeting: silent for 2 s; port 465 wants --tls implicit\) \|`)
	if took := time.Since(begin); took > 40*time.Second {
		t.Errorf("the hint took %v", took)
	}
}

// Sendmail slows down each reply of a transaction after some bad recipients (BadRcptThrottle).
// After three, as Debian has it, the connection has been left.
func TestMXSendmail(t *testing.T) {
	thisRelease(t, func(t *testing.T, r release) {
		// it sleeps for a minute where the host has no name with a dot
		h := r.host(t, "mx.example.test", "sendmail")
		file, users := mixed(t, "good%d: /dev/null\n")
		for _, throttle := range []int{3, 1} {
			addr := fmt.Sprintf("127.0.25.1%d", throttle)
			startSendmail(t, h, addr, throttle, users)
			probe(t, 2, []string{"-H", addr, "--recipients-from", file, "--format", "exim",
				"-t", "30"},
				`^MX_RCPT CRITICAL - `+addr+` rejects bad0@example.org, .* and 7 more `, tenAndTen)
			log, _, _ := h.in("root", "journalctl", "--no-pager", "-q")
			if !strings.Contains(log, "<bad9@example.org>") {
				t.Errorf("the journal has nothing of Sendmail:\n%s", log)
			}
			complaint := `.*lost input channel.*`
			if throttle == 3 {
				complaint += `|.*throttling.*`
			}
			if found := regexp.MustCompile(complaint).FindString(log); found != "" {
				t.Errorf("BadRcptThrottle=%d: %s", throttle, found)
			}
		}
	})
}

// startSendmail starts a Sendmail on one address that knows the aliases, in example.org.
func startSendmail(t *testing.T, h *host, addr string, throttle int, aliases string) {
	t.Helper()
	dir := folder(t, h, "sendmail", "root", "queue")
	write(t, filepath.Join(dir, "aliases"), aliases)
	// no DNS
	write(t, filepath.Join(dir, "switch"), "hosts files\naliases files\npasswd files\n")
	write(t, filepath.Join(dir, "mc"), fmt.Sprintf(sendmailDaemon, throttle, addr, mxPort))
	const macros = "/usr/share/sendmail/cf/"
	text, _ := mapTool(t, h.daemon("m4", "-D_CF_DIR_="+macros, macros+"m4/cf.m4",
		filepath.Join(dir, "mc")), 0)
	write(t, filepath.Join(dir, "cf"), text)
	args := []string{"/usr/libexec/sendmail/sendmail", "-C", dir + "/cf",
		"-O", "ServiceSwitchFile=" + dir + "/switch", "-O", "AliasFile=" + dir + "/aliases",
		"-O", "QueueDirectory=" + dir + "/queue", "-O", "PidFile=" + dir + "/pid"}
	mapTool(t, h.daemon(append(args, "-bi")...), 0)
	start(t, addr, h.daemon(append(args, "-bD")...))
}

const sendmailDaemon = "OSTYPE(`linux')dnl\n" +
	"define(`confBAD_RCPT_THROTTLE', `%d')dnl\n" +
	"define(`confDONT_BLAME_SENDMAIL', `TrustStickyBit,GroupWritableDirPathSafe')dnl\n" +
	"define(`confREFUSE_LA', `999')dnl\ndefine(`confQUEUE_LA', `999')dnl\n" +
	"DAEMON_OPTIONS(`Name=MTA, Addr=%s, Port=%s')dnl\nFEATURE(`no_default_msa')dnl\n" +
	"FEATURE(`nocanonify')dnl\nFEATURE(`accept_unresolvable_domains')dnl\n" +
	"LOCAL_DOMAIN(`example.org')dnl\nMAILER(`local')dnl\nMAILER(`smtp')dnl\n"
