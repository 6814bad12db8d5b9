//go:build bench

package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestBenchMX compares check_mx_rcpt for two Exims with check_smtp for one, and for 10,000 recipients of an alias file with smtp-source,
// which sends as many RCPTs, both to Postfix's smtp-sink. The two run alternately, and the medians are printed.
func TestBenchMX(t *testing.T) {
	plugin := filepath.Join(bin, "check_mx_rcpt")
	peer := "/usr/lib/nagios/plugins/check_smtp"
	need(t, plugin, peer, "/usr/bin/time")
	for _, addr := range []string{"127.0.25.1", "127.0.25.2"} {
		startExim(t, addr, "\n  accept\nbegin routers\n")
	}
	contest{
		ours:   []string{plugin, "-p", mxPort, "-H", "127.0.25.1", "-H", "127.0.25.2", "-r", "dcw@example.org"},
		theirs: []string{peer, "-p", mxPort, "-H", "127.0.25.1"},
		rounds: 50,
	}.run(t, "two MX hosts and one", "root", 0.1)

	const sink = "127.0.25.9"
	need(t, postfix+"/sbin/smtp-sink")
	library := "LD_LIBRARY_PATH=" + postfix + "/lib/postfix"
	daemon := exec.Command(postfix+"/sbin/smtp-sink", "-u", "nobody", sink+":"+mxPort, "100")
	daemon.Env = append(os.Environ(), library)
	start(t, sink, daemon)
	var keys strings.Builder
	for i := range 10000 {
		fmt.Fprintf(&keys, "queue%d@example.org: queue%d@backend.example.org\n", i, i)
	}
	file := filepath.Join(folder(t, "keys", "root"), "emails")
	if err := os.WriteFile(file, []byte(keys.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	contest{
		ours:   []string{plugin, "-p", mxPort, "-H", sink, "--recipients-from", file, "--format", "exim"},
		theirs: []string{"/usr/bin/env", library, postfix + "/sbin/smtp-source", "-r", "10000", "-f", "a@example.net", "-t", "queue@example.org", sink + ":" + mxPort},
		rounds: 15,
	}.run(t, "10,000 recipients", "root", 1.5)
}
