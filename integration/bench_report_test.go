//go:build bench

package integration

import (
	"cmp"
	"fmt"
	"math"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// A report is what a run of the bench found.
type report struct {
	machine string
	rows    []row
	series  []series
}

// A row is a contest, or something measured for which there is no other.
type row struct {
	what, peer      string
	measured        string // the wall times if empty
	pairs           int
	more            bool // the difference counts, not the ratio
	wall, cpu, pid1 pair // ms
	peak            pair // MB
	wanted, met     string
}

func (r *report) add(row row) { r.rows = append(r.rows, row) }

func (r row) want(target string, met bool) row {
	r.wanted, r.met = target, "no"
	if met {
		r.met = "yes"
	}
	return r
}

// addPeak adds what a plain check needs in memory.
func (r *report) addPeak(c row) {
	peak := row{what: "peak memory: " + c.what, measured: fmt.Sprintf("%.1f MB", c.peak.ours)}
	r.add(peak.want("under 16 MB", c.peak.ours < 16))
}

// A series is how the wall time grows with the size of the question.
type series struct {
	title, x, peer string
	sizes          []int
	walls          []pair
}

func (s *series) add(size int, wall pair) {
	s.sizes, s.walls = append(s.sizes, size), append(s.walls, wall)
}

// steepest is the largest exponent of any step from one size to the next: 1 is linear, below 1 the
// start still counts.
func (s *series) steepest() float64 {
	steepest := math.Inf(-1)
	for i := 1; i < len(s.sizes); i++ {
		times := float64(s.sizes[i]) / float64(s.sizes[i-1])
		step := math.Log(s.walls[i].ours/s.walls[i-1].ours) / math.Log(times)
		steepest = max(steepest, step)
	}
	return steepest
}

// grow adds a series. Near-linear is an exponent of 1.1 at its steepest step: twice as much takes
// at most 2.15 times as long.
func (r *report) grow(s series) {
	var walls []string
	for i, n := range s.sizes {
		walls = append(walls, fmt.Sprintf("%s: %s", thousands(n), digits(s.walls[i].ours)))
	}
	r.series = append(r.series, s)
	text := fmt.Sprintf(
		"%s ms; exponent of the steepest step %.2f",
		strings.Join(walls, ", "),
		s.steepest(),
	)
	r.add(
		row{
			what:     "growth: " + s.title + ", " + s.x,
			measured: text,
		}.want("near-linear: at most 1.1", s.steepest() <= 1.1),
	)
}

// table renders all rows in Markdown, aligned to be read as it is.
func (r *report) table() string {
	lines := [][]string{
		{
			"what",
			"peer",
			"wall: ours, peer",
			"ratio",
			"wanted",
			"met",
			"CPU ms",
			"peak MB",
			"PID 1's CPU ms",
			"pairs",
		},
	}
	for _, row := range r.rows {
		lines = append(lines, row.cells())
	}
	widths := make([]int, len(lines[0]))
	for _, cells := range lines {
		for i, cell := range cells {
			if cells[3] != "" ||
				i != 2 { // one without a ratio is text, and would make the column wide
				widths[i] = max(widths[i], utf8.RuneCountInString(cell))
			}
		}
	}
	var b strings.Builder
	for n, cells := range lines {
		for i, cell := range cells {
			fmt.Fprintf(&b, "| %-*s ", widths[i], cell)
		}
		b.WriteString("|\n")
		if n == 0 {
			for _, width := range widths {
				fmt.Fprintf(&b, "|%s", strings.Repeat("-", width+2))
			}
			b.WriteString("|\n")
		}
	}
	return b.String()
}

func (r row) cells() []string {
	if r.pairs == 0 {
		return []string{r.what, "", r.measured, "", r.wanted, r.met, "", "", "", ""}
	}
	ratio := fmt.Sprintf("%.2f", r.wall.ratio)
	if r.more {
		ratio = fmt.Sprintf("%+.2f ms", r.wall.more)
	}
	return []string{r.what, r.peer, r.wall.String() + " ms", ratio, r.wanted, r.met,
		r.cpu.String(), r.peak.String(), r.pid1.String(), fmt.Sprint(r.pairs)}
}

func (p pair) String() string {
	if p == (pair{}) {
		return ""
	}
	return digits(p.ours) + ", " + digits(p.peer)
}

// weaker says in words which targets are missed, and where a plugin needs more than its peer.
func (r *report) weaker() string {
	var missed, more strings.Builder
	for _, row := range r.rows {
		if row.met == "no" {
			fmt.Fprintf(&missed, "- %s: wanted %s, found %s.\n", row.what, row.wanted, row.found())
		}
		if needs := row.needs(); needs != "" {
			fmt.Fprintf(&more, "- %s: %s of %s.\n", row.what, needs, row.peer)
		}
	}
	return "## Targets missed\n\n" + cmp.Or(
		missed.String(),
		"None.\n",
	) + "\n## Slower than the peer, or needs more\n\n" + cmp.Or(more.String(), "None.\n")
}

func (r row) found() string {
	switch {
	case r.pairs == 0:
		return r.measured
	case r.more:
		return r.wall.String() + " ms"
	}
	return fmt.Sprintf("%.2f (%s ms), peak memory %s MB", r.wall.ratio, r.wall, digits(r.peak.ours))
}

// needs lists what is more than a twentieth above the peer's. (A row about the difference has no
// peer.)
func (r row) needs() string {
	var list []string
	for _, m := range []struct {
		of   pair
		what string
	}{{r.wall, "the wall time"}, {r.cpu, "the CPU time"}, {r.peak, "the peak memory"},
		{r.pid1, "PID 1's CPU time"}} {
		if m.of.ratio > 1.05 && !r.more {
			list = append(list, fmt.Sprintf("%.1f times %s", m.of.ratio, m.what))
		}
	}
	return strings.Join(list, ", ")
}

// write puts the report into the chapter, between its two marks.
func (r *report) write(file string) error {
	const begin, end = "<!-- make bench -->\n", "<!-- end -->\n"
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, rest, _ := strings.Cut(string(text), begin)
	_, after, found := strings.Cut(rest, end)
	if !found {
		return fmt.Errorf("%s has no place between %q and %q", file, begin, end)
	}
	block := fmt.Sprintf(
		"%s\n\n%s\n![Wall time against size, four plots, both axes logarithmic](growth.svg)\n\nDotted: linear growth through the last point.\n\n%s",
		r.machine,
		r.table(),
		r.weaker(),
	)
	return os.WriteFile(file, []byte(before+begin+block+end+after), 0o644)
}

// machine says on what, and beside how much else, the bench runs.
func machine(t *testing.T) string {
	read := func(file, expression string) string {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return submatch(string(text), expression)
	}
	run := func(expression, name string, args ...string) string {
		out, _ := exec.Command(name, args...).Output() // what is not there has no version
		return submatch(string(out), expression)
	}
	memory, _ := strconv.ParseFloat(read("/proc/meminfo", `MemTotal: *(\d+)`), 64)
	return fmt.Sprintf(
		"%s: %s, %d cores, %.1f GB of memory, Linux %s, systemd %s, Exim %s, Postfix %s, %s; load %s when it began.",
		time.Now().
			UTC().
			Format("2006-01-02"),
		read("/proc/cpuinfo", `model name\s*: (.*)`),
		runtime.NumCPU(),
		memory*1024/1e9,
		read(
			"/proc/sys/kernel/osrelease",
			`(.*)`,
		),
		run(`systemd (\d+)`, "systemctl", "--version"),
		run(`Exim version (\S+)`, exim, "-bV"),
		run(
			`(\S+)`,
			"/usr/bin/env",
			postfixLibrary,
			postfix+"/sbin/postconf",
			"-dh",
			"mail_version",
		),
		runtime.Version(),
		read("/proc/loadavg", `(\S+ \S+ \S+)`),
	)
}

func submatch(text, expression string) string {
	if m := regexp.MustCompile(expression).FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return "?"
}

// digits prints three significant digits.
func digits(x float64) string {
	switch {
	case x >= 100:
		return fmt.Sprintf("%.0f", x)
	case x >= 10:
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprintf("%.2f", x)
}

// thousands prints 10000000 as 10,000,000.
func thousands(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}
