package plugin

import (
	"fmt"
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
		if !ok {
			continue
		}
		w, warning := rangeOf(v.Field(i))
		c, critical := rangeOf(v.FieldByName(prefix + "Critical"))
		if w.Set && c.Set && !w.Inside && !c.Inside && w != c &&
			c.Start >= w.Start && c.End <= w.End {
			notes = append(notes, fmt.Sprintf(
				"note: the critical range %s lies within the warning range %s: there is never a warning",
				critical, warning))
		}
	}
	return notes
}

// rangeOf returns the range in an option's value, and the range as the user may have written it:
// bounds that are times have units. If the value has no range, the range is not set.
func rangeOf(v reflect.Value) (r nagios.Range, text string) {
	if !v.IsValid() || v.Kind() != reflect.Struct {
		return nagios.Range{}, ""
	}
	switch x := v.Interface().(type) {
	case nagios.Range:
		return x, x.String()
	case nagios.TimeRange:
		return x.Range, x.Times()
	}
	return rangeOf(v.FieldByName("Range"))
}
