package systemd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/godbus/dbus/v5"
)

// maxChain is the most jobs in Job.Chain, and the most slices around a service.
const maxChain = 16

// readJobs reads the jobs of a pair by their IDs, and the jobs that they wait for. ended says that
// a job ended before it was read.
func (c *Conn) readJobs(ctx context.Context, p *Pair) (ended bool, err error) {
	for _, job := range []**Job{&p.Timer.Job, &p.Service.Job} {
		if *job == nil {
			continue
		}
		switch err := c.readJob(ctx, *job); {
		case noSuchJob(err):
			*job, ended = nil, true
		case err != nil:
			return false, err
		}
	}
	return ended, nil
}

func noSuchJob(err error) bool {
	var e dbus.Error
	return errors.As(err, &e) &&
		(e.Name == "org.freedesktop.DBus.Error.UnknownObject" || e.Name == systemd1+".NoSuchJob")
}

func (c *Conn) readJob(ctx context.Context, j *Job) error {
	what, p := fmt.Sprintf("read job %d of %s", j.ID, j.Unit), newProperties(c.clock)
	err := c.ask(ctx, getAll(what, fmt.Sprintf("%s/job/%d", root, j.ID), "", p))
	if err != nil {
		return err
	}
	j.Type, j.State = p.text("JobType"), p.text("State")
	if p.err != nil {
		return fmt.Errorf("%s: %w", what, p.err)
	}
	if j.State != "waiting" {
		return nil
	}
	if j.Blockers, err = c.blockers(ctx, *j); err != nil {
		return err
	}
	return c.follow(ctx, j)
}

// blockers returns the jobs that a job waits for.
func (c *Conn) blockers(ctx context.Context, j Job) (jobs []Job, err error) {
	what := fmt.Sprintf("read job %d of %s", j.ID, j.Unit)
	err = c.ask(ctx, manager1(what, "GetJobBefore", func(m reply) error {
		return m.rows("a(usssoo)", func(r *reader) {
			b := Job{ID: r.uint32(), Unit: r.text(), Type: r.text(), State: r.text()}
			r.textBytes() // the job's path
			r.textBytes() // and the unit's
			jobs = append(jobs, b)
		})
	}, j.ID))
	return jobs, err
}

// follow sets Chain, Loop and End. Chain stops at a job that waits for none or that ended
// meanwhile.
func (c *Conn) follow(ctx context.Context, j *Job) error {
	seen := map[uint32]bool{j.ID: true}
	for next := j.Blockers; len(next) > 0 && len(j.Chain) < maxChain && !j.Loop; {
		running := slices.IndexFunc(next, func(b Job) bool { return b.State == "running" })
		link := next[max(0, running)]
		j.Chain, j.Loop = append(j.Chain, link), seen[link.ID]
		seen[link.ID] = true
		if link.State != "waiting" {
			break
		}
		var err error
		if next, err = c.blockers(ctx, link); err != nil && !noSuchJob(err) {
			return err
		}
	}
	if len(j.Chain) == 0 {
		return nil
	}
	end := j.Chain[len(j.Chain)-1].Unit
	return c.ask(ctx, c.getUnit(end, func(p *properties) {
		u := p.unit(end)
		j.End = &u
	}))
}

// readSlices reads the slices of a service if the service may wait for one of them: it is frozen
// with its slice, or its start job waits but for no other job.
func (c *Conn) readSlices(ctx context.Context, p *Pair) (list []Slice, err error) {
	s := &p.Service
	waits := s.Job != nil && s.Job.State == "waiting" && len(s.Job.Blockers) == 0
	if s.Slice == "" || !waits && !strings.HasSuffix(s.FreezerState, "-by-parent") {
		return nil, nil
	}
	names := slicesAbove(s.Slice)
	list = make([]Slice, len(names))
	var calls []call
	for i, name := range names {
		calls = append(calls, c.getUnit(name, func(p *properties) { list[i] = p.slice(name) }))
	}
	if err := c.ask(ctx, calls...); err != nil {
		return nil, err
	}
	return list, nil
}

// slicesAbove returns a slice and the slices around it: a-b.slice, a.slice, -.slice
// (systemd.slice(5)).
func slicesAbove(slice string) []string {
	names := []string{slice}
	for stem := strings.TrimSuffix(slice, ".slice"); stem != "-" && len(names) < maxChain; {
		stem = stem[:max(strings.LastIndexByte(stem, '-'), 0)]
		if stem == "" {
			stem = "-"
		}
		names = append(names, stem+".slice")
	}
	return names
}

// Processes lists the processes in the control group of a service and in the groups below it
// (Service.GetProcesses).
func (c *Conn) Processes(ctx context.Context, service string) (list []Process, err error) {
	read := func(m reply) error {
		return m.rows("a(sus)", func(r *reader) {
			list = append(list, Process{r.text(), int(r.uint32()), r.text()})
		})
	}
	err = c.ask(ctx, call{"list the processes of " + service, systemd1, unitPath(service),
		systemd1 + ".Service", "GetProcesses", nil, read})
	return list, err
}
