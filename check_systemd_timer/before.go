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

// enough is the number of successful runs that must be known to apply a limit such as 5x.
const enough = 5

// before is what the journal has of the runs of a service before the present run.
type before struct {
	runs journal.Runs
	err  error // why the runs are not known
}

// unknown says why the earlier runs are not known; "" if they are known or were not asked for.
func (b *before) unknown() string {
	switch {
	case b == nil:
		return ""
	case b.runs.Denied:
		return "this user may not read the journal (add it to the group systemd-journal)"
	case b.err != nil:
		return fmt.Sprintf("the journal was not read: %v", b.err)
	}
	return ""
}

// runLimit is a limit for the time of the present run: a range, or a multiple of the longest recent
// successful run, such as "5x".
type runLimit struct {
	Range nagios.TimeRange
	times float64 // above 0: a multiple, and no range is set
}

// UnmarshalText reads a range of time spans, or a number with an x.
func (l *runLimit) UnmarshalText(text []byte) error {
	number, multiple := strings.CutSuffix(string(text), "x")
	if !multiple {
		l.times = 0
		return l.Range.UnmarshalText(text)
	}
	var r nagios.Range
	if err := r.UnmarshalText([]byte(number)); err != nil || r.Inside || r.End <= 0 ||
		strings.Contains(number, ":") {
		return fmt.Errorf("%q is not a multiple: want a number above 0 and an x, as in 5x", text)
	}
	*l = runLimit{times: r.End}
	return nil
}

// longestOf returns the time of the longest recent successful run, and the number of such runs.
func longestOf(b *before) (longest time.Duration, known int) {
	if b == nil {
		return 0, 0
	}
	for _, r := range b.runs.List {
		if r.Result == "success" && !r.Start.IsZero() {
			known, longest = known+1, max(longest, r.Duration)
		}
	}
	return longest, known
}

// apply returns the range that a limit for the time of the present run means. A multiple means no
// range if too few runs are known.
func apply(v view, l runLimit) nagios.Range {
	longest, known := longestOf(v.before)
	switch {
	case l.times == 0:
		return l.Range.Range
	case known < enough:
		return nagios.Range{}
	}
	return nagios.Range{End: l.times * longest.Seconds(), Set: true}
}

// multiples returns the limits that are multiples, such as "--running-warning 5x", if too few runs
// are known to apply them.
func multiples(v view) (list []string) {
	if _, known := longestOf(v.before); known >= enough {
		return nil
	}
	if times := v.opt.RunningWarning.times; times > 0 {
		list = append(list, fmt.Sprintf("--running-warning %gx", times))
	}
	if times := v.opt.RunningCritical.times; times > 0 {
		list = append(list, fmt.Sprintf("--running-critical %gx", times))
	}
	return list
}

// notApplied says which limits are not applied because too few runs are known.
func notApplied(v view) (list []string) {
	if v.before.unknown() != "" {
		return nil
	}
	_, known := longestOf(v.before)
	for _, limit := range multiples(v) {
		list = append(list,
			fmt.Sprintf("note: %s is not applied: it takes %d successful runs, and %d of %s are known",
				limit, enough, known, v.service.Name))
	}
	return list
}

// notJudged says which limits cannot be judged because the journal was not read.
func notJudged(v view) nagios.Findings {
	why, limits := v.before.unknown(), multiples(v)
	if why == "" || len(limits) == 0 {
		return nil
	}
	run := ""
	if progress(v).Worst() == nagios.OK {
		run = v.present() + ": "
	}
	return found(nagios.Unknown, "%s%s cannot be judged: %s", run,
		nagios.List(limits, 2, len(limits)), why)
}

// runBefore judges how the run before the present one ended. D-Bus knows only when that run ended.
// The latest run that the journal has may be an older one.
func runBefore(v view) nagios.Findings {
	if v.before == nil || len(v.before.runs.List) == 0 || v.service.InactiveEnter.IsZero() {
		return nil
	}
	last := v.before.runs.List[0]
	apart := 5 * time.Second // the most that the two clocks differ
	if v.run.restarts > 0 && v.service.RestartDelay < time.Hour {
		apart += v.service.RestartDelay // up to systemd 253 the service is inactive after it
	}
	if last.Result == "success" || last.End.Before(v.service.InactiveEnter.Add(-apart)) {
		return nil
	}
	text := fmt.Sprintf("%s failed %s: %s%s", v.service.Name, v.ago(last.End), endingOf(v, last),
		softReboot(v, last.ExitCode == "killed"))
	switch n := alike(v.before.runs.List); n {
	case 0:
	case 1:
		text += ", like the run before it"
	default:
		text += fmt.Sprintf(", like the %d runs before it", n)
	}
	state := nagios.Critical
	if v.run.restarts > 0 {
		state = nagios.Warning // Restart= tries again
	}
	ran := nagios.Span(v.now.Sub(v.run.tried))
	return found(state, "%s; the next attempt has been running for %s", text, ran)
}

// alike returns how many runs in a row before the latest run ended like the latest run. The count
// ends at a run whose start is hidden: a success may be hidden there, too.
func alike(list []journal.Run) (n int) {
	for _, r := range list[1:] {
		if r.Result != list[0].Result || r.Start.IsZero() {
			break
		}
		n++
	}
	return n
}

// endingOf says how a run from the journal ended.
func endingOf(v view, r journal.Run) string {
	code := map[string]int32{"exited": 1, "killed": 2, "dumped": 3}[r.ExitCode]
	s := *v.service
	s.Result, s.ExecMainCode = r.Result, 0
	s.Commands = []systemd.Exec{{Setting: r.Command, Code: code, Status: r.ExitStatus}}
	v.service = &s
	return v.ending()
}

// past says what is known of the earlier runs.
func past(v view) []string {
	switch {
	case v.before == nil || v.before.runs.Denied:
		return nil // judge notes a denied journal once for all timers
	case v.before.err != nil:
		return []string{fmt.Sprintf("note: the runs before are not known: %v", v.before.err)}
	case len(v.before.runs.List) == 0:
		return []string{"note: the journal has no earlier run of " + v.service.Name}
	}
	var took []time.Duration
	var succeeded time.Time
	for _, r := range v.before.runs.List {
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
		text = fmt.Sprintf("the last %d runs took %s to %s", len(took),
			nagios.Span(slices.Min(took)), nagios.Span(slices.Max(took)))
	}
	if succeeded.IsZero() {
		return []string{text + "; none of them succeeded"}
	}
	return []string{text + "; the last one that succeeded ended " + v.ago(succeeded)}
}
