package plugin

import (
	"io"
	"os"
	"strings"
	"time"
)

// minWriteTime is how long a write may take even if the time is up or a signal has come. A pipe
// with room takes the text in far less, also on a busy host.
const minWriteTime = 80 * time.Millisecond

// boundedWriter writes to a writer that may block for ever: a full pipe whose reader has stopped.
// It gives up when the time is up or a signal comes.
type boundedWriter struct {
	w       io.Writer
	until   time.Time
	signals <-chan os.Signal
	failed  func() // called if not all was written
}

// Write writes the text with one final newline. It returns no error, because nobody could be told
// of it.
func (b boundedWriter) Write(text []byte) (int, error) {
	b.print(string(text))
	return len(text), nil
}

func (b boundedWriter) print(text string) {
	line := strings.TrimRight(text, " \n") + "\n"
	done, late := make(chan bool, 1), make(chan bool, 1)
	// Go's runtime dies if it has no descriptors for its first timer: let it die before the write.
	defer time.AfterFunc(minWriteTime, func() { late <- true }).Stop()
	go func() {
		_, err := io.WriteString(b.w, line)
		done <- err == nil
	}()
	written := false
	select {
	case written = <-done:
	case <-late:
		written = b.wait(done)
	}
	if !written && b.failed != nil {
		b.failed()
	}
}

// wait waits for a slow write, until the time is up or a signal comes. It reports whether all was
// written.
func (b boundedWriter) wait(done <-chan bool) bool {
	select {
	case written := <-done:
		return written
	case <-b.signals:
	case <-time.After(time.Until(b.until)):
	}
	return false
}
