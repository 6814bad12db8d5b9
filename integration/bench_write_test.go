//go:build bench

package integration

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A bench is all that a run measures: with the systemd of Debian 12 everything, with that of
// Debian 13 the timers.
type bench struct {
	now             outcome
	first, debian13 report
	older           *older
}

// text renders what the chapter has between its two marks.
func (b *bench) text(t *testing.T, runs []outcome) string {
	var s strings.Builder
	section := func(title, text string, parts ...string) {
		fmt.Fprintf(&s, "\n## %s\n\n%s\n\n%s", title, text, strings.Join(parts, "\n"))
	}
	fmt.Fprintf(&s, "%s, %s: %s\n\n%s", b.now.date, b.now.build, b.now.machine, b.first.table())
	s.WriteString("\n![Wall time against size, both axes logarithmic](growth.svg)\n\n" +
		"Dotted: linear growth through the last point.\n")
	section("The timers on Debian 13", "The same questions to systemd "+
		b.debian13.release.version(t, "bench", "systemd")+
		", beside Debian 13's own systemctl and check_systemd.", b.debian13.table())
	section("What a site pays", "One check of each kind a minute, from the medians above: the CPU "+
		"time of the check with what it starts, of PID 1 and of dbus-daemon.",
		hourOfCPU(b.first.hour), "What two Exims see of an hour of checks, counted by the kernel:\n",
		mailHour(b.first.traffic))
	if b.older != nil {
		section("Beside the older build", "The same commands of "+b.older.version(t)+
			" on the same files, servers and timers, alternately.", b.older.table())
	}
	section("From run to run", "Every figure with a limit in the runs of the last builds, from the "+
		"smallest to the largest where a build ran more than once. **Bold** is more than wanted today.",
		fromRunToRun(runs, &b.first, &b.debian13))
	all := []*report{&b.first, &b.debian13}
	if b.older != nil {
		all = append(all, &b.older.report)
	}
	return s.String() + "\n" + weaker(all...)
}

// write puts the text into the chapter, between its two marks.
func write(file, text string) error {
	const begin, end = "<!-- make bench -->\n", "<!-- end -->\n"
	chapter, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, rest, _ := strings.Cut(string(chapter), begin)
	_, after, found := strings.Cut(rest, end)
	if !found {
		return fmt.Errorf("%s has no place between %q and %q", file, begin, end)
	}
	return os.WriteFile(file, []byte(before+begin+text+end+after), 0o644)
}

// theRun says of what, on what, and beside how much else, the bench runs.
func theRun(t *testing.T, releases ...release) outcome {
	t.Helper()
	read := func(file, expression string) string {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return submatch(string(text), expression)
	}
	output := func(expression, name string, args ...string) string {
		out, _ := exec.Command(name, args...).Output() // what is not there has no version
		return submatch(string(out), expression)
	}
	var systemds []string
	for _, r := range releases {
		systemds = append(systemds, fmt.Sprint(r.systemd(t)))
	}
	memory, _ := strconv.ParseFloat(read("/proc/meminfo", `MemTotal: *(\d+)`), 64)
	machine := fmt.Sprintf("%s, %d cores, %.1f GB of memory, Linux %s, systemd %s, Exim %s, "+
		"Postfix %s, %s; a page fault takes %s us; load %s when it began.",
		read("/proc/cpuinfo", `model name\s*: (.*)`), runtime.NumCPU(), memory*1024/1e9,
		read("/proc/sys/kernel/osrelease", `(.*)`), strings.Join(systemds, " and "),
		output(`Exim version (\S+)`, exim, "-bV"),
		output(`(\S+)`, "/usr/bin/env", postfixLibrary, postfix+"/sbin/postconf", "-dh",
			"mail_version"),
		runtime.Version(), digits(pageFault(t)), read("/proc/loadavg", `(\S+ \S+ \S+)`))
	date := time.Now().UTC().Format("2006-01-02 15:04")
	return outcome{date: date, build: output(`(\S+)`, "../release/version"), machine: machine}
}

// pageFault gives the CPU time, in us, of the first write to a page. Most of what a short process
// costs is page faults, and virtual machines differ in them more than in anything else.
func pageFault(t *testing.T) float64 {
	t.Helper()
	const pages = 10_000
	size := os.Getpagesize()
	memory, err := unix.Mmap(-1, 0, pages*size, unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(memory)
	_ = unix.Madvise(memory, unix.MADV_NOHUGEPAGE)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var begin, end unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &begin) // Linux has it
	for i := range pages {
		memory[i*size] = 1
	}
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &end)
	return float64(end.Nano()-begin.Nano()) / 1000 / pages
}

func submatch(text, expression string) string {
	if m := regexp.MustCompile(expression).FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return "?"
}
