package process

import (
	"context"
	"slices"
	"strconv"
	"strings"
)

// findOthers sets WaitsFor.
func (r *reader) findOthers(ctx context.Context, list []Process) {
	holders, children := r.pipes(ctx, list), map[int][]Other{}
	for _, p := range list {
		if p.State != "Z" {
			children[p.Parent] = append(children[p.Parent], Other{p.PID, p.Name})
		}
	}
	for i := range list {
		p := &list[i]
		if holder := r.locks[p.PID]; holder > 0 {
			p.WaitsFor = append(p.WaitsFor, r.other(holder))
		}
		if p.Call == "wait4" || p.Call == "waitid" {
			p.WaitsFor = append(p.WaitsFor, children[p.PID]...)
		}
		for _, pid := range holders[p.File] {
			if pid != p.PID {
				p.WaitsFor = append(p.WaitsFor, r.other(pid))
				break
			}
		}
	}
}

func (r *reader) other(pid int) Other { return Other{pid, strings.TrimSpace(r.read(pid, "comm"))} }

// pipes returns the PIDs of the first two processes that have a pipe open, for each pipe on which a
// process of list waits. It searches list, then all processes of the host.
func (r *reader) pipes(ctx context.Context, list []Process) map[string][]int {
	const most = 4096 // processes of the host
	holders, pids, missing := map[string][]int{}, []string{}, 0
	for _, p := range list {
		pids = append(pids, strconv.Itoa(p.PID))
		if _, known := holders[p.File]; !known && strings.HasPrefix(p.File, "pipe:") {
			holders[p.File], missing = nil, missing+2
		}
	}
	if missing > 0 {
		pids = append(pids, r.names(most)...)
	}
	for _, name := range pids {
		pid, err := strconv.Atoi(name)
		if err != nil || missing == 0 || ctx.Err() != nil {
			continue
		}
		for _, fd := range r.names(maxFiles, pid, "fd") {
			link := r.link(pid, "fd", fd)
			if known, wanted := holders[link]; wanted && len(known) < 2 &&
				!slices.Contains(known, pid) {
				holders[link], missing = append(known, pid), missing-1
			}
		}
	}
	return holders
}

// parseLocks reads /proc/locks (proc_locks(5)) and returns the PID of the lock's holder by the PID
// of the waiting process, whose line is below that of the lock and has the same number:
//
//	1: FLOCK  ADVISORY  WRITE 1234 08:01:131 0 EOF
//	1: -> FLOCK  ADVISORY  WRITE 1235 08:01:131 0 EOF
//
// The PID is 0 in another PID namespace, and -1 for a lock of an open file (F_OFD_SETLK, fcntl(2)).
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
