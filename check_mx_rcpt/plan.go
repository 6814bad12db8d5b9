package main

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"mailfresh/internal/mx"
	"mailfresh/internal/smtp"
)

// plan says which target is asked for which recipients. Functions that add to it return a new plan.
type plan struct {
	senders []string
	wanted  questions // recipients that must be accepted
	control questions // recipients that must be refused
	keys    keys      // of the alias file
	domains []mx.Domain
	routes  [][]int // a route is the targets that take a recipient's mail
	targets []target
	beyond  []string // domains and hosts with more addresses than are asked
}

// questions are recipients with the route of each.
type questions struct {
	recipients []string
	route      []int // by recipient: index into plan.routes
}

// target is one address of a host, or a host that has none.
type target struct {
	label   string // the name in the output
	name    string // of the host, with the port if one was given
	host    string // as the operator or DNS names it
	addr    netip.AddrPort
	problem string // why there is no address
	notes   []string
}

// firstPlan returns a plan with the recipients and senders of the options.
func firstPlan(o options) plan {
	p := plan{senders: unique(o.From)}
	if len(p.senders) == 0 {
		p.senders = []string{""}
	}
	p.wanted.recipients, p.control.recipients = unique(o.Recipient), unique(o.Reject)
	return p
}

// unique returns each text of the list once, in the order of the list.
func unique[T ~string](list []T) []string {
	seen := make(map[T]bool, len(list))
	once := make([]string, 0, len(list))
	for _, text := range list {
		if seen[text] = true; len(seen) > len(once) {
			once = append(once, string(text))
		}
	}
	return once
}

// byDomain makes a route for each domain and returns the names of the domains.
func (p plan) byDomain() (plan, []string) {
	at := map[string]int{}
	var domains []string
	for _, q := range []*questions{&p.wanted, &p.control} {
		q.route = make([]int, len(q.recipients))
		for i, addr := range q.recipients {
			_, domain := smtp.SplitAddress(addr)
			n, ok := at[domain]
			if !ok {
				n = len(domains)
				at[domain] = n
				domains = append(domains, domain)
			}
			q.route[i] = n
		}
	}
	return p, domains
}

// hosts returns the hosts whose addresses are still to be looked up, each host once: the first host
// of each domain, then the second, so that a domain with many hosts does not delay other domains.
func hosts(domains []mx.Domain) (hosts []*mx.Host, byName map[string]*mx.Host) {
	byName = map[string]*mx.Host{}
	for place := range mx.MaxAddresses {
		for _, d := range domains {
			if place < len(d.Hosts) && byName[d.Hosts[place].Name] == nil {
				byName[d.Hosts[place].Name] = &d.Hosts[place]
				hosts = append(hosts, &d.Hosts[place])
			}
		}
	}
	return hosts, byName
}

// unknownHost and unknownDomain are the facts about a name whose lookup had an internal error.
func unknownHost(name string, bug error) mx.Host {
	return mx.Host{Name: name, Problem: bug.Error()}
}

func unknownDomain(name string, bug error) mx.Domain {
	return mx.Domain{Name: name, Problem: bug.Error(), NoAnswer: true}
}

// withDomains adds the hosts of the domains, at most mx.MaxAddresses addresses for each domain. The
// routes have the order of the domains.
func (p plan) withDomains(o options, domains []mx.Domain, byName map[string]*mx.Host) plan {
	p.domains = domains
	p.routes = make([][]int, len(domains))
	list := targets{at: map[string]int{}}
	for i, d := range domains {
		more := d.More
		for _, h := range d.Hosts {
			room := mx.MaxAddresses - len(p.routes[i])
			if room == 0 {
				more = true
				break
			}
			host := *byName[h.Name]
			more = more || host.More || len(host.Addrs) > room
			host.Addrs = host.Addrs[:min(room, len(host.Addrs))]
			p.routes[i] = uniqueInts(append(p.routes[i], list.add(&host, 0, o)...))
		}
		if more {
			p.beyond = append(p.beyond, d.Name)
		}
	}
	p.targets = list.all
	return p
}

// withHosts adds the hosts that the operator named: one route for all.
func (p plan) withHosts(o options, named []mx.Host) plan {
	list := targets{at: map[string]int{}}
	var route []int
	for i := range named {
		route = append(route, list.add(&named[i], o.Hostname[i].port, o)...)
		if named[i].More {
			p.beyond = append(p.beyond, named[i].Name)
		}
	}
	p.routes, p.targets = [][]int{uniqueInts(route)}, list.all
	p.wanted.route = make([]int, len(p.wanted.recipients))
	p.control.route = make([]int, len(p.control.recipients))
	return p
}

func uniqueInts(list []int) []int {
	slices.Sort(list)
	return slices.Compact(list)
}

// targets is the list of targets. The map has the index of each address or, for a host without an
// address, of the host's name.
type targets struct {
	all []target
	at  map[string]int
}

// add adds the addresses of a host and returns their indices. An address that several hosts have is
// one target, unless their certificates are judged: a server may have one for each name (SNI).
func (list *targets) add(h *mx.Host, own port, o options) (places []int) {
	fresh := target{name: h.Name, host: h.Name, problem: h.Problem}
	if own != 0 && strings.Contains(h.Name, ":") {
		fresh.name = fmt.Sprintf("[%s]:%d", h.Name, own)
	} else if own != 0 {
		fresh.name = fmt.Sprintf("%s:%d", h.Name, own)
	}
	if h.Alias != "" {
		fresh.notes = []string{fmt.Sprintf("%s is an alias of %s, which an MX may not be",
			h.Name, h.Alias)}
	}
	if h.Problem != "" && len(h.Addrs) > 0 {
		fresh.notes = append(fresh.notes, "only some addresses are known: "+h.Problem)
	}
	addrs := h.Addrs
	if len(addrs) == 0 {
		addrs = []netip.Addr{{}}
	}
	for _, addr := range addrs {
		t := fresh
		t.addr = netip.AddrPortFrom(addr, uint16(cmp.Or(own, o.Port, o.usualPort())))
		t.label = t.name
		if len(addrs) > 1 {
			t.label = fmt.Sprintf("%s[%s]", t.name, addr)
		}
		places = append(places, list.merge(t, o.namesMatter()))
	}
	return places
}

func (list *targets) merge(t target, namesMatter bool) int {
	key := t.name
	if t.addr.Addr().IsValid() {
		key = t.addr.String()
		if namesMatter {
			key += " " + t.host
		}
	}
	place, known := list.at[key]
	if !known {
		list.at[key] = len(list.all)
		list.all = append(list.all, t)
		return len(list.all) - 1
	}
	old := &list.all[place]
	notes := t.notes
	if old.label != t.label {
		notes = append([]string{"also named " + t.label}, notes...)
	}
	for _, note := range notes {
		if len(old.notes) < listLimit && !slices.Contains(old.notes, note) {
			old.notes = append(slices.Clone(old.notes), note)
		}
	}
	return place
}

// byTarget returns the recipients that each target is asked for, in their order.
func (p plan) byTarget(q questions) [][]string {
	lists := make([][]string, len(p.targets))
	if len(p.routes) == 1 { // all targets are asked for all recipients
		for i := range lists {
			lists[i] = q.recipients
		}
		return lists
	}
	for i, addr := range q.recipients {
		for _, t := range p.routes[q.route[i]] {
			lists[t] = append(lists[t], addr)
		}
	}
	return lists
}

// order returns the targets: the first target of each route, then the second of each, and so on. In
// this order a domain whose targets do not answer does not delay the other domains.
func (p plan) order() []int {
	order, place := make([]int, len(p.targets)), make([]int, len(p.targets))
	for t := range order {
		order[t], place[t] = t, len(p.targets)
	}
	for _, route := range p.routes {
		for i, t := range route {
			place[t] = min(place[t], i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(place[a], place[b]) })
	return order
}

// judging returns the part of the time that is kept to judge all answers.
func (p plan) judging(o options) time.Duration {
	const each = 20 * time.Microsecond
	answers := len(p.targets) * (len(p.wanted.recipients) +
		len(p.control.recipients)) * len(p.senders)
	return min(each*time.Duration(answers), time.Duration(o.Timeout)/3)
}

// probe returns the dialogue that asks a target.
func (o options) probe(t target, senders, wanted, control []string, helo string) *smtp.Probe {
	security := o.TLS
	if t.addr.Port() == 465 && security != smtp.None {
		security = smtp.Implicit // RFC 8314 3.3: TLS comes first on this port
	}
	return &smtp.Probe{
		Addr: t.addr, Problem: t.problem, Source: o.SourceAddress, Helo: helo, LMTP: o.LMTP,
		TLS: security, TLSName: cmp.Or(o.TLSName, t.host), Verify: o.TLSVerify,
		Senders: senders, Recipients: wanted, Controls: control,
	}
}

// namesMatter reports whether certificates are judged, each for the name of its host.
func (o options) namesMatter() bool {
	return o.TLSName == "" &&
		(o.TLSVerify || o.CertificateWarning.Set || o.CertificateCritical.Set)
}

func (o options) usualPort() port {
	switch {
	case o.LMTP:
		return 24
	case o.TLS == smtp.Implicit:
		return 465
	}
	return 25
}

// resolver returns the resolver for the address families that the options allow.
func (o options) resolver() mx.Resolver {
	return mx.Resolver{
		Server: o.Resolver,
		IPv4:   !o.IPv6 && !o.SourceAddress.Is6(),
		IPv6:   !o.IPv4 && !o.SourceAddress.Is4(),
	}
}
