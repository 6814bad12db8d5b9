package process

import (
	"context"
	"slices"
	"strconv"
	"strings"
)

// others finds whom each process waits for.
func (l *look) others(ctx context.Context, list []Process) {
	ends, children := l.pipes(ctx, list), map[int][]Other{}
	for _, p := range list {
		if p.State != "Z" {
			children[p.Parent] = append(children[p.Parent], Other{p.PID, p.Name})
		}
	}
	for i := range list {
		p := &list[i]
		if holder := l.locks[p.PID]; holder > 0 {
			p.Others = append(p.Others, l.other(holder))
		}
		if p.Call == "wait4" || p.Call == "waitid" {
			p.Others = append(p.Others, children[p.PID]...)
		}
		for _, pid := range ends[p.On] {
			if pid != p.PID {
				p.Others = append(p.Others, l.other(pid))
				break
			}
		}
	}
}

func (l *look) other(pid int) Other { return Other{pid, strings.TrimSpace(l.read(pid, "comm"))} }

// pipes finds, in one search, the first two processes that have each pipe open on which another
// waits: among these, then among all.
func (l *look) pipes(ctx context.Context, list []Process) map[string][]int {
	const most = 4096 // processes that are searched
	ends, pids, open := map[string][]int{}, []string{}, 0
	for _, p := range list {
		pids = append(pids, strconv.Itoa(p.PID))
		if _, known := ends[p.On]; !known && strings.HasPrefix(p.On, "pipe:") {
			ends[p.On], open = nil, open+2
		}
	}
	if open > 0 {
		pids = append(pids, l.names(most)...)
	}
	for _, name := range pids {
		pid, err := strconv.Atoi(name)
		if err != nil || open == 0 || ctx.Err() != nil {
			continue
		}
		for _, fd := range l.names(maxFiles, pid, "fd") {
			link := l.link(pid, "fd", fd)
			if known, wanted := ends[link]; wanted && len(known) < 2 &&
				!slices.Contains(known, pid) {
				ends[link], open = append(known, pid), open-1
			}
		}
	}
	return ends
}

// parseLocks reads who waits for a lock and who holds it (proc_locks(5)). Those who wait stand
// below the lock, with its number:
//
//	1: FLOCK  ADVISORY  WRITE 1234 08:01:131 0 EOF
//	1: -> FLOCK  ADVISORY  WRITE 1235 08:01:131 0 EOF
//
// A PID that is not above 0 is of another PID namespace, or of none, for a lock of an open file
// (fcntl(2), F_OFD_SETLK).
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
