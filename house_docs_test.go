package mailfresh_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestREADMEIsShort(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(readme), "\n"); n >= 200 {
		t.Errorf("README.md has %d lines; want under 200", n)
	}
}

// Links between the pages of this repository lead to a file.
func TestLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)
	pages, _ := filepath.Glob("*.md")
	inDocs, _ := filepath.Glob("docs/*.md")
	for _, page := range append(pages, inDocs...) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s: the link to %s leads nowhere", page, m[1])
			}
		}
	}
}

// Every CRITICAL sentence that the pages of the plugins show has a row in the
// runbook: a part of the sentence, in its first column.
func TestRunbook(t *testing.T) {
	runbook, err := os.ReadFile("docs/runbook.md")
	if err != nil {
		t.Fatal(err)
	}
	phrase := regexp.MustCompile("(?m)^\\| `([^`]*)` \\|")
	for section := range strings.SplitSeq(string(runbook), "\n## ") {
		name, rows, _ := strings.Cut(section, "\n")
		page, err := os.ReadFile("docs/" + name + ".md")
		if err != nil {
			continue // the introduction
		}
		phrases := phrase.FindAllStringSubmatch(rows, -1)
		for _, m := range regexp.MustCompile("`CRITICAL - ([^`]*)`").
			FindAllStringSubmatch(string(page), -1) {
			if !slices.ContainsFunc(phrases,
				func(p []string) bool { return strings.Contains(m[1], p[1]) }) {
				t.Errorf("docs/runbook.md has no row for %s: %s", name, m[1])
			}
		}
	}
}

// Each variable of the environment that a plugin reads stands in a manual page, in
// docs/security.md too.
func TestEnvironmentIsDocumented(t *testing.T) {
	read := func(path string) string {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	pages, security := "", read("docs/security.md")
	found, _ := filepath.Glob("man/check_*.in")
	for _, path := range found {
		pages += read(path)
	}
	variable := regexp.MustCompile(`os\.(?:Getenv|LookupEnv)\("(\w+)"\)`)
	for _, s := range sources(t) {
		if s.dir == "internal/document" || strings.HasPrefix(s.dir, "internal/plugintest") {
			continue
		}
		for _, m := range variable.FindAllStringSubmatch(read(s.path), -1) {
			if !strings.Contains(pages, m[1]) || !strings.Contains(security, "`"+m[1]+"`") {
				t.Errorf("%s reads %s: it is to stand in man/check_*.in and docs/security.md", s.path,
					m[1])
			}
		}
	}
}

// README.md has no line of more than 100 columns.
func TestREADMEIsNarrow(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(string(readme), "\n") {
		if n := utf8.RuneCountInString(line); n > columns {
			t.Errorf("README.md:%d: %d columns; want at most %d", i+1, n, columns)
		}
	}
}
