package process

import (
	"strconv"
	"strings"
	"time"
)

// stat has the fields of /proc/PID/stat that are used.
type stat struct {
	name, state string
	parent      int
	cpu         time.Duration // user and system time
	start       time.Duration // from the boot to the start of the process
}

// parseStat reads /proc/PID/stat (proc_pid_stat(5)). The name is in brackets, and may contain
// brackets and blanks.
func parseStat(text string) (s stat, ok bool) {
	open, shut := strings.IndexByte(text, '('), strings.LastIndexByte(text, ')')
	if open < 0 || shut < open {
		return stat{}, false
	}
	const most = 1 << 38 // ticks, 87 years: the sum of two does not overflow a Duration

	const state, parent, user, system, start = 0, 1, 11, 12, 19 // fields after the name
	fields := strings.Fields(text[shut+1:])
	if len(fields) <= start {
		return stat{}, false
	}
	ticks := func(field int) time.Duration {
		n, _ := strconv.ParseUint(fields[field], 10, 64)
		return time.Duration(min(n, most)) * tick
	}
	s = stat{
		name:  text[open+1 : shut],
		state: fields[state],
		cpu:   ticks(user) + ticks(system),
		start: ticks(start),
	}
	s.parent, _ = strconv.Atoi(fields[parent])
	return s, true
}

func (r *reader) stat(pid int) (stat, bool) { return parseStat(r.read(pid, "stat")) }

// timeslices returns how often the threads of a process got a CPU: the third field of schedstat
// (Documentation/scheduler/sched-stats.rst). It is 0 if the kernel does not count them.
func (r *reader) timeslices(pid int) (n uint64) {
	for _, tid := range r.names(maxThreads, pid, "task") {
		fields := strings.Fields(r.read(pid, "task", tid, "schedstat"))
		if len(fields) == 3 {
			count, _ := strconv.ParseUint(fields[2], 10, 64)
			n += count
		}
	}
	return n
}
