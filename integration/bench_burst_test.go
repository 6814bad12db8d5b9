//go:build bench

package integration

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	crowd   = 500
	timeout = 9 * time.Second // of the plugins, by default
)

// burst starts 500 of a plugin at once: each waits in a shell for the end of its input, which all
// share. No answer may be wrong; one that the plugin has not found within its time limit, or that
// comes later, is late.
func (r *report) burst(t *testing.T, what string, c command) {
	t.Helper()
	wait, release, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer wait.Close()
	waiting := c
	waiting.args = append([]string{"/bin/sh", "-c", `read -r _; exec "$@"`, "sh"}, c.args...)
	cmds, outputs := make([]*exec.Cmd, crowd), make([]*os.File, crowd)
	ends := make([]time.Time, crowd)
	for i := range cmds {
		outputs[i] = inMemory(t)
		defer outputs[i].Close()
		cmds[i] = waiting.prepare(t, outputs[i])
		cmds[i].Stdin = wait
		if err := cmds[i].Start(); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(500 * time.Millisecond) // until they wait
	start := time.Now()
	release.Close()
	var all sync.WaitGroup
	for i, cmd := range cmds {
		all.Add(1)
		go func() { defer all.Done(); _ = cmd.Wait(); ends[i] = time.Now() }()
	}
	all.Wait()
	var right, wrong, late int
	for i, cmd := range cmds {
		switch text := text(outputs[i]); {
		case ends[i].Sub(start) > timeout+500*time.Millisecond ||
			strings.Contains(text, "timed out"):
			late++
		case c.right(cmd, outputs[i]):
			right++
		default:
			if wrong++; wrong == 1 {
				t.Errorf("%q, one of %d at once: %v; want exit status %d and %q\n%.2000s", c.args,
					crowd, cmd.ProcessState, c.status, c.says, text)
			}
		}
	}
	last := slices.MaxFunc(ends, time.Time.Compare).Sub(start)
	text := fmt.Sprintf("%d right, %d wrong, %d late, the last after %.1f s", right, wrong, late,
		last.Seconds())
	r.add(row{
		what:     fmt.Sprintf("burst: %d at once, %s", crowd, what),
		measured: text,
		value:    float64(wrong + late),
	}.want(limit{notRight, 0}))
}
