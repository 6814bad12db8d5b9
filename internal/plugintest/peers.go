package plugintest

import (
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

func init() {
	Commands["smtp"] = smtpCommand
	Commands["dns"] = dnsCommand
	Commands["authority"] = authorityCommand
	Commands["control"] = controlCommand
}

// smtpCommand starts servers: smtp 127.0.0.2 FILE [127.0.0.3 FILE...]. All servers of a test script
// have one port, $PORT. A client that does not keep to a server's script fails the test.
func smtpCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 || len(args)%2 != 0 {
		ts.Fatalf("usage: smtp ADDRESS FILE [ADDRESS FILE...]")
	}
	port := ts.Getenv("PORT")
	if port == "" {
		port = "0"
	}
	for i := 0; i < len(args); i += 2 {
		s, err := PlaySMTP(net.JoinHostPort(args[i], port), ts.ReadFile(args[i+1]))
		ts.Check(err)
		_, port, err = net.SplitHostPort(s.Addr)
		ts.Check(err)
		ts.Defer(func() {
			if problems := s.Close(); len(problems) > 0 {
				ts.Fatalf("against %s: %s", args[i+1], strings.Join(problems, "; "))
			}
		})
	}
	ts.Setenv("PORT", port)
}

// dnsCommand starts a server: dns FILE. It sets $DNS to the server's address.
func dnsCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: dns FILE")
	}
	d, err := ServeDNS(ts.ReadFile(args[0]))
	ts.Check(err)
	ts.Defer(d.Close)
	ts.Setenv("DNS", d.Addr)
}

// authorityCommand makes the plugin trust the certificates of SMTP scripts, and no others.
func authorityCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: authority")
	}
	file := ts.MkAbs("ca.pem")
	ts.Check(os.WriteFile(file, CA(), 0o644))
	ts.Setenv("SSL_CERT_FILE", file)
	ts.Setenv("SSL_CERT_DIR", ts.MkAbs("none"))
}

// controlCommand sets a variable to a text with Go's escapes, such as an argument of two lines:
// control LF a\nb.
func controlCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: control VARIABLE TEXT")
	}
	text, err := strconv.Unquote(`"` + args[1] + `"`)
	ts.Check(err)
	ts.Setenv(args[0], text)
}
