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
// as one text, without the options that change only the time or the output.
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
		if !slices.Contains([]string{"timeout", "timeout-state", "output-format", "verbose"},
			s.option.Long) {
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
	option Option
	value  string // empty for a flag
}

// word is the setting as one argument: --name or --name=value.
func (s setting) word() string {
	if s.option.Placeholder == "" && !s.option.Repeatable {
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
	for len(args) > 0 {
		var s setting
		word, rest := args[0], args[1:]
		switch {
		case word == "--" && len(rest) == 0:
			return list, nil
		case strings.HasPrefix(word, "--") && word != "--":
			s, args, err = long(table, word[2:], rest)
		case strings.HasPrefix(word, "-") && len(word) > 1 && word != "--":
			s, args, err = short(table, word[1:], rest)
		default:
			err = fmt.Errorf("unexpected argument %q", word)
		}
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, nil
}

// long reads "name" or "name=value", and returns the arguments after that.
func long(table []Option, word string, rest []string) (setting, []string, error) {
	name, value, has := strings.Cut(word, "=")
	o, err := byLong(table, name)
	switch {
	case err != nil:
		return setting{}, nil, err
	case o.Placeholder == "" && has:
		return setting{}, nil, fmt.Errorf("option --%s takes no value, got %q", o.Long, value)
	case o.Placeholder == "":
		return flag(o, rest)
	case !has:
		return next(o, rest)
	}
	return withValue(o, value, rest)
}

// short reads a letter and its value, or the first letter of several flags such as "vvv". It
// returns the arguments after that; the other flags come first.
func short(table []Option, word string, rest []string) (setting, []string, error) {
	o, err := byShort(table, word[:1])
	switch {
	case err != nil:
		return setting{}, nil, err
	case o.Placeholder == "" && len(word) > 1:
		return flag(o, append([]string{"-" + word[1:]}, rest...))
	case o.Placeholder == "":
		return flag(o, rest)
	case len(word) > 1:
		return withValue(o, word[1:], rest)
	}
	return next(o, rest)
}

func flag(o Option, rest []string) (setting, []string, error) {
	switch {
	case o.Long == "help":
		return setting{}, nil, errHelp
	case o.Long == "version":
		return setting{}, nil, errVersion
	case o.Repeatable:
		return setting{o, oneMore}, rest, nil
	}
	return setting{o, ""}, rest, nil
}

// next takes the following argument as the option's value, whatever it is.
func next(o Option, rest []string) (setting, []string, error) {
	if len(rest) == 0 {
		return setting{}, nil, fmt.Errorf("option --%s needs a value (%s)", o.Long, o.Placeholder)
	}
	return withValue(o, rest[0], rest[1:])
}

func withValue(o Option, value string, rest []string) (setting, []string, error) {
	if strings.TrimSpace(value) == "" {
		return setting{}, nil, fmt.Errorf("option --%s: the value is empty", o.Long)
	}
	return setting{o, value}, rest, nil
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
	return Option{}, fmt.Errorf("option --%s is ambiguous: --%s or --%s", name, found[0].Long,
		found[1].Long)
}

func byShort(table []Option, letter string) (Option, error) {
	for _, o := range table {
		if o.Short == letter {
			return o, nil
		}
	}
	return Option{}, fmt.Errorf("unknown option -%s", letter)
}
