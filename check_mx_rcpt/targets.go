package main

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"mailfresh/internal/aliases"
	"mailfresh/internal/mx"
	"mailfresh/internal/smtp"
)

const maxKeys = 100_000 // of an alias file

// facts are what is asked, of whom, and what they said.
type facts struct {
	senders, recipients []string
	control             map[string]bool     // recipients that must be refused
	domains             []mx.Domain         // none if the hosts were named
	of                  map[string][]string // the recipients of each domain
	targets             []target
	keys                int      // of the alias file
	skipped             []string // those that cannot be asked
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
	f := facts{control: map[string]bool{}}
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

// addKey adds a key of the alias file. What is no address, such as "*", and what the file rejects itself (Exim's :fail:) is skipped.
func (f *facts) addKey(o options, e aliases.Entry) error {
	f.keys++
	if f.keys > maxKeys {
		return fmt.Errorf("more than %d keys", maxKeys)
	}
	text := string(e.Key)
	if o.Domain != "" && !strings.Contains(text, "@") {
		text += "@" + o.Domain
	}
	var a address
	err := a.UnmarshalText([]byte(text))
	if _, domain := smtp.SplitAddress(string(a)); err != nil || domain == "" || strings.HasPrefix(string(a), "*") || strings.HasPrefix(string(e.Value), ":fail:") {
		f.skipped = append(f.skipped, string(e.Key))
	} else if !f.control[string(a)] {
		f.recipients = append(f.recipients, string(a))
	}
	return nil
}

// complete ends the list of recipients.
func (f *facts) complete(o options) error {
	f.recipients = unique(f.recipients)
	if len(f.recipients) == len(f.control) {
		return fmt.Errorf("no key of %s is an address (of %d; --domain completes local ones)", o.RecipientsFrom, f.keys)
	}
	return nil
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

// hosts are the hosts of the domains, whose addresses are still to be looked up.
func (f *facts) hosts() (hosts []*mx.Host) {
	for _, d := range f.domains {
		for i := range d.Hosts {
			hosts = append(hosts, &d.Hosts[i])
		}
	}
	return hosts
}

// addHosts adds the hosts of the domains.
func (f *facts) addHosts(o options) {
	for _, d := range f.domains {
		for _, h := range d.Hosts {
			f.add(h, 0, o, f.of[d.Name])
		}
	}
}

// add adds the addresses of a host; one that is there already is asked once, for all recipients.
func (f *facts) add(h mx.Host, own port, o options, recipients []string) {
	fresh := target{name: h.Name, host: h.Name, problem: h.Problem}
	if own != 0 && strings.Contains(h.Name, ":") {
		fresh.name = fmt.Sprintf("[%s]:%d", h.Name, own)
	} else if own != 0 {
		fresh.name = fmt.Sprintf("%s:%d", h.Name, own)
	}
	if h.Alias != "" {
		fresh.notes = []string{fmt.Sprintf("%s is an alias of %s, which an MX may not be", h.Name, h.Alias)}
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
	i := slices.IndexFunc(f.targets, func(old target) bool {
		return old.addr == t.addr && (t.addr.IsValid() || old.host == t.host)
	})
	if i < 0 {
		i = len(f.targets)
		f.targets = append(f.targets, t)
	}
	old := &f.targets[i]
	if old.label != t.label {
		old.notes = append(old.notes, "also named "+t.label)
	}
	old.recipients = unique(append(old.recipients, recipients...))
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
