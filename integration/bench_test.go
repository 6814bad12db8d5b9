//go:build bench

package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestBench measures the plugins beside what a user would otherwise run for the same question, prints one table, and writes it and the plots of
// growth into docs when all parts have run. It asserts right answers, never a time: machines differ, and what else they do at the moment.
func TestBench(t *testing.T) {
	need(t, "/usr/bin/time", "/usr/bin/swaks", "/usr/lib/nagios/plugins/check_systemd", "/usr/lib/nagios/plugins/check_file_age", "/usr/lib/nagios/plugins/check_smtp")
	r := report{machine: machine(t)}
	complete := true
	for _, part := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"start", r.start},
		{"timer", r.timer},
		{"timers", r.timers},
		{"aliases", r.aliases},
		{"mx", r.mx},
	} {
		ran := false
		t.Run(part.name, func(t *testing.T) { ran = true; part.run(t) })
		complete = complete && ran
	}
	fmt.Printf("\n%s\n%s\n%s", r.machine, r.table(), r.weaker())
	if !complete || t.Failed() {
		return
	}
	if err := os.WriteFile("../docs/growth.svg", []byte(plot(r.series)), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := r.write("../docs/benchmarks.md"); err != nil {
		t.Fatal(err)
	}
}

// start measures what every run pays: to start, and the file. /bin/true is what the measuring itself costs.
func (r *report) start(t *testing.T) {
	plugins := []string{"check_systemd_timer", "check_alias_freshness", "check_mx_rcpt"}
	for _, name := range plugins {
		version := ours(name, "--version")
		version.status, version.says = 3, "^"+name
		c := contest{ours: version, peer: command{args: []string{"/bin/true"}}, pairs: 200}.run(t, name+" --version", "true")
		c.more = true
		r.add(c.want("ours under 3 ms", c.wall.ours < 3))
	}
	for _, name := range plugins {
		file, err := os.Stat(filepath.Join(bin, name))
		if err != nil {
			t.Fatal(err)
		}
		size := float64(file.Size()) / 1e6
		r.add(row{what: "size of " + name, measured: fmt.Sprintf("%.1f MB", size)}.want("under 8 MB", size < 8))
	}
}
