//go:build integration

package integration

import (
	"sync"
	"testing"
)

var ofAll struct {
	sync.Mutex
	*host
}

// sharedHost gives the host that all tests share which need none of their own. It ends with the
// last test.
func sharedHost(t testing.TB) *host {
	t.Helper()
	needSystemd(t)
	ofAll.Lock()
	defer ofAll.Unlock()
	if ofAll.host == nil {
		h, err := setup{name: "shared"}.boot()
		if err != nil {
			t.Fatal(err)
		}
		ofAll.host = h
		atEnd = append(atEnd, h.close)
	}
	return ofAll.host
}
