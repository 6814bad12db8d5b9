package process

import (
	"strconv"
	"strings"
)

// others finds whom a process waits for.
func (l *look) others(p *Process, list []Process) {
	if holder := l.locks[p.PID]; holder > 0 && p.Seen {
		p.Others = append(p.Others, l.other(holder))
	}
	switch {
	case strings.HasPrefix(p.On, "pipe:"):
		p.Others = append(p.Others, l.pipe(p.PID, p.On)...)
	case p.Call == "wait4" || p.Call == "waitid":
		for _, child := range list {
			if child.Parent == p.PID && child.State != "Z" {
				p.Others = append(p.Others, Other{child.PID, child.Name})
			}
		}
	}
}

func (l *look) other(pid int) Other { return Other{pid, strings.TrimSpace(l.read(pid, "comm"))} }

// pipe finds the first other process that has a pipe open.
func (l *look) pipe(pid int, pipe string) []Other {
	const most = 4096 // processes that are searched
	for _, name := range l.names(most) {
		other, err := strconv.Atoi(name)
		if err != nil || other == pid {
			continue
		}
		for _, fd := range l.names(maxFiles, other, "fd") {
			if l.link(other, "fd", fd) == pipe {
				return []Other{l.other(other)}
			}
		}
	}
	return nil
}

// parseLocks reads who waits for a lock and who holds it (proc_locks(5)). Those who wait stand below the lock, with its number:
//
//	1: FLOCK  ADVISORY  WRITE 1234 08:01:131 0 EOF
//	1: -> FLOCK  ADVISORY  WRITE 1235 08:01:131 0 EOF
//
// A PID that is not above 0 is of another PID namespace, or of none, for a lock of an open file (fcntl(2), F_OFD_SETLK).
func parseLocks(text string) map[int]int {
	number, holder, waits := "", 0, map[int]int{}
	for line := range strings.Lines(text) {
		fields := strings.Fields(strings.Replace(line, " ->", "", 1))
		if len(fields) < 5 {
			continue
		}
		pid, err := strconv.Atoi(fields[4])
		switch waiter := strings.Contains(line, " -> "); {
		case !waiter:
			number, holder = fields[0], pid
		case err == nil && fields[0] == number && pid > 0 && holder > 0 && pid != holder:
			waits[pid] = holder
		}
	}
	return waits
}
