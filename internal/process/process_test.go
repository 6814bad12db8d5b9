package process

import (
	"bufio"
	"bytes"
	"context"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/rogpeppe/go-internal/txtar"
	"golang.org/x/sys/unix"
)

// fixture writes the files of an archive below a folder. A file that says "-> TEXT" is a link.
func fixture(t *testing.T, name string) string {
	t.Helper()
	archive, err := txtar.ParseFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	for _, file := range archive.Files {
		path := filepath.Join(root, file.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if link, ok := strings.CutPrefix(strings.TrimSuffix(string(file.Data), "\n"), "-> "); ok {
			err = os.Symlink(link, path)
		} else {
			data := file.Data
			if filepath.Base(path) == "wchan" { // the kernel ends it without a newline
				data = bytes.TrimSpace(data)
			}
			err = os.WriteFile(path, data, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestMayWaitForLock(t *testing.T) {
	for _, test := range []struct {
		state, call string
		want        bool
	}{
		{"S", "flock", true},
		{"D", "fcntl", true},
		{"S", "openat", true},           // a lease
		{"S", "system call 221", true},  // fcntl64 of a 32-bit program
		{"S", "", true},                 // of another user
		{"S", "clock_nanosleep", false}, // a timer job that hangs most often sleeps or reads
		{"S", "recvfrom", false},
		{"R", "", false},
		{"Z", "", false},
	} {
		if got := (Process{State: test.state, Call: test.call}).mayWaitForLock(); got != test.want {
			t.Errorf("a process in state %s and call %q may wait for a lock: %t; want %t",
				test.state, test.call, got, test.want)
		}
	}
}

var times = cmpopts.IgnoreFields(Process{}, "Elapsed")

// What is read of each of the files, on x86-64, whose system calls the archive has.
func TestGatherFixture(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("the numbers of the system calls are those of x86-64")
	}
	peer := Socket{Remote: netip.MustParseAddrPort("10.64.0.9:3306"), ReceiveQueue: 16}
	dropped := Socket{
		Remote:     netip.MustParseAddrPort("[2001:db8::1]:25"),
		Connecting: true,
		SendQueue:  1,
	}
	want := []Process{
		{
			PID:      100,
			Seen:     true,
			Name:     "sh",
			State:    "S",
			Parent:   1,
			Call:     "wait4",
			Channel:  "do_wait",
			WaitsFor: []Other{{101, "python3 -O"}, {102, "flock"}, {103, "tar"}},
		},
		{
			PID:     101,
			Seen:    true,
			Name:    "python3 -O",
			State:   "S",
			Parent:  100,
			CPU:     2340 * time.Millisecond,
			Call:    "recvfrom",
			Channel: "wait_woken",
			File:    "socket:[635]",
			Socket:  &peer,
			Sockets: []Socket{peer, dropped},
		},
		{
			PID:      102,
			Seen:     true,
			Name:     "flock",
			State:    "S",
			Parent:   100,
			Call:     "flock",
			Channel:  "flock_lock_inode_wait",
			File:     "/run/lock/report",
			WaitsFor: []Other{{900, "rsync"}},
		},
		{
			PID:      103,
			Seen:     true,
			Name:     "tar",
			State:    "S",
			Parent:   100,
			Frozen:   true,
			Call:     "write",
			File:     "pipe:[77]",
			WaitsFor: []Other{{900, "rsync"}},
		},
		{PID: 104},
		{PID: 105},
		{PID: 106, Seen: true, Name: "gone", State: "Z", Parent: 100},
	}
	got, err := Gather(
		context.Background(),
		fixture(t, "report.txtar"),
		"/system.slice/report.service",
		[]int{100, 101, 102, 103, 104, 105, 106},
	)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, times, cmpopts.EquateComparable(netip.AddrPort{})); diff != "" {
		t.Errorf("Gather (-want +got):\n%s", diff)
	}
}

func TestGatherWithoutProc(t *testing.T) {
	if _, err := Gather(context.Background(), t.TempDir(), "/x", []int{1}); err == nil {
		t.Error("Gather without a proc: no error")
	}
	list, err := Gather(context.Background(), "/", "/", []int{1 << 30})
	if err != nil || len(list) != 1 || list[0].Seen {
		t.Errorf(
			"Gather of a PID that does not exist = %v, %v; want one that is not seen",
			list,
			err,
		)
	}
	if list, _ := Gather(context.Background(), "/", "/", make([]int, 5000)); len(
		list,
	) != maxProcesses {
		t.Errorf("Gather of 5000 processes gives %d; want %d", len(list), maxProcesses)
	}
}

// stuck starts this test again, to get stuck in some way, and gives what is seen of it.
func stuck(t *testing.T, how string) Process {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestStuck$")
	cmd.Env = append(os.Environ(), "STUCK="+how)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); cmd.Process.Kill(); cmd.Wait() })
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatalf("%s: %q, %v", how, line, err)
	}
	return seen(t, how, cmd.Process.Pid)
}

// seen looks at a process until it has got stuck in the call.
func seen(t *testing.T, call string, pid int) (p Process) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		list, err := Gather(context.Background(), "/", "/", []int{pid})
		if err != nil {
			t.Fatal(err)
		}
		if p = list[0]; p.Call == call || p.State == call {
			return p
		}
	}
	t.Fatalf("it does not get stuck in %s: %+v", call, p)
	return p
}

// TestStuck is what stuck starts.
func TestStuck(t *testing.T) {
	say := func() { os.Stdout.WriteString("ready\n") }
	switch how := os.Getenv("STUCK"); how {
	case "":
		t.Skip("started by other tests")
	case "read":
		say()
		unix.Read(0, make([]byte, 1))
	case "flock":
		f, err := os.Open(os.Getenv("STUCK_FILE"))
		if err != nil {
			t.Fatal(err)
		}
		say()
		unix.Flock(int(f.Fd()), unix.LOCK_EX)
	case "recvfrom":
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := unix.Connect(
			fd,
			&unix.SockaddrInet4{Port: 9, Addr: [4]byte{127, 0, 0, 1}},
		); err != nil {
			t.Fatal(err)
		}
		say()
		unix.Recvfrom(fd, make([]byte, 1), 0)
	case "R":
		say()
		for start := time.Now(); time.Since(start) < time.Minute; {
		}
	}
}

// A thread in a call that names its file tells more than the main thread, which a Go program has in
// a futex.
func TestGatherLive(t *testing.T) {
	if p := stuck(t, "read"); !strings.HasPrefix(p.File, "pipe:[") || len(p.WaitsFor) != 1 ||
		p.WaitsFor[0].PID != os.Getpid() || p.Parent != os.Getpid() || !p.Seen || p.Denied {
		t.Errorf("it reads from our pipe: %+v", p)
	}
	p := stuck(t, "recvfrom")
	want := netip.MustParseAddrPort("127.0.0.1:9")
	// socketcall(2) does not say on which socket.
	if waits := p.Socket != nil && p.Socket.Remote == want; waits == hasSocketcall ||
		len(p.Sockets) != 1 || p.Sockets[0].Remote != want {
		t.Errorf("it receives from %v: %+v", want, p)
	}
	if p.Elapsed > 30*time.Second {
		t.Errorf("it runs for %v", p.Elapsed)
	}
	file := filepath.Join(t.TempDir(), "lock")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	t.Setenv("STUCK_FILE", file)
	p = stuck(t, "flock")
	for range 100 { // the sample may have come just before it began to wait
		if p.File == file && len(p.WaitsFor) == 1 && p.WaitsFor[0].PID == os.Getpid() {
			return
		}
		p = seen(t, "flock", p.PID)
	}
	t.Errorf("it waits for our lock: %+v", p)
}

func TestGatherBusy(t *testing.T) {
	p := stuck(t, "R")
	counts := (&reader{root: "/"}).usage(p.PID).timeslices > 0
	for range 100 { // a machine may be too busy to let it run in one sample
		if p.RecentCPU > 0 && (!counts || p.RecentCPU%tick > 0) {
			return
		}
		p = seen(t, "R", p.PID)
	}
	t.Errorf("it spins: %+v", p)
}
