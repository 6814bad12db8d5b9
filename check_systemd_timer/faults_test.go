package main

import (
	"regexp"
	"slices"
	"testing"
	"time"

	"mailfresh/internal/nagios"
	"mailfresh/internal/plugintest"
	"mailfresh/internal/plugintest/simulator"
)

// Each fault is injected into healthy hosts. It has to be seen and named within two intervals of
// the timer's schedule, where the timer is named and with --all.
func TestFaultsAreSeen(t *testing.T) {
	seed, lives := plugintest.Seed(t), uint64(min(2*hostYears(t), 200))
	for i, fault := range simulator.Faults {
		t.Run(fault.Name, func(t *testing.T) {
			var took []float64 // intervals
			for n := range lives {
				l, interval, err := simulator.NewQuietLife(seed, uint64(i)<<32+n)
				if err != nil {
					t.Fatal(err)
				}
				if fault.Befalls(l.Units[0]) {
					took = append(took, suffer(t, l, fault, interval))
				}
			}
			if len(took) == 0 {
				t.Skip("the draw has no timer that it can befall")
			}
			slices.Sort(took)
			t.Logf("seed %d: injected %d times, seen and named after %.2f intervals in the middle"+
				" and %.2f at most", seed, len(took), took[len(took)/2], took[len(took)-1])
		})
	}
}

// suffer injects a fault into a life, and gives after how many intervals it was seen.
func suffer(t *testing.T, l *simulator.Life, fault simulator.Fault, interval int64) float64 {
	p := l.Units[0]
	named := optionsFor(t, "")
	l.Play(l.Now() + interval + l.Draw(2*interval))
	if r, pairs := ask(named, l); r.State != nagios.OK && !p.Overdue() {
		t.Fatalf("it alerts before the fault: %s\n%s", r.Summary, describe(pairs[0], l))
	}
	injected, says := l.Now(), regexp.MustCompile(fault.Says)
	fault.Inject(l, p)
	for _, opt := range []options{named, optionsFor(t, "--all")} {
		if opt.All && fault.Named {
			continue
		}
		said := await(l, opt, says, injected+2*interval+simulator.Minute, interval/50)
		if said != "" {
			_, pairs := ask(opt, l)
			t.Fatalf("not seen in two intervals, --all %t: %s\n%s", opt.All, said,
				describe(pairs[0], l))
		}
	}
	took := float64(l.Now()-injected) / float64(interval)
	seenAfterStep(t, l, fault, interval)
	return took
}

// seenAfterStep sets the clock, by up to 30 days either way: the fault is still seen and named.
func seenAfterStep(t *testing.T, l *simulator.Life, fault simulator.Fault, interval int64) {
	step, named := l.Draw(60*simulator.Day)-30*simulator.Day, optionsFor(t, "")
	l.Step(step)
	until := l.Now() + 2*interval + simulator.Minute
	if said := await(l, named, regexp.MustCompile(fault.Says), until, interval/50); said != "" {
		_, pairs := ask(named, l)
		t.Errorf("not seen after a step of %v: %s\n%s", time.Duration(step)*time.Microsecond, said,
			describe(pairs[0], l))
	}
}

// await asks until the timer alerts and the fault is named, or until a real time. Then it gives
// what is said instead.
func await(l *simulator.Life, opt options, says *regexp.Regexp, until, step int64) (said string) {
	for {
		r, _ := ask(opt, l)
		if r.State != nagios.OK && says.MatchString(r.Objects[0].Text) {
			return ""
		}
		if l.Now() >= until {
			return r.State.String() + " " + r.Objects[0].Text
		}
		l.Play(min(l.Now()+step, until))
	}
}
