package nagios

import (
	"fmt"
	"slices"
	"strings"
)

// Count says how many there are of something: "1 entry", "2 entries".
func Count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// List names things: "a", "a and b", "a, b and 5 more". It names at most limit of them. total is
// the number of things; names may have fewer.
func List(names []string, limit, total int) string {
	shown := names[:min(limit, len(names))]
	if rest := total - len(shown); rest > 0 {
		shown = append(slices.Clone(shown), fmt.Sprintf("%d more", rest))
	}
	last := len(shown) - 1
	if last < 1 {
		return strings.Join(shown, "")
	}
	return strings.Join(shown[:last], ", ") + " and " + shown[last]
}
