package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"mailfresh/internal/nagios"
	"mailfresh/internal/process"
	"mailfresh/internal/systemd"
)

// maxLines is how many processes are described at most.
const maxLines = 8

// stuck is what was seen of a service's processes.
type stuck struct {
	listed []systemd.Process // as systemd lists them
	seen   []process.Process // the first of the listed processes
	err    error             // why not all is known
}

func (st stuck) pids() (pids []int) {
	for _, p := range st.listed {
		pids = append(pids, p.PID)
	}
	return pids
}

// suspect is a process while it is described.
type suspect struct {
	process process.Process
	command string
	parent  bool // of another process
	rank    int
}

// suspects returns the processes, the likeliest reason of the hang first.
func (st stuck) suspects() (list []suspect) {
	commands, parents := map[int]string{}, map[int]bool{}
	for _, l := range st.listed {
		commands[l.PID] = l.Command
	}
	for _, p := range st.seen {
		parents[p.Parent] = true
	}
	for _, p := range st.seen {
		s := suspect{process: p, command: commands[p.PID], parent: parents[p.PID]}
		s.rank = s.rankOf()
		list = append(list, s)
	}
	slices.SortStableFunc(list, func(a, b suspect) int { return a.rank - b.rank })
	return list
}

// The ranks of processes, the likeliest reason of the hang first.
const (
	halted       = iota
	onPeer       // it waits for a remote address
	onLock       // it waits for the process that holds a lock
	busy         // it is at work
	onOther      // it waits for a file, a pipe, or in a system call that says nothing more
	resting      // it waits for the time to pass, or for a thread of its own
	asleep       // nothing more is known
	parent       // it waits for its children
	noneToBlame  // a zombie
	notToBeAsked // not seen
)

// rankOf says how likely a process is the reason that the run does not end.
func (s suspect) rankOf() int {
	switch {
	case !s.process.Seen:
		return notToBeAsked
	case s.process.Frozen, strings.Contains("TtD", s.process.State):
		return halted
	case s.process.State == "Z", s.process.State == "X":
		return noneToBlame
	case s.atWork():
		return busy
	case s.process.Socket != nil, len(s.process.Sockets) > 0 && s.polls():
		return onPeer
	case s.process.Call == "flock", s.process.Call == "fcntl", s.process.Denied &&
		len(s.process.WaitsFor) > 0:
		return onLock
	case s.process.Call == "wait4", s.process.Call == "waitid", s.parent &&
		(s.process.Call == "" || s.process.Call == "rt_sigsuspend"):
		return parent
	case s.process.Call == "futex", strings.HasSuffix(s.process.Call, "nanosleep"),
		strings.HasPrefix(s.process.Call, "rt_sig"):
		return resting
	case s.process.Call == "" && s.process.Channel == "":
		return asleep
	}
	return onOther
}

// atWork reports whether the process runs, or used more of the CPU between the two samples than a
// process that only checks the time.
func (s suspect) atWork() bool {
	return s.process.State == "R" || s.process.RecentCPU >= 2*process.Interval/5
}

func (s suspect) polls() bool {
	// restart_syscall: the call goes on after SIGCONT
	return strings.Contains(s.process.Call, "poll") || strings.Contains(s.process.Call, "select") ||
		s.process.Call == "restart_syscall"
}

func (s suspect) state() string {
	words := map[string]string{"R": "running", "S": "sleeping", "D": "uninterruptible",
		"T": "stopped", "t": "stopped by a debugger", "Z": "zombie", "I": "idle"}
	state := cmp.Or(words[s.process.State], "state "+s.process.State)
	if s.process.Frozen {
		state += ", its control group is frozen"
	}
	return state
}

// blame says what the process waits for, for a summary; nothing if that is not known.
func (s suspect) blame() string {
	text := ""
	switch {
	case s.rank >= asleep:
		return ""
	case s.process.Frozen:
		text = "is frozen"
	case s.process.State == "T":
		text = fmt.Sprintf("is stopped (kill -CONT %d)", s.process.PID)
	case s.process.State == "t":
		text = "is stopped by a debugger"
	case s.process.State == "D":
		text = "sleeps uninterruptibly" + s.where()
	case s.rank == busy:
		text = "uses the CPU (" + nagios.Span(s.process.CPU) + " so far)"
	default:
		text = "waits" + s.where()
	}
	return fmt.Sprintf("%s (PID %d) %s", s.process.Name, s.process.PID, text)
}

// where says in which call the process is, and what the call waits for.
func (s suspect) where() string {
	text := ""
	if call := cmp.Or(s.process.Call, s.process.Channel); call != "" {
		text = " in " + call
	}
	others := s.others()
	switch {
	case s.process.Socket != nil && s.process.Call == "connect":
		return text + " to " + s.process.Socket.Remote.String()
	case s.process.Socket != nil:
		return text + " on " + s.process.Socket.Remote.String()
	case s.process.Call == "" && others != "":
		return text + " for a lock held by " + others
	case s.rank == onLock && others != "":
		return text + " on " + cmp.Or(s.file(), "a lock") + ", held by " + others
	case strings.HasPrefix(s.process.File, "socket:"):
		return text + " on a local socket"
	case strings.HasPrefix(s.process.File, "pipe:") && others != "":
		return text + " on a pipe that " + others + " has, too"
	case strings.HasPrefix(s.process.File, "pipe:"):
		return text + " on a pipe"
	case s.process.File != "":
		return text + " on " + s.file()
	case others != "":
		return text + " for " + others
	case s.rank == onPeer:
		return text + ", " + s.peers()
	}
	return text
}

// file returns the path of the file that the call waits on; of a long path only the end.
func (s suspect) file() string {
	const most = 100
	if len(s.process.File) <= most {
		return s.process.File
	}
	return "..." + strings.ToValidUTF8(s.process.File[len(s.process.File)-most:], "")
}

// peers names the connections that the process may wait for: the first one that is not up yet, or
// else all.
func (s suspect) peers() string {
	var peers []string
	for _, socket := range s.process.Sockets {
		if socket.Connecting {
			return peer(socket)
		}
		peers = append(peers, peer(socket))
	}
	return nagios.List(peers, 2, len(peers))
}

func (s suspect) others() string {
	var names []string
	for _, o := range s.process.WaitsFor {
		names = append(names, fmt.Sprintf("%s (PID %d)", cmp.Or(o.Name, "a process"), o.PID))
	}
	return nagios.List(names, 3, len(names))
}

func peer(s process.Socket) string {
	if s.Connecting {
		return "connecting to " + s.Remote.String()
	}
	return "connected to " + s.Remote.String()
}

// line describes the process: "PID 4711 python3 x.py: sleeping in recvfrom on 10.64.0.9:3306, wait
// channel wait_woken; runs for 12h 3m, ...".
func (s suspect) line() string {
	const most = 120 // bytes of a command line
	command := cmp.Or(s.command, s.process.Name)
	if len(command) > most {
		command = strings.ToValidUTF8(command[:most], "") + "..."
	}
	head := fmt.Sprintf("PID %d %s: ", s.process.PID, command)
	if !s.process.Seen {
		return head +
			"not seen: it has ended, is hidden from here (hidepid=, another PID namespace), or there was no time to look"
	}
	text := head + s.state() + s.where()
	if s.process.Channel != "" {
		text += ", wait channel " + s.process.Channel
	}
	text += "; runs for " + nagios.Span(s.process.Elapsed) + ", CPU time " +
		nagios.Span(s.process.CPU)
	if s.process.RecentCPU >= process.Interval/20 {
		text += " and moving"
	} else {
		text += ", not moving"
	}
	for i, socket := range s.process.Sockets {
		if i == maxLines {
			return text + fmt.Sprintf("; and %d more", len(s.process.Sockets)-i)
		}
		text += fmt.Sprintf("; %s (send queue %d, receive queue %d)", peer(socket),
			socket.SendQueue, socket.ReceiveQueue)
	}
	return text
}

// blame names the likeliest process and what it waits for; nothing if that is not known.
func (v view) blame() string {
	if v.stuck == nil || len(v.stuck.seen) == 0 {
		return ""
	}
	return v.stuck.suspects()[0].blame()
}

// notes describes the processes, one line each.
func (st stuck) notes() (lines []string) {
	if st.err != nil {
		lines = append(lines, fmt.Sprintf("note: not all is known of its processes: %v", st.err))
	}
	suspects := st.suspects()
	for _, s := range suspects[:min(len(suspects), maxLines)] {
		lines = append(lines, s.line())
	}
	if more := len(st.listed) - len(lines); more > 0 && st.err == nil {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	if slices.ContainsFunc(suspects, func(s suspect) bool { return s.process.Denied }) {
		lines = append(lines,
			"note: system calls, wait channels and sockets of another user's processes are shown to root alone")
	}
	return lines
}
