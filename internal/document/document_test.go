package document

import (
	"testing"

	"mailfresh/internal/plugin"
)

// Each file that is made holds quotes, dashes, backslashes and stars as they are.
func TestDocuments(t *testing.T) {
	c := plugin.Check{Name: "check_toy", Options: &toyOptions{}}
	page := "# toy\n" + tableBegins + "old\n" + tableEnds + "after\n"
	for file, text := range map[string]string{
		"toy.1": Man(c, ".TH CHECK_TOY 1\n.SH OPTIONS\n@options@\n@metrics@\n@common@\n",
			".SH EXIT STATUS\nnone\n"),
		"toy.bash": Bash(c),
		"_toy":     Zsh(c),
		"toy.fish": Fish(c),
		"toy.json": Basket(c),
		"toy.md":   Page(c, page),
	} {
		Compare(t, "testdata/"+file, text)
	}
}

func TestPageIsStable(t *testing.T) {
	c := plugin.Check{Name: "check_toy", Options: &toyOptions{}}
	once := Page(c, "# toy\n"+tableBegins+tableEnds+"after\n")
	if twice := Page(c, once); twice != once {
		t.Errorf("Page(Page) = %q; want %q", twice, once)
	}
}
