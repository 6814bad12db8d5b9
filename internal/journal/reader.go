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

// Readers are journalctl processes, each by the service of the system's manager that it reads.
type Readers map[string]*reader

// Prefetch starts a journalctl for each of the first four services, so that it works while the
// caller does something else. The same goroutine has to call Stop; it is locked to its thread until
// then.
func Prefetch(services []string) Readers {
	const most = 4
	rs := Readers{}
	for _, service := range services[:min(len(services), most)] {
		rs[service] = start(journalctl, "/", service, false)
	}
	return rs
}

// Read returns the latest runs of a service of the system's manager or, for user, of the caller's
// own manager. A prefetched result is used if it was started after changed, the latest change of
// the service's state. Read takes at most 2 s. An error means that journalctl could not be started,
// failed, or wrote what is not understood.
func (rs Readers) Read(ctx context.Context, service string, user bool, changed time.Time) (Runs,
	error) {
	if rs.usable(service, user, changed) {
		return rs[service].runs(ctx)
	}
	return read(ctx, journalctl, "/", service, user)
}

// usable reports whether there is a prefetched result that was started after the latest change and
// has at least half of its time left.
func (rs Readers) usable(service string, user bool, changed time.Time) bool {
	r := rs[service]
	return r != nil && !user && changed.Before(r.began) && time.Since(r.began) < maxTime/2
}

// Stop ends the processes that still run.
func (rs Readers) Stop() {
	for _, r := range rs {
		r.stop()
	}
}

// reader is one journalctl process.
type reader struct {
	began     time.Time
	limit     *time.Timer   // ends cmd after maxTime
	readable  bool          // the caller may read a journal
	cmd       *exec.Cmd     // nil: it was not started
	out       io.ReadCloser // standard output of cmd
	once      sync.Once     // sets answer and answerErr, unless cmd is nil
	answer    Runs
	answerErr error
}

func read(ctx context.Context, journalctl, root, service string, user bool) (Runs, error) {
	r := start(journalctl, root, service, user)
	defer r.stop()
	return r.runs(ctx)
}

// start starts journalctl, unless there are journals and the caller may read none. The same
// goroutine has to call stop: the kernel kills the child when the thread that started it ends
// (PR_SET_PDEATHSIG).
func start(journalctl, root, service string, user bool) *reader {
	runtime.LockOSThread()
	exist, readable := journals(root)
	r := &reader{began: time.Now(), readable: readable}
	if exist && !readable {
		r.answer.Denied = true
		return r
	}
	cmd := exec.Command(journalctl, arguments(service, user)...)
	cmd.Env, cmd.Dir = []string{"LC_ALL=C"}, "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if no := syscall.Errno(0); errors.As(err, &no) { // without Go's "fork/exec"
		err = no
	}
	if err != nil {
		r.answerErr = fmt.Errorf("run %s: %w", journalctl, err)
		return r
	}
	r.cmd, r.out = cmd, out
	r.limit = time.AfterFunc(maxTime, r.end)
	return r
}

func (r *reader) stop() {
	if r.cmd != nil {
		r.limit.Stop()
		r.end()
	}
	runtime.UnlockOSThread()
}

func (r *reader) end() {
	r.cmd.Process.Kill()
	r.out.Close() // a child of journalctl may still hold the other end
}

// runs returns the answer; the first call waits for it.
func (r *reader) runs(ctx context.Context) (Runs, error) {
	if r.cmd != nil {
		r.once.Do(func() { r.answer, r.answerErr = r.wait(ctx) })
	}
	return r.answer, r.answerErr
}

func (r *reader) wait(ctx context.Context) (Runs, error) {
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
	// Without any journal journalctl exits with status 1.
	if failure := waitExit(ctx, r.cmd.Process.Pid); failure != "" && r.readable {
		return Runs{}, errors.New("journalctl failed: " + failure)
	}
	return Runs{}, nil
}

// waitExit waits for the end of a child that has closed its output, and returns how the child
// failed; "" if it succeeded, or did not end before ctx: a process that waits for its disk cannot
// be killed.
func waitExit(ctx context.Context, pid int) (failure string) {
	for ctx.Err() == nil {
		var status unix.WaitStatus
		got, err := unix.Wait4(pid, &status, unix.WNOHANG, nil)
		switch {
		case err != nil && !errors.Is(err, unix.EINTR):
			return ""
		case got != pid:
			time.Sleep(time.Millisecond / 5)
		case status.Signaled():
			return "killed by " + unix.SignalName(status.Signal())
		case status.ExitStatus() != 0:
			return fmt.Sprintf("exit status %d", status.ExitStatus())
		default:
			return ""
		}
	}
	return ""
}

// journals reports whether there are journals, or a folder for them that the caller may not read,
// and whether the caller may read at least one journal.
func journals(root string) (exist, readable bool) {
	own := fmt.Sprintf("*/user-%d.journal", os.Geteuid())
	for _, below := range []string{"*/system.journal", own, "*", ""} {
		for _, name := range []string{"var/log/journal", "run/log/journal"} {
			files, _ := filepath.Glob(filepath.Join(root, name, below)) // the pattern is valid
			for _, file := range files {
				mayRead := unix.Access(file, unix.R_OK) == nil
				isFile := strings.HasSuffix(file, ".journal")
				if isFile && mayRead {
					return true, true
				}
				exist = exist || isFile || !mayRead
			}
		}
	}
	return exist, false
}
