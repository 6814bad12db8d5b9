package plugin

import (
	"errors"
	"fmt"
	"strings"

	"github.com/alexflint/go-arg"
)

var (
	errHelp    = errors.New("help asked for")
	errVersion = errors.New("version asked for")
)

// parse reads the arguments into the check's options and validates them.
func parse(c Check, args []string) error {
	plain, err := normalise(Table(c.Options), args)
	if err != nil {
		return err
	}
	parser, err := arg.NewParser(arg.Config{Program: c.Name, IgnoreEnv: true}, c.Options)
	if err != nil {
		return err
	}
	if err := parser.Parse(plain); err != nil {
		return blame(plain, err)
	}
	return c.Options.Validate()
}

// blame says go-arg's error of one of the arguments with the option's name.
func blame(plain []string, err error) error {
	for _, word := range plain {
		if reason, ok := strings.CutPrefix(err.Error(), "error processing "+word+": "); ok {
			name, _, _ := strings.Cut(word, "=")
			return fmt.Errorf("option %s: %s", name, reason)
		}
	}
	return err
}

// normalise turns every way in which getopt_long(3) takes options into the one
// that go-arg reads without surprise, --long=value: "-w10", "-w -5:", "-vv",
// "--warn 10". It refuses what go-arg would take in silence: empty values, a
// flag with a value, an option at the end whose value is missing.
func normalise(table []Option, args []string) ([]string, error) {
	n := &normaliser{table: table, args: args, uses: map[string]int{}}
	for len(n.args) > 0 {
		word := n.args[0]
		n.args = n.args[1:]
		var err error
		switch {
		case word == "--" && len(n.args) == 0:
		case strings.HasPrefix(word, "--") && word != "--":
			err = n.long(word[2:])
		case strings.HasPrefix(word, "-") && len(word) > 1 && word != "--":
			err = n.short(word[1:])
		default:
			err = fmt.Errorf("unexpected argument %q", word)
		}
		if err != nil {
			return nil, err
		}
	}
	for _, o := range table {
		if uses := n.uses[o.Long]; uses > 0 {
			n.plain = append(n.plain, fmt.Sprintf("--%s=%d", o.Long, uses))
		}
	}
	return n.plain, nil
}

type normaliser struct {
	table []Option
	args  []string       // still to read
	plain []string       // read so far, as --long=value
	uses  map[string]int // of flags that count
}

// long reads "name" or "name=value".
func (n *normaliser) long(word string) error {
	name, value, has := strings.Cut(word, "=")
	o, err := byLong(n.table, name)
	if err != nil {
		return err
	}
	if o.Placeholder == "" {
		if has {
			return fmt.Errorf("option --%s takes no value, got %q", o.Long, value)
		}
		return n.flag(o)
	}
	if !has {
		return n.next(o)
	}
	return n.value(o, value)
}

// short reads a letter with its value behind it, or a cluster of flags.
func (n *normaliser) short(word string) error {
	o, err := byShort(n.table, word[:1])
	switch {
	case err != nil:
		return err
	case o.Placeholder == "" && len(word) > 1:
		n.args = append([]string{"-" + word[1:]}, n.args...)
		return n.flag(o)
	case o.Placeholder == "":
		return n.flag(o)
	case len(word) > 1:
		return n.value(o, word[1:])
	}
	return n.next(o)
}

func (n *normaliser) flag(o Option) error {
	switch {
	case o.Long == "help":
		return errHelp
	case o.Long == "version":
		return errVersion
	case o.Repeatable:
		n.uses[o.Long]++
	default:
		n.plain = append(n.plain, "--"+o.Long)
	}
	return nil
}

// next takes the following argument as the option's value, whatever it is.
func (n *normaliser) next(o Option) error {
	if len(n.args) == 0 {
		return fmt.Errorf("option --%s needs a value (%s)", o.Long, o.Placeholder)
	}
	value := n.args[0]
	n.args = n.args[1:]
	return n.value(o, value)
}

func (n *normaliser) value(o Option, value string) error {
	if strings.TrimSpace(value) == "" {
		return fmt.Errorf("option --%s: the value is empty", o.Long)
	}
	n.plain = append(n.plain, "--"+o.Long+"="+value)
	return nil
}

// byLong finds an option by its name or an unambiguous beginning of it.
func byLong(table []Option, name string) (Option, error) {
	var found []Option
	for _, o := range table {
		if o.Long == name {
			return o, nil
		}
		if name != "" && strings.HasPrefix(o.Long, name) {
			found = append(found, o)
		}
	}
	switch len(found) {
	case 0:
		return Option{}, fmt.Errorf("unknown option --%s", name)
	case 1:
		return found[0], nil
	}
	return Option{}, fmt.Errorf("option --%s is ambiguous: --%s or --%s", name, found[0].Long, found[1].Long)
}

func byShort(table []Option, letter string) (Option, error) {
	for _, o := range table {
		if o.Short == letter {
			return o, nil
		}
	}
	return Option{}, fmt.Errorf("unknown option -%s", letter)
}
