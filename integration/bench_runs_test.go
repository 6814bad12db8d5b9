//go:build bench

package integration

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// history has the figures of all whole runs, in the order in which they were made. A line that
// begins with "run" has its date, the version of the plugins and the machine; the lines after it
// have a figure each.
const history = "testdata/bench-runs.tsv"

// An outcome is what one run of the bench found of the figures of which a limit is wanted.
type outcome struct {
	date, build, machine string
	figures              map[string]float64
	names                []string // of the figures, in the order of the tables
}

// with takes the figures of the tables.
func (r outcome) with(all ...*report) outcome {
	r.figures = map[string]float64{}
	for _, table := range all {
		for _, row := range table.rows {
			for _, l := range row.limits {
				r.set(table.key(row, l.figure), l.of(row))
			}
		}
	}
	return r
}

func (r *outcome) set(name string, value float64) {
	r.names = append(r.names, name)
	r.figures[name] = value
}

func readRuns(file string) (list []outcome, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		cells := strings.Split(lines.Text(), "\t")
		if len(cells) == 4 && cells[0] == "run" {
			list = append(list, outcome{cells[1], cells[2], cells[3], map[string]float64{}, nil})
			continue
		}
		if len(cells) != 2 || list == nil {
			return nil, fmt.Errorf("%s: no figure of a run: %q", file, lines.Text())
		}
		value, err := strconv.ParseFloat(cells[1], 64)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		list[len(list)-1].set(cells[0], value)
	}
	return list, lines.Err()
}

func writeRuns(file string, list []outcome) error {
	var b strings.Builder
	for _, r := range list {
		fmt.Fprintf(&b, "run\t%s\t%s\t%s\n", r.date, r.build, r.machine)
		for _, name := range r.names {
			fmt.Fprintf(&b, "%s\t%.3g\n", name, r.figures[name])
		}
	}
	return os.WriteFile(file, []byte(b.String()), 0o644)
}

const buildsShown = 4

// fromRunToRun renders how far each figure of which a limit is wanted moved: a column for each of
// the last builds, this one at the end, with the smallest and the largest of its runs. What passes
// the limit of today is bold.
func fromRunToRun(runs []outcome, all ...*report) string {
	builds := buildsOf(runs)
	head := []string{"figure", "wanted, at most"}
	for _, build := range builds {
		head = append(head, fmt.Sprintf("%s, %s", build[0].build, times(len(build), "run")))
	}
	lines := [][]string{head}
	for _, table := range all {
		for _, row := range table.rows {
			for _, l := range row.limits {
				name := table.key(row, l.figure)
				line := []string{name, fmt.Sprintf("%g", l.most)}
				for _, build := range builds {
					line = append(line, l.span(name, build))
				}
				lines = append(lines, line)
			}
		}
	}
	var b strings.Builder
	b.WriteString(align(lines) + "\nThe runs:\n\n")
	for _, build := range builds {
		for _, r := range build {
			fmt.Fprintf(&b, "- %s, %s: %s\n", r.date, r.build, r.machine)
		}
	}
	return b.String()
}

// buildsOf groups the runs of the last builds.
func buildsOf(runs []outcome) (builds [][]outcome) {
	for _, r := range runs {
		of := func(build []outcome) bool { return build[0].build == r.build }
		if i := slices.IndexFunc(builds, of); i >= 0 {
			builds[i] = append(builds[i], r)
		} else {
			builds = append(builds, []outcome{r})
		}
	}
	return builds[max(0, len(builds)-buildsShown):]
}

// span shows the smallest and the largest of a figure in the runs that have it.
func (l limit) span(name string, runs []outcome) string {
	var found []float64
	for _, r := range runs {
		if value, ok := r.figures[name]; ok {
			found = append(found, value)
		}
	}
	if found == nil {
		return ""
	}
	show := func(x float64) string {
		if x > l.most {
			return "**" + l.show(x) + "**"
		}
		return l.show(x)
	}
	low, high := show(slices.Min(found)), show(slices.Max(found))
	if low == high {
		return low
	}
	return low + " to " + high
}

func times(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
