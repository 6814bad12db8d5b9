package plugin

import (
	"fmt"
	"math"
	"reflect"
	"strings"

	"mailfresh/internal/nagios"
)

// tighter says of each pair of ranges, --warning and --critical or --X-warning
// and --X-critical, whether the critical one leaves no room for a warning.
func tighter(options any) (notes []string) {
	v := reflect.ValueOf(options).Elem()
	for i := range v.NumField() {
		prefix, ok := strings.CutSuffix(v.Type().Field(i).Name, "Warning")
		critical := v.FieldByName(prefix + "Critical")
		if !ok || !critical.IsValid() {
			continue
		}
		w, c := rangeOf(v.Field(i)), rangeOf(critical)
		if w.Set && c.Set && !w.Inside && !c.Inside && w != c &&
			c.Start >= w.Start && c.End <= w.End {
			notes = append(notes, fmt.Sprintf(
				"note: the critical range %s lies within the warning range %s: there is never a warning",
				written(v.FieldByName(prefix+"Critical"), c), written(v.Field(i), w)))
		}
	}
	return notes
}

// rangeOf finds the range in an option's value; none is set in other values.
func rangeOf(v reflect.Value) nagios.Range {
	for v.IsValid() && v.Kind() == reflect.Struct {
		if r, ok := v.Interface().(nagios.Range); ok {
			return r
		}
		v = v.FieldByName("Range")
	}
	return nagios.Range{End: math.Inf(1)}
}

// written is a range as the caller may have written it: one of times has units.
func written(option reflect.Value, r nagios.Range) string {
	if _, plain := option.Interface().(nagios.Range); plain {
		return r.String()
	}
	return r.Times()
}

// noted is the result with the notes at its first object.
func noted(r nagios.Result, notes []string) nagios.Result {
	if len(r.Objects) > 0 && len(notes) > 0 {
		r.Objects[0].Notes = append(r.Objects[0].Notes, notes...)
	}
	return r
}
