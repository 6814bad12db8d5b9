package simulator

import "math/rand/v2"

// A Fault is something that goes wrong with a timer or its service.
type Fault struct {
	Name   string
	Says   string // a regular expression of the output that reports it
	Named  bool   // it is reported only if the timer is named
	OnlyOf string // the kind of entry that a timer must have, OnCalendar; empty: any
	Inject func(*Life, *Pair)
}

// Faults are all that can be injected.
var Faults = []Fault{
	runs("hang", `has been running for .*missed`, Run{Main: Endless}),
	runs("hang before the start", `has been running for .*\(start-pre.*missed`, Run{Pre: Endless}),
	runs("hang after the end", `has been running for .*\(stop-post.*missed`, Run{Main: Second, Post: Endless}),
	runs("failure", `failed .*: exit status 1`, Run{Main: Second, Exit: 1}),
	runs("failed assertion", `did not start: an assertion failed`, Run{Fault: true}),
	{"swallowed failure", `exit status 1, which ExecStart=- ignores`, false, "", func(l *Life, p *Pair) {
		p.loaded.Service.Ignore = true
		p.setRun(Run{Main: Second, Exit: 1})
	}},
	{"restart loop", `restarted`, false, "", func(l *Life, p *Pair) {
		p.loaded.Service.Restart, p.loaded.Service.RestartDelay = "on-failure", 10*Second
		p.setRun(Run{Main: Second, Exit: 1})
	}},
	{"service that stays active", `stays active after its run`, false, "", func(l *Life, p *Pair) {
		p.loaded.Service.Remain, p.loaded.Service.Type = true, "oneshot"
	}},
	{"stopped timer", `enabled but not started, stopped`, false, "", func(l *Life, p *Pair) { p.StopTimer() }},
	{"timer that a boot does not start", `enabled but not started`, false, "", func(l *Life, p *Pair) {
		p.Forgotten = true
		l.Down(Minute)
	}},
	{"lost timer", `not found`, true, "", func(l *Life, p *Pair) {
		p.Lost = true
		l.Down(Minute)
	}},
	{"missing anchor", `will never fire again`, false, "", func(l *Life, p *Pair) {
		p.Files.Timer.Entries = []Entry{{Base: "OnUnitActiveSec", Span: Hour}}
		l.Down(Minute)
	}},
	{"start job that waits", `has not started: its start job 7 is waiting`, false, "", func(l *Life, p *Pair) {
		p.Blocked = true
	}},
	{"start job that is lost", `the timer waits for job0.service, which is inactive`, false, "", func(l *Life, p *Pair) {
		p.Jobless = true
	}},
	{"clock that was wrong once", `the clock was wrong once`, false, "OnCalendar", func(l *Life, p *Pair) {
		l.Step(400 * Day)
		l.Down(Minute)
		l.Step(-400 * Day)
	}},
}

// runs is a fault of what the service does.
func runs(name, says string, run Run) Fault {
	return Fault{name, says, false, "", func(l *Life, p *Pair) { p.setRun(run) }}
}

// Befalls reports whether the fault can happen to the timer.
func (f Fault) Befalls(p *Pair) bool {
	return f.OnlyOf == "" || p.Files.Timer.Entries[0].Base == f.OnlyOf
}

// setRun changes what the service does from its next attempt on.
func (p *Pair) setRun(run Run) { p.loaded.Run = func() Run { return run } }

// NewQuietLife draws a host with one timer, to which nothing happens. interval is the longest time
// between two elapses of the timer's schedule, with all delays and the length of a run.
func NewQuietLife(seed, number uint64) (l *Life, interval int64, err error) {
	if l, err = newLife(draw{rand.New(rand.NewPCG(seed, number))}); err != nil {
		return nil, 0, err
	}
	p := &Pair{Name: "job0", Enabled: true}
	for interval == 0 || interval > 9*Day {
		p.Files = l.files()
		interval = l.simplify(&p.Files.Timer)
	}
	p.Files.Service.Restart, p.Files.Service.Ignore = "no", false
	length := l.draw.between(Second/10, interval/20)
	p.Files.Run = func() Run { return Run{Main: length} }
	l.Add(p)
	l.Boot()
	t := p.Files.Timer
	return l, interval + length + t.Accuracy + t.Delay + t.Offset, nil
}

// simplify leaves the timer one entry that recurs, and returns the longest time between two
// elapses.
func (l *Life) simplify(t *TimerFile) (interval int64) {
	t.Persistent, t.Defer = false, false // with Defer an elapse during a run is not demanded
	if len(t.Entries) > 1 && t.Entries[0].Base != "OnCalendar" {
		t.Entries[0].Span = Minute
		return t.Entries[1].Span
	}
	t.Entries = t.Entries[:1]
	_, interval = l.gap(t.Entries)
	return interval
}
