package systemd

import (
	"errors"
	"fmt"
	"path"
	"strings"
)

// TimerName returns the name of a timer, with .timer added if it is missing. The error says why no
// timer can have this name.
func TimerName(arg string) (string, error) {
	name := arg
	switch suffix := path.Ext(arg); suffix {
	case ".timer":
	case ".service", ".socket", ".target", ".device", ".mount", ".automount", ".swap", ".path",
		".slice", ".scope": // the other types of systemd.unit(5)
		return "", fmt.Errorf("%q is not a timer but a %s", arg, suffix[1:])
	default:
		name += ".timer"
	}
	if err := checkName(name); err != nil {
		return "", fmt.Errorf("%.300q is no timer: %w", arg, err)
	}
	return name, nil
}

// checkName checks a name by the rules for unit names (systemd.unit(5)): "prefix.type" or
// "prefix@instance.type", of ASCII letters, digits and :-_.\ (in the instance also @), at most 255
// bytes. A template, prefix@.type, is no unit.
func checkName(name string) error {
	if len(name) > 255 {
		return errors.New("more than 255 bytes")
	}
	stem := name[:max(strings.LastIndexByte(name, '.'), 0)]
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789" + `:-_.\@`
	if rest := strings.TrimLeft(stem, letters); rest != "" {
		return fmt.Errorf("a unit's name cannot have %q", rest[:1])
	}
	prefix, instance, isInstance := strings.Cut(stem, "@")
	switch {
	case prefix == "":
		return errors.New("its name is empty")
	case isInstance && instance == "":
		return errors.New("it is a template: name an instance, as in name@instance.timer")
	}
	return nil
}
