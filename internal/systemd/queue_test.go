package systemd

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// chain is a stage in which each of the jobs 1 .. n waits for the next one, and the last one as is
// said.
func chain(n int, last string) string {
	text := "[a1.timer]\n"
	for i := 1; i < n; i++ {
		text += fmt.Sprintf(
			"[a%d.service]\nJob=%d start waiting\nJobBefore=%d a%d.service start waiting\n",
			i,
			i,
			i+1,
			i+1,
		)
	}
	return text + fmt.Sprintf("[a%d.service]\nJob=%d start waiting\n%s\n", n, n, last)
}

func TestChain(t *testing.T) {
	for _, tt := range []struct {
		name, stage string
		want        string // units of the chain
		loop        bool
		end         string // state of its last unit
	}{
		{"nothing in the way", chain(1, ""), "", false, ""},
		{"a running job goes first", chain(1,
			"JobBefore=8 x.service start waiting\nJobBefore=9 y.service stop running\n"+
				"[y.service]\nActiveState=deactivating"),
			"y.service", false, "deactivating"},
		{"to its end", chain(3,
			"JobBefore=9 z.device start running\n[z.device]\nActiveState=inactive"),
			"a2.service a3.service z.device", false, "inactive"},
		{"the last one waits for none", chain(3, ""), "a2.service a3.service", false, "inactive"},
		{"a loop", chain(3, "JobBefore=2 a2.service start waiting\n"),
			"a2.service a3.service a2.service", true, "inactive"},
		{"a loop to the beginning", chain(2, "JobBefore=1 a1.service start waiting\n"),
			"a2.service a1.service", true, "inactive"},
		{"one ends meanwhile", chain(1,
			"JobBefore=8 x.service start waiting\n[x.service]\nActiveState=active"), "x.service",
			false, "active"},
		{"no end", chain(20, ""),
			"a2.service a3.service a4.service a5.service a6.service a7.service a8.service a9.service a10.service a11.service " +
				"a12.service a13.service a14.service a15.service a16.service a17.service", false,
			"inactive"},
	} {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		pairs, err := dial(t, ctx, tt.stage).Read(ctx, "a1.timer")
		cancel()
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		job := pairs[0].Service.Job
		var units []string
		for _, link := range job.Chain {
			units = append(units, link.Unit)
		}
		end := ""
		if job.End != nil {
			end = job.End.ActiveState
		}
		if got := strings.Join(units, " "); got != tt.want || job.Loop != tt.loop || end != tt.end {
			t.Errorf(
				"%s: chain %q, loop %t, end %q; want %q, %t, %q",
				tt.name,
				got,
				job.Loop,
				end,
				tt.want,
				tt.loop,
				tt.end,
			)
		}
	}
}

func TestProcesses(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	c := dial(
		t,
		ctx,
		"[a.service]\nProcess=4711 /usr/bin/python3 x.py\nProcess=4712 [kworker]\n[b.service]\n",
	)
	got, err := c.Processes(ctx, "a.service")
	want := []Process{
		{"/system.slice/a.service", 4711, "/usr/bin/python3 x.py"},
		{"/system.slice/a.service", 4712, "[kworker]"},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("Processes: %v, %s", err, diff)
	}
	if got, err := c.Processes(ctx, "b.service"); err != nil || len(got) != 0 {
		t.Errorf("Processes of a service without one = %v, %v", got, err)
	}
	c = dial(t, ctx, "[a.service]\n[faults]\nerror=GetProcesses\n")
	if _, err := c.Processes(ctx, "a.service"); err == nil ||
		!strings.Contains(err.Error(), "list the processes of a.service: ") {
		t.Errorf("Processes: error = %v", err)
	}
}

// The slices of a service are read where they may hold it up: seen on systemd 262, whose
// GetJobBefore is empty for a job that a slice holds back, and on 257, where thawing a service
// frozen with its slice fails.
func TestSlices(t *testing.T) {
	const stage = "[a.timer]\n[a.service]\nSlice=a-b.slice\n%s\n[a-b.slice]\nFreezerState=frozen\nConcurrencySoftMax=4294967295\n" +
		"[a.slice]\nConcurrencySoftMax=2\nActivatingConcurrencyMax=1\nNCurrentlyActive=3\n"
	all := []Slice{
		{Name: "a-b.slice", FreezerState: "frozen"},
		{Name: "a.slice", SoftMax: 2, ActivatingMax: 1, Active: 3},
		{Name: "-.slice"},
	}
	for _, tt := range []struct {
		service string
		want    []Slice
	}{
		{"Job=1 start waiting", all},
		{"FreezerState=frozen-by-parent", all},
		{"Job=1 start running", nil},
		{"Job=1 start waiting\nJobBefore=8 x.service start waiting", nil},
		{"FreezerState=frozen", nil},
	} {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		pairs, err := dial(t, ctx, fmt.Sprintf(stage, tt.service)).Read(ctx, "a.timer")
		cancel()
		if err != nil || len(pairs) != 1 {
			t.Fatalf("%q: %v, %v", tt.service, pairs, err)
		}
		if diff := cmp.Diff(tt.want, pairs[0].Slices); diff != "" {
			t.Errorf("%q: slices (-want +got):\n%s", tt.service, diff)
		}
	}
}

func TestSlicesAbove(t *testing.T) {
	for slice, want := range map[string]string{
		"-.slice": "-.slice", "system.slice": "system.slice -.slice",
		"a-b-c.slice":             "a-b-c.slice a-b.slice a.slice -.slice",
		`system-getty\x2dx.slice`: `system-getty\x2dx.slice system.slice -.slice`, "": " -.slice",
	} {
		if got := strings.Join(slicesAbove(slice), " "); got != want {
			t.Errorf("slicesAbove(%q) = %q; want %q", slice, got, want)
		}
	}
}
