package document

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// row is a line of a table of what a plugin says: "| in words <!-- table: case --> | output |".
var row = regexp.MustCompile(`(?m)^\| (.*) <!-- (\w+): (.*) --> \|.*\|$`)

// KeepRows compares the rows of a page that name a case of a table of tests
// with what the plugin said in that case. Its other rows it leaves alone.
func KeepRows(t *testing.T, file, table string, said map[string]string) {
	t.Helper()
	rows := 0
	Keep(t, file, row.ReplaceAllStringFunc(read(t, file), func(line string) string {
		m := row.FindStringSubmatch(line)
		if m[2] != table {
			return line
		}
		rows++
		text, known := said[m[3]]
		if !known {
			t.Errorf("%s: the tests have no case %q", file, m[3])
		}
		return fmt.Sprintf("| %s <!-- %s: %s --> | `%s` |", m[1], table, m[3], text)
	}))
	if rows == 0 {
		t.Errorf("%s has no row of %s", file, table)
	}
}

// sampleEnds is where the output of a command ends: at the next command, or
// with the block.
var sampleEnds = regexp.MustCompile("(?m)^(\\$ |```)")

// KeepSample compares the output that a page shows below "$ command" with what
// the plugin said. The page shows it folded, as a reader's window does.
func KeepSample(t *testing.T, file, command, output string) {
	t.Helper()
	prompt := "\n$ " + command + "\n"
	before, rest, found := strings.Cut(read(t, file), prompt)
	end := sampleEnds.FindStringIndex(rest)
	if !found || end == nil {
		t.Fatalf("%s shows no output of %q", file, command)
	}
	Keep(t, file, before+prompt+folded(output)+"\n"+rest[end[0]:])
}

// folded breaks lines of more than 100 columns: before the performance data, and at blanks. What
// continues a line is indented by four.
func folded(output string) string {
	const columns, indent = 100, "\n    "
	var b strings.Builder
	for line := range strings.Lines(output) {
		for utf8.RuneCountInString(strings.TrimSuffix(line, "\n")) > columns {
			at := strings.LastIndexByte(line[:columns], ' ')
			if bar := strings.Index(line, " | "); len(indent) < bar && bar < columns {
				at = bar
			}
			if at <= len(indent) {
				break // one word
			}
			b.WriteString(line[:at])
			line = indent + line[at+1:]
		}
		b.WriteString(line)
	}
	return b.String()
}
