package document

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// row is a row of a page that shows output: "| in words <!-- table: case --> | output |". It names
// a test case and the table that has it.
var row = regexp.MustCompile(`(?m)^\| (.*) <!-- (\w+): (.*) --> \|.*\|$`)

// CompareRows compares the rows of a page that name a case of a table with what the plugin said in
// that case.
func CompareRows(t *testing.T, file, table string, said map[string]string) {
	t.Helper()
	rows := 0
	Compare(t, file, row.ReplaceAllStringFunc(read(t, file), func(line string) string {
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

// sampleEnds is the line after the output of a command: the next command, or the end of the block.
var sampleEnds = regexp.MustCompile("(?m)^(\\$ |```)")

// CompareSample compares the output that a page shows below "$ command" with what the plugin said.
// The page shows long lines folded.
func CompareSample(t *testing.T, file, command, output string) {
	t.Helper()
	prompt := "\n$ " + command + "\n"
	before, rest, found := strings.Cut(read(t, file), prompt)
	end := sampleEnds.FindStringIndex(rest)
	if !found || end == nil {
		t.Fatalf("%s shows no output of %q", file, command)
	}
	Compare(t, file, before+prompt+folded(output)+"\n"+rest[end[0]:])
}

// folded breaks lines of more than 100 columns: before the performance data, and at blanks. The
// rest of a line is indented by four.
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
