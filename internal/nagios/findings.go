package nagios

import (
	"fmt"
	"slices"
	"strings"
)

// Findings are the findings about one object, in the order in which they were added.
type Findings []finding

type finding struct {
	state State
	text  string
}

// Add adds a finding.
func (f *Findings) Add(state State, format string, args ...any) {
	*f = append(*f, finding{state, fmt.Sprintf(format, args...)})
}

// Worst returns the worst state of the findings, OK if there is none.
func (f Findings) Worst() State {
	worst := OK
	for _, one := range f {
		worst = Worst(worst, one.state)
	}
	return worst
}

// Text joins the findings: the worst finding first, then the other findings that alert. If no
// finding alerts, Text is the text of the first one.
func (f Findings) Text() string {
	sorted := slices.Clone(f)
	slices.SortStableFunc(sorted, func(a, b finding) int { return b.state.Compare(a.state) })
	var texts []string
	for i, one := range sorted {
		if i == 0 || one.state != OK {
			texts = append(texts, one.text)
		}
	}
	return strings.Join(texts, "; ")
}

// Summary is the sentence about the worst of several objects, and how many more alert. If no object
// alerts, Summary is the number of objects, noun and fine: "2 files are fresh".
func Summary(objects []Object, noun, fine string, sentence func(Object) string) string {
	worst := slices.MaxFunc(objects, func(a, b Object) int { return a.State.Compare(b.State) })
	alerts := 0
	for _, o := range objects {
		if o.State != OK {
			alerts++
		}
	}
	switch all := len(objects); {
	case all == 1:
		return sentence(worst)
	case alerts == 0:
		return fmt.Sprintf("%d %ss%s", all, noun, fine)
	case alerts > 1:
		return fmt.Sprintf("%s (and %d more of %d %ss)", sentence(worst), alerts-1, all, noun)
	case all == 2:
		return fmt.Sprintf("%s (the other %s is fine)", sentence(worst), noun)
	default:
		return fmt.Sprintf("%s (the other %d %ss are fine)", sentence(worst), all-1, noun)
	}
}
