package plugintest

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// CheckJSON wants one JSON object with the members that every run has, and no standard error.
func CheckJSON(stdout, stderr string) error {
	var run struct {
		Check, Version, State, Summary string
		Objects                        []struct {
			Name, State, Text string
			Notes             []string
		}
	}
	if err := json.Unmarshal([]byte(stdout), &run); err != nil || stderr != "" {
		return fmt.Errorf("JSON: %v, standard error %q: %s", err, stderr, stdout)
	}
	if run.Check == "" || run.State == "" || run.Summary == "" || run.Objects == nil {
		return fmt.Errorf("JSON lacks a member: %s", stdout)
	}
	return nil
}

var (
	comment = regexp.MustCompile(`^# (HELP (mailfresh_[a-z_]+) .*[^ ]|TYPE (mailfresh_[a-z_]+) gauge)$`)
	metric  = regexp.MustCompile(`^(mailfresh_[a-z_]+)` +
		`(\{(?:[a-z]+="(?:[^"\\]|\\["\\n])*",?)+\})? ` + number + `$`)
)

// CheckOpenMetrics wants a text that both parsers of Prometheus accept: HELP and TYPE before the
// samples of each family, no sample twice, no timestamp, "# EOF" as the last line.
func CheckOpenMetrics(stdout, stderr string) error {
	body, whole := strings.CutSuffix(stdout, "# EOF\n")
	if !whole || stderr != "" {
		return fmt.Errorf("no # EOF at the end, or standard error %q: %q", stderr, stdout)
	}
	family, seen := "", map[string]bool{}
	for line := range strings.Lines(body) {
		line = strings.TrimSuffix(line, "\n")
		if m := comment.FindStringSubmatch(line); m != nil {
			family = m[2] + m[3]
			if seen[m[1]] {
				return fmt.Errorf("again: %q", line)
			}
			seen[m[1]] = true
			continue
		}
		m := metric.FindStringSubmatch(line)
		if m == nil || m[1] != family || !seen["TYPE "+family+" gauge"] || seen[m[1]+m[2]] {
			return fmt.Errorf("line %q", line)
		}
		seen[m[1]+m[2]] = true
	}
	if !strings.Contains(body, "\nmailfresh_up{") {
		return errors.New("no mailfresh_up")
	}
	return nil
}
