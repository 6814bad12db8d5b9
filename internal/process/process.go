// Package process says what processes wait for, as far as the caller may read it in proc(5).
//
// Every user may read a process's state, start, CPU time and control group, and who waits for whose
// lock. Only root and the process's own user may read the system call with its arguments, the wait
// channel and the open files; for other users [Process.Denied] is true. [Process.Seen] is false if
// the process has ended, hidepid= hides it, or its PID means another process in this PID namespace.
//
// A process that sleeps needs one sample. For other processes a second sample, [Interval] after the
// first, shows whether they use the CPU.
//
// Gather does not read /proc/PID/cmdline: a hanging process can hold the lock that this read takes
// (mmap_lock), so the read would hang too. Of open files it reads only the links.
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

// Interval is the time between the two samples of a Gather.
const Interval = 20 * time.Millisecond

const (
	minSample    = time.Millisecond // a first sample takes at least so long
	maxProcesses = 1024             // of a Gather
	maxThreads   = 64               // of a process that are looked at
	maxCounted   = 512              // threads of a process whose CPU time is read
	maxFiles     = 1024             // open files of a process
	tick         = 10 * time.Millisecond
)

// Process is what Gather has seen of a process.
type Process struct {
	PID  int
	Seen bool   // false: the fields below are unknown
	Name string // comm: the program's name, at most 15 bytes
	// proc_pid_stat(5): R running, S sleeping, T stopped, t traced, Z zombie, D if in both samples
	State     string
	Frozen    bool          // its control group is frozen
	Parent    int           // PID
	Elapsed   time.Duration // since it started
	CPU       time.Duration // user and system time of all threads
	RecentCPU time.Duration // CPU time between the two samples; 0 if there was one sample

	// If Denied, the caller may read none of the fields below, except a lock's holder in WaitsFor.
	Denied bool
	// system call of the most telling thread: "recvfrom", "system call 999"; empty: none
	Call     string
	Channel  string   // kernel function in which that thread sleeps (wchan); empty: unknown
	File     string   // on which Call waits: a path, "pipe:[1]", "socket:[1]"; empty: on none
	Socket   *Socket  // File, if it is a socket with a remote address
	WaitsFor []Other  // holder of the lock, children, a process at the other end of the pipe
	Sockets  []Socket // all open sockets that have a remote address
}

// Socket is a TCP or UDP socket that is connected or connecting.
type Socket struct {
	Remote       netip.AddrPort
	Connecting   bool   // SYN_SENT: the peer has not answered yet
	SendQueue    uint64 // bytes that the peer has not acknowledged
	ReceiveQueue uint64 // bytes that the process has not read
}

// Other is a process for which another process waits.
type Other struct {
	PID  int
	Name string // empty: unknown
}

// reader reads /proc for one Gather. It reads once what several processes have in common.
type reader struct {
	root   string
	uptime time.Duration
	nets   map[string]map[string]Socket // by network namespace + table, then by "socket:[1]"
	locks  map[int]int                  // PID of the waiting process: PID of the holder
}

// Gather samples the processes pids of a control group, at most 1024, and returns them in the order
// of pids. If ctx ends early, the rest have Seen false. Gather reads proc and sys/fs/cgroup below
// root, which is "/" except in tests. The only error is that proc does not exist.
func Gather(ctx context.Context, root, cgroup string, pids []int) ([]Process, error) {
	if _, err := os.Stat(filepath.Join(root, "proc")); err != nil {
		return nil, errors.New("look at processes: there is no /proc")
	}
	began := time.Now()
	var boot unix.Timespec
	unix.ClockGettime(unix.CLOCK_BOOTTIME, &boot) // fails only where the clock does not exist
	r := &reader{root: root, uptime: time.Duration(boot.Nano())}
	r.nets = map[string]map[string]Socket{}
	list, before := make([]Process, min(len(pids), maxProcesses)), map[int]usage{}
	for i := range list {
		if list[i].PID = pids[i]; ctx.Err() == nil {
			before[pids[i]] = r.usage(pids[i])
			list[i] = r.firstSample(pids[i], cgroup)
		}
	}
	if slices.ContainsFunc(list, Process.mayWaitForLock) {
		r.locks = parseLocks(r.read("locks"))
	}
	r.findOthers(ctx, list)
	pause(ctx, minSample-time.Since(began))
	awake := func(p Process) bool { return p.Seen && !r.sleeps(p, before[p.PID]) }
	if slices.ContainsFunc(list, awake) {
		pause(ctx, Interval-time.Since(began))
		r.secondSample(list, before)
	}
	return list, nil
}

// pause waits for d or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// mayWaitForLock reports whether p may wait for a lock: p sleeps, and its system call can wait for
// a lock or is not known. Only then /proc/locks is worth its price: reading it takes some
// milliseconds, in which no program of the host can lock a file (fs/locks.c: percpu_down_write).
func (p Process) mayWaitForLock() bool {
	if p.State != "S" && p.State != "D" {
		return false
	}
	return p.Call == "" || p.Call == "flock" || p.Call == "fcntl" ||
		strings.HasPrefix(p.Call, "open") || strings.HasPrefix(p.Call, "system call")
}

// sleeps reports whether p needs no second sample: it cannot run, or it had the CPU for at most
// 1/50 of its life and not since before, when the first sample began.
func (r *reader) sleeps(p Process, before usage) bool {
	switch {
	case p.Frozen, p.State == "T", p.State == "t", p.State == "Z":
		return true
	case p.State != "S", before.timeslices == 0, p.CPU > p.Elapsed/50:
		return false
	}
	return r.usage(p.PID) == before
}

func (r *reader) secondSample(list []Process, before map[int]usage) {
	for i, p := range list {
		if stat, ok := r.stat(p.PID); ok && p.Seen {
			list[i].RecentCPU = max(0, stat.cpu-p.CPU)
			if first, now := before[p.PID], r.usage(p.PID); min(first.cpu, now.cpu) > 0 {
				list[i].RecentCPU = max(0, now.cpu-first.cpu)
			}
			if p.State == "D" { // a short wait for a disk is D in one sample only
				list[i].State = stat.state
			}
		}
	}
}

func (r *reader) firstSample(pid int, cgroup string) Process {
	p := Process{PID: pid}
	stat, ok := r.stat(pid)
	for line := range strings.Lines(r.read(pid, "cgroup")) {
		// In another cgroup namespace the path begins with other groups.
		_, group, _ := strings.Cut(strings.TrimSpace(line), ":/")
		at := strings.Index("/"+group+"/", strings.TrimSuffix(cgroup, "/")+"/")
		if at >= 0 && ok {
			p.Seen, p.Frozen = true, p.Frozen || r.frozen(("/" + group)[at:])
		}
	}
	if !p.Seen {
		return Process{PID: pid}
	}
	p.Name, p.State, p.Parent, p.CPU = stat.name, stat.state, stat.parent, stat.cpu
	p.Elapsed = max(0, r.uptime-stat.start)
	if p.State != "Z" {
		r.threads(&p)
		r.files(&p)
	}
	return p
}

// frozen reports whether a control group is frozen. Beside cgroup v1, v2 is in unified.
func (r *reader) frozen(group string) bool {
	events := r.read("../sys/fs/cgroup", group, "cgroup.events") +
		r.read("../sys/fs/cgroup/unified", group, "cgroup.events")
	return strings.Contains(events, "frozen 1")
}

// path joins the parts to a path below proc.
func (r *reader) path(parts ...any) string {
	path := r.root + "/proc"
	for _, part := range parts {
		path += "/" + fmt.Sprint(part)
	}
	return path
}

// read returns the first 1 MiB of a file below proc, or nothing if it cannot read the file.
func (r *reader) read(parts ...any) string {
	f, err := os.Open(r.path(parts...))
	if err != nil {
		return ""
	}
	defer f.Close()
	text, _ := io.ReadAll(io.LimitReader(f, 1<<20))
	return string(text)
}

// link returns the target of a link below proc, or nothing if it cannot read the link.
func (r *reader) link(parts ...any) string {
	link, _ := os.Readlink(r.path(parts...))
	return link
}

// names returns at most so many entries of a folder below proc; none if it cannot read the folder.
func (r *reader) names(most int, parts ...any) []string {
	f, err := os.Open(r.path(parts...))
	if err != nil {
		return nil
	}
	defer f.Close()
	list, _ := f.Readdirnames(most)
	return list
}

// threads sets Denied, and from the most telling thread (see weigh) Call, Channel and File. Of
// equal threads it takes the first, which is the main thread.
func (r *reader) threads(p *Process) {
	best := -1
	for _, tid := range r.names(maxThreads, p.PID, "task") {
		text, err := os.ReadFile(r.path(p.PID, "task", tid, "syscall"))
		p.Denied = p.Denied || os.IsPermission(err)
		name, fd := parseSyscall(string(text))
		if weight := weigh(name); weight > best {
			best, p.Call, p.File = weight, name, ""
			p.Channel = strings.TrimPrefix(r.read(p.PID, "task", tid, "wchan"), "0") // 0: none
			if fd >= 0 {
				p.File = r.link(p.PID, "task", tid, "fd", fd)
			}
		}
	}
}

// files sets Sockets and Socket.
func (r *reader) files(p *Process) {
	for _, fd := range r.names(maxFiles, p.PID, "fd") {
		link := r.link(p.PID, "fd", fd)
		if !strings.HasPrefix(link, "socket:") {
			continue
		}
		if socket, ok := r.socket(p.PID, fd, link); ok {
			p.Sockets = append(p.Sockets, socket)
			if link == p.File {
				p.Socket = &socket
			}
		}
	}
}
