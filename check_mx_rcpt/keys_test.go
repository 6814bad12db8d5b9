package main

import (
	"fmt"
	"testing"

	"mailfresh/internal/aliases"
)

// There is a bound to the keys; the last one before it is asked for.
func TestMaxKeys(t *testing.T) {
	f := newFacts(options{})
	for i := range maxKeys + 1 {
		err := f.addKey(options{}, aliases.Entry{Key: fmt.Appendf(nil, "a%d@example.org", i)})
		if (err != nil) != (i == maxKeys) {
			t.Fatalf("key %d: %v", i+1, err)
		}
	}
	if len(f.recipients) != maxKeys {
		t.Errorf("%d recipients; want %d", len(f.recipients), maxKeys)
	}
}

// Postmaster is an address without a domain, but whose postmaster is meant is not in the file.
func TestPostmasterKey(t *testing.T) {
	f := newFacts(options{})
	if err := f.addKey(options{}, aliases.Entry{Key: []byte("postmaster")}); err != nil || len(f.recipients) != 0 || len(f.skipped) != 1 {
		t.Errorf("postmaster: %v, asked %q, skipped %q", err, f.recipients, f.skipped)
	}
}
