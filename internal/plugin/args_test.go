package plugin

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// What ends the reading, and what looks like several flags but is not.
func TestNormaliseEnds(t *testing.T) {
	table := Table(&toyOptions{})
	for _, test := range []struct {
		args, want string
		err        error // nil: an error with the text want, or none
	}{
		{"-h", "", errHelp},
		{"--h", "", errHelp},
		{"-vh", "", errHelp},
		{"-w 10 -V --bogus", "", errVersion},
		{"--bogus -V", "unknown option --bogus", nil},
		{"--help=x", `option --help takes no value, got "x"`, nil},
		{"--ver", "option --ver is ambiguous: --verbose or --version", nil},
		{"-v-", "--verbose=more", nil},
		{"-v- x", `unexpected argument "--"`, nil},
		{"-v--all", "unknown option ---all", nil},
		{"-n=a", "--name==a", nil},
		{"-n -- -a", "--name=-- --all", nil},
		{"--name -- --", "--name=--", nil},
	} {
		list, err := normalise(table, strings.Fields(test.args))
		var words []string
		for _, s := range list {
			words = append(words, s.word())
		}
		got := strings.Join(words, " ")
		if err != nil && test.err == nil {
			got = err.Error()
		}
		if got != test.want || !errors.Is(err, test.err) && test.err != nil {
			t.Errorf("normalise(%q) = %q, %v; want %q, %v", test.args, got, err, test.want,
				test.err)
		}
	}
}

// What a check was asked for leaves out the time and the output.
func TestAsked(t *testing.T) {
	args := "-t 5 --timeout-state ok -a --output-format json -vv --age 2h -w 1h"
	asked, err := parse(toy(), strings.Fields(args))
	if want := "--all --age=2h --warning=1h"; asked != want || err != nil {
		t.Errorf("parse(%q) = %q, %v; want %q", args, asked, err, want)
	}
}

// A panic is the error of its object; the others are done.
func TestEachObject(t *testing.T) {
	done, failed := make([]bool, 9), make([]error, 9)
	EachObject(len(done), 2, func(i int) {
		if i%4 == 1 {
			panic("a bug")
		}
		done[i] = true
	}, func(i int, bug error) { failed[i] = bug })
	for i := range done {
		bug := failed[i] != nil && strings.HasPrefix(failed[i].Error(),
			"internal error, please report it: a bug (mailfresh/internal/plugin.TestEachObject.func1, "+
				"args_test.go:")
		if bug != (i%4 == 1) || done[i] == bug {
			t.Errorf("%d: done %t, %v", i, done[i], failed[i])
		}
	}
	EachObject(0, 2, nil, nil)
}

// The note about a warning range that is never seen stands below the first object.
func TestUnreachableWarningIsSaid(t *testing.T) {
	text, _ := run(toy(), strings.Fields("--age 1m -w 2h -c 1h"), nil)
	lines := strings.Split(text, "\n")
	if !slices.Contains(lines, "  note: the critical range 1h lies within the warning range 2h: "+
		"there is never a warning") {
		t.Errorf("run = %q; want the note", text)
	}
}
