//go:build integration

package integration

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A monitor is a private host with an Icinga 2 as Debian sets it up, this project's plugins,
// CheckCommands and example services, and Icinga's API on an address of its own.
type monitor struct {
	*host
	url, password string
	client        *http.Client
}

// A checkResult is what Icinga keeps of a service's last check. Its API gives all numbers as
// floats.
type checkResult struct {
	State    float64  // of the plugin: 0 to 3
	Output   string   // service output and long output
	Perfdata []string `json:"performance_data"`
	Command  any      // the argv, or Icinga's complaint
	Source   string   `json:"check_source"`    // the endpoint that ran the check
	Start    float64  `json:"execution_start"` // Unix time
	End      float64  `json:"execution_end"`
}

const monitorConfig = `
const NodeName = "monitor"
object Endpoint NodeName {}
object Zone NodeName { endpoints = [ NodeName ] }
object ApiListener "api" {
	bind_host = "%s"
}
object ApiUser "test" {
	password = "%s"
	permissions = [ "*" ]
}
`

// newMonitor makes a monitor, whose API is at addr, of a host with Icinga and NRPE. Its
// configuration is that of Debian, without the example hosts; what is in contrib/icinga2; and
// config.
func newMonitor(t *testing.T, h *host, addr, config string) *monitor {
	t.Helper()
	if h.root == "" {
		need(t, "/usr/sbin/icinga2", "/usr/bin/openssl", "/usr/lib/nagios/plugins/check_nrpe")
	}
	m := &monitor{host: h, url: "https://" + addr + ":5665", password: rand.Text()}
	m.putPlugins(t)
	m.must(t, "rm -rf /etc/icinga2/conf.d /etc/icinga2/features-enabled/notification.conf && mkdir /etc/icinga2/conf.d && install -d -o nagios /var/lib/icinga2/certs")
	m.write(t, "/etc/icinga2/zones.conf", fmt.Sprintf(monitorConfig, addr, m.password))
	m.must(t, `cd /var/lib/icinga2/certs && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=monitor \
		-addext subjectAltName=DNS:monitor -keyout monitor.key -out monitor.crt && cp monitor.crt ca.crt && chown nagios *`)
	m.putContrib(t)
	m.write(t, "/etc/icinga2/conf.d/stage.conf", config)
	if out, errs, status := m.in("root", "icinga2", "daemon", "-C"); status != 0 {
		t.Fatalf("icinga2 daemon -C: %s%s", out, errs)
	}
	m.must(t, "systemctl start icinga2")
	m.connect(t, "monitor")
	return m
}

// connect makes the client of Icinga's API, whose certificate is for name, and waits until it
// listens.
func (m *monitor) connect(t *testing.T, name string) {
	t.Helper()
	authority, err := os.ReadFile(m.path("/var/lib/icinga2/certs/ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	m.client = &http.Client{Timeout: time.Minute,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: name}}}
	t.Cleanup(m.client.CloseIdleConnections)
	eventually(t, "Icinga's API listens", 30*time.Second, func() bool {
		conn, err := net.Dial("tcp", strings.TrimPrefix(m.url, "https://"))
		if err != nil {
			return false
		}
		conn.Close()
		return true
	})
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, patience time.Duration, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().
		Before(deadline); time.Sleep(100 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatalf("not so after %v: %s", patience, what)
}

// putContrib copies the shipped files of Icinga to the monitor. They are what an operator would
// have: unchanged.
func (m *monitor) putContrib(t *testing.T) {
	t.Helper()
	files, err := filepath.Glob("../contrib/icinga2/*.conf")
	if err != nil || len(files) < 2 {
		t.Fatalf("contrib/icinga2: %q, %v", files, err)
	}
	for _, file := range files {
		m.copy(t, file, "/etc/icinga2/conf.d/"+filepath.Base(file))
	}
}

// putPlugins shows this tree's plugins beside Debian's in /usr/lib/nagios/plugins, to this host
// alone, and has D-Bus up for them.
func (h *host) putPlugins(t *testing.T) {
	t.Helper()
	h.must(t, "cp -a /usr/lib/nagios/plugins /run/plugins && cp "+bin+"/* /run/plugins && "+
		"mount --bind /run/plugins /usr/lib/nagios/plugins")
	eventually(t, "systemd answers on D-Bus", 30*time.Second, func() bool {
		_, _, status := h.in("nagios", "systemctl", "is-system-running")
		return status == 0
	})
}

// startNRPE starts Debian's NRPE at addr, with this project's snippet as the only addition.
func (h *host) startNRPE(t *testing.T, addr string) {
	t.Helper()
	h.copy(t, "../contrib/nrpe/mailfresh.cfg", "/etc/nagios/nrpe.d/mailfresh.cfg")
	h.must(t,
		"echo server_address="+addr+" >>/etc/nagios/nrpe.cfg && systemctl start nagios-nrpe-server")
}

// must runs a shell script inside the host, as root. It has to succeed.
func (h *host) must(t *testing.T, script string) string {
	t.Helper()
	out, errs, status := h.in("root", "sh", "-ec", script)
	if status != 0 {
		t.Fatalf("%s: exit status %d\n%s%s", script, status, out, errs)
	}
	return out
}

// write writes a file of the host.
func (h *host) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(h.path(name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// copy copies a file of this tree to the host.
func (h *host) copy(t *testing.T, file, name string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	h.write(t, name, string(text))
}

// ask sends a request to Icinga's API and gives its results.
func (m *monitor) ask(t *testing.T, method, path string, body any, results any) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequest(method, m.url+"/v1/"+path, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	request.SetBasicAuth("test", m.password)
	request.Header.Set("Accept", "application/json")
	response, err := m.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK {
		t.Fatalf("%s %s %s: %s\n%s", method, path, text, response.Status, answer)
	}
	if err := json.Unmarshal(answer, &struct{ Results any }{results}); err != nil {
		t.Fatalf("%s %s: %v\n%s", method, path, err, answer)
	}
}

// checkNow asks Icinga to run the checks of all services that match the filter.
func (m *monitor) checkNow(t *testing.T, filter string) {
	t.Helper()
	m.ask(t, "POST", "actions/reschedule-check", map[string]any{"type": "Service", "filter": filter,
		"force": true}, &[]any{})
}

// results gives the last check results, by "host!service", of the services that have one.
func (m *monitor) results(t *testing.T) map[string]checkResult {
	t.Helper()
	var services []struct {
		Name  string
		Attrs struct {
			Last *checkResult `json:"last_check_result"`
		}
	}
	m.ask(t, "GET", "objects/services?attrs=last_check_result", nil, &services)
	all := map[string]checkResult{}
	for _, s := range services {
		if s.Attrs.Last != nil {
			all[s.Name] = *s.Attrs.Last
		}
	}
	return all
}

// check runs a service's check and gives its result. It asks again now and then: Icinga forgets
// what it is asked while a check runs.
func (m *monitor) check(t *testing.T, service string) (result checkResult) {
	t.Helper()
	start := time.Now()
	asked := time.Time{}
	eventually(t, service+" has a result", time.Minute, func() bool {
		if time.Since(asked) > 2*time.Second {
			asked = time.Now()
			m.checkNow(t, fmt.Sprintf("service.__name==%q", service))
		}
		result = m.results(t)[service]
		return result.Start >= float64(start.UnixMicro())/1e6
	})
	return result
}

// parsed gives the values of performance data, by label, as Icinga reads them.
func (m *monitor) parsed(t *testing.T, perfdata []string) map[string]float64 {
	t.Helper()
	values := map[string]float64{}
	for _, item := range perfdata {
		var results []struct {
			Status string
			Result struct {
				Label string
				Value float64
			}
		}
		m.ask(t, "POST",
			"console/execute-script?command="+url.QueryEscape(fmt.Sprintf(
				"parse_performance_data(%q)", item)), nil, &results)
		if len(results) != 1 || results[0].Result.Label == "" {
			t.Fatalf("Icinga cannot read the performance data %q: %+v", item, results)
		}
		values[results[0].Result.Label] = results[0].Result.Value
	}
	return values
}

// firstLine is what a pager shows.
func firstLine(output string) string {
	line, _, _ := strings.Cut(output, "\n")
	return line
}
