package plugin

import (
	"runtime"
	"runtime/debug"
	"testing"
)

// Memory is saved where it matters: with few objects Go's defaults are quicker.
func TestSaveMemory(t *testing.T) {
	percent, threads := debug.SetGCPercent(100), runtime.GOMAXPROCS(4)
	defer func() { debug.SetGCPercent(percent); runtime.GOMAXPROCS(threads) }()
	for _, test := range []struct{ objects, percent, threads int }{{1000, 100, 4}, {1001, 40, 1}} {
		SaveMemory(test.objects)
		gotPercent, gotThreads := debug.SetGCPercent(100), runtime.GOMAXPROCS(4)
		if gotPercent != test.percent || gotThreads != test.threads {
			t.Errorf("SaveMemory(%d): %d %%, %d threads; want %d %%, %d", test.objects, gotPercent,
				gotThreads, test.percent, test.threads)
		}
	}
}
