//go:build integration

package integration

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

const (
	masterAddr = "127.7.61.1"
	agentAddr  = "127.7.61.2"
	examples   = "/usr/share/doc/monitoring-plugins-mailfresh/examples"
)

// agentServices are those of contrib/icinga2-agent, what they say, and which host runs them.
// Timer and file are on the mail host alone.
var agentServices = []struct {
	name  string
	state float64
	says  string
	at    string
}{
	{"mx1001!systemd_timer-generate_vrts_aliases", 0, `SYSTEMD_TIMER OK - generate_vrts_aliases`,
		"mx1001.example.org"},
	{"mx1001!alias_freshness-vrts", 0, `ALIAS_FRESHNESS OK - /etc/exim4/vrts_aliases`,
		"mx1001.example.org"},
	{"mx1001!systemd_timers", 0, `SYSTEMD_TIMER OK - `, "mx1001.example.org"},
	{"example.org!mx_rcpt-queues", 2, `MX_RCPT CRITICAL - `, "monitor.example.org"},
}

// ticketLine is where the page has a ticket, which each master makes for itself.
var ticketLine = regexp.MustCompile(`(?m)^ticket=[0-9a-f]{40}$`)

// TestAgent follows docs/agent.md on two hosts, with the shipped files as they are: Icinga has to
// find no fault with either end, and the master has to get what the agent's checks say.
func TestAgent(t *testing.T) {
	t.Parallel()
	thisRelease(t, func(t *testing.T, r release) {
		master, agent := agentHost(t, r, "monitor"), agentHost(t, r, "mx1001")
		agent.write(t, "/etc/systemd/system/generate_vrts_aliases.timer", icingaTimer)
		agent.write(t, "/etc/systemd/system/generate_vrts_aliases.service", icingaService)
		agent.must(t, `mkdir -p /etc/exim4; echo 'info: dcw@example.org' >/etc/exim4/vrts_aliases
systemctl daemon-reload; systemctl start generate_vrts_aliases.timer`)

		m := &monitor{host: master, url: "https://" + masterAddr + ":5665", password: rand.Text()}
		m.must(t, fmt.Sprintf(`echo 'object ApiUser "test" { password = "%s"; permissions = [ "*" ] }' \
	>/etc/icinga2/conf.d/test.conf`, m.password))
		ticket := ""
		for _, step := range steps(t, "../docs/agent.md", "On the monitoring host") {
			ticket = strings.TrimSpace(followed(t, master, masterAddr, step))
		}
		page := strings.Join(steps(t, "../docs/agent.md", "On the mail host"), "\n\n")
		if !ticketLine.MatchString(page) || !ticketLine.MatchString("ticket="+ticket) {
			t.Fatalf("the ticket is %q; the page has it as %q", ticket, ticketLine.FindString(page))
		}
		for _, step := range steps(t, "../docs/agent.md", "On the mail host") {
			step = ticketLine.ReplaceAllString(step, "")
			// The address to listen on is what only this test needs: both hosts share a network.
			step = strings.Replace(step, "icinga2 daemon -C",
				bindHost(agentAddr)+"\nicinga2 daemon -C", 1)
			followed(t, agent, agentAddr, "ticket="+ticket+"\n"+step)
		}
		m.connect(t, "monitor.example.org")
		m.agentConnected(t)
		testAgentServices(t, m)
		for _, step := range steps(t, "../docs/agent.md", "See the results") {
			const want = "systemd_timers at mx1001.example.org: SYSTEMD_TIMER OK - "
			if out := followed(t, master, masterAddr, step); !strings.Contains(out, want) {
				t.Errorf("%s: %s; want %q", step, out, want)
			}
		}
	})
}

// agentHost boots a host that has Icinga, the plugins and the examples where the package has them.
func agentHost(t *testing.T, r release, name string) *host {
	t.Helper()
	h := r.host(t, name, "monitor")
	h.must(t, "cp "+bin+"/* /usr/lib/nagios/plugins")
	// Icinga 2.13 cannot copy a file from one layer of an overlay to another.
	h.must(t, "cp -a /etc/icinga2 /etc/new && rm -r /etc/icinga2 && mv /etc/new /etc/icinga2")
	h.write(t, "/etc/hosts", "127.0.0.1 localhost\n"+masterAddr+" monitor.example.org\n"+
		agentAddr+" mx1001.example.org\n")
	for _, glob := range []string{"icinga2/*.conf", "icinga2-agent/*/*.conf"} {
		files, _ := filepath.Glob("../contrib/" + glob)
		for _, file := range files {
			name := examples + strings.TrimPrefix(file, "../contrib")
			h.must(t, "mkdir -p "+filepath.Dir(name))
			h.copy(t, file, name)
		}
	}
	return h
}

// steps are the blocks of sh below a heading of a page.
func steps(t *testing.T, page, heading string) (blocks []string) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	_, part, _ := strings.Cut(string(text), "\n## "+heading+"\n")
	part, _, _ = strings.Cut(part, "\n## ")
	for _, match := range regexp.MustCompile("(?s)\n```sh\n(.*?)\n```\n").
		FindAllStringSubmatch(part, -1) {
		blocks = append(blocks, match[1])
	}
	if len(blocks) == 0 {
		t.Fatalf("%s has no step below %q", page, heading)
	}
	return blocks
}

// bindHost is a command that makes Icinga's API listen on addr, wherever it is set up.
func bindHost(addr string) string {
	return `[ ! -e /etc/icinga2/features-available/api.conf ] || grep -q bind_host /etc/icinga2/features-available/api.conf ||
	sed -i '/^object ApiListener/a bind_host = "` + addr + `"' /etc/icinga2/features-available/api.conf`
}

// followed runs a step of a page and gives what it prints.
func followed(t *testing.T, h *host, addr, step string) string {
	t.Helper()
	h.must(t, bindHost(addr))
	return h.must(t, step)
}

// agentConnected waits until the agent is connected to the master.
func (m *monitor) agentConnected(t *testing.T) {
	t.Helper()
	eventually(t, "the agent is connected", 2*time.Minute, func() bool {
		var endpoints []struct{ Attrs struct{ Connected bool } }
		m.ask(t, "GET", "objects/endpoints/mx1001.example.org", nil, &endpoints)
		return len(endpoints) == 1 && endpoints[0].Attrs.Connected
	})
}

// testAgentServices has each service checked, until the agent has the CheckCommands.
func testAgentServices(t *testing.T, m *monitor) {
	for _, s := range agentServices {
		var got checkResult
		eventually(t, s.name+" is run by "+s.at, 2*time.Minute, func() bool {
			got = m.check(t, s.name)
			return got.Source == s.at && !strings.Contains(got.Output, "does not exist")
		})
		if got.State != s.state || !strings.HasPrefix(got.Output, s.says) {
			t.Errorf("%s: state %v; want %v; says %q; want %q", s.name, got.State, s.state,
				got.Output, s.says)
		}
	}
}
