package simulator

import "strconv"

// Properties returns the properties of both units on D-Bus, by "timer NAME" or "service NAME".
// Instants are microseconds of CLOCK_MONOTONIC.
func (p *Pair) Properties() map[string]string {
	all := map[string]string{}
	p.timer.properties("timer ", all)
	p.service.properties("service ", all)
	number := func(name string, n int64) { all[name] = strconv.FormatInt(n, 10) }
	t, s := &p.timer, &p.service
	number("timer LastTriggerUSecMonotonic", t.lastTrigger.Mono)
	number("timer NextElapseUSecRealtime", t.elapse.Wall)
	number("timer NextElapseUSecMonotonic", t.elapse.Mono)
	all["timer Result"] = t.result
	all["service Result"] = s.result
	number("service NRestarts", int64(s.restarts))
	number("service ExecMainStartTimestampMonotonic", s.main.start.Mono)
	number("service ExecMainExitTimestampMonotonic", s.main.exit.Mono)
	number("service ExecMainCode", int64(s.main.code))
	number("service ExecMainStatus", int64(s.main.status))
	number("service ConditionTimestampMonotonic", s.condition.at.Mono)
	all["service ConditionResult"] = strconv.FormatBool(s.condition.ok)
	number("service AssertTimestampMonotonic", s.assertion.at.Mono)
	all["service AssertResult"] = strconv.FormatBool(s.assertion.ok)
	return all
}

// properties adds the properties that every unit has.
func (u *unit) properties(prefix string, all map[string]string) {
	all[prefix+"ActiveState"], all[prefix+"SubState"] = active(u.state), u.state
	for name, at := range map[string]Stamp{
		"InactiveExit": u.inactiveExit, "InactiveEnter": u.inactiveEnter,
		"ActiveEnter": u.activeEnter, "ActiveExit": u.activeExit, "StateChange": u.change,
	} {
		all[prefix+name+"TimestampMonotonic"] = strconv.FormatInt(at.Mono, 10)
	}
}
