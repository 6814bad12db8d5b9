package document

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// macro is a reference to a custom variable.
var macro = regexp.MustCompile(`\$([a-z0-9_]+)\$`)

// What Director's restore reads of a basket: it decodes it into plain objects,
// stores the data lists and the data fields, imports each command by its properties, which have to
// be columns it knows, and then links the command's fields by the key that
// their data field has in this basket.
type restored struct {
	Command map[string]struct {
		Arguments map[string]map[string]any `json:"arguments"`
		Command   string                    `json:"command"`
		Fields    []struct {
			ID       int     `json:"datafield_id"`
			Required string  `json:"is_required"`
			Filter   *string `json:"var_filter"`
		} `json:"fields"`
		Execute string `json:"methods_execute"`
		Name    string `json:"object_name"`
		Type    string `json:"object_type"`
		Timeout string `json:"timeout"`
	}
	DataList map[string]struct {
		Name    string `json:"list_name"`
		Owner   string `json:"owner"`
		Entries []struct {
			Name   string   `json:"entry_name"`
			Value  string   `json:"entry_value"`
			Format string   `json:"format"`
			Roles  []string `json:"allowed_roles"`
		} `json:"entries"`
	}
	Datafield map[string]struct {
		Varname     string            `json:"varname"`
		Caption     string            `json:"caption"`
		Description string            `json:"description"`
		Datatype    string            `json:"datatype"`
		Format      *string           `json:"format"`
		Settings    map[string]string `json:"settings"`
	}
}

func TestBasketsCanBeRestored(t *testing.T) {
	files, err := filepath.Glob("../../contrib/director/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no basket: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var basket restored
		d := json.NewDecoder(strings.NewReader(string(text)))
		d.DisallowUnknownFields() // Director stops at a property that is no column
		if err := d.Decode(&basket); err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		for key, command := range basket.Command {
			if key != command.Name || command.Type != "object" ||
				command.Execute != "PluginCheck" ||
				!strings.HasSuffix(command.Command, "/check_"+key) {
				t.Errorf("%s: command %s is %+v", file, key, command)
			}
			linked := map[string]bool{}
			for _, field := range command.Fields {
				id := fmt.Sprint(field.ID)
				data, known := basket.Datafield[id]
				if !known || linked[data.Varname] || field.Required != "n" {
					t.Errorf("%s: field %+v links %+v", file, field, data)
				}
				linked[data.Varname] = true
			}
			if len(linked) != len(basket.Datafield) {
				t.Errorf("%s: %d of %d data fields are linked", file, len(linked),
					len(basket.Datafield))
			}
			checkArguments(t, file, command.Arguments, linked)
		}
		checkFields(t, file, basket)
	}
}

// checkFields wants data fields of types that Director has, and their lists.
func checkFields(t *testing.T, file string, basket restored) {
	t.Helper()
	for key, list := range basket.DataList {
		if key != list.Name || list.Owner == "" || len(list.Entries) < 3 {
			t.Errorf("%s: data list %s is %+v", file, key, list)
		}
		for _, entry := range list.Entries {
			if entry.Name == "" || entry.Value != entry.Name || entry.Format != "string" {
				t.Errorf("%s: data list %s has %+v", file, key, entry)
			}
		}
	}
	for id, data := range basket.Datafield {
		kind, ok := strings.CutPrefix(data.Datatype, `Icinga\Module\Director\DataType\DataType`)
		if kind == "Datalist" {
			_, ok = basket.DataList[data.Settings["datalist"]]
		}
		if !ok || !slices.Contains([]string{"Array", "Boolean", "Datalist", "Number", "String"},
			kind) ||
			data.Settings == nil || len(data.Varname) > 64 ||
			len(data.Caption) > 255 {
			t.Errorf("%s: data field %s is %+v", file, id, data)
		}
	}
}

// checkArguments wants every variable that an argument names to be a field, and
// every field to be named; and of an argument only what Director takes.
func checkArguments(t *testing.T, file string, arguments map[string]map[string]any,
	fields map[string]bool) {
	t.Helper()
	named := map[string]bool{}
	for key, argument := range arguments {
		for property, value := range argument {
			if !slices.Contains([]string{"description", "repeat_key", "set_if", "set_if_format",
				"value"}, property) {
				t.Errorf("%s: argument %s has %s", file, key, property)
			}
			if text, ok := value.(string); ok && property != "description" {
				for _, m := range macro.FindAllStringSubmatch(text, -1) {
					named[m[1]] = true
				}
			}
		}
	}
	if !maps.Equal(named, fields) {
		t.Errorf("%s: arguments name %v; the fields are %v", file, slices.Sorted(maps.Keys(named)),
			slices.Sorted(maps.Keys(fields)))
	}
}
