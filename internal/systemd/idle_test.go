package systemd

import (
	"context"
	"errors"
	"testing"
	"time"

	"mailfresh/internal/plugintest"
)

// readPartial collects what ReadPartial hands over.
func readPartial(ctx context.Context, c *Conn, names []string,
	exact bool) (pairs []Pair, err error) {
	err = c.ReadPartial(ctx, names, exact, func(p Pair) { pairs = append(pairs, p) })
	return pairs, err
}

// When the time is up no timer that is still to be read takes more of it.
func TestReadPartialLate(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	c := dial(t, ctx, "[a.timer]\n[b.timer]\n")
	cancel()
	pairs, err := readPartial(ctx, c, []string{"a.timer", "b.timer"}, true)
	if len(pairs) != 2 || pairs[1].Timer.Name != "b.timer" || !errors.Is(err, context.Canceled) ||
		!errors.Is(pairs[1].Err, context.Canceled) {
		t.Errorf("ReadPartial = %+v, %v; want two timers that were not read", pairs, err)
	}
}

// How much is asked of a service that does not run: three properties where its commands tell the
// rest, six where they do not, and restarts if numbers have to be exact; the whole where there is
// more to be said. One property is enough if begin and end of the run need not be exact.
func TestReadPartialAsks(t *testing.T) {
	const ended = "ExecStart=/bin/x ; began now-1h ; ended now-59min 0\n"
	for _, tt := range []struct {
		name, timer, service string
		gets, wholes         int
		roughly              int // so many single properties if nothing need be exact
	}{
		{"ran", "", ended, 3, 0, 1},
		{"two commands", "", ended + ended, 3, 0, 1},
		{"never ran", "LastTriggerUSec=0\nActiveEnterTimestamp=now-1h", "InactiveExitTimestamp=0",
			2, 0, 2},
		{"counts from the activation", "TimersMonotonic=OnActiveUSec 1s", ended, 4, 0, 4},
		{"triggered before the boot", "LastTriggerUSec=now-31d\nActiveEnterTimestamp=now-30d",
			"InactiveExitTimestamp=0", 2, 0, 2},
		{"forgotten by a daemon-reload", "", "ExecStart=/bin/x", 7, 0, 6},
		{"no command", "", "", 7, 0, 6},
		{"one was not started", "", ended + "ExecStart=/bin/y", 6, 0, 6},
		{"may be ignored", "", "ExecStart=-/bin/x ; began now-1h ; ended now-59min 0", 6, 0, 6},
		{"ignored", "", "ExecStart=-/bin/x ; began now-1h ; ended now-59min 1", 6, 2, 6},
		{"ignored and forgotten", "", "ExecStart=-/bin/x\nExecMainStatus=1", 7, 2, 6},
		{"ended by a signal", "", "ExecStart=/bin/x ; began now-1h ; ended now-59min 15", 3, 2, 1},
		{"skipped", "", "Result=exec-condition\nExecStart=/bin/x", 7, 2, 6},
		{"started meanwhile", "", "InactiveExitTimestamp=now+1s\nExecStart=/bin/x", 7, 2, 6},
		{"ran meanwhile", "", "InactiveExitTimestamp=now+1s\n" +
			"ExecStart=/bin/x ; began now+1s ; ended now+2s 0", 6, 2, 6},
		{"ended meanwhile", "", "InactiveEnterTimestamp=now+1s\n" + ended, 6, 0, 1},
		{"another trigger", "LastTriggerUSec=now-1min", ended, 3, 2, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			s, err := plugintest.ParseSystemd("[a.timer]\nLastTriggerUSec=now-1h\n"+tt.timer+
				"\n[a.service]\nInactiveExitTimestamp=now-1h\nInactiveEnterTimestamp=now-59min\n"+
				tt.service, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			asked := map[string]int{}
			s.Alter = func(member string, reply []any) []any {
				asked[member]++
				return reply
			}
			c := dialFake(t, ctx, s)
			names, err := c.Timers(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, exact := range []bool{true, false} {
				clear(asked)
				pairs, err := readPartial(ctx, c, names, exact)
				if err != nil || len(pairs) != 1 || pairs[0].Err != nil {
					t.Fatalf("ReadPartial = %+v, %v", pairs, err)
				}
				gets := map[bool]int{true: tt.gets, false: tt.roughly}[exact]
				wholes := asked["GetAll"] - 1 // that of the timer's own properties
				if asked["Get"] != gets || wholes != tt.wholes ||
					pairs[0].Partial != (wholes == 0) {
					t.Errorf("exact %t: %d single properties, %d whole units, partial %t; want %d, %d",
						exact, asked["Get"], wholes, pairs[0].Partial, gets, tt.wholes)
				}
				s := pairs[0].Service
				if s.Result != "success" && wholes == 0 {
					t.Errorf("the result is %q; want success", s.Result)
				}
				for _, at := range []time.Time{s.InactiveEnter, s.InactiveEnterWall} {
					if tt.roughly == 1 && wholes == 0 && time.Since(at) > time.Hour {
						t.Errorf("exact %t: the run ended at %v; want 59 minutes ago", exact, at)
					}
				}
			}
		})
	}
}

// readOne reads the pair of a.timer, which triggered an hour ago. The text has the properties of
// its service, and may have further units.
func readOne(t *testing.T, service string, exact bool) Pair {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	c := dial(t, ctx, "[a.timer]\nLastTriggerUSec=now-1h\n[a.service]\n"+service)
	names, err := c.Timers(ctx)
	if err != nil {
		t.Fatal(err)
	}
	pairs, err := readPartial(ctx, c, names, exact)
	if err != nil || len(pairs) != 1 {
		t.Fatalf("ReadPartial = %+v, %v; want one pair", pairs, err)
	}
	return pairs[0]
}

// While a slice is frozen every pair is read whole: seen on systemd 257 and 262, where a service
// that does not run is frozen with its slice, and the timer cannot start it.
func TestReadPartialFrozen(t *testing.T) {
	for _, tt := range []struct {
		slices  string
		partial bool
	}{
		{"[a.slice]\n[b.slice]\nFreezerState=running\n", true},
		{"[a.slice]\nFreezerState=frozen\n[b.slice]\nFreezerState=running\n", false},
		{"[a.slice]\nFreezerState=freezing\n", false},
		{"[a.slice]\nFreezerState=frozen\n[faults]\nerror=Get 5\n", true}, // before systemd 246
	} {
		p := readOne(t, "ExecStart=/bin/x ; began now-1h ; ended now-59min 0\n"+tt.slices, false)
		if p.Err != nil || p.Partial != tt.partial {
			t.Errorf("%q: ReadPartial = %+v; want partial %t", tt.slices, p, tt.partial)
		}
	}
}

// How long the last attempt of a run took that Restart= restarted is known of a whole pair alone:
// seen on systemd 257 and 262, where the run begins with the first attempt.
func TestReadPartialRestarted(t *testing.T) {
	for _, tt := range []struct {
		service       string
		exact, partly bool
	}{
		{"NRestarts=1\nExecStart=/bin/x ; began now-59min58s ; ended now-59min 0\n", true, false},
		{"NRestarts=1\nExecStart=/bin/x ; began now-59min58s ; ended now-59min 0\n", false, true},
		{"NRestarts=0\nExecStart=/bin/x ; began now-59min58s ; ended now-59min 0\n", true, true},
		{"NRestarts=1\nExecStart=/bin/x\n", true, false}, // after a daemon-reload
	} {
		p := readOne(t, "InactiveExitTimestamp=now-1h\nInactiveEnterTimestamp=now-59min\n"+
			tt.service, tt.exact)
		if p.Err != nil || p.Partial != tt.partly {
			t.Errorf("%q, exact %t: ReadPartial = %+v; want partial %t", tt.service, tt.exact, p,
				tt.partly)
		}
	}
}
