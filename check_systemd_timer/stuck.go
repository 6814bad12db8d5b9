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

// maxLines is how many processes are described.
const maxLines = 8

// stuck is what was seen of a service's processes.
type stuck struct {
	listed []systemd.Process // as systemd lists them
	seen   []process.Process // the first of these
	err    error             // why there is not more
}

func (st stuck) pids() (pids []int) {
	for _, p := range st.listed {
		pids = append(pids, p.PID)
	}
	return pids
}

// suspect is a process while it is described.
type suspect struct {
	process.Process
	command string
	parent  bool // of another one
	rank    int
}

// suspects are the processes, the most telling first.
func (st stuck) suspects() (list []suspect) {
	commands, parents := map[int]string{}, map[int]bool{}
	for _, l := range st.listed {
		commands[l.PID] = l.Command
	}
	for _, p := range st.seen {
		parents[p.Parent] = true
	}
	for _, p := range st.seen {
		s := suspect{Process: p, command: commands[p.PID], parent: parents[p.PID]}
		s.rank = s.telling()
		list = append(list, s)
	}
	slices.SortStableFunc(list, func(a, b suspect) int { return a.rank - b.rank })
	return list
}

// The ranks of processes, the most telling first.
const (
	halted       = iota
	onPeer       // it waits for a remote address
	onLock       // or for who holds a lock
	busy         // it is at work
	onOther      // it waits for a file, a pipe, or in a system call that says nothing more
	resting      // it waits for the time to pass, or for a thread of its own
	asleep       // nothing more is known
	parent       // it waits for its children
	noneToBlame  // a zombie
	notToBeAsked // not seen
)

// telling ranks a process by how much it tells of why the run does not end.
func (s suspect) telling() int {
	switch {
	case !s.Seen:
		return notToBeAsked
	case s.Frozen, strings.Contains("TtD", s.State):
		return halted
	case s.State == "Z", s.State == "X":
		return noneToBlame
	case s.atWork():
		return busy
	case s.Socket != nil, len(s.Sockets) > 0 && s.polls():
		return onPeer
	case s.Call == "flock", s.Call == "fcntl", s.Denied && len(s.Others) > 0:
		return onLock
	case s.Call == "wait4", s.Call == "waitid", s.parent &&
		(s.Call == "" || s.Call == "rt_sigsuspend"):
		return parent
	case s.Call == "futex", strings.HasSuffix(s.Call, "nanosleep"),
		strings.HasPrefix(s.Call, "rt_sig"):
		return resting
	case s.Call == "" && s.Channel == "":
		return asleep
	}
	return onOther
}

// atWork reports whether it used the CPU during the look; one that just looked at its watch did
// not.
func (s suspect) atWork() bool { return s.State == "R" || s.Used >= 2*process.Interval/5 }

func (s suspect) polls() bool {
	// after SIGCONT
	return strings.Contains(s.Call, "poll") || strings.Contains(s.Call, "select") ||
		s.Call == "restart_syscall"
}

// state is the process's state in a word.
func (s suspect) state() string {
	words := map[string]string{"R": "running", "S": "sleeping", "D": "uninterruptible",
		"T": "stopped", "t": "stopped by a debugger", "Z": "zombie", "I": "idle"}
	state := cmp.Or(words[s.State], "state "+s.State)
	if s.Frozen {
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
	case s.Frozen:
		text = "is frozen"
	case s.State == "T":
		text = fmt.Sprintf("is stopped (kill -CONT %d)", s.PID)
	case s.State == "t":
		text = "is stopped by a debugger"
	case s.State == "D":
		text = "sleeps uninterruptibly" + s.where()
	case s.rank == busy:
		text = "uses the CPU (" + nagios.Span(s.CPU) + " so far)"
	default:
		text = "waits" + s.where()
	}
	return fmt.Sprintf("%s (PID %d) %s", s.Name, s.PID, text)
}

// where says in which call the process is, and on what.
func (s suspect) where() string {
	text := ""
	switch {
	case s.Call != "":
		text = " in " + s.Call
	case s.Channel != "":
		text = " in " + s.Channel
	}
	others := s.others()
	switch {
	case s.Socket != nil && s.Call == "connect":
		return text + " to " + s.Socket.Remote.String()
	case s.Socket != nil:
		return text + " on " + s.Socket.Remote.String()
	case s.Call == "" && others != "":
		return text + " for a lock held by " + others
	case s.rank == onLock && others != "":
		return text + " on " + cmp.Or(s.file(), "a lock") + ", held by " + others
	case strings.HasPrefix(s.On, "socket:"):
		return text + " on a local socket"
	case strings.HasPrefix(s.On, "pipe:") && others != "":
		return text + " on a pipe that " + others + " has, too"
	case strings.HasPrefix(s.On, "pipe:"):
		return text + " on a pipe"
	case s.On != "":
		return text + " on " + s.file()
	case others != "":
		return text + " for " + others
	case s.rank == onPeer:
		return text + ", " + s.peers()
	}
	return text
}

// file is the file that the call waits on, the end of its path if that is long.
func (s suspect) file() string {
	const most = 100
	if len(s.On) <= most {
		return s.On
	}
	return "..." + strings.ToValidUTF8(s.On[len(s.On)-most:], "")
}

// peers are the connections of which one is waited for: one that is not up
// yet, if there is one.
func (s suspect) peers() string {
	var peers []string
	for _, socket := range s.Sockets {
		if socket.Connecting {
			return peer(socket)
		}
		peers = append(peers, peer(socket))
	}
	return nagios.List(peers, 2, len(peers))
}

func (s suspect) others() string {
	var names []string
	for _, o := range s.Others {
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

// line describes the process: "PID 4711 python3 x.py: sleeping in recvfrom on
// 10.64.0.9:3306, wait channel wait_woken; runs for 12h 3m, ...".
func (s suspect) line() string {
	const most = 120 // bytes of a command line
	command := cmp.Or(s.command, s.Name)
	if len(command) > most {
		command = strings.ToValidUTF8(command[:most], "") + "..."
	}
	head := fmt.Sprintf("PID %d %s: ", s.PID, command)
	if !s.Seen {
		return head +
			"not seen: it has ended, is hidden from here (hidepid=, another PID namespace), or there was no time to look"
	}
	text := head + s.state() + s.where()
	if s.Channel != "" {
		text += ", wait channel " + s.Channel
	}
	text += "; runs for " + nagios.Span(s.Elapsed) + ", CPU time " + nagios.Span(s.CPU)
	if s.Used > 0 {
		text += " and moving"
	} else {
		text += ", not moving"
	}
	for i, socket := range s.Sockets {
		if i == maxLines {
			return text + fmt.Sprintf("; and %d more", len(s.Sockets)-i)
		}
		text += fmt.Sprintf("; %s (send queue %d, receive queue %d)", peer(socket), socket.Send,
			socket.Read)
	}
	return text
}

// blame names the most telling process and what it waits for; nothing if that
// is not known.
func (v view) blame() string {
	if v.stuck == nil || len(v.stuck.seen) == 0 {
		return ""
	}
	return v.stuck.suspects()[0].blame()
}

// notes describe the processes, a line each.
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
	if slices.ContainsFunc(suspects, func(s suspect) bool { return s.Denied }) {
		lines = append(lines,
			"note: system calls, wait channels and sockets of another user's processes are shown to root alone")
	}
	return lines
}
