package mailfresh_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// The sizes of what is written by hand.
const (
	columns       = 100 // of a line; a tab counts as 4
	linesOfFile   = 350
	linesOfFunc   = 50
	fieldsOfType  = 12
	besideLiteral = 40 // columns of a line beside one string that is longer than the line may be
)

// parsed is a Go file, a test or not.
type parsed struct {
	dir, path string
	text      string
	tree      *ast.File
	fset      *token.FileSet
}

func (p parsed) test() bool           { return strings.HasSuffix(p.path, "_test.go") }
func (p parsed) line(x token.Pos) int { return p.fset.Position(x).Line }

func (p parsed) imports() []string { return source{tree: p.tree}.imports() }

// goFiles are all Go files of the repository.
func goFiles(t *testing.T) (list []parsed) {
	t.Helper()
	for _, glob := range []string{"*.go", "*/*.go", "internal/*/*.go"} {
		paths, _ := filepath.Glob(glob)
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			fset := token.NewFileSet()
			tree, err := parser.ParseFile(fset, path, text, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, parsed{filepath.Dir(path), path, string(text), tree, fset})
		}
	}
	return list
}

// literals gives the width of the widest string on each line, and whether the
// line belongs to a raw string of several lines or has a struct tag.
func (p parsed) literals() (widest map[int]int, exempt map[int]bool) {
	widest, exempt = map[int]int{}, map[int]bool{}
	ast.Inspect(p.tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Field:
			if n.Tag != nil {
				exempt[p.line(n.Tag.Pos())] = true
			}
		case *ast.BasicLit:
			first, last := p.line(n.Pos()), p.line(n.End())
			if n.Kind == token.STRING && first == last {
				widest[first] = max(widest[first], utf8.RuneCountInString(n.Value))
			}
			for line := first; first != last && line <= last; line++ {
				exempt[line] = true
			}
		}
		return true
	})
	return widest, exempt
}

// Code and comments wrap at 100 columns. A string that is one output, a
// pattern or a struct tag may pass them.
func TestLineWidth(t *testing.T) {
	for _, p := range goFiles(t) {
		widest, exempt := p.literals()
		for i, text := range strings.Split(p.text, "\n") {
			width := utf8.RuneCountInString(text) + 3*strings.Count(text, "\t")
			if width > columns && width-widest[i+1] > besideLiteral && !exempt[i+1] {
				t.Errorf("%s:%d: %d columns; want at most %d", p.path, i+1, width, columns)
			}
		}
	}
}

func TestSizes(t *testing.T) {
	for _, p := range goFiles(t) {
		lines := strings.Count(p.text, "\n")
		if lines > linesOfFile {
			t.Errorf("%s has %d lines; want at most %d", p.path, lines, linesOfFile)
		}
		if p.test() {
			continue
		}
		for _, d := range p.tree.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if n := p.line(f.End()) - p.line(f.Pos()) + 1; n > linesOfFunc {
				t.Errorf("%s: %s has %d lines; want at most %d",
					p.path, f.Name.Name, n, linesOfFunc)
			}
		}
	}
}

// structs calls f for every named struct type of a file.
func (p parsed) structs(f func(name string, s *ast.StructType)) {
	ast.Inspect(p.tree, func(n ast.Node) bool {
		if spec, ok := n.(*ast.TypeSpec); ok {
			if s, ok := spec.Type.(*ast.StructType); ok {
				f(spec.Name.Name, s)
			}
		}
		return true
	})
}

// manyFields are the types that may have more than 12 fields: options, and
// facts, whose fields are the properties of what was looked at.
var manyFields = []string{
	"options", "systemd.Unit", "systemd.Service", "systemd.Timer", "process.Process",
	"aliases.Content",
}

func TestFewFields(t *testing.T) {
	for _, p := range goFiles(t) {
		p.structs(func(name string, s *ast.StructType) {
			full := filepath.Base(p.dir) + "." + name
			if p.test() || slices.Contains(manyFields, full) ||
				slices.Contains(manyFields, name) {
				return
			}
			if n := s.Fields.NumFields(); n > fieldsOfType {
				t.Errorf("%s: %s has %d fields; want at most %d", p.path, name, n, fieldsOfType)
			}
		})
	}
}

// Values, not state: no struct embeds a pointer, by which it would reach the
// mutable fields of another, nor a type of another package of this module. The
// options that all plugins share are embedded, as go-arg wants them.
func TestNoEmbeddedState(t *testing.T) {
	for _, p := range goFiles(t) {
		p.structs(func(name string, s *ast.StructType) {
			for _, f := range s.Fields.List {
				if len(f.Names) > 0 || p.test() {
					continue
				}
				switch x := f.Type.(type) {
				case *ast.StarExpr:
					t.Errorf("%s: %s embeds a pointer", p.path, name)
				case *ast.SelectorExpr:
					from, _ := x.X.(*ast.Ident)
					own := slices.Contains(p.imports(), "mailfresh/internal/"+from.Name)
					if own && from.Name+"."+x.Sel.Name != "plugin.Common" {
						t.Errorf("%s: %s embeds %s.%s", p.path, name, from.Name, x.Sel.Name)
					}
				}
			}
		})
	}
}
