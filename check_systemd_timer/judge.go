package main

import (
	"slices"
	"strings"
	"time"

	"mailfresh/internal/nagios"
	"mailfresh/internal/systemd"
)

// judge gives the result for the timers that were read.
func judge(opt options, f facts, now time.Time) nagios.Result {
	var verdicts []verdict
	for _, pair := range f.timers {
		verdicts = append(verdicts, inspect(opt, f, pair, now))
	}
	if first := slices.IndexFunc(verdicts, func(v verdict) bool { return v.denied }); first >= 0 {
		note := "note: this user may not read the journal, so the runs before are not known (add it to the group systemd-journal)"
		verdicts[first].Notes = append(verdicts[first].Notes, note)
	}
	for _, glob := range f.unmatched {
		verdicts = append(verdicts, verdict{Item: nagios.Item{State: nagios.Critical, Name: glob, Text: "no timer matches"}})
	}
	if len(verdicts) == 0 {
		return nagios.Result{State: nagios.Unknown, Summary: "nothing to check: there is no timer that is not excluded"}
	}
	r := nagios.Result{}
	for _, v := range verdicts {
		r.State = nagios.Worst(r.State, v.State)
		r.Items = append(r.Items, v.Item)
		if !f.whole {
			r.Perfdata = append(r.Perfdata, v.perfdata(len(verdicts) > 1)...)
		}
	}
	if f.whole {
		r.Perfdata = totals(verdicts)
	}
	r.Summary = nagios.Summary(r.Items, "timer", ", none is late, stuck or failed", sentence)
	return r
}

// totals counts the timers by state.
func totals(verdicts []verdict) []nagios.Perfdata {
	counts := map[nagios.State]int{}
	for _, v := range verdicts {
		counts[v.State]++
	}
	list := []nagios.Perfdata{{Label: "timers", Value: float64(len(verdicts))}}
	for _, s := range []nagios.State{nagios.OK, nagios.Warning, nagios.Critical, nagios.Unknown} {
		list = append(list, nagios.Perfdata{Label: nagios.Label(s.String()), Value: float64(counts[s])})
	}
	return list
}

// verdict is what is said of one timer.
type verdict struct {
	nagios.Item
	data   []nagios.Perfdata
	denied bool // the journal, which would have had more to say
}

// sentence is the item as it stands in a summary, where no name leads it.
func sentence(it nagios.Item) string {
	if strings.HasPrefix(it.Text, strings.TrimSuffix(it.Name, ".timer")+".") {
		return it.Text
	}
	return it.Name + ": " + it.Text
}

// perfdata is the timer's performance data, its labels with its name where
// several timers are named.
func (v verdict) perfdata(several bool) []nagios.Perfdata {
	list := slices.Clone(v.data)
	for i := range list {
		if several {
			list[i].Label = nagios.Label(strings.TrimSuffix(v.Name, ".timer"), list[i].Label)
		}
	}
	return list
}

// subject is one timer while it is judged.
type subject struct {
	opt   options
	named bool
	now   time.Time
	systemd.Pair
	host     systemd.Host
	before   *before // nil: the runs before were not asked for
	stuck    *stuck  // nil: the processes were not asked for
	findings nagios.Findings
	notes    []string
	counted  bool
	missed   int       // means nothing unless counted
	first    time.Time // the earliest missed elapse
}

func (s *subject) found(state nagios.State, format string, args ...any) {
	s.findings.Add(state, format, args...)
}

func (s *subject) worst() nagios.State { return s.findings.Worst() }

func (s *subject) verdict() verdict {
	return verdict{
		Item:   nagios.Item{State: s.worst(), Name: s.Timer.Name, Text: s.findings.Text(), Notes: s.notes, Detail: s.detail()},
		data:   s.perfdata(),
		denied: s.before != nil && s.before.Denied && (s.named || s.opt.Verbose > 0 || s.worst() != nagios.OK),
	}
}
