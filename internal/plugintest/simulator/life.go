package simulator

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"mailfresh/internal/calendar"
)

// Zones are those of the hosts: all kinds of daylight saving time, and none.
var Zones = []string{
	"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo",
	"Asia/Kathmandu", "Pacific/Apia", "Europe/Dublin", "Africa/Cairo", "America/Santiago",
	"Africa/Casablanca", "Europe/Moscow", "Antarctica/Troll", "Pacific/Auckland", "Asia/Kolkata",
	"America/St_Johns", "Asia/Tehran", "Pacific/Chatham", "America/Havana", "Asia/Tokyo",
}

// A Life is a host and what befalls it.
type Life struct {
	*Host
	Events []Event // in order of time
	draw   draw
}

// An Event befalls the host at a real time.
type Event struct {
	At   int64
	Name string
	Do   func()
}

// draw draws what is random about a life.
type draw struct{ *rand.Rand }

func (d draw) often(percent int) bool { return d.IntN(100) < percent }

// between draws a span, each order of magnitude as often as the others.
func (d draw) between(low, high int64) int64 {
	for high > 2*low && d.often(50) {
		high /= 2
	}
	return low + d.Int64N(max(high-low, 1))
}

func one[T any](d draw, of ...T) T { return of[d.IntN(len(of))] }

// NewLife draws a healthy life of that many days: its jobs end well before their next elapse, or
// fail and succeed when Restart= tries again; and nobody stops a timer for good.
func NewLife(seed, number uint64, days int) (*Life, error) {
	d := draw{rand.New(rand.NewPCG(seed, number))}
	l, err := newLife(d)
	if err != nil {
		return nil, err
	}
	for i := range 1 + d.IntN(3) {
		l.Add(&Pair{Name: fmt.Sprintf("job%d", i), Files: l.files(), Enabled: true})
	}
	for range days / 3 {
		l.Events = append(l.Events, l.event(l.Now()+d.Int64N(int64(days)*Day)))
	}
	slices.SortStableFunc(l.Events, func(a, b Event) int { return cmp.Compare(a.At, b.At) })
	l.Boot()
	return l, nil
}

// newLife draws a host without timers, which is down.
func newLife(d draw) (*Life, error) {
	zone, err := time.LoadLocation(one(d, Zones...))
	if err != nil {
		return nil, err
	}
	start := time.Date(2023, time.January, 1, 0, 0, 0, 0, time.UTC).Add(span(d.Int64N(8 * 365 * Day)))
	l := &Life{Host: NewHost(one(d, 252, 257, 262), zone, start, d.Rand), draw: d}
	l.Latency = 20_000
	return l, nil
}

// Play runs the host until a real time, or until up to two minutes after the next event. befell is
// the name of this event.
func (l *Life) Play(until int64) (befell string) {
	if len(l.Events) > 0 && l.Events[0].At <= until {
		e := l.Events[0]
		l.Events = l.Events[1:]
		l.Run(e.At)
		e.Do()
		befell, until = e.Name, l.Now()+l.draw.Int64N(2*Minute)
	}
	l.Run(until)
	return befell
}

// Draw draws a span from 0 to most.
func (l *Life) Draw(most int64) int64 { return l.draw.Int64N(most) }

// Time is what the host's wall clock shows, in its zone.
func (l *Life) Time() time.Time { return time.UnixMicro(l.Stamp().Wall).In(l.Zone) }

// event draws what befalls the host, or one of its timers.
func (l *Life) event(at int64) Event {
	d := l.draw
	p := one(d, l.Units...)
	switch d.IntN(9) {
	case 0:
		return Event{at, "reboot", func() { l.Down(d.between(10*Second, 10*Minute)) }}
	case 1:
		return Event{at, "off", func() { l.Down(d.between(Hour, 20*Day)) }}
	case 2:
		return Event{at, "suspend", func() { l.Suspend(d.between(Minute, 3*Day)) }}
	case 3:
		return Event{at, "step", func() { l.Step(d.between(Second/10, one(d, 6*Hour, 60*Day)) * one(d, int64(1), int64(-1))) }}
	case 4:
		return Event{at, "daemon-reload", func() { l.reload() }}
	case 5:
		return Event{at, "restart of " + p.Name + ".timer", func() {
			if !p.AheadOfClock() && !p.Unanchored() {
				p.RestartTimer()
			}
		}}
	case 6:
		return Event{at, "start of " + p.Name + ".service", p.StartService}
	case 7:
		return Event{at, "new files of " + p.Name, func() { l.edit(p) }}
	}
	return Event{at, "new files of " + p.Name + " and daemon-reload", func() {
		l.edit(p)
		l.reload()
	}}
}

// edit gives a pair new files. They have a calendar entry if the old files have one: systemd keeps
// the last trigger, and does not count OnBootSec= and the like again.
func (l *Life) edit(p *Pair) {
	was := p.Files.Timer
	for calendar := was.Entries[0].Base == "OnCalendar"; ; {
		p.Files = l.files()
		if (p.Files.Timer.Entries[0].Base == "OnCalendar") == calendar {
			return
		}
	}
}

// reload is a daemon-reload, if no service runs: a run in progress may be too long for the new
// schedule.
func (l *Life) reload() {
	for _, p := range l.Units {
		if !isDown(p.service.state) {
			return
		}
	}
	for _, p := range l.Units {
		p.Reload()
	}
}

// files draws the settings of a timer and its service.
func (l *Life) files() Files {
	d := l.draw
	f := Files{
		Timer:   TimerFile{Entries: l.entries(), Accuracy: one(d, Minute, Minute, 1, Second, 10*Minute, Hour)},
		Service: ServiceFile{Type: one(d, "oneshot", "oneshot", "simple"), Restart: "no"},
	}
	t := &f.Timer
	gap, _ := l.gap(t.Entries)
	t.Accuracy = min(t.Accuracy, gap/2)
	if d.often(30) {
		t.Delay = d.between(Second, max(gap/2, 2*Second))
	}
	t.FixedDelay, t.Defer = d.often(20), d.often(15)
	// with Persistent= other timers do not start again after a boot
	t.Persistent = t.Entries[0].Base == "OnCalendar" && d.often(40)
	if d.often(15) {
		t.Offset = d.between(Second, max(gap/2, 2*Second))
	}
	if d.often(25) {
		f.Service.Restart, f.Service.RestartDelay = "on-failure", d.between(Second, 10*Second)
		f.Service.Direct = d.often(40)
	}
	f.Service.Ignore = d.often(10)
	f.Run = l.work(f)
	return f
}

// entries draws a schedule.
func (l *Life) entries() []Entry {
	d := l.draw
	every := d.between(30*Second, 2*Day)
	switch d.IntN(8) {
	case 0, 1, 2:
		return []Entry{l.calendar()}
	case 3:
		return []Entry{l.calendar(), l.calendar()}
	case 4:
		return []Entry{{Base: one(d, "OnBootSec", "OnActiveSec", "OnStartupSec"), Span: d.between(Second, Hour)}, {Base: "OnUnitActiveSec", Span: every}}
	case 5:
		return []Entry{{Base: one(d, "OnBootSec", "OnActiveSec", "OnStartupSec"), Span: d.between(Second, Hour)}, {Base: "OnUnitInactiveSec", Span: every}}
	case 6:
		return []Entry{l.calendar(), {Base: one(d, "OnBootSec", "OnStartupSec"), Span: d.between(Second, Hour)}}
	}
	return []Entry{l.calendar(), {Base: "OnUnitActiveSec", Span: every}}
}

// calendar draws an OnCalendar= line.
func (l *Life) calendar() Entry {
	d := l.draw
	clock := fmt.Sprintf("%d:%02d:%02d", d.IntN(24), d.IntN(60), d.IntN(60))
	spec := one(d, "minutely", "*:0/5", "*:0/15", "hourly", "0/6:30", "daily", clock, clock, "02:30", "Mon..Fri "+clock, "weekly", "Sun "+clock,
		"monthly", "*-*-1,15 "+clock, fmt.Sprintf("*-*-%d/%d", 1+d.IntN(9), 2+d.IntN(12)), "*-*~1..3", "quarterly", "Sat *-*-1..7 "+clock)
	if d.often(25) {
		spec += one(d, " UTC", " Europe/Berlin", " America/New_York")
	}
	event, err := calendar.Parse(spec, l.Zone)
	if err != nil { // a machine without zones
		event, _ = calendar.Parse("daily", l.Zone)
	}
	return Entry{Base: "OnCalendar", Event: event}
}

// gap returns the least and the most time between two elapses, as far as they can be computed.
func (l *Life) gap(entries []Entry) (least, most int64) {
	least = 30 * Day
	for _, e := range entries {
		if ofUnit(e.Base) {
			least = min(least, e.Span)
		}
		if e.Base != "OnCalendar" {
			continue
		}
		last, _ := e.Event.Next(time.UnixMicro(l.Now()))
		for range 40 {
			next, ok := e.Event.Next(last)
			if !ok {
				break
			}
			between := next.Sub(last).Microseconds()
			least, most = min(least, between), max(most, between)
			last = next
		}
	}
	return least, most
}

// work returns what the service does: it ends long before the next elapse.
func (l *Life) work(f Files) func() Run {
	d := l.draw
	gap, _ := l.gap(f.Timer.Entries)
	most := max(gap/4, 3*Second)
	if len(f.Timer.Entries) > 1 {
		most = 2 * Second // the elapses of two entries may follow each other at once
	}
	conditions, refuses, phases := d.often(15), d.often(5), d.often(20)
	usual := d.between(Second/100, min(most, 3*Hour))
	return func() Run {
		r := Run{Main: max(usual/2+d.Int64N(usual), 1000)}
		r.Skip, r.Refuse = conditions && d.often(30), refuses && d.often(30)
		if phases {
			r.Pre, r.Post = 1+d.Int64N(Second), 1+d.Int64N(Second)
		}
		if f.Service.Restart != "no" && d.often(5) {
			r.Exit = 1
		}
		return r
	}
}
