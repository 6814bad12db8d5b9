package main

import (
	"fmt"
	"strings"

	"mailfresh/internal/aliases"
	"mailfresh/internal/smtp"
)

const maxKeys = 100_000 // of an alias file

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
