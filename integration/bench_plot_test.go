//go:build bench

package integration

import (
	"fmt"
	"math"
	"strings"
)

// The plot: two panels beside each other, both axes logarithmic. It has a ground of its own, so it
// can be read on a light page and on a dark one.
const (
	panelWidth, panelHeight = 460.0, 340.0
	left, right, top, foot  = 64.0, 44.0, 62.0, 52.0 // margins of a panel
	head                    = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %[1]g %[2]g" width="%[1]g" height="%[2]g" font-family="sans-serif" font-size="12">
<style>
.ground { fill: #ffffff } text { fill: #24292f } .name { font-size: 14px; font-weight: bold } .axis { stroke: #57606a; fill: none } .grid { stroke: #d8dee4 }
.ours { stroke: #0a58ca; fill: #0a58ca } .peer { stroke: #b35900; fill: #b35900 } .linear { stroke: #6e7781; stroke-dasharray: 2 4 }
path { fill: none !important; stroke-width: 2 } .peer path { stroke-dasharray: 7 4 }
@media (prefers-color-scheme: dark) {
.ground { fill: #0d1117 } text { fill: #e6edf3 } .axis { stroke: #8b949e } .grid { stroke: #30363d }
.ours { stroke: #58a6ff; fill: #58a6ff } .peer { stroke: #ffa657; fill: #ffa657 } .linear { stroke: #8b949e }
}
</style>
<rect class="ground" width="%[1]g" height="%[2]g"/>
`
)

// plot draws the series in SVG.
func plot(all []series) string {
	var b strings.Builder
	fmt.Fprintf(&b, head, 2*panelWidth, panelHeight*float64((len(all)+1)/2))
	for i, s := range all {
		fmt.Fprintf(
			&b,
			"<g transform=\"translate(%g %g)\">\n",
			panelWidth*float64(i%2),
			panelHeight*float64(i/2),
		)
		newPanel(s).draw(&b)
		b.WriteString("</g>\n")
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// A panel is a series with the decades that its axes span.
type panel struct {
	series
	x0, x1, y0, y1 float64
}

func newPanel(s series) panel {
	low, high := math.Inf(1), math.Inf(-1)
	for _, wall := range s.walls {
		low, high = min(low, wall.ours), max(high, wall.ours)
		if s.peer != "" {
			low, high = min(low, wall.peer), max(high, wall.peer)
		}
	}
	last := float64(s.sizes[len(s.sizes)-1])
	return panel{
		s,
		math.Floor(math.Log10(float64(s.sizes[0]))),
		math.Ceil(math.Log10(last)),
		math.Floor(math.Log10(low)),
		math.Ceil(math.Log10(high)),
	}
}

// at gives the place of a value.
func (p panel) at(size, wall float64) (x, y float64) {
	x = left + (math.Log10(size)-p.x0)/(p.x1-p.x0)*(panelWidth-left-right)
	y = panelHeight - foot - (math.Log10(wall)-p.y0)/(p.y1-p.y0)*(panelHeight-top-foot)
	return x, y
}

func (p panel) draw(b *strings.Builder) {
	title := p.title
	if p.on != "" {
		title += ", " + p.on
	}
	fmt.Fprintf(b, "<text class=\"name\" x=\"%g\" y=\"24\">%s</text>\n", left, title)
	p.grid(b)
	p.line(
		b,
		"ours",
		left,
		p.title[:strings.IndexAny(p.title, " ,")],
		func(w pair) float64 { return w.ours },
	)
	if p.peer != "" {
		p.line(b, "peer", left+200, p.peer, func(w pair) float64 { return w.peer })
	}
}

// grid draws the decades, the names of the axes, and what is linear from the last point of ours on
// back.
func (p panel) grid(b *strings.Builder) {
	x0, y0 := p.at(math.Pow(10, p.x0), math.Pow(10, p.y0))
	x1, y1 := p.at(math.Pow(10, p.x1), math.Pow(10, p.y1))
	for d := p.x0; d <= p.x1; d++ {
		x, _ := p.at(math.Pow(10, d), 1)
		fmt.Fprintf(
			b,
			"<line class=\"grid\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/><text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%s</text>\n",
			x,
			y0,
			x,
			y1,
			x,
			y0+18,
			decade(d),
		)
	}
	for d := p.y0; d <= p.y1; d++ {
		_, y := p.at(1, math.Pow(10, d))
		fmt.Fprintf(
			b,
			"<line class=\"grid\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/><text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n",
			x0,
			y,
			x1,
			y,
			x0-8,
			y+4,
			decade(d),
		)
	}
	fmt.Fprintf(
		b,
		"<rect class=\"axis\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n",
		x0,
		y1,
		x1-x0,
		y0-y1,
	)
	fmt.Fprintf(
		b,
		"<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%s</text>\n",
		(x0+x1)/2,
		y0+38,
		p.x,
	)
	fmt.Fprintf(
		b,
		"<text transform=\"translate(16 %.1f) rotate(-90)\" text-anchor=\"middle\">wall time, ms</text>\n",
		(y0+y1)/2,
	)
	last := len(p.sizes) - 1
	size, wall := float64(p.sizes[last]), p.walls[last].ours
	from := max(math.Pow(10, p.x0), size*math.Pow(10, p.y0)/wall)
	xa, ya := p.at(from, wall*from/size)
	xb, yb := p.at(size, wall)
	fmt.Fprintf(
		b,
		"<line class=\"linear\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n",
		xa,
		ya,
		xb,
		yb,
	)
}

// line draws one side, and its name at x.
func (p panel) line(
	b *strings.Builder,
	class string,
	x float64,
	name string,
	of func(pair) float64,
) {
	fmt.Fprintf(b, "<g class=%q>\n", class)
	var path []string
	for i, wall := range p.walls {
		x, y := p.at(float64(p.sizes[i]), of(wall))
		path = append(path, fmt.Sprintf("%.1f %.1f", x, y))
		fmt.Fprintf(b, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\"/>\n", x, y)
	}
	fmt.Fprintf(b, "<path d=\"M%s\"/><path d=\"M%g 44h28\"/>\n</g>\n", strings.Join(path, "L"), x)
	fmt.Fprintf(b, "<text x=\"%g\" y=\"48\">%s</text>\n", x+34, name)
}

func decade(d float64) string {
	if d < 0 {
		return fmt.Sprintf("%g", math.Pow(10, d))
	}
	return thousands(int(math.Round(math.Pow(10, d))))
}
