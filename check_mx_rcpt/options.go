package main

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"mailfresh/internal/aliases"
	"mailfresh/internal/mx"
	"mailfresh/internal/nagios"
	"mailfresh/internal/plugin"
	"mailfresh/internal/smtp"
)

const about = "check_mx_rcpt reports whether every MX host accepts some recipients, and whether the hosts agree. It never sends a message."

var examples = []string{
	"check_mx_rcpt -r dcw@example.org --reject no-such-user@example.org",
	"check_mx_rcpt -H mx1001 -H mx2001 -r dcw@example.org -f '<>' -f a@example.net",
}

type options struct {
	Recipient      []address      `arg:"-r,--recipient,separate" placeholder:"ADDR" group:"What to ask" help:"recipient that must be accepted, for example dcw@example.org"`
	RecipientsFrom string         `arg:"--recipients-from" placeholder:"FILE" help:"alias file whose keys must all be accepted, for example /etc/exim4/vrts_aliases"`
	Format         aliases.Format `arg:"--format" placeholder:"FORMAT" help:"format of that file: exim, postfix-aliases, postfix-map, sendmail, opensmtpd or opensmtpd-db"`
	Domain         string         `arg:"--domain" placeholder:"DOMAIN" help:"domain for the keys of that file that have none, for example example.org"`
	Sample         int            `arg:"--sample" placeholder:"N" help:"ask for N keys of that file, other ones in each run; without it all keys"`
	Reject         []address      `arg:"--reject,separate" placeholder:"ADDR" help:"recipient that must be refused, the same in each run, for example no-such-user@example.org"`
	From           []sender       `arg:"-f,--from,separate" placeholder:"ADDR" help:"sender; '<>' is the null sender, which is the default"`

	Hostname      []host        `arg:"-H,--hostname,separate" placeholder:"HOST[:PORT]" group:"Whom to ask" help:"host to ask, for example mx1.example.org:2525; without it the MX hosts of the recipients' domains"`
	Resolver      string        `arg:"--resolver" placeholder:"HOST:PORT" help:"name server, for example 127.0.0.1:53; without it the system's"`
	Port          port          `arg:"-p,--port" placeholder:"PORT" help:"port of the hosts; without it 25, with implicit TLS 465, with LMTP 24"`
	IPv4          bool          `arg:"-4,--ipv4" help:"IPv4 only"`
	IPv6          bool          `arg:"-6,--ipv6" help:"IPv6 only"`
	SourceAddress netip.Addr    `arg:"--source-address" placeholder:"IP" help:"local address to connect from, for example 192.0.2.1"`
	Helo          string        `arg:"--helo" placeholder:"NAME" help:"name for EHLO, for example monitor.example.org; without it this host's full name, or the address it connects from"`
	LMTP          bool          `arg:"--lmtp" help:"speak LMTP"`
	TLS           smtp.Security `arg:"--tls" default:"opportunistic" placeholder:"MODE" help:"none, opportunistic (STARTTLS where it is offered), required (STARTTLS) or implicit"`
	TLSVerify     bool          `arg:"--tls-verify" help:"if TLS is used, the certificate must be valid for the host's name; --tls required demands TLS"`
	TLSName       string        `arg:"--tls-name" placeholder:"NAME" help:"name that the certificate must be for, also sent as SNI, for example mx.example.org; without it the host's name"`

	Warning           nagios.TimeRange `arg:"-w,--warning" placeholder:"RANGE" group:"What is wrong" help:"warn when the time of the slowest host, QUIT not counted, leaves this range, for example 2 or 500ms"`
	Critical          nagios.TimeRange `arg:"-c,--critical" placeholder:"RANGE" help:"critical when it leaves this range, for example 5"`
	DeferredState     nagios.State     `arg:"--deferred-state" default:"warning" placeholder:"STATE" help:"state of a temporary refusal (4xx): ok, warning, critical or unknown"`
	ProbeRefusedState nagios.State     `arg:"--probe-refused-state" default:"unknown" placeholder:"STATE" help:"state when a host refuses the probe itself: its sender, its address or its TLS"`
	NoAnswerState     nagios.State     `arg:"--no-answer-state" default:"warning" placeholder:"STATE" help:"state when some hosts give no answer; if no host of a recipient gives one, the state is critical"`

	CertificateWarning  nagios.TimeRange `arg:"--certificate-warning" placeholder:"RANGE" help:"warn when the time until a host's certificate expires leaves this range, for example 14d:"`
	CertificateCritical nagios.TimeRange `arg:"--certificate-critical" placeholder:"RANGE" help:"critical when it leaves this range, for example 3d:"`
	plugin.Common
}

// address is a recipient whose domain is an A-label.
type address string

// sender is an address or "", the null sender.
type sender string

// host is a named host. Port 0 means that no port was given.
type host struct {
	name string
	port port
}

type port uint16

func (a *address) UnmarshalText(text []byte) (err error) {
	*a, err = readAddress(string(text))
	return err
}

// readAddress returns an address whose domain is an A-label.
func readAddress(text string) (address, error) {
	if err := smtp.CheckAddress(text); err != nil {
		return "", err
	}
	local, domain := smtp.SplitAddress(text)
	ascii, err := mx.ASCII(domain)
	if err != nil || ascii == domain {
		return address(text), err
	}
	text = local + "@" + ascii
	return address(text), smtp.CheckAddress(text)
}

func (s *sender) UnmarshalText(text []byte) error {
	if string(text) == "<>" {
		*s = ""
		return nil
	}
	return (*address)(s).UnmarshalText(text)
}

func (p *port) UnmarshalText(text []byte) error {
	n, err := strconv.ParseUint(string(text), 10, 16)
	if err != nil || n == 0 {
		return fmt.Errorf("%q is not a port: want 1 to 65535", text)
	}
	*p = port(n)
	return nil
}

// UnmarshalText reads a host name, an IP address, or one of them with a port; an IPv6 address
// before a port is in brackets.
func (h *host) UnmarshalText(text []byte) (err error) {
	name := strings.Trim(string(text), "[]")
	_, notIP := netip.ParseAddr(name)
	if i := strings.LastIndexByte(string(text), ':'); i >= 0 && notIP != nil {
		if err := h.port.UnmarshalText(text[i+1:]); err != nil {
			return err
		}
		name = strings.Trim(string(text[:i]), "[]")
		_, notIP = netip.ParseAddr(name)
	}
	if h.name, err = mx.ASCII(name); err != nil {
		return err
	}
	chars := "abcdefghijklmnopqrstuvwxyz0123456789-._"
	if notIP == nil {
		chars += ":%"
	}
	if strings.Trim(h.name, chars) != "" || strings.Trim(h.name, "-.") == "" || len(h.name) > 253 {
		return fmt.Errorf("%+q is not HOST or HOST:PORT", text)
	}
	return nil
}

// Validate refuses options that do not go together.
func (o *options) Validate() error {
	var resolver host
	family := o.resolver()
	switch {
	case len(o.Recipient) == 0 && o.RecipientsFrom == "":
		return errors.New("nothing to check: give --recipient or --recipients-from")
	case (o.RecipientsFrom == "") != (o.Format == aliases.None):
		return errors.New("--recipients-from and --format need each other")
	case o.Domain != "" && new(address).UnmarshalText([]byte("x@"+o.Domain)) != nil:
		return fmt.Errorf("option --domain: %+q is not a domain", o.Domain)
	case o.Domain != "" && o.RecipientsFrom == "":
		return errors.New("--domain needs --recipients-from")
	case !family.IPv4 && !family.IPv6:
		return errors.New("--ipv4, --ipv6 and --source-address exclude each other")
	case o.TLSVerify && o.TLS == smtp.None:
		return errors.New("--tls-verify needs TLS")
	case o.TLS == smtp.None && (o.CertificateWarning.Set || o.CertificateCritical.Set):
		return errors.New("--certificate-warning and --certificate-critical need TLS")
	case strings.ContainsFunc(o.TLSName, isOdd):
		return fmt.Errorf("option --tls-name: %+q is not a host name", o.TLSName)
	case o.Sample < 0, o.Sample > 0 && o.RecipientsFrom == "":
		return errors.New("--sample is a number of keys of --recipients-from")
	case strings.ContainsFunc(o.Helo, isOdd):
		return fmt.Errorf("option --helo: %+q is not a host name", o.Helo)
	case o.Resolver != "" && (resolver.UnmarshalText([]byte(o.Resolver)) != nil ||
		resolver.port == 0):
		return fmt.Errorf("option --resolver: %+q is not HOST:PORT", o.Resolver)
	}
	for _, h := range o.Hostname {
		ip, _ := netip.ParseAddr(h.name)
		if ip.Is4() && !family.IPv4 || ip.Is6() && !family.IPv6 {
			return fmt.Errorf("%s is not of the family that --ipv4, --ipv6 or --source-address wants", h.name)
		}
	}
	wanted := map[address]bool{}
	for _, a := range o.Recipient {
		wanted[a] = true
		if _, domain := smtp.SplitAddress(string(a)); domain == "" && len(o.Hostname) == 0 {
			return fmt.Errorf("%s has no domain: give --hostname", a)
		}
	}
	for _, a := range o.Reject {
		if wanted[a] {
			return fmt.Errorf("%s is both --recipient and --reject", a)
		}
	}
	return nil
}

// isOdd reports whether a character may not stand in the name of a host or in an address literal.
func isOdd(r rune) bool { return r <= ' ' || r >= 0x7f || r == '<' || r == '>' }
