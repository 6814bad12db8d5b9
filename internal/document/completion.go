package document

import (
	"fmt"
	"strings"

	"mailfresh/internal/plugin"
)

// words are the values of an option, by its placeholder. checkWords compares them with the option.
var words = map[string][]string{
	"STATE":  {"ok", "warning", "critical", "unknown"},
	"FORMAT": {"exim", "postfix-aliases", "postfix-map", "sendmail", "opensmtpd", "opensmtpd-db"},
	"OUTPUT": {"nagios", "json", "openmetrics"},
	"KIND":   {"auto", "none", "db", "cdb", "lmdb"},
	"MODE":   {"none", "opportunistic", "required", "implicit"},
}

// timers is a shell command that lists this host's timers.
const timers = "systemctl list-units --all --type=timer --plain --no-legend 2>/dev/null | cut -d' ' -f1"

func takesFile(o plugin.Option) bool  { return o.Placeholder == "PATH" || o.Placeholder == "FILE" }
func takesTimer(o plugin.Option) bool { return o.Long == "unit" || o.Long == "timer" }

const notice = "# Completion for %[1]s. Made from the plugin's options by make docs.\n"

// bashHead finds the word to complete and the option before it. For bash the = of --format=exim is
// a word.
const bashHead = `_%[1]s() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	if [[ $cur == "=" ]]; then
		cur=
	elif [[ $prev == "=" ]]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	COMPREPLY=()
	case $prev in
`

// Bash returns a plugin's completion for bash. It uses no functions of bash-completion.
func Bash(c plugin.Check) string {
	var b strings.Builder
	fmt.Fprintf(&b, notice+bashHead, c.Name)
	var all []string
	for _, o := range plugin.Table(c.Options) {
		all = append(all, "--"+o.Long)
		if o.Placeholder == "" {
			continue
		}
		name := "--" + o.Long
		if o.Short != "" {
			name = "-" + o.Short + " | " + name
		}
		fmt.Fprintf(&b, "\t%s)\n\t\t%s\n\t\treturn\n\t\t;;\n", name, bashValue(o))
	}
	fmt.Fprintf(&b, "\tesac\n\tmapfile -t COMPREPLY < <(compgen -W '%s' -- \"$cur\")\n}\n"+
		"complete -F _%[2]s %[2]s\n", strings.Join(all, " "), c.Name)
	return b.String()
}

func bashValue(o plugin.Option) string {
	switch {
	case takesFile(o):
		return `compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur")`
	case takesTimer(o):
		return fmt.Sprintf(`mapfile -t COMPREPLY < <(compgen -W "$(%s)" -- "$cur")`, timers)
	case words[o.Placeholder] != nil:
		return fmt.Sprintf(`mapfile -t COMPREPLY < <(compgen -W '%s' -- "$cur")`,
			strings.Join(words[o.Placeholder], " "))
	}
	return ": # " + o.Placeholder
}

// Zsh returns a plugin's completion for zsh: one call of _arguments.
func Zsh(c plugin.Check) string {
	var b strings.Builder
	fmt.Fprintf(&b, "#compdef %[1]s\n"+notice+"_arguments -s -S", c.Name)
	for _, o := range plugin.Table(c.Options) {
		repeat := ""
		if o.Repeatable {
			repeat = "*"
		}
		long := "--" + o.Long
		if o.Placeholder != "" {
			long += "="
		}
		text := "[" + strings.NewReplacer("[", "(", "]", ")", ":", ";").Replace(menuText(o)) + "]"
		value := zshValue(o)
		fmt.Fprintf(&b, " \\\n  %s", quote(repeat+long+text+value))
		if o.Short != "" {
			short := "-" + o.Short
			if o.Placeholder != "" {
				short += "+"
			}
			fmt.Fprintf(&b, " \\\n  %s", quote(repeat+short+text+value))
		}
	}
	return b.String() + "\n"
}

func zshValue(o plugin.Option) string {
	name := strings.NewReplacer(":", " ", "[", "", "]", "").Replace(o.Placeholder)
	switch {
	case o.Placeholder == "":
		return ""
	case takesFile(o):
		return ":" + name + ":_files"
	case takesTimer(o):
		return ":" + name + ":{compadd -- ${(f)\"$(" + timers + ")\"}}"
	}
	if list := words[o.Placeholder]; list != nil {
		return ":" + name + ":(" + strings.Join(list, " ") + ")"
	}
	return ":" + name + ": "
}

// Fish returns a plugin's completion for fish, also for a plugin that is called by its path.
func Fish(c plugin.Check) string {
	var b strings.Builder
	fmt.Fprintf(&b, notice+"complete -c %[1]s -p '*/%[1]s' -f\n", c.Name)
	for _, o := range plugin.Table(c.Options) {
		fmt.Fprintf(&b, "complete -c %[1]s -p '*/%[1]s' -l %[2]s", c.Name, o.Long)
		if o.Short != "" {
			b.WriteString(" -s " + o.Short)
		}
		switch {
		case o.Placeholder == "":
		case takesFile(o):
			b.WriteString(" -r -F")
		case takesTimer(o):
			b.WriteString(` -x -a "(` + timers + `)"`)
		case words[o.Placeholder] != nil:
			b.WriteString(" -x -a '" + strings.Join(words[o.Placeholder], " ") + "'")
		default:
			b.WriteString(" -x")
		}
		text := strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(menuText(o))
		b.WriteString(" -d '" + text + "'\n")
	}
	return b.String()
}

// menuWidth is the most bytes of a description in a shell's menu.
const menuWidth = 60

// menuText is an option's help for a shell's menu: up to the first example, list or further clause.
func menuText(o plugin.Option) string {
	text := o.Help
	for _, end := range []string{", for example", ": ", "; ", " (", ". "} {
		text, _, _ = strings.Cut(text, end)
	}
	if len(text) > menuWidth {
		text = text[:strings.LastIndexByte(text[:menuWidth], ' ')] + "..."
	}
	return text
}

// quote puts text into single quotes for a POSIX shell.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
