package process

import (
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
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
		{"230 0x0 0x0 0x7ffd2139c230 0x7ffd2139c270 0x0 0x0 0x7ffd2139c218 0x7f2cc4df0503\n", "clock_nanosleep", -1},
		{"7 0x7ffd2139c230 0x1 0xffffffff 0x0 0x0 0x0 0x7ffd2139c218 0x7f2cc4df0503\n", "poll", -1},
		{"257 0xffffff9c 0x7ffd2139c230 0x0 0x0 0x0 0x0 0x7ffd2139c218 0x7f2cc4df0503\n", "openat", -1},
		{"0 0xffffffff 0x0 0x0 0x0 0x0 0x0 0x7ffe834c6ad8 0x7f1d9241d2ad\n", "read", -1},
		{"999 0x3 0x0 0x0 0x0 0x0 0x0 0x7ffe834c6ad8 0x7f1d9241d2ad\n", "system call 999", -1},
		{"102 0x3 0x0 0x0 0x0 0x0 0x0 0xffb02c30 0xf7f3a559\n", "system call 102", -1}, // i386
		{"-1 0x7ffe834c6ad8 0x7f1d9241d2ad\n", "", -1},
		{"running\n", "", -1},
		{"", "", -1},
	} {
		if name, file := parseSyscall(test.text); name != test.name || file != test.file {
			t.Errorf("parseSyscall(%q) = %q, %d; want %q, %d", test.text, name, file, test.name, test.file)
		}
	}
}

func FuzzParseSyscall(f *testing.F) {
	f.Add("45 0x3 0x7f1d922a1000 0x2000 0x0 0x0 0x0 0x7ffe834c6ad8 0x7f1d9241d2ad\n")
	f.Add("-1 0x7ffe834c6ad8 0x7f1d9241d2ad")
	f.Add("running")
	f.Fuzz(func(t *testing.T, text string) {
		name, file := parseSyscall(text)
		if file < -1 || file >= 0 && !strings.Contains(onFile, " "+name+" ") || len(name) > len(text)+20 {
			t.Errorf("parseSyscall(%q) = %q, %d", text, name, file)
		}
	})
}

func TestParseLocks(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       map[int]int
	}{
		{"nobody waits", "1: POSIX  ADVISORY  READ 5433 08:01:7864448 128 128\n2: FLOCK  ADVISORY  WRITE 2001 08:01:7864554 0 EOF\n", map[int]int{}},
		{"two wait", "1: FLOCK  ADVISORY  WRITE 2001 08:01:7864554 0 EOF\n1: -> FLOCK  ADVISORY  WRITE 2002 08:01:7864554 0 EOF\n1:  -> FLOCK  ADVISORY  WRITE 2003 08:01:7864554 0 EOF\n",
			map[int]int{2002: 2001, 2003: 2001}},
		{"the holder is in another namespace", "1: FLOCK  ADVISORY  WRITE 0 08:01:7864554 0 EOF\n1: -> FLOCK  ADVISORY  WRITE 2002 08:01:7864554 0 EOF\n", map[int]int{}},
		{"the holder is not listed", "1: FLOCK  ADVISORY  WRITE 7 08:01:9 0 EOF\n2: -> FLOCK  ADVISORY  WRITE 2002 08:01:7864554 0 EOF\n2: -> FLOCK  ADVISORY  WRITE 2003 08:01:7864554 0 EOF\n", map[int]int{}},
		{"a lock of an open file", "1: OFDLCK ADVISORY  WRITE -1 08:01:7864554 0 EOF\n1: -> POSIX  ADVISORY  WRITE 2002 08:01:7864554 0 EOF\n", map[int]int{}},
		{"another thread holds it", "1: POSIX  ADVISORY  WRITE 2002 08:01:7864554 0 EOF\n1: -> POSIX  ADVISORY  WRITE 2002 08:01:7864554 0 EOF\n", map[int]int{}},
		{"nonsense", "1:\n->\n\n1: -> FLOCK\n1: a b c d\n", map[int]int{}},
	} {
		if diff := cmp.Diff(test.want, parseLocks(test.text)); diff != "" {
			t.Errorf("%s: parseLocks (-want +got):\n%s", test.name, diff)
		}
	}
}

func FuzzParseLocks(f *testing.F) {
	f.Add("1: FLOCK  ADVISORY  WRITE 2001 08:01:7864554 0 EOF\n1: -> FLOCK  ADVISORY  WRITE 2002 08:01:7864554 0 EOF\n")
	f.Fuzz(func(t *testing.T, text string) {
		for waiter, holder := range parseLocks(text) {
			if waiter <= 0 || holder <= 0 || waiter == holder {
				t.Errorf("parseLocks(%q): %d waits for %d", text, waiter, holder)
			}
		}
	})
}
