package systemd

import (
	"fmt"
	"math"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// clock turns systemd's stamps, microseconds of CLOCK_REALTIME and of CLOCK_MONOTONIC, into instants.
type clock struct {
	boot   time.Time     // when CLOCK_MONOTONIC was 0, by today's wall clock
	asleep time.Duration // how long the host was suspended since: CLOCK_MONOTONIC stood still
}

func readClock() clock {
	var mono, boot unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &mono) // cannot fail: Linux has both clocks
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &boot)
	return clock{time.Now().Round(0).Add(-time.Duration(mono.Nano())), time.Duration(boot.Nano() - mono.Nano())}
}

// instant returns the one instant that both stamps mean; 0 and 2^64-1 are none. The wall clock may have been stepped
// since the stamps were taken, so the monotonic one counts; but where they differ by less than a second, or
// by the time the host slept, the wall clock was right.
func (k clock) instant(realtime, monotonic uint64) time.Time {
	var wall time.Time
	if realtime != 0 && realtime != math.MaxUint64 {
		wall = time.UnixMicro(int64(min(realtime, math.MaxInt64)))
	}
	if monotonic == 0 || monotonic == math.MaxUint64 {
		return wall
	}
	mono := k.boot.Add(duration(monotonic))
	if ahead := mono.Sub(wall); -time.Second < ahead && ahead < k.asleep+time.Second {
		return wall
	}
	return mono
}

// duration turns microseconds into a Duration; what is too long for one is Infinity.
func duration(usec uint64) time.Duration {
	if usec > uint64(Infinity/time.Microsecond) {
		return Infinity
	}
	return time.Duration(usec) * time.Microsecond
}

func (p *properties) duration(name string) time.Duration { return duration(p.uint64(name)) }

func (p *properties) instant(name string, k clock) time.Time {
	return k.instant(p.uint64(name), p.uint64(name+"Monotonic"))
}

// unit reads the properties of org.freedesktop.systemd1.Unit.
func (p *properties) unit(name string, k clock) Unit {
	u := Unit{
		Name:             name,
		Description:      p.string("Description"),
		LoadState:        p.string("LoadState"),
		ActiveState:      p.string("ActiveState"),
		SubState:         p.string("SubState"),
		FreezerState:     p.string("FreezerState"),
		UnitFileState:    p.string("UnitFileState"),
		NeedDaemonReload: p.bool("NeedDaemonReload"),
		InactiveExit:     p.instant("InactiveExitTimestamp", k),
		ActiveEnter:      p.instant("ActiveEnterTimestamp", k),
		ActiveExit:       p.instant("ActiveExitTimestamp", k),
		InactiveEnter:    p.instant("InactiveEnterTimestamp", k),
		StateChange:      p.instant("StateChangeTimestamp", k),
		ConditionResult:  p.bool("ConditionResult"),
		ConditionTime:    p.instant("ConditionTimestamp", k),
		Conditions:       p.conditions("Conditions"),
		AssertResult:     p.bool("AssertResult"),
		AssertTime:       p.instant("AssertTimestamp", k),
		Asserts:          p.conditions("Asserts"),
		LoadError: read(p, "LoadError", "(ss)", func(w *wire) string {
			w.next(8, 0)
			w.string() // the error's D-Bus name
			return w.string()
		}),
	}
	if id := p.string("Id"); id != "" {
		u.Name = id // name may be an alias
	}
	id := read(p, "Job", "(uo)", func(w *wire) uint32 {
		w.next(8, 0)
		return w.uint32()
	})
	if id != 0 {
		u.Job = &Job{ID: id, Unit: u.Name}
	}
	return u
}

func (p *properties) conditions(name string) (all []Condition) {
	p.structs(name, "a(sbbsi)", func(w *wire) {
		all = append(all, Condition{Type: w.string(), Trigger: w.bool(), Negate: w.bool(), Param: w.string(), State: w.int32()})
	})
	return all
}

// timer reads the properties of org.freedesktop.systemd1.Timer and what every unit has.
func (p *properties) timer(name string, k clock) Timer {
	t := Timer{
		Unit:              p.unit(name, k),
		Triggers:          p.string("Unit"),
		LastTrigger:       p.instant("LastTriggerUSec", k),
		NextElapse:        k.instant(p.uint64("NextElapseUSecRealtime"), 0),
		Accuracy:          p.duration("AccuracyUSec"),
		RandomizedDelay:   p.duration("RandomizedDelayUSec"),
		FixedRandomDelay:  p.bool("FixedRandomDelay"),
		Persistent:        p.bool("Persistent"),
		RemainAfterElapse: p.bool("RemainAfterElapse"),
		Result:            p.string("Result"),
	}
	mono := k.instant(0, p.uint64("NextElapseUSecMonotonic"))
	if t.NextElapse.IsZero() || !mono.IsZero() && mono.Before(t.NextElapse) {
		t.NextElapse = mono
	}
	p.structs("TimersCalendar", "a(sst)", func(w *wire) {
		w.string() // OnCalendar
		t.Calendar = append(t.Calendar, w.string())
		w.uint64() // the next elapse may be stale (systemd issue 27695)
	})
	p.structs("TimersMonotonic", "a(stt)", func(w *wire) {
		base := strings.TrimSuffix(w.string(), "USec") + "Sec" // OnBootUSec
		t.Monotonic = append(t.Monotonic, MonotonicEntry{base, duration(w.uint64())})
		w.uint64()
	})
	if t.Triggers != "" && p.err == nil {
		if err := checkName(t.Triggers); err != nil {
			p.err = fmt.Errorf("property Unit is %.300q: %w", t.Triggers, err)
		}
	}
	return t
}

// service reads the properties of org.freedesktop.systemd1.Service and what every unit has.
func (p *properties) service(name string, k clock) Service {
	s := Service{Unit: p.unit(name, k), IsService: strings.HasSuffix(name, ".service")}
	if !s.IsService {
		return s
	}
	s.Type = p.string("Type")
	s.Result = p.string("Result")
	s.MainPID = p.uint32("MainPID")
	s.ControlPID = p.uint32("ControlPID")
	s.ExecMainStart = p.instant("ExecMainStartTimestamp", k)
	s.ExecMainExit = p.instant("ExecMainExitTimestamp", k)
	s.ExecMainCode = p.int32("ExecMainCode")
	s.ExecMainStatus = p.int32("ExecMainStatus")
	s.NRestarts = p.uint32("NRestarts")
	s.Restart = p.string("Restart")
	s.RemainAfterExit = p.bool("RemainAfterExit")
	s.RuntimeMax = p.duration("RuntimeMaxUSec")
	s.TimeoutStart = p.duration("TimeoutStartUSec")
	s.TimeoutStop = p.duration("TimeoutStopUSec")
	s.ControlGroup = p.string("ControlGroup")
	p.structs("ExecStart", "a(sasbttttuii)", func(w *wire) {
		s.ExecStart = append(s.ExecStart, Exec{Path: w.string(), Args: w.strings(), IgnoreFailure: w.bool()})
		w.skip("ttttuii", 0)
	})
	return s
}
