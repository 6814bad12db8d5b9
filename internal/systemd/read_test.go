package systemd

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"
)

// Of a pair that was read in part before an error, only the name that was asked for is known.
func TestReadErrorLeavesTheName(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	c := dial(t, ctx, "[a.timer]\n[a.service]\n[b.timer]\nId=real.timer\n[b.service]\n"+
		"[faults]\nerror=GetAll 4\n")
	pairs, err := c.Read(ctx, "a.timer", "b.timer")
	if err != nil || len(pairs) != 2 || pairs[1].Err == nil {
		t.Fatalf("Read = %+v, %v; want an error for b.timer", pairs, err)
	}
	if p := pairs[1]; !slices.Equal(p.Asked, []string{"b.timer"}) || p.Timer.Name != "b.timer" ||
		p.Timer.LoadState != "" || p.Service.LoadState != "" {
		t.Errorf("Read = %+v; want the name b.timer and the error", p)
	}
}

// ReadPartial passes on a timer once, for the first of its names.
func TestReadPartialAlias(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	c := dial(t, ctx, "[real.timer]\n[alias.timer]\nId=real.timer\n")
	pairs, err := readPartial(ctx, c, []string{"alias.timer", "real.timer"}, true)
	if err != nil || len(pairs) != 1 || pairs[0].Timer.Name != "real.timer" ||
		!slices.Equal(pairs[0].Asked, []string{"alias.timer"}) {
		t.Errorf("ReadPartial = %+v, %v; want real.timer once", pairs, err)
	}
}

// The manager's start is read if a soft-reboot may have ended a run, and for no other pair.
func TestComparesWithHost(t *testing.T) {
	for properties, want := range map[string]bool{
		"[a.service]\n": false,
		"[a.service]\nActiveState=failed\nExecMainCode=1\n":     false,
		"[a.service]\nActiveState=failed\nExecMainCode=2\n":     true,
		"[a.service]\nActiveState=failed\nExecMainCode=3\n":     true,
		"[a.service]\nActiveState=activating\nSubState=start\n": true,
		"Unit=b.service\n[b.service]\n":                         true,
		"TimersMonotonic=OnBootUSec 1h\n[a.service]\n":          true,
		"TimersMonotonic=OnUnitActiveUSec 1h\n[a.service]\n":    false,
	} {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		c := dial(t, ctx, "[a.timer]\n"+properties)
		_, err := c.Read(ctx, "a.timer")
		h, noHost := c.Host()
		cancel()
		if err != nil || noHost != nil || h.ManagerStart.IsZero() == want {
			t.Errorf("%q: Read: %v; Host = %+v, %v; want the manager's start: %t", properties, err,
				h, noHost, want)
		}
	}
}

// A manager that does not tell its start is an error of the timers that count from it alone.
func TestManagerUnanswered(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	const counts = "TimersMonotonic=OnBootUSec 1h\n"
	c := dial(t, ctx, "[a.timer]\n"+counts+"[a.service]\n[b.timer]\n"+counts+
		"[b.service]\n[c.timer]\n[c.service]\n[faults]\nerror=Get always\n")
	pairs, err := c.Read(ctx, "a.timer", "b.timer", "c.timer")
	if err != nil || len(pairs) != 3 {
		t.Fatalf("Read = %+v, %v; want three pairs", pairs, err)
	}
	for i, want := range []string{
		"read the property UserspaceTimestamp: Access denied by the stage",
		"read the manager: no answer", "<nil>",
	} {
		if got := fmt.Sprint(pairs[i].Err); got != want {
			t.Errorf("%s: error %s; want %s", pairs[i].Timer.Name, got, want)
		}
	}
}

// A service that changed while it was read is read once more.
func TestReadChanged(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	c := dial(t, ctx, "[a.timer]\n[a.service]\nActiveState=activating\nSubState=start\n"+
		"StateChangeTimestamp=now+5s\n[a.service 2]\nActiveState=inactive\nSubState=dead\n")
	pairs, err := c.Read(ctx, "a.timer")
	if err != nil || len(pairs) != 1 || pairs[0].Service.SubState != "dead" {
		t.Errorf("Read = %+v, %v; want what was read the second time", pairs, err)
	}
}
