//go:build integration

package integration

import (
	"path/filepath"
	"strconv"
	"sync"
	"testing"
)

var shared struct {
	sync.Mutex
	*host
}

// sharedHost gives the host that all tests share which need none of their own. It ends with the last test.
func sharedHost(t testing.TB) *host {
	t.Helper()
	needSystemd(t)
	shared.Lock()
	defer shared.Unlock()
	if shared.host == nil {
		h, err := boot("shared")
		if err != nil {
			t.Fatal(err)
		}
		shared.host = h
		atEnd = append(atEnd, h.close)
	}
	return shared.host
}

// path gives the path, from here, of a file inside the host.
func (h *host) path(name string) string {
	return filepath.Join("/proc", strconv.Itoa(h.pid), "root", name)
}
