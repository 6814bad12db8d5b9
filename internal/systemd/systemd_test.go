package systemd

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mailfresh/internal/plugintest"
)

// dial starts a fake systemd from its text form and connects to it.
func dial(t *testing.T, ctx context.Context, text string) *Conn {
	t.Helper()
	s, err := plugintest.ParseSystemd(text, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return dialFake(t, ctx, s)
}

func dialFake(t *testing.T, ctx context.Context, s *plugintest.Systemd) *Conn {
	t.Helper()
	dir, err := os.MkdirTemp("", "stage")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "bus")
	stage, err := s.Listen(socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stage.Close)
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path="+socket)
	c, err := Dial(ctx, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

const hung = `
[aliases.timer]
TimersMonotonic=OnUnitInactiveUSec 1h
TimersMonotonic=OnActiveUSec 1s
TimersCalendar=*-*-* 04:44:00
SubState=running
LastTriggerUSec=now-12h3m
NextElapseUSecRealtime=infinity
NextElapseUSecMonotonic=infinity
RandomizedDelayUSec=5min
[aliases.service]
ActiveState=activating
SubState=start
MainPID=4711
InactiveExitTimestamp=now-12h3m
ExecMainStartTimestamp=now-12h3m
InactiveEnterTimestamp=now-13h
Conditions=ConditionPathExists=!/run/x failed
Conditions=ConditionUser=|root succeeded
ExecStart=-/usr/bin/aliases --all
RuntimeMaxUSec=1h
Job=17 start waiting
JobBefore=12 network-online.target start running
`

func TestReadHung(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	pairs, err := dial(t, ctx, hung).Read(ctx, "aliases.timer", "aliases.timer")
	if err != nil || len(pairs) != 1 {
		t.Fatalf("Read = %v, %v; want one pair", pairs, err)
	}
	timer, service := pairs[0].Timer, pairs[0].Service
	near(t, "LastTrigger", timer.LastTrigger, 12*time.Hour+3*time.Minute)
	near(t, "InactiveExit", service.InactiveExit, 12*time.Hour+3*time.Minute)
	near(t, "InactiveEnter", service.InactiveEnter, 13*time.Hour)
	wantMonotonic := []MonotonicEntry{
		{"OnUnitInactiveSec", time.Hour},
		{"OnActiveSec", time.Second},
	}
	if diff := cmp.Diff(wantMonotonic, timer.Monotonic); diff != "" {
		t.Errorf("Monotonic: %s", diff)
	}
	if diff := cmp.Diff([]string{"*-*-* 04:44:00"}, timer.Calendar); diff != "" {
		t.Errorf("Calendar: %s", diff)
	}
	if timer.SubState != "running" || !timer.NextElapse.IsZero() || timer.Accuracy != time.Minute ||
		timer.RandomizedDelay != 5*time.Minute {
		t.Errorf("Timer = %+v", timer)
	}
	wantConditions := []Condition{
		{Type: "ConditionPathExists", Param: "/run/x", Negate: true, State: -1},
		{Type: "ConditionUser", Param: "root", Trigger: true, State: 1},
	}
	if diff := cmp.Diff(wantConditions, service.Conditions); diff != "" {
		t.Errorf("Conditions: %s", diff)
	}
	wantExec := []Exec{{Setting: "ExecStart", Path: "/usr/bin/aliases", IgnoreFailure: true}}
	if diff := cmp.Diff(wantExec, service.Commands); diff != "" {
		t.Errorf("Commands: %s", diff)
	}
	if !service.IsService || service.MainPID != 4711 || service.RuntimeMax != time.Hour ||
		service.TimeoutStart != Infinity ||
		service.NRestarts != 0 {
		t.Errorf("Service = %+v", service)
	}
	wantJob := &Job{
		ID:       17,
		Unit:     "aliases.service",
		Type:     "start",
		State:    "waiting",
		Blockers: []Job{{ID: 12, Unit: "network-online.target", Type: "start", State: "running"}},
		Chain:    []Job{{ID: 12, Unit: "network-online.target", Type: "start", State: "running"}},
		End: &Unit{
			Name:        "network-online.target",
			LoadState:   "not-found",
			LoadError:   "Unit network-online.target not found.",
			ActiveState: "inactive",
			SubState:    "dead",
		},
	}
	if diff := cmp.Diff(wantJob, service.Job); diff != "" {
		t.Errorf("Job: %s", diff)
	}
}

// near wants an instant that was about so long ago.
func near(t *testing.T, what string, at time.Time, ago time.Duration) {
	t.Helper()
	if d := time.Since(at) - ago; d < -time.Second || d > 10*time.Second {
		t.Errorf("%s = %v; want %v ago", what, at, ago)
	}
}

func TestReadFacts(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	// A unit of 255 bytes, for which no service of the same name can be asked.
	long := strings.Repeat("n", 255-len(".timer"))
	c := dial(t, ctx, `
[idle.timer]
LastTriggerUSec=now-1h
[idle.service]
InactiveExitTimestamp=now-1h
InactiveEnterTimestamp=now-59min
[target.timer]
Unit=some.target
[some.target]
ActiveState=active
[torn.timer]
SubState=running
[torn.timer 2]
SubState=waiting
[torn.service]
[ended.timer]
[ended.service]
Job=9 start running
[bad.timer]
LoadState=bad-setting
LoadError=Invalid argument
Unit=
[`+long+`.timer]
Unit=some.target
[faults]
vanish=9
`)
	for _, tt := range []struct {
		name string
		get  func(Pair) any
		want any
	}{
		{"absent", func(p Pair) any { return p.Timer.LoadState + ": " + p.Timer.LoadError },
			"not-found: Unit absent.timer not found."},
		{"absent", func(p Pair) any { return p.Service.Name }, ""},
		{"bad", func(p Pair) any { return p.Timer.LoadState + ": " + p.Timer.LoadError },
			"bad-setting: Invalid argument"},
		{"target", func(p Pair) any { return p.Service.Name }, "some.target"},
		{"target", func(p Pair) any { return p.Service.IsService }, false},
		{"target", func(p Pair) any { return p.Service.ActiveState }, "active"},
		{long, func(p Pair) any { return p.Err }, nil},
		{long, func(p Pair) any { return p.Service.Name }, "some.target"},
		// a contradiction is read once more
		{"torn", func(p Pair) any { return p.Timer.SubState }, "waiting"},
		{"ended", func(p Pair) any { return p.Service.Job == nil }, true},
		{"idle", func(p Pair) any { return p.Service.Result }, "success"},
	} {
		pairs, err := c.Read(ctx, tt.name+".timer")
		if err != nil || len(pairs) != 1 {
			t.Errorf("Read(%q) = %v, %v", tt.name, pairs, err)
			continue
		}
		if got := tt.get(pairs[0]); got != tt.want {
			t.Errorf("Read(%q) has %v; want %v", tt.name, got, tt.want)
		}
	}
}

func TestTimers(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	dir := t.TempDir()
	wants := filepath.Join(dir, "timers.target.wants")
	if err := os.Mkdir(wants, 0o755); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{"enabled.timer": "/dev/null",
		"gone.timer": "/nonexistent", "x@.timer": "/dev/null", "a.timer": "/dev/null"} {
		if err := os.Symlink(target, filepath.Join(wants, link)); err != nil {
			t.Fatal(err)
		}
	}
	c := dial(t, ctx, `
[manager]
UnitPath=`+dir+` /nonexistent
Virtualization=lxc
UserspaceTimestamp=now-2d
[b.timer]
LastTriggerUSec=now-1h
[b.service]
InactiveExitTimestamp=now-1h
InactiveEnterTimestamp=now-59min
[a.timer]
LastTriggerUSec=now-1h
[a.service]
UnitFileState=the whole of it is read: its run did not begin at the last trigger
InactiveExitTimestamp=now-3h
[mentioned.timer]
LoadState=not-found
`)
	names, err := c.Timers(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a.timer", "b.timer", "enabled.timer"}, names); diff != "" {
		t.Errorf("Timers: %s", diff)
	}
	pairs, err := readPartial(ctx, c, names, true)
	if err != nil {
		t.Fatal(err)
	}
	if got := pairs[0].Service.UnitFileState; !strings.HasPrefix(got, "the whole") {
		t.Errorf("a.service was read only in part: %+v", pairs[0].Service)
	}
	if s := pairs[1].Service; s.UnitFileState != "" || s.Name != "b.service" ||
		s.ActiveState != "inactive" {
		t.Errorf("b.service is idle, but was read as %+v", s)
	}
	near(t, "InactiveEnter", pairs[1].Service.InactiveEnter, 59*time.Minute)
	near(t, "LastTrigger", pairs[1].Timer.LastTrigger, time.Hour)
	host, err := c.Host()
	if err != nil || host.Zone == nil || !host.Boot.Equal(host.ManagerStart) {
		t.Errorf(
			"Host = %v, %v; want a boot that is the manager's start, in a container",
			host,
			err,
		)
	}
}

func TestTooManyTimers(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var text strings.Builder
	for i := range maxTimers + 1 {
		fmt.Fprintf(&text, "[t%d.timer]\n", i)
	}
	names, err := dial(t, ctx, text.String()).Timers(ctx)
	if err == nil || !strings.Contains(err.Error(), "there are 10001") {
		t.Errorf("Timers = %d names, %v; want an error", len(names), err)
	}
}

// ReadPartial reads the whole of everything that is not plainly idle and well; UnitFileState shows
// that it did.
func TestReadPartial(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var text strings.Builder
	for name, properties := range map[string]string{
		"well":      "ExecMainStatus=0",
		"swallowed": "ExecMainStatus=1",
		"failed":    "Result=exit-code",
		"started":   "InactiveExitTimestamp=now+5s",
		"active":    "ActiveState=active",
	} {
		fmt.Fprintf(
			&text,
			"[%s.timer]\nLastTriggerUSec=now-1h\n[%[1]s.service]\nUnitFileState=read whole\nInactiveExitTimestamp=now-1h\nInactiveEnterTimestamp=now-59min\n%s\n",
			name,
			properties,
		)
	}
	c := dial(t, ctx, text.String())
	names, err := c.Timers(ctx)
	if err != nil {
		t.Fatal(err)
	}
	read := func() (whole []string) {
		pairs, err := readPartial(ctx, c, names, true)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range pairs {
			if p.Service.UnitFileState != "" {
				whole = append(whole, p.Timer.Name)
			}
		}
		return whole
	}
	if diff := cmp.Diff(
		[]string{"active.timer", "failed.timer", "started.timer", "swallowed.timer"},
		read(),
	); diff != "" {
		t.Errorf("read whole: %s", diff)
	}
	c.list.stepped = true // the wall clock: what was read of an idle service is not enough then
	if whole := read(); len(whole) != len(names) {
		t.Errorf("with a stepped clock, read whole: %v; want all of %v", whole, names)
	}
}

// A timer that was asked for by its name and by an alias is read once, and known by both.
func TestReadAlias(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	c := dial(t, ctx, "[real.timer]\n[alias.timer]\nId=real.timer\n")
	pairs, err := c.Read(ctx, "alias.timer", "real.timer")
	if err != nil || len(pairs) != 1 {
		t.Fatalf("Read = %v, %v; want one pair", pairs, err)
	}
	if diff := cmp.Diff([]string{"alias.timer", "real.timer"}, pairs[0].Asked); diff != "" {
		t.Errorf("Asked: %s", diff)
	}
}
