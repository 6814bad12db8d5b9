package journal

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// program writes a shell script that stands for journalctl.
func program(t *testing.T, script string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "journalctl")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRead(t *testing.T) {
	record := filepath.Join(t.TempDir(), "record")
	answer := "printf '%s' '" + line(succeeded, "a", 30) + line(started, "a", 10) + "'\n"
	t.Setenv("SECRET", "of the caller")
	runs, err := read(
		context.Background(),
		program(
			t,
			"{ echo \"$@\"; env; readlink /proc/self/fd/0; } >"+record+"\n"+answer+"exit 1\n",
		),
		"/nonexistent",
		"x.service",
		false,
	)
	if err != nil || len(runs.List) != 1 || runs.Denied {
		t.Errorf("read = %v, %v; want one run", runs, err)
	}
	text, err := os.ReadFile(record)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"--quiet --no-pager --reverse --lines=100 ",
		"--system _PID=1 UNIT=x.service ", "MESSAGE_ID=" + failed, "LC_ALL=C", "/dev/null"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("journalctl was run without %q:\n%s", want, text)
		}
	}
	if strings.Contains(string(text), "SECRET") {
		t.Errorf("journalctl has the caller's environment:\n%s", text)
	}
	if args := arguments(
		"x.service",
		true,
	); !slices.Contains(args, fmt.Sprintf("_UID=%d", os.Geteuid())) ||
		!slices.Contains(args, "USER_UNIT=x.service") {
		t.Errorf("for a user's service: %v", args)
	}
}

// Whatever journalctl does, Read comes back in time.
func TestReadHostile(t *testing.T) {
	for _, test := range []struct{ name, script, want string }{
		{"silent", "exec sleep 20", "no answer"},
		{"silent, with a child that holds its output", "sleep 20 & sleep 20", "no answer"},
		{"endless", "exec yes '" + strings.TrimSuffix(line(starting, "", 1), "\n") + "'", ""},
		{"no line", "exec head -c 10000000 /dev/zero", "more than 64 KiB"},
		{"no field", "echo Hint: x", "no field"},
		{"a message without an end", "exec yes X=y", "more than 64 fields"},
	} {
		ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
		if test.want != "no answer" {
			ctx, cancel = context.WithTimeout(context.Background(), maxTime)
		}
		start := time.Now()
		_, err := read(ctx, program(t, test.script), "/nonexistent", "x.service", false)
		cancel()
		if took := time.Since(start); took > 3*time.Second {
			t.Errorf("%s: it took %v", test.name, took)
		}
		if (err == nil) != (test.want == "") ||
			err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v; want %q", test.name, err, test.want)
		}
	}
	if _, err := read(
		context.Background(),
		"/nonexistent",
		"/nonexistent",
		"x.service",
		false,
	); err == nil {
		t.Error("without a journalctl: no error")
	}
}

func TestDenied(t *testing.T) {
	root := t.TempDir()
	folder := filepath.Join(root, "var/log/journal/0123")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if there, readable := journals(root); there || readable {
		t.Error("there is a journal where there is none")
	}
	trace := filepath.Join(t.TempDir(), "trace")
	traces, talks := program(t, ": >"+trace), program(
		t,
		"printf '%s' '"+line(succeeded, "a", 30)+line(started, "a", 10)+"'",
	)
	system := filepath.Join(folder, "system.journal")
	if err := os.Symlink("nowhere", system); err != nil { // what not even root can read
		t.Fatal(err)
	}
	if runs, err := read(context.Background(), traces, root, "x.service", false); err != nil ||
		!runs.Denied {
		t.Errorf("with a journal that cannot be read: %v, %v; want denied", runs, err)
	}
	if _, err := os.Stat(trace); err == nil {
		t.Error("journalctl is started where there is no journal for it to read")
	}
	closed := t.TempDir() // the folder itself is closed
	if err := os.MkdirAll(filepath.Join(closed, "run/log"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere", filepath.Join(closed, "run/log/journal")); err != nil {
		t.Fatal(err)
	}
	if there, readable := journals(closed); !there || readable {
		t.Error("not denied where the folder cannot be read")
	}
	if err := os.WriteFile(
		filepath.Join(folder, fmt.Sprintf("user-%d.journal", os.Geteuid())),
		nil,
		0o600,
	); err != nil {
		t.Fatal(err)
	}
	if _, readable := journals(root); !readable {
		t.Error("denied with a journal of one's own")
	}
	if runs, err := read(context.Background(), talks, root, "x.service", false); err != nil ||
		runs.Denied || len(runs.List) != 1 {
		t.Errorf("with a run: %v, %v", runs, err)
	}
	// A journalctl that fails although there is a journal to read does not say that there was no
	// run.
	for script, want := range map[string]string{
		"exit 0": "", "exit 3": "journalctl failed: exit status 3",
		"kill -SEGV $$": "journalctl failed: killed by SIGSEGV",
	} {
		runs, err := read(context.Background(), program(t, script), root, "x.service", false)
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != want || runs.Denied || len(runs.List) > 0 {
			t.Errorf("%q: %v, error %q; want %q", script, runs, got, want)
		}
	}
}

// A journalctl does not outlive us: seen after check_nrpe had killed a check of which journalctl
// waited for its disk.
func TestDiesWithUs(t *testing.T) {
	if script := os.Getenv("JOURNALCTL"); script != "" {
		read(context.Background(), script, "/nonexistent", "x.service", false)
		return
	}
	trace := filepath.Join(t.TempDir(), "pid")
	cmd := exec.Command(os.Args[0], "-test.run=^TestDiesWithUs$")
	cmd.Env = append(
		os.Environ(),
		"JOURNALCTL="+program(
			t,
			"echo $$ >"+trace+".new; mv "+trace+".new "+trace+"; exec sleep 20",
		),
	)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	for deadline := time.Now().Add(20 * time.Second); pid == 0 && time.Now().Before(deadline); {
		time.Sleep(5 * time.Millisecond)
		text, _ := os.ReadFile(trace)
		fmt.Sscan(string(text), &pid)
	}
	cmd.Process.Kill()
	cmd.Wait()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		time.Sleep(5 * time.Millisecond)
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if pid > 0 && (err != nil || strings.Contains(string(stat), ") Z ")) {
			return
		}
	}
	t.Errorf("journalctl, PID %d, lives on", pid)
}

// A prefetched result can be read twice: for its service, if that has not changed since, in time.
func TestPrefetch(t *testing.T) {
	script := program(t, "printf '%s' '"+line(succeeded, "a", 30)+"'")
	rs := Readers{"x.service": start(script, "/nonexistent", "x.service", false)}
	r := rs["x.service"]
	for range 2 {
		runs, err := rs.Read(context.Background(), "x.service", false, r.began.Add(-time.Second))
		if err != nil || len(runs.List) != 1 {
			t.Errorf("read ahead: %v, %v; want one run", runs, err)
		}
	}
	for name, counts := range map[string]bool{
		"for another service": rs.usable("y.service", false, time.Time{}),
		"for a user's":        rs.usable("x.service", true, time.Time{}),
		"of before a change":  rs.usable("x.service", false, r.began.Add(time.Microsecond)),
		"of nothing":          Readers(nil).usable("x.service", false, time.Time{}),
	} {
		if counts {
			t.Errorf("what was read ahead counts %s", name)
		}
	}
	r.began = r.began.Add(-maxTime)
	if rs.usable("x.service", false, time.Time{}) {
		t.Error("what was read ahead counts when there is no time left for it")
	}
	rs.Stop()
}

// What is not wanted after all is ended, whatever it does.
func TestPrefetchStop(t *testing.T) {
	r := start(program(t, "exec sleep 20"), "/nonexistent", "x.service", false)
	Readers{"x.service": r}.Stop()
	if status, err := r.cmd.Process.Wait(); err != nil || status.String() != "signal: killed" {
		t.Errorf("it ended with %v, %v; want it killed", status, err)
	}
}
