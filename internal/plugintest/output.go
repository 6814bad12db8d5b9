// Package plugintest serves the tests of the plugins and the demo. It runs plugins by scripts,
// checks their output strictly, and has fake servers (systemd, DNS, SMTP) that can fail on request.
// No plugin binary contains it.
package plugintest

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"mailfresh/internal/nagios"
)

// Regular expressions of a value and of a range in performance data.
const (
	number = `-?(0|[1-9][0-9]*)(\.[0-9]+)?`
	bounds = `@?((~|` + number + `):(` + number + `)?|` + number + `)`
)

var (
	itemForm = regexp.MustCompile(`^([a-z0-9_]+)=` + number + `(s|B)?(;(` + bounds +
		`)?){0,2}(;0)?$`)
	fromZero = regexp.MustCompile(`;@?0:[^;]`)
	goWords  = regexp.MustCompile(`(?m)(^|[ :])((open|stat|lstat|readlink|readdirent|fork/exec) /|` +
		`(dial|read|write) (tcp|udp|unix)|read /proc/self/fd|strconv\.|ParseAddr\(|json: )|` +
		`context (deadline exceeded|canceled)|i/o timeout|closed network|: (unexpected )?EOF|%!`)
	stateToken = regexp.MustCompile(`(?i)\[(ok|warning|critical|unknown|up|down|unreachable|pending)\]`)
)

// CheckOutput is [CheckRules]; also, no error text of Go's own may be printed.
func CheckOutput(name string, exit int, stdout, stderr string) error {
	err := CheckRules(name, exit, stdout, stderr)
	if words := goWords.FindString(stdout); words != "" {
		err = errors.Join(err, fmt.Errorf("words of Go's own %q: %q", words, stdout))
	}
	return err
}

// CheckRules reads a plugin's output as strictly as the strictest of Icinga 2, Nagios and NRPE. The
// error lists all rules that the output breaks. name is the plugin's name in capitals, without
// CHECK_.
func CheckRules(name string, exit int, stdout, stderr string) error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if exit < 0 || exit > 3 {
		bad("exit code %d", exit)
	}
	if stderr != "" {
		bad("standard error is not empty: %q", stderr)
	}
	if !strings.HasSuffix(stdout, "\n") || strings.HasSuffix(stdout, "\n\n") {
		bad("the output does not end in one newline: %q", stdout)
	}
	lines := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
	if want := fmt.Sprintf("%s %s - ", name, nagios.State(exit)); !strings.HasPrefix(lines[0],
		want) || len(lines[0]) == len(want) {
		bad("line 1 is %q; want %q and a summary", lines[0], want)
	}
	if len(lines[0]) >= 1000 {
		bad("line 1 has %d bytes", len(lines[0]))
	}
	if len(stdout) > 4096 {
		bad("the output has %d bytes", len(stdout))
	}
	if !utf8.ValidString(stdout) {
		bad("the output is not UTF-8")
	}
	for i, line := range lines {
		if err := checkLine(i, line); err != nil {
			bad("line %d: %w: %q", i+1, err, line)
		}
	}
	if _, items, found := strings.Cut(lines[0], "|"); found {
		if err := checkPerfdata(items); err != nil {
			bad("performance data: %w: %q", err, items)
		}
	}
	return errors.Join(errs...)
}

func checkLine(i int, line string) error {
	if strings.TrimSpace(line) == "" {
		return errors.New("empty")
	}
	if n := strings.Count(line, "|"); n > 1 || n == 1 && i > 0 {
		return fmt.Errorf("%d pipes", n)
	}
	if strings.ContainsAny(line, "<>") {
		return errors.New("looks like a tag")
	}
	own := line
	if i > 0 { // the line's own state
		own = strings.TrimPrefix(line, "[")
	}
	if token := stateToken.FindString(own); token != "" {
		return fmt.Errorf("state token %s", token)
	}
	for _, r := range line {
		if r != ' ' && (!unicode.IsPrint(r) ||
			unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point,
				unicode.Variation_Selector)) || r == blankBraille {
			return fmt.Errorf("character %U", r)
		}
	}
	return nil
}

const blankBraille = 0x2800

func checkPerfdata(items string) error {
	rest, ok := strings.CutPrefix(items, " ")
	if !ok {
		return errors.New("no blank after the pipe")
	}
	seen := map[string]bool{}
	for _, item := range strings.Split(rest, " ") {
		m := itemForm.FindStringSubmatch(item)
		if m == nil {
			return fmt.Errorf("item %q", item)
		}
		if seen[m[1]] {
			return fmt.Errorf("label %s twice", m[1])
		}
		seen[m[1]] = true
		if fromZero.MatchString(item) {
			return fmt.Errorf("item %q: a range from 0 is written without its start", item)
		}
	}
	return nil
}
