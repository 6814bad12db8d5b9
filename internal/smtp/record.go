package smtp

import "fmt"

const (
	headLines   = 16  // the beginning of a dialogue
	recordLines = 200 // in all
)

// record keeps of a dialogue its beginning and then what was not as expected, with the number of
// lines between. A reply stands below its command, also if several were sent at once.
type record struct {
	lines   []string
	skipped int
}

// wants reports whether add would keep a line.
func (r *record) wants(odd bool) bool {
	return len(r.lines) < headLines || odd && len(r.lines) < recordLines
}

func (r *record) add(odd bool, who, line string) {
	if !r.wants(odd) {
		r.skipped++
		return
	}
	r.flush()
	r.lines = append(r.lines, who+line)
}

// flush says how many lines are left out here.
func (r *record) flush() {
	if r.skipped > 0 {
		r.lines = append(r.lines, fmt.Sprintf("... %d more lines", r.skipped))
		r.skipped = 0
	}
}

func (r *record) addAll(odd bool, who string, lines []string) {
	for _, line := range lines {
		r.add(odd, who, line)
	}
}
