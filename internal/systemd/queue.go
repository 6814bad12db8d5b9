package systemd

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/godbus/dbus/v5"
)

// maxChain is how many waiting jobs are followed.
const maxChain = 16

// readJobs completes the jobs of a pair, of which the IDs are known, with what they wait for. It reports whether one has ended meanwhile.
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
	return errors.As(err, &e) && (e.Name == "org.freedesktop.DBus.Error.UnknownObject" || e.Name == systemd1+".NoSuchJob")
}

func (c *Conn) readJob(ctx context.Context, j *Job) error {
	what, p := fmt.Sprintf("read job %d of %s", j.ID, j.Unit), newProperties()
	if err := c.exchange(ctx, []call{getAll(what, fmt.Sprintf("%s/job/%d", root, j.ID), "", p)}); err != nil {
		return err
	}
	j.Type, j.State = p.job()
	if p.err != nil {
		return fmt.Errorf("%s: %w", what, p.err)
	}
	if j.State != "waiting" {
		return nil
	}
	var err error
	if j.Blockers, err = c.blockers(ctx, *j); err != nil {
		return err
	}
	return c.follow(ctx, j)
}

// blockers gives the jobs that a job waits for.
func (c *Conn) blockers(ctx context.Context, j Job) (jobs []Job, err error) {
	err = c.exchange(ctx, []call{ask(fmt.Sprintf("read job %d of %s", j.ID, j.Unit), root, systemd1+".Manager", "GetJobBefore", func(m *dbus.Message) error {
		rows, err := body[[]struct {
			ID                uint32
			Unit, Type, State string
			Path, UnitPath    dbus.ObjectPath
		}](m)
		for _, r := range rows {
			jobs = append(jobs, Job{ID: r.ID, Unit: r.Unit, Type: r.Type, State: r.State})
		}
		return err
	}, j.ID)})
	return jobs, err
}

// follow follows the jobs that a job waits for to the one that nothing holds up. One that ends meanwhile is the end.
func (c *Conn) follow(ctx context.Context, j *Job) error {
	seen := map[uint32]bool{j.ID: true}
	for next := j.Blockers; len(next) > 0 && len(j.Chain) < maxChain && !j.Loop; {
		link := next[max(0, slices.IndexFunc(next, func(b Job) bool { return b.State == "running" }))]
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
	return c.exchange(ctx, []call{getUnit(end, func(p *properties) {
		u := p.unit(end, c.clock)
		j.End = &u
	})})
}

// Processes lists the processes of a service, those of its control group and below (Service.GetProcesses).
func (c *Conn) Processes(ctx context.Context, service string) (list []Process, err error) {
	err = c.exchange(ctx, []call{ask("list the processes of "+service, unitPath(service), systemd1+".Service", "GetProcesses", func(m *dbus.Message) error {
		rows, err := body[[]struct {
			ControlGroup string
			PID          uint32
			Command      string
		}](m)
		for _, r := range rows {
			list = append(list, Process{r.ControlGroup, int(r.PID), r.Command})
		}
		return err
	})})
	return list, err
}
