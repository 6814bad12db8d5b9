package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"mailfresh/internal/mx"
	"mailfresh/internal/smtp"
)

// facts are what is asked, of whom, and what they said.
type facts struct {
	senders, recipients []string
	control             map[string]bool     // recipients that must be refused
	domains             []mx.Domain         // none if the hosts were named
	of                  map[string][]string // the recipients of each domain
	host                map[string]*mx.Host // by name
	targets             []*target
	at                  map[string]*target // by address; by host if there is none
	keys                int                // of the alias file
	skipped             []string           // those that cannot be asked
}

// target is one address of a host and the dialogue with it.
type target struct {
	label      string // what the output calls it
	name       string // of the host, with a port that was given with it
	host       string // as the operator or DNS names it
	addr       netip.AddrPort
	problem    string // why there is no address
	notes      []string
	recipients []string
	dialogue   smtp.Dialogue
}

// newFacts has what is asked. The controls come first: a rejection before the first acceptance cannot be a limit of one recipient
// for the null sender.
func newFacts(o options) facts {
	f := facts{control: map[string]bool{}, at: map[string]*target{}}
	for _, a := range o.Reject {
		f.control[string(a)] = true
		f.recipients = append(f.recipients, string(a))
	}
	for _, a := range o.Recipient {
		f.recipients = append(f.recipients, string(a))
	}
	for _, s := range o.From {
		f.senders = append(f.senders, string(s))
	}
	if len(o.From) == 0 {
		f.senders = []string{""}
	}
	f.senders, f.recipients = unique(f.senders), unique(f.recipients)
	return f
}

func unique(list []string) []string {
	seen := map[string]bool{}
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool {
		again := seen[s]
		seen[s] = true
		return again
	})
}

// byDomain gives the domains of the recipients.
func (f *facts) byDomain() (domains []string) {
	f.of = map[string][]string{}
	for _, addr := range f.recipients {
		_, domain := smtp.SplitAddress(addr)
		if f.of[domain] == nil {
			domains = append(domains, domain)
		}
		f.of[domain] = append(f.of[domain], addr)
	}
	return domains
}

// hosts are the hosts of the domains, each once, whose addresses are still to be looked up.
func (f *facts) hosts() (hosts []*mx.Host) {
	f.host = map[string]*mx.Host{}
	for _, d := range f.domains {
		for i, h := range d.Hosts {
			if f.host[h.Name] == nil {
				f.host[h.Name] = &d.Hosts[i]
				hosts = append(hosts, &d.Hosts[i])
			}
		}
	}
	return hosts
}

// addHosts adds the hosts of the domains.
func (f *facts) addHosts(o options) {
	for _, d := range f.domains {
		for _, h := range d.Hosts {
			f.add(f.host[h.Name], 0, o, f.of[d.Name])
		}
	}
}

// addNamed adds the hosts that the operator named.
func (f *facts) addNamed(o options, hosts []mx.Host) {
	for i := range hosts {
		f.add(&hosts[i], o.Hostname[i].port, o, f.recipients)
	}
}

// add adds the addresses of a host; one that is there already is asked once, for all recipients.
func (f *facts) add(h *mx.Host, own port, o options, recipients []string) {
	fresh := target{name: h.Name, host: h.Name, problem: h.Problem}
	if own != 0 && strings.Contains(h.Name, ":") {
		fresh.name = fmt.Sprintf("[%s]:%d", h.Name, own)
	} else if own != 0 {
		fresh.name = fmt.Sprintf("%s:%d", h.Name, own)
	}
	if h.Alias != "" {
		fresh.notes = []string{fmt.Sprintf("%s is an alias of %s, which an MX may not be", h.Name, h.Alias)}
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
		f.merge(t, recipients)
	}
}

func (f *facts) merge(t target, recipients []string) {
	key := t.host
	if t.addr.Addr().IsValid() {
		key = t.addr.String()
	}
	old := f.at[key]
	if old == nil {
		old = &t
		f.at[key] = old
		f.targets = append(f.targets, old)
	}
	if old.label != t.label {
		t.notes = append([]string{"also named " + t.label}, t.notes...)
	}
	for _, note := range t.notes {
		if len(old.notes) < listLimit && !slices.Contains(old.notes, note) {
			old.notes = append(old.notes, note)
		}
	}
	old.recipients = append(old.recipients, recipients...)
}

// judging is the part of the time that is kept for the verdict on all answers.
func (f *facts) judging(o options) time.Duration {
	const each = 100 * time.Microsecond
	answers := len(f.targets) * len(f.recipients) * len(f.senders)
	return min(each*time.Duration(answers), time.Duration(o.Timeout)/3)
}

// askable tells whether the host has an address; without one, that is the answer to everything.
func (t *target) askable(senders []string) bool {
	t.recipients = unique(t.recipients)
	if t.addr.Addr().IsValid() {
		return true
	}
	none := smtp.Answer{Verdict: smtp.NoVerdict, Phase: smtp.Connect, Err: errors.New(t.problem)}
	t.dialogue.Answers = slices.Repeat([][]smtp.Answer{slices.Repeat([]smtp.Answer{none}, len(t.recipients))}, len(senders))
	return false
}

func (o options) probe(t *target, senders []string, helo string) smtp.Probe {
	return smtp.Probe{
		Host: t.host, Addr: t.addr, Source: o.SourceAddress, Helo: helo, LMTP: o.LMTP,
		TLS: o.TLS, Verify: o.TLSVerify, Senders: senders, Recipients: t.recipients,
	}
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
