package main

import (
	"testing"
	"time"

	"mailfresh/internal/document"
	"mailfresh/internal/output"
	"mailfresh/internal/systemd"
)

const page = "../docs/check_systemd_timer.md"

// sample keeps what README.md or a page shows for a command.
func sample(t *testing.T, file, command string, verbose int, f facts) {
	t.Helper()
	f.host = host
	document.CompareSample(t, file, command,
		output.Text("SYSTEMD_TIMER", judge(optionsFor(t, ""), f, now), verbose))
}

// What README.md shows is what the plugin says.
func TestREADME(t *testing.T) {
	p := hourly(running("active", "running", 12*time.Hour+3*time.Minute))
	sample(t, "../README.md", "check_systemd_timer -u generate_vrts_aliases", 0,
		facts{timers: []systemd.Pair{p}, named: map[string]bool{"report.timer": true}})
}

// What the page shows, too.
func TestPage(t *testing.T) {
	named := map[string]bool{"report.timer": true}
	sample(t, page, "check_systemd_timer -u report", 0,
		facts{timers: []systemd.Pair{daily()}, named: named})
	sample(t, page, "check_systemd_timer -u report -v", 1,
		facts{timers: []systemd.Pair{daily()}, named: named})

	p := hourly(running("active", "running", 12*time.Hour+3*time.Minute))
	for command, seen := range map[string]*stuck{
		"sudo check_systemd_timer -u generate_vrts_aliases": listed(python()),
		"check_systemd_timer -u generate_vrts_aliases":      listed(python(nobody)),
	} {
		sample(t, page, command, 0, facts{timers: []systemd.Pair{p}, named: named,
			stuck: map[string]*stuck{p.Timer.Name: seen}})
	}

	bad := daily(failed("exit-code", 1, 203))
	bad.Timer.Name, bad.Asked = "backup.timer", nil
	good := daily()
	good.Asked = nil
	sample(t, page, "check_systemd_timer --all", 0,
		facts{timers: []systemd.Pair{good, bad}, whole: true})
}
