// Package mx finds the hosts that take a domain's mail, and says what is wrong with them.
//
// RFC 5321 5.1: the hosts are those of the MX records, by preference. A domain that exists and has
// no MX is its own host (implicit MX), but not if the lookup failed. An MX is a host name, not an
// address and not an alias (RFC 2181 10.3). Mail servers follow an alias, so the package follows it
// and notes it. RFC 7505: a domain with the single MX "0 ." (null MX) takes no mail. Hosts of equal
// preference are ordered by name, so that two runs print the same. Internationalised names are
// looked up as A-labels (RFC 5891).
//
// MX records and their addresses are looked up in DNS alone, as mail servers do. The package
// distinguishes "no such name", "no such record" and "the server failed"; net.Resolver does not. A
// host that the operator names is looked up in /etc/hosts, too, by Go's own resolver.
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
	Implicit bool   // it has no MX and is its own host
	Problem  string // why it has no hosts: "does not exist"
	NoAnswer bool   // no name server answered, so Problem says nothing about the domain
	Hosts    []Host // by preference, then name; at most MaxAddresses
	More     bool   // it has more hosts
}

// Host is one mail host of a domain.
type Host struct {
	Name       string
	Preference uint16
	Addrs      []netip.Addr // sorted, IPv4 first; at most MaxAddresses
	More       bool         // it has more addresses
	Alias      string       // the canonical name, if Name is an alias
	Problem    string       // why there are no addresses, or not all
}

// MaxAddresses is the most hosts of a domain, and the most addresses of a host. DNS records must
// not make the plugin connect to thousands of addresses.
const MaxAddresses = 128

// Resolver looks up names.
type Resolver struct {
	Server     string // HOST:PORT; "" for the servers of /etc/resolv.conf
	IPv4, IPv6 bool   // the kinds of addresses to look up
}

// ASCII returns a domain as A-labels in lower case. The error says that the domain is not valid.
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

// Domain finds the mail hosts of a domain (A-labels), or of an address literal such as [192.0.2.1].
// The hosts of MX records have no addresses until [Resolver.Addresses] looks them up.
func (r Resolver) Domain(ctx context.Context, name string) Domain {
	d := Domain{Name: name}
	if strings.HasPrefix(name, "[") { // RFC 5321 4.1.3
		addr, err := netip.ParseAddr(strings.TrimPrefix(strings.ToLower(strings.Trim(name,
			"[]")), "ipv6:"))
		if err != nil || addr.Is4() && !r.IPv4 || addr.Is6() && !r.IPv6 {
			d.Problem = "is no " + r.addressKind() + " literal"
			return d
		}
		d.Hosts = []Host{{Name: name, Addrs: []netip.Addr{addr}}}
		return d
	}
	m, err := r.query(ctx, name, dnsmessage.TypeMX)
	if err != nil {
		d.Problem, d.NoAnswer = "has unknown MX hosts: "+err.Error(), errors.Is(err, errNoAnswer)
		return d
	}
	for _, answer := range m.Answers {
		if record, ok := answer.Body.(*dnsmessage.MXResource); ok {
			d.Hosts = append(d.Hosts, hostOf(record))
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
			d.NoAnswer = errors.Is(err, errNoAnswer)
		default:
			d.Problem = "has no MX and " + h.Problem
		}
	}
	return d
}

const nullMX = `"."`

func hostOf(record *dnsmessage.MXResource) Host {
	h := Host{Name: cmp.Or(strings.ToLower(strings.TrimSuffix(record.MX.String(), ".")), nullMX),
		Preference: record.Pref}
	if _, err := netip.ParseAddr(h.Name); err == nil {
		h.Problem = "the MX is an address, not a name"
	} else if h.Name == nullMX {
		h.Problem = "a null MX beside others"
	}
	return h
}

// Addresses looks up the addresses of a host, unless it has addresses or a problem already. The
// error of a failed lookup is the host's problem, too.
func (r Resolver) Addresses(ctx context.Context, h *Host) (failed error) {
	if len(h.Addrs) > 0 || h.Problem != "" {
		return nil
	}
	none := "no " + r.addressKind()
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
	h.limitAddrs()
	if failed != nil {
		h.Problem = failed.Error()
	} else if len(h.Addrs) == 0 {
		h.Problem = none
	}
	return failed
}

// addressKind names the kind of addresses that are looked up.
func (r Resolver) addressKind() string {
	switch {
	case !r.IPv6:
		return "IPv4 address"
	case !r.IPv4:
		return "IPv6 address"
	}
	return "address"
}

// Host looks up a host that the operator named: a host name or an address.
func (r Resolver) Host(ctx context.Context, name string) Host {
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
		h.Problem = r.lookupProblem(err)
	}
	for _, addr := range addrs {
		h.Addrs = append(h.Addrs, addr.Unmap())
	}
	h.limitAddrs()
	return h
}

// limitAddrs sorts the addresses and drops those beyond MaxAddresses.
func (h *Host) limitAddrs() {
	slices.SortFunc(h.Addrs, netip.Addr.Compare)
	h.Addrs = slices.Compact(h.Addrs)
	if h.More = len(h.Addrs) > MaxAddresses; h.More {
		h.Addrs = h.Addrs[:MaxAddresses]
	}
}

// HELO returns the name for EHLO: the given name, else this host's name, else its canonical name in
// /etc/hosts or DNS; "" if a strict server would accept neither of the last two.
func HELO(ctx context.Context, given string) string {
	name, _ := os.Hostname()
	switch {
	case given != "":
		return given
	case isFQDN(name):
		return name
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	resolver := net.Resolver{PreferGo: true}
	canonical, err := resolver.LookupCNAME(ctx, name)
	if canonical = strings.TrimSuffix(canonical, "."); err == nil && isFQDN(canonical) {
		return canonical
	}
	return ""
}

// isFQDN reports whether a strict server accepts name in EHLO: it has a dot, letters, digits and
// hyphens, and does not end in .localdomain, as the name of any host may.
func isFQDN(name string) bool {
	odd := func(r rune) bool {
		return r != '.' && r != '-' && (r < '0' || r > '9') && (r|0x20 < 'a' || r|0x20 > 'z')
	}
	return strings.Contains(strings.Trim(name, "."), ".") && strings.IndexFunc(name, odd) < 0 &&
		!strings.HasSuffix(name, ".localdomain")
}
