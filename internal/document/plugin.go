package document

import (
	"os"
	"strings"
	"testing"

	"github.com/alexflint/go-arg"

	"mailfresh/internal/plugin"
)

// KeepPlugin compares what is made for a plugin, beside its CheckCommand, with what is
// committed. It runs in the plugin's folder. The function makes a fresh check.
func KeepPlugin(t *testing.T, check func() plugin.Check) {
	t.Helper()
	c := check()
	command := strings.TrimPrefix(c.Name, "check_")
	Keep(t, "../contrib/director/"+command+".json", Basket(c))
	Keep(t, "../man/"+c.Name+".1", Man(c, read(t, "../man/"+c.Name+".in"), read(t, "../man/common.in")))
	Keep(t, "../completion/bash/"+c.Name, Bash(c))
	Keep(t, "../completion/zsh/_"+c.Name, Zsh(c))
	Keep(t, "../completion/fish/"+c.Name+".fish", Fish(c))
	Keep(t, "../docs/"+c.Name+".md", Page(c, read(t, "../docs/"+c.Name+".md")))
	keepWords(t, check)
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// keepWords holds the words that completion offers to what the option takes.
func keepWords(t *testing.T, check func() plugin.Check) {
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

// sentence is what an option's help says, with its default.
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
