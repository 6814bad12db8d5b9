// Package mx finds the hosts that take a domain's mail, and says what is wrong with them.
//
// RFC 5321 5.1: the hosts are those of the MX records, by preference. A domain that exists and has
// no MX is its own host (implicit MX), but never after a failed lookup. An MX is a host name, not
// an address and not an alias (RFC 2181 10.3). Real senders follow an alias, so the package follows
// it, too, and notes it. RFC 7505: a domain with a single "0 ." (null MX) takes no mail. Equal
// preferences are ordered by name, so that two runs print the same. Internationalised names are
// looked up as A-labels (RFC 5891).
//
// MX records and their addresses are looked up in DNS alone, as MTAs do it. The package keeps "no
// such name", "no such record" and "the server failed" apart; net.Resolver does not. A host that
// the operator names is looked up as the system does it, also in /etc/hosts, by Go's own resolver
// in every build.
package mx

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/net/idna"
)

// Domain is where a domain's mail goes.
type Domain struct {
	Name     string // as an A-label, lower case
	Implicit bool   // it has no MX: its own address
	Problem  string // why its mail goes nowhere: "does not exist"
	Silent   bool   // no name server answered: Problem is no fact about the domain
	Hosts    []Host // by preference, then name; at most MaxAddresses
	More     bool   // it has more hosts
}

// Host is one mail host of a domain.
type Host struct {
	Name       string
	Preference uint16
	Addrs      []netip.Addr // sorted, IPv4 first; at most MaxAddresses
	More       bool         // it has more addresses
	Alias      string       // the name behind it, if Name is an alias
	Problem    string       // why there are no addresses, or not all
}

// MaxAddresses is the most hosts of a domain, and the most addresses of a host, that are given. The
// author of DNS records must not make us connect to thousands of addresses.
const MaxAddresses = 128

// Resolver asks for names.
type Resolver struct {
	Server     string // HOST:PORT; "" for the servers of /etc/resolv.conf
	IPv4, IPv6 bool   // the wanted families
}

// ASCII gives a domain as A-labels in lower case; an address literal stays as it is.
func ASCII(domain string) (string, error) {
	if strings.IndexFunc(domain, func(r rune) bool { return r >= 0x80 }) < 0 {
		return strings.ToLower(domain), nil
	}
	ascii, err := idna.Lookup.ToASCII(domain)
	if err == nil && !utf8.ValidString(domain) {
		err = errors.New("not UTF-8")
	}
	if err != nil {
		return "", fmt.Errorf("domain %+q: %w", domain, err)
	}
	return ascii, nil
}

// Domain finds the mail hosts of a domain, an A-label or an address literal such as [192.0.2.1].
// The hosts of MX records have no addresses yet: see Addresses.
func (r Resolver) Domain(ctx context.Context, name string) Domain {
	d := Domain{Name: name}
	if strings.HasPrefix(name, "[") { // RFC 5321 4.1.3
		addr, err := netip.ParseAddr(strings.TrimPrefix(strings.ToLower(strings.Trim(name,
			"[]")), "ipv6:"))
		if err != nil || addr.Is4() && !r.IPv4 || addr.Is6() && !r.IPv6 {
			d.Problem = "is no " + r.wanted() + " literal"
			return d
		}
		d.Hosts = []Host{{Name: name, Addrs: []netip.Addr{addr}}}
		return d
	}
	m, err := r.query(ctx, name, dnsmessage.TypeMX)
	if err != nil {
		d.Problem, d.Silent = "has unknown MX hosts: "+err.Error(), errors.Is(err, errNoAnswer)
		return d
	}
	for _, answer := range m.Answers {
		if record, ok := answer.Body.(*dnsmessage.MXResource); ok {
			d.Hosts = append(d.Hosts, listed(record))
		}
	}
	slices.SortFunc(d.Hosts, func(a, b Host) int {
		return cmp.Or(cmp.Compare(a.Preference, b.Preference), cmp.Compare(a.Name, b.Name))
	})
	if d.More = len(d.Hosts) > MaxAddresses; d.More {
		d.Hosts = d.Hosts[:MaxAddresses]
	}
	switch {
	case m.RCode == dnsmessage.RCodeNameError:
		d.Problem = "does not exist"
	case len(d.Hosts) == 1 && d.Hosts[0].Name == nullMX:
		d.Problem, d.Hosts = "has a null MX: it takes no mail", nil
	case len(d.Hosts) == 0:
		h := Host{Name: name}
		err := r.Addresses(ctx, &h)
		switch {
		case len(h.Addrs) > 0:
			d.Implicit, d.Hosts = true, []Host{h}
		case err != nil:
			d.Problem = "has no MX and an unknown address: " + err.Error()
			d.Silent = errors.Is(err, errNoAnswer)
		default:
			d.Problem = "has no MX and " + h.Problem
		}
	}
	return d
}

const nullMX = `"."`

func listed(record *dnsmessage.MXResource) Host {
	h := Host{Name: cmp.Or(strings.ToLower(strings.TrimSuffix(record.MX.String(), ".")), nullMX),
		Preference: record.Pref}
	if _, err := netip.ParseAddr(h.Name); err == nil {
		h.Problem = "the MX is an address, not a name"
	} else if h.Name == nullMX {
		h.Problem = "a null MX beside others"
	}
	return h
}

// Addresses looks up the host of an MX record, unless it has addresses or a problem already. The
// error is that of a failed lookup; it is also the host's problem.
func (r Resolver) Addresses(ctx context.Context, h *Host) (failed error) {
	if len(h.Addrs) > 0 || h.Problem != "" {
		return nil
	}
	none := "no " + r.wanted()
	for _, kind := range []dnsmessage.Type{dnsmessage.TypeA, dnsmessage.TypeAAAA} {
		if kind == dnsmessage.TypeA && !r.IPv4 || kind == dnsmessage.TypeAAAA && !r.IPv6 {
			continue
		}
		m, err := r.query(ctx, h.Name, kind)
		if err != nil {
			failed = err
			continue
		}
		if m.RCode == dnsmessage.RCodeNameError {
			none = "no such host"
		}
		for _, answer := range m.Answers {
			switch body := answer.Body.(type) {
			case *dnsmessage.AResource:
				h.Addrs = append(h.Addrs, netip.AddrFrom4(body.A))
			case *dnsmessage.AAAAResource:
				h.Addrs = append(h.Addrs, netip.AddrFrom16(body.AAAA).Unmap())
			case *dnsmessage.CNAMEResource:
				h.Alias = strings.TrimSuffix(body.CNAME.String(), ".")
			}
		}
	}
	h.bound()
	if failed != nil {
		h.Problem = failed.Error()
	} else if len(h.Addrs) == 0 {
		h.Problem = none
	}
	return failed
}

// wanted names the addresses that are looked up.
func (r Resolver) wanted() string {
	switch {
	case !r.IPv6:
		return "IPv4 address"
	case !r.IPv4:
		return "IPv6 address"
	}
	return "address"
}

// Named looks up a host that the operator named: a host name or an address.
func (r Resolver) Named(ctx context.Context, name string) Host {
	h := Host{Name: name}
	network := "ip"
	if !r.IPv6 {
		network = "ip4"
	} else if !r.IPv4 {
		network = "ip6"
	}
	resolver := net.Resolver{PreferGo: true}
	if r.Server != "" {
		resolver.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, r.Server)
		}
	}
	addrs, err := resolver.LookupNetIP(ctx, network, name)
	if err != nil {
		h.Problem = r.problem(err)
	}
	for _, addr := range addrs {
		h.Addrs = append(h.Addrs, addr.Unmap())
	}
	h.bound()
	return h
}

// bound sorts the addresses and leaves out those beyond MaxAddresses.
func (h *Host) bound() {
	slices.SortFunc(h.Addrs, netip.Addr.Compare)
	h.Addrs = slices.Compact(h.Addrs)
	if h.More = len(h.Addrs) > MaxAddresses; h.More {
		h.Addrs = h.Addrs[:MaxAddresses]
	}
}

// HELO is the name for EHLO: the given name; or this host's name if it has a dot; or its canonical
// name in /etc/hosts or DNS. It is empty if a strict server would take none of them.
func HELO(ctx context.Context, given string) string {
	name, _ := os.Hostname()
	switch {
	case given != "":
		return given
	case isFull(name):
		return name
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	resolver := net.Resolver{PreferGo: true}
	canonical, err := resolver.LookupCNAME(ctx, name)
	if canonical = strings.TrimSuffix(canonical, "."); err == nil && isFull(canonical) {
		return canonical
	}
	return ""
}

// isFull reports whether a strict server takes name in EHLO: a name with a dot, of letters, digits
// and hyphens, but not below .localdomain, a name that any host may have.
func isFull(name string) bool {
	odd := func(r rune) bool {
		return r != '.' && r != '-' && (r < '0' || r > '9') && (r|0x20 < 'a' || r|0x20 > 'z')
	}
	return strings.Contains(strings.Trim(name, "."), ".") && strings.IndexFunc(name, odd) < 0 &&
		!strings.HasSuffix(name, ".localdomain")
}
