//go:build integration

package integration

import (
	"fmt"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	icingaAddr = "127.7.41.1"

	// The hosts of the shipped example services: one for each way.
	icingaHosts = `
object Host "argv" { check_command = "dummy" }
object Host "direct" {
	check_command = "dummy"
	vars.systemd_timer["generate_vrts_aliases"] = {}
	vars.alias_freshness["vrts"] = {
		alias_freshness_file = [ "/etc/exim4/vrts_aliases" ]
		alias_freshness_timer = "generate_vrts_aliases"
	}
	vars.mx_rcpt["queues"] = {
		mx_rcpt_hostname = [ "` + icingaAddr + `" ]
		mx_rcpt_recipient = [ "dcw@example.org" ]
	}
}
object Host "agent" {
	check_command = "dummy"
	zone = NodeName
	vars.agent_endpoint = NodeName
	vars.systemd_timer["generate_vrts_aliases"] = { systemd_timer_verbose = 2 }
	vars.alias_freshness["absent"] = {
		alias_freshness_file = [ "/etc/absent" ]
		alias_freshness_critical = "25h"
	}
}
object Host "nrpe" {
	check_command = "dummy"
	address = "` + icingaAddr + `"
	vars.nrpe_commands = [ %s ]
}
`
	icingaTimer   = "[Timer]\nOnCalendar=03:00\n"
	icingaService = "[Service]\nType=oneshot\nExecStart=/bin/true\n"
)

type vars map[string]any

// argvTests are what an operator may write into a service's variables, what the plugin is to be
// called with, and the state it gives.
var argvTests = []struct {
	command string
	vars    vars
	argv    []string
	state   float64
	says    string
}{
	// arrays repeat, blanks and quotes stay, $$ is Icinga's way to write $
	{"systemd_timer", vars{"unit": []string{"one", "two words"}},
		[]string{"--unit", "one", "--unit", "two words"}, 3, "option --unit"},
	{"systemd_timer", vars{"unit": `a'b"c\$$(id);é*`}, []string{"--unit", `a'b"c\$(id);é*`}, 2,
		`a'b"c\\$(id);é*.timer: no timer matches`},
	{"systemd_timer", vars{"unit": "absent"}, []string{"--unit", "absent"}, 2, "absent.timer"},
	{"systemd_timer", vars{"all": true, "exclude": []string{"a*", "?"}},
		[]string{"--all", "--exclude", "a*", "--exclude", "?"}, 0, "timers"},
	{"mx_rcpt", vars{"hostname": "127.7.41.9:1", "from": []string{"<>", "a@b.example"},
		"recipient": []string{"x@y.example"}},
		[]string{"--from", "<>", "--from", "a@b.example", "--hostname", "127.7.41.9:1",
			"--recipient", "x@y.example"}, 2, "refused"},

	{"alias_freshness", vars{"file": []string{"/etc/absent 1", "/etc/absent 2"}, "critical": "1h"},
		[]string{"--critical", "1h", "--file", "/etc/absent 1", "--file", "/etc/absent 2"}, 2,
		"/etc/absent 1"},

	// numbers
	{"alias_freshness", vars{"file": "/etc/hostname", "warning": 0.5},
		[]string{"--file", "/etc/hostname", "--warning", "0.500000"}, 1, "hostname"},
	{"systemd_timer", vars{"all": true, "missed_warning": 0.5, "missed_critical": 3},
		[]string{"--all", "--missed-critical", "3", "--missed-warning", "0.500000"}, 0, "timers"},
	{"mx_rcpt", vars{"hostname": "127.7.41.9", "port": 1, "recipient": "x@y.example",
		"warning": 0.5, "timeout": 2.5},
		[]string{"--hostname", "127.7.41.9", "--port", "1", "--recipient", "x@y.example",
			"--timeout", "2.500000", "--warning", "0.500000"}, 2, "refused"},

	// what starts with - is a value all the same
	{"systemd_timer", vars{"unit": "daily", "warning": "-5:", "critical": "-10:10d"},
		[]string{"--critical", "-10:10d", "--unit", "daily", "--warning", "-5:"}, 0, "daily"},
	{"systemd_timer", vars{"unit": "-x"}, []string{"--unit", "-x"}, 2, "-x.timer"},
	{"mx_rcpt", vars{"hostname": "--lmtp", "recipient": "-r@y.example"},
		[]string{"--hostname", "--lmtp", "--recipient", "-r@y.example"}, 3, "--"},

	// nothing: the plugin says so
	{"systemd_timer", nil, nil, 3, "nothing to check"},
	{"systemd_timer", vars{"unit": []string{}}, nil, 3, "nothing to check"},
	{"systemd_timer", vars{"unit": ""}, []string{"--unit", ""}, 3,
		"option --unit: the value is empty"},
	{"systemd_timer", vars{"unit": []string{"daily", ""}},
		[]string{"--unit", "daily", "--unit", ""}, 3, "option --unit: the value is empty"},
	{"systemd_timer", vars{"unit": "daily", "warning": ""},
		[]string{"--unit", "daily", "--warning", ""}, 3, "option --warning: the value is empty"},
	{"alias_freshness", vars{"file": []string{}, "warning": "1h"}, []string{"--warning", "1h"}, 3,
		"nothing to check"},
	{"alias_freshness", vars{"file": "/etc/hostname", "warning": "1h", "format": "exim",
		"require": []string{""}},
		[]string{"--file", "/etc/hostname", "--format", "exim", "--require", "", "--warning", "1h"},
		3, "option --require: the value is empty"},
	{"mx_rcpt", vars{"recipient": []string{}}, nil, 3, "nothing to check"},
	{"mx_rcpt", vars{"recipient": []string{""}}, []string{"--recipient", ""}, 3,
		"option --recipient: the value is empty"},

	// flags, and the one that counts
	{"systemd_timer", vars{"all": false}, nil, 3, "nothing to check"},
	{"systemd_timer", vars{"unit": "daily", "verbose": true},
		[]string{"--unit", "daily", "--verbose"}, 0, "[OK] daily.timer"},
	{"systemd_timer", vars{"unit": "daily", "verbose": "1"},
		[]string{"--unit", "daily", "--verbose"}, 0, "[OK] daily.timer"},
	{"systemd_timer", vars{"unit": "daily", "verbose": 2},
		[]string{"--unit", "daily", "--verbose", "-v"}, 0, "LoadState"},
	{"systemd_timer", vars{"unit": "daily", "verbose": 0}, []string{"--unit", "daily"}, 0, "daily"},
}

// TestIcinga runs the shipped definitions in the real Icinga 2 and the real NRPE of each release.
func TestIcinga(t *testing.T) {
	t.Parallel()
	everyRelease(t, testIcinga)
}

func testIcinga(t *testing.T, r release) {
	commands := nrpeCommands(t)
	m := newMonitor(t, r.host(t, "monitor", "monitor"), icingaAddr,
		fmt.Sprintf(icingaHosts, `"`+strings.Join(commands, `", "`)+`"`))
	for name, text := range map[string]string{"daily.timer": icingaTimer,
		"daily.service": icingaService, "generate_vrts_aliases.timer": icingaTimer,
		"generate_vrts_aliases.service": icingaService} {
		m.write(t, "/etc/systemd/system/"+name, text)
	}
	m.must(t, "systemctl daemon-reload && systemctl start daily.timer generate_vrts_aliases.timer")
	m.startNRPE(t, icingaAddr)

	r.report(t, "Icinga 2: services by the shipped definitions",
		strconv.Itoa(len(argvTests)+len(serviceTests)))
	r.report(t, "NRPE: commands of the shipped snippet", strconv.Itoa(len(commands)))
	t.Run("argv", func(t *testing.T) { testArgv(t, m) })
	t.Run("services", func(t *testing.T) { testServices(t, m) })
	t.Run("nrpe", func(t *testing.T) { testNRPE(t, m, commands) })
	t.Run("nagios", func(t *testing.T) { testNagios(t, m) })
	t.Run("negate", func(t *testing.T) { testNegate(t, m) })
}

// nrpeCommands are the names that the shipped snippet defines.
func nrpeCommands(t *testing.T) (names []string) {
	t.Helper()
	text, err := os.ReadFile("../contrib/nrpe/mailfresh.cfg")
	if err != nil {
		t.Fatal(err)
	}
	for _, match := range regexp.MustCompile(`(?m)^command\[(.*?)\]=`).
		FindAllStringSubmatch(string(text), -1) {
		names = append(names, match[1])
	}
	if len(names) < 5 {
		t.Fatalf("contrib/nrpe/mailfresh.cfg defines %q", names)
	}
	return names
}

func testArgv(t *testing.T, m *monitor) {
	for i, test := range argvTests {
		all := vars{}
		for name, value := range test.vars {
			all[test.command+"_"+name] = value
		}
		service := fmt.Sprint("argv!", i)
		m.ask(t, "PUT", "objects/services/"+service,
			map[string]any{"attrs": map[string]any{"check_command": test.command, "vars": all}},
			&[]any{})
		got := m.check(t, service)
		argv, _ := got.Command.([]any)
		want := []any{path.Join("/usr/lib/nagios/plugins", "check_"+test.command)}
		for _, arg := range test.argv {
			want = append(want, arg)
		}
		if !slices.Equal(argv, want) || got.State != test.state ||
			!strings.Contains(got.Output, test.says) {
			t.Errorf("%s %v: called %q; want %q; state %v; want %v; says %q; want %q", test.command,
				test.vars, argv, want, got.State, test.state, got.Output, test.says)
		}
	}
}

// serviceTests are services by each way that the example services take.
var serviceTests = []struct {
	service string
	state   float64
	says    string
}{
	{"direct!systemd_timer-generate_vrts_aliases", 0, "generate_vrts_aliases"},
	{"direct!alias_freshness-vrts", 2, "/etc/exim4/vrts_aliases"},
	{"direct!mx_rcpt-queues", 2, "MX_RCPT CRITICAL - "},
	{"agent!systemd_timer-generate_vrts_aliases", 0, "LoadState"},
	{"agent!alias_freshness-absent", 2, "/etc/absent"},
	{"nrpe!mailfresh_vrts_aliases", 2, "/etc/exim4/vrts_aliases"},
	{"nrpe!mailfresh_vrts_timer", 0, "generate_vrts_aliases"},
}

func testServices(t *testing.T, m *monitor) {
	for _, test := range serviceTests {
		if got := m.check(t, test.service); got.State != test.state ||
			!strings.Contains(got.Output, test.says) {
			t.Errorf("%s: state %v; want %v; says %q; want %q", test.service, got.State, test.state,
				got.Output, test.says)
		}
	}
	direct, nrpe := m.check(t, "direct!systemd_timer-generate_vrts_aliases"),
		m.check(t, "nrpe!mailfresh_vrts_timer")
	steady := func(r checkResult) string {
		return regexp.MustCompile(`[0-9]+`).
			ReplaceAllString(fmt.Sprintf("%v %q %q", r.State, r.Output, r.Perfdata), "N")
	}
	if steady(direct) != steady(nrpe) || len(direct.Perfdata) == 0 {
		t.Errorf("directly %s\nby NRPE  %s; want the same, but for the time", steady(direct),
			steady(nrpe))
	}
	if values := m.parsed(t, nrpe.Perfdata); values["next"] <= 0 || values["next"] > 86400 {
		t.Errorf("Icinga reads the performance data %q as %v; want next in 0 to 86400",
			nrpe.Perfdata, values)
	}
}

// testNRPE runs each command of the snippet: what it checks may be missing here, but NRPE has to
// know it, and the plugin its options.
func testNRPE(t *testing.T, m *monitor, commands []string) {
	for _, command := range commands {
		got := m.check(t, "nrpe!"+command)
		state := []string{"OK", "WARNING", "CRITICAL", "UNKNOWN"}[int(got.State)]
		label := regexp.MustCompile(`^(SYSTEMD_TIMER|ALIAS_FRESHNESS|MX_RCPT) ` + state + ` - `)
		if !label.MatchString(got.Output) || strings.Contains(got.Output, "--help") {
			t.Errorf("%s: state %v; says %q", command, got.State, got.Output)
		}
	}
}

// testNagios runs each command line of the Nagios snippet through sh(1), as Nagios does.
func testNagios(t *testing.T, m *monitor) {
	snippet, err := os.ReadFile("../contrib/nagios/mailfresh.cfg")
	if err != nil {
		t.Fatal(err)
	}
	commands := regexp.MustCompile(`(?m)^    command_name +(.*)\n    command_line +(.*)$`).
		FindAllStringSubmatch(string(snippet), -1)
	arguments := map[string][]string{
		"check_systemd_timer":       {"daily"},
		"check_systemd_timer_age":   {"daily", "~:25h", "@0:10"},
		"check_systemd_timer_all":   {},
		"check_alias_freshness":     {"/etc/aliases; id", "aliases", "daily"},
		"check_alias_freshness_age": {"/etc/no*", "exim", "~:25h", "2d"},
		"check_mx_rcpt":             {"x+y#z@y.example"},
		"check_mx_rcpt_domain":      {"x@y.invalid", "z@y.invalid"},
	}
	if len(commands) != len(arguments) {
		t.Errorf("contrib/nagios/mailfresh.cfg defines %d commands; want %d", len(commands),
			len(arguments))
	}
	for _, match := range commands {
		name, line := match[1], strings.NewReplacer("$USER1$", "/usr/lib/nagios/plugins",
			"$HOSTADDRESS$", "127.7.41.9").Replace(match[2])
		for i, value := range arguments[name] {
			line = strings.ReplaceAll(line, fmt.Sprintf("$ARG%d$", i+1), value)
		}
		free := fmt.Sprintf("$ARG%d$", len(arguments[name])+1) // further options
		if !strings.HasSuffix(line, " "+free) {
			t.Errorf("%s: %s: want %s in the end", name, line, free)
		}
		line = strings.TrimSuffix(line, free) + "--timeout 8"
		out, errs, status := m.in("nagios", "sh", "-c", line)
		label := strings.ToUpper(strings.TrimPrefix(regexp.MustCompile(`check_[a-z]+_[a-z]+`).
			FindString(name), "check_"))
		if status < 0 || status > 3 || !strings.HasPrefix(out, label) ||
			strings.Contains(out, "--help") || strings.Contains(line, "$ARG") || errs != "" {
			t.Errorf("%s: %s: exit status %d, says %q%q", name, line, status, out, errs)
		}
	}
}

// testNegate: negate(1) replaces the state in the text; it finds one word in capitals, the right
// one.
func testNegate(t *testing.T, m *monitor) {
	const dir = "/usr/lib/nagios/plugins/"
	for _, test := range []struct {
		plugin []string
		status int
		line   string
	}{
		{[]string{"check_systemd_timer", "-u", "absent"}, 0, "SYSTEMD_TIMER OK - absent.timer"},
		{[]string{"check_systemd_timer", "-u", "daily"}, 2, "SYSTEMD_TIMER CRITICAL - "},
		{[]string{"check_alias_freshness", "-f", "/etc/absent", "-c", "1h"}, 0,
			"ALIAS_FRESHNESS OK - /etc/absent"},
		{[]string{"check_mx_rcpt", "-H", "127.7.41.9:1", "-r", "x@y.example"}, 0, "MX_RCPT OK - "},
	} {
		out, errs, status := m.in("nagios",
			append([]string{dir + "negate", "-s", dir + test.plugin[0]}, test.plugin[1:]...)...)
		words := regexp.MustCompile(`\b(OK|WARNING|CRITICAL|UNKNOWN)\b`).
			FindAllString(firstLine(out), -1)
		if status != test.status || !strings.HasPrefix(out, test.line) || len(words) != 1 {
			t.Errorf("negate -s %q: status %d; want %d; says %q%q; want %q and one state",
				test.plugin, status, test.status, out, errs, test.line)
		}
	}
}
