package systemd

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"
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

// properties are those of a unit that were read. One that is missing is its zero value, as by an older systemd.
type properties struct {
	values map[string]dbus.Variant
	asked  map[string]bool // the names that were asked for; nil: nobody wants to know
	err    error           // the first one: a property of an unexpected type
}

func newProperties() *properties { return &properties{values: map[string]dbus.Variant{}} }

func (p *properties) find(name string) (dbus.Variant, bool) {
	if p.asked != nil {
		p.asked[name] = true
	}
	found, ok := p.values[name]
	return found, ok
}

// value is a property of a basic type.
func value[T any](p *properties, name string) (v T) {
	found, ok := p.find(name)
	if !ok {
		return v
	}
	if v, ok = found.Value().(T); !ok {
		p.wrong(name, found, dbus.SignatureOf(v))
	}
	return v
}

// stored is a property that is a structure, or an array of them.
func stored[T any](p *properties, name string) (v T) {
	found, ok := p.find(name)
	if !ok {
		return v
	}
	if want := dbus.SignatureOf(v); found.Signature() != want {
		p.wrong(name, found, want)
	} else if err := found.Store(&v); err != nil && p.err == nil {
		p.err = fmt.Errorf("property %s: %w", name, err)
	}
	return v
}

func (p *properties) wrong(name string, found dbus.Variant, want dbus.Signature) {
	if p.err == nil {
		p.err = fmt.Errorf("property %s has the type %q, not %q", name, found.Signature(), want)
	}
}

func (p *properties) duration(name string) time.Duration { return duration(value[uint64](p, name)) }

func (p *properties) instant(name string, k clock) time.Time {
	return k.instant(value[uint64](p, name), value[uint64](p, name+"Monotonic"))
}

// unit reads the properties of org.freedesktop.systemd1.Unit.
func (p *properties) unit(name string, k clock) Unit {
	u := Unit{
		Name:             name,
		Description:      value[string](p, "Description"),
		LoadState:        value[string](p, "LoadState"),
		ActiveState:      value[string](p, "ActiveState"),
		SubState:         value[string](p, "SubState"),
		FreezerState:     value[string](p, "FreezerState"),
		UnitFileState:    value[string](p, "UnitFileState"),
		NeedDaemonReload: value[bool](p, "NeedDaemonReload"),
		InactiveExit:     p.instant("InactiveExitTimestamp", k),
		ActiveEnter:      p.instant("ActiveEnterTimestamp", k),
		ActiveExit:       p.instant("ActiveExitTimestamp", k),
		InactiveEnter:    p.instant("InactiveEnterTimestamp", k),
		StateChange:      p.instant("StateChangeTimestamp", k),
		ConditionResult:  value[bool](p, "ConditionResult"),
		ConditionTime:    p.instant("ConditionTimestamp", k),
		Conditions:       p.conditions("Conditions"),
		AssertResult:     value[bool](p, "AssertResult"),
		AssertTime:       p.instant("AssertTimestamp", k),
		Asserts:          p.conditions("Asserts"),
		LoadError:        stored[struct{ Name, Text string }](p, "LoadError").Text,
	}
	if id := value[string](p, "Id"); id != "" {
		u.Name = id // name may be an alias
	}
	job := stored[struct {
		ID   uint32
		Path dbus.ObjectPath
	}](p, "Job")
	if job.ID != 0 {
		u.Job = &Job{ID: job.ID, Unit: u.Name}
	}
	return u
}

func (p *properties) conditions(name string) (all []Condition) {
	for _, c := range stored[[]struct {
		Type            string
		Trigger, Negate bool
		Param           string
		State           int32
	}](p, name) {
		all = append(all, Condition{c.Type, c.Param, c.Trigger, c.Negate, c.State})
	}
	return all
}

// timer reads the properties of org.freedesktop.systemd1.Timer and what every unit has.
func (p *properties) timer(name string, k clock) Timer {
	t := Timer{
		Unit:              p.unit(name, k),
		Triggers:          value[string](p, "Unit"),
		LastTrigger:       p.instant("LastTriggerUSec", k),
		NextElapse:        k.instant(value[uint64](p, "NextElapseUSecRealtime"), 0),
		Accuracy:          p.duration("AccuracyUSec"),
		RandomizedDelay:   p.duration("RandomizedDelayUSec"),
		RandomizedOffset:  p.duration("RandomizedOffsetUSec"),
		DeferReactivation: value[bool](p, "DeferReactivation"),
		FixedRandomDelay:  value[bool](p, "FixedRandomDelay"),
		Persistent:        value[bool](p, "Persistent"),
		RemainAfterElapse: value[bool](p, "RemainAfterElapse"),
		Result:            value[string](p, "Result"),
	}
	mono := k.instant(0, value[uint64](p, "NextElapseUSecMonotonic"))
	if t.NextElapse.IsZero() || !mono.IsZero() && mono.Before(t.NextElapse) {
		t.NextElapse = mono
	}
	for _, e := range stored[[]struct {
		Base, Spec string
		Next       uint64 // may be stale (systemd issue 27695)
	}](p, "TimersCalendar") {
		t.Calendar = append(t.Calendar, e.Spec)
	}
	for _, e := range stored[[]struct {
		Base           string
		Interval, Next uint64
	}](p, "TimersMonotonic") {
		t.Monotonic = append(t.Monotonic, MonotonicEntry{strings.TrimSuffix(e.Base, "USec") + "Sec", duration(e.Interval)}) // OnBootUSec
	}
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
	s.Type = value[string](p, "Type")
	s.Result = value[string](p, "Result")
	s.MainPID = value[uint32](p, "MainPID")
	s.ControlPID = value[uint32](p, "ControlPID")
	s.ExecMainStart = p.instant("ExecMainStartTimestamp", k)
	s.ExecMainExit = p.instant("ExecMainExitTimestamp", k)
	s.ExecMainCode = value[int32](p, "ExecMainCode")
	s.ExecMainStatus = value[int32](p, "ExecMainStatus")
	s.NRestarts = value[uint32](p, "NRestarts")
	s.Restart = value[string](p, "Restart")
	s.RestartMode = value[string](p, "RestartMode")
	s.RestartDelay = p.duration("RestartUSec")
	s.RemainAfterExit = value[bool](p, "RemainAfterExit")
	s.RuntimeMax = p.duration("RuntimeMaxUSec")
	s.TimeoutStart = p.duration("TimeoutStartUSec")
	s.TimeoutStop = p.duration("TimeoutStopUSec")
	s.ControlGroup = value[string](p, "ControlGroup")
	s.Commands = p.commands()
	success := stored[struct{ Status, Signals []int32 }](p, "SuccessExitStatus")
	s.SuccessStatus, s.SuccessSignals = success.Status, success.Signals
	return s
}

// commands reads the command lines of a service, in the order in which they run.
func (p *properties) commands() (all []Exec) {
	for _, setting := range []string{"ExecCondition", "ExecStartPre", "ExecStart", "ExecStartPost", "ExecStop", "ExecStopPost"} {
		for _, e := range stored[[]struct {
			Path                             string
			Args                             []string
			IgnoreFailure                    bool
			Start, StartMono, Exit, ExitMono uint64
			PID                              uint32
			Code, Status                     int32
		}](p, setting) {
			all = append(all, Exec{setting, e.Path, e.IgnoreFailure, e.Code, e.Status})
		}
	}
	return all
}

// job reads the properties of org.freedesktop.systemd1.Job.
func (p *properties) job() (kind, state string) {
	return value[string](p, "JobType"), value[string](p, "State")
}
