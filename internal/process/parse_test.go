package process

import (
	"encoding/binary"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestParseSyscall(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("the numbers are those of x86-64")
	}
	for _, test := range []struct {
		text, name string
		file       int
	}{
		{"45 0x3 0x7f1d922a1000 0x2000 0x0 0x0 0x0 0x7ffe834c6ad8 0x7f1d9241d2ad\n", "recvfrom", 3},
		{"0 0xff 0x7f1d922a1000 0x20000 0x0 0x0 0x0 0x7ffe834c6ad8 0x7f1d9241d2ad\n", "read", 255},
		{"230 0x0 0x0 0x7ffd2139c230 0x7ffd2139c270 0x0 0x0 0x7ffd2139c218 0x7f2cc4df0503\n",
			"clock_nanosleep", -1},
		{"7 0x7ffd2139c230 0x1 0xffffffff 0x0 0x0 0x0 0x7ffd2139c218 0x7f2cc4df0503\n", "poll", -1},
		{"257 0xffffff9c 0x7ffd2139c230 0x0 0x0 0x0 0x0 0x7ffd2139c218 0x7f2cc4df0503\n", "openat",
			-1},
		{"0 0xffffffff 0x0 0x0 0x0 0x0 0x0 0x7ffe834c6ad8 0x7f1d9241d2ad\n", "read", -1},
		{"999 0x3 0x0 0x0 0x0 0x0 0x0 0x7ffe834c6ad8 0x7f1d9241d2ad\n", "system call 999", -1},
		{"102 0x3 0x0 0x0 0x0 0x0 0x0 0xffb02c30 0xf7f3a559\n", "system call 102", -1}, // i386
		{"-1 0x7ffe834c6ad8 0x7f1d9241d2ad\n", "", -1},
		{"running\n", "", -1},
		{"", "", -1},
	} {
		if name, file := parseSyscall(test.text); name != test.name || file != test.file {
			t.Errorf(
				"parseSyscall(%q) = %q, %d; want %q, %d",
				test.text,
				name,
				file,
				test.name,
				test.file,
			)
		}
	}
}

func FuzzParseSyscall(f *testing.F) {
	f.Add("45 0x3 0x7f1d922a1000 0x2000 0x0 0x0 0x0 0x7ffe834c6ad8 0x7f1d9241d2ad\n")
	f.Add("-1 0x7ffe834c6ad8 0x7f1d9241d2ad")
	f.Add("running")
	f.Fuzz(func(t *testing.T, text string) {
		name, file := parseSyscall(text)
		if file < -1 || file >= 0 && !strings.Contains(onFile, " "+name+" ") ||
			len(name) > len(text)+20 {
			t.Errorf("parseSyscall(%q) = %q, %d", text, name, file)
		}
	})
}

func TestParseLocks(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       map[int]int
	}{
		{"nobody waits",
			"1: POSIX  ADVISORY  READ 5433 08:01:7864448 128 128\n2: FLOCK  ADVISORY  WRITE 2001 08:01:7864554 0 EOF\n", map[int]int{}},
		{"two wait",
			"1: FLOCK  ADVISORY  WRITE 2001 08:01:7864554 0 EOF\n1: -> FLOCK  ADVISORY  WRITE 2002 08:01:7864554 0 EOF\n1:  -> FLOCK  ADVISORY  WRITE 2003 08:01:7864554 0 EOF\n",
			map[int]int{2002: 2001, 2003: 2001}},
		{"the holder is in another namespace",
			"1: FLOCK  ADVISORY  WRITE 0 08:01:7864554 0 EOF\n1: -> FLOCK  ADVISORY  WRITE 2002 08:01:7864554 0 EOF\n", map[int]int{}},
		{"the holder is not listed",
			"1: FLOCK  ADVISORY  WRITE 7 08:01:9 0 EOF\n2: -> FLOCK  ADVISORY  WRITE 2002 08:01:7864554 0 EOF\n2: -> FLOCK  ADVISORY  WRITE 2003 08:01:7864554 0 EOF\n", map[int]int{}},
		{"a lock of an open file",
			"1: OFDLCK ADVISORY  WRITE -1 08:01:7864554 0 EOF\n1: -> POSIX  ADVISORY  WRITE 2002 08:01:7864554 0 EOF\n", map[int]int{}},
		{"another thread holds it",
			"1: POSIX  ADVISORY  WRITE 2002 08:01:7864554 0 EOF\n1: -> POSIX  ADVISORY  WRITE 2002 08:01:7864554 0 EOF\n", map[int]int{}},
		{"nonsense", "1:\n->\n\n1: -> FLOCK\n1: a b c d\n", map[int]int{}},
	} {
		if diff := cmp.Diff(test.want, parseLocks(test.text)); diff != "" {
			t.Errorf("%s: parseLocks (-want +got):\n%s", test.name, diff)
		}
	}
}

func FuzzParseLocks(f *testing.F) {
	f.Add(
		"1: FLOCK  ADVISORY  WRITE 2001 08:01:7864554 0 EOF\n1: -> FLOCK  ADVISORY  WRITE 2002 08:01:7864554 0 EOF\n",
	)
	f.Fuzz(func(t *testing.T, text string) {
		for waiter, holder := range parseLocks(text) {
			if waiter <= 0 || holder <= 0 || waiter == holder {
				t.Errorf("parseLocks(%q): %d waits for %d", text, waiter, holder)
			}
		}
	})
}

func TestParseStat(t *testing.T) {
	const after = " 100 101 101 0 -1 4194560 125 0 0 0 200 34 7 8 20 0 1 0 5000 2764800 230 18446744073709551615 1 1\n"
	want := stat{parent: 100, cpu: 2340 * time.Millisecond, start: 50 * time.Second, state: "S"}
	for text, name := range map[string]string{"101 (sh) S" + after: "sh", "101 (a) b (c)) S" +
		after: "a) b (c)", "101 () S" + after: ""} {
		want.name = name
		if got, ok := parseStat(text); got != want || !ok {
			t.Errorf("parseStat(%q) = %+v, %t; want %+v", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "101", "101 (sh)", "101 (sh) S 1 2 3", ")(", "101 sh S" +
		after} {
		if got, ok := parseStat(text); ok {
			t.Errorf("parseStat(%q) = %+v; want none", text, got)
		}
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add(
		"101 (sh) S 100 101 101 0 -1 4194560 125 0 0 0 200 34 7 8 20 0 1 0 5000 2764800 230 18446744073709551615 1 1\n",
	)
	f.Add(")( S")
	// A start in 3,000 years was one before the boot.
	f.Add("()00 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 10000000000000")
	f.Add("() S 0 0 0 0 0 0 0 0 0 0 99999999999999 99999999999999 0 0 0 0 0 0 1")
	f.Fuzz(func(t *testing.T, text string) {
		if s, ok := parseStat(text); ok && (s.cpu < 0 || s.start < 0 || s.state == "") {
			t.Errorf("parseStat(%q) = %+v", text, s)
		}
	})
}

func TestParseSockets(t *testing.T) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("the tables are those of a little-endian machine")
	}
	const text = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n" +
		"   0: 0100007F:8124 0900400A:0CEA 01 00000000:00000010 00:00000000 00000000   106        0 635 1 0 20 4 30 10 -1\n" +
		"   1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 636 1 0 100 0 0 10 0\n" +
		"   2: 00000000000000000000000001000000:1F90 B80D0120000000000000000001000000:0019 02 00000001:00000000 01:0000 0 0 0 637\n" +
		"   3: 0000000000000000FFFF00000100007F:1F90 0000000000000000FFFF00000200007F:0019 01 0:0 0 0 0 0 638\n" +
		"   4: 0100007F:8124 0900400A0:0CEA 01 0:0 0 0 0 0 639\n   5: x y z\n"
	got := map[string]Socket{}
	parseSockets(text, got)
	want := map[string]Socket{
		"socket:[635]": {Remote: netip.MustParseAddrPort("10.64.0.9:3306"), ReceiveQueue: 16},
		"socket:[637]": {
			Remote:     netip.MustParseAddrPort("[2001:db8::1]:25"),
			Connecting: true,
			SendQueue:  1,
		},
		"socket:[638]": {Remote: netip.MustParseAddrPort("127.0.0.2:25")},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.AddrPort{})); diff != "" {
		t.Errorf("parseSockets (-want +got):\n%s", diff)
	}
}

func FuzzParseSockets(f *testing.F) {
	f.Add(
		"   0: 0100007F:8124 0900400A:0CEA 01 00000000:00000010 00:00000000 00000000   106        0 635\n",
	)
	f.Fuzz(func(t *testing.T, text string) {
		sockets := map[string]Socket{}
		parseSockets(text, sockets)
		for link, s := range sockets {
			if !s.Remote.IsValid() || s.Remote.Port() == 0 || !strings.HasPrefix(link, "socket:[") {
				t.Errorf("parseSockets(%q) has %s: %+v", text, link, s)
			}
		}
	})
}
