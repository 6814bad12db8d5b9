package systemd

import (
	"math"
	"time"
)

// Infinity is the duration of a limit that is set to "infinity".
const Infinity time.Duration = math.MaxInt64

// Host is the facts about the manager and the clocks. OnBootSec= and similar lines count on
// CLOCK_MONOTONIC, which showed t.Sub(MonotonicZero) at an instant t of this boot, if the host was
// not suspended since t.
type Host struct {
	Boot                  time.Time      // OnBootSec= counts from it; in a container ManagerStart
	ManagerStart          time.Time      // OnStartupSec= counts from it
	MonotonicZero         time.Time      // now minus CLOCK_MONOTONIC
	ManagerStartMonotonic time.Duration  // ManagerStart on CLOCK_MONOTONIC; 0: not known
	Asleep                time.Duration  // how long the host was suspended since it booted
	Zone                  *time.Location // for calendar events without a time zone
}

// Pair is a timer and the unit it starts, read together.
type Pair struct {
	Asked   []string // the names it was read by; one of them is Timer.Name unless all are aliases
	Timer   Timer
	Service Service // zero if the timer names no unit, for example because it is not loaded
	Partial bool    // only the fields that ReadPartial names are known
	Slices  []Slice // of Service, the innermost first; nil if Service cannot wait for them
	Err     error   // why the pair could not be read; then only Asked and Timer.Name are known
}

// Slice is a slice in which a service is frozen, or in which its start job may have to wait
// (systemd.slice(5)).
type Slice struct {
	Name          string
	FreezerState  string
	SoftMax       uint32 // ConcurrencySoftMax= (258): units that may be active; 0: no limit
	ActivatingMax uint32 // ActivatingConcurrencyMax= (262): units activating; 0: no limit
	Active        uint32 // units in the slice that are active or activating now
}

// Unit is the facts that every unit has. A unit that does not exist is no error: its LoadState is
// "not-found". An instant is the zero Time if the event never happened, or if this systemd does not
// know it.
type Unit struct {
	Name      string
	LoadState string // loaded, not-found, bad-setting, error, masked
	LoadError string // why LoadState is not "loaded", in systemd's words
	// active, activating, deactivating, inactive, failed, reloading, maintenance, refreshing (262)
	ActiveState string
	SubState    string // of a timer: dead, waiting, running, elapsed, failed
	// running, freezing, frozen, thawing; of a frozen slice (257) frozen-by-parent, ...
	FreezerState     string
	UnitFileState    string // enabled, disabled, static, masked, ...; empty when there is no file
	NeedDaemonReload bool   // the unit's files were changed since they were read

	// Up to systemd 256 a restart by Restart= passes through inactive: InactiveExit and
	// InactiveEnter are of the latest attempt. From 257 on, and with RestartMode=direct, they are
	// of the whole run; Service.ExecMainStart is of the latest attempt.
	InactiveExit  time.Time // it left inactive: the latest run began
	InactiveEnter time.Time // it became inactive or failed: the latest completed run ended
	ActiveEnter   time.Time // it became active: the latest run was up
	StateChange   time.Time // ActiveState or SubState changed

	// The same on CLOCK_MONOTONIC, which stops while the host is suspended; 0 if the event was not
	// in this boot, and in a partial pair.
	InactiveExitMonotonic  time.Duration
	InactiveEnterMonotonic time.Duration
	ActiveEnterMonotonic   time.Duration

	// The same as the wall clock showed it then: calendar entries count from that.
	InactiveEnterWall time.Time
	ActiveEnterWall   time.Time

	ConditionResult bool      // valid if ConditionTime is not zero
	ConditionTime   time.Time // conditions were last checked
	// Condition*=, in the order of the unit's files; after a daemon-reload without State
	Conditions   []Condition
	AssertResult bool        // valid if AssertTime is not zero
	AssertTime   time.Time   // asserts were last checked
	Asserts      []Condition // Assert*=, in the order of the unit's files

	Job *Job // the waiting or running job of this unit; nil: none
}

// Condition is one Condition*= or Assert*= line of a unit (systemd.unit(5)).
type Condition struct {
	Type    string // ConditionPathExists, AssertPathIsDirectory, ...
	Param   string
	Trigger bool  // one of several alternatives, written with "|"
	Negate  bool  // written with "!"
	State   int32 // how the last check went: 1 true, 0 not checked, -1 false
}

// String returns the condition as a unit file has it: ConditionPathExists=!/run/x.
func (c Condition) String() string {
	s := c.Type + "="
	if c.Trigger {
		s += "|"
	}
	if c.Negate {
		s += "!"
	}
	return s + c.Param
}

// Job is a job in systemd's queue.
type Job struct {
	ID    uint32
	Unit  string
	Type  string // start, stop, restart, ...
	State string // waiting, running

	// The jobs that a waiting job waits for (GetJobBefore). Of the jobs in Blockers and Chain only
	// the fields above are known.
	Blockers []Job
	// One of Blockers, a job that this one waits for, and so on, at most 16; if several can be
	// next, a running one.
	Chain []Job
	Loop  bool  // the last job of Chain is this job, or is in Chain twice
	End   *Unit // the unit of the last job of Chain
}

// Process is a process of a service.
type Process struct {
	ControlGroup string
	PID          int
	Command      string // its command line; "[NAME]" where it has none
}

// Timer is a timer unit (systemd.timer(5)).
type Timer struct {
	Unit
	Triggers    string           // the unit that is started: Unit=
	Calendar    []string         // OnCalendar=, normalised by systemd
	Monotonic   []MonotonicEntry // OnBootSec= and the like
	LastTrigger time.Time        // the latest attempt to start the unit
	// 0: none in this boot; LastTrigger is then from the stamp file of Persistent=
	LastTriggerMonotonic time.Duration
	LastTriggerWall      time.Time // LastTrigger as the wall clock showed it then
	// the earlier one of both clocks; zero: none, as is normal while the unit runs
	NextElapse time.Time
	Accuracy   time.Duration
	// RandomizedDelaySec=: the longest delay; NextElapse has the delay that was drawn for it
	RandomizedDelay time.Duration
	// RandomizedOffsetSec= (258): the longest shift of calendar elapses; all have the same shift
	RandomizedOffset time.Duration
	// (257) an elapse during a run is dropped; the calendar counts from the end of the run
	DeferReactivation bool
	Persistent        bool
	RemainAfterElapse bool
	WakeSystem        bool   // wakes a suspended host, if that has an alarm clock
	Result            string // success, resources, ...
}

// MonotonicEntry is one OnBootSec= or similar line of a timer.
type MonotonicEntry struct {
	Base     string // OnActiveSec, OnBootSec, OnStartupSec, OnUnitActiveSec, OnUnitInactiveSec
	Interval time.Duration
}

// Service is the unit that a timer starts (systemd.service(5)).
type Service struct {
	Unit
	IsService bool   // false for another type, Unit=x.mount: only Unit and Result
	Type      string // simple, oneshot, ...
	// success, exit-code, signal, core-dump, timeout, oom-kill, start-limit-hit, exec-condition,
	// ...
	Result  string
	MainPID uint32 // 0: no main process
	// the main process of the latest attempt began, on every systemd; kept after its end
	ExecMainStart time.Time
	ExecMainExit  time.Time // zero while the main process runs
	// CLD_EXITED 1, CLD_KILLED 2, CLD_DUMPED 3 (sigaction(2)); 0: it has not ended
	ExecMainCode   int32
	ExecMainStatus int32 // exit status, or signal number
	// restarts by Restart= since the run began; from 257 on also a start by hand while one is due
	NRestarts       uint32
	RestartMode     string        // normal, direct, debug; empty before systemd 254
	RestartDelay    time.Duration // RestartSec=
	RemainAfterExit bool
	RuntimeMax      time.Duration // Infinity: no limit, as for the next two
	TimeoutStart    time.Duration
	TimeoutStop     time.Duration
	Commands        []Exec
	SuccessStatus   []int32 // exit statuses in SuccessExitStatus=
	SuccessSignals  []int32 // signals in SuccessExitStatus=
	ControlGroup    string  // below /sys/fs/cgroup; empty: none
	Slice           string  // the innermost slice; Pair.Slices has all
}

// Exec is one command line of a service, and how it ended in the latest run. Service.ExecMainStatus
// is that of the last ExecStart= only. A daemon-reload sets Code and Status to 0.
type Exec struct {
	Setting       string // ExecStart, ExecStartPre, ...
	Path          string
	IgnoreFailure bool  // written with "-": a failure counts as success
	Code, Status  int32 // as ExecMainCode and ExecMainStatus; Code 0: it has not ended in this run
}
