package torture

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mailfresh/internal/nagios"
	"mailfresh/internal/plugintest"
)

// dbusLimits hold for -t 2, crowdLimits for -t 9. A bus is trusted with more memory than a
// stranger's mail server.
var (
	dbusLimits  = plugintest.Limits{Time: 2500 * time.Millisecond, Peak: 192 << 20}
	crowdLimits = plugintest.Limits{Time: 9500 * time.Millisecond, Peak: 192 << 20}
)

// scenes are what systemd tells, as text of plugintest.Systemd, and what check_systemd_timer has to
// say of the timer job. JUNK is nasty text.
var scenes = []struct {
	name, text string
	state      nagios.State
}{
	{"healthy", `
[job.timer]
TimersMonotonic=OnUnitInactiveUSec 1h
AccuracyUSec=15s
Description=JUNK
ActiveEnterTimestamp=now-30d
LastTriggerUSec=now-7m
NextElapseUSecMonotonic=now+55m
[job.service]
Description=JUNK
InactiveExitTimestamp=now-7m
InactiveEnterTimestamp=now-5m
ExecStart=/bin/true JUNK
`, nagios.OK},
	{"hung", `
[job.timer]
TimersMonotonic=OnUnitInactiveUSec 1h
AccuracyUSec=15s
SubState=running
ActiveEnterTimestamp=now-30d
LastTriggerUSec=now-12h3m
NextElapseUSecMonotonic=infinity
[job.service]
Type=simple
ActiveState=active
SubState=running
MainPID=4194303
ControlGroup=/system.slice/job.service
InactiveExitTimestamp=now-12h3m
InactiveEnterTimestamp=now-13h3m
ExecStart=/bin/job JUNK
Process=4194303 JUNK
`, nagios.Critical},
	{"failed", `
[job.timer]
TimersCalendar=hourly
ActiveEnterTimestamp=now-30d
LastTriggerUSec=now-5m
[job.service]
ActiveState=failed
SubState=failed
Result=exit-code
InactiveExitTimestamp=now-5m
InactiveEnterTimestamp=now-5m
ExecMainStartTimestamp=now-5m
ExecMainExitTimestamp=now-5m
ExecMainCode=1
ExecMainStatus=3
ExecStart=JUNK
`, nagios.Critical},
	{"bad setting", `
[job.timer]
LoadState=bad-setting
LoadError=JUNK
ActiveState=inactive
SubState=dead
[job.service]
`, nagios.Critical},
	{"skipped", `
[job.timer]
TimersMonotonic=OnUnitInactiveUSec 1h
AccuracyUSec=15s
ActiveEnterTimestamp=now-30d
LastTriggerUSec=now-7m
NextElapseUSecMonotonic=now+55m
[job.service]
InactiveExitTimestamp=now-67m
InactiveEnterTimestamp=now-65m
ConditionTimestamp=now-7m
ConditionResult=no
Conditions=ConditionPathExists=JUNK failed
`, nagios.Warning},
	{"queued", `
[job.timer]
TimersMonotonic=OnUnitInactiveUSec 1h
AccuracyUSec=15s
SubState=running
ActiveEnterTimestamp=now-30d
LastTriggerUSec=now-12h3m
[job.service]
Job=17 start waiting
JobBefore=12 other.service start running
InactiveExitTimestamp=now-13h3m
InactiveEnterTimestamp=now-13h2m
[other.service]
Job=12 start running
ActiveState=activating
SubState=start
Description=JUNK
InactiveExitTimestamp=now-12h3m
`, nagios.Critical},
}

// essential are the properties that a verdict on these scenes rests upon: where systemd says
// something else of one, the verdict may be another.
var essential = strings.Fields(`Id LoadState ActiveState SubState FreezerState UnitFileState Unit Job Result Type RemainAfterExit ConditionResult
	AssertResult ConditionTimestamp ConditionTimestampMonotonic AssertTimestamp AssertTimestampMonotonic Conditions Asserts TimersCalendar TimersMonotonic
	AccuracyUSec RandomizedDelayUSec LastTriggerUSec LastTriggerUSecMonotonic NextElapseUSecRealtime NextElapseUSecMonotonic RemainAfterElapse
	InactiveExitTimestamp InactiveExitTimestampMonotonic InactiveEnterTimestamp InactiveEnterTimestampMonotonic ActiveEnterTimestamp
	ActiveEnterTimestampMonotonic StateChangeTimestamp StateChangeTimestampMonotonic
	ExecMainStartTimestamp ExecMainStartTimestampMonotonic ExecMainExitTimestamp ExecMainExitTimestampMonotonic ExecMainCode ExecMainStatus ExecStart
	LoadError State JobType UserspaceTimestamp UserspaceTimestampMonotonic Virtualization`)

// unread are properties that no check reads, so that a lie about them changes nothing.
var unread = strings.Fields(`Description ActiveExitTimestamp ActiveExitTimestampMonotonic ControlPID
	FixedRandomDelay Restart`)

// anyState is where the contract leaves the verdict open: it rests on what a liar says.
var anyState []nagios.State

// dbusInput is a systemd that lies about something, or breaks.
type dbusInput struct {
	name    string
	scene   int
	faults  string
	alter   func(member string, reply []any) []any
	corrupt func(member string, message []byte) []byte
	want    func(st *plugintest.SystemdServer, all bool) []nagios.State
}

// faults at each step of the conversation, the first three times. What tells only why a run hangs
// may be missing.
func brokenSteps() (all []dbusInput) {
	steps := "accept AUTH Hello Get GetAll ListUnitsByPatterns GetJobBefore GetProcesses"
	for _, step := range strings.Fields(steps) {
		for _, fault := range []string{"hang", "die", "garbage", "error"} {
			for nth := range 3 {
				for scene, s := range scenes {
					all = append(all, dbusInput{name: fmt.Sprintf("%s: %s at %s %d", s.name, fault,
						step, nth+1), scene: scene,
						faults: fmt.Sprintf("[faults]\n%s=%s %d\n", fault, step, nth+1),
						want: func(st *plugintest.SystemdServer, _ bool) []nagios.State {
							again := fault == "die" || step == "GetProcesses"
							// a pair that alerts is read once more
							second := step == "GetAll" && nth == 2 ||
								step == "GetJobBefore" && nth > 0
							switch {
							case !st.FaultHappened() || again:
								return []nagios.State{s.state}
							case second && s.state != nagios.OK:
								// what was seen first alerts by itself
								return []nagios.State{nagios.Unknown, s.state}
							}
							return []nagios.State{nagios.Unknown}
						}})
				}
			}
		}
	}
	return all
}

// crowds are lists of units that no host has.
func crowds() []dbusInput {
	list := func(name string, scene int, want nagios.State, n int,
		unit func(i int) (name, description string)) dbusInput {
		return dbusInput{name: name, scene: scene,
			want: func(st *plugintest.SystemdServer, all bool) []nagios.State {
				if all {
					return []nagios.State{want}
				}
				return []nagios.State{scenes[scene].state}
			}, alter: func(member string, reply []any) []any {
				units, ok := reply[0].([]plugintest.ListedUnit)
				if member != "ListUnitsByPatterns" || !ok {
					return reply
				}
				for i := range n {
					name, description := unit(i)
					units = append(units, plugintest.ListedUnit{Name: name,
						Description: description,
						Load:        "loaded", Active: "active", Sub: "running", Path: "/",
						JobPath: "/"})
				}
				return []any{units}
			}}
	}
	nasty := plugintest.Nasty
	return []dbusInput{
		list("100,000 timers", 0, nagios.Unknown, 100_000,
			func(i int) (string, string) { return fmt.Sprintf("t%d.timer", i), "" }),
		list("100,000 services", 0, nagios.OK, 100_000,
			func(i int) (string, string) { return fmt.Sprintf("s%d.service", i), "" }),
		list("100,000 services, hung", 1, nagios.Critical, 100_000,
			func(i int) (string, string) { return fmt.Sprintf("s%d.service", i), "" }),
		list("names that are none", 0, nagios.OK, len(nasty),
			func(i int) (string, string) { return nasty[i] + ".timer", nasty[i] }),
		list("names that are none, hung", 1, nagios.Critical, len(nasty),
			func(i int) (string, string) { return "[OK]\n" + nasty[i], nasty[i] }),
		list("empty names", 0, nagios.OK, 1000, func(int) (string, string) { return "", "" }),
		list("one name 50,000 times", 0, nagios.OK, 50_000,
			func(int) (string, string) { return "job.timer", "again" }),
		list("ten descriptions of 1 MiB", 0, nagios.OK, 10,
			func(i int) (string, string) {
				return fmt.Sprintf("s%d.service", i),
					strings.Repeat("x", 1<<20)
			}),
		list("names of 1 MiB", 0, nagios.OK, 10,
			func(i int) (string, string) { return strings.Repeat("x", 1<<20) + ".timer", "" }),
		list("paths as names", 0, nagios.OK, 3,
			func(i int) (string, string) {
				return []string{"../../etc/passwd.timer", "/x.timer",
					"..timer"}[i], ""
			}),
	}
}

// TestDBus has check_systemd_timer ask a systemd that breaks off, lies or shouts.
func TestDBus(t *testing.T) {
	t.Parallel()
	c, r := plugintest.NewTally(t, "hostile D-Bus server"), draw(t, 2)
	broken := brokenSteps()
	r.Shuffle(len(broken), func(i, k int) { broken[i], broken[k] = broken[k], broken[i] })
	crowds := crowds()
	inputs := slices.Concat(crowds, broken[:min(len(broken), 100*amount(t))],
		lies(r, 150*amount(t)), noise(r, 50*amount(t)))
	junk := make([]string, len(inputs))
	for i := range junk {
		// as systemd's own text, which has no line ends here
		junk[i] = strings.TrimSpace(strings.Map(func(c rune) rune {
			if c == '\n' || c == '\r' {
				return ' '
			}
			return c
		}, plugintest.Junk(r)))
	}
	dir, err := os.MkdirTemp("", "bus") // short enough for a socket's name
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ask := func(i int) {
		in, all, limits := inputs[i], i%2 == 0 || i < len(crowds), dbusLimits
		args := []string{"-t", "2", "-u", "job"}
		if all {
			args = []string{"-t", "2", "--all", "--skipped-state", "warning"}
		}
		if i < len(crowds) {
			args[1], limits = "9", crowdLimits
		}
		args = append(args, [][]string{{}, {"-v"}, {"-vv"}}[i%3]...)
		var st *plugintest.SystemdServer
		socket := filepath.Join(dir, fmt.Sprint(i))
		run := func() plugintest.Outcome {
			if st != nil {
				st.Close()
			}
			s, err := plugintest.ParseSystemd(strings.ReplaceAll(scenes[in.scene].text, "JUNK",
				junk[i])+in.faults, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			s.Alter, s.Corrupt = in.alter, in.corrupt
			if st, err = s.Listen(socket); err != nil {
				t.Fatal(err)
			}
			return plugin(t, []string{"DBUS_SYSTEM_BUS_ADDRESS=unix:path=" + socket},
				"check_systemd_timer", args...)
		}
		name := fmt.Sprintf("%s, %q", in.name, args)
		judge(t, c, name, limits, run, func() []nagios.State { return in.want(st, all) })
		st.Close()
	}
	each(len(crowds), 1, ask)
	each(len(inputs)-len(crowds), 16, func(i int) { ask(len(crowds) + i) })
}
