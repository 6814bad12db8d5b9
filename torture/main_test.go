// Package torture runs the plugins, as built, in a hostile world: servers that lie, stall and die,
// files that are damaged or change under the reader, environments in which nothing can be had. Each
// input has the verdict that the man pages promise, not the one that the plugin happens to give.
// What is wrong is counted; any count that is not zero fails the test.
//
// The short form is part of "go test ./..."; MAILFRESH_TORTURE=20 tries that many times as many
// random inputs, and all of those that the short form samples. MAILFRESH_SEED draws others. "make
// torture" runs it all.
package torture

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"mailfresh/internal/nagios"
	"mailfresh/internal/plugintest"
)

// bin holds the plugins built from this tree.
var bin string

func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "launch" {
		launch(os.Args[2:])
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "torture")
	if err == nil {
		defer os.RemoveAll(dir)
		bin = dir
		err = errors.Join(os.Chmod(dir, 0o755), plugintest.Build(dir))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// launch runs a command and writes to descriptor 3 its exit code, duration and peak of memory. It
// is a process of its own because what Linux calls a child's peak is never less than its parent's,
// which holds the servers here.
func launch(command []string) {
	syscall.CloseOnExec(3)
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	begin := time.Now()
	err := cmd.Run()
	took := time.Since(begin)
	if cmd.ProcessState == nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(127)
	}
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	fmt.Fprintln(os.NewFile(3, "report"), cmd.ProcessState.ExitCode(), int64(took),
		usage.Maxrss*1024)
	os.Exit(0)
}

// plugin runs a plugin as NRPE would: with a small environment, in /, without standard input. The
// wrap is what starts it, such as "env A=b"; the environment is also what it is given.
func plugin(t testing.TB, wrap []string, name string, args ...string) plugintest.Outcome {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := append([]string{"launch", "env", "-i", "PATH=/usr/bin:/bin"}, wrap...)
	cmd := exec.Command(self, append(append(command, filepath.Join(bin, name)), args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = "/", &stdout, &stderr
	report, end, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer report.Close()
	cmd.ExtraFiles = []*os.File{end}
	err = cmd.Start()
	end.Close()
	if err != nil {
		t.Fatal(err)
	}
	patience := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	defer patience.Stop()
	r := plugintest.Outcome{Plugin: name}
	_, bad := fmt.Fscan(report, &r.Exit, &r.Took, &r.Peak)
	if err := cmd.Wait(); err != nil || bad != nil {
		t.Fatalf("%s %q: %v, %v\n%s", name, args, err, bad, &stderr)
	}
	r.Stdout, r.Stderr = stdout.String(), stderr.String()
	return r
}

// amount is how many times more random inputs are drawn than in the short form.
func amount(t testing.TB) int {
	t.Helper()
	n, err := strconv.Atoi("0" + os.Getenv("MAILFRESH_TORTURE"))
	if err != nil {
		t.Fatalf("MAILFRESH_TORTURE: %v", err)
	}
	return max(n, 1)
}

// draw gives the random numbers of a section.
func draw(t testing.TB, section uint64) *rand.Rand {
	t.Helper()
	return rand.New(rand.NewPCG(plugintest.Seed(t), section))
}

// each calls f(0) .. f(n-1), at most limit at a time.
func each(n, limit int, f func(i int)) {
	var wait sync.WaitGroup
	slots := make(chan struct{}, limit)
	for i := range n {
		slots <- struct{}{}
		wait.Add(1)
		go func() {
			defer wait.Done()
			f(i)
			<-slots
		}()
	}
	wait.Wait()
}

// judge counts what run gives. Where time was what was lacking it runs again, up to three times,
// and says so: once in a while the machine is late, which makes a good server look silent; a plugin
// that does not keep to its time always is.
func judge(t testing.TB, c *plugintest.Tally, input string, l plugintest.Limits,
	run func() plugintest.Outcome, want func() []nagios.State) {
	t.Helper()
	r := run()
	for range 3 {
		states := want()
		wrong := len(states) > 0 && !slices.Contains(states, nagios.State(r.Exit))
		if !l.Late(r) && !(wrong && strings.Contains(r.Stdout, "no answer within")) {
			break
		}
		t.Logf("%s: again after %v, %.100q", input, r.Took, r.Stdout)
		r = run()
	}
	c.Judge(t, input, r, l, want()...)
}

// is wants one of the states; none at all: any.
func is(states ...nagios.State) func() []nagios.State {
	return func() []nagios.State { return states }
}

func write(t testing.TB, name string, text string) string {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}
