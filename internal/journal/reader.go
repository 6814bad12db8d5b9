package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Readers read the runs of services of the system's manager, beside what their owner does in the
// meantime: a journalctl each, by the service's name.
type Readers map[string]*reader

// Ahead starts to read the runs of services that are likely to be asked for, of four of them at
// most. The goroutine that calls it has to call Stop, and stays on its thread until then.
func Ahead(services []string) Readers {
	const most = 4
	rs := Readers{}
	for _, service := range services[:min(len(services), most)] {
		rs[service] = start(journalctl, "/", service, false)
	}
	return rs
}

// Read reads the latest runs of a service of the system's manager, or of the caller's own, which
// has last changed its state at that instant. It takes 2 s at most. An error means that journalctl
// could not be run, failed, or was not understood.
func (rs Readers) Read(ctx context.Context, service string, user bool, changed time.Time) (Runs,
	error) {
	if rs.counts(service, user, changed) {
		return rs[service].runs(ctx)
	}
	return read(ctx, journalctl, "/", service, user)
}

// counts reports whether what is read ahead is what is asked for: it has been begun after the
// last change, and there is time left for it.
func (rs Readers) counts(service string, user bool, changed time.Time) bool {
	r := rs[service]
	return r != nil && !user && changed.Before(r.began) && time.Since(r.began) < maxTime/2
}

// Stop ends what still reads.
func (rs Readers) Stop() {
	for _, r := range rs {
		r.stop()
	}
}

// reader is a journalctl at work.
type reader struct {
	began           time.Time
	limit           *time.Timer   // ends it
	there, readable bool          // journals
	cmd             *exec.Cmd     // nil: it was not started
	out             io.ReadCloser // what cmd says
	err             error         // why it was not started; nil: the journal may not be read
	once            sync.Once     // for the answer
	answer          Runs
	failed          error
}

func read(ctx context.Context, journalctl, root, service string, user bool) (Runs, error) {
	r := start(journalctl, root, service, user)
	defer r.stop()
	return r.runs(ctx)
}

// start starts journalctl, if there is a journal that the caller may read, or none at all. The
// same goroutine has to call stop: the kernel kills the child with the thread that started it.
func start(journalctl, root, service string, user bool) *reader {
	runtime.LockOSThread()
	r := &reader{began: time.Now()}
	if r.there, r.readable = journals(root); r.there && !r.readable {
		return r
	}
	cmd := exec.Command(journalctl, arguments(service, user)...)
	cmd.Env, cmd.Dir = []string{"LC_ALL=C"}, "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if no := syscall.Errno(0); errors.As(err, &no) { // without Go's names for what was tried
		err = no
	}
	if err != nil {
		r.err = fmt.Errorf("run %s: %w", journalctl, err)
		return r
	}
	r.cmd, r.out = cmd, out
	r.limit = time.AfterFunc(maxTime, r.end)
	return r
}

func (r *reader) stop() {
	if r.limit != nil {
		r.limit.Stop()
	}
	r.end()
	runtime.UnlockOSThread()
}

func (r *reader) end() {
	if r.cmd != nil {
		r.cmd.Process.Kill()
		r.out.Close() // or a child of it that lives on would be waited for
	}
}

// runs waits for the answer.
func (r *reader) runs(ctx context.Context) (Runs, error) {
	r.once.Do(func() { r.answer, r.failed = r.wait(ctx) })
	return r.answer, r.failed
}

func (r *reader) wait(ctx context.Context) (Runs, error) {
	if r.cmd == nil {
		return Runs{Denied: r.err == nil}, r.err
	}
	ctx, cancel := context.WithDeadline(ctx, r.began.Add(maxTime))
	defer cancel()
	defer context.AfterFunc(ctx, r.end)()
	list, err := parse(r.out)
	switch {
	case ctx.Err() != nil:
		return Runs{}, errors.New("run journalctl: no answer in time")
	case err != nil:
		return Runs{}, fmt.Errorf("read journalctl's output: %w", err)
	case len(list) > 0:
		return Runs{List: list}, nil
	}
	// With no journal at all its exit status is 1.
	if status, ended := exit(ctx, r.cmd.Process.Pid); ended && status != "" && r.readable {
		return Runs{}, errors.New("journalctl failed: " + status)
	}
	return Runs{}, nil
}

// exit says how a child failed, which has closed its output: it is about to end. It is not waited
// for beyond the time that there is: a process that waits for its disk cannot be ended.
func exit(ctx context.Context, pid int) (failure string, ended bool) {
	for ctx.Err() == nil {
		var status unix.WaitStatus
		got, err := unix.Wait4(pid, &status, unix.WNOHANG, nil)
		switch {
		case err != nil && !errors.Is(err, unix.EINTR):
			return "", false
		case got != pid:
			time.Sleep(time.Millisecond / 5)
		case status.Signaled():
			return "killed by " + unix.SignalName(status.Signal()), true
		case status.ExitStatus() != 0:
			return fmt.Sprintf("exit status %d", status.ExitStatus()), true
		default:
			return "", true
		}
	}
	return "", false
}

// journals reports whether there are journals, or a folder of such that cannot be read, and whether
// one of them is for the caller to read.
func journals(root string) (there, readable bool) {
	own := fmt.Sprintf("*/user-%d.journal", os.Geteuid())
	for _, below := range []string{"*/system.journal", own, "*", ""} {
		for _, name := range []string{"var/log/journal", "run/log/journal"} {
			// the only error is a bad pattern
			files, _ := filepath.Glob(filepath.Join(root, name, below))
			for _, file := range files {
				mayRead := unix.Access(file, unix.R_OK) == nil
				isFile := strings.HasSuffix(file, ".journal")
				if isFile && mayRead {
					return true, true
				}
				there = there || isFile || !mayRead
			}
		}
	}
	return there, false
}
