package output

import (
	"fmt"
	"strings"

	"mailfresh/internal/nagios"
)

// Format is how a result is printed.
type Format string

// The formats. OpenMetrics is a text that two parsers take: that of Prometheus' text format and
// that of OpenMetrics.
const (
	Nagios      Format = "nagios"
	JSON        Format = "json"
	OpenMetrics Format = "openmetrics"
)

// UnmarshalText reads nagios, json or openmetrics, in any case.
func (f *Format) UnmarshalText(text []byte) error {
	for _, known := range []Format{Nagios, JSON, OpenMetrics} {
		if strings.EqualFold(string(text), string(known)) {
			*f = known
			return nil
		}
	}
	return fmt.Errorf("%q is not a format: want nagios, json or openmetrics", text)
}

// Run is one run of a plugin and its result.
type Run struct {
	Check     string // the plugin's name: check_systemd_timer
	Version   string
	Arguments string // its arguments, as one text
	Result    nagios.Result
}

// Render writes the run in a format and returns the exit code. The code is the state, but 0 for
// OpenMetrics: readers of OpenMetrics take any other code for a failed job.
func (f Format) Render(run Run, verbosity int) (text string, exit int) {
	switch f {
	case JSON:
		return asJSON(run, verbosity), int(run.Result.State)
	case OpenMetrics:
		return asOpenMetrics(run), 0
	}
	name := strings.ToUpper(strings.TrimPrefix(run.Check, "check_"))
	return Text(name, run.Result, verbosity), int(run.Result.State)
}
