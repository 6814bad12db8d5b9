package main

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mailfresh/internal/journal"
	"mailfresh/internal/plugin"
	"mailfresh/internal/systemd"
)

// What is chosen to be looked at: never an idle timer, unless more is to be said.
func TestWanted(t *testing.T) {
	hung := hourly(running("active", "running", 12*time.Hour),
		func(t *systemd.Timer, s *systemd.Service) { s.ControlGroup = "/system.slice/x" })
	short := daily(running("activating", "start", time.Minute),
		func(t *systemd.Timer, s *systemd.Service) { s.ControlGroup = "/system.slice/y" })
	target := daily(func(t *systemd.Timer, s *systemd.Service) {
		s.Name, s.IsService, s.ActiveState = "x.target", false, "active"
	})
	ending := hourly(running("deactivating", "stop-post", 12*time.Hour)) // it has no processes
	for _, test := range []struct{ verbose, before, processes int }{{0, 3, 1}, {1, 5, 2}} {
		f := facts{host: host, named: map[string]bool{}, timers: []systemd.Pair{daily(), short,
			target, hung, ending, daily(failed("timeout", 2, 15))}}
		opt := optionsFor(t, "")
		opt.Verbose = plugin.Count(test.verbose)
		before := f.wantBefore(opt)
		if processes := f.wantProcesses(opt, now); len(before) != test.before ||
			len(processes) != test.processes || before[2].Service.SubState != "stop-post" {
			t.Errorf("-v %d: the runs before of %d, the processes of %d; want %v", test.verbose,
				len(before), len(processes), test)
		}
	}
}

// The processes of a run are looked at before the journal is read, if it alerts by then, and again
// only if it did not. What was seen of a run that does not alert after all is not told.
func TestWantedTwice(t *testing.T) {
	run := func(name string, of func(...func(*systemd.Timer, *systemd.Service)) systemd.Pair,
		time time.Duration) systemd.Pair {
		return of(running("active", "running", time),
			func(t *systemd.Timer, s *systemd.Service) {
				t.Name, s.ControlGroup = name+".timer", "/system.slice/x"
			})
	}
	f := facts{host: host, named: map[string]bool{}, timers: []systemd.Pair{
		run("hung", hourly, 12*time.Hour), run("calm", daily, time.Minute),
		run("again", daily, time.Minute), run("fine", hourly, 12*time.Hour),
	}}
	names := func(pairs []systemd.Pair) (names string) {
		for _, p := range pairs {
			names += p.Timer.Name + " "
		}
		return names
	}
	opt := optionsFor(t, "")
	if got := names(f.wantProcesses(opt, now)); got != "hung.timer fine.timer " {
		t.Errorf("before the journal is read: %q; want hung and fine", got)
	}
	first := f.stuck["hung.timer"]
	f.wantBefore(opt)
	f.before["again.timer"].runs = journal.Runs{List: []journal.Run{{End: ago(2 * time.Minute),
		Result: "exit-code", ExitCode: "exited", ExitStatus: 1}}}
	f.timers[2].Service.InactiveEnter = ago(2 * time.Minute)
	f.timers[3] = run("fine", daily, time.Minute)
	if got := names(f.wantProcesses(opt, now)); got != "again.timer " {
		t.Errorf("when it was read: %q; want again, whose run before failed", got)
	}
	if f.stuck["hung.timer"] != first || len(f.stuck) != 2 {
		t.Errorf("it keeps what was seen of %d; want that of hung and again", len(f.stuck))
	}
}

// Of too many, the first are looked at, and the others say so.
func TestWantedOfMany(t *testing.T) {
	f := facts{host: host, named: map[string]bool{}}
	for i := range most + 1 {
		f.timers = append(f.timers, hourly(running("active", "running", 12*time.Hour),
			func(t *systemd.Timer, s *systemd.Service) {
				t.Name, s.ControlGroup = fmt.Sprintf("x%03d.timer", i), "/system.slice/x"
			}))
	}
	opt := optionsFor(t, "")
	if before, processes := f.wantBefore(opt), f.wantProcesses(opt, now); len(before) != most ||
		len(processes) != most {
		t.Errorf("the runs before of %d, the processes of %d; want %d", len(before), len(processes),
			most)
	}
	if last := judge(opt, f, now).
		Objects[most]; last.Notes[1] != "note: the runs before are not known: there are too many" {
		t.Errorf("the last says %q", last.Notes)
	}
}

// A timer that is read again keeps the names it was asked by, and its old facts if that fails.
func TestReplace(t *testing.T) {
	pair := func(name, asked string, partial bool) systemd.Pair {
		p := daily()
		p.Timer.Name, p.Asked, p.Partial = name, []string{asked}, partial
		return p
	}
	f := facts{timers: []systemd.Pair{
		pair("a.timer", "alias.timer", true), pair("b.timer", "b.timer", true),
		pair("c.timer", "c.timer", false)}}
	if diff := cmp.Diff([]string{"a.timer", "b.timer"}, f.partial()); diff != "" {
		t.Errorf("partial (-want +got):\n%s", diff)
	}
	lost := systemd.Pair{Err: errors.New("not read")}
	lost.Timer.Name = "b.timer"
	f.replace([]systemd.Pair{pair("a.timer", "a.timer", false), lost})
	want := []systemd.Pair{pair("a.timer", "alias.timer", false), pair("b.timer", "b.timer", true),
		pair("c.timer", "c.timer", false)}
	if diff := cmp.Diff(want, f.timers); diff != "" {
		t.Errorf("replace (-want +got):\n%s", diff)
	}
}

// There is nothing to look at of a timer that does not exist.
func TestNothingToLookAt(t *testing.T) {
	for load, want := range map[string]int{"not-found": 0, "masked": 1} {
		p := systemd.Pair{Asked: []string{"x.timer"}}
		p.Timer.Name, p.Timer.LoadState = "x.timer", load
		f := facts{host: host, named: map[string]bool{"x.timer": true}, timers: []systemd.Pair{p}}
		o := judge(optionsFor(t, ""), f, now).Objects[0]
		if len(o.Notes) != want || want > 0 && o.Notes[0] != "look at: systemctl status x.timer" {
			t.Errorf("%s: notes %q; want %d", load, o.Notes, want)
		}
	}
}
