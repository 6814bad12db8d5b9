// Command check_mx_rcpt reports whether every MX host accepts some recipients, and whether the hosts agree. It asks each address of each
// host as a sending host would, as far as RCPT, and never sends a message.
package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"time"

	"mailfresh/internal/aliases"
	"mailfresh/internal/mx"
	"mailfresh/internal/nagios"
	"mailfresh/internal/plugin"
)

const atOnce = 64 // lookups, dialogues

func main() { plugin.Main(check()) }

func check() plugin.Check {
	var o options
	return plugin.Check{
		Name:  "check_mx_rcpt",
		About: "check_mx_rcpt reports whether every MX host accepts some recipients, and whether the hosts agree. It never sends a message.",
		Examples: []string{
			"check_mx_rcpt -r dcw@example.org --reject no-such-user@example.org",
			"check_mx_rcpt -H mx1001 -H mx2001 -r dcw@example.org -f '<>' -f a@example.net",
		},
		Options: &o,
		Run: func(ctx context.Context) (nagios.Result, error) {
			f := newFacts(o)
			if err := readKeys(ctx, o, &f); err != nil {
				return nagios.Result{}, err
			}
			find(ctx, o, &f)
			deadline, _ := ctx.Deadline()
			ctx, cancel := context.WithDeadline(ctx, deadline.Add(-f.judging(o)))
			defer cancel()
			plugin.Each(len(f.targets), atOnce, func(i int) { ask(ctx, o, f.senders, f.targets[i]) })
			return judge(o, f), nil
		},
	}
}

// readKeys adds the keys of the alias file to the recipients.
func readKeys(ctx context.Context, o options, f *facts) error {
	if o.RecipientsFrom == "" {
		return nil
	}
	if info, err := os.Stat(o.RecipientsFrom); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("read %s: it is no file", o.RecipientsFrom) // a FIFO would block
	}
	file, err := os.Open(o.RecipientsFrom)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := aliases.Each(ctx, file, o.Format, func(e aliases.Entry) error { return f.addKey(o, e) }); err != nil {
		return fmt.Errorf("read %s: %w", o.RecipientsFrom, err)
	}
	return f.complete(o)
}

// find finds the targets: the named hosts, or the MX hosts of the recipients' domains. A third of the time is for
// MX records, as much for addresses: a name that no server answers for does not keep the other hosts from being asked.
func find(ctx context.Context, o options, f *facts) {
	third := time.Duration(o.Timeout) / 3
	forMX, cancel := context.WithTimeout(ctx, third)
	defer cancel()
	ctx, cancel = context.WithTimeout(ctx, 2*third)
	defer cancel()
	r := mx.Resolver{Server: o.Resolver, IPv4: !o.IPv6 && !o.SourceAddress.Is6(), IPv6: !o.IPv4 && !o.SourceAddress.Is4()}
	if len(o.Hostname) > 0 {
		hosts := make([]mx.Host, len(o.Hostname))
		plugin.Each(len(hosts), atOnce, func(i int) { hosts[i] = r.Named(ctx, o.Hostname[i].name) })
		f.addNamed(o, hosts)
		return
	}
	domains := f.byDomain()
	f.domains = make([]mx.Domain, len(domains))
	plugin.Each(len(domains), atOnce, func(i int) { f.domains[i] = r.Domain(forMX, domains[i]) })
	hosts := f.hosts()
	plugin.Each(len(hosts), atOnce, func(i int) { r.Addresses(ctx, hosts[i]) })
	f.addHosts(o)
}

// ask holds the dialogue with a target.
func ask(ctx context.Context, o options, senders []string, t *target) {
	if !t.askable(senders) {
		return
	}
	name, _ := os.Hostname()
	p := o.probe(t, senders, cmp.Or(o.Helo, name, "localhost"))
	t.dialogue = p.Run(ctx)
}
