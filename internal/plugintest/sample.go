package plugintest

import (
	"os"
	"strings"
	"testing"
)

// Sample gives the output that a document shows for a command: the lines below
// "$ command" up to the next "$ " or the end of the code block.
func Sample(t *testing.T, file, command string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(text), "\n$ "+command+"\n")
	if !found {
		t.Fatalf("%s shows no output of %q", file, command)
	}
	var lines []string
	for _, line := range strings.Split(after, "\n") {
		if strings.HasPrefix(line, "$ ") || strings.HasPrefix(line, "```") {
			break
		}
		lines = append(lines, line)
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}
