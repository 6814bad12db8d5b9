package main

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"mailfresh/internal/mx"
)

// Many domains share a host: it is looked up once, and collecting its recipients takes no more than linear time (it took 25 s).
func TestSharedHost(t *testing.T) {
	const domains = 20000
	f := newFacts(options{})
	for i := range domains {
		f.recipients = append(f.recipients, fmt.Sprintf("a@d%d.example", i))
	}
	for _, name := range f.byDomain() {
		f.domains = append(f.domains, mx.Domain{Name: name, Hosts: []mx.Host{{Name: "mx1.example.org"}, {Name: "mx2.example.org"}}})
	}
	hosts := f.hosts()
	if len(hosts) != 2 {
		t.Fatalf("%d hosts to look up; want 2", len(hosts))
	}
	for _, h := range hosts {
		h.Addrs = []netip.Addr{netip.MustParseAddr("127.0.0.2")}
	}
	start := time.Now()
	f.addHosts(options{})
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("%d domains took %v", domains, took)
	}
	if len(f.targets) != 1 || len(unique(f.targets[0].recipients)) != domains {
		t.Fatalf("%d targets, %d recipients; want 1 and %d", len(f.targets), len(f.targets[0].recipients), domains)
	}
	if got := fmt.Sprint(f.targets[0].notes); got != "[also named mx2.example.org]" {
		t.Errorf("notes %s", got)
	}
}
