//go:build bench

package integration

import (
	"cmp"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

// A report is one table of what a run of the bench found.
type report struct {
	release release // whose systemd has the timers
	name    string  // stands before the rows of all tables but the first, where these are together
	rows    []row
	series  []series
	older   *older // nil without an older build
	hour    []row  // contests of checks that run every minute
	traffic []traffic
}

// A row is a contest, or something measured for which there is no other.
type row struct {
	what, peer           string
	measured             string // the wall times if empty
	value                float64
	pairs                int
	more                 bool // the difference counts, not the ratio
	wall, cpu, pid1, bus pair // ms
	peak                 pair // MB
	limits               []limit
}

func (r *report) add(row row) { r.rows = append(r.rows, row) }

// A figure is one of the numbers of a row, of which a limit may be wanted.
type figure struct {
	name, format string
	of           func(row) float64
}

var (
	ofWall   = figure{"wall", "%s", func(r row) float64 { return r.wall.ratio }}
	ofCPU    = figure{"CPU", "%s", func(r row) float64 { return r.cpu.ratio }}
	ofPID1   = figure{"PID 1's CPU", "%s", func(r row) float64 { return r.pid1.ratio }}
	peakMB   = figure{"peak", "%s MB", func(r row) float64 { return r.peak.ours }}
	moreMS   = figure{"more", "%s ms", func(r row) float64 { return r.wall.more }}
	sizeMB   = figure{"size", "%s MB", func(r row) float64 { return r.value }}
	exponent = figure{"exponent", "%s", func(r row) float64 { return r.value }}
	notRight = figure{"wrong or late", "%s", func(r row) float64 { return r.value }}
)

func (f figure) show(x float64) string { return fmt.Sprintf(f.format, digits(x)) }

// A limit is the most that is wanted of a figure.
type limit struct {
	figure
	most float64
}

func (l limit) met(r row) bool { return l.of(r) <= l.most }

func (l limit) String() string {
	return l.name + " " + fmt.Sprintf(l.format, fmt.Sprintf("%g", l.most))
}

func (r row) want(limits ...limit) row {
	r.limits = append(r.limits, limits...)
	for _, l := range limits {
		r.more = r.more || l.name == moreMS.name
	}
	return r
}

// wanted and met are cells of the table; both are empty where no limit is wanted.
func (r row) wanted() string {
	var list []string
	for _, l := range r.limits {
		list = append(list, l.String())
	}
	return strings.Join(list, ", ")
}

func (r row) met() string {
	if r.limits == nil {
		return ""
	}
	for _, l := range r.limits {
		if !l.met(r) {
			return "no"
		}
	}
	return "yes"
}

// addPeak adds what a plain check needs in memory.
func (r *report) addPeak(c row) { r.addMemory("peak memory: "+c.what, c.peak.ours, 16) }

func (r *report) addMemory(what string, mb, most float64) {
	peak := row{what: what, measured: fmt.Sprintf("%.1f MB", mb), peak: pair{ours: mb}}
	r.add(peak.want(limit{peakMB, most}))
}

// A series is how the wall time grows with the size of the question.
type series struct {
	title, on, x, peer string
	sizes              []int
	walls              []pair
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
	steepest := s.steepest()
	r.add(row{
		what:  fmt.Sprintf("growth: %s (%s)", s.title, s.x),
		value: steepest,
		measured: fmt.Sprintf("%s ms; exponent of the steepest step %.2f",
			strings.Join(walls, ", "), steepest),
	}.want(limit{exponent, 1.1}))
}

// table renders all rows in Markdown, aligned to be read as it is.
func (r *report) table() string {
	lines := [][]string{{"what", "peer", "wall: ours, peer", "ratio", "wanted, at most", "met",
		"CPU ms", "peak MB", "PID 1's CPU ms", "pairs"}}
	for _, row := range r.rows {
		lines = append(lines, row.cells())
	}
	return align(lines)
}

// align renders lines of cells as a table in Markdown. A long cell is text, and does not make its
// column wide.
func align(lines [][]string) string {
	widths := make([]int, len(lines[0]))
	for _, cells := range lines {
		for i, cell := range cells {
			if n := utf8.RuneCountInString(cell); i == 0 || n <= 40 {
				widths[i] = max(widths[i], n)
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
		return []string{r.what, "", r.measured, "", r.wanted(), r.met(), "", "", "", ""}
	}
	ratio := fmt.Sprintf("%.2f", r.wall.ratio)
	if r.more {
		ratio = fmt.Sprintf("%+.2f ms", r.wall.more)
	}
	return []string{r.what, r.peer, r.wall.String() + " ms", ratio, r.wanted(), r.met(),
		r.cpu.String(), r.peak.String(), r.pid1.String(), fmt.Sprint(r.pairs)}
}

func (p pair) String() string {
	if p == (pair{}) {
		return ""
	}
	return digits(p.ours) + ", " + digits(p.peer)
}

// weaker says in words which limits are not met, and where a plugin needs more than its peer.
func weaker(all ...*report) string {
	var missed, more strings.Builder
	for _, r := range all {
		for _, row := range r.rows {
			for _, l := range row.limits {
				if !l.met(row) {
					fmt.Fprintf(&missed, "- %s: %s; wanted at most %g.\n", r.key(row, l.figure),
						l.show(l.of(row)), l.most)
				}
			}
			if needs := row.needs(); needs != "" {
				fmt.Fprintf(&more, "- %s%s: %s of %s.\n", r.prefix(), row.what, needs, row.peer)
			}
		}
	}
	return "## Targets missed\n\n" + cmp.Or(missed.String(), "None.\n") +
		"\n## Slower than the peer, or needs more\n\n" + cmp.Or(more.String(), "None.\n")
}

func (r *report) prefix() string {
	if r.name == "" {
		return ""
	}
	return r.name + ": "
}

// key names a figure of a row among those of all tables.
func (r *report) key(row row, f figure) string {
	name := r.prefix() + row.what
	if row.peer != "" {
		name += " / " + row.peer
	}
	return name + ": " + f.name
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

// digits prints three significant digits.
func digits(x float64) string {
	switch {
	case math.Abs(x) >= 100 || x == 0:
		return fmt.Sprintf("%.0f", x)
	case math.Abs(x) >= 10:
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
