package plugin

import (
	"fmt"
	"math"
	"reflect"
	"strings"

	"mailfresh/internal/nagios"
)

// unreachableWarnings returns a note for each pair of options, --warning and --critical or
// --X-warning and --X-critical, with which every value that warns is critical.
func unreachableWarnings(options any) (notes []string) {
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
				rangeText(v.FieldByName(prefix+"Critical"), c), rangeText(v.Field(i), w)))
		}
	}
	return notes
}

// rangeOf returns the range in an option's value; one that is not set if the value has none.
func rangeOf(v reflect.Value) nagios.Range {
	for v.IsValid() && v.Kind() == reflect.Struct {
		if r, ok := v.Interface().(nagios.Range); ok {
			return r
		}
		v = v.FieldByName("Range")
	}
	return nagios.Range{End: math.Inf(1)}
}

// rangeText is a range as the user may have written it: bounds that are times have units.
func rangeText(option reflect.Value, r nagios.Range) string {
	if _, plain := option.Interface().(nagios.Range); plain {
		return r.String()
	}
	return r.Times()
}

// addNotes adds the notes to the result's first object.
func addNotes(r nagios.Result, notes []string) nagios.Result {
	if len(r.Objects) > 0 && len(notes) > 0 {
		r.Objects[0].Notes = append(r.Objects[0].Notes, notes...)
	}
	return r
}
