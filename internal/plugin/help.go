package plugin

import (
	"cmp"
	"fmt"
	"strings"
)

const width = 80 // columns of the help text

// Help is the text of --help: usage, the options by group, two examples.
func Help(c Check) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\nUsage: %s [options]\n", wrap(c.About, 0), c.Name)
	table := Table(c.Options)
	for i, o := range table {
		if i == 0 || o.Group != table[i-1].Group {
			fmt.Fprintf(&b, "\n%s:\n", cmp.Or(o.Group, "Common"))
		}
		b.WriteString(o.entry())
	}
	b.WriteString("\nRanges are [@][start:][end] and alert outside, with @ inside. Time spans are in\nseconds or have units: 90, 25h, 1d12h, 10m:2h, ~:1h.\nExit: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN and wrong usage.\n\nExamples:\n")
	for _, example := range c.Examples {
		fmt.Fprintf(&b, "  %s\n", example)
	}
	return strings.TrimRight(b.String(), "\n")
}

// entry is an option's lines in the help text.
func (o Option) entry() string {
	head := "      --" + o.Long
	if o.Short != "" {
		head = "  -" + o.Short + ", --" + o.Long
	}
	if o.Placeholder != "" {
		head += " " + o.Placeholder
	}
	text := o.Help
	if o.Repeatable && o.Placeholder != "" {
		text += " (repeatable)"
	}
	switch {
	case o.Default != "":
		text += " (default " + o.Default + ")"
	case o.Placeholder == "RANGE":
		text += " (default none)"
	}
	const indent = 10
	return head + "\n" + strings.Repeat(" ", indent) + wrap(text, indent) + "\n"
}

// wrap breaks text at blanks into lines of at most width columns, and indents all lines but the
// first.
func wrap(text string, indent int) string {
	var b strings.Builder
	column := indent
	for i, word := range strings.Fields(text) {
		if i > 0 && column+1+len(word) > width {
			b.WriteString("\n" + strings.Repeat(" ", indent))
			column = indent
		} else if i > 0 {
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String()
}
