package plugin

import (
	"cmp"
	"reflect"
	"strings"
)

// Option is one row of a plugin's option table. It is read from the tags of the go-arg struct: arg,
// help, default, placeholder and group. Help, man page, completion and CheckCommand are made from
// the table.
type Option struct {
	Long, Short string // without dashes
	Group       string // heading in help; empty for the common ones
	Placeholder string // of the value; empty for a flag
	Default     string
	Help        string
	Repeatable  bool

	value reflect.Type // of one value
}

// Table returns the options of a pointer to a go-arg struct, in order: its own, those of Common,
// --version, --help.
func Table(options any) []Option {
	return append(rows(reflect.TypeOf(options).Elem()),
		Option{Long: "version", Short: "V", Help: "print the version and exit"},
		Option{Long: "help", Short: "h", Help: "print this help and exit"})
}

// rows reads the fields of a struct. A group holds for all fields up to the next group.
func rows(t reflect.Type) (list []Option) {
	group := ""
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			list = append(list, rows(f.Type)...)
			continue
		}
		group = cmp.Or(f.Tag.Get("group"), group)
		o := Option{
			Group:       group,
			Placeholder: f.Tag.Get("placeholder"),
			Default:     f.Tag.Get("default"),
			Help:        f.Tag.Get("help"),
			Repeatable:  f.Type.Kind() == reflect.Slice || f.Type == reflect.TypeFor[Count](),
			value:       f.Type,
		}
		if kind := f.Type.Kind(); kind == reflect.Slice || kind == reflect.Pointer {
			o.value = f.Type.Elem()
		}
		for _, part := range strings.Split(f.Tag.Get("arg"), ",") {
			if long, ok := strings.CutPrefix(part, "--"); ok {
				o.Long = long
			} else if short, ok := strings.CutPrefix(part, "-"); ok {
				o.Short = short
			}
		}
		list = append(list, o)
	}
	return list
}

// Count is how often a flag was given.
type Count int

// oneMore is the value with which go-arg reads each use of a flag that counts.
const oneMore = "more"

// UnmarshalText counts one use of the flag.
func (c *Count) UnmarshalText([]byte) error {
	*c++
	return nil
}
