//go:build integration

package integration

import (
	"cmp"
	"encoding/json"
	"fmt"
	"html"
	"math"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// dashboardPanel is a panel of contrib/grafana/mailfresh.json.
type dashboardPanel struct {
	Title, Type string
	GridPos     struct{ X, Y, W, H float64 }
	FieldConfig struct{ Defaults struct{ Unit string } }
	Targets     []struct{ Expr, LegendFormat string }
}

// dashboard wants every query of the shipped dashboard to give data.
func dashboard(t *testing.T) []dashboardPanel {
	t.Helper()
	text, err := os.ReadFile("../contrib/grafana/mailfresh.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct{ Panels []dashboardPanel }
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, panel := range board.Panels {
		for _, target := range panel.Targets {
			count++
			if len(query(t, everyInstance(target.Expr))) == 0 {
				t.Errorf("dashboard, %s: no data for %s", panel.Title, target.Expr)
			}
		}
	}
	if count < 9 {
		t.Errorf("the dashboard has %d queries", count)
	}
	return board.Panels
}

// everyInstance fills in the dashboard's variable.
func everyInstance(expr string) string { return strings.ReplaceAll(expr, "$instance", ".*") }

// A line is one series of a panel, as it is drawn.
type line struct {
	name   string
	points [][2]float64 // instant, value
}

// last is the newest value.
func (l line) last() float64 { return l.points[len(l.points)-1][1] }

// span is the range of its values.
func (l line) span() float64 {
	low, high := math.Inf(1), math.Inf(-1)
	for _, p := range l.points {
		low, high = min(low, p[1]), max(high, p[1])
	}
	return high - low
}

const (
	pictureStep = 2  // seconds
	cell        = 40 // pixels of a unit of Grafana's grid, which has 24 in a row
	shown       = 4  // lines of a panel that have a name
)

var pictureHead = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %[1]g %[2]g" width="%[1]g" height="%[2]g" font-family="sans-serif" font-size="11">
<style>
.ground { fill: #ffffff } text { fill: #24292f } .name { font-size: 13px; font-weight: bold } .row { font-size: 15px; font-weight: bold } .value { font-size: 20px; font-weight: bold }
.axis { stroke: #57606a; fill: none } .grid { stroke: #d8dee4 } path { fill: none; stroke-width: 2 }
.l0 { stroke: #0a58ca } .l1 { stroke: #b35900; stroke-dasharray: 7 3 } .l2 { stroke: #1a7f37; stroke-dasharray: 2 2 } .l3 { stroke: #8250df; stroke-dasharray: 9 3 2 3 }
@media (prefers-color-scheme: dark) {
.ground { fill: #0d1117 } text { fill: #e6edf3 } .axis { stroke: #8b949e } .grid { stroke: #30363d }
.l0 { stroke: #58a6ff } .l1 { stroke: #ffa657 } .l2 { stroke: #56d364 } .l3 { stroke: #d2a8ff }
}
</style>
<rect class="ground" width="%[1]g" height="%[2]g"/>
`

// picture draws the dashboard with what Prometheus has for it, from one instant to another; UPDATE
// writes it to docs/dashboard.svg.
func picture(t *testing.T, panels []dashboardPanel, from, to time.Time) {
	t.Helper()
	var b strings.Builder
	width, height := 0.0, 0.0
	for _, p := range panels {
		width = max(width, (p.GridPos.X+p.GridPos.W)*cell)
		height = max(height, (p.GridPos.Y+p.GridPos.H)*gridRow)
	}
	fmt.Fprintf(&b, pictureHead, width, height)
	for _, p := range panels {
		fmt.Fprintf(&b, "<g transform=\"translate(%g %g)\">\n", p.GridPos.X*cell,
			p.GridPos.Y*gridRow)
		switch lines := p.lines(t, from, to); {
		case p.Type == "row":
			fmt.Fprintf(&b, "<text class=\"row\" x=\"12\" y=\"22\">%s</text>\n",
				html.EscapeString(p.Title))
		case len(lines) == 0:
			t.Errorf("dashboard, %s: nothing to draw", p.Title)
		case p.Type == "stat":
			p.stat(&b, lines)
		default:
			p.graph(&b, lines, from, to)
		}
		b.WriteString("</g>\n")
	}
	b.WriteString("</svg>\n")
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile("../docs/dashboard.svg", []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

var placeholder = regexp.MustCompile(`\{\{(\w+)\}\}`)

// lines asks for the panel's data; what changes most comes first.
func (p dashboardPanel) lines(t *testing.T, from, to time.Time) (lines []line) {
	t.Helper()
	for _, target := range p.Targets {
		for _, s := range ask(t, fmt.Sprintf("query_range?query=%s&start=%d&end=%d&step=%d",
			url.QueryEscape(everyInstance(target.Expr)), from.Unix(), to.Unix(), pictureStep)) {
			one := line{name: placeholder.ReplaceAllStringFunc(target.LegendFormat,
				func(name string) string { return s.Metric[strings.Trim(name, "{}")] })}
			for _, v := range s.Values {
				at, _ := v[0].(float64)
				text, _ := v[1].(string)
				value, err := strconv.ParseFloat(text, 64)
				if err != nil {
					t.Fatalf("%s: %v", p.Title, err)
				}
				one.points = append(one.points, [2]float64{at, value})
			}
			lines = append(lines, one)
		}
	}
	slices.SortFunc(lines, func(a, b line) int {
		return cmp.Or(cmp.Compare(b.span(), a.span()), cmp.Compare(a.name, b.name))
	})
	return lines
}

const (
	gridRow                                     = 34.0 // pixels of a row of the grid
	graphLeft, graphRight, graphTop, graphBelow = 58.0, 16.0, 30.0, 104.0
)

// caption is what is legible of a series' name.
func caption(name string) string {
	name = strings.TrimSpace(strings.ReplaceAll(name, exporterAddr+":"+mxPort, ""))
	name = name[strings.LastIndexByte(strings.TrimRight(name, "/"), '/')+1:]
	if runes := []rune(name); len(runes) > 34 {
		name = string(runes[:33]) + "…"
	}
	return html.EscapeString(strings.Join(strings.Fields(name), " "))
}

func (p dashboardPanel) heading(b *strings.Builder) {
	unit := map[string]string{"s": ", seconds"}[p.FieldConfig.Defaults.Unit]
	fmt.Fprintf(b, "<text class=\"name\" x=\"%g\" y=\"18\">%s%s</text>\n", graphLeft,
		html.EscapeString(p.Title), unit)
}

// stat writes the newest values.
func (p dashboardPanel) stat(b *strings.Builder, lines []line) {
	p.heading(b)
	for i, l := range lines[:min(len(lines), 2*shown)] {
		y := graphTop + 22 + 26*float64(i)
		fmt.Fprintf(b, "<text class=\"value\" x=\"%g\" y=\"%g\">%g</text>", graphLeft, y, l.last())
		fmt.Fprintf(b, "<text x=\"%g\" y=\"%g\">%s</text>\n", graphLeft+36, y, caption(l.name))
	}
	if rest := len(lines) - 2*shown; rest > 0 {
		fmt.Fprintf(b, "<text x=\"%g\" y=\"%g\">and %d more</text>\n", graphLeft,
			graphTop+22+26*2*shown, rest)
	}
}

// graph draws the lines over time.
func (p dashboardPanel) graph(b *strings.Builder, lines []line, from, to time.Time) {
	p.heading(b)
	high := 1e-9
	for _, l := range lines[:min(len(lines), shown)] {
		for _, point := range l.points {
			high = max(high, point[1])
		}
	}
	high = roundUp(high)
	right, foot := p.GridPos.W*cell-graphRight, p.GridPos.H*gridRow-graphBelow
	at := func(point [2]float64) (x, y float64) {
		part := (point[0] - float64(from.Unix())) / to.Sub(from).Seconds()
		return graphLeft + part*(right-graphLeft), foot - point[1]/high*(foot-graphTop)
	}
	for i := range 3 {
		_, y := at([2]float64{0, high * float64(i) / 2})
		fmt.Fprintf(b, "<path class=\"grid\" style=\"stroke-width:1\" d=\"M%g %.1fH%g\"/>"+
			"<text x=\"%g\" y=\"%.1f\" text-anchor=\"end\">%g</text>\n", graphLeft, y, right,
			graphLeft-6, y+4, high*float64(i)/2)
	}
	for s := 0.0; s <= to.Sub(from).Seconds(); s += 30 {
		x, _ := at([2]float64{float64(from.Unix()) + s, 0})
		fmt.Fprintf(b, "<text x=\"%.1f\" y=\"%g\" text-anchor=\"middle\">%g s</text>\n", x, foot+15,
			s)
	}
	for i, l := range lines[:min(len(lines), shown)] {
		y := foot + 33 + 15*float64(i)
		fmt.Fprintf(b, "<path class=\"l%d\" d=\"%s\"/><path class=\"l%d\" d=\"M%g %gh22\"/>"+
			"<text x=\"%g\" y=\"%g\">%s</text>\n", i, stroke(l, at), i, graphLeft, y-4,
			graphLeft+28, y, caption(l.name))
	}
	if rest := len(lines) - shown; rest > 0 {
		fmt.Fprintf(b, "<text x=\"%g\" y=\"18\" text-anchor=\"end\">and %d more</text>\n", right,
			rest)
	}
}

// stroke is the path of a line, which is interrupted where there is no value.
func stroke(l line, at func([2]float64) (x, y float64)) string {
	var b strings.Builder
	for i, point := range l.points {
		verb := "L"
		if i == 0 || point[0]-l.points[i-1][0] > pictureStep {
			verb = "M"
		}
		x, y := at(point)
		fmt.Fprintf(&b, "%s%.1f %.1f", verb, x, y)
		if verb == "M" {
			b.WriteString("h1") // a value that stands alone shows, too
		}
	}
	return b.String()
}

// roundUp gives the next 1, 2 or 5 of a decade.
func roundUp(v float64) float64 {
	decade := math.Pow(10, math.Floor(math.Log10(v)))
	for _, step := range []float64{1, 2, 5} {
		if v <= step*decade {
			return step * decade
		}
	}
	return 10 * decade
}
