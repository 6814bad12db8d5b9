package main

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"mailfresh/internal/aliases"
)

// There is a bound to the keys; the last one before it is asked for.
func TestMaxKeys(t *testing.T) {
	var keys found
	for i := range maxKeys + 1 {
		var err error
		keys, err = keys.with(aliases.Entry{Key: fmt.Appendf(nil, "a%d@example.org", i)}, "")
		if (err != nil) != (i == maxKeys) {
			t.Fatalf("key %d: %v", i+1, err)
		}
	}
	if len(keys.asked) != maxKeys {
		t.Errorf("%d recipients; want %d", len(keys.asked), maxKeys)
	}
}

// Postmaster is an address without a domain, but whose postmaster is meant is not in the file.
func TestKey(t *testing.T) {
	for _, c := range []struct{ key, value, domain, want string }{
		{"postmaster", "a", "", ""},
		{"postmaster", "a", "example.org", "postmaster@example.org"},
		{"dcw", "a", "example.org", "dcw@example.org"},
		{"dcw@example.net", "a", "example.org", "dcw@example.net"},
		{"dcw@b\u00fccher.example", "a", "", "dcw@xn--bcher-kva.example"},
		{"dcw", "a", "", ""},
		{"*", "a", "example.org", ""},
		{"*@example.org", "a", "", ""},
		{"old@example.org", ":fail:gone", "", ""},
		{"old@example.org", "error:550gone", "", ""}, // OpenSMTPD
		{"old@example.org", ":ERROR:550gone", "", ""},
		{"later@example.org", "error:451later", "", "later@example.org"},
		{"a b@example.org", "a", "", ""},
	} {
		e := aliases.Entry{Key: []byte(c.key), Value: []byte(c.value)}
		if got, ok := readKey(e, c.domain); ok != (c.want != "") || ok && got != c.want {
			t.Errorf("readKey(%s: %s, %q) = %q, %v; want %q", c.key, c.value, c.domain, got, ok,
				c.want)
		}
	}
}

// However often the check runs, some runs ask for every key, none for more than wanted, and as many
// as are said.
func TestSample(t *testing.T) {
	for n, size := range map[int]int{1: 1, 500: 100, 7: 3, 1000: 1, 100: 100, 99: 100} {
		all := make([]string, n)
		for i := range all {
			all[i] = fmt.Sprint(i)
		}
		runs := runs(n, size)
		for _, minutes := range []int{1, 2, 5, 10, 15, 60} {
			seen := map[string]bool{}
			for run := range runs {
				part := sample(all, runs, time.Unix(int64(60*minutes*run), 0))
				if len(part) > size {
					t.Errorf("%d of %d keys: %d in a run", size, n, len(part))
				}
				for _, key := range part {
					seen[key] = true
				}
			}
			if len(seen) != n {
				t.Errorf("%d of %d keys every %d minutes: %d are asked for in %d runs", size, n,
					minutes, len(seen), runs)
			}
		}
	}
}

// Each key of a file is asked for once, after the named recipients and without the controls.
func TestWithKeys(t *testing.T) {
	p := plan{wanted: questions{recipients: []string{"a@e"}},
		control: questions{recipients: []string{"x@e", "y@e"}}}
	file := found{asked: []string{"b@e", "y@e", "a@e", "c@e", "b@e"}, skipped: []string{"*"}}
	got, err := p.withKeys(options{}, file, time.Now())
	want := []string{"a@e", "b@e", "c@e"}
	if !slices.Equal(got.wanted.recipients, want) || err != nil || got.keys.total != 6 {
		t.Errorf("withKeys = %q of %d, %v; want %q of 6", got.wanted.recipients, got.keys.total,
			err, want)
	}
	file.asked = []string{"x@e", "a@e"}
	if _, err := p.withKeys(options{}, file, time.Now()); err == nil {
		t.Error("withKeys without a key that is not named = nil; want an error")
	}
}
