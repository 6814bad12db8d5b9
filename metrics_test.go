package mailfresh_test

import (
	"go/ast"
	"slices"
	"strconv"
	"testing"

	"mailfresh/internal/output"
)

// A quantity whose metric is not in the table would be dropped in silence.
func TestMetricsAreInTheTable(t *testing.T) {
	var known []string
	for _, m := range output.Metrics {
		known = append(known, m.Name)
	}
	for _, s := range sources(t) {
		if !isPlugin(s.dir) {
			continue
		}
		for _, name := range metricNames(s.tree) {
			if !slices.Contains(known, output.Prefix(s.dir)+name) {
				t.Errorf("%s: the metric %s%s is not in output.Metrics",
					s.path, output.Prefix(s.dir), name)
			}
		}
	}
}

// metricNames lists what a file writes as Metric of a quantity, or as the name
// of a timestamp.
func metricNames(tree *ast.File) (names []string) {
	add := func(e ast.Expr) {
		if literal, ok := e.(*ast.BasicLit); ok {
			name, _ := strconv.Unquote(literal.Value)
			names = append(names, name)
		}
	}
	ast.Inspect(tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.KeyValueExpr:
			if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Metric" {
				add(n.Value)
			}
		case *ast.CallExpr:
			if f, ok := n.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "Timestamp" {
				add(n.Args[0])
			}
		}
		return true
	})
	return names
}
