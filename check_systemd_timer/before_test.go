package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mailfresh/internal/journal"
	"mailfresh/internal/output"
	"mailfresh/internal/systemd"
)

// history is the runs before, the latest of which ended that long ago; each took a second more than
// the one after it.
func history(latest time.Duration, results ...string) *before {
	b := &before{}
	for i, result := range results {
		end, took := ago(latest+time.Duration(i)*time.Hour), time.Duration(i+1)*time.Second
		r := journal.Run{Start: end.Add(-took), End: end, Duration: took, Result: result}
		if result == "exit-code" {
			r.Command, r.ExitCode, r.ExitStatus = "ExecStart", "exited", 3
		}
		b.runs.List = append(b.runs.List, r)
	}
	return b
}

const good = "success"

func TestRunBefore(t *testing.T) {
	// The present run began a minute ago, the one before ended an hour before that.
	p := daily(running("activating", "start", time.Minute))
	const an = time.Hour + time.Minute
	const fine = "OK - report.service has been running for 1m (start, since 2022-02-22 16:46:00 UTC)"
	hidden := &before{runs: journal.Runs{List: []journal.Run{{End: ago(an), Result: "timeout"},
		{End: ago(2 * an), Result: "timeout"}}}}
	for _, test := range []struct {
		name string
		b    *before
		want string
	}{
		{"not asked", nil, fine},
		{"not known", &before{err: errors.New("no answer")}, fine},
		{"no run", &before{}, fine},
		{"it succeeded", history(an, good, "timeout"), fine},
		{"timeout on every run", history(an, "timeout", "timeout", "timeout", good),
			"CRITICAL - report.service failed 1h 1m ago: it ran into its time limit (result timeout), like the 2 runs before it; the next attempt has been running for 1m"},
		{"twice", history(an, "timeout", "timeout", good),
			"CRITICAL - report.service failed 1h 1m ago: it ran into its time limit (result timeout), like the run before it; the next attempt has been running for 1m"},
		{"exit status", history(an, "exit-code", "timeout"),
			"CRITICAL - report.service failed 1h 1m ago: exit status 3; the next attempt has been running for 1m"},
		{"those between may have succeeded unseen", hidden,
			"CRITICAL - report.service failed 1h 1m ago: it ran into its time limit (result timeout); the next attempt has been running for 1m"},
		{"systemd saw a later run end, which the journal has not", history(3*time.Hour, "timeout"),
			fine},
	} {
		if line, _ := judged(t, "", p, nil, test.b); line != test.want {
			t.Errorf("%s: it says\n\t%s; want\n\t%s", test.name, line, test.want)
		}
	}
	restarted := daily(running("activating", "start", time.Minute),
		func(t *systemd.Timer, s *systemd.Service) { s.NRestarts = 1 })
	if line, _ := judged(t, "", restarted, nil, history(an, "timeout")); !strings.HasPrefix(line,
		"WARNING - report.service failed ") {
		t.Errorf("an attempt after a restart: %s", line)
	}
	booted := daily(running("activating", "start", time.Minute),
		func(t *systemd.Timer, s *systemd.Service) { s.InactiveEnter = time.Time{} })
	if line, _ := judged(t, "", booted, nil, history(an, "timeout")); line != fine {
		t.Errorf("the first run since the boot: %s", line)
	}
}

func TestMultiples(t *testing.T) {
	// the longest good one took 6 s
	six := history(3*time.Hour, good, "timeout", good, good, good, good)
	unknown := history(3*time.Hour, good, good, good, good, good)
	unknown.runs.List[4].Start, unknown.runs.List[4].Duration = time.Time{}, 0
	four := history(3*time.Hour, good, good, good, good, "timeout")
	for _, test := range []struct {
		name, args string
		ran        time.Duration
		b          *before
		line, note string
	}{
		{"below", "--running-warning=5x --running-critical=10x", 30 * time.Second, six,
			"OK - report.service has been running for 30 s (start, since 2022-02-22 16:46:30 UTC)",
			""},
		{"warning", "--running-warning=5x --running-critical=10x", 31 * time.Second, six,
			"WARNING - report.service has been running for 31 s (start, since 2022-02-22 16:46:29 UTC): the limit is 30 s (5x the longest recent run)", ""},
		{"critical", "--running-warning=5x --running-critical=10x", 61 * time.Second, six,
			"CRITICAL - report.service has been running for 1m 1s (start, since 2022-02-22 16:45:59 UTC): the limit is 1m (10x the longest recent run)", ""},
		{"a fraction", "--running-critical=0.5x", 4 * time.Second, six,
			"CRITICAL - report.service has been running for 4 s (start, since 2022-02-22 16:46:56 UTC): the limit is 3 s (0.5x the longest recent run)", ""},
		{"too few", "--running-warning=5x", time.Hour, four,
			"OK - report.service has been running for 1h (start, since 2022-02-22 15:47:00 UTC)",
			"note: --running-warning 5x is not applied: it takes 5 successful runs, and 4 of report.service are known"},
		{"one of which the begin is not known", "--running-warning=5x", time.Hour, unknown,
			"OK - report.service has been running for 1h (start, since 2022-02-22 15:47:00 UTC)",
			"note: --running-warning 5x is not applied: it takes 5 successful runs, and 4 of report.service are known"},
		{"the journal was not read", "--running-critical=5x", time.Hour,
			&before{err: errors.New("no answer")},
			"UNKNOWN - report.service has been running for 1h (start, since 2022-02-22 15:47:00 UTC): --running-critical 5x cannot be judged: the journal was not read: no answer", ""},
		{"the journal is closed", "--running-warning=3x --running-critical=5x", time.Hour,
			&before{runs: journal.Runs{Denied: true}},
			"UNKNOWN - report.service has been running for 1h (start, since 2022-02-22 15:47:00 UTC): --running-warning 3x and --running-critical 5x cannot be judged: this user may not read the journal (add it to the group systemd-journal)", ""},
		{"the journal is closed, and a run was missed", "--running-critical=5x", 37 * time.Hour,
			&before{runs: journal.Runs{Denied: true}},
			"CRITICAL - report.service has been running for 1d 13h (start, since 2022-02-21 03:47:00 UTC): 2 scheduled runs missed; --running-critical 5x cannot be judged: this user may not read the journal (add it to the group systemd-journal)", ""},
		{"a range beside it holds", "--running-warning=5x --running-critical=10m", time.Hour, four,
			"CRITICAL - report.service has been running for 1h (start, since 2022-02-22 15:47:00 UTC): the limit is 10m",
			"note: --running-warning 5x is not applied: it takes 5 successful runs, and 4 of report.service are known"},
	} {
		line, notes := judged(t, test.args, daily(running("activating", "start", test.ran)), nil,
			test.b)
		if line != test.line || strings.Contains(notes, "not applied") != (test.note != "") ||
			!strings.Contains(notes, test.note) {
			t.Errorf("%s: it says\n\t%s; want\n\t%s\nnotes %q; want %q", test.name, line, test.line,
				notes, test.note)
		}
	}
	if line, notes := judged(t, "--running-critical=5x", daily(), nil,
		nil); !strings.HasPrefix(line, "OK") || notes != "" {
		t.Errorf("no run in progress: %s, notes %q", line, notes)
	}
}

func TestParseRunLimit(t *testing.T) {
	var l runLimit // the last of several counts
	for _, test := range []struct {
		text  string
		times float64
		want  string // range
	}{
		{"5x", 5, ""}, {"0.5x", 0.5, ""}, {"2.500000x", 2.5, ""}, {"30m", 0, "1800"},
		{"10m:2h", 0, "600:7200"}, {"@5", 0, "@5"},
	} {
		if err := l.UnmarshalText([]byte(test.text)); err != nil || l.times != test.times ||
			l.Range.Range.String() != test.want {
			t.Errorf("UnmarshalText(%q) = %v, %v; want %g, %q", test.text, l, err, test.times,
				test.want)
		}
	}
	for _, text := range []string{"x", "0x", "-5x", "@5x", "1:5x", ":5x", "5:x", "5mx", "5 x",
		"infx", "nanx", "5xx", "1e3x", "~:x"} {
		var l runLimit
		if err := l.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("UnmarshalText(%q) = %v; want an error", text, l)
		}
	}
}

func FuzzParseRunLimit(f *testing.F) {
	f.Add("5x")
	f.Add("10m:2h")
	f.Fuzz(func(t *testing.T, text string) {
		var l runLimit
		if err := l.UnmarshalText([]byte(text)); err == nil &&
			(l.times < 0 || l.times > 0 == l.Range.Set) {
			t.Errorf("UnmarshalText(%q) = %v", text, l)
		}
	})
}

// A condition of its own, ExecCondition=, makes systemd forget the run before; the journal has it.
func TestForgottenRun(t *testing.T) {
	skipped := daily(func(t *systemd.Timer, s *systemd.Service) { s.Result = "exec-condition" })
	for _, test := range []struct {
		args string
		b    *before
		want string
	}{
		{"-c=2d --skipped-state=ok", history(25*time.Hour, good, good),
			"OK - report.service was skipped 12h 47m ago: its ExecCondition= said no"},
		{"-c=1d --skipped-state=ok", history(25*time.Hour, good, good),
			"CRITICAL - report.timer: the last completed run of report.service ended 1d 1h ago (the limit is 1d)"},
		{"-c=2d --skipped-state=ok", &before{},
			"CRITICAL - report.service has completed no run since the timer was started 29d ago (the limit is 2d)"},
		{"-c=2d", &before{runs: journal.Runs{Denied: true}},
			"UNKNOWN - report.timer: the last completed run of report.service is not known, as ExecCondition= made systemd forget it and this user may not read the journal (add it to the group systemd-journal); report.service was skipped 12h 47m ago: its ExecCondition= said no"},
		{"--skipped-state=ok", &before{runs: journal.Runs{Denied: true}},
			"OK - report.service was skipped 12h 47m ago: its ExecCondition= said no"},
	} {
		if line, _ := judged(t, test.args, skipped, nil, test.b); line != test.want {
			t.Errorf("%s: it says\n\t%s; want\n\t%s", test.args, line, test.want)
		}
	}
}

func TestContext(t *testing.T) {
	p := daily(running("activating", "start", 3*time.Minute),
		func(t *systemd.Timer, s *systemd.Service) { s.InactiveEnter = ago(4 * time.Minute) })
	twenty := history(12*time.Hour+5*time.Minute, strings.Fields(strings.Repeat("success ", 20))...)
	for _, test := range []struct {
		b    *before
		want string
	}{
		{twenty, "the last 20 runs took 1 s to 20 s; the last one that succeeded ended 12h 5m ago"},
		{history(time.Hour, "timeout", good),
			"the last 2 runs took 1 s to 2 s; the last one that succeeded ended 2h ago"},
		{history(time.Hour, "timeout", "signal"),
			"the last 2 runs took 1 s to 2 s; none of them succeeded"},
		{&before{runs: journal.Runs{List: []journal.Run{{End: ago(time.Hour), Result: "timeout"}}}},
			"note: the journal does not say how long the runs before took"},
		{history(time.Hour, good),
			"the last run took 1 s; the last one that succeeded ended 1h ago"},
		{&before{}, "note: the journal has no earlier run of report.service"},
		{&before{err: errors.New("run journalctl: no answer")},
			"note: the runs before are not known: run journalctl: no answer"},
		{&before{runs: journal.Runs{Denied: true}},
			"note: this user may not read the journal, so the runs before are not known (add it to the group systemd-journal)"},
	} {
		if _, notes := judged(t, "--running-critical=1m", p, nil, test.b); strings.Count(notes,
			test.want) != 1 ||
			strings.Contains(notes, "no earlier run") != strings.Contains(test.want,
				"no earlier run") {
			t.Errorf("notes\n%s; want\n%s", notes, test.want)
		}
	}
	// A run within its limits has no context, but for the one that cannot be had.
	if _, notes := judged(t, "", p, nil, twenty); notes != "" {
		t.Errorf("within limits: notes %q", notes)
	}
	if line, notes := judged(t, "", p, nil,
		&before{runs: journal.Runs{Denied: true}}); !strings.HasPrefix(line, "OK - ") ||
		!strings.HasPrefix(notes, "note: this user may not read the journal") {
		t.Errorf("within limits, denied: %s, notes %q", line, notes)
	}
	if line, notes := judged(t, "", p, nil,
		&before{err: errors.New("no answer")}); !strings.HasPrefix(line, "OK - ") ||
		notes != "note: the runs before are not known: no answer" {
		t.Errorf("within limits, no journal: %s, notes %q", line, notes)
	}
}

// Of the timers of a whole host only those that alert say that they do not know.
func TestDeniedUnnamed(t *testing.T) {
	p := daily(running("activating", "start", 3*time.Minute))
	f := facts{host: host, timers: []systemd.Pair{p},
		before: map[string]*before{p.Timer.Name: {runs: journal.Runs{Denied: true}}}}
	for args, want := range map[string]int{"": 0, "--running-critical=1m": 1} {
		if text := output.Text("X", judge(optionsFor(t, args), f, now), 0); strings.Count(text,
			"systemd-journal") != want {
			t.Errorf("%q: it says\n%s", args, text)
		}
	}
}

// The journal that may not be read is said of once, whatever the number of timers.
func TestDeniedOnce(t *testing.T) {
	f := facts{host: host, named: map[string]bool{}, before: map[string]*before{}}
	for _, name := range []string{"a", "b"} {
		p := daily(running("activating", "start", 3*time.Minute),
			func(t *systemd.Timer, s *systemd.Service) {
				t.Name, s.Name = name+".timer",
					name+".service"
			})
		f.timers, f.named[p.Timer.Name], f.before[p.Timer.Name] = append(f.timers, p), true,
			&before{runs: journal.Runs{Denied: true}}
	}
	if text := output.Text("X", judge(optionsFor(t, "--running-critical=1m"), f, now),
		0); strings.Count(text, "systemd-journal") != 1 {
		t.Errorf("it says\n%s", text)
	}
}

// A job that waits for one that waits: the end of the chain, and what its unit does.
func TestQueuedChain(t *testing.T) {
	b, c := systemd.Job{ID: 8, Unit: "b.service", Type: "start", State: "waiting"},
		systemd.Job{ID: 7, Unit: "c.service", Type: "stop", State: "running"}
	queued := func(j systemd.Job) systemd.Pair {
		return daily(func(t *systemd.Timer, s *systemd.Service) {
			t.SubState, t.NextElapse, s.Job = "running", time.Time{}, &j
		})
	}
	for _, test := range []struct {
		job  systemd.Job
		want string
	}{
		{systemd.Job{ID: 9, Type: "start", State: "waiting", Blockers: []systemd.Job{b, c, c},
			Chain: []systemd.Job{b, c},
			End: &systemd.Unit{Name: "c.service", ActiveState: "deactivating",
				SubState: "stop-sigterm", StateChange: ago(time.Hour)}},
			"waiting for b.service (start job 8, waiting) and 2 more jobs, that one for c.service (stop job 7, running), since 2022-02-22 04:00:00 UTC; c.service is deactivating (stop-sigterm, since 2022-02-22 15:47:00 UTC)"},
		{systemd.Job{ID: 9, Type: "start", State: "waiting", Blockers: []systemd.Job{b},
			Chain: []systemd.Job{b, b, b, b, c}},
			"waiting for b.service (start job 8, waiting), that one for b.service (start job 8, waiting), and 3 jobs on for c.service (stop job 7, running), since 2022-02-22 04:00:00 UTC"},
		{systemd.Job{ID: 9, Type: "start", State: "waiting", Blockers: []systemd.Job{b},
			Chain: []systemd.Job{b, b}, Loop: true,
			End: &systemd.Unit{Name: "b.service", ActiveState: "inactive", SubState: "dead"}},
			"waiting for b.service (start job 8, waiting), that one for b.service (start job 8, waiting), and so on in a circle, since 2022-02-22 04:00:00 UTC; b.service is inactive (dead)"},
	} {
		line, _ := judged(t, "", queued(test.job), nil, nil)
		if want := "OK - report.service has not started: its start job 9 is " +
			test.want; line != want {
			t.Errorf("it says\n\t%s; want\n\t%s", line, want)
		}
	}
}

// How an earlier run ended is told by the journal alone. What systemd knows is of another run, and
// stays as it is.
func TestEndingOf(t *testing.T) {
	p := daily(func(_ *systemd.Timer, s *systemd.Service) {
		s.ExecMainCode, s.ExecMainStatus, s.Result = 2, 9, "signal"
	})
	opt, f, same := optionsFor(t, ""), facts{host: host}, p
	v := viewOf(&opt, &f, &p, now)
	for _, test := range []struct {
		run  journal.Run
		want string
	}{
		{journal.Run{Result: "exit-code"},
			"a command failed, but not that of ExecStart= (result exit-code)"},
		{journal.Run{Result: "signal", Command: "ExecStart", ExitCode: "killed", ExitStatus: 15},
			"SIGTERM"},
		{journal.Run{Result: "timeout"}, "it ran into its time limit (result timeout)"},
	} {
		if got := endingOf(v, test.run); got != test.want {
			t.Errorf("endingOf(%+v) = %s; want %s", test.run, got, test.want)
		}
	}
	if diff := cmp.Diff(same, p); diff != "" || v.ending() != "SIGKILL" {
		t.Errorf("the facts changed (-before +after):\n%s\nending = %s", diff, v.ending())
	}
}
