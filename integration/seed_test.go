//go:build integration

package integration

import (
	"os"
	"strconv"
	"testing"
)

// seed is where random draws begin: MAILFRESH_SEED, or the same in every run, so that a change fails for what it changed.
func seed(t testing.TB) uint64 {
	t.Helper()
	n := uint64(1)
	if text := os.Getenv("MAILFRESH_SEED"); text != "" {
		var err error
		if n, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("MAILFRESH_SEED: %v", err)
		}
	}
	t.Logf("MAILFRESH_SEED=%d", n)
	return n
}
