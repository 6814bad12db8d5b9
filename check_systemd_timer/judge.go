package main

import (
	"fmt"
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
		verdicts = append(verdicts, verdict{name: glob, Item: nagios.Item{State: nagios.Critical, Name: glob, Text: "no timer matches"}})
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
	r.Summary = summarise(verdicts, r.State)
	return r
}

// summarise says the worst of the verdicts, and how many more alert.
func summarise(verdicts []verdict, worst nagios.State) string {
	first := slices.IndexFunc(verdicts, func(v verdict) bool { return v.State == worst })
	if len(verdicts) == 1 {
		return verdicts[first].sentence()
	}
	alerts := 0
	for _, v := range verdicts {
		if v.State != nagios.OK {
			alerts++
		}
	}
	switch {
	case alerts == 0:
		return fmt.Sprintf("%d timers, none is late, stuck or failed", len(verdicts))
	case alerts == 1 && len(verdicts) == 2:
		return verdicts[first].sentence() + " (the other timer is fine)"
	case alerts == 1:
		return fmt.Sprintf("%s (the other %d timers are fine)", verdicts[first].sentence(), len(verdicts)-1)
	}
	return fmt.Sprintf("%s (and %d more of %d timers)", verdicts[first].sentence(), alerts-1, len(verdicts))
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
	name   string
	data   []nagios.Perfdata
	denied bool // the journal, which would have had more to say
}

// sentence is the verdict as it stands in a summary, where no name leads it.
func (v verdict) sentence() string {
	stem := strings.TrimSuffix(v.name, ".timer")
	if strings.HasPrefix(v.Text, stem+".") {
		return v.Text
	}
	return v.name + ": " + v.Text
}

// perfdata is the timer's performance data, its labels with its name where
// several timers are named.
func (v verdict) perfdata(several bool) []nagios.Perfdata {
	list := slices.Clone(v.data)
	for i := range list {
		if several {
			list[i].Label = nagios.Label(strings.TrimSuffix(v.name, ".timer"), list[i].Label)
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
	findings []finding
	notes    []string
	lookAt   string
	counted  bool
	missed   int       // means nothing unless counted
	first    time.Time // the earliest missed elapse
}

// finding is one thing that was seen of a timer, in the order of seeing.
type finding struct {
	state nagios.State
	text  string
}

func (s *subject) found(state nagios.State, format string, args ...any) {
	s.findings = append(s.findings, finding{state, fmt.Sprintf(format, args...)})
}

// verdict puts the findings together: the worst leads, the others that alert
// follow; if none alerts, the first stands for all.
func (s *subject) verdict() verdict {
	slices.SortStableFunc(s.findings, func(a, b finding) int {
		switch {
		case a.state.Worse(b.state):
			return -1
		case b.state.Worse(a.state):
			return 1
		}
		return 0
	})
	var texts []string
	for i, f := range s.findings {
		if i == 0 || f.state != nagios.OK {
			texts = append(texts, f.text)
		}
	}
	name := s.Timer.Name
	v := verdict{name: name, data: s.perfdata()}
	v.denied = s.before != nil && s.before.Denied && (s.named || s.opt.Verbose > 0 || s.findings[0].state != nagios.OK)
	v.Item = nagios.Item{State: s.findings[0].state, Name: name, Text: strings.Join(texts, "; "), Notes: s.notes, Detail: s.detail()}
	return v
}
