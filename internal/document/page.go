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

// Page is a page of the documentation with its option table made anew.
func Page(c plugin.Check, page string) string {
	before, rest, _ := strings.Cut(page, tableBegins)
	_, after, _ := strings.Cut(rest, tableEnds)
	return before + tableBegins + optionTable(c) + tableEnds + after
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
