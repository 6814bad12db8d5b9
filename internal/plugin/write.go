package plugin

import (
	"errors"
	"io"
	"os"
	"strings"
	"time"
)

// Standard output is a pipe that may be full, with a reader that has stopped:
// a write to it then blocks for ever.

var errUnread = errors.New("nobody reads standard output")

// moment is how long a write may take whatever the time is, and whatever signal has come: a pipe
// with room takes the text in far less, also on a busy host.
const moment = 80 * time.Millisecond

// limited writes to a writer that may block, and gives up when the time is up or
// a signal comes. The failed write goes on until the process ends.
type limited struct {
	w       io.Writer
	until   time.Time
	signals <-chan os.Signal
	failed  func() // called if not all was written
}

// Write writes the text with one final newline. It never fails: when nobody can
// be told, the exit code still counts.
func (l limited) Write(text []byte) (int, error) {
	l.print(string(text))
	return len(text), nil
}

// print writes the text as Write does.
func (l limited) print(text string) {
	line := strings.TrimRight(text, " \n") + "\n"
	done, late := make(chan error, 1), make(chan bool, 1)
	// Go's runtime dies where it has no descriptors for its first timer: before the write then,
	// not after it.
	defer time.AfterFunc(moment, func() { late <- true }).Stop()
	go func() {
		_, err := io.WriteString(l.w, line)
		done <- err
	}()
	var err error
	select {
	case err = <-done:
	case <-late:
		err = l.wait(done)
	}
	if err != nil && l.failed != nil {
		l.failed()
	}
}

// wait waits for a write that takes long.
func (l limited) wait(done <-chan error) error {
	select {
	case err := <-done:
		return err
	case <-l.signals:
	case <-time.After(time.Until(l.until)):
	}
	return errUnread
}
