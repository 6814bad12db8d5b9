//go:build integration

package integration

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"mailfresh/internal/calendar"
	"mailfresh/internal/plugintest/simulator"
)

// rehearsalDraw draws pairs whose life fits into a minute.
type rehearsalDraw struct {
	*rand.Rand
	slow int64 // how much longer every command takes than it should
}

func (d rehearsalDraw) often(percent int) bool { return d.IntN(100) < percent }

func (d rehearsalDraw) one(of ...string) string { return of[d.IntN(len(of))] }

// act does something to the pair in the simulator, and notes the command.
func (p *rehearsedPair) act(kind int, at int64) bool {
	method, unit := "StartUnit", p.Name+".timer"
	switch kind {
	case 0:
		p.StopTimer()
		method = "StopUnit"
	case 1:
		p.RestartTimer()
		method = "RestartUnit"
	case 2:
		p.StopService()
		method, unit = "StopUnit", p.Name+".service"
	case 3:
		p.StartTimer()
	case 4:
		p.StartService()
		unit = p.Name + ".service"
	}
	p.actions = append(p.actions, action{at, kind, method, unit})
	return true
}

// pair draws a timer and a service, as unit files and for the simulator.
func (d rehearsalDraw) pair(host *simulator.Host, name string) *rehearsedPair {
	var timer, unit, service strings.Builder
	set := func(b *strings.Builder, format string, args ...any) {
		fmt.Fprintf(b, format+"\n", args...)
	}
	f := simulator.Files{Timer: simulator.TimerFile{Accuracy: 1},
		Service: simulator.ServiceFile{Restart: "no"}}
	for _, e := range d.entries() {
		if e.Base == "OnCalendar" {
			set(&timer, "OnCalendar=%s", e.Event)
		} else {
			set(&timer, "%s=%dms", e.Base, e.Span/1000)
		}
		f.Timer.Entries = append(f.Timer.Entries, e)
	}
	set(&timer, "AccuracySec=1us")
	f.Timer.Persistent, f.Timer.Defer, f.Timer.Forget = d.often(20), d.often(20), d.often(10)
	set(&timer, "Persistent=%t\nDeferReactivation=%t\nRemainAfterElapse=%t", f.Timer.Persistent,
		f.Timer.Defer, !f.Timer.Forget)

	run := simulator.Run{Main: 300_000 + d.Int64N(9_000_000)}
	f.Service.Type = d.one("oneshot", "oneshot", "simple")
	f.Service.Remain, f.Service.Ignore = d.often(10), d.often(15)
	if d.often(40) {
		run.Exit = 3
	}
	if d.often(30) {
		f.Service.Restart = "on-failure"
		f.Service.RestartDelay = 2_000_000 + d.Int64N(3_000_000)
		f.Service.Direct = host.Release >= 254 && d.often(50)
	}
	switch d.IntN(10) {
	case 0:
		run.Skip = true
		set(&unit, "ConditionPathExists=/nonexistent")
	case 1:
		run.Fault = true
		set(&unit, "AssertPathExists=/nonexistent")
	case 2:
		run.Refuse = true
		set(&service, "ExecCondition=/bin/false")
	case 3:
		run.Pre = 1_500_000
		set(&service, "ExecStartPre=/bin/sleep 1.5")
	case 4:
		run.Post = 1_500_000
		set(&service, "ExecStopPost=/bin/sleep 1.5")
	}
	f.Run = func() simulator.Run { return slower(run, d.slow) }
	minus := ""
	if f.Service.Ignore {
		minus = "-"
	}
	set(&service, "Type=%s\nRemainAfterExit=%t\nRestart=%s\nRestartSec=%dms", f.Service.Type,
		f.Service.Remain, f.Service.Restart, f.Service.RestartDelay/1000)
	if f.Service.Direct {
		set(&service, "RestartMode=direct")
	}
	set(&service, "ExecStart=%s/bin/sh -c 'sleep %.3f; exit %d'", minus, float64(run.Main)/1e6,
		run.Exit)
	pair := &simulator.Pair{Name: name, Files: f}
	host.Add(pair)
	pair.Load()
	return &rehearsedPair{
		Pair: pair,
		files: map[string]string{
			name + ".timer": "[Unit]\nDefaultDependencies=no\n[Timer]\n" + timer.String(),
			name + ".service": "[Unit]\nDefaultDependencies=no\nStartLimitIntervalSec=0\n" +
				unit.String() + "[Service]\n" + service.String(),
		},
	}
}

// slower is a run whose commands take longer.
func slower(r simulator.Run, by int64) simulator.Run {
	for _, span := range []*int64{&r.Pre, &r.Main, &r.Post} {
		if *span > 0 {
			*span += by
		}
	}
	return r
}

// entries draws a schedule of seconds.
func (d rehearsalDraw) entries() []simulator.Entry {
	event := func() simulator.Entry {
		spec := fmt.Sprintf("*:*:%d/%d UTC", d.IntN(4), 7+d.IntN(12))
		e, err := calendar.Parse(spec, time.UTC)
		if err != nil {
			panic(err)
		}
		return simulator.Entry{Base: "OnCalendar", Event: e}
	}
	every := func(base string) simulator.Entry {
		return simulator.Entry{Base: base, Span: 4_000_000 + d.Int64N(12_000)*1000}
	}
	first := every(d.one("OnActiveSec", "OnActiveSec", "OnBootSec", "OnStartupSec"))
	switch d.IntN(7) {
	case 0, 1:
		return []simulator.Entry{event()}
	case 2:
		return []simulator.Entry{first, every("OnUnitActiveSec")}
	case 3:
		return []simulator.Entry{first, every("OnUnitInactiveSec")}
	case 4:
		return []simulator.Entry{first}
	case 5:
		return []simulator.Entry{event(), first}
	}
	return []simulator.Entry{event(), every(d.one("OnUnitActiveSec", "OnUnitInactiveSec"))}
}
