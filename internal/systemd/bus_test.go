package systemd

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/google/go-cmp/cmp"

	"mailfresh/internal/plugintest"
)

func TestFaults(t *testing.T) {
	const deadline = 300 * time.Millisecond
	for _, tt := range []struct {
		fault string
		want  string // in the error
		late  bool   // it is the deadline
	}{
		{"hang=accept", "no answer", true},
		{"hang=AUTH", "no answer", true},
		{"hang=Hello", "log in: ", true},
		{"full=1000", "The maximum number of active connections", true},
		{"hang=ListUnitsByPatterns", "list the timers: ", true},
		{"hang=GetAll", "read aliases.timer: ", true},
		{"hang=GetAll 2", "read aliases.service: ", true},
		{"hang=GetAll 3", "read job 17 of aliases.service: ", true},
		{"hang=GetJobBefore", "read job 17 of aliases.service: ", true},
		{"die=AUTH always", "the connection was closed", false},
		{"die=Hello always", "the connection was closed", false},
		{"die=GetAll always", "the connection was closed", false},
		{"die=ListUnitsByPatterns always", "the connection was closed", false},
		{"reject=yes", "the login was refused", false},
		{"garbage=GetAll", "invalid message", false},
		{"error=Hello", "Access denied by the stage", false},
		{"error=GetAll", "read aliases.timer: Access denied by the stage", false},
		{"error=GetJobBefore", "Access denied by the stage", false},
		{"type=LastTriggerUSec", `property LastTriggerUSec has the type "ad", not "t"`, false},
		{"type=ExecStart", `property ExecStart has the type "ad"`, false},
		{"type=Job", `property Job has the type "ad"`, false},
		{"type=UnitPath", `property UnitPath has the type "ad"`, false},
	} {
		t.Run(tt.fault, func(t *testing.T) {
			patience := 5 * time.Second
			if tt.late {
				patience = deadline
			}
			err := readWithin(t, patience, tt.fault)
			for tt.late && patience < 10*time.Second &&
				!strings.Contains(fmt.Sprint(err), tt.want) {
				patience *= 4 // a busy machine has not come as far as to the fault
				err = readWithin(t, patience, tt.fault)
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) ||
				strings.Contains(err.Error(), "\n") {
				t.Errorf("error = %v; want %q in one line", err, tt.want)
			}
			if errors.Is(err, context.DeadlineExceeded) != tt.late {
				t.Errorf("errors.Is(%v, context.DeadlineExceeded) = %v", err, !tt.late)
			}
		})
	}
}

// readWithin reads a timer, with a deadline, from a bus with a fault.
func readWithin(t *testing.T, patience time.Duration, fault string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c := dial(t, ctx, hung+"\n[faults]\n"+fault+"\n")
	_, err := c.Timers(ctx)
	if err == nil {
		_, err = c.Read(ctx, "aliases.timer")
	}
	return err
}

// A connection that is closed at any step is opened again: a bus that is restarted drops all it
// has.
func TestBusIsRestarted(t *testing.T) {
	for _, fault := range []string{"die=accept", "die=AUTH", "die=Hello", "die=ListUnitsByPatterns",
		"die=GetAll", "die=GetAll 2",
		"die=GetAll 3", "die=GetJobBefore", "noreply=GetAll 2", "noreply=Hello"} {
		t.Run(fault, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			c := dial(t, ctx, hung+"\n[faults]\n"+fault+"\n")
			names, err := c.Timers(ctx)
			pairs, err2 := c.Read(ctx, "aliases.timer")
			if err != nil || err2 != nil || len(names) != 1 || len(pairs) != 1 ||
				pairs[0].Service.Job == nil {
				t.Errorf("Timers = %q, %v; Read = %+v, %v", names, err, pairs, err2)
			}
		})
	}
}

// A bus that is full for a while is waited for: seen with 500 checks at once, of which half were
// UNKNOWN.
func TestBusIsFull(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	c := dial(t, ctx, hung+"\n[faults]\nfull=3\n")
	names, err := c.Timers(ctx)
	pairs, err2 := c.Read(ctx, "aliases.timer")
	if err != nil || err2 != nil || len(names) != 1 || len(pairs) != 1 ||
		pairs[0].Service.Name != "aliases.service" {
		t.Errorf(
			"with a bus that is full three times: Timers = %q, %v; Read = %+v, %v",
			names,
			err,
			pairs,
			err2,
		)
	}
}

func TestDialErrors(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct{ address, want string }{
		{"unix:path=" + dir + "/none", "no such file"},
		{"unix:path=" + dir + "/none;unix:path=" + dir + "/nor", "/nor"},
		{"tcp:host=127.0.0.1,port=1", "has no unix socket"},
		{"unix:path=%zz", "has no unix socket"},
		{"rubbish", "has no unix socket"},
	} {
		t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", tt.address)
		if c, err := Dial(context.Background(), false); err == nil ||
			!strings.Contains(err.Error(), tt.want) {
			t.Errorf("Dial with %q = %v, %v; want %q", tt.address, c, err, tt.want)
		}
	}
	s, err := plugintest.ParseSystemd("[faults]\nrefuse=yes\n", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Listen(filepath.Join(dir, "bus")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path="+dir+"/bus")
	if _, err := Dial(context.Background(), false); err == nil ||
		!strings.Contains(err.Error(), "connection refused") {
		t.Errorf("Dial of a deserted socket = %v; want connection refused", err)
	}
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Dial(cancelled, false); !errors.Is(err, context.Canceled) {
		t.Errorf("Dial = %v; want %v", err, context.Canceled)
	}
}

func TestSockets(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", "/run/user/7")
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:abstract=a%20b,guid=1;unix:path=/c")
	got, err := sockets(true)
	want := []socket{{"/run/user/7/systemd/private", false}, {"@a b", true}, {"/c", true}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(socket{})); err != nil || diff != "" {
		t.Errorf("sockets(true): %v %s", err, diff)
	}
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "")
	if got, err := sockets(true); err != nil || got[1].path != "/run/user/7/bus" {
		t.Errorf("sockets(true) = %v, %v; want the bus in XDG_RUNTIME_DIR", got, err)
	}
}

// What hides one pair hides no other: seen when one unit's answer took away the verdict on all the
// others.
func TestPairErrors(t *testing.T) {
	for fault, want := range map[string]string{
		"error=GetAll 3": "b.timer: read b.timer: Access denied by the stage",
		"error=GetAll 6": "c.timer: read c.service: Access denied by the stage",
		"hang=GetAll 5":  "c.timer: read c.timer: systemd at SOCKET: no answer in time",
		"type=Result":    "",
	} {
		ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
		c := dial(
			t,
			ctx,
			"[a.timer]\n[a.service]\n[b.timer]\n[b.service]\n[c.timer]\n[c.service]\n[faults]\n"+fault+"\n",
		)
		pairs, err := c.Read(ctx, "a.timer", "b.timer", "c.timer")
		cancel()
		if want == "" {
			if err == nil ||
				!strings.HasPrefix(err.Error(), "read a.timer: property Result has the type") {
				t.Errorf(
					"%s: where no pair can be read the error is %v; want the first one's",
					fault,
					err,
				)
			}
			continue
		}
		if err != nil || len(pairs) != 3 {
			t.Fatalf("%s: %v, %v", fault, pairs, err)
		}
		for _, p := range pairs {
			if got := ""; p.Err != nil {
				got = p.Timer.Name + ": " + strings.ReplaceAll(
					p.Err.Error(),
					c.bus.socket.path,
					"SOCKET",
				)
				if got != want {
					t.Errorf("%s: error %q; want %q", fault, got, want)
				}
			} else if strings.HasPrefix(want, p.Timer.Name) {
				t.Errorf("%s: %s has no error", fault, p.Timer.Name)
			}
		}
	}
}

// With many timers, one that hangs leaves the time to read those after it: each part has half of
// what is left.
func TestShareTime(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	part, cancelPart := shareTime(ctx, true)
	defer cancelPart()
	if deadline, ok := part.Deadline(); !ok || time.Until(deadline) > 31*time.Minute ||
		time.Until(deadline) < 29*time.Minute {
		t.Errorf("shareTime of an hour ends in %v", time.Until(deadline))
	}
	if last, _ := shareTime(ctx, false); last != ctx {
		t.Error("the last part has not all the time that is left")
	}
}

// A full bus is tried again as long as there is time, a bus that is restarted for a second, and
// after any other error nothing is.
func TestRetryable(t *testing.T) {
	said := func(name string) error {
		return fmt.Errorf("log in: %w", dbus.Error{Name: "org.freedesktop.DBus.Error." + name})
	}
	for _, tt := range []struct {
		err         error
		soon, later bool
	}{
		{nil, false, false},
		{said("LimitsExceeded"), true, true},
		{syscall.EAGAIN, true, true},
		{said("NoReply"), true, false},
		{said("Disconnected"), true, false},
		{said("NameHasNoOwner"), true, false},
		{said("ServiceUnknown"), true, false},
		{errClosed, true, false},
		{fmt.Errorf("systemd at x: %w", syscall.ECONNRESET), true, false},
		{syscall.EPIPE, true, false},
		{syscall.ECONNREFUSED, true, false},
		{said("AccessDenied"), false, false},
		{syscall.EACCES, false, false},
		{noAnswer{context.DeadlineExceeded, said("LimitsExceeded")}, false, false},
		{errMessage, false, false},
	} {
		soon := retryable(tt.err, time.Now())
		later := retryable(tt.err, time.Now().Add(-restartTime))
		if soon != tt.soon || later != tt.later {
			t.Errorf("retryable(%v) = %t, after a second %t; want %t, %t",
				tt.err, soon, later, tt.soon, tt.later)
		}
	}
}
