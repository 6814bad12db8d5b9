//go:build integration

package integration

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mailfresh/internal/nagios"
	"mailfresh/internal/plugintest"
)

// sample runs the plugins on nasty input and keeps what they say.
func sample(t *testing.T, n int) (all []plugintest.Outcome) {
	r, dir := rand.New(rand.NewPCG(plugintest.Seed(t), 7)), t.TempDir()
	run := func(env []string, name string, args ...string) {
		cmd := exec.Command(filepath.Join(bin, name), args...)
		cmd.Env = env
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Run(); err != nil && !errors.As(err, new(*exec.ExitError)) {
			t.Fatal(err)
		}
		all = append(all, plugintest.Outcome{Plugin: name, Exit: cmd.ProcessState.ExitCode(),
			Stdout: stdout.String(), Stderr: stderr.String()})
	}
	for i := range n {
		junk := plugintest.Junk(r)
		switch verbose := []string{"-t9", "-v", "-vv"}[i/3%3]; i % 3 {
		case 0:
			s, err := plugintest.PlaySMTP("127.0.0.1:0",
				"hello\nC: MAIL FROM:<>\nC: RCPT TO:<a@example.org>\nS: 250 ok\nS: "+[]string{"550",
					"450", "250", "550 5.7.1"}[i%4]+" "+junk)
			if err != nil {
				t.Fatal(err)
			}
			run(nil, "check_mx_rcpt", "-H", s.Addr, "-r", "a@example.org", verbose, "-w", "0.5",
				"-c", "@10:20")
			s.Close()
		case 1:
			file := filepath.Join(dir, strings.ReplaceAll(fmt.Sprintf("%d %.100s", i, junk), "/",
				"-"))
			if err := os.WriteFile(file, []byte(junk+": "+junk+"\n"+junk+"\na: b\nA: c\n"),
				0o644); err != nil {
				t.Fatal(err)
			}
			run(nil, "check_alias_freshness", "-f", file, "-c", "25h", "-w", "~:1h", "--format",
				"aliases", "--require", junk, verbose)
		case 2:
			text := "[job.timer]\nTimersMonotonic=OnUnitInactiveUSec 1h\nDescription=" + junk +
				"\nActiveEnterTimestamp=now-30d\nLastTriggerUSec=now-7m\n[job.service]\n" +
				"InactiveExitTimestamp=now-67m\nInactiveEnterTimestamp=now-65m\nConditionTimestamp=now-7m\nConditionResult=no\nConditions=ConditionPathExists=" + junk + " failed\n"
			s, err := plugintest.ParseSystemd(text, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			socket := filepath.Join(dir, "bus")
			stage, err := s.Listen(socket)
			if err != nil {
				t.Fatal(err)
			}
			run([]string{"DBUS_SYSTEM_BUS_ADDRESS=unix:path=" + socket}, "check_systemd_timer",
				"-u", "job", verbose)
			stage.Close()
		}
	}
	return all
}

// TestTortureMonitors has a real Icinga 2 and a real NRPE pass on what the plugins say of nasty
// input: state, text and performance data arrive as they were printed.
func TestTortureMonitors(t *testing.T) {
	const addr = "127.7.41.1"
	c, all := plugintest.NewTally(t, "output read by Icinga 2 and NRPE"),
		sample(t, 24*min(tortured(t), 5))
	var services, commands strings.Builder
	fmt.Fprintf(&services,
		"object Host \"torture\" { check_command = \"dummy\" }\nobject CheckCommand \"torture-replay\" { command = [ \"/run/torture/replay\" ]\n arguments = { n = { value = \"$n$\"; skip_key = true } } }\n")
	for i := range all {
		fmt.Fprintf(&services,
			"object Service \"s%d\" { host_name = \"torture\"\n check_command = \"torture-replay\"\n check_interval = 1d\n vars.n = \"%d\" }\n", i, i)
		fmt.Fprintf(&commands, "command[s%d]=/run/torture/replay %d\n", i, i)
	}
	m := newMonitor(t, newHost(t, "torture-monitor"), addr, services.String())
	m.must(t, "mkdir /run/torture")
	m.write(t, "/run/torture/replay",
		"#!/bin/sh\ncat /run/torture/$1; exit $(cat /run/torture/$1.exit)\n")
	m.must(t, "chmod 755 /run/torture/replay")
	for i, o := range all {
		m.write(t, fmt.Sprint("/run/torture/", i), o.Stdout)
		m.write(t, fmt.Sprint("/run/torture/", i, ".exit"), fmt.Sprint(o.Exit))
	}
	m.write(t, "/etc/nagios/nrpe.d/torture.cfg", commands.String())
	m.startNRPE(t, addr)
	m.checkNow(t, `match("torture!s*", service.__name)`)
	eventually(t, "Icinga has run all", 2*time.Minute,
		func() bool { return len(m.results(t)) >= len(all) })
	results := m.results(t)
	for i, o := range all {
		text, perfdata := split(o.Stdout)
		got := results[fmt.Sprintf("torture!s%d", i)]
		seen, want := strings.TrimSpace(got.Output), text
		var items []string
		if len(got.Perfdata) > 0 {
			m.parsed(t, got.Perfdata) // fails where Icinga cannot read one
			items = got.Perfdata
		}
		o.Stderr = ""
		if got.State != float64(o.Exit) || seen != want || !slices.Equal(items, perfdata) {
			o.Stderr = fmt.Sprintf("Icinga makes of it state %v, %q and %q", got.State, seen, items)
		}
		c.Judge(t, fmt.Sprint("Icinga, sample ", i), o, serviceLimits, nagios.State(o.Exit))
		out, errs, status := m.in("nagios", "/usr/lib/nagios/plugins/check_nrpe", "-H", addr, "-c",
			fmt.Sprint("s", i))
		o.Stderr = ""
		if out != o.Stdout || status != o.Exit {
			o.Stderr = fmt.Sprintf("NRPE makes of it %d and %q %s", status, out, errs)
		}
		c.Judge(t, fmt.Sprint("NRPE, sample ", i), o, serviceLimits, nagios.State(o.Exit))
	}
}

// split takes an output apart as Icinga does: the text, with the blank before the pipe, and the
// items of performance data.
func split(output string) (text string, items []string) {
	line, rest, _ := strings.Cut(strings.TrimSuffix(output, "\n"), "\n")
	line, data, found := strings.Cut(line, "|")
	if found {
		items = strings.Fields(data)
	}
	return strings.TrimSpace(line + "\n" + rest), items
}
