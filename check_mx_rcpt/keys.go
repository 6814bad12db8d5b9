package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"mailfresh/internal/aliases"
	"mailfresh/internal/smtp"
)

const maxKeys = 100_000 // of an alias file

// keys counts the keys of the alias file.
type keys struct {
	total   int
	skipped []string // keys that cannot be asked for
	runs    int      // with --sample: the number of runs that ask for all keys
	asked   int      // with --sample: the keys asked for in this run
}

// found are the addresses that the keys of an alias file stand for, and the keys that cannot be
// asked for.
type found struct{ asked, skipped []string }

func (f found) total() int { return len(f.asked) + len(f.skipped) }

// with adds a key. A key without a domain gets the given domain.
func (f found) with(e aliases.Entry, domain string) (found, error) {
	addr, ok := readKey(e, domain)
	switch {
	case f.total() == maxKeys:
		return f, fmt.Errorf("more than %d keys", maxKeys)
	case ok:
		f.asked = append(f.asked, addr)
	default:
		f.skipped = append(f.skipped, string(e.Key))
	}
	return f, nil
}

// readKey returns the address of a key, and whether the key can be asked for. A key that is no
// address, such as "*", and a key that the file itself rejects cannot be asked for.
func readKey(e aliases.Entry, domain string) (addr string, ok bool) {
	text := string(e.Key)
	if domain != "" && !strings.Contains(text, "@") {
		text += "@" + domain
	}
	a, err := readAddress(text)
	_, domain = smtp.SplitAddress(string(a))
	return string(a), err == nil && domain != "" && !strings.HasPrefix(text, "*") &&
		!rejects(e.Value)
}

// rejects reports whether a value makes the mail server reject its key: :fail: of Exim, error:5xx
// or :error:5xx of OpenSMTPD, in any case. No address begins so.
func rejects(value []byte) bool {
	rest := bytes.TrimPrefix(value, []byte(":"))
	const word = "error:5"
	return bytes.HasPrefix(value, []byte(":fail:")) ||
		len(rest) >= len(word) && strings.EqualFold(string(rest[:len(word)]), word)
}

// withKeys adds the keys of the file to the named recipients: each key once, without the controls,
// and with --sample only the keys of this minute.
func (p plan) withKeys(o options, f found, now time.Time) (plan, error) {
	p.keys = keys{total: f.total(), skipped: f.skipped}
	named, controls := len(p.wanted.recipients), p.control.recipients
	list := unique(slices.Concat(controls, p.wanted.recipients, f.asked))[len(controls):]
	if len(list) == named {
		return p, fmt.Errorf("no key of %s is an address (of %d; --domain completes local ones)",
			o.RecipientsFrom, p.keys.total)
	}
	p.wanted.recipients = list
	if o.Sample > 0 {
		all := list[named:]
		p.keys.runs = runs(len(all), o.Sample)
		chosen := sample(all, p.keys.runs, now)
		p.keys.asked = len(chosen)
		p.wanted.recipients = append(list[:named:named], chosen...)
	}
	return p, nil
}

// runs returns the number of runs that ask for all n keys, at most size keys in each. The number
// has no factor 2, 3 or 5, so that runs every 2, 5, 10 or 15 minutes ask for all keys, too.
func runs(n, size int) int {
	r := max(1, (n+size-1)/size)
	for r > 1 && (r%2 == 0 || r%3 == 0 || r%5 == 0) {
		r++
	}
	return r
}

// sample returns one part of the keys. The minute chooses the part, so no state is kept.
func sample(all []string, runs int, now time.Time) (chosen []string) {
	for i := int(now.Unix()/60) % runs; i < len(all); i += runs {
		chosen = append(chosen, all[i])
	}
	return chosen
}

// covers says which part of the keys an hour covers, for runs that are so many minutes apart.
func (k keys) covers(minutes int) string {
	n := 60 / minutes
	if n >= k.runs {
		return "all"
	}
	return fmt.Sprintf("%d %%", 100*n/k.runs)
}
