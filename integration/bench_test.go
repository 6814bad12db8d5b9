//go:build bench

package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestBench measures the plugins beside what a user would otherwise run for the same question,
// prints one table, and writes it and the plots of growth into docs when all parts have run. It
// asserts right answers, never a time: machines differ, and what else they do at the moment.
func TestBench(t *testing.T) {
	need(
		t,
		"/usr/bin/time",
		"/usr/bin/swaks",
		"/usr/lib/nagios/plugins/check_systemd",
		"/usr/lib/nagios/plugins/check_file_age",
		"/usr/lib/nagios/plugins/check_smtp",
	)
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

// start measures what every run pays: to start, and the file. The peer is a Go program that does
// nothing, built the same way.
func (r *report) start(t *testing.T) {
	empty := command{args: []string{emptyProgram(t)}}
	plugins := []string{"check_systemd_timer", "check_alias_freshness", "check_mx_rcpt"}
	for _, name := range plugins {
		version := ours(name, "--version")
		version.status, version.says = 3, "^"+name
		c := contest{
			ours:  version,
			peer:  empty,
			pairs: 200,
		}.run(t, name+" --version", "an empty Go program")
		r.add(c.want("wall and CPU at most 1.4", c.wall.ratio <= 1.4 && c.cpu.ratio <= 1.4))
	}
	for _, name := range plugins {
		file, err := os.Stat(filepath.Join(bin, name))
		if err != nil {
			t.Fatal(err)
		}
		size := float64(file.Size()) / 1e6
		measured := fmt.Sprintf("%.1f MB", size)
		r.add(row{what: "size of " + name, measured: measured}.want("under 8 MB", size < 8))
	}
}

// emptyProgram builds a program that does nothing.
func emptyProgram(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/var/tmp", "empty") // where nagios may read
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	source, program := filepath.Join(dir, "main.go"), filepath.Join(dir, "empty")
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(source, []byte("package main\n\nfunc main() {}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, source)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}
