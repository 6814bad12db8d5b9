package output

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"mailfresh/internal/nagios"
)

// timers is a run with a timer that hangs, and one that could not be looked at.
func timers() Run {
	labels := func(name string) []nagios.MetricLabel {
		return []nagios.MetricLabel{{Name: "timer", Value: name + ".timer"},
			{Name: "service", Value: name + ".service"}}
	}
	return Run{Check: "check_systemd_timer", Version: "1.0", Arguments: "--unit=a --unit=b",
		Result: nagios.Result{
			State: nagios.Critical, Summary: "a.service hangs",
			Totals: []nagios.Quantity{{Label: "timers", Value: 2}},
			Objects: []nagios.Object{
				{State: nagios.Critical, Name: "a.timer", Text: "a.service hangs",
					Notes: []string{"look at: journalctl"}, Detail: []string{"raw"},
					Labels: labels("a"), Quantities: []nagios.Quantity{
						{Label: "running", Metric: "running_seconds", Value: 43380.5,
							Unit: nagios.Seconds},
						{Label: "last_run", Value: 46980, Unit: nagios.Seconds},
						nagios.Timestamp("last_run_timestamp_seconds",
							time.Unix(1645501440, 250e6)),
						{Label: "missed", Metric: "missed_runs", Value: 12},
						{Metric: "last_duration_seconds", Value: math.NaN()},
						{Metric: "result_info", Value: 1,
							Labels: []nagios.MetricLabel{{Name: "result", Value: "success"}}},
					}},
				{State: nagios.Unknown, Name: "b.timer", Text: "no answer", Unseen: true},
			},
		}}
}

const timersOpenMetrics = `# HELP mailfresh_up 1 if the check could look at what it was asked for, 0 if it could not.
# TYPE mailfresh_up gauge
mailfresh_up{check="systemd_timer",arguments="--unit=a --unit=b"} 1
# HELP mailfresh_state State of the whole check: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.
# TYPE mailfresh_state gauge
mailfresh_state{check="systemd_timer",arguments="--unit=a --unit=b"} 2
# HELP mailfresh_object_up 1 if this object could be looked at, 0 if it could not.
# TYPE mailfresh_object_up gauge
mailfresh_object_up{check="systemd_timer",object="a.timer"} 1
mailfresh_object_up{check="systemd_timer",object="b.timer"} 0
# HELP mailfresh_timer_state State of the timer: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.
# TYPE mailfresh_timer_state gauge
mailfresh_timer_state{timer="a.timer",service="a.service"} 2
# HELP mailfresh_timer_missed_runs Runs that the schedule demanded since the latest run began and that did not begin.
# TYPE mailfresh_timer_missed_runs gauge
mailfresh_timer_missed_runs{timer="a.timer",service="a.service"} 12
# HELP mailfresh_timer_running_seconds How long the run in progress has lasted; absent between two runs.
# TYPE mailfresh_timer_running_seconds gauge
mailfresh_timer_running_seconds{timer="a.timer",service="a.service"} 43380.5
# HELP mailfresh_timer_last_run_timestamp_seconds When the last completed run ended, in seconds since 1970.
# TYPE mailfresh_timer_last_run_timestamp_seconds gauge
mailfresh_timer_last_run_timestamp_seconds{timer="a.timer",service="a.service"} 1645501440.25
# HELP mailfresh_timer_result_info 1, with the result that systemd has for the last run of the service.
# TYPE mailfresh_timer_result_info gauge
mailfresh_timer_result_info{timer="a.timer",service="a.service",result="success"} 1
# EOF`

const timersJSON = `{
 "check": "systemd_timer",
 "version": "1.0",
 "state": "CRITICAL",
 "summary": "a.service hangs",
 "objects": [
  {"name": "a.timer", "state": "CRITICAL", "text": "a.service hangs", "notes": ["look at: journalctl"], "timer": "a.timer", "service": "a.service", "running_seconds": 43380.5, "last_run_timestamp_seconds": 1645501440.25, "missed_runs": 12, "result": "success"},
  {"name": "b.timer", "state": "UNKNOWN", "text": "no answer", "notes": []}]
}`

func TestFormats(t *testing.T) {
	for _, test := range []struct {
		format Format
		exit   int
		want   string
	}{
		{OpenMetrics, 0, timersOpenMetrics},
		{JSON, 2, timersJSON},
		{Nagios, 2, "SYSTEMD_TIMER CRITICAL - a.service hangs | timers=2;;;0 a_timer_running=43380.5s;;;0 a_timer_last_run=46980s;;;0 a_timer_missed=12;;;0\n" +
			"[CRITICAL] a.timer: a.service hangs\n  look at: journalctl\n[UNKNOWN] b.timer: no answer"},
	} {
		got, exit := test.format.Render(timers(), 0)
		if diff := cmp.Diff(test.want, got); diff != "" || exit != test.exit {
			t.Errorf("%s: exit %d; want %d (-want +got):\n%s", test.format, exit, test.exit, diff)
		}
	}
}

func TestFormatText(t *testing.T) {
	for text, want := range map[string]Format{"nagios": Nagios, "JSON": JSON,
		"OpenMetrics": OpenMetrics, "xml": "", "": "", "prometheus": ""} {
		var got Format
		if err := got.UnmarshalText([]byte(text)); got != want || (err != nil) != (want == "") {
			t.Errorf("UnmarshalText(%q) = %q, %v; want %q", text, got, err, want)
		}
	}
}

// A value under the name of its own label, and two of the same name: the first.
func TestJSONNames(t *testing.T) {
	verdict := func(v string, n float64) nagios.Quantity {
		return nagios.Quantity{Metric: "answers", Value: n,
			Labels: []nagios.MetricLabel{{Name: "verdict", Value: v}}}
	}
	run := Run{Check: "check_mx_rcpt",
		Result: nagios.Result{Objects: []nagios.Object{{Name: "mx1", Detail: []string{"220 hi"},
			Quantities: []nagios.Quantity{verdict("accepted", 3), verdict("probe refused", 0),
				verdict("accepted", 5)}}}}}
	text := asJSON(run, 2)
	for _, want := range []string{`"answers_accepted": 3`, `"answers_probe_refused": 0`,
		`"detail": ["220 hi"]`} {
		if !strings.Contains(text, want) {
			t.Errorf("JSON has no %s:\n%s", want, text)
		}
	}
	if strings.Contains(text, "5") {
		t.Errorf("JSON has a member twice:\n%s", text)
	}
}

// Two samples under the same labels make a collector drop them all.
func TestSamplesAreUnique(t *testing.T) {
	run := timers()
	run.Result.Objects = append(run.Result.Objects, run.Result.Objects...)
	if got := asOpenMetrics(run); got != timersOpenMetrics {
		t.Errorf("objects that are listed twice:\n%s", got)
	}
}

func TestBounded(t *testing.T) {
	long := strings.Repeat("日本", 200)
	for in, want := range map[string]string{
		"":                        "",
		"/etc/aliases":            "/etc/aliases",
		"ümlaut 日本|<b>[OK]":       "ümlaut 日本|<b>[OK]",
		"a\nb\tc":                 `a` + "\n" + `b\x09c`,
		"nul\x00 esc\x1b del\x7f": `nul\x00 esc\x1b del\x7f`,
		"c1\u0085 bidi\u202e":     `c1\u0085 bidi\u202e`,
		"zero\u200b fill\u3164":   `zero\u200b fill\u3164`,
		"bad\xff\xfe":             `bad\xff\xfe`,
		"sep\u2028":               `sep\u2028`,
		"tag\U000e0041":           `tag\U000e0041`,
		// A name with a byte 0xff, and another one with these four letters, had one label: the
		// collector got the samples of the first alone.
		`bad\xff`:        `bad\x5cxff`,
		"\ue0041":        `\ue0041`,
		`\ue004 \U0001f`: `\x5cue004 \U0001f`,
		`C:\new \xfg \`:  `C:\new \xfg \`,
		long:             strings.Repeat("日本", 82) + "...50a0e5e6eb8b1d8b",
	} {
		got := bounded(in)
		if in == long { // the hash tells two apart
			if len(got) > maxValue || got == bounded(long+"x") || !utf8.ValidString(got) ||
				!strings.HasPrefix(got, long[:400]) {
				t.Errorf("bounded(long) = %q", got)
			}
			continue
		}
		if got != want {
			t.Errorf("bounded(%q) = %q; want %q", in, got, want)
		}
	}
}

// What comes from outside breaks neither format, whatever it is.
func FuzzFormats(f *testing.F) {
	f.Add("a.timer", "late", "--unit=a")
	f.Add("a\"\\\n}", "\xff\x00\u202e", "{x=\"y\"} 1\n# EOF")
	f.Fuzz(func(t *testing.T, name, text, arguments string) {
		run := timers()
		run.Arguments = arguments
		run.Result.Summary = text
		run.Result.Objects[0].Name, run.Result.Objects[0].Text,
			run.Result.Objects[0].Labels[0].Value = name, text, name
		got := asJSON(run, 2)
		if err := json.Unmarshal([]byte(got), new(any)); err != nil || !utf8.ValidString(got) {
			t.Errorf("JSON of %q: %v\n%s", name, err, got)
		}
		metrics := asOpenMetrics(run)
		if strings.Count(metrics, "\n") != strings.Count(timersOpenMetrics, "\n") &&
			name != "b.timer" {
			t.Errorf("OpenMetrics of %q:\n%s", name, metrics)
		}
		for _, line := range strings.Split(metrics, "\n") {
			if strings.ContainsFunc(line, hidden) || !utf8.ValidString(line) {
				t.Errorf("OpenMetrics has the line %q", line)
			}
		}
	})
}
