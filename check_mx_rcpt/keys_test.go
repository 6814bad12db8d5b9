package main

import (
	"fmt"
	"testing"
	"time"

	"mailfresh/internal/aliases"
)

// There is a bound to the keys; the last one before it is asked for.
func TestMaxKeys(t *testing.T) {
	var p plan
	for i := range maxKeys + 1 {
		var err error
		p, err = p.withKey(options{}, aliases.Entry{Key: fmt.Appendf(nil, "a%d@example.org", i)})
		if (err != nil) != (i == maxKeys) {
			t.Fatalf("key %d: %v", i+1, err)
		}
	}
	if len(p.wanted.recipients) != maxKeys {
		t.Errorf("%d recipients; want %d", len(p.wanted.recipients), maxKeys)
	}
}

// Postmaster is an address without a domain, but whose postmaster is meant is not in the file.
func TestPostmasterKey(t *testing.T) {
	p, err := plan{}.withKey(options{}, aliases.Entry{Key: []byte("postmaster")})
	if err != nil || len(p.wanted.recipients) != 0 || len(p.keys.skipped) != 1 {
		t.Errorf("postmaster: %v, asked %q, skipped %q", err, p.wanted.recipients, p.keys.skipped)
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
