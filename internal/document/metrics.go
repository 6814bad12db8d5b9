package document

import (
	"fmt"
	"strings"

	"mailfresh/internal/output"
)

const (
	metricsBegin = "<!-- metrics: made by make docs -->\n"
	metricsEnd   = "<!-- end of metrics -->\n"
)

// metricsSection returns the section METRICS of a plugin's manual page.
func metricsSection(check string) string {
	var b strings.Builder
	b.WriteString(".SH METRICS\nWhat\n.B \\-\\-output\\-format openmetrics\n" +
		"prints; all are gauges. In\n.B json\n" +
		"a quantity has its name without the prefix, and the values of its own labels behind it.\n")
	for _, m := range output.MetricsOf(check) {
		fmt.Fprintf(&b, ".TP\n.BR %s \" {%s}\"\n%s\n", roff(m.Name), roff(m.Labels), line(m.Help))
	}
	return b.String()
}

// MetricsPage returns docs/metrics.md with its table made anew.
func MetricsPage(page string) string {
	var b strings.Builder
	b.WriteString("\n| metric | labels | what it says |\n|---|---|---|\n")
	for _, m := range output.Metrics {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", m.Name, m.Labels, m.Help)
	}
	return replaceBetween(page, metricsBegin, b.String()+"\n", metricsEnd)
}
