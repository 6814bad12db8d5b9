//go:build bench

package integration

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"
)

// TestBenchAliases compares check_alias_freshness, all of its grammar, with
// wc -l on the same files: the two run alternately, and the medians are printed.
// It judges no number: machines differ, and what else they do at the moment.
func TestBenchAliases(t *testing.T) {
	plugin := filepath.Join(bin, "check_alias_freshness")
	need(t, plugin, "/usr/bin/wc")
	dir := filepath.Dir(bin)
	fmt.Printf("\n%-36s %9s %9s %9s %9s %9s\n", "alias files, medians", "wall ms", "wc -l ms", "ratio", "CPU ms", "peak MiB")
	for _, b := range []struct {
		name, format, line string
		entries, rounds    int
	}{
		{"1e6 address: address", "exim", "user%07d@example.org: user%07d@mail.example.org\n", 1_000_000, 40},
		{"1e6 name: name, name", "aliases", "user%07d: alice%d, bob@example.org\n", 1_000_000, 40},
		{"1e6 address transport", "map", "user%07d@example.org\tsmtp:[mx%d.example.org]\n", 1_000_000, 40},
		{"1e6 name: address", "sendmail", "user%07d: user%07d@mail.example.org\n", 1_000_000, 40},
		{"1e6 name: address", "opensmtpd", "user%07d: user%07d@mail.example.org\n", 1_000_000, 40},
		{"1e7 address: address", "exim", "user%07d@example.org: user%07d@mail.example.org\n", 10_000_000, 8},
	} {
		path := filepath.Join(dir, "aliases-"+b.format)
		writeAliases(t, path, b.line, b.entries)
		var ours, theirs, ratios, cpus []float64
		peak := 0.0
		for range b.rounds {
			wall, cpu, rss := timed(t, plugin, "-f", path, "--format", b.format, "-c", "1d", "-t", "1m", "--compiled", "none")
			reference, _, _ := timed(t, "/usr/bin/wc", "-l", path)
			ours, theirs, ratios, cpus = append(ours, wall), append(theirs, reference), append(ratios, wall/reference), append(cpus, cpu)
			peak = max(peak, rss)
		}
		fmt.Printf("%-36s %9.1f %9.1f %9.2f %9.1f %9.1f\n", b.name+" ("+b.format+")", middle(ours), middle(theirs), middle(ratios), middle(cpus), peak)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	fmt.Printf("%-36s %29s %19s\n", "wanted for 1e6", "at most 4.00", "under 64.0")
}

// writeAliases writes a file of entries, none twice, and reads it once, so that
// it is in memory.
func writeAliases(t *testing.T, path, line string, entries int) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	for i := range entries {
		fmt.Fprintf(w, line, i*7919%10_000_000, i)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	timed(t, "/usr/bin/wc", "-l", path)
}

// timed runs a command that must succeed: wall and CPU time in ms, peak memory
// in MiB.
func timed(t *testing.T, command string, args ...string) (wall, cpu, peak float64) {
	t.Helper()
	cmd := exec.Command(command, args...)
	began := time.Now()
	err := cmd.Run()
	wall = float64(time.Since(began)) / 1e6
	if err != nil {
		t.Fatalf("%v: %v", cmd.Args, err)
	}
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	cpu = float64(cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime()) / 1e6
	return wall, cpu, float64(usage.Maxrss) / 1024
}

func middle(list []float64) float64 {
	return slices.Sorted(slices.Values(list))[len(list)/2]
}
