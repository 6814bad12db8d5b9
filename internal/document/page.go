package document

import (
	"fmt"
	"strings"

	"mailfresh/internal/plugin"
)

const (
	tableBegins = "<!-- options: made by make docs -->\n"
	tableEnds   = "<!-- end of options -->\n"
)

// Page returns a page of the documentation with its option table made anew.
func Page(c plugin.Check, page string) string {
	return replaceBetween(page, tableBegins, optionTable(c), tableEnds)
}

// replaceBetween puts text between two marks of a page, in place of what is there.
func replaceBetween(page, begin, text, end string) string {
	before, rest, _ := strings.Cut(page, begin)
	_, after, _ := strings.Cut(rest, end)
	return before + begin + text + end + after
}

func optionTable(c plugin.Check) string {
	var b strings.Builder
	heading := ""
	for _, o := range plugin.Table(c.Options) {
		if h := group(o); h != heading {
			heading = h
			fmt.Fprintf(&b, "\n| %s | |\n|---|---|\n", heading)
		}
		name := "--" + o.Long
		if o.Short != "" {
			name = "-" + o.Short + ", " + name
		}
		if o.Placeholder != "" {
			name += " " + o.Placeholder
		}
		fmt.Fprintf(&b, "| `%s` | %s |\n", name, strings.NewReplacer("|", `\|`, "<", "&lt;", "*",
			`\*`).Replace(sentence(o)))
	}
	return b.String() + "\n"
}
