package plugintest

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestParseSystemd(t *testing.T) {
	now := time.Date(2022, 2, 22, 16, 47, 0, 0, time.UTC)
	s, err := ParseSystemd("# comment\n[a.timer]\nLastTriggerUSec=now-12h3m\nAccuracyUSec=1h30min\n[a.timer 2]\nSubState=elapsed\n", now)
	if err != nil {
		t.Fatal(err)
	}
	u := s.units["a.timer"]
	want := uint64(time.Date(2022, 2, 22, 4, 44, 0, 0, time.UTC).UnixMicro())
	if got := u.versions[0]["LastTriggerUSec"]; got != want {
		t.Errorf("LastTriggerUSec = %v; want %v", got, want)
	}
	if got := u.versions[0]["AccuracyUSec"]; got != uint64(5400e6) {
		t.Errorf("AccuracyUSec = %v; want 5400 s", got)
	}
	if u.versions[0]["SubState"] != "waiting" || u.versions[1]["SubState"] != "elapsed" ||
		u.versions[1]["Unit"] != "a.service" {
		t.Errorf("versions = %v; want waiting, then elapsed", u.versions)
	}
}

func TestParseSystemdErrors(t *testing.T) {
	for text, want := range map[string]string{
		"SubState=x":                       "line 1",
		"[a.timer]\nnonsense":              "line 2",
		"[a.timer]\nNoSuchProperty=1":      "unknown property",
		"[a.timer]\nMainPID=1":             "unknown property",
		"[a.timer]\n[a.timer]":             "second section",
		"[a.timer 2]":                      "versions",
		"[a.timer]\nLastTriggerUSec=now*2": "no instant",
		"[a.timer]\nAccuracyUSec=3 parsec": "no duration",
		"[a.timer]\nJob=soon":              "line 2",
	} {
		if _, err := ParseSystemd(text, time.Now()); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("ParseSystemd(%q) = %v; want %q", text, err, want)
		}
	}
}

func TestParseDuration(t *testing.T) {
	for text, want := range map[string]uint64{"": 0, "90": 90e6, "1d2h": 93600e6,
		"1h 30min": 5400e6, "5ms": 5000, "infinity": math.MaxUint64} {
		if got, err := parseDuration(text); got != want || err != nil {
			t.Errorf("parseDuration(%q) = %d, %v; want %d", text, got, err, want)
		}
	}
}

func TestSystemdCommand(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata", Cmds: Commands})
}
