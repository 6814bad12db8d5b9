// Command check_mx_rcpt reports whether every MX host accepts some recipients, and whether the
// hosts agree. It asks each address of each host as a sending host would, as far as RCPT, and
// never sends a message.
package main

import (
	"context"
	"fmt"
	"time"

	"mailfresh/internal/aliases"
	"mailfresh/internal/mx"
	"mailfresh/internal/nagios"
	"mailfresh/internal/plugin"
	"mailfresh/internal/regular"
)

const atOnce = 64 // lookups, dialogues

func main() { plugin.Main(check()) }

func check() plugin.Check {
	var o options
	return plugin.Check{
		Name: "check_mx_rcpt", About: about, Examples: examples, Options: &o,
		Run: func(ctx context.Context) (nagios.Result, error) {
			now := time.Now()
			p, err := withFile(ctx, o, firstPlan(o), now)
			if err != nil {
				return nagios.Result{}, err
			}
			return judge(o, ask(ctx, o, find(ctx, o, p), now)), nil
		},
	}
}

// withFile adds the keys of the file.
func withFile(ctx context.Context, o options, p plan, now time.Time) (plan, error) {
	if o.RecipientsFrom == "" {
		return p, nil
	}
	file, seen, err := regular.Open(o.RecipientsFrom)
	switch {
	case err != nil:
		return p, fmt.Errorf("read %s: %w", o.RecipientsFrom, err)
	case file == nil:
		return p, fmt.Errorf("%s %s", o.RecipientsFrom, seen.Reason())
	}
	defer file.Close()
	var keys found
	err = aliases.Each(ctx, file, o.Format, func(e aliases.Entry) (err error) {
		keys, err = keys.with(e, o.Domain)
		return err
	})
	if err != nil {
		return p, fmt.Errorf("read %s: %w", o.RecipientsFrom, regular.Plain(err))
	}
	plugin.SaveMemory(keys.total())
	return p.withKeys(o, keys, now)
}

// find finds the named hosts, or the MX hosts of the recipients' domains. MX records have a third
// of the time, addresses as much: names without an answer delay no other host.
func find(ctx context.Context, o options, p plan) plan {
	forMX, cancel := context.WithTimeout(ctx, time.Duration(o.Timeout)/3)
	defer cancel()
	ctx, cancel = context.WithTimeout(ctx, time.Duration(o.Timeout)*2/3)
	defer cancel()
	r := o.resolver()
	if len(o.Hostname) > 0 {
		named := make([]mx.Host, len(o.Hostname))
		plugin.EachObject(len(named), atOnce,
			func(i int) { named[i] = r.Host(ctx, o.Hostname[i].name) },
			func(i int, bug error) { named[i] = unknownHost(o.Hostname[i].name, bug) })
		return p.withHosts(o, named)
	}
	p, names := p.byDomain()
	domains := make([]mx.Domain, len(names))
	plugin.EachObject(len(names), atOnce, func(i int) { domains[i] = r.Domain(forMX, names[i]) },
		func(i int, bug error) { domains[i] = unknownDomain(names[i], bug) })
	list, byName := hosts(domains)
	plugin.EachObject(len(list), atOnce, func(i int) { _ = r.Addresses(ctx, list[i]) },
		func(i int, bug error) { list[i].Problem = bug.Error() })
	return p.withDomains(o, domains, byName)
}

// ask holds the dialogues.
func ask(ctx context.Context, o options, p plan, now time.Time) facts {
	deadline, _ := ctx.Deadline()
	ctx, cancel := context.WithDeadline(ctx, deadline.Add(-p.judging(o)))
	defer cancel()
	helo, all := mx.HELO(ctx, o.Helo), make([]heard, len(p.targets))
	wanted, control := p.byTarget(p.wanted), p.byTarget(p.control)
	order := p.order()
	plugin.EachObject(len(order), atOnce, func(n int) {
		i := order[n]
		all[i].dialogue = o.probe(p.targets[i], p.senders, wanted[i], control[i], helo).Run(ctx)
	}, func(n int, bug error) { all[order[n]].bug = bug })
	return facts{plan: p, heard: all, now: now}
}
