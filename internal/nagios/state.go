// Package nagios holds the words of the plugin interface: service states, threshold ranges,
// quantities, the judged object, and the result.
//
// It is pure: nothing here reads a clock, a file or an argument. Performance data is in base units,
// and its thresholds are plain numbers in the same unit (Monitoring Plugins development
// guidelines).
package nagios

import (
	"fmt"
	"slices"
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

// String returns the state in capitals, as it stands on line 1.
func (s State) String() string { return nagios.ExitCodeToStateLabel(int(s)) }

// severity orders states for a person: OK, WARNING, UNKNOWN, CRITICAL.
func (s State) severity() int { return slices.Index([]State{OK, Warning, Unknown, Critical}, s) }

// Compare orders states for sorting: negative if t is worse than s, positive if s is worse than t.
func (s State) Compare(t State) int { return s.severity() - t.severity() }

// Worst returns the worst of the states, OK if there is none.
func Worst(states ...State) State {
	return slices.MaxFunc(append([]State{OK}, states...), State.Compare)
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
