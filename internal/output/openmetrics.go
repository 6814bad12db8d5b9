package output

import (
	"fmt"
	"slices"
	"strings"

	"mailfresh/internal/nagios"
)

// sample is one number of a family.
type sample struct {
	labels []nagios.MetricLabel
	value  float64
}

// asOpenMetrics writes the run as a text that both of Prometheus' parsers take: gauges only, HELP
// and TYPE before the samples of each family, no timestamps, "# EOF" as the last line. It ends
// without a newline.
func asOpenMetrics(run Run) string {
	families := samples(run)
	var b strings.Builder
	for _, m := range MetricsOf(run.Check) {
		list := families[m.Name]
		if len(list) == 0 {
			continue
		}
		fmt.Fprintf(&b, "# HELP %[1]s %[2]s\n# TYPE %[1]s gauge\n", m.Name, m.Help)
		seen := map[string]bool{}
		for _, s := range list {
			head := m.Name + labelSet(s.labels)
			if !seen[head] { // a second sample under the same labels makes a collector drop both
				fmt.Fprintf(&b, "%s %s\n", head, nagios.Number(s.value))
			}
			seen[head] = true
		}
	}
	return b.String() + "# EOF"
}

// samples gives the samples of a run, by family.
func samples(run Run) map[string][]sample {
	r, families := run.Result, map[string][]sample{}
	add := func(family string, value float64, labels ...nagios.MetricLabel) {
		families[family] = append(families[family], sample{labels, value})
	}
	check := nagios.MetricLabel{Name: "check", Value: strings.TrimPrefix(run.Check, "check_")}
	arguments := nagios.MetricLabel{Name: "arguments", Value: run.Arguments}
	add(up, yes(!r.Unseen), check, arguments)
	add(state, float64(r.State), check, arguments)
	prefix := Prefix(run.Check)
	quantities := func(list []nagios.Quantity, labels []nagios.MetricLabel) {
		for _, q := range list {
			if q.Metric != "" && q.Known() {
				add(prefix+q.Metric, q.Value, slices.Concat(labels, q.Labels, r.Labels)...)
			}
		}
	}
	for _, o := range r.Objects {
		object := nagios.MetricLabel{Name: "object", Value: o.Name}
		add(objectUp, yes(!o.Unseen), slices.Concat([]nagios.MetricLabel{check, object},
			r.Labels)...)
		if len(o.Labels) > 0 {
			add(prefix+"state", float64(o.State), slices.Concat(o.Labels, r.Labels)...)
			quantities(o.Quantities, o.Labels)
		}
	}
	quantities(r.Totals, nil)
	return families
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
