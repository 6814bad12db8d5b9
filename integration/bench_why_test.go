//go:build bench

package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// TestBenchWhy shows what it costs to say why a run does not end, and that nothing of that is paid where no run is in progress: an idle timer,
// one whose last run failed (no journal is needed), a run within its limits (the journal), and one past them (the journal, and two looks at the
// processes, 50 ms apart). The four run in turn, and the medians are printed.
func TestBenchWhy(t *testing.T) {
	plugin := filepath.Join(bin, "check_systemd_timer")
	need(t, plugin)
	enter(t, newHost(t, "bench-why"))
	startTimers(t, 1)
	for name, command := range map[string]string{"failed": "/bin/false", "hung": "/bin/sleep 1000"} {
		for suffix, text := range map[string]string{".timer": "[Timer]\nOnCalendar=*-*-* 03:00:00\n", ".service": "[Service]\nType=oneshot\nExecStart=" + command + "\n"} {
			if err := os.WriteFile("/run/systemd/system/"+name+suffix, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		for _, unit := range []string{name + ".timer", name + ".service"} {
			if out, err := as(t, "root", []string{"systemctl", "start", "--no-block", unit}).CombinedOutput(); err != nil {
				t.Fatalf("start %s: %v\n%s", unit, err, out)
			}
		}
	}
	time.Sleep(time.Second) // for the one to fail and the other to start
	rows := []struct {
		what   string
		args   []string
		status int
		walls  []time.Duration
	}{
		{what: "idle", args: []string{"-u", "bench-0"}},
		{what: "failed", args: []string{"-u", "failed"}, status: 2},
		{what: "running, within limits", args: []string{"-u", "hung"}},
		{what: "running, past a limit", args: []string{"-u", "hung", "--running-critical", "0"}, status: 2},
	}
	for _, user := range []string{"root", "nagios"} {
		const rounds = 100
		for range rounds {
			for i := range rows {
				cmd := as(t, user, append([]string{plugin}, rows[i].args...))
				start := time.Now()
				out, _ := cmd.Output()
				rows[i].walls = append(rows[i].walls, time.Since(start))
				if status := cmd.ProcessState.ExitCode(); status != rows[i].status {
					t.Fatalf("%s, as %s: exit status %d; want %d\n%s", rows[i].what, user, status, rows[i].status, out)
				}
			}
		}
		fmt.Printf("\n%-44s %9s %9s\n", fmt.Sprintf("why is it stuck, as %s, %d rounds", user, rounds), "wall ms", "more")
		idle := 0.0
		for i, row := range rows {
			slices.Sort(row.walls)
			wall := ms(row.walls[rounds/2])
			if i == 0 {
				idle = wall
			}
			fmt.Printf("%-44s %9.2f %9.2f\n", row.what, wall, wall-idle)
			rows[i].walls = nil
		}
	}
}
