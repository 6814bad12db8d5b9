package main

import (
	"slices"
	"strings"
	"time"

	"mailfresh/internal/nagios"
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
		verdicts = append(verdicts,
			verdict{Object: nagios.Object{State: nagios.Critical, Name: glob,
				Text: "no timer matches"}})
	}
	if len(verdicts) == 0 {
		return nagios.Result{State: nagios.Unknown,
			Summary: "nothing to check: there is no timer that is not excluded"}
	}
	r := nagios.Result{TotalsOnly: f.whole}
	for _, v := range verdicts {
		r.State = nagios.Worst(r.State, v.State)
		r.Objects = append(r.Objects, v.Object)
	}
	if f.whole {
		r.Totals = totals(verdicts)
	}
	r.Summary = nagios.Summary(r.Objects, "timer", ", none is late, stuck or failed", sentence)
	return r
}

// totals counts the timers by state.
func totals(verdicts []verdict) []nagios.Quantity {
	counts := map[nagios.State]int{}
	for _, v := range verdicts {
		counts[v.State]++
	}
	list := []nagios.Quantity{{Label: "timers", Value: float64(len(verdicts))}}
	for _, s := range []nagios.State{nagios.OK, nagios.Warning, nagios.Critical, nagios.Unknown} {
		list = append(list, nagios.Quantity{Label: nagios.Label(s.String()),
			Value: float64(counts[s])})
	}
	return list
}

// verdict is what is said of one timer.
type verdict struct {
	nagios.Object
	denied bool // the journal, which would have had more to say
}

// sentence is the object as it stands in a summary, where no name leads it.
func sentence(o nagios.Object) string {
	if strings.HasPrefix(o.Text, strings.TrimSuffix(o.Name, ".timer")+".") {
		return o.Text
	}
	return o.Name + ": " + o.Text
}
