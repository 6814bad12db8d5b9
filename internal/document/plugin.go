package document

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/alexflint/go-arg"
	"github.com/google/go-cmp/cmp"

	"mailfresh/internal/plugin"
)

// ComparePlugin compares all files that are made for a plugin but the CheckCommand. It runs in the
// plugin's folder. check returns a new Check at each call.
func ComparePlugin(t *testing.T, check func() plugin.Check) {
	t.Helper()
	c := check()
	command := strings.TrimPrefix(c.Name, "check_")
	Compare(t, "../contrib/director/"+command+".json", Basket(c))
	man := Man(c, read(t, "../man/"+c.Name+".in"), read(t, "../man/common.in"))
	Compare(t, "../man/"+c.Name+".1", man)
	checkHelp(t, c, man)
	Compare(t, "../completion/bash/"+c.Name, Bash(c))
	Compare(t, "../completion/zsh/_"+c.Name, Zsh(c))
	Compare(t, "../completion/fish/"+c.Name+".fish", Fish(c))
	Compare(t, "../docs/"+c.Name+".md", Page(c, read(t, "../docs/"+c.Name+".md")))
	checkWords(t, check)
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var (
	helpGroup = regexp.MustCompile(`(?m)^([A-Z][a-z ]+):$`)
	manGroup  = regexp.MustCompile(`(?m)^\.SS (.+)$`)
)

// checkHelp wants --help to have the groups of the manual page, at most 80 columns, and two
// examples at its end.
func checkHelp(t *testing.T, c plugin.Check, man string) {
	t.Helper()
	help := plugin.Help(c)
	var groups, sections []string
	for _, m := range helpGroup.FindAllStringSubmatch(help, -1) {
		groups = append(groups, m[1])
	}
	for _, m := range manGroup.FindAllStringSubmatch(man, -1) {
		sections = append(sections, m[1])
	}
	if diff := cmp.Diff(append(sections, "Examples"), groups); diff != "" || len(sections) < 3 {
		t.Errorf("groups (-manual page +help):\n%s", diff)
	}
	for _, text := range strings.Split(help, "\n") {
		if len(text) > 80 {
			t.Errorf("--help: over 80 columns: %q", text)
		}
	}
	_, examples, _ := strings.Cut(help, "\nExamples:\n")
	if lines := strings.Split(examples, "\n"); len(lines) != 2 ||
		!strings.HasPrefix(lines[0], "  "+c.Name+" -") ||
		!strings.HasPrefix(lines[1], "  "+c.Name+" -") {
		t.Errorf("--help ends with the examples %q; want two", lines)
	}
}

// checkWords wants each option to accept the words that completion offers for it.
func checkWords(t *testing.T, check func() plugin.Check) {
	t.Helper()
	for _, o := range plugin.Table(check().Options) {
		for _, word := range words[o.Placeholder] {
			parser, err := arg.NewParser(arg.Config{IgnoreEnv: true}, check().Options)
			if err != nil {
				t.Fatal(err)
			}
			if err := parser.Parse([]string{"--" + o.Long + "=" + word}); err != nil {
				t.Errorf("completion offers --%s %s: %v", o.Long, word, err)
			}
		}
	}
}

// sentence is an option's help with its default.
func sentence(o plugin.Option) string {
	text := o.Help
	if o.Repeatable && o.Placeholder != "" {
		text += "; may be repeated"
	}
	switch {
	case o.Default != "":
		text += " (default " + o.Default + ")"
	case o.Placeholder == "RANGE":
		text += " (default none)"
	}
	return text
}

// group is the heading of an option, as --help has it.
func group(o plugin.Option) string {
	if o.Group == "" {
		return "Common"
	}
	return o.Group
}
