package main

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mailfresh/internal/process"
	"mailfresh/internal/systemd"
)

// python is the incident's process, and what changes it.
func python(change ...func(p *process.Process)) process.Process {
	peer := process.Socket{Remote: netip.MustParseAddrPort("10.64.0.9:3306"), ReceiveQueue: 16}
	p := process.Process{
		PID: 4711, Seen: true, Name: "python3", State: "S", Parent: 1, Elapsed: 12*time.Hour +
			3*time.Minute, CPU: 2100 * time.Millisecond,
		Call: "recvfrom", Channel: "wait_woken", File: "socket:[635]", Socket: &peer,
		Sockets: []process.Socket{peer},
	}
	for _, f := range change {
		f(&p)
	}
	return p
}

// nobody is what others than root and its own user see of it.
func nobody(p *process.Process) {
	p.Denied, p.Call, p.Channel, p.File, p.Socket, p.Sockets = true, "", "", "", nil, nil
}

func listed(seen ...process.Process) *stuck {
	st := &stuck{seen: seen}
	for _, p := range seen {
		st.listed = append(st.listed, systemd.Process{ControlGroup: "/system.slice/x.service",
			PID: p.PID, Command: "/usr/bin/" + p.Name + " x"})
	}
	return st
}

// judged is the result for a timer whose service was looked at, with the notes in one.
func judged(t *testing.T, args string, p systemd.Pair, st *stuck, b *before) (line, notes string) {
	t.Helper()
	opt := optionsFor(t, args)
	name := p.Timer.Name
	f := facts{host: host, timers: []systemd.Pair{p}, whole: opt.All,
		named: map[string]bool{name: true}, stuck: map[string]*stuck{name: st},
		before: map[string]*before{name: b}}
	r := judge(opt, f, now)
	return r.State.String() + " - " + r.Summary, strings.Join(r.Objects[0].Notes, "\n")
}

// Each way to be stuck, in the summary and in a line of its own.
func TestStuckProcess(t *testing.T) {
	const at = "CRITICAL - generate_vrts_aliases.service has been running for 12h 3m (running, since 2022-02-22 04:44:00 UTC): "
	for _, test := range []struct {
		name  string
		seen  process.Process
		blame string // after the incident's sentence
		line  string
	}{
		{"read from a peer", python(), "python3 (PID 4711) waits in recvfrom on 10.64.0.9:3306; ",
			"sleeping in recvfrom on 10.64.0.9:3306, wait channel wait_woken; runs for 12h 3m, CPU time 2.1 s, not moving; connected to 10.64.0.9:3306 (send queue 0, receive queue 16)"},
		{"used the CPU for less than 1 ms", python(func(p *process.Process) {
			p.RecentCPU = time.Millisecond - 1
		}), "python3 (PID 4711) waits in recvfrom on 10.64.0.9:3306; ",
			"sleeping in recvfrom on 10.64.0.9:3306, wait channel wait_woken; runs for 12h 3m, CPU time 2.1 s, not moving; connected to 10.64.0.9:3306 (send queue 0, receive queue 16)"},
		{"used the CPU for 1 ms", python(func(p *process.Process) {
			p.RecentCPU = time.Millisecond
		}), "python3 (PID 4711) waits in recvfrom on 10.64.0.9:3306; ",
			"sleeping in recvfrom on 10.64.0.9:3306, wait channel wait_woken; runs for 12h 3m, CPU time 2.1 s and moving; connected to 10.64.0.9:3306 (send queue 0, receive queue 16)"},
		{"connect", python(func(p *process.Process) {
			p.Call, p.Sockets[0].Connecting, p.Sockets[0].SendQueue = "connect", true, 1
		}), "python3 (PID 4711) waits in connect to 10.64.0.9:3306; ",
			"sleeping in connect to 10.64.0.9:3306, wait channel wait_woken; runs for 12h 3m, CPU time 2.1 s, not moving; connecting to 10.64.0.9:3306 (send queue 1, receive queue 16)"},
		{"poll", python(func(p *process.Process) { p.Call, p.File, p.Socket = "poll", "", nil }),
			"python3 (PID 4711) waits in poll, connected to 10.64.0.9:3306; ",
			"sleeping in poll, connected to 10.64.0.9:3306, wait channel wait_woken; runs for 12h 3m, CPU time 2.1 s, not moving; connected to 10.64.0.9:3306 (send queue 0, receive queue 16)"},
		{"poll, of nobody far away",
			python(func(p *process.Process) {
				p.Call, p.File, p.Socket, p.Sockets = "poll", "", nil,
					nil
			}), "python3 (PID 4711) waits in poll; ",
			"sleeping in poll, wait channel wait_woken; runs for 12h 3m, CPU time 2.1 s, not moving"},
		{"a lock", python(func(p *process.Process) {
			p.Call, p.File, p.Socket, p.Sockets, p.WaitsFor = "flock", "/run/lock/x", nil, nil,
				[]process.Other{{PID: 99, Name: "rsync"}}
		}), "python3 (PID 4711) waits in flock on /run/lock/x, held by rsync (PID 99); ",
			"sleeping in flock on /run/lock/x, held by rsync (PID 99), wait channel wait_woken; runs for 12h 3m, CPU time 2.1 s, not moving"},
		{"a lock, seen from outside",
			python(nobody, func(p *process.Process) { p.WaitsFor = []process.Other{{PID: 99}} }),
			"python3 (PID 4711) waits for a lock held by a process (PID 99); ",
			"sleeping for a lock held by a process (PID 99); runs for 12h 3m, CPU time 2.1 s, not moving\nnote: system calls, wait channels and sockets of another user's processes are shown to root alone"},
		{"a pipe", python(func(p *process.Process) {
			p.Call, p.File, p.Socket, p.Sockets, p.WaitsFor = "write", "pipe:[7]", nil, nil,
				[]process.Other{{PID: 99, Name: "gzip"}}
		}), "python3 (PID 4711) waits in write on a pipe that gzip (PID 99) has, too; ",
			"sleeping in write on a pipe that gzip (PID 99) has, too, wait channel wait_woken; runs for 12h 3m, CPU time 2.1 s, not moving"},
		{"a file", python(func(p *process.Process) {
			p.Call, p.File, p.Socket, p.Sockets = "fsync",
				"/srv/db", nil, nil
		}), "python3 (PID 4711) waits in fsync on /srv/db; ",
			"sleeping in fsync on /srv/db, wait channel wait_woken; runs for 12h 3m, CPU time 2.1 s, not moving"},
		{"a local socket", python(func(p *process.Process) { p.Socket, p.Sockets = nil, nil }),
			"python3 (PID 4711) waits in recvfrom on a local socket; ",
			"sleeping in recvfrom on a local socket, wait channel wait_woken; runs for 12h 3m, CPU time 2.1 s, not moving"},
		{"uninterruptible", python(func(p *process.Process) {
			p.State, p.Call, p.File, p.Socket, p.Sockets = "D", "openat", "", nil, nil
		}), "python3 (PID 4711) sleeps uninterruptibly in openat; ",
			"uninterruptible in openat, wait channel wait_woken; runs for 12h 3m, CPU time 2.1 s, not moving"},
		{"uninterruptible, seen from outside",
			python(nobody, func(p *process.Process) { p.State = "D" }),
			"python3 (PID 4711) sleeps uninterruptibly; ",
			"uninterruptible; runs for 12h 3m, CPU time 2.1 s, not moving\nnote: system calls, wait channels and sockets of another user's processes are shown to root alone"},
		{"stopped", python(nobody, func(p *process.Process) { p.State, p.Denied = "T", false }),
			"python3 (PID 4711) is stopped (kill -CONT 4711); ",
			"stopped; runs for 12h 3m, CPU time 2.1 s, not moving"},
		{"debugged", python(nobody, func(p *process.Process) { p.State, p.Denied = "t", false }),
			"python3 (PID 4711) is stopped by a debugger; ",
			"stopped by a debugger; runs for 12h 3m, CPU time 2.1 s, not moving"},
		{"frozen", python(nobody, func(p *process.Process) { p.Frozen, p.Denied = true, false }),
			"python3 (PID 4711) is frozen; ",
			"sleeping, its control group is frozen; runs for 12h 3m, CPU time 2.1 s, not moving"},
		{"spinning", python(nobody, func(p *process.Process) {
			p.State, p.Denied, p.RecentCPU, p.CPU = "R", false, 50*time.Millisecond, 12*time.Hour
		}), "python3 (PID 4711) uses the CPU (12h so far); ",
			"running; runs for 12h 3m, CPU time 12h and moving"},
		{"asleep, seen from outside", python(nobody), "",
			"sleeping; runs for 12h 3m, CPU time 2.1 s, not moving\nnote: system calls, wait channels and sockets of another user's processes are shown to root alone"},
		{"zombie", python(nobody, func(p *process.Process) { p.State, p.Denied = "Z", false }), "",
			"zombie; runs for 12h 3m, CPU time 2.1 s, not moving"},
		{"not to be seen", process.Process{PID: 4711, Name: ""}, "",
			"not seen: it has ended, is hidden from here (hidepid=, another PID namespace), or there was no time to look"},
	} {
		st := listed(test.seen)
		st.listed[0].Command = "/usr/bin/python3 x.py"
		line, notes := judged(t, "",
			hourly(running("active", "running", 12*time.Hour+3*time.Minute)), st, nil)
		if want := at + test.blame + "12 scheduled runs missed"; line != want {
			t.Errorf("%s: it says\n\t%s; want\n\t%s", test.name, line, want)
		}
		want := "\nPID 4711 /usr/bin/python3 x.py: " + test.line + "\nlook at: "
		if !strings.Contains(notes, want) {
			t.Errorf("%s: notes\n%s; want%s", test.name, notes, want)
		}
	}
}

// The likeliest process leads; a process that waits for another of them does not.
func TestTelling(t *testing.T) {
	is := func(pid int, name string, change ...func(p *process.Process)) process.Process {
		p := python(change...)
		p.PID, p.Name = pid, name
		return p
	}
	call := func(name string) func(*process.Process) {
		return func(p *process.Process) { p.Call, p.File, p.Socket, p.Sockets = name, "", nil, nil }
	}
	child := func(parent int) func(*process.Process) {
		return func(p *process.Process) { p.Parent = parent }
	}
	state := func(s string) func(*process.Process) {
		return func(p *process.Process) { p.State = s; call("")(p) }
	}
	all := []process.Process{
		{PID: 1},
		is(2, "zombie", state("Z"), child(3)),
		is(3, "shell", call("wait4")),
		is(4, "parent", nobody),
		is(5, "leaf", nobody, child(4)),
		// it looked at its watch
		is(6, "timer", call("clock_nanosleep"),
			func(p *process.Process) { p.RecentCPU = process.Interval / 5 }),
		is(7, "file", call("statx")),
		is(8, "spinner", state("R")),
		is(9, "locker", call("flock")),
		is(10, "client"),
		is(11, "disk", state("D")),
	}
	var got []string
	for _, s := range listed(all...).suspects() {
		got = append(got, s.process.Name)
	}
	want := []string{"disk", "client", "locker", "spinner", "file", "timer", "leaf", "shell",
		"parent", "zombie", ""}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the likeliest first (-want +got):\n%s", diff)
	}
	_, notes := judged(t, "", hourly(running("active", "running", 12*time.Hour)), listed(all...),
		nil)
	if n := strings.Count(notes, "\nPID "); n != maxLines ||
		!strings.Contains(notes, "\nand 3 more\n") {
		t.Errorf("of 11 processes %d are described:\n%s", n, notes)
	}
}

// What could not be seen of processes changes no state and hides nothing.
func TestStuckUnknown(t *testing.T) {
	p := hourly(running("active", "running", 12*time.Hour+3*time.Minute))
	plain, _ := judged(t, "", p, nil, nil)
	for _, st := range []*stuck{{}, {err: errors.New("no answer")},
		{listed: listed(python()).listed, err: errors.New("no answer")}} {
		line, notes := judged(t, "", p, st, nil)
		if line != plain ||
			(st.err != nil) != strings.Contains(notes,
				"note: not all is known of its processes: no answer") {
			t.Errorf("it says %q, notes\n%s", line, notes)
		}
	}
	// Of a run within its limits only the long output has the processes.
	if line, _ := judged(t, "", hourly(running("active", "running", time.Minute)), listed(python()),
		nil); strings.Contains(line, "python3") {
		t.Errorf("a run within its limits: %s", line)
	}
}

// Of several connections, one that is not up yet leads; which of the others it is, is not known.
func TestPollsMany(t *testing.T) {
	socket := func(address string) process.Socket {
		return process.Socket{Remote: netip.MustParseAddrPort(address)}
	}
	log, db, mail := socket("127.0.0.1:8125"), socket("10.64.0.9:3306"), socket("10.64.0.7:25")
	connecting := db
	connecting.Connecting = true
	for _, test := range []struct {
		call    string
		sockets []process.Socket
		want    string
	}{
		{"poll", []process.Socket{log, db},
			"waits in poll, connected to 127.0.0.1:8125 and connected to 10.64.0.9:3306"},
		{"epoll_wait", []process.Socket{log, connecting},
			"waits in epoll_wait, connecting to 10.64.0.9:3306"},
		{"poll", []process.Socket{log, db, mail},
			"waits in poll, connected to 127.0.0.1:8125, connected to 10.64.0.9:3306 and 1 more"},
		// a poll after SIGCONT
		{"restart_syscall", []process.Socket{db},
			"waits in restart_syscall, connected to 10.64.0.9:3306"},
	} {
		s := listed(python(func(p *process.Process) {
			p.Call, p.File, p.Socket, p.Sockets = test.call,
				"", nil, test.sockets
		})).suspects()[0]
		if got := s.blame(); got != "python3 (PID 4711) "+test.want {
			t.Errorf("%v: %s; want %s", test.sockets, got, test.want)
		}
	}
}

// A long path and many children leave room for what else there is to say.
func TestBlameIsShort(t *testing.T) {
	s := listed(python(func(p *process.Process) {
		p.Call, p.File, p.Socket = "flock", strings.Repeat("/däta", 800)+"/lock", nil
		for pid := range 50 {
			p.WaitsFor = append(p.WaitsFor, process.Other{PID: pid, Name: "x"})
		}
	})).suspects()[0]
	const end = "ta/däta/lock, held by x (PID 0), x (PID 1), x (PID 2) and 47 more"
	if text := s.blame(); len(text) > 250 || !strings.HasSuffix(text, end) ||
		strings.ContainsRune(text, '\uFFFD') {
		t.Errorf("%d bytes: %s; want ...%s", len(text), text, end)
	}
}

func TestLineIsShort(t *testing.T) {
	p := python()
	for range 100 {
		p.Sockets = append(p.Sockets, p.Sockets[0])
	}
	s := suspect{process: p, command: strings.Repeat("ä", 5000)}
	if line := s.line(); len(line) > 900 || !strings.Contains(line, "; and 93 more") ||
		strings.ContainsRune(line, '\uFFFD') {
		t.Errorf("the line has %d bytes: %s", len(line), line)
	}
}
