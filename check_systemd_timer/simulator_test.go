package main

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	_ "time/tzdata" // the zones of the hosts, on a machine that has none

	"mailfresh/internal/nagios"
	"mailfresh/internal/plugintest"
	"mailfresh/internal/plugintest/simulator"
	"mailfresh/internal/systemd"
)

// hostYears is how many years of a host the test plays: $MAILFRESH_HOST_YEARS.
func hostYears(t *testing.T) int {
	text := os.Getenv("MAILFRESH_HOST_YEARS")
	if text == "" {
		return usualYears
	}
	years, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return years
}

// ask judges the timers of a simulated host.
func ask(opt options, l *simulator.Life) (nagios.Result, []systemd.Pair) {
	now, host, pairs := l.Facts()
	f := facts{host: host, timers: pairs, whole: opt.All, named: map[string]bool{}}
	for _, p := range pairs {
		f.named[p.Asked[0]] = !opt.All
	}
	return judge(opt, f, now), pairs
}

// alarms counts the alarms that nothing explains, by what they say without its numbers.
type alarms struct {
	sync.Mutex
	count   map[string]int
	example map[string]string
	asked   int
}

var numbers = regexp.MustCompile(`[0-9][0-9.]*( (d|h|m|s|ms))*`)

func (a *alarms) add(text, example string) {
	a.Lock()
	defer a.Unlock()
	kind := numbers.ReplaceAllString(strings.ReplaceAll(text, "runs", "run"), "N")
	a.count[kind]++
	if a.example[kind] == "" {
		a.example[kind] = example
	}
}

// explained reports whether an alarm says what is true of a healthy timer: an attempt failed, and
// Restart=
// makes another one; a failure is ignored; a condition is not met.
func explained(p systemd.Pair, text string, now time.Time) bool {
	s := p.Service
	switch {
	case strings.Contains(text, "missed"):
		return false
	case strings.Contains(text, "was skipped"):
		return true
	case strings.Contains(text, "systemd found no next elapse"):
		return true // its search for the next elapse does not end
	case strings.Contains(text, "the clock was wrong once"):
		return countsFromAhead(p, now)
	case s.ActiveState == "failed":
		return strings.Contains(text, "failed")
	case s.SubState == "auto-restart", s.NRestarts > 0 && s.ActiveState != "inactive":
		return strings.Contains(text, "restarted")
	}
	return s.ExecMainStatus != 0 && s.Commands[0].IgnoreFailure &&
		strings.Contains(text, "ExecStart=-")
}

// countsFromAhead reports whether systemd counts from an instant that the clock has yet to show
// again, as it was set back since then: the activation, a trigger whose run went on at that time,
// or the end of a run. Until then nothing fires. The last two are no fault within a day and DST.
func countsFromAhead(p systemd.Pair, now time.Time) bool {
	t, far := p.Timer, now.Add(26*time.Hour)
	return t.LastTrigger.IsZero() && t.ActiveEnterWall.After(now) || t.LastTriggerWall.After(far) ||
		t.DeferReactivation && p.Service.InactiveEnterWall.After(far)
}

// Hosts live for a year each, with reboots, suspends, clock steps, reloads and restarts, and
// nothing is
// wrong: nothing may alert. The seed and the number of a host play its life again.
func TestHostYears(t *testing.T) {
	seed, years := plugintest.Seed(t), hostYears(t)
	a := alarms{count: map[string]int{}, example: map[string]string{}}
	options := []options{optionsFor(t, ""), optionsFor(t, "--all")}
	numbers := make(chan uint64)
	var wait sync.WaitGroup
	for range 2 {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for number := range numbers {
				l, err := simulator.NewLife(seed, number, 365)
				if err != nil {
					t.Error(err)
					continue
				}
				live(l, options, number, &a)
			}
		}()
	}
	for number := range uint64(years) {
		numbers <- number
	}
	close(numbers)
	wait.Wait()
	for kind, n := range a.count {
		t.Errorf("%d false alarms: %s\n%s", n, kind, a.example[kind])
	}
	t.Logf("simulator: seed %d: %d host-years, %d instants asked, %d kinds of false alarms", seed,
		years, a.asked, len(a.count))
}

// live plays a life, and asks: every few minutes for two hours after anything has befallen the
// host, else
// every two hours or so.
func live(l *simulator.Life, options []options, number uint64, a *alarms) {
	const quiet, busy = 3 * simulator.Hour, 6 * simulator.Minute
	asked, last, until := 0, "", int64(0)
	for end := l.Now() + 365*simulator.Day; l.Now() < end; asked++ {
		step := quiet
		if l.Now() < until {
			step = busy
		}
		if befell := l.Play(l.Now() + step/2 + l.Draw(step)); befell != "" {
			last, until = befell, l.Now()+2*simulator.Hour
		}
		r, pairs := ask(options[asked%2], l)
		if r.State == nagios.OK {
			continue
		}
		for i, o := range r.Objects {
			if o.State != nagios.OK && !explained(pairs[i], o.Text, l.Time()) &&
				!l.Units[i].Overdue() {
				a.add(o.Text, fmt.Sprintf("host %d after %s, at %v: %s\n%s", number, last, l.Time(),
					o.Text, describe(pairs[i], l)))
			}
		}
	}
	a.Lock()
	defer a.Unlock()
	a.asked += asked
}

// describe gives what is needed to understand an alarm.
func describe(p systemd.Pair, l *simulator.Life) string {
	t, s := p.Timer, p.Service
	at := func(v time.Time) string {
		if v.IsZero() {
			return "-"
		}
		return v.In(l.Zone).Format("Jan 2 15:04:05.0")
	}
	return fmt.Sprintf("\tsystemd %d, %s: %v %v accuracy %v delay %v offset %v defer %t persistent %t\n"+
		"\ttimer %s since %s, triggered %s, next %s\n\tservice %s, out %s, in %s, condition %t at %s, restarts %d",
		l.Release, l.Zone, t.Calendar, t.Monotonic, t.Accuracy, t.RandomizedDelay,
		t.RandomizedOffset, t.DeferReactivation, t.Persistent,
		t.SubState, at(t.ActiveEnter), at(t.LastTrigger), at(t.NextElapse),
		s.SubState, at(s.InactiveExit), at(s.InactiveEnter), s.ConditionResult, at(s.ConditionTime),
		s.NRestarts)
}
