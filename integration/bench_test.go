//go:build bench

package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

var plugins = []string{"check_systemd_timer", "check_alias_freshness", "check_mx_rcpt"}

// TestBench measures the plugins beside what a user would otherwise run for the same question,
// prints its tables, and writes them and the plots of growth into docs when all parts have run. It
// asserts right answers, never a time: machines differ, and what else they do at the moment. With
// -short it only tries itself: two pairs in each row, and nothing is written.
func TestBench(t *testing.T) {
	need(t, "/usr/bin/time", "/usr/bin/swaks", "/usr/lib/nagios/plugins/check_file_age",
		"/usr/lib/nagios/plugins/check_smtp")
	bin = installed(t, bin, "installed")
	b := bench{older: newOlder(t)}
	b.first = report{release: release{"bookworm"}, older: b.older}
	b.debian13 = report{release: release{"trixie"}, name: "Debian 13"}
	b.now = theRun(t, b.first.release, b.debian13.release)
	if testing.Short() {
		minPairs = 2
	}
	complete := !testing.Short()
	for _, part := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"start", b.first.start},
		{"timer", b.first.timer},
		{"never-ran", b.first.neverRan},
		{"ran", b.first.ran},
		{"timer-13", b.debian13.timer},
		{"never-ran-13", b.debian13.neverRan},
		{"ran-13", b.debian13.ran},
		{"aliases", b.first.aliases},
		{"mx", b.first.mx},
		{"traffic", b.first.mailTraffic},
	} {
		ended := false
		t.Run(part.name, func(t *testing.T) { part.run(t); ended = true })
		complete = complete && ended // it is not where it was skipped
	}
	runs, err := readRuns(history)
	if err != nil {
		t.Fatal(err)
	}
	runs = append(runs, b.now.with(&b.first, &b.debian13))
	fmt.Printf("\n%s", b.text(t, runs))
	if !complete || t.Failed() {
		return
	}
	drawn := plot(append(b.first.series, b.debian13.series...))
	if err := os.WriteFile("../docs/growth.svg", []byte(drawn), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := write("../docs/benchmarks.md", b.text(t, runs)); err != nil {
		t.Fatal(err)
	}
	if err := writeRuns(history, runs); err != nil {
		t.Fatal(err)
	}
}

// start measures what every run pays: to start, and the file. The peer is a Go program that does
// nothing, built the same way.
func (r *report) start(t *testing.T) {
	empty := command{args: []string{emptyProgram(t)}}
	for _, name := range plugins {
		version := ours(name, "--version")
		version.status, version.says = 3, "^"+name
		c := contest{ours: version, peer: empty, pairs: 200}
		r.add(c.run(t, name+" --version", "an empty Go program").
			want(limit{ofWall, 1.4}, limit{ofCPU, 1.4}))
		r.beside(t, name+" --version", c)
	}
	for _, name := range plugins {
		file, err := os.Stat(filepath.Join(bin, name))
		if err != nil {
			t.Fatal(err)
		}
		size := float64(file.Size()) / 1e6
		r.add(row{what: "size of " + name, measured: fmt.Sprintf("%.1f MB", size), value: size}.
			want(limit{sizeMB, 8}))
	}
}

// emptyProgram builds a program that does nothing.
func emptyProgram(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	source, built := filepath.Join(dir, "main.go"), filepath.Join(dir, "built")
	if err := os.WriteFile(source, []byte("package main\n\nfunc main() {}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", built+"/", source)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return filepath.Join(installed(t, built, "empty"), "main")
}
