package document

import (
	"fmt"
	"strings"

	"mailfresh/internal/plugin"
)

// CheckCommand returns the Icinga 2 definition of a plugin: each option but --version and --help,
// by its long name, with the variable $<command>_<option>$; an array for a repeatable option.
func CheckCommand(c plugin.Check) string {
	name := strings.TrimPrefix(c.Name, "check_")
	var b strings.Builder
	fmt.Fprintf(&b, `/* Icinga 2 CheckCommand for %[1]s. Made from the plugin's options by
 * make docs
 * Include it from icinga2.conf, or put it into a global zone. */
object CheckCommand %[2]q {
	command = [ PluginDir + "/%[1]s" ]
	timeout = 1m // keep it above $%[2]s_timeout$

	arguments = {
`, c.Name, name)
	for _, o := range plugin.Table(c.Options) {
		if o.Long != "version" && o.Long != "help" {
			b.WriteString(argument(name, o))
		}
	}
	return b.String() + "\t}\n}\n"
}

// argument returns an option's entry. A flag that counts has two entries, the long and the short
// name, because each key can be in Icinga's dictionary only once.
func argument(command string, o plugin.Option) string {
	variable := "$" + command + "_" + strings.ReplaceAll(o.Long, "-", "_") + "$"
	text := o.Help
	if o.Default != "" {
		text += " (default " + o.Default + ")"
	}
	switch {
	case o.Placeholder == "" && o.Repeatable:
		least := "set_if = {{ number(macro(%q)) >= %d }}"
		return entry("--"+o.Long, text, fmt.Sprintf(least, variable, 1)) +
			entry("-"+o.Short, "--"+o.Long+" once more, when the variable is 2",
				fmt.Sprintf(least, variable, 2))
	case o.Placeholder == "":
		return entry("--"+o.Long, text, fmt.Sprintf("set_if = %q", variable))
	case o.Repeatable:
		return entry("--"+o.Long, text, fmt.Sprintf("value = %q", variable), "repeat_key = true")
	}
	return entry("--"+o.Long, text, fmt.Sprintf("value = %q", variable))
}

func entry(key, description string, lines ...string) string {
	lines = append(lines, "description = "+literal(description))
	return fmt.Sprintf("\t\t%q = {\n\t\t\t%s\n\t\t}\n", key, strings.Join(lines, "\n\t\t\t"))
}

// literal returns text as a string of Icinga's configuration language. This language has fewer
// escapes than Go's %q.
func literal(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\t", `\t`).Replace(text) +
		`"`
}
