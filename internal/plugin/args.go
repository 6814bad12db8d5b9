package plugin

import (
	"encoding"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"

	"github.com/alexflint/go-arg"
)

var (
	errHelp    = errors.New("help asked for")
	errVersion = errors.New("version asked for")
)

// parse reads the arguments into the check's options and validates them. It returns the arguments
// as one text, without the common options, which change only the time or the output.
func parse(c Check, args []string) (asked string, err error) {
	list, err := normalise(Table(c.Options), args)
	if err != nil {
		return "", err
	}
	var words, question []string
	for _, s := range list {
		if err := s.check(); err != nil {
			return "", fmt.Errorf("option --%s: %w", s.option.Long, err)
		}
		words = append(words, s.word())
		if s.option.Group != "" {
			question = append(question, s.word())
		}
	}
	parser, err := arg.NewParser(arg.Config{Program: c.Name, IgnoreEnv: true}, c.Options)
	if err != nil {
		return "", err
	}
	if err := parser.Parse(words); err != nil {
		return "", err
	}
	return strings.Join(question, " "), c.Options.Validate()
}

// setting is one use of an option.
type setting struct {
	option *Option
	value  string // empty for a flag that does not count
}

// word is the setting as one argument: --name or --name=value.
func (s setting) word() string {
	if s.value == "" {
		return "--" + s.option.Long
	}
	return "--" + s.option.Long + "=" + s.value
}

// check returns the error of the option's type for the value. go-arg's error does not name the
// option.
func (s setting) check() error {
	value, ok := reflect.New(s.option.value).Interface().(encoding.TextUnmarshaler)
	if !ok {
		return nil // a string or a flag
	}
	err := value.UnmarshalText([]byte(s.value))
	if _, ok := value.(*netip.Addr); ok && err != nil {
		return fmt.Errorf("%q is not an IP address", s.value)
	}
	return err
}

// normalise reads options in all forms of getopt_long(3): "-w10", "-w -5:", "-vv", "--warn 10". It
// refuses what go-arg accepts: an empty value, a flag with a value, a last option without a value.
func normalise(table []Option, args []string) (list []setting, err error) {
	for len(args) > 0 && !slices.Equal(args, []string{"--"}) {
		o, rest, err := first(table, args)
		s := setting{option: o}
		switch {
		case err != nil:
			return nil, err
		case o.Placeholder != "" && len(rest) == 0:
			return nil, fmt.Errorf("option --%s needs a value (%s)", o.Long, o.Placeholder)
		case o.Placeholder != "" && strings.TrimSpace(rest[0]) == "":
			return nil, fmt.Errorf("option --%s: the value is empty", o.Long)
		case o.Placeholder != "":
			s.value, rest = rest[0], rest[1:] // the next argument, whatever it is
		case o.Long == "help":
			return nil, errHelp
		case o.Long == "version":
			return nil, errVersion
		case o.Repeatable:
			s.value = oneMore
		}
		list, args = append(list, s), rest
	}
	return list, nil
}

// first returns the option of the first argument, and the arguments after the option. If the first
// argument holds more, that is the first of them: a value, or the other flags of "-vvv".
func first(table []Option, args []string) (o *Option, rest []string, err error) {
	word, rest := args[0], args[1:]
	switch {
	case strings.HasPrefix(word, "--") && word != "--":
		name, value, has := strings.Cut(word[2:], "=")
		o, err = byLong(table, name)
		if has {
			rest = append([]string{value}, rest...)
		}
		if has && err == nil && o.Placeholder == "" {
			err = fmt.Errorf("option --%s takes no value, got %q", o.Long, value)
		}
	case strings.HasPrefix(word, "-") && len(word) > 1 && word != "--":
		o, err = byShort(table, word[1:2])
		switch more := word[2:]; {
		case err != nil, more == "":
		case o.Placeholder == "":
			rest = append([]string{"-" + more}, rest...)
		default:
			rest = append([]string{more}, rest...)
		}
	default:
		err = fmt.Errorf("unexpected argument %q", word)
	}
	return o, rest, err
}

// byLong finds an option by its name or an unambiguous beginning of it.
func byLong(table []Option, name string) (*Option, error) {
	var found []*Option
	for i := range table {
		o := &table[i]
		if o.Long == name {
			return o, nil
		}
		if name != "" && strings.HasPrefix(o.Long, name) {
			found = append(found, o)
		}
	}
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("unknown option --%s", name)
	case 1:
		return found[0], nil
	}
	return nil, fmt.Errorf("option --%s is ambiguous: --%s or --%s", name, found[0].Long,
		found[1].Long)
}

func byShort(table []Option, letter string) (*Option, error) {
	for i := range table {
		if table[i].Short == letter {
			return &table[i], nil
		}
	}
	return nil, fmt.Errorf("unknown option -%s", letter)
}
