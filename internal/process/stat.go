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

// usage is the CPU time that the threads of a process used, and how often they got a CPU: the first
// and the third field of schedstat (Documentation/scheduler/sched-stats.rst). Both are 0 if the
// kernel does not count them, or if there are more threads than are read.
type usage struct {
	cpu        time.Duration
	timeslices uint64
}

func (r *reader) usage(pid int) (u usage) {
	threads := r.names(maxCounted+1, pid, "task")
	if len(threads) > maxCounted {
		return usage{}
	}
	for _, tid := range threads {
		fields := strings.Fields(r.read(pid, "task", tid, "schedstat"))
		if len(fields) == 3 {
			ns, _ := strconv.ParseUint(fields[0], 10, 63)
			count, _ := strconv.ParseUint(fields[2], 10, 64)
			u.cpu, u.timeslices = u.cpu+time.Duration(ns), u.timeslices+count
		}
	}
	return u
}
