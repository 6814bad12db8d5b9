package nagios

import (
	"fmt"
	"math"
	"strings"

	"github.com/atc0005/go-nagios"
)

// Perfdata is one item of performance data.
type Perfdata struct {
	Label             string  // see [Label]
	Value             float64 // in Unit; NaN or Inf: the item is left out
	Unit              string  // "s", "B" or ""
	Warning, Critical Range   // in Unit
}

// Label makes a label of performance data from its parts: lower case, every
// byte outside [a-z0-9] as "_", joined by "_".
func Label(parts ...string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToLower(strings.Join(parts, "_")))
}

// item writes label=value[unit];warn;crit without the empty fields at its
// end.
func (p Perfdata) item() (string, error) {
	if math.IsNaN(p.Value) || math.IsInf(p.Value, 0) {
		return "", fmt.Errorf("%s: %v is not a value", p.Label, p.Value)
	}
	data := nagios.PerformanceData{
		Label:             Label(p.Label),
		Value:             number(p.Value),
		UnitOfMeasurement: p.Unit,
		Warn:              p.Warning.String(),
		Crit:              p.Critical.String(),
	}
	if err := data.Validate(); err != nil {
		return "", err
	}
	text := fmt.Sprintf("%s=%s%s;%s;%s", data.Label, data.Value, data.UnitOfMeasurement, data.Warn, data.Crit)
	return strings.TrimRight(text, ";"), nil
}

// perfdata writes the items that can be written, labels made unique.
func perfdata(list []Perfdata) []string {
	seen := make(map[string]bool, len(list))
	items := make([]string, 0, len(list))
	for _, p := range list {
		base := Label(p.Label)
		p.Label = base
		for n := 2; seen[p.Label]; n++ {
			p.Label = fmt.Sprintf("%s_%d", base, n)
		}
		item, err := p.item()
		if err != nil {
			continue
		}
		seen[p.Label] = true
		items = append(items, item)
	}
	return items
}
