package plugin

import (
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
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
	if !b.write(line) && b.failed != nil {
		b.failed()
	}
}

// write reports whether all was written.
func (b boundedWriter) write(line string) bool {
	if f, ok := b.w.(*os.File); ok && takes(f, line) {
		_, err := f.WriteString(line)
		return err == nil
	}
	done, late := make(chan bool, 1), make(chan bool, 1)
	// Go's runtime dies if it has no descriptors for its first timer: let it die before the write.
	defer time.AfterFunc(minWriteTime, func() { late <- true }).Stop()
	go func() {
		_, err := io.WriteString(b.w, line)
		done <- err == nil
	}()
	select {
	case written := <-done:
		return written
	case <-late:
		return b.wait(done)
	}
}

// takes reports whether the file takes the line without waiting. A pipe that is ready takes
// PIPE_BUF bytes, 4,096 (pipe(7)), which is as long as the text of a plugin may be. A terminal or a
// socket that is ready may have less room.
func takes(f *os.File, line string) bool {
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() && info.Mode().Type() != os.ModeNamedPipe ||
		len(line) > 4096 {
		return false
	}
	conn, err := f.SyscallConn()
	if err != nil {
		return false
	}
	ready := []unix.PollFd{{Events: unix.POLLOUT}}
	err = conn.Control(func(fd uintptr) {
		ready[0].Fd = int32(fd)
		_, _ = unix.Poll(ready, 0)
	})
	return err == nil && ready[0].Revents == unix.POLLOUT
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
