//go:build bench

package integration

import (
	"fmt"
	"strconv"
	"testing"
)

const listTimers = "systemctl list-timers --all"

// A census is the question about all timers of a host, on both sides, and how many timers the host
// has by itself, as each side counts them.
type census struct {
	all, list    command
	ours, listed int
}

// newCensus counts the timers of a host that was just booted.
func newCensus(t *testing.T) census {
	t.Helper()
	count := func(c command, expression string) int {
		output := inMemory(t)
		defer output.Close()
		_ = c.prepare(t, output).Run()
		n, err := strconv.Atoi(submatch(text(output), expression))
		if err != nil {
			t.Fatalf("%q: no number of timers:\n%.2000s", c.args, text(output))
		}
		return n
	}
	all := ours("check_systemd_timer", "--all", "-t", "1m") // it ends nothing on a busy machine
	list := command{args: []string{"/usr/bin/systemctl", "list-timers", "--all"}}
	return census{
		all, list, count(all, `timers=(\d+)`), count(list, `(?m)^(\d+) timers listed`),
	}
}

// of is the contest when n more timers have been started.
func (c census) of(n int, user string) contest {
	c.all.user, c.list.user = user, user
	c.all.says = fmt.Sprintf(`^SYSTEMD_TIMER OK - .*timers=%d[; ]`, c.ours+n)
	c.list.says = fmt.Sprintf(`(?m)^%d timers listed`, c.listed+n)
	return contest{c.all, c.list, 40, true}
}

// neverRan measures all timers of a private host, of which none has run.
func (r *report) neverRan(t *testing.T) {
	enter(t, r.release.host(t, "bench-all", "bench"))
	census := newCensus(t)
	growth := r.growthOfAll("never ran")
	started := 0
	for _, n := range []int{10, 100, 1000, 5000} {
		startTimers(t, started, n, false)
		started = n
		asNagios, what := census.of(n, "nagios"), thousands(n)+" timers that never ran"
		c := asNagios.run(t, what+", as nagios", listTimers)
		growth.add(n, c.wall)
		half := []limit{{ofWall, 0.5}, {ofCPU, 1}, {ofPID1, 1}}
		switch n {
		case 1000:
			r.add(c.want(half...))
			dead := command{
				args: []string{"/usr/lib/nagios/plugins/check_systemd", "-n", "-t"},
				says: "^SYSTEMD OK",
			}
			r.add(contest{asNagios.ours, dead, 5, true}.run(t, c.what, "check_systemd -t"))
			r.both(t, census, n, what+", as root", half...)
		case 5000:
			r.add(c.want(append(half, limit{peakMB, 24})...))
			r.beside(t, c.what, asNagios)
			r.both(t, census, n, what+", as root", half...)
			r.formats(t, asNagios.ours, what)
		}
	}
	r.grow(growth)
}

// ran measures all timers of a private host, each of which has fired: up to 1,000, since systemd
// needs minutes to run more.
func (r *report) ran(t *testing.T) {
	enter(t, r.release.host(t, "bench-ran", "bench"))
	census := newCensus(t)
	growth := r.growthOfAll("ran")
	started := 0
	for _, n := range []int{10, 100, 1000} {
		startTimers(t, started, n, true)
		started = n
		asNagios, what := census.of(n, "nagios"), thousands(n)+" timers that ran"
		c := asNagios.run(t, what+", as nagios", listTimers)
		growth.add(n, c.wall)
		if n == 1000 {
			r.add(c.want(limit{ofWall, 0.3}, limit{ofCPU, 1}, limit{ofPID1, 0.3}))
			r.beside(t, c.what, asNagios)
			r.both(t, census, n, what+", as root", limit{ofWall, 0.5}, limit{ofCPU, 1})
		}
	}
	r.grow(growth)
}

func (r *report) growthOfAll(kind string) series {
	return series{title: "check_systemd_timer --all, " + kind, on: r.name, x: "timers",
		peer: listTimers}
}

// both measures a contest as root, also beside the older build.
func (r *report) both(t *testing.T, all census, n int, what string, limits ...limit) {
	t.Helper()
	c := all.of(n, "root")
	r.add(c.run(t, what, listTimers).want(limits...))
	r.beside(t, what, c)
}

// formats measures what the other formats need in memory for 5,000 timers.
func (r *report) formats(t *testing.T, all command, what string) {
	t.Helper()
	for _, f := range []struct{ name, option, says string }{
		{"JSON", "json", `(?s)^\{.*"bench-4999\.timer".*\n\}\n`},
		{"OpenMetrics", "openmetrics", `(?s)"bench-4999\.timer".*\n# EOF\n`},
	} {
		c := all
		c.args = append([]string{}, append(all.args, "--output-format", f.option)...)
		c.says = f.says
		r.addMemory("peak memory: "+what+", as "+f.name, peaks(t, []command{c}).ours, 24)
	}
}
