package main

import (
	"slices"
	"strings"
	"time"

	"mailfresh/internal/nagios"
	"mailfresh/internal/systemd"
)

// inspect judges one timer. A timer that could not be read, or that makes inspected panic, is
// UNKNOWN; the other timers keep their states.
func inspect(opt *options, f *facts, pair *systemd.Pair, now time.Time) nagios.Object {
	o, err := nagios.Object{}, pair.Err
	if err == nil {
		o, err = inspected(opt, f, pair, now)
	}
	if err != nil {
		o = nagios.Object{State: nagios.Unknown, Text: err.Error(), Unseen: true}
	}
	o.Name, o.Prefix = pair.Timer.Name, strings.TrimSuffix(pair.Timer.Name, ".timer")
	o.Labels = []nagios.MetricLabel{
		{Name: "timer", Value: pair.Timer.Name}, {Name: "service", Value: pair.Service.Name},
	}
	return o
}

func inspected(opt *options, f *facts, pair *systemd.Pair, now time.Time) (o nagios.Object,
	err error) {
	defer caught(&err)
	v := viewOf(opt, f, pair, now)
	list := findings(v)
	o = nagios.Object{State: list.Worst(), Text: list.Text()}
	o.Notes = notes(v, o.State)
	switch {
	case !f.whole:
		o.Quantities = v.quantities()
	case opt.OutputFormat != "nagios": // nagios prints only totals; Clone saves memory
		noMetric := func(q nagios.Quantity) bool { return q.Metric == "" }
		o.Quantities = slices.Clone(slices.DeleteFunc(v.quantities(), noMetric))
	}
	if opt.Verbose > 1 {
		o.Detail = v.detail()
	}
	return o, nil
}

// findings returns the verdicts on a timer. Each kind of verdict has its own function. The order
// is: the timer itself; if the timer is active, the run or last run of its service, and the missed
// runs; last the timer's next elapse and the age of the last run.
func findings(v view) nagios.Findings {
	if fault := timerFault(v); len(fault) > 0 {
		return fault // with this fault the service cannot be in order
	}
	list := schedules(v)
	for _, kind := range kinds[v.run.phase] {
		list = append(list, kind(v)...)
	}
	list = append(list, clockWasWrong(v)...)
	return append(list, age(v)...)
}

// kinds has the kinds of verdict for each phase.
var kinds = [...][]func(view) nagios.Findings{
	phaseFrozen:     {freeze, lateness},
	phaseRemaining:  {stays},
	phaseRestarting: {loop, lateness},
	phaseRunning:    {progress, notJudged, runBefore},
	phaseSpent:      {neverAgain, outcome, noRun, nothingMore},
	phaseQueued:     {waitsInQueue, outcome, lateness},
	phaseAbandoned:  {waitsInVain, outcome, lateness},
	phaseIdle:       {outcome, noRun, lateness},
}

// notes returns the lines below the timer's line: what is special about the service, why its run is
// stuck, how the earlier runs went, where to look.
func notes(v view, state nagios.State) (list []string) {
	fault := len(timerFault(v)) > 0
	if !fault {
		list = serviceNotes(v)
	}
	if v.timer.NeedDaemonReload || v.service.NeedDaemonReload {
		list = append(list,
			"note: unit files changed on disk: "+v.systemctl("daemon-reload")+" is pending")
	}
	if v.stuck != nil {
		list = append(list, v.stuck.notes()...)
	}
	unknown := v.named && v.before != nil && v.before.err != nil
	if state != nagios.OK || v.opt.Verbose > 0 || unknown {
		list = append(list, past(v)...)
	}
	switch {
	case state == nagios.OK, v.timer.LoadState == "not-found":
	case fault, timerAtFault(v):
		list = append(list, "look at: "+v.systemctl("status", v.timer.Name))
	default:
		list = append(list, "look at: "+v.tell("journalctl", "-u", v.service.Name, "-n", "50"))
	}
	return list
}

// serviceNotes returns what is special about the run of the service, if the timer is active.
func serviceNotes(v view) (list []string) {
	switch v.run.phase {
	case phaseIdle:
		if len(outcome(v)) == 0 && softReboot(v, killed(v.service.ExecMainCode)) != "" {
			return []string{"note: a soft-reboot of the host ended the last run"}
		}
	case phaseRemaining:
		if !v.service.IsService {
			kind := v.service.Name[strings.LastIndexByte(v.service.Name, '.')+1:]
			return []string{"note: the timer starts a " + kind + "; what that starts is not judged"}
		}
	case phaseRunning:
		if n := v.run.restarts; n > 0 {
			list = append(list, "note: "+nagios.Count(n, "restart", "restarts")+
				" before this attempt"+since(v.run.since))
		}
		if progress(v).Worst() != nagios.OK {
			list = append(list, limits(v.service)...)
			list = append(list, longOnPurpose(v)...)
		}
		return append(list, notApplied(v)...)
	}
	return nil
}

// timerAtFault reports whether an active timer, not its service, is at fault.
func timerAtFault(v view) bool {
	list := append(schedules(v), clockWasWrong(v)...)
	switch v.run.phase {
	case phaseAbandoned:
		list = append(list, waitsInVain(v)...)
	case phaseSpent:
		list = append(list, neverAgain(v)...)
	case phaseIdle:
		if len(outcome(v)) == 0 && len(noRun(v)) == 0 {
			list = append(list, lateness(v)...)
		}
	}
	return list.Worst() != nagios.OK
}
