package main

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"mailfresh/internal/mx"
)

// Many domains share a host: it is looked up once, and collecting its recipients takes no more
// than linear time (it took 25 s).
func TestSharedHost(t *testing.T) {
	const domains = 20000
	var p plan
	for i := range domains {
		p.wanted.recipients = append(p.wanted.recipients, fmt.Sprintf("a@d%d.example", i))
	}
	p, names := p.byDomain()
	var list []mx.Domain
	for _, name := range names {
		list = append(list, mx.Domain{Name: name, Hosts: []mx.Host{{Name: "mx1.example.org"},
			{Name: "mx2.example.org"}}})
	}
	found, byName := hosts(list)
	if len(found) != 2 {
		t.Fatalf("%d hosts to look up; want 2", len(found))
	}
	for _, h := range found {
		h.Addrs = []netip.Addr{netip.MustParseAddr("127.0.0.2")}
	}
	start := time.Now()
	p = p.withDomains(options{}, list, byName)
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("%d domains took %v", domains, took)
	}
	if len(p.targets) != 1 || len(p.byTarget(p.wanted)[0]) != domains {
		t.Fatalf("%d targets; want 1, asked for %d recipients", len(p.targets), domains)
	}
	if got := fmt.Sprint(p.targets[0].notes); got != "[also named mx2.example.org]" {
		t.Errorf("notes %s", got)
	}
}

// A domain cannot make the check connect to more than a fixed number of addresses, and what is
// beyond is said.
func TestManyAddresses(t *testing.T) {
	d := mx.Domain{Name: "e"}
	for i := range 20 {
		h := mx.Host{Name: fmt.Sprintf("mx%d", i)}
		for j := range 10 {
			h.Addrs = append(h.Addrs, netip.AddrFrom4([4]byte{127, 0, byte(i), byte(j)}))
		}
		d.Hosts = append(d.Hosts, h)
	}
	domains := []mx.Domain{d}
	_, byName := hosts(domains)
	p := plan{senders: []string{""}}.withDomains(options{}, domains, byName)
	if len(p.targets) != mx.MaxAddresses || len(p.routes[0]) != mx.MaxAddresses ||
		fmt.Sprint(p.beyond) != "[e]" {
		t.Errorf("%d targets, beyond %q; want %d", len(p.targets), p.beyond, mx.MaxAddresses)
	}
}

// A domain with more addresses than are asked at once, all silent, took the time of the others: a
// healthy domain behind it had no answer.
func TestOrder(t *testing.T) {
	many, one := mx.Domain{Name: "many"}, mx.Domain{Name: "one"}
	for i := range 2 * atOnce {
		many.Hosts = append(many.Hosts, mx.Host{Name: fmt.Sprintf("mx%d", i),
			Addrs: []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 1, byte(i)})}})
	}
	one.Hosts = []mx.Host{{Name: "mx", Addrs: []netip.Addr{netip.MustParseAddr("127.0.0.2")}}}
	domains := []mx.Domain{many, one}
	list, byName := hosts(domains)
	if len(list) != 2*atOnce+1 || list[1].Name != "mx" {
		t.Errorf("%d hosts to look up, the second %s; want mx", len(list), list[1].Name)
	}
	p := plan{}.withDomains(options{}, domains, byName)
	if order := p.order(); len(order) != 2*atOnce+1 || p.targets[order[1]].name != "mx" {
		t.Errorf("%d targets, the second %s; want mx", len(order), p.targets[order[1]].name)
	}
}
