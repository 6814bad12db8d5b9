package regular

import (
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// A writer rewrites a file in place, in two parts that end in newlines, 40 times a second, and
// knows whether it was kept from that for a while, as on a busy machine.
type writer struct {
	path          string
	last          atomic.Int64 // when it last began to write, in milliseconds
	late          atomic.Bool
	stop, stopped chan bool
}

func (w *writer) rewrite(t *testing.T) {
	f, err := os.Create(w.path)
	if err != nil {
		t.Error(err)
		return
	}
	defer f.Close()
	w.writes()
	f.WriteString("a: b\nc: d\n")
	time.Sleep(5 * time.Millisecond)
	w.writes()
	f.WriteString("e: f\n")
}

// writes is called before each write: the file is never older than the writer says.
func (w *writer) writes() {
	now := time.Now().UnixMilli()
	if now-w.last.Swap(now) > 200 {
		w.late.Store(true)
	}
}

func (w *writer) run(t *testing.T) {
	defer close(w.stopped)
	for {
		w.rewrite(t)
		select {
		case <-w.stop:
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// No reading of a file that is rewritten all the time counts but a whole one. A reading during
// which the writer stood still for 0.2 s is made again: it may rightly say that the file does.
func TestRewrittenFile(t *testing.T) {
	w := &writer{path: filepath.Join(t.TempDir(), "f"), stop: make(chan bool),
		stopped: make(chan bool)}
	w.rewrite(t)
	go w.run(t)
	for good, tries := 0, 0; good < 2; tries++ {
		w.late.Store(false)
		f, text := read(t, w.path)
		if w.writes(); w.late.Load() && tries < 100 {
			continue
		}
		if good++; strings.Count(text, "\n") != 3 || !f.Moving {
			t.Errorf("%q, moving %t; want 3 lines, true", text, f.Moving)
		}
	}
	close(w.stop)
	<-w.stopped
	if f, text := read(t, w.path); strings.Count(text, "\n") != 3 || f.Moving {
		t.Errorf("after the last: %q, moving %t; want 3 lines, false", text, f.Moving)
	}
}
