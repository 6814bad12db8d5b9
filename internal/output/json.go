package output

import (
	"fmt"
	"slices"
	"strings"

	"mailfresh/internal/nagios"
)

// asJSON writes the run as one JSON object, indented by a blank for each level: check, version,
// state, summary, the totals, and the objects in the order in which they were asked for. A quantity
// is a number; its key is the name of its metric, which ends in its unit.
func asJSON(run Run, verbosity int) string {
	r := run.Result
	var b strings.Builder
	b.Grow(300 * len(r.Objects)) // about the size of a timer
	b.WriteString("{\n ")
	o := members{to: &b, separator: ",\n "}
	o.text("check", strings.TrimPrefix(run.Check, "check_"))
	o.text("version", run.Version)
	o.text("state", r.State.String())
	o.text("summary", r.Summary)
	o.quantities(r.Totals)
	o.add("objects", "[")
	for i, object := range r.Objects {
		if i > 0 {
			b.WriteByte(',')
		}
		objectJSON(&b, object, verbosity)
	}
	b.WriteString("]\n}")
	return b.String()
}

// objectJSON writes one object on a line of its own.
func objectJSON(b *strings.Builder, object nagios.Object, verbosity int) {
	b.WriteString("\n  {")
	o := members{to: b, separator: ", "}
	o.text("name", object.Name)
	o.text("state", object.State.String())
	o.text("text", object.Text)
	o.texts("notes", object.Notes)
	if verbosity >= 2 {
		o.texts("detail", object.Detail)
	}
	for _, l := range object.Labels {
		o.text(l.Name, l.Value)
	}
	o.quantities(object.Quantities)
	b.WriteByte('}')
}

// members writes the members of a JSON object. Of members with the same name it writes the first.
type members struct {
	to        *strings.Builder
	separator string
	names     []string
}

func (m *members) add(name, value string) {
	if slices.Contains(m.names, name) {
		return
	}
	if len(m.names) > 0 {
		m.to.WriteString(m.separator)
	}
	m.names = append(m.names, name)
	m.to.WriteString(quote(name) + ": " + value)
}

func (m *members) text(name, value string) { m.add(name, quote(printable(value))) }

func (m *members) texts(name string, values []string) {
	list := make([]string, len(values))
	for i, v := range values {
		list[i] = quote(printable(v))
	}
	m.add(name, "["+strings.Join(list, ", ")+"]")
}

// quantities adds the quantities that are metrics. The values of a quantity's own labels become
// part of its key: answers_accepted. If a quantity exists only for its label, such as digest_info,
// quantities adds the label instead.
func (m *members) quantities(list []nagios.Quantity) {
	for _, q := range list {
		if q.Metric == "" || !q.Known() {
			continue
		}
		if strings.HasSuffix(q.Metric, "_info") {
			for _, l := range q.Labels {
				m.text(l.Name, l.Value)
			}
			continue
		}
		name := q.Metric
		for _, l := range q.Labels {
			name = fmt.Sprintf("%s_%s", name, nagios.Label(l.Value))
		}
		m.add(name, nagios.Number(q.Value))
	}
}
