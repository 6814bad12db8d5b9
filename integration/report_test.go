//go:build integration || bench

package integration

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// reportRows are the tests of docs/releases.md, in its order. A run of all tests that has a number
// for each on all usual releases is whole, and writes the page.
var reportRows = []string{
	"timer scripts, as root and as nagios",
	"calendar events, beside systemd-analyze",
	"alias files of exim", "alias files of postfix-aliases", "alias files of postfix-map",
	"alias files of sendmail", "alias files of opensmtpd-db",
	"tables of opensmtpd's smtpd",
	"compiled maps",
	"RCPT scenarios", "RCPT scenarios of OpenSMTPD and Sendmail",
	"Icinga 2: services by the shipped definitions",
	"NRPE: commands of the shipped snippet",
	"Nagios: checks by the shipped commands",
}

// reportPrograms are the programs of that page: what is installed in which kind of root.
var reportPrograms = []struct{ name, kind, pkg string }{
	{"systemd", "", "systemd"},
	{"tzdata", "", "tzdata"},
	{"Exim", "exim", "exim4-daemon-light"},
	{"Postfix", "postfix", "postfix"},
	{"OpenSMTPD", "opensmtpd", "opensmtpd"},
	{"Sendmail", "sendmail", "sendmail-bin"},
	{"Icinga 2", "monitor", "icinga2-bin"},
	{"NRPE", "monitor", "nagios-nrpe-server"},
	{"Nagios", "monitor", "nagios4-core"},
}

// reported has what tests told: row, then suite.
var reported struct {
	sync.Mutex
	cells    map[string]map[string]string
	versions map[string]map[string]string
}

// report tells what a test has tried on the release.
func (r release) report(t testing.TB, row, cell string) {
	t.Helper()
	if !slices.Contains(reportRows, row) {
		t.Fatalf("docs/releases.md has no row %q", row)
	}
	if chosen() {
		return
	}
	reported.Lock()
	defer reported.Unlock()
	note(&reported.cells, row, r.suite, cell)
	for _, p := range reportPrograms {
		if _, known := reported.versions[p.name][r.suite]; !known {
			note(&reported.versions, p.name, r.suite, r.version(t, p.kind, p.pkg))
		}
	}
}

func note(table *map[string]map[string]string, row, column, cell string) {
	if *table == nil {
		*table = map[string]map[string]string{}
	}
	if (*table)[row] == nil {
		(*table)[row] = map[string]string{}
	}
	(*table)[row][column] = cell
}

// chosen reports whether go test runs some of the tests only.
func chosen() bool {
	return flag.Lookup("test.run").Value.String()+flag.Lookup("test.skip").Value.String() != ""
}

// writeReport writes docs/releases.md if the run was whole, and says if it did.
func writeReport() (whole bool, err error) {
	for _, row := range reportRows {
		if len(reported.cells[row]) < len(usualReleases) {
			return false, nil
		}
	}
	var page strings.Builder
	fmt.Fprintf(&page,
		"# Releases\n\nThe plugins are tried against the programs of each Debian release "+
			"they are used on, by\n`make integration` as root. The last whole run, which wrote this page, was "+
			"on %s.\n\n", time.Now().UTC().Format(time.DateOnly))
	names := []string{"Debian 12 (bookworm)", "Debian 13 (trixie)", "unstable (sid)"}
	table := func(title string, rows []string, cells map[string]map[string]string) {
		fmt.Fprintf(&page, "| %s | %s |\n|---|---|---|---|\n", title, strings.Join(names, " | "))
		for _, row := range rows {
			fmt.Fprintf(&page, "| %s |", row)
			for _, suite := range usualReleases {
				fmt.Fprintf(&page, " %s |", cells[row][suite])
			}
			page.WriteString("\n")
		}
		page.WriteString("\n")
	}
	var programs []string
	for _, p := range reportPrograms {
		programs = append(programs, p.name)
	}
	table("program", programs, reported.versions)
	table("tried, none wrong", reportRows, reported.cells)
	page.WriteString("Where releases differ, the expectation of the test says so beside the common one: " +
		"steps of days over\nNew Year (systemd 252), a second separator, comments behind values and " +
		"joined lines in OpenSMTPD's\n" +
		"makemap (6.8), no makemap at all (sid), no TLS handshake that ends well in OpenSMTPD 6.8.\n")
	return true, os.WriteFile("../docs/releases.md", []byte(page.String()), 0o644)
}
