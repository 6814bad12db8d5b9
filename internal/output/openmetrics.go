package output

import (
	"fmt"
	"slices"
	"strings"

	"mailfresh/internal/nagios"
)

// asOpenMetrics writes the run as a text that both of Prometheus' parsers take: gauges only, HELP
// and TYPE before the samples of each family, no timestamps, "# EOF" as the last line. It ends
// without a newline.
func asOpenMetrics(run Run) string {
	var b strings.Builder
	b.Grow(500 * len(run.Result.Objects)) // about the size of a timer
	for _, m := range MetricsOf(run.Check) {
		seen := map[string]bool{}
		eachSample(run, m.Name, func(value float64, labels ...nagios.MetricLabel) {
			if len(seen) == 0 {
				fmt.Fprintf(&b, "# HELP %[1]s %[2]s\n# TYPE %[1]s gauge\n", m.Name, m.Help)
			}
			head := m.Name + labelSet(labels)
			if !seen[head] { // a second sample under the same labels makes a collector drop both
				fmt.Fprintf(&b, "%s %s\n", head, nagios.Number(value))
			}
			seen[head] = true
		})
	}
	b.WriteString("# EOF")
	return b.String()
}

// eachSample calls add for each sample of a family in a run. A large host has thousands of samples,
// so they are not kept.
func eachSample(run Run, family string, add func(value float64, labels ...nagios.MetricLabel)) {
	r, prefix := run.Result, Prefix(run.Check)
	metric := strings.TrimPrefix(family, prefix)
	check := nagios.MetricLabel{Name: "check", Value: strings.TrimPrefix(run.Check, "check_")}
	quantities := func(list []nagios.Quantity, labels []nagios.MetricLabel) {
		for _, q := range list {
			if q.Metric == metric && q.Known() {
				add(q.Value, slices.Concat(labels, q.Labels, r.Labels)...)
			}
		}
	}
	arguments := nagios.MetricLabel{Name: "arguments", Value: run.Arguments}
	switch family {
	case up:
		add(yes(!r.Unseen), check, arguments)
	case state:
		add(float64(r.State), check, arguments)
	}
	for _, o := range r.Objects {
		switch {
		case family == objectUp:
			object := nagios.MetricLabel{Name: "object", Value: o.Name}
			add(yes(!o.Unseen), slices.Concat([]nagios.MetricLabel{check, object}, r.Labels)...)
		case len(o.Labels) == 0:
		case family == prefix+"state":
			add(float64(o.State), slices.Concat(o.Labels, r.Labels)...)
		default:
			quantities(o.Quantities, o.Labels)
		}
	}
	quantities(r.Totals, nil)
}

func yes(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// labelSet writes labels as {name="value",...}.
func labelSet(labels []nagios.MetricLabel) string {
	texts := make([]string, len(labels))
	for i, l := range labels {
		texts[i] = l.Name + "=" + quote(bounded(l.Value))
	}
	if len(texts) == 0 {
		return ""
	}
	return "{" + strings.Join(texts, ",") + "}"
}
