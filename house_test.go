// Package mailfresh_test holds the rules of the house: what may import what,
// what a pure file may use, and that every plugin is whole.
package mailfresh_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// mayImport lists what each package may import of the module. Arrows point
// down: a facts package imports no words and no other facts, so it cannot name
// a service state.
var mayImport = map[string][]string{
	"internal/nagios":   {},
	"internal/output":   {"internal/nagios"},
	"internal/plugin":   {"internal/output", "internal/nagios"},
	"internal/systemd":  {},
	"internal/calendar": {},
	"internal/aliases":  {},
	"internal/mapfile":  {},
	"internal/regular":  {},
	"internal/mx":       {},
	"internal/smtp":     {},
	"internal/process":  {},
	"internal/journal":  {},
	"internal/schedule": {"internal/calendar", "internal/systemd"},

	"check_systemd_timer": {"internal/plugin", "internal/nagios", "internal/schedule",
		"internal/systemd", "internal/process", "internal/journal"},
	"check_alias_freshness": {"internal/plugin", "internal/nagios", "internal/schedule",
		"internal/systemd", "internal/aliases", "internal/mapfile", "internal/regular"},
	"check_mx_rcpt": {"internal/plugin", "internal/nagios", "internal/mx", "internal/smtp",
		"internal/aliases", "internal/regular"},

	// For tests and the demo only, in no plugin.
	"internal/plugintest":           {"internal/nagios"},
	"internal/plugintest/simulator": {"internal/calendar", "internal/systemd"},
	"internal/document":             {"internal/plugin", "internal/output"},
	"demo":                          {"internal/plugintest"},
	"integration": {"internal/plugintest", "internal/calendar", "internal/aliases",
		"internal/mapfile", "internal/regular", "internal/nagios", "internal/smtp"},
}

// pureImports are what a pure file may not import, and pureCalls what it may
// not call: it does no I/O and reads no clock.
var (
	pureImports = []string{"os", "os/exec", "io", "io/fs", "net", "bufio", "context",
		"path/filepath", "math/rand", "math/rand/v2"}
	pureCalls = []string{"time.Now", "time.Since", "time.Until", "time.After", "time.Sleep",
		"time.Tick", "time.NewTimer"}
)

// source is one Go file that is no test.
type source struct {
	dir, path string
	lines     int
	tree      *ast.File
	fset      *token.FileSet
}

func sources(t *testing.T) (list []source) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (path != "." && strings.HasPrefix(d.Name(), ".") || path == "build" ||
			path == "vendor") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		fset := token.NewFileSet()
		tree, err := parser.ParseFile(fset, path, text, 0)
		list = append(list, source{filepath.Dir(path), path, strings.Count(string(text), "\n"),
			tree, fset})
		return err
	})
	if err != nil || len(list) == 0 {
		t.Fatalf("no sources: %v", err)
	}
	return list
}

func (s source) imports() (paths []string) {
	for _, spec := range s.tree.Imports {
		path, _ := strconv.Unquote(spec.Path.Value)
		paths = append(paths, path)
	}
	return paths
}

// uses lists the selectors of a file, "os.Exit", and its go statements, "go".
func (s source) uses() (names []string) {
	ast.Inspect(s.tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok {
				names = append(names, x.Name+"."+n.Sel.Name)
			}
		case *ast.GoStmt:
			names = append(names, "go")
		}
		return true
	})
	return names
}

func isPlugin(dir string) bool { return strings.HasPrefix(dir, "check_") }

func TestLayers(t *testing.T) {
	for _, s := range sources(t) {
		allowed, known := mayImport[s.dir]
		if !known {
			t.Errorf("%s: the folder has no place in the layers", s.path)
		}
		for _, path := range s.imports() {
			if own, ok := strings.CutPrefix(path, "mailfresh/"); ok &&
				!slices.Contains(allowed, own) {
				t.Errorf("%s imports %s; %s may import %v", s.path, path, s.dir, allowed)
			}
		}
	}
}

// A child that inherits standard output would hold up Icinga. One package
// starts one, and gives it a pipe.
func TestOneChild(t *testing.T) {
	for _, s := range sources(t) {
		if (isPlugin(s.dir) || strings.HasPrefix(s.dir, "internal/")) &&
			s.dir != "internal/journal" && s.dir != "internal/plugintest" &&
			slices.Contains(s.imports(), "os/exec") {
			t.Errorf("%s imports os/exec; only internal/journal may start a program", s.path)
		}
	}
}

// What docs/security.md promises: the plugins write nothing, listen to nobody
// and read of the environment where the buses are.
func TestReadsOnly(t *testing.T) {
	never := regexp.MustCompile(`^(os\.(Create|CreateTemp|WriteFile|Remove|RemoveAll|Rename|Mkdir|MkdirAll|MkdirTemp|Chmod|Chown|Chtimes|Link|Symlink|Truncate|Setenv|StartProcess|O_RDWR|O_WRONLY|O_CREATE|O_APPEND|O_TRUNC)` +
		`|net\.Listen\w*|(unix|syscall)\.(Open|Unlink|Rename|Kill|Exec|Mount|Socket|Ptrace)\w*)$`)
	environment := regexp.MustCompile(`^(os|syscall|unix)\.(Getenv|LookupEnv|Environ|ExpandEnv)$`)
	for _, s := range sources(t) {
		if s.dir == "internal/plugintest" || s.dir == "internal/document" || !isPlugin(s.dir) &&
			!strings.HasPrefix(s.dir, "internal/") {
			continue
		}
		for _, use := range s.uses() {
			if never.MatchString(use) || environment.MatchString(use) &&
				s.dir != "internal/systemd" {
				t.Errorf("%s uses %s; the plugins read only", s.path, use)
			}
		}
	}
}

// One frame owns the process: arguments, standard output, the exit.
func TestOneFrame(t *testing.T) {
	frame := []string{"os.Exit", "os.Args", "os.Stdout", "os.Stderr", "log.Fatal", "log.Fatalf",
		"log.Print", "log.Printf", "fmt.Print", "fmt.Printf", "fmt.Println"}
	for _, s := range sources(t) {
		if !isPlugin(s.dir) && !strings.HasPrefix(s.dir, "internal/") ||
			s.dir == "internal/plugin" || s.dir == "internal/plugintest" {
			continue
		}
		for _, use := range s.uses() {
			if slices.Contains(frame, use) {
				t.Errorf("%s uses %s; only internal/plugin may", s.path, use)
			}
			if use == "go" {
				t.Errorf("%s starts a goroutine; use plugin.Each, which recovers", s.path)
			}
		}
	}
}

// In a plugin's folder everything but main.go is pure.
func TestPure(t *testing.T) {
	for _, s := range sources(t) {
		name := filepath.Base(s.path)
		if name == "main.go" && isPlugin(s.dir) && s.lines > 100 {
			t.Errorf("%s has %d lines; want at most 100", s.path, s.lines)
		}
		if !(isPlugin(s.dir) && name != "main.go" || s.dir == "internal/nagios" ||
			s.dir == "internal/output" || s.dir == "internal/schedule") {
			continue
		}
		for _, path := range s.imports() {
			if slices.Contains(pureImports, path) {
				t.Errorf("%s imports %s; it is to be pure", s.path, path)
			}
		}
		for _, use := range s.uses() {
			if slices.Contains(pureCalls, use) {
				t.Errorf("%s calls %s; it is to be pure", s.path, use)
			}
		}
	}
}

// pending are the parts of a plugin that are still to come.
var pending = map[string][]string{}

// Every plugin is whole.
func TestPluginsAreWhole(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	folders, _ := filepath.Glob("check_*")
	if len(folders) == 0 {
		t.Fatal("no plugin")
	}
	for _, name := range folders {
		parts := map[string]string{
			"main":         name + "/main.go",
			"judge":        name + "/judge.go",
			"judge's test": name + "/judge_test.go",
			"scripts":      name + "/testdata/*.txtar",
			"man page":     "man/" + name + ".1",
			"page":         "docs/" + name + ".md",
			"CheckCommand": "contrib/icinga2/" + strings.TrimPrefix(name, "check_") + ".conf",
		}
		for part, glob := range parts {
			found, _ := filepath.Glob(glob)
			if late := slices.Contains(pending[name], part); (len(found) == 0) != late {
				t.Errorf("%s: %s (%s) exists: %t, pending: %t", name, part, glob, len(found) > 0,
					late)
			}
		}
		if row := fmt.Sprintf("| `%s` |", name); !strings.Contains(string(readme), row) {
			t.Errorf("%s: README.md has no row that starts with %s", name, row)
		}
	}
}

// Slice options must be tagged so that go-arg takes one value for each use.
func TestRepeatableOptionsAreSeparate(t *testing.T) {
	for _, s := range sources(t) {
		if !isPlugin(s.dir) {
			continue
		}
		ast.Inspect(s.tree, func(n ast.Node) bool {
			f, ok := n.(*ast.Field)
			if !ok || f.Tag == nil {
				return true
			}
			if _, slice := f.Type.(*ast.ArrayType); slice &&
				strings.Contains(f.Tag.Value, "arg:") &&
				!strings.Contains(f.Tag.Value, ",separate") {
				t.Errorf("%s: %v is repeatable but not tagged separate", s.path, f.Names)
			}
			return true
		})
	}
}
