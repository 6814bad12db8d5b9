// Package process says what processes wait for, as far as /proc tells the caller (proc(5)).
//
// One look is enough for processes that sleep: none was given a CPU while it lasted, nor does much
// of its life's time. Where that is not so, it is the CPU time that tells whether a process is at
// work, and a second look, [Interval] after the first, shows what moved. Everybody may read the
// state, the start, the CPU time, the control group, and who waits for whose lock; the system call
// with its arguments, the wait channel and the open files are for root and the process's own user.
// What may not be read is a fact, [Process.Denied], and so is a process that is not to be seen,
// [Process.Seen]: it has ended, hidepid= hides it, or its PID means another process here, in
// another PID namespace.
//
// The command line is not read: /proc/PID/cmdline takes a lock that a process which hangs may hold,
// and the reader would hang with it. Nor is a file touched that a process has open; only its link
// is read.
package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Interval is the time between two looks.
const Interval = 50 * time.Millisecond

const (
	glance       = 2 * time.Millisecond // the least that a look lasts
	maxProcesses = 1024                 // that are looked at
	maxThreads   = 64                   // of each
	maxFiles     = 1024                 // open files of each
	tick         = 10 * time.Millisecond
)

// Process is what was seen of one.
type Process struct {
	PID  int
	Seen bool   // false: nothing below is known
	Name string // of the program, at most 15 bytes (comm)
	// R running, S sleeping, T stopped, t traced, Z zombie (proc_pid_stat(5)), D in both looks
	State   string
	Frozen  bool          // with its control group
	Parent  int           // PID
	Elapsed time.Duration // since it was started
	CPU     time.Duration // user and system time of all threads
	Used    time.Duration // of it, between the two looks; 0 where one look was enough: it slept

	// What follows is not for the caller to read if it is Denied, but for the holder of a lock.
	Denied bool
	// system call of the thread that tells most: "recvfrom", "system call 999"; empty: none
	Call    string
	Channel string   // wait channel: the kernel function it sleeps in; empty: unknown
	On      string   // the file that the call waits on, if any: a path, "pipe:[1]", "socket:[1]"
	Socket  *Socket  // what On is, where it has a remote address
	Others  []Other  // who holds the lock or the pipe's other end, the children that it waits for
	Sockets []Socket // all that have a remote address
}

// Socket is a TCP or UDP socket that is connected or connecting.
type Socket struct {
	Remote     netip.AddrPort
	Connecting bool   // the peer has not answered yet (SYN_SENT)
	Send, Read uint64 // queues in bytes: not acknowledged by the peer, and not read by the process
}

// Other is a process that another one waits for.
type Other struct {
	PID  int
	Name string // empty: it is not to be seen
}

// look is what the processes of one Gather share.
type look struct {
	root   string
	uptime time.Duration
	nets   map[string]map[string]Socket // network namespace and table: "socket:[1]": socket
	locks  map[int]int                  // who waits: who holds
}

// Gather looks at processes of a control group, at most 1024 of them, in the order of pids. Those
// that it has no time for are not seen. The root is "/": proc and sys/fs/cgroup are below it. An
// error means that there is no proc.
func Gather(ctx context.Context, root, cgroup string, pids []int) ([]Process, error) {
	if _, err := os.Stat(filepath.Join(root, "proc")); err != nil {
		return nil, errors.New("look at processes: there is no /proc")
	}
	began := time.Now()
	var boot unix.Timespec
	unix.ClockGettime(unix.CLOCK_BOOTTIME, &boot) // fails only where the clock does not exist
	l := &look{root: root, uptime: time.Duration(boot.Nano()), nets: map[string]map[string]Socket{}}
	l.locks = parseLocks(l.read("locks"))
	list, ran := make([]Process, min(len(pids), maxProcesses)), map[int]uint64{}
	for i := range list {
		if list[i].PID = pids[i]; ctx.Err() == nil {
			ran[pids[i]] = l.slices(pids[i])
			list[i] = l.first(pids[i], cgroup)
		}
	}
	l.others(ctx, list)
	pause(ctx, glance-time.Since(began))
	if slices.ContainsFunc(
		list,
		func(p Process) bool { return p.Seen && !l.sleeps(p, ran[p.PID]) },
	) {
		pause(ctx, Interval-time.Since(began))
		l.second(list)
	}
	return list, nil
}

// pause waits, until ctx ends at most.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// sleeps reports whether one look says all of a process: it was given no CPU during that look and
// little in its life, or it cannot run at all.
func (l *look) sleeps(p Process, ran uint64) bool {
	const most = 50 // of its time on a CPU, one part in so many
	switch {
	case p.Frozen, p.State == "T", p.State == "t", p.State == "Z":
		return true
	case p.State != "S", ran == 0, p.CPU > p.Elapsed/most:
		return false
	}
	return l.slices(p.PID) == ran
}

// second looks once more, at what moved.
func (l *look) second(list []Process) {
	for i, p := range list {
		if stat, ok := l.stat(p.PID); ok && p.Seen {
			list[i].Used = max(0, stat.cpu-p.CPU)
			if p.State == "D" { // or it was only waiting for a disk
				list[i].State = stat.state
			}
		}
	}
}

// first looks at a process for the first time.
func (l *look) first(pid int, cgroup string) Process {
	p := Process{PID: pid}
	stat, ok := l.stat(pid)
	for line := range strings.Lines(l.read(pid, "cgroup")) {
		// In another cgroup namespace there is something before it.
		_, group, _ := strings.Cut(strings.TrimSpace(line), ":/")
		at := strings.Index("/"+group+"/", strings.TrimSuffix(cgroup, "/")+"/")
		if at >= 0 && ok {
			p.Seen, p.Frozen = true, p.Frozen || l.frozen(("/" + group)[at:])
		}
	}
	if !p.Seen {
		return Process{PID: pid}
	}
	p.Name, p.State, p.Parent, p.CPU = stat.name, stat.state, stat.parent, stat.cpu
	p.Elapsed = max(0, l.uptime-stat.start)
	if p.State != "Z" {
		l.threads(&p)
		l.files(&p)
	}
	return p
}

// frozen reports whether a control group is frozen, in cgroup v2 alone or beside v1.
func (l *look) frozen(group string) bool {
	events := l.read("../sys/fs/cgroup", group, "cgroup.events") +
		l.read("../sys/fs/cgroup/unified", group, "cgroup.events")
	return strings.Contains(events, "frozen 1")
}

// path gives the path of a file below proc.
func (l *look) path(parts ...any) string {
	path := l.root + "/proc"
	for _, part := range parts {
		path += "/" + fmt.Sprint(part)
	}
	return path
}

// read gives the text of a file below proc, 1 MiB at most; nothing where it may not be read.
func (l *look) read(parts ...any) string {
	f, err := os.Open(l.path(parts...))
	if err != nil {
		return ""
	}
	defer f.Close()
	text, _ := io.ReadAll(io.LimitReader(f, 1<<20))
	return string(text)
}

// link gives what a link below proc says; nothing where it may not be read.
func (l *look) link(parts ...any) string {
	link, _ := os.Readlink(l.path(parts...))
	return link
}

// names lists a folder below proc, at most so many entries; none where it may not be read.
func (l *look) names(most int, parts ...any) []string {
	f, err := os.Open(l.path(parts...))
	if err != nil {
		return nil
	}
	defer f.Close()
	list, _ := f.Readdirnames(most)
	return list
}

// threads finds the system call of the thread that tells most; of the main thread, if they are
// alike.
func (l *look) threads(p *Process) {
	best := -1
	for _, tid := range l.names(maxThreads, p.PID, "task") {
		text, err := os.ReadFile(l.path(p.PID, "task", tid, "syscall"))
		p.Denied = p.Denied || os.IsPermission(err)
		name, file := parseSyscall(string(text))
		if weight := weigh(name); weight > best {
			best, p.Call, p.On = weight, name, ""
			p.Channel = strings.TrimPrefix(l.read(p.PID, "task", tid, "wchan"), "0") // 0: none
			if file >= 0 {
				p.On = l.link(p.PID, "task", tid, "fd", file)
			}
		}
	}
}

// files finds the sockets among the open files.
func (l *look) files(p *Process) {
	for _, fd := range l.names(maxFiles, p.PID, "fd") {
		link := l.link(p.PID, "fd", fd)
		if !strings.HasPrefix(link, "socket:") {
			continue
		}
		if socket, ok := l.socket(p.PID, fd, link); ok {
			p.Sockets = append(p.Sockets, socket)
			if link == p.On {
				p.Socket = &socket
			}
		}
	}
}
