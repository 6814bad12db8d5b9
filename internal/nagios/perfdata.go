package nagios

import (
	"cmp"
	"fmt"
	"math"
	"strings"

	"github.com/atc0005/go-nagios"
)

// Label makes a label of performance data: its parts in lower case, joined by "_", with "_" for
// every byte outside [a-z0-9].
func Label(parts ...string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToLower(strings.Join(parts, "_")))
}

// Known reports whether the quantity has a value that can be written.
func (q Quantity) Known() bool { return !math.IsNaN(q.Value) && !math.IsInf(q.Value, 0) }

// Perfdata is the quantity as performance data, label=value[unit];warn;crit;min, without the empty
// fields at its end. The minimum is 0 if the quantity cannot be negative.
func (q Quantity) Perfdata(label string) (string, error) {
	if !q.Known() {
		return "", fmt.Errorf("%s: %v is not a value", label, q.Value)
	}
	data := q.data(label)
	text := fmt.Sprintf("%s=%s%s;%s;%s;%s", data.Label, data.Value, data.UnitOfMeasurement,
		data.Warn, data.Crit, data.Min)
	return strings.TrimRight(text, ";"), nil
}

// data is the quantity as go-nagios writes it. It is always valid: a test asks go-nagios, because
// asking in each run would cost more than the rest of the run.
func (q Quantity) data(label string) nagios.PerformanceData {
	data := nagios.PerformanceData{
		Label:             label,
		Value:             Number(q.Value),
		UnitOfMeasurement: q.Unit,
		Warn:              q.Warning.String(),
		Crit:              q.Critical.String(),
	}
	if !q.Signed {
		data.Min = "0"
	}
	return data
}

// Perfdata returns the performance data of the result: its totals, then that of its objects. If
// there are several objects, labels begin with the object's name. If two names make the same label,
// the second has a number, even if the first object has no performance data in this run.
func (r Result) Perfdata() (items []string) {
	seen := map[string]bool{}
	add := func(list []Quantity, prefix, suffix string) {
		for _, q := range list {
			if q.Label == "" {
				continue
			}
			base := prefix + Label(q.Label) + suffix
			label := base
			for n := 2; seen[label]; n++ {
				label = fmt.Sprintf("%s_%d", base, n)
			}
			if item, err := q.Perfdata(label); err == nil {
				seen[label] = true
				items = append(items, item)
			}
		}
	}
	add(r.Totals, "", "")
	switch {
	case r.TotalsOnly:
		return items
	case len(r.Objects) == 1:
		add(r.Objects[0].Quantities, "", "")
		return items
	}
	count := map[string]int{}
	for _, o := range r.Objects {
		name, suffix := Label(cmp.Or(o.Prefix, o.Name)), ""
		if count[name]++; count[name] > 1 {
			suffix = fmt.Sprintf("_%d", count[name])
		}
		add(o.Quantities, name+"_", suffix)
	}
	return items
}
