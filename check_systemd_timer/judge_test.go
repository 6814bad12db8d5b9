package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mailfresh/internal/nagios"
	"mailfresh/internal/output"
	"mailfresh/internal/systemd"
)

// What a user's own manager is to be told has --user, or it is said to the wrong one.
func TestRemediesOfTheUser(t *testing.T) {
	for _, test := range []struct {
		pair systemd.Pair
		want string
	}{
		{daily(func(t *systemd.Timer, s *systemd.Service) { t.LoadState = "masked" }),
			"(systemctl --user unmask report.timer)"},
		{daily(func(t *systemd.Timer, s *systemd.Service) {
			t.ActiveState, t.Result = "failed",
				"resources"
		}), "(systemctl --user status report.timer shows why)"},
		{daily(func(t *systemd.Timer, s *systemd.Service) { t.ActiveState = "inactive" }),
			"(systemctl --user start report.timer)"},
		{daily(func(t *systemd.Timer, s *systemd.Service) {
			t.ActiveState,
				t.UnitFileState = "inactive", "disabled"
		}),
			"(systemctl --user enable --now report.timer)"},
		{daily(func(t *systemd.Timer, s *systemd.Service) { s.FreezerState = "frozen" }),
			": systemctl --user thaw report.service"},
		{daily(running("active", "exited", time.Hour)), "(systemctl --user stop report.service)"},
		{daily(func(t *systemd.Timer, s *systemd.Service) { t.SubState = "running" }),
			"(systemctl --user restart report.timer)"},
		{hourly(never, func(t *systemd.Timer, s *systemd.Service) { t.SubState = "elapsed" }),
			"(systemctl --user start generate_vrts_aliases.service once, "},
		{daily(func(t *systemd.Timer,
			s *systemd.Service) {
			t.NextElapse = now.Add(100 * time.Hour)
		}),
			"(systemctl --user restart report.timer, twice if need be)"},
		{daily(failed("start-limit-hit", 1, 1)), "systemctl --user reset-failed report.service)"},
		{daily(triggered(time.Hour)),
			"(systemctl --user list-dependencies --failed report.service shows which)"},
	} {
		if _, got := judgement(t, "--user", test.pair); !strings.Contains(got, test.want) {
			t.Errorf("it says\n\t%s; want\n\t%s", got, test.want)
		}
	}
	reload := daily(func(t *systemd.Timer, s *systemd.Service) { t.NeedDaemonReload = true })
	r, _ := judgement(t, "--user", reload)
	want := []string{"note: unit files changed on disk: systemctl --user daemon-reload is pending"}
	if diff := cmp.Diff(want, r.Objects[0].Notes); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
}

// A panic while one timer is judged costs that timer alone, named and with --all.
func TestPanicOfOneTimer(t *testing.T) {
	bad, good := daily(), hourly()
	bad.Timer.Name, bad.Asked = "bad.timer", []string{"bad.timer"}
	bad.Partial, good.Partial = true, true
	noZone := host
	noZone.Zone = nil // time.Time.In panics where OnCalendar= is evaluated
	for _, args := range []string{"", "--all"} {
		opt := optionsFor(t, args)
		f := facts{host: noZone, timers: []systemd.Pair{bad, good}, whole: opt.All}
		if opt.All {
			f.timers = nil
			f.keep(opt, bad, now)
			f.keep(opt, good, now)
		}
		if got := f.partial(); opt.All && !cmp.Equal(got, []string{"bad.timer"}) {
			t.Errorf("%s: partial() = %q; want bad.timer", args, got)
		}
		f.wantBefore(opt)
		f.wantProcesses(opt, now)
		r := judge(opt, f, now)
		text, want := r.Objects[0].Text, "internal error, please report it: "
		if r.State != nagios.Unknown || !strings.HasPrefix(text, want) {
			t.Errorf("%s: judge() = %v - %s; want UNKNOWN, internal error", args, r.State, text)
		}
		if o := r.Objects[1]; o.State != nagios.OK || !strings.Contains(o.Text, "the last run of") {
			t.Errorf("%s: the other timer is %v - %s; want OK", args, o.State, o.Text)
		}
	}
}

func TestNotes(t *testing.T) {
	for _, test := range []struct {
		name string
		pair systemd.Pair
		want []string
	}{
		{"oneshot with RuntimeMaxSec", daily(running("activating", "start", 100*time.Hour),
			func(t *systemd.Timer, s *systemd.Service) { s.RuntimeMax = 2 * time.Hour }),
			[]string{"note: RuntimeMaxSec=2h does not apply to Type=oneshot, and TimeoutStartSec=infinity: nothing ends a run that hangs",
				"look at: journalctl -u report.service -n 50"}},
		{"oneshot with both", daily(running("activating", "start", 100*time.Hour),
			func(t *systemd.Timer, s *systemd.Service) {
				s.RuntimeMax, s.TimeoutStart = 2*time.Hour, 200*time.Hour
			}),
			[]string{"note: RuntimeMaxSec=2h does not apply to Type=oneshot; TimeoutStartSec=8d 8h does",
				"look at: journalctl -u report.service -n 50"}},
		{"simple", hourly(running("active", "running", 12*time.Hour)),
			[]string{"note: RuntimeMaxSec=infinity: nothing ends a run that hangs; TimeoutStartSec= does not apply to Type=simple once it runs",
				"look at: journalctl -u generate_vrts_aliases.service -n 50"}},
		{"a start that nothing ends", hourly(running("activating", "start", 12*time.Hour),
			func(t *systemd.Timer, s *systemd.Service) { s.TimeoutStart = systemd.Infinity }),
			[]string{"note: TimeoutStartSec=infinity: nothing ends a start that hangs",
				"look at: journalctl -u generate_vrts_aliases.service -n 50"}},
		{"a start, and a run, that systemd ends",
			hourly(running("activating", "start", 12*time.Hour),
				func(t *systemd.Timer, s *systemd.Service) { s.RuntimeMax = 24 * time.Hour }),
			[]string{"look at: journalctl -u generate_vrts_aliases.service -n 50"}},
		{"stopping", hourly(running("deactivating", "stop-post", 12*time.Hour),
			func(t *systemd.Timer, s *systemd.Service) { s.TimeoutStop = systemd.Infinity }),
			[]string{"note: TimeoutStopSec=infinity: nothing ends a stop that hangs",
				"look at: journalctl -u generate_vrts_aliases.service -n 50"}},
		{"long on purpose, perhaps", hourly(running("active", "running", 130*time.Minute),
			func(t *systemd.Timer, s *systemd.Service) { s.RuntimeMax = 24 * time.Hour }),
			[]string{"note: if it may take longer than its interval, --missed-warning 4 --missed-critical 8 allow for that, and --running-critical limits it",
				"look at: journalctl -u generate_vrts_aliases.service -n 50"}},
		{"within limits", daily(running("activating", "start", time.Hour)), nil},
		{"the timer's reload pending",
			daily(func(t *systemd.Timer, s *systemd.Service) { t.NeedDaemonReload = true }),
			[]string{"note: unit files changed on disk: systemctl daemon-reload is pending"}},
		{"restarted before this attempt", hourly(running("active", "running", 10*time.Minute),
			func(t *systemd.Timer, s *systemd.Service) {
				t.LastTrigger,
					s.NRestarts = ago(11*time.Minute), 1
			}),
			[]string{"note: 1 restart before this attempt, since 2022-02-22 16:36:00 UTC"}},
		{"missed runs of a timer", daily(func(t *systemd.Timer, s *systemd.Service) {
			s.InactiveExit, s.InactiveEnter, t.LastTrigger = ago(84*time.Hour), ago(83*time.Hour),
				ago(84*time.Hour)
		}), []string{"look at: systemctl status report.timer"}},
		{"a timer whose clock was wrong",
			daily(func(t *systemd.Timer,
				s *systemd.Service) {
				t.NextElapse = now.Add(1000 * time.Hour)
			}),
			[]string{"look at: systemctl status report.timer"}},
		{"missed runs whose trigger is under way",
			daily(func(t *systemd.Timer, s *systemd.Service) {
				t.SubState, t.StateChange, s.InactiveExit = "running", ago(time.Second),
					ago(100*time.Hour)
				t.LastTrigger, s.InactiveEnter = ago(100*time.Hour), ago(99*time.Hour)
			}), []string{"look at: journalctl -u report.service -n 50"}},
		{"what a target starts", daily(running("active", "active", time.Hour),
			func(t *systemd.Timer, s *systemd.Service) {
				s.IsService, s.Name = false,
					"report.target"
			}),
			[]string{"note: the timer starts a target; what that starts is not judged"}},
		{"a failed timer",
			daily(func(t *systemd.Timer, s *systemd.Service) {
				t.ActiveState, t.Result = "failed",
					"resources"
			}),
			[]string{"look at: systemctl status report.timer"}},
		{"reload pending",
			daily(func(t *systemd.Timer, s *systemd.Service) { s.NeedDaemonReload = true }),
			[]string{"note: unit files changed on disk: systemctl daemon-reload is pending"}},
	} {
		r, _ := judgement(t, "", test.pair)
		if diff := cmp.Diff(test.want, r.Objects[0].Notes); diff != "" {
			t.Errorf("%s: notes (-want +got):\n%s", test.name, diff)
		}
	}
}

// What -vv adds: what the verdict was made of.
func TestDetail(t *testing.T) {
	p := daily(condition(46*time.Minute), func(t *systemd.Timer, s *systemd.Service) {
		t.Monotonic = []systemd.MonotonicEntry{{Base: "OnBootSec", Interval: 15 * time.Minute}}
	})
	r, _ := judgement(t, "-vv", p)
	want := []string{
		"report.timer: LoadState=loaded ActiveState=active SubState=waiting UnitFileState=enabled Result=success",
		"OnCalendar=*-*-* 04:00:00",
		"OnBootSec=15m",
		"AccuracySec=1m RandomizedDelaySec=0 s Persistent=false",
		"active since 2022-01-24 16:47:00 UTC, last trigger 2022-02-22 16:01:00 UTC, next elapse 2022-02-23 04:00:00 UTC",
		"report.service: LoadState=loaded ActiveState=inactive SubState=dead Type=oneshot Result=success",
		"last start 2022-02-22 04:00:00 UTC, last end 2022-02-22 04:05:00 UTC",
		"main process: PID 0, start 2022-02-22 04:00:00 UTC, exit 2022-02-22 04:05:00 UTC, code 1, status 0, restarts 0",
		"condition false at 2022-02-22 16:01:00 UTC, assert true at 2022-02-22 04:00:00 UTC",
	}
	if diff := cmp.Diff(want, r.Objects[0].Detail); diff != "" {
		t.Errorf("detail (-want +got):\n%s", diff)
	}
}

func TestPerfdata(t *testing.T) {
	for _, test := range []struct {
		name, args string
		pairs      []systemd.Pair
		want       string
	}{
		{"idle", "-w=25h", []systemd.Pair{daily()},
			"last_run=45720s;90000;;0 last_duration=300s;;;0 missed=0;0;1;0 next=40380s"},
		{"running", "--running-critical=2h",
			[]systemd.Pair{hourly(running("active", "running", 12*time.Hour+3*time.Minute))},
			"running=43380s;;7200;0 last_run=46980s;;;0 missed=12;0;1;0"},
		{"several", "", []systemd.Pair{daily(), hourly()},
			"report_last_run=45720s;;;0 report_last_duration=300s;;;0 report_missed=0;0;1;0 report_next=40380s " +
				"generate_vrts_aliases_last_run=1200s;;;0 generate_vrts_aliases_last_duration=120s;;;0 generate_vrts_aliases_missed=0;0;1;0 generate_vrts_aliases_next=2400s"},
		{"whole host", "--all",
			[]systemd.Pair{daily(), hourly(running("active", "running", 12*time.Hour)),
				daily(failed("signal", 2, 9))},
			"timers=3;;;0 ok=1;;;0 warning=0;;;0 critical=2;;;0 unknown=0;;;0"},
		{"absent", "",
			[]systemd.Pair{{Timer: systemd.Timer{Unit: systemd.Unit{Name: "x.timer",
				LoadState: "not-found"}}}}, ""},
	} {
		opt := optionsFor(t, test.args)
		r := judge(opt, facts{host: host, timers: test.pairs, whole: opt.All,
			named: map[string]bool{}}, now)
		line, _, _ := strings.Cut(output.Text("X", r, 0), "\n")
		_, got, _ := strings.Cut(line, " | ")
		if got != test.want {
			t.Errorf("%s: perfdata %q; want %q", test.name, got, test.want)
		}
	}
}

func TestSummaryOfSeveral(t *testing.T) {
	bad := daily(failed("signal", 2, 9))
	for _, test := range []struct {
		pairs []systemd.Pair
		want  string
	}{
		{[]systemd.Pair{daily(), hourly()}, "2 timers, none is late, stuck or failed"},
		{[]systemd.Pair{daily(), bad, hourly()},
			"report.service failed 12h 42m ago: SIGKILL (the other 2 timers are fine)"},
		{[]systemd.Pair{daily(condition(time.Minute)), bad, hourly(), bad},
			"report.service failed 12h 42m ago: SIGKILL (and 2 more of 4 timers)"},
		{nil, "nothing to check: there is no timer that is not excluded"},
	} {
		f := facts{host: host, timers: test.pairs, named: map[string]bool{"report.timer": true}}
		if got := judge(optionsFor(t, ""), f, now).Summary; got != test.want {
			t.Errorf("summary = %q; want %q", got, test.want)
		}
	}
	r := judge(optionsFor(t, ""), facts{host: host, unmatched: []string{"x*.timer"}, whole: true},
		now)
	if got := r.State.String() + " - " + r.Summary; got != "CRITICAL - x*.timer: no timer matches" {
		t.Errorf("a glob without a match: %q", got)
	}
}

// A timer is read by the first of its names: one that was named comes before those that --all
// found.
func TestNamedFirst(t *testing.T) {
	opt := optionsFor(t, "--all")
	opt.Unit = []string{"z.timer", "m*"}
	f := facts{named: map[string]bool{}}
	got := choose(opt, []string{"a.timer", "m.timer", "z.timer"}, &f)
	if diff := cmp.Diff([]string{"z.timer", "a.timer", "m.timer"}, got); diff != "" {
		t.Errorf("choose (-want +got):\n%s", diff)
	}
}

// Timers that are named, or found by a glob, are read in the order of their names.
func TestChosenInOrder(t *testing.T) {
	opt := optionsFor(t, "")
	opt.Unit = []string{"z.timer", "c*.timer", "b.timer", "y*.timer", "a*.timer"}
	f := facts{named: map[string]bool{}}
	got := choose(opt, []string{"c2.timer", "a.timer", "c1.timer", "b.timer"}, &f)
	want := []string{"b.timer", "z.timer", "a.timer", "c1.timer", "c2.timer"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("choose (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"y*.timer"}, f.unmatched); diff != "" {
		t.Errorf("globs without a match (-want +got):\n%s", diff)
	}
}
