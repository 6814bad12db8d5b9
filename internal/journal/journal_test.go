package journal

import (
	"fmt"
	"os"
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
			got = append(
				got,
				fmt.Sprintf(
					"%s %s %d %d",
					r.Result,
					r.ExitCode,
					r.ExitStatus,
					r.Duration/(100*time.Millisecond),
				),
			)
			if d := r.End.Sub(r.Start) - r.Duration; d.Abs() > time.Millisecond {
				t.Errorf(
					"%s: it ran from %v to %v, but for %v",
					test.service,
					r.Start,
					r.End,
					r.Duration,
				)
			}
		}
		if got := strings.Join(got, ", "); got != test.want {
			t.Errorf("%s: runs %q; want %q", test.service, got, test.want)
		}
	}
}

// line is a message of a run, so many microseconds after an instant, with more fields.
func line(id, run string, at int64, more ...string) string {
	fields := []string{"__REALTIME_TIMESTAMP=" + fmt.Sprint(1_000_000_000_000_000+at),
		"__MONOTONIC_TIMESTAMP=" + fmt.Sprint(1000+at), "MESSAGE_ID=" + id, "INVOCATION_ID=" + run}
	return strings.Join(append(fields, more...), "\n") + "\n\n"
}

func TestParseOdd(t *testing.T) {
	run := Run{
		Start:    time.UnixMicro(1e15 + 10),
		End:      time.UnixMicro(1e15 + 30),
		Duration: 20 * time.Microsecond,
		Result:   "success",
	}
	many := ""
	for i := range int64(30) {
		many += line(succeeded, fmt.Sprint(i), 1000-2*i) + line(started, fmt.Sprint(i), 999-2*i)
	}
	for _, test := range []struct {
		name, text string
		want       []Run
	}{
		{"nothing", "", nil},
		{"a run in progress", line(starting, "a", 10), nil},
		{"a run whose begin is too long ago",
			line(started, "a", 31) + line(succeeded, "a", 30), nil},
		// LogLevelMax=warning
		{"a run whose begin is not there", line(failed, "a", 30, "UNIT_RESULT=timeout"),
			[]Run{{End: run.End, Result: "timeout"}}},
		{"up before its end", line(succeeded, "a", 30) + line(started, "a", 20) +
			line(starting, "a", 10), []Run{run}},
		{"two at a time", line(succeeded, "a", 30) + line(starting, "b", 20) +
			line(starting, "a", 10), []Run{run}},
		{"two processes failed", line(failed, "a", 30, "UNIT_RESULT=exit-code") + line(exited,
			"a", 29, "COMMAND=ExecStopPost", "EXIT_CODE=exited", "EXIT_STATUS=1") +
			line(exited, "a", 28, "COMMAND=ExecStart", "EXIT_CODE=killed", "EXIT_STATUS=9") +
			line(started, "a", 10),
			[]Run{{Start: run.Start, End: run.End, Duration: run.Duration, Result: "exit-code",
				Command: "ExecStart", ExitCode: "killed", ExitStatus: 9}}},
		{"fields that are not one string", line(succeeded, "a", 30, "UNIT_RESULT=a",
			"UNIT_RESULT=b", "UNIT_RESULT=c", "COMMAND\n\x03\x00\x00\x00\x00\x00\x00\x00a\nb",
			"EXIT_CODE\n\x00\x00\x00\x00\x00\x00\x00\x00", "X==") + line(started, "a", 10),
			[]Run{run}},
		{"a condition skipped it", line(started, "", 30), nil},
		{"of a user's manager", strings.ReplaceAll(line(succeeded, "a", 30)+
			line(started, "a", 10), "INVOCATION_ID", "USER_INVOCATION_ID"), []Run{run}},
	} {
		list, err := parse(strings.NewReader(test.text))
		if diff := cmp.Diff(test.want, list); err != nil || diff != "" {
			t.Errorf("%s: %v, runs (-want +got):\n%s", test.name, err, diff)
		}
	}
	if list, err := parse(strings.NewReader(many)); err != nil || len(list) != maxRuns ||
		list[0].End != time.UnixMicro(1e15+1000) {
		t.Errorf("30 runs: %d, %v; want the latest %d", len(list), err, maxRuns)
	}
	whole := line(succeeded, "a", 30)
	for name, text := range map[string]string{
		"a hint":               "No journal files were found.\n",
		"JSON":                 "{}\n",
		"half a line":          "MESSAGE_ID=",
		"half a message":       whole[:len(whole)-1],
		"a long line":          strings.Repeat("X", maxField) + "=\n\n",
		"a long message":       strings.Repeat("X=\n", maxFields) + "\n",
		"half a length":        "X\n\x03\x00",
		"half a value":         "X\n\x03\x00\x00\x00\x00\x00\x00\x00a",
		"a long value":         "X\n\x00\x00\x00\x00\x01\x00\x00\x00a\n\n",
		"a value of 16 EiB":    "X\n\xff\xff\xff\xff\xff\xff\xff\xffa\n\n",
		"a field with a blank": "X Y=z\n\n",
	} {
		if list, err := parse(strings.NewReader(text)); err == nil {
			t.Errorf("%s: parse(%.30q) = %v; want an error", name, text, list)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(line(succeeded, "a", 30) + line(started, "a", 10))
	f.Add(line(failed, "a", 30, "UNIT_RESULT=timeout") + line(exited, "a", 20, "COMMAND=ExecStart",
		"EXIT_CODE=killed", "EXIT_STATUS=15") + line(starting, "a", 10))
	f.Add(line(failed, "a", 30, "UNIT_RESULT\n\x01\x00\x00\x00\x00\x00\x00\x00\n", "X=a", "X=b"))
	f.Fuzz(func(t *testing.T, text string) {
		list, _ := parse(strings.NewReader(text))
		for _, r := range list {
			if len(list) > maxRuns || r.Duration < 0 || r.Start.IsZero() && r.Duration > 0 ||
				r.End.IsZero() ||
				r.Result == "" {
				t.Errorf("parse(%q) = %v", text, list)
			}
		}
	})
}
