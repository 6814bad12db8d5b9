// Package nagios holds the words of the plugin interface: service states,
// threshold ranges, performance data, and the text of a result.
//
// It is pure: nothing here reads a clock, a file or an argument. The rules it
// keeps are those of the Monitoring Plugins development guidelines and of what
// Icinga 2, Nagios and NRPE do with the text:
//
//   - Line 1 is "NAME STATE - summary | perfdata", under 1000 bytes, because an
//     NRPE v2 packet holds 1023. The whole is under 8 KiB.
//   - "|" stands once, on line 1: Icinga cuts every line at a "|" with a "="
//     behind it, so remote text could forge performance data.
//   - All text passes one sanitiser (see clean).
//   - Performance data is in base units, its thresholds are plain numbers.
package nagios

import (
	"fmt"
	"strings"

	"github.com/atc0005/go-nagios"
)

// State is a service state; its number is the exit code.
type State int

// The four service states.
const (
	OK       State = State(nagios.StateOKExitCode)
	Warning  State = State(nagios.StateWARNINGExitCode)
	Critical State = State(nagios.StateCRITICALExitCode)
	Unknown  State = State(nagios.StateUNKNOWNExitCode)
)

// String gives the state in capitals, as it stands on line 1.
func (s State) String() string { return nagios.ExitCodeToStateLabel(int(s)) }

// severity orders states for a person: OK, WARNING, UNKNOWN, CRITICAL.
func (s State) severity() int {
	switch s {
	case OK:
		return 0
	case Warning:
		return 1
	case Critical:
		return 3
	}
	return 2
}

// Worse reports whether s is worse than t in the order OK, WARNING, UNKNOWN,
// CRITICAL.
func (s State) Worse(t State) bool { return s.severity() > t.severity() }

// Worst gives the worst of the states, OK if there is none.
func Worst(states ...State) State {
	worst := OK
	for _, s := range states {
		if s.Worse(worst) {
			worst = s
		}
	}
	return worst
}

// UnmarshalText reads ok, warning, critical or unknown, in any case.
func (s *State) UnmarshalText(text []byte) error {
	for _, state := range []State{OK, Warning, Critical, Unknown} {
		if strings.EqualFold(string(text), state.String()) {
			*s = state
			return nil
		}
	}
	return fmt.Errorf("%q is not a state: want ok, warning, critical or unknown", text)
}
