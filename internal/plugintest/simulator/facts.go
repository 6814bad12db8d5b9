package simulator

import (
	"time"

	"mailfresh/internal/systemd"
)

// Facts returns the time on the wall clock, and the facts that D-Bus would return.
func (h *Host) Facts() (now time.Time, host systemd.Host, pairs []systemd.Pair) {
	zero := instantOf(h.Stamp().Wall - h.Stamp().Mono)
	host = systemd.Host{
		Boot: zero.Add(-span(h.clock.slept)), ManagerStart: h.instant(h.clock.manager),
		ManagerStartMonotonic: span(h.clock.manager.Mono),
		MonotonicZero:         zero, Asleep: span(h.clock.slept), Zone: h.Zone,
	}
	for _, p := range h.Units {
		pairs = append(pairs, p.facts())
	}
	return time.UnixMicro(h.Stamp().Wall), host, pairs
}

// instant returns the instant of a stamp, as package systemd reads it: Mono counts, because the
// wall clock may have been set later. If they differ by less than a second, or by no more than the
// host was suspended, Wall counts.
func (h *Host) instant(s Stamp) time.Time {
	if s.Mono == 0 {
		return instantOf(s.Wall)
	}
	now := h.Stamp()
	mono := now.Wall - (now.Mono - s.Mono)
	if diff := mono - s.Wall; s.Wall != 0 && -Second < diff && diff < h.clock.slept+Second {
		return instantOf(s.Wall)
	}
	return instantOf(mono)
}

func instantOf(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros)
}

func span(micros int64) time.Duration { return time.Duration(micros) * time.Microsecond }

func (p *Pair) facts() systemd.Pair {
	return systemd.Pair{Asked: []string{p.Name + ".timer"}, Timer: p.timerFacts(), Service: p.serviceFacts()}
}

// unitFacts are the facts of a unit with that suffix.
func (p *Pair) unitFacts(u unit, suffix string) systemd.Unit {
	h := p.host
	return systemd.Unit{
		Name: p.Name + suffix, LoadState: "loaded", ActiveState: active(u.state), SubState: u.state,
		FreezerState: "running", UnitFileState: "static",
		InactiveExit: h.instant(u.inactiveExit), ActiveEnter: h.instant(u.activeEnter),
		InactiveEnter: h.instant(u.inactiveEnter), StateChange: h.instant(u.change),
		InactiveExitMonotonic: span(u.inactiveExit.Mono), ActiveEnterMonotonic: span(u.activeEnter.Mono),
		InactiveEnterMonotonic: span(u.inactiveEnter.Mono),
		InactiveEnterWall:      instantOf(u.inactiveEnter.Wall), ActiveEnterWall: instantOf(u.activeEnter.Wall),
	}
}

func (p *Pair) timerFacts() systemd.Timer {
	t, file, h := &p.timer, &p.loaded.Timer, p.host
	facts := systemd.Timer{
		Unit: p.unitFacts(t.unit, ".timer"), Triggers: p.Name + ".service", Result: t.result,
		LastTrigger: h.instant(t.lastTrigger), LastTriggerMonotonic: span(t.lastTrigger.Mono), LastTriggerWall: instantOf(t.lastTrigger.Wall),
		NextElapse: h.instant(Stamp{Mono: t.elapse.Mono}),
		Accuracy:   span(file.Accuracy), RandomizedDelay: span(file.Delay),
		Persistent: file.Persistent, RemainAfterElapse: !file.Forget,
	}
	if h.Release >= 258 {
		facts.RandomizedOffset = span(file.Offset)
	}
	facts.DeferReactivation = file.Defer && h.Release >= 257
	if wall := instantOf(t.elapse.Wall); facts.NextElapse.IsZero() || !wall.IsZero() && wall.Before(facts.NextElapse) {
		facts.NextElapse = wall
	}
	facts.UnitFileState = "disabled"
	switch {
	case p.Lost:
		return systemd.Timer{Unit: systemd.Unit{Name: facts.Name, LoadState: "not-found", ActiveState: "inactive", SubState: "dead"}}
	case p.Enabled:
		facts.UnitFileState = "enabled"
	}
	for _, e := range file.Entries {
		if e.Base == "OnCalendar" {
			facts.Calendar = append(facts.Calendar, e.Event.String())
		} else {
			facts.Monotonic = append(facts.Monotonic, systemd.MonotonicEntry{Base: e.Base, Interval: span(e.Span)})
		}
	}
	return facts
}

func (p *Pair) serviceFacts() systemd.Service {
	s, file, h := &p.service, &p.loaded.Service, p.host
	facts := systemd.Service{
		Unit: p.unitFacts(s.unit, ".service"), IsService: true, Type: file.Type, Result: s.result,
		ExecMainStart: h.instant(s.main.start), ExecMainExit: h.instant(s.main.exit),
		ExecMainCode: s.main.code, ExecMainStatus: s.main.status,
		NRestarts: s.restarts, RestartDelay: span(file.RestartDelay),
		RemainAfterExit: file.Remain, RuntimeMax: systemd.Infinity, TimeoutStart: systemd.Infinity,
		TimeoutStop: 90 * time.Second,
	}
	if h.Release >= 254 {
		facts.RestartMode = "normal"
		if file.Direct {
			facts.RestartMode = "direct"
		}
	}
	facts.ConditionResult, facts.ConditionTime = s.condition.ok, h.instant(s.condition.at)
	facts.AssertResult, facts.AssertTime = s.assertion.ok, h.instant(s.assertion.at)
	facts.Commands = []systemd.Exec{{Setting: "ExecStart", Path: "/bin/job", IgnoreFailure: file.Ignore,
		Code: s.main.code, Status: s.main.status}}
	if s.job != 0 {
		facts.Job = &systemd.Job{ID: 7, Type: "start", State: "waiting", Unit: facts.Name}
	}
	return facts
}
