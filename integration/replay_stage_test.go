//go:build integration

package integration

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// ticketSystem gives the list of queues to who knows the password.
type ticketSystem struct {
	sync.Mutex
	url    string
	queues []string
}

func newTicketSystem(t *testing.T) *ticketSystem {
	listener, err := net.Listen("tcp", monitorAddr+":0")
	if err != nil {
		t.Fatal(err)
	}
	s := &ticketSystem{url: "http://" + listener.Addr().String(),
		queues: []string{"info@example.org", "permissions@example.org"}}
	server := &http.Server{Handler: s}
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
	return s
}

func (s *ticketSystem) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if _, password, _ := r.BasicAuth(); password != "sesame" {
		http.Error(w, "who are you?", http.StatusUnauthorized)
		return
	}
	s.Lock()
	defer s.Unlock()
	fmt.Fprintln(w, strings.Join(s.queues, "\n"))
}

func (s *ticketSystem) add(queue string) {
	s.Lock()
	defer s.Unlock()
	s.queues = append(s.queues, queue)
}

// props reads a file of the replay and fills in its @NAMES@.
func props(t *testing.T, file string, values ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata/replay", file))
	if err != nil {
		t.Fatal(err)
	}
	filled := strings.NewReplacer(values...).Replace(string(text))
	if left := regexp.MustCompile(`@[A-Z0-9]+@`).FindString(filled); left != "" {
		t.Fatalf("%s: no value for %s", file, left)
	}
	return filled
}

// newMailHost boots a host with an Exim.
func newMailHost(t *testing.T, name, config string) *host {
	t.Helper()
	h := newHost(t, name)
	h.must(t, "mkdir -p /etc/exim4 && install -d -o Debian-exim -g Debian-exim /var/spool/exim4 /var/log/exim4")
	h.write(t, "/etc/exim4/exim4.conf", config)
	h.write(t, "/etc/systemd/system/exim.service", props(t, "exim.service"))
	h.must(t, "systemctl daemon-reload && systemctl start exim")
	return h
}

// newMX boots an MX host of the incident: Exim, the job and its timer, NRPE with the shipped
// snippet.
func newMX(t *testing.T, name, addr string, tickets *ticketSystem) *host {
	t.Helper()
	values := []string{"@NAME@", name, "@ADDR@", addr, "@OFFICE@", officeAddr, "@TICKETS@",
		tickets.url, "@PASSWORD@", "sesame",
		"@INTERVAL@", fmt.Sprint(interval), "@WARNING@",
		fmt.Sprint(int((interval + slack).Seconds())), "@CRITICAL@",
		fmt.Sprint(int((2*interval + slack).Seconds()))}
	h := newMailHost(t, name, props(t, "mx.conf", values...))
	h.putPlugins(t)
	for _, unit := range []string{"generate_vrts_aliases.timer", job} {
		h.write(t, "/etc/systemd/system/"+unit, props(t, unit, values...))
	}
	h.write(t, "/var/lib/generate_vrts_aliases", props(t, "generate_vrts_aliases"))
	h.write(t, "/etc/generate_vrts_aliases.conf", props(t, "generate_vrts_aliases.conf", values...))
	h.write(t, "/etc/nagios/nrpe.d/peers.cfg", props(t, "peers.cfg", values...))
	h.startNRPE(t, addr)
	h.must(t, "systemctl daemon-reload && systemctl start generate_vrts_aliases.timer")
	return h
}

func newReplay(t *testing.T) *replay {
	t.Helper()
	need(t, "/var/cache/mailfresh/exim4/usr/sbin/exim4", "/usr/bin/python3", "/usr/sbin/nrpe",
		"/usr/lib/nagios/plugins/check_systemd", "/usr/lib/nagios/plugins/check_file_age")
	r := &replay{history: map[string][]checkResult{}}
	r.tickets = newTicketSystem(t)
	r.office = newMailHost(t, "office", props(t, "office.conf", "@ADDR@", officeAddr))
	r.mx1001 = newMX(t, "mx1001", mx1001Addr, r.tickets)
	r.mx2001 = newMX(t, "mx2001", mx2001Addr, r.tickets)
	r.monitor = newMonitor(t, newHost(t, "monitor"), monitorAddr,
		props(t, "icinga.conf", "@MX1001@", mx1001Addr, "@MX2001@", mx2001Addr))
	r.must(t, "printf '%s\n' '127.0.0.1 localhost' '"+mx1001Addr+" mx1001' '"+
		mx2001Addr+" mx2001' >/etc/hosts")
	return r
}
