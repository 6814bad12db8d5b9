package systemd

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// property is a property whose value is not decoded yet.
type property struct {
	signature string
	message   *reader // the reply that has the value
	at        int     // where the value begins
}

// properties are the properties of a unit from one or more replies. A property that is missing, as
// from an older systemd, is decoded as its zero value.
type properties struct {
	values map[string]property
	clock  clock
	err    error // the first one: a property of an unexpected type
}

func newProperties(k clock) *properties {
	return &properties{values: map[string]property{}, clock: k}
}

// fill adds the properties of a reply to GetAll.
func (p *properties) fill(m reply) error {
	if len(p.values) == 0 {
		const bytes = 50 // of an average property
		p.values = make(map[string]property, len(m.body.message)/bytes)
	}
	return m.rows("a{sv}", func(r *reader) { p.add(r.text(), r, &m.body) })
}

// add adds the variant at which r stands as a property.
func (p *properties) add(name string, r, message *reader) {
	kind := r.signature()
	p.values[name] = property{kind, message, r.at}
	r.bad = r.skip(kind, 0) != "" || r.bad
}

// has reports whether the replies had a property.
func (p *properties) has(name string) bool {
	_, ok := p.values[name]
	return ok
}

// read decodes a property that has this signature by the function read.
func (p *properties) read(name, signature string, read func(r *reader)) {
	found, ok := p.values[name]
	switch {
	case !ok || p.err != nil:
	case found.signature != signature:
		p.err = fmt.Errorf("property %s has the type %q, not %q", name, found.signature, signature)
	default:
		r := *found.message
		r.at = found.at
		if read(&r); r.bad {
			p.err = fmt.Errorf("property %s: %w", name, errMessage)
		}
	}
}

// value decodes a property that has this signature; it is zero if the property is missing.
func value[T any](p *properties, name, signature string, decode func(*reader) T) (v T) {
	p.read(name, signature, func(r *reader) { v = decode(r) })
	return v
}

func (p *properties) text(name string) string { return value(p, name, "s", (*reader).text) }

func (p *properties) texts(name string) []string { return value(p, name, "as", (*reader).texts) }

func (p *properties) bool(name string) bool { return value(p, name, "b", (*reader).bool) }

func (p *properties) uint32(name string) uint32 { return value(p, name, "u", (*reader).uint32) }

func (p *properties) int32(name string) int32 { return value(p, name, "i", (*reader).int32) }

func (p *properties) uint64(name string) uint64 { return value(p, name, "t", (*reader).uint64) }

func (p *properties) duration(name string) time.Duration { return duration(p.uint64(name)) }

func (p *properties) instant(name string) time.Time {
	return p.clock.instant(p.uint64(name), p.uint64(name+"Monotonic"))
}

// wall returns an instant as the wall clock showed it then.
func (p *properties) wall(name string) time.Time { return p.clock.instant(p.uint64(name), 0) }

// rows reads a property that is an array of structures.
func (p *properties) rows(name, signature string, row func(r *reader)) {
	p.read(name, signature, func(r *reader) { r.rows(row) })
}

// unit reads the properties of org.freedesktop.systemd1.Unit.
func (p *properties) unit(name string) Unit {
	u := Unit{
		Name:             name,
		LoadState:        p.text("LoadState"),
		ActiveState:      p.text("ActiveState"),
		SubState:         p.text("SubState"),
		FreezerState:     p.text("FreezerState"),
		UnitFileState:    p.text("UnitFileState"),
		NeedDaemonReload: p.bool("NeedDaemonReload"),
		InactiveExit:     p.instant("InactiveExitTimestamp"),
		ActiveEnter:      p.instant("ActiveEnterTimestamp"),
		InactiveEnter:    p.instant("InactiveEnterTimestamp"),
		StateChange:      p.instant("StateChangeTimestamp"),
		ConditionResult:  p.bool("ConditionResult"),
		ConditionTime:    p.instant("ConditionTimestamp"),
		Conditions:       p.conditions("Conditions"),
		AssertResult:     p.bool("AssertResult"),
		AssertTime:       p.instant("AssertTimestamp"),
		Asserts:          p.conditions("Asserts"),

		InactiveExitMonotonic:  p.duration("InactiveExitTimestampMonotonic"),
		ActiveEnterMonotonic:   p.duration("ActiveEnterTimestampMonotonic"),
		InactiveEnterMonotonic: p.duration("InactiveEnterTimestampMonotonic"),
		InactiveEnterWall:      p.wall("InactiveEnterTimestamp"),
		ActiveEnterWall:        p.wall("ActiveEnterTimestamp"),
	}
	if id := p.text("Id"); id != "" {
		u.Name = id // name may be an alias
	}
	p.read("LoadError", "(ss)", func(r *reader) {
		r.align(8)
		r.text() // the error's D-Bus name
		u.LoadError = r.text()
	})
	p.read("Job", "(uo)", func(r *reader) {
		r.align(8)
		if id := r.uint32(); id != 0 {
			u.Job = &Job{ID: id, Unit: u.Name}
		}
		r.text() // its path
	})
	return u
}

func (p *properties) conditions(name string) (all []Condition) {
	p.rows(name, "a(sbbsi)", func(r *reader) {
		c := Condition{Type: r.text(), Trigger: r.bool(), Negate: r.bool()}
		c.Param, c.State = r.text(), r.int32()
		all = append(all, c)
	})
	return all
}

// timer reads the properties of org.freedesktop.systemd1.Timer and those of every unit.
func (p *properties) timer(name string) Timer {
	t := Timer{
		Unit:                 p.unit(name),
		Triggers:             p.text("Unit"),
		LastTrigger:          p.instant("LastTriggerUSec"),
		LastTriggerWall:      p.wall("LastTriggerUSec"),
		LastTriggerMonotonic: p.duration("LastTriggerUSecMonotonic"),
		NextElapse:           p.wall("NextElapseUSecRealtime"),
		Accuracy:             p.duration("AccuracyUSec"),
		RandomizedDelay:      p.duration("RandomizedDelayUSec"),
		RandomizedOffset:     p.duration("RandomizedOffsetUSec"),
		DeferReactivation:    p.bool("DeferReactivation"),
		Persistent:           p.bool("Persistent"),
		RemainAfterElapse:    p.bool("RemainAfterElapse"),
		WakeSystem:           p.bool("WakeSystem"),
		Result:               p.text("Result"),
	}
	mono := p.clock.instant(0, p.uint64("NextElapseUSecMonotonic"))
	if t.NextElapse.IsZero() || !mono.IsZero() && mono.Before(t.NextElapse) {
		t.NextElapse = mono
	}
	p.rows("TimersCalendar", "a(sst)", func(r *reader) {
		r.text() // OnCalendar
		t.Calendar = append(t.Calendar, r.text())
		r.uint64() // the next elapse, which may be stale (systemd issue 27695)
	})
	t.Monotonic = p.monotonic()
	if t.Triggers != "" && p.err == nil {
		if err := checkName(t.Triggers); err != nil {
			p.err = fmt.Errorf("property Unit is %.300q: %w", t.Triggers, err)
		}
	}
	return t
}

// monotonic reads OnBootSec= and similar lines of a timer.
func (p *properties) monotonic() (all []MonotonicEntry) {
	p.rows("TimersMonotonic", "a(stt)", func(r *reader) {
		base := strings.TrimSuffix(r.text(), "USec") + "Sec" // OnBootUSec
		all = append(all, MonotonicEntry{base, duration(r.uint64())})
		r.uint64() // the next elapse
	})
	return all
}

// service reads the properties of org.freedesktop.systemd1.Service and those of every unit.
func (p *properties) service(name string) Service {
	s := Service{Unit: p.unit(name), IsService: strings.HasSuffix(name, ".service"),
		Result: p.text("Result")} // a mount, socket, swap or path has one, too
	if !s.IsService {
		return s
	}
	s.Type = p.text("Type")
	s.MainPID = p.uint32("MainPID")
	s.ExecMainStart = p.instant("ExecMainStartTimestamp")
	s.ExecMainExit = p.instant("ExecMainExitTimestamp")
	s.ExecMainCode = p.int32("ExecMainCode")
	s.ExecMainStatus = p.int32("ExecMainStatus")
	s.NRestarts = p.uint32("NRestarts")
	s.RestartMode = p.text("RestartMode")
	s.RestartDelay = p.duration("RestartUSec")
	s.RemainAfterExit = p.bool("RemainAfterExit")
	s.RuntimeMax = p.duration("RuntimeMaxUSec")
	s.TimeoutStart = p.duration("TimeoutStartUSec")
	s.TimeoutStop = p.duration("TimeoutStopUSec")
	s.ControlGroup = p.text("ControlGroup")
	s.Slice = p.text("Slice")
	s.Commands = p.commands()
	p.read("SuccessExitStatus", "(aiai)", func(r *reader) {
		r.align(8)
		s.SuccessStatus, s.SuccessSignals = r.int32s(), r.int32s()
	})
	return s
}

// commands reads the command lines of a service, in the order in which they run.
func (p *properties) commands() (all []Exec) {
	for _, setting := range []string{"ExecCondition", "ExecStartPre", "ExecStart",
		"ExecStartPost", "ExecStop", "ExecStopPost"} {
		p.rows(setting, execType, func(r *reader) {
			e, _, _ := r.exec(setting)
			all = append(all, e)
		})
	}
	return all
}

// execType is the signature of a property with command lines.
const execType = "a(sasbttttuii)"

// exec reads one command line, and when its process began and ended in the latest run: microseconds
// since 1970, 0 if it has not or if systemd has forgotten it.
func (r *reader) exec(setting string) (e Exec, began, ended uint64) {
	e = Exec{Setting: setting, Path: r.text()}
	r.skip("as", 0) // arguments
	e.IgnoreFailure = r.bool()
	began = r.uint64()
	r.uint64() // the same on CLOCK_MONOTONIC
	ended = r.uint64()
	r.uint64() // the same on CLOCK_MONOTONIC
	r.uint32() // PID
	e.Code, e.Status = r.int32(), r.int32()
	return e, began, ended
}

// slice reads the properties of org.freedesktop.systemd1.Slice, and whether it is frozen.
func (p *properties) slice(name string) Slice {
	return Slice{
		Name:          name,
		FreezerState:  p.text("FreezerState"),
		SoftMax:       p.limit("ConcurrencySoftMax"),
		ActivatingMax: p.limit("ActivatingConcurrencyMax"),
		Active:        p.uint32("NCurrentlyActive"),
	}
}

// limit reads a limit of a slice; 0: none.
func (p *properties) limit(name string) uint32 {
	if n := p.uint32(name); n != math.MaxUint32 {
		return n
	}
	return 0
}
