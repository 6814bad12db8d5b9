package process

import (
	"strconv"
	"strings"
	"time"
)

// stat is what is read of /proc/PID/stat.
type stat struct {
	name, state string
	parent      int
	cpu, start  time.Duration // user and system time; since the boot
}

// parseStat reads /proc/PID/stat (proc_pid_stat(5)): the name stands in brackets, and may have
// brackets and blanks in it.
func parseStat(text string) (s stat, ok bool) {
	open, shut := strings.IndexByte(text, '('), strings.LastIndexByte(text, ')')
	if open < 0 || shut < open {
		return stat{}, false
	}
	const most = 1 << 38 // ticks: 87 years; two of these are a Duration

	const state, parent, user, system, start = 0, 1, 11, 12, 19 // of the fields after the name
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

// stat reads the state of a process.
func (l *look) stat(pid int) (stat, bool) { return parseStat(l.read(pid, "stat")) }

// slices is how often the threads of a process were given a CPU, by their schedstat
// (Documentation/scheduler/sched-stats.rst): "run-time wait-time slices". It is 0 where the kernel
// does not count it.
func (l *look) slices(pid int) (n uint64) {
	for _, tid := range l.names(maxThreads, pid, "task") {
		fields := strings.Fields(l.read(pid, "task", tid, "schedstat"))
		if len(fields) == 3 {
			count, _ := strconv.ParseUint(fields[2], 10, 64)
			n += count
		}
	}
	return n
}
