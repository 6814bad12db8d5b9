package process

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// When the time is up, what was not looked at is not seen, and nothing is searched.
func TestGatherLate(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	p := stuck(t, "read")
	if list, err := Gather(ctx, "/", "/", []int{p.PID}); err != nil || len(list) != 1 ||
		list[0].Seen {
		t.Errorf("Gather too late = %v, %v; want one that is not seen", list, err)
	}
}

// The process that tells why may be the last of many.
func TestGatherMany(t *testing.T) {
	pids := append(make([]int, 999), os.Getpid())
	if list, err := Gather(context.Background(), "/", "/", pids); err != nil || len(list) != 1000 ||
		!list[999].Seen {
		t.Errorf("Gather of 1000 processes does not look at the last: %d, %v", len(list), err)
	}
}

func TestGatherStopped(t *testing.T) {
	p := stuck(t, "read")
	if err := unix.Kill(p.PID, unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	seen(t, "T", p.PID)
}

// The CPU time of a process is not known from a part of its threads.
func TestUsage(t *testing.T) {
	root, want := t.TempDir(), usage{}
	for n := range maxCounted + 1 {
		dir := filepath.Join(root, "proc/7/task", strconv.Itoa(7+n))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		err := os.WriteFile(filepath.Join(dir, "schedstat"), []byte("30 9 2\n"), 0o644)
		if err != nil {
			t.Fatal(err)
		}
		want = usage{want.cpu + 30, want.timeslices + 2}
		if n == maxCounted {
			want = usage{}
		}
		if n < maxCounted-1 && n > 0 {
			continue
		}
		if got := (&reader{root: root}).usage(7); got != want {
			t.Errorf("usage of %d threads = %+v; want %+v", n+1, got, want)
		}
	}
}

// A process that sleeps needs one sample; a process that is at work, or in an uninterruptible sleep
// that may be a disk's, needs two.
func TestSleeps(t *testing.T) {
	cmd := exec.Command("cat")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); cmd.Wait() })
	r := &reader{root: "/"}
	ran, slept := r.usage(cmd.Process.Pid), false
	if ran.timeslices == 0 {
		t.Skip("this kernel does not count how often a thread is given a CPU")
	}
	p := Process{PID: cmd.Process.Pid, State: "S", Elapsed: time.Hour, CPU: time.Second}
	for deadline := time.Now().Add(20 * time.Second); !slept &&
		time.Now().Before(deadline); ran = r.usage(p.PID) {
		time.Sleep(5 * time.Millisecond)
		slept = r.sleeps(p, ran)
	}
	if !slept {
		t.Errorf("cat waits for its input, but was given a CPU %d times", ran.timeslices)
	}
	for name, other := range map[string]Process{
		"running":             {PID: p.PID, State: "R", Elapsed: time.Hour},
		"in a disk's wait":    {PID: p.PID, State: "D", Elapsed: time.Hour},
		"at work for an hour": {PID: p.PID, State: "S", Elapsed: 2 * time.Hour, CPU: time.Hour},
		"started a moment ago": {PID: p.PID, State: "S", Elapsed: 100 * time.Millisecond,
			CPU: tick},
		"of a kernel that is so": {PID: 1 << 30, State: "S", Elapsed: time.Hour},
	} {
		if r.sleeps(other, r.usage(other.PID)) {
			t.Errorf("%s: one sample is enough; want a second one", name)
		}
	}
	ran = r.usage(p.PID)
	if ran.timeslices--; r.sleeps(p, ran) {
		t.Error("one that was given a CPU during the sample sleeps")
	}
	if !r.sleeps(Process{State: "T"}, usage{}) ||
		!r.sleeps(Process{State: "R", Frozen: true}, usage{}) {
		t.Error("one that is stopped or frozen may be at work")
	}
}
