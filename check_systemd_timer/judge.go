package main

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"mailfresh/internal/nagios"
)

// judge returns the result for the timers that were read.
func judge(opt options, f facts, now time.Time) nagios.Result {
	objects := slices.Clone(f.fine)
	denied := false // whether a note says that the journal may not be read
	for i := range f.timers {
		pair := &f.timers[i]
		o := inspect(&opt, &f, pair, now)
		tell := f.isNamed(pair) || opt.Verbose > 0 || o.State != nagios.OK
		if b := f.before[pair.Timer.Name]; tell && !denied && b != nil && b.runs.Denied {
			denied = true
			o.Notes = append(o.Notes, "note: this user may not read the journal, so the runs before "+
				"are not known (add it to the group systemd-journal)")
		}
		objects = append(objects, o)
	}
	if f.whole {
		byName := func(a, b nagios.Object) int { return cmp.Compare(a.Name, b.Name) }
		slices.SortFunc(objects, byName)
	}
	for _, glob := range f.unmatched {
		objects = append(objects,
			nagios.Object{State: nagios.Critical, Name: glob, Text: "no timer matches"})
	}
	if len(objects) == 0 {
		return nagios.Result{State: nagios.Unknown,
			Summary: "nothing to check: there is no timer that is not excluded"}
	}
	r := nagios.Result{Objects: objects, TotalsOnly: f.whole}
	for _, o := range objects {
		r.State = nagios.Worst(r.State, o.State)
	}
	if f.whole {
		r.Totals = totals(objects)
	}
	r.Summary = nagios.Summary(r.Objects, "timer", ", none is late, stuck or failed", sentence)
	return r
}

func totals(objects []nagios.Object) []nagios.Quantity {
	counts := map[nagios.State]int{}
	for _, o := range objects {
		counts[o.State]++
	}
	list := []nagios.Quantity{{Label: "timers", Value: float64(len(objects))}}
	for _, s := range []nagios.State{nagios.OK, nagios.Warning, nagios.Critical, nagios.Unknown} {
		list = append(list, nagios.Quantity{Label: nagios.Label(s.String()),
			Value: float64(counts[s])})
	}
	return list
}

// sentence returns an object's text for a summary. The timer's name comes first, unless the text
// begins with a unit of the same name.
func sentence(o nagios.Object) string {
	if strings.HasPrefix(o.Text, strings.TrimSuffix(o.Name, ".timer")+".") {
		return o.Text
	}
	return o.Name + ": " + o.Text
}
