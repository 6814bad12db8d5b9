package smtp

import "fmt"

const (
	headLines   = 16  // the first lines of a dialogue
	recordLines = 200 // of a record, besides "... more lines"
)

// record keeps the first lines of a dialogue, after them only lines with keep, and says how many
// lines it left out between them. Each reply is below its command, even with PIPELINING.
type record struct {
	lines   []string
	skipped int // since the last line
}

func (r *record) add(keep bool, who, line string) {
	if len(r.lines) >= headLines && (!keep || len(r.lines) >= recordLines) {
		r.skipped++
		return
	}
	r.flush()
	r.lines = append(r.lines, who+line)
}

// flush adds a line that says how many lines are left out here.
func (r *record) flush() {
	if r.skipped > 0 {
		r.lines = append(r.lines, fmt.Sprintf("... %d more lines", r.skipped))
		r.skipped = 0
	}
}

func (r *record) addAll(keep bool, who string, lines []string) {
	for _, line := range lines {
		r.add(keep, who, line)
	}
}
