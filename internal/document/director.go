package document

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"mailfresh/internal/plugin"
)

const (
	dataType  = `Icinga\Module\Director\DataType\DataType` // before the type of a data field
	pluginDir = "/usr/lib/nagios/plugins/"                 // of Debian
)

type basketCommand struct {
	Arguments map[string]basketArgument `json:"arguments"`
	Command   string                    `json:"command"`
	Fields    []basketField             `json:"fields"`
	Methods   string                    `json:"methods_execute"`
	Name      string                    `json:"object_name"`
	Type      string                    `json:"object_type"`
	Timeout   string                    `json:"timeout"`
}

type basketArgument struct {
	Description string `json:"description"`
	RepeatKey   bool   `json:"repeat_key,omitempty"`
	SetIf       string `json:"set_if,omitempty"`
	SetIfFormat string `json:"set_if_format,omitempty"`
	Value       string `json:"value,omitempty"`
}

type basketField struct {
	ID       int     `json:"datafield_id"`
	Required string  `json:"is_required"`
	Filter   *string `json:"var_filter"`
}

type basketDatafield struct {
	Varname     string            `json:"varname"`
	Caption     string            `json:"caption"`
	Description string            `json:"description"`
	Datatype    string            `json:"datatype"`
	Format      *string           `json:"format"`
	Settings    map[string]string `json:"settings"`
}

type basketDatalist struct {
	Name    string        `json:"list_name"`
	Owner   string        `json:"owner"`
	Entries []basketEntry `json:"entries"`
}

type basketEntry struct {
	Name   string   `json:"entry_name"`
	Value  string   `json:"entry_value"`
	Format string   `json:"format"`
	Roles  []string `json:"allowed_roles"` // null: all roles
}

// listNames are the names of the data lists, by the placeholder of an option. Director identifies a
// list by its name, so baskets with the same name have one list in common.
var listNames = map[string]string{
	"STATE":  "mailfresh: states",
	"FORMAT": "mailfresh: formats of alias files",
	"OUTPUT": "mailfresh: formats of the output",
	"KIND":   "mailfresh: kinds of compiled maps",
	"MODE":   "mailfresh: TLS modes",
}

// datalist returns the data list of an option, with the words for its placeholder.
func datalist(placeholder string) basketDatalist {
	list := basketDatalist{Name: listNames[placeholder], Owner: "mailfresh"}
	for _, word := range words[placeholder] {
		list.Entries = append(list.Entries, basketEntry{Name: word, Value: word, Format: "string"})
	}
	return list
}

// Basket returns a basket for Icinga Director, in JSON: the plugin's command with its fields, their
// data fields and data lists. Variables are named as in the CheckCommand.
func Basket(c plugin.Check) string {
	name := strings.TrimPrefix(c.Name, "check_")
	command := basketCommand{
		Arguments: map[string]basketArgument{}, Command: pluginDir + c.Name,
		Methods: "PluginCheck", Name: name, Type: "object", Timeout: "60",
	}
	fields, lists := map[string]basketDatafield{}, map[string]basketDatalist{}
	for _, o := range plugin.Table(c.Options) {
		if o.Long == "version" || o.Long == "help" {
			continue
		}
		variable := name + "_" + strings.ReplaceAll(o.Long, "-", "_")
		id := len(fields) + 1
		command.Fields = append(command.Fields, basketField{ID: id, Required: "n"})
		fields[strconv.Itoa(id)] = datafield(variable, o)
		if name := listNames[o.Placeholder]; name != "" {
			lists[name] = datalist(o.Placeholder)
		}
		for key, a := range basketArguments("$"+variable+"$", o) {
			command.Arguments[key] = a
		}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "    ")
	if err := e.Encode(map[string]any{"Command": map[string]any{name: command},
		"DataList": lists, "Datafield": fields}); err != nil {
		panic(err) // plain structs
	}
	return b.String()
}

// basketArguments are an option's arguments; two for a flag that counts, as in the CheckCommand.
func basketArguments(macro string, o plugin.Option) map[string]basketArgument {
	text := sentence(o)
	switch {
	case o.Placeholder == "" && o.Repeatable:
		return map[string]basketArgument{
			"--" + o.Long: {Description: text, SetIf: "number(macro(\"" + macro + "\")) >= 1",
				SetIfFormat: "expression"},
			"-" + o.Short: {Description: "--" + o.Long + " once more, when the variable is 2",
				SetIf: "number(macro(\"" + macro + "\")) >= 2", SetIfFormat: "expression"},
		}
	case o.Placeholder == "":
		return map[string]basketArgument{"--" + o.Long: {Description: text, SetIf: macro,
			SetIfFormat: "string"}}
	}
	return map[string]basketArgument{"--" + o.Long: {Description: text, Value: macro,
		RepeatKey: o.Repeatable}}
}

func datafield(variable string, o plugin.Option) basketDatafield {
	f := basketDatafield{Varname: variable, Caption: "--" + o.Long, Description: sentence(o),
		Datatype: dataType + "String", Settings: map[string]string{}}
	switch {
	case o.Placeholder == "" && o.Repeatable:
		f.Datatype = dataType + "Number"
	case o.Placeholder == "":
		f.Datatype = dataType + "Boolean"
	case o.Repeatable:
		f.Datatype = dataType + "Array"
	case listNames[o.Placeholder] != "":
		f.Datatype = dataType + "Datalist"
		f.Settings = map[string]string{"behavior": "strict", "data_type": "string",
			"datalist": listNames[o.Placeholder]}
	default:
		f.Settings["visibility"] = "visible"
	}
	return f
}
