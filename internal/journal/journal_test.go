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

	"github.com/google/go-cmp/cmp"
)

// What journalctl said of services on a real systemd 252, two runs of each.
func TestParse(t *testing.T) {
	recorded, err := os.ReadFile("testdata/systemd-252.txt")
	if err != nil {
		t.Fatal(err)
	}
	services := map[string]string{}
	for _, part := range strings.Split(string(recorded), "# ")[1:] {
		name, text, _ := strings.Cut(part, "\n")
		services[name] = text
	}
	for _, test := range []struct {
		service, want string // result, exit code and status, tenths of a second
	}{
		{"os-ok", "success  0 3, success  0 3"},
		{"os-fail", "exit-code exited 3 0, exit-code exited 3 0"},
		{"os-timeout", "timeout killed 15 10, timeout killed 15 10"},
		{"os-xcond", ""}, // ExecCondition= said no: no run
		{"si-ok", "success  0 3, success  0 3"},
		{"si-kill", "signal killed 9 2, signal killed 9 2"},
		{"si-rtmax", "timeout  0 10, timeout  0 12"},
		{"si-stop", "success  0 20, success  0 27"},
	} {
		text, ok := services[test.service]
		list, err := parse(strings.NewReader(text))
		if err != nil || !ok {
			t.Errorf("%s: %v, recorded: %t", test.service, err, ok)
			continue
		}
		var got []string
		for _, r := range list {
			got = append(got, fmt.Sprintf("%s %s %d %d", r.Result, r.ExitCode, r.ExitStatus, r.Duration/(100*time.Millisecond)))
			if d := r.End.Sub(r.Start) - r.Duration; d.Abs() > time.Millisecond {
				t.Errorf("%s: it ran from %v to %v, but for %v", test.service, r.Start, r.End, r.Duration)
			}
		}
		if got := strings.Join(got, ", "); got != test.want {
			t.Errorf("%s: runs %q; want %q", test.service, got, test.want)
		}
	}
}

// line is a message of a run, so many microseconds after an instant.
func line(id, run string, at int, more string) string {
	return fmt.Sprintf(`{"MESSAGE_ID":%q,"INVOCATION_ID":%q,"__REALTIME_TIMESTAMP":"%d","__MONOTONIC_TIMESTAMP":"%d"%s}`+"\n", id, run, 1e15+at, 1000+at, more)
}

func TestParseOdd(t *testing.T) {
	run := Run{Start: time.UnixMicro(1e15 + 10), End: time.UnixMicro(1e15 + 30), Duration: 20 * time.Microsecond, Result: "success"}
	many := ""
	for i := range 30 {
		many += line(succeeded, fmt.Sprint(i), 1000-2*i, "") + line(started, fmt.Sprint(i), 999-2*i, "")
	}
	for _, test := range []struct {
		name, text string
		want       []Run
	}{
		{"nothing", "", nil},
		{"a run in progress", line(starting, "a", 10, ""), nil},
		{"a run whose begin is too long ago", line(started, "a", 31, "") + line(succeeded, "a", 30, ""), nil},
		{"a run whose begin is not there", line(failed, "a", 30, `,"UNIT_RESULT":"timeout"`), []Run{{End: run.End, Result: "timeout"}}}, // LogLevelMax=warning
		{"up before its end", line(succeeded, "a", 30, "") + line(started, "a", 20, "") + line(starting, "a", 10, ""), []Run{run}},
		{"two at a time", line(succeeded, "a", 30, "") + line(starting, "b", 20, "") + line(starting, "a", 10, ""), []Run{run}},
		{"two processes failed", line(failed, "a", 30, `,"UNIT_RESULT":"exit-code"`) + line(exited, "a", 29, `,"COMMAND":"ExecStopPost","EXIT_CODE":"exited","EXIT_STATUS":"1"`) +
			line(exited, "a", 28, `,"COMMAND":"ExecStart","EXIT_CODE":"killed","EXIT_STATUS":"9"`) + line(started, "a", 10, ""),
			[]Run{{Start: run.Start, End: run.End, Duration: run.Duration, Result: "exit-code", Command: "ExecStart", ExitCode: "killed", ExitStatus: 9}}},
		{"fields that are not one string", line(succeeded, "a", 30, `,"UNIT_RESULT":["a","b"],"COMMAND":null,"EXIT_CODE":[1,2]`) + line(started, "a", 10, ""), []Run{run}},
		{"a condition skipped it", line(started, "", 30, ""), nil},
		{"of a user's manager", `{"USER_INVOCATION_ID":"a","MESSAGE_ID":"` + succeeded + `","__REALTIME_TIMESTAMP":"1000000000000030","__MONOTONIC_TIMESTAMP":"30"}` + "\n" +
			`{"USER_INVOCATION_ID":"a","MESSAGE_ID":"` + started + `","__REALTIME_TIMESTAMP":"1000000000000010","__MONOTONIC_TIMESTAMP":"10"}`, []Run{run}},
	} {
		list, err := parse(strings.NewReader(test.text))
		if diff := cmp.Diff(test.want, list); err != nil || diff != "" {
			t.Errorf("%s: %v, runs (-want +got):\n%s", test.name, err, diff)
		}
	}
	if list, err := parse(strings.NewReader(many)); err != nil || len(list) != maxRuns || list[0].End != time.UnixMicro(1e15+1000) {
		t.Errorf("30 runs: %d, %v; want the latest %d", len(list), err, maxRuns)
	}
	for _, text := range []string{"No journal files were found.\n", "{", "[]\n", strings.Repeat("x", 1<<17)} {
		if list, err := parse(strings.NewReader(text)); err == nil {
			t.Errorf("parse(%.30q) = %v; want an error", text, list)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(line(succeeded, "a", 30, "") + line(started, "a", 10, ""))
	f.Add(line(failed, "a", 30, `,"UNIT_RESULT":"timeout"`) + line(exited, "a", 20, `,"COMMAND":"ExecStart","EXIT_CODE":"killed","EXIT_STATUS":"15"`) + line(starting, "a", 10, ""))
	f.Fuzz(func(t *testing.T, text string) {
		list, _ := parse(strings.NewReader(text))
		for _, r := range list {
			if len(list) > maxRuns || r.Duration < 0 || r.Start.IsZero() && r.Duration > 0 || r.End.IsZero() || r.Result == "" {
				t.Errorf("parse(%q) = %v", text, list)
			}
		}
	})
}

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
	answer := "printf '%s\\n' '" + strings.ReplaceAll(strings.TrimSpace(line(succeeded, "a", 30, "")+line(started, "a", 10, "")), "\n", "' '") + "'\n"
	t.Setenv("SECRET", "of the caller")
	runs, err := read(context.Background(), program(t, "{ echo \"$@\"; env; readlink /proc/self/fd/0; } >"+record+"\n"+answer+"exit 1\n"), "/nonexistent", "x.service", false)
	if err != nil || len(runs.List) != 1 || runs.Denied {
		t.Errorf("read = %v, %v; want one run", runs, err)
	}
	text, err := os.ReadFile(record)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"--quiet --no-pager --reverse --lines=100 ", "--system _PID=1 UNIT=x.service ", "MESSAGE_ID=" + failed, "LC_ALL=C", "/dev/null"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("journalctl was run without %q:\n%s", want, text)
		}
	}
	if strings.Contains(string(text), "SECRET") {
		t.Errorf("journalctl has the caller's environment:\n%s", text)
	}
	if args := arguments("x.service", true); !slices.Contains(args, fmt.Sprintf("_UID=%d", os.Geteuid())) || !slices.Contains(args, "USER_UNIT=x.service") {
		t.Errorf("for a user's service: %v", args)
	}
}

// Whatever journalctl does, Read comes back in time.
func TestReadHostile(t *testing.T) {
	for _, test := range []struct{ name, script, want string }{
		{"silent", "exec sleep 20", "no answer"},
		{"silent, with a child that holds its output", "sleep 20 & sleep 20", "no answer"},
		{"endless", "exec yes '" + strings.TrimSpace(line(starting, "", 1, "")) + "'", ""},
		{"no line", "exec head -c 10000000 /dev/zero", "more than 64 KiB"},
		{"no JSON", "echo Hint: x", "no JSON"},
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
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v; want %q", test.name, err, test.want)
		}
	}
	if _, err := read(context.Background(), "/nonexistent", "/nonexistent", "x.service", false); err == nil {
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
	silent, talks := program(t, "exit 1"), program(t, "printf '%s' '"+line(succeeded, "a", 30, "")+line(started, "a", 10, "")+"'")
	system := filepath.Join(folder, "system.journal")
	if err := os.Symlink("nowhere", system); err != nil { // what not even root can read
		t.Fatal(err)
	}
	if runs, err := read(context.Background(), silent, root, "x.service", false); err != nil || !runs.Denied {
		t.Errorf("with a journal that cannot be read: %v, %v; want denied", runs, err)
	}
	if runs, err := read(context.Background(), talks, root, "x.service", false); err != nil || runs.Denied || len(runs.List) != 1 {
		t.Errorf("with a run: %v, %v", runs, err)
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
	if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("user-%d.journal", os.Geteuid())), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, readable := journals(root); !readable {
		t.Error("denied with a journal of one's own")
	}
	// A journalctl that fails although there is a journal to read does not say that there was no
	// run.
	for script, want := range map[string]string{
		"exit 0": "", "exit 3": "journalctl failed: exit status 3", "kill -SEGV $$": "journalctl failed: killed by SIGSEGV",
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
	cmd.Env = append(os.Environ(), "JOURNALCTL="+program(t, "echo $$ >"+trace+".new; mv "+trace+".new "+trace+"; exec sleep 20"))
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
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if pid > 0 && (err != nil || strings.Contains(string(stat), ") Z ")) {
			return
		}
	}
	t.Errorf("journalctl, PID %d, lives on", pid)
}
