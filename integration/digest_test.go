//go:build integration

package integration

import (
	"strings"
	"testing"
)

// The services of two hosts say which entries their files hold. One that differs
// is CRITICAL, and both are named.
func TestSameAliases(t *testing.T) {
	t.Parallel()
	m := newMonitor(t, newHost(t, "digests"), "127.7.60.1", `
object Host "mx1001" { check_command = "dummy" }
object Host "mx2001" { check_command = "dummy" }
object Host "mx3001" { check_command = "dummy" }
for (name => digest in { "mx1001" = "1111111111111111", "mx2001" = "2222222222222222" }) {
	object Service "alias_freshness-vrts" use(name, digest) {
		host_name = name
		check_command = "dummy"
		vars.dummy_text = "ALIAS_FRESHNESS OK - fresh\n[OK] fresh\n  2 entries, digest " + digest
	}
	object Service "alias_freshness-same" use(name, digest) {
		host_name = name
		check_command = "dummy"
		vars.dummy_text = "ALIAS_FRESHNESS OK - fresh\n[OK] fresh\n  2 entries, digest 3333333333333333"
	}
}
object Host "example.org" {
	check_command = "dummy"
	vars.same_aliases["vrts"] = { hosts = [ "mx1001", "mx2001" ], service = "alias_freshness-vrts" }
	vars.same_aliases["same"] = { hosts = [ "mx1001", "mx2001" ], service = "alias_freshness-same" }
	vars.same_aliases["gone"] = { hosts = [ "mx1001", "mx3001" ], service = "alias_freshness-same" }
}
object Host "all" {
	check_command = "dummy"
	vars.all_timers = { systemd_timer_exclude = [ "apt-*" ] }
}
`)
	for _, service := range []string{"mx1001!alias_freshness-vrts", "mx2001!alias_freshness-vrts",
		"mx1001!alias_freshness-same", "mx2001!alias_freshness-same"} {
		m.check(t, service)
	}
	for _, test := range []struct {
		service string
		state   int
		want    string
	}{
		{"vrts", 2, "the hosts hold different entries (mx1001: 1111111111111111, mx2001: 2222222222222222)"},
		{"same", 0, "the hosts hold the same entries (mx1001: 3333333333333333, mx2001: 3333333333333333)"},
		{"gone", 3, "not every host says what it holds (mx1001: 3333333333333333, mx3001: no digest)"},
	} {
		if r := m.check(t, "example.org!same_aliases-"+test.service); int(r.State) != test.state ||
			!strings.Contains(r.Output, test.want) {
			t.Errorf("%s: state %v, %q; want %v, %q", test.service, r.State, r.Output, test.state,
				test.want)
		}
	}
	if r := m.check(t, "all!systemd_timers"); !strings.HasPrefix(r.Output, "SYSTEMD_TIMER ") ||
		!strings.Contains(r.Output, "timers") {
		t.Errorf("all timers of a host: %q", r.Output)
	}
}
