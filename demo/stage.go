package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-smtp"

	"mailfresh/internal/plugintest"
)

// stage is the world of the story.
type stage struct {
	dir     string // with a folder for each host, and the D-Bus sockets
	bus     string // the socket of the systemd that is played now
	systemd *plugintest.SystemdServer
	dns     *plugintest.DNS
	mx      []*smtp.Server
	port    string
	asked   []string // the recipients that are checked
}

const (
	oldAddress = "info@example.org"
	newAddress = "dcw@example.org"
	broken     = 12*time.Hour + 3*time.Minute // how long the job hangs
)

// newStage starts the name server and both mail hosts.
func newStage() (*stage, error) {
	dir, err := os.MkdirTemp("", "mailfresh-demo-")
	if err != nil {
		return nil, err
	}
	s := &stage{dir: dir}
	for i, name := range []string{"mx1001", "mx2001"} {
		if err := errors.Join(os.Mkdir(filepath.Join(dir, name), 0o755),
			s.startMX(name, fmt.Sprintf("127.0.0.%d", i+1))); err != nil {
			s.close()
			return nil, err
		}
	}
	s.dns, err = plugintest.ServeDNS(`
		example.org. MX 10 mx1001.example.org.
		example.org. MX 10 mx2001.example.org.
		mx1001.example.org. A 127.0.0.1
		mx2001.example.org. A 127.0.0.2`)
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *stage) close() {
	for _, server := range s.mx {
		server.Close()
	}
	if s.dns != nil {
		s.dns.Close()
	}
	if s.systemd != nil {
		s.systemd.Close()
	}
	os.RemoveAll(s.dir)
}

// startMX starts a mail host on an address of loopback, all on one port.
func (s *stage) startMX(name, ip string) error {
	l, err := net.Listen("tcp", net.JoinHostPort(ip, s.port))
	if err != nil {
		return err
	}
	_, s.port, err = net.SplitHostPort(l.Addr().String())
	server := smtp.NewServer(&host{file: filepath.Join(s.dir, name, "vrts_aliases")})
	server.Domain = name + ".example.org"
	s.mx = append(s.mx, server)
	go server.Serve(l)
	return err
}

// commands are the three checks, as the monitoring of mx2001 runs them.
func (s *stage) commands() [3][]string {
	recipients := []string{"check_mx_rcpt", "--resolver", s.dns.Addr, "-p", s.port, "--helo",
		"monitor.example.org"}
	for _, a := range s.asked {
		recipients = append(recipients, "-r", a)
	}
	return [3][]string{
		{"check_systemd_timer", "-u", "generate_vrts_aliases"},
		{"check_alias_freshness", "-f", "mx2001/vrts_aliases", "--format", "exim", "--timer",
			"generate_vrts_aliases"},
		recipients,
	}
}

func (s *stage) well() error { return s.run(oldAddress) }

func (s *stage) hang() error {
	s.asked = []string{oldAddress, newAddress}
	return errors.Join(s.write("mx1001", 9*time.Minute, s.asked...),
		s.write("mx2001", broken+time.Hour, oldAddress), s.play(hung))
}

func (s *stage) mend() error { return s.run(oldAddress, newAddress) }

// run has the job run well on both hosts.
func (s *stage) run(addresses ...string) error {
	s.asked = addresses
	return errors.Join(s.write("mx1001", 9*time.Minute, addresses...),
		s.write("mx2001", 9*time.Minute, addresses...), s.play(idle))
}

// write makes the alias file of a host, so long ago.
func (s *stage) write(name string, ago time.Duration, addresses ...string) error {
	var text strings.Builder
	for _, a := range addresses {
		fmt.Fprintf(&text, "%s: %s\n", a, a)
	}
	path, written := filepath.Join(s.dir, name, "vrts_aliases"), time.Now().Add(-ago)
	return errors.Join(os.WriteFile(path, []byte(text.String()), 0o644),
		os.Chtimes(path, written, written))
}

const timer = `
[generate_vrts_aliases.timer]
TimersMonotonic=OnUnitInactiveUSec 1h
TimersMonotonic=OnActiveUSec 1s
AccuracyUSec=15s
ActiveEnterTimestamp=now-30d
`

// idle is the job between two runs; hung is a run that does not end.
const (
	idle = timer + `
LastTriggerUSec=now-11m
NextElapseUSecMonotonic=now+51m
[generate_vrts_aliases.service]
Type=simple
InactiveExitTimestamp=now-11m
InactiveEnterTimestamp=now-9m
ExecStart=-/usr/local/bin/generate_vrts_aliases
`
	hung = timer + `
SubState=running
LastTriggerUSec=now-12h3m
[generate_vrts_aliases.service]
Type=simple
ActiveState=active
SubState=running
InactiveExitTimestamp=now-12h3m
InactiveEnterTimestamp=now-13h3m
ExecStart=-/usr/local/bin/generate_vrts_aliases
`
)

// play puts another systemd behind the D-Bus socket.
func (s *stage) play(text string) error {
	if s.systemd != nil {
		s.systemd.Close()
	}
	played, err := plugintest.ParseSystemd(text, time.Now())
	if err != nil {
		return err
	}
	s.bus = filepath.Join(s.dir, "bus"+strconv.FormatInt(time.Now().UnixNano(), 36))
	s.systemd, err = played.Listen(s.bus)
	return err
}

// host is a mail host that accepts the addresses in its file, and asks an office
// mail provider about others: the provider knows none of them.
type host struct{ file string }

func (h *host) NewSession(*smtp.Conn) (smtp.Session, error) { return &session{file: h.file}, nil }

type session struct{ file string }

func (*session) Reset()                               {}
func (*session) Logout() error                        { return nil }
func (*session) Data(io.Reader) error                 { return smtp.ErrAuthUnsupported }
func (*session) Mail(string, *smtp.MailOptions) error { return nil }

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	f, err := os.Open(s.file)
	if err != nil {
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.NoEnhancedCode,
			Message: "Temporary local problem"}
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if key, _, _ := strings.Cut(lines.Text(), ":"); strings.EqualFold(key, to) {
			return nil
		}
	}
	return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.NoEnhancedCode,
		Message: "Previous (cached) callout verification failure"}
}
