//go:build integration

package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The jq programs of docs/other-systems.md read what the plugins print.
func TestOtherSystems(t *testing.T) {
	need(t, "/usr/bin/jq")
	page, err := os.ReadFile("../docs/other-systems.md")
	if err != nil {
		t.Fatal(err)
	}
	out, _ := exec.Command(filepath.Join(bin, "check_alias_freshness"), "-f", "/no/such", "-f",
		"/etc/passwd", "-c", "1000w",
		"--output-format=json").Output()
	programs := regexp.MustCompile(`jq (-r|-c) '([^']+)'`).FindAllStringSubmatch(string(page), -1)
	want := map[string]string{
		"-r": "2 \"/no/such\" missed=0 /no/such is missing\n0 \"/etc/passwd\" missed=0 /etc/passwd was last written",
		"-c": `[{"{#TIMER}":"/no/such"},{"{#TIMER}":"/etc/passwd"}]`,
	}
	if len(programs) != len(want) {
		t.Fatalf("%d programs; want %d", len(programs), len(want))
	}
	for _, p := range programs {
		jq := exec.Command("jq", p[1], p[2])
		jq.Stdin = strings.NewReader(string(out))
		got, err := jq.CombinedOutput()
		if err != nil || !strings.HasPrefix(string(got), want[p[1]]) {
			t.Errorf("jq %s: %v, %s; want %s", p[2], err, got, want[p[1]])
		}
	}
}

// The alert rules, by Prometheus' own test of rules.
func TestAlertRules(t *testing.T) {
	need(t, "/usr/bin/promtool")
	for _, args := range [][]string{{"check", "rules", "mailfresh.rules.yml"},
		{"test", "rules", "mailfresh_test.yml"}} {
		cmd := exec.Command("promtool", args...)
		cmd.Dir = "../contrib/prometheus"
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v\n%s", args, err, out)
		}
	}
}
