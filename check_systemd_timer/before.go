package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"mailfresh/internal/journal"
	"mailfresh/internal/nagios"
	"mailfresh/internal/systemd"
)

// enough is how many successful runs have to be known for a limit that is a
// multiple of the longest.
const enough = 5

// before is what the journal has of a service's runs before the present one.
type before struct {
	journal.Runs
	err error // why it is not known
}

// runLimit is a limit of the present run's time: a range, or a multiple of the
// longest of the recent successful runs, "5x".
type runLimit struct {
	nagios.TimeRange
	times float64 // 0: it is a range
}

// UnmarshalText reads a range of time spans, or a number with an x.
func (l *runLimit) UnmarshalText(text []byte) error {
	number, multiple := strings.CutSuffix(string(text), "x")
	if !multiple {
		l.times = 0
		return l.TimeRange.UnmarshalText(text)
	}
	var r nagios.Range
	if err := r.UnmarshalText([]byte(number)); err != nil || r.Inside || r.End <= 0 || strings.Contains(number, ":") {
		return fmt.Errorf("%q is not a multiple: want a number above 0 and an x, as in 5x", text)
	}
	*l = runLimit{times: r.End}
	return nil
}

// longest is the longest of the recent successful runs, and how many there are.
func (s *subject) longest() (longest time.Duration, known int) {
	if s.before == nil {
		return 0, 0
	}
	for _, r := range s.before.List {
		if r.Result == "success" && !r.Start.IsZero() {
			known, longest = known+1, max(longest, r.Duration)
		}
	}
	return longest, known
}

// apply is the range that a limit of the present run's time means. With too
// few runs known a multiple is none.
func (s *subject) apply(l runLimit) nagios.Range {
	longest, known := s.longest()
	switch {
	case l.times == 0:
		return l.Range
	case known < enough:
		return nagios.Range{}
	}
	return nagios.Range{End: l.times * longest.Seconds(), Set: true}
}

// notApplied says that a limit is not applied.
func (s *subject) notApplied() {
	_, known := s.longest()
	for _, l := range []struct {
		name  string
		limit runLimit
	}{{"--running-warning", s.opt.RunningWarning}, {"--running-critical", s.opt.RunningCritical}} {
		if l.limit.times > 0 && known < enough {
			s.notes = append(s.notes, fmt.Sprintf("note: %s %gx is not applied: it takes %d successful runs, and %d of %s are known", l.name, l.limit.times, enough, known, s.Service.Name))
		}
	}
}

// runBefore judges the outcome of the run before the present one, of which
// D-Bus knows nothing but when it ended. What the journal has may be older.
func (s *subject) runBefore() {
	if s.before == nil || len(s.before.List) == 0 || s.Service.InactiveEnter.IsZero() {
		return
	}
	last := s.before.List[0]
	const apart = 5 * time.Second // of the two clocks, at most
	if last.Result == "success" || last.End.Before(s.Service.InactiveEnter.Add(-apart)) {
		return
	}
	alike := 0
	for _, r := range s.before.List[1:] {
		if r.Result != last.Result || r.Start.IsZero() { // where that is hidden, so is a success in between
			break
		}
		alike++
	}
	svc := s.Service
	code := map[string]int32{"exited": 1, "killed": 2, "dumped": 3}[last.ExitCode]
	svc.Result, svc.ExecMainCode, svc.Commands = last.Result, 0, []systemd.Exec{{Setting: last.Command, Code: code, Status: last.ExitStatus}}
	past := subject{opt: s.opt, Pair: systemd.Pair{Service: svc}}
	text := fmt.Sprintf("%s failed %s: %s", svc.Name, s.ago(last.End), past.ending())
	switch alike {
	case 0:
	case 1:
		text += ", like the run before it"
	default:
		text += fmt.Sprintf(", like the %d runs before it", alike)
	}
	state := nagios.Critical
	if svc.NRestarts > 0 {
		state = nagios.Warning // Restart= tries again
	}
	s.found(state, "%s; the next attempt has been running for %s", text, nagios.Span(s.now.Sub(svc.InactiveExit)))
}

// context says what is known of the runs before.
func (s *subject) context() (notes []string) {
	switch {
	case s.before == nil || s.before.Denied:
		return nil // it is said once for all
	case s.before.err != nil:
		return []string{fmt.Sprintf("note: the runs before are not known: %v", s.before.err)}
	case len(s.before.List) == 0:
		return []string{"note: the journal has no earlier run of " + s.Service.Name}
	}
	var took []time.Duration
	var succeeded time.Time
	for _, r := range s.before.List {
		if !r.Start.IsZero() {
			took = append(took, r.Duration)
		}
		if r.Result == "success" && succeeded.IsZero() {
			succeeded = r.End
		}
	}
	if len(took) == 0 {
		return []string{"note: the journal does not say how long the runs before took"}
	}
	text := "the last run took " + nagios.Span(took[0])
	if len(took) > 1 {
		text = fmt.Sprintf("the last %d runs took %s to %s", len(took), nagios.Span(slices.Min(took)), nagios.Span(slices.Max(took)))
	}
	if succeeded.IsZero() {
		return []string{text + "; none of them succeeded"}
	}
	return []string{text + "; the last one that succeeded ended " + s.ago(succeeded)}
}
