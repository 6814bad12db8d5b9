package systemd

import (
	"math"
	"time"
)

// Infinity is the duration of a limit that is set to "infinity".
const Infinity time.Duration = math.MaxInt64

// Host is the facts about the manager and the clocks. Monotonic timers count by CLOCK_MONOTONIC. At
// an instant v of this boot it showed v.Sub(MonotonicZero), if the host was not suspended since v.
type Host struct {
	// OnBootSec= counts from it; by CLOCK_BOOTTIME, in a container ManagerStart
	Boot          time.Time
	ManagerStart  time.Time // OnStartupSec= counts from it
	MonotonicZero time.Time // now less CLOCK_MONOTONIC
	// ManagerStart on CLOCK_MONOTONIC; 0: not known
	ManagerStartMonotonic time.Duration
	// how long the host was suspended since it booted: CLOCK_MONOTONIC stopped
	Asleep time.Duration
	Zone   *time.Location // the host's time zone, for calendar events without a zone
}

// Pair is a timer and the unit it starts, read together.
type Pair struct {
	Asked   []string // the names it was read by; one of them is Timer.Name unless all are aliases
	Timer   Timer
	Service Service // its zero value when the timer names no unit to start (it is not loaded, say)
	Brief   bool    // only the fields that ReadBrief names are known
	// the slices of Service, the innermost first; nil if they do not hold it up
	Slices []Slice
	// why it could not be read; then only Timer.Name is known, as it was asked for
	Err error
}

// Slice is a slice in which a service is frozen, or in which its start job may have to wait
// (systemd.slice(5)).
type Slice struct {
	Name         string
	FreezerState string
	// ConcurrencySoftMax=, units that may be active at a time; 0: no limit, as before systemd 258
	SoftMax uint32
	// ActivatingConcurrencyMax=, units that may be activating; 0: no limit, as before systemd 262
	ActivatingMax uint32
	Active        uint32 // units below it that are active or activating now
}

// noLimit is the value of a slice's limit that is not set.
const noLimit uint32 = math.MaxUint32

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

	// Until systemd 256 a restart by Restart= goes through inactive, so that these two are of the
	// latest attempt. From 257 on, and with RestartMode=direct, only Service.ExecMainStart is.
	InactiveExit  time.Time // it left inactive: the latest run began
	InactiveEnter time.Time // it became inactive or failed: the latest completed run ended
	ActiveEnter   time.Time // it became active: the latest run was up
	StateChange   time.Time // the state or the sub-state changed

	// The same on CLOCK_MONOTONIC, which stops while the host is suspended; 0 if it was not in this
	// boot. They are not known for timers that ReadBrief reads in part.
	InactiveExitMonotonic  time.Duration
	InactiveEnterMonotonic time.Duration
	ActiveEnterMonotonic   time.Duration

	// As the wall clock showed it, even if it was set since: calendar entries count from that.
	InactiveEnterWall time.Time
	ActiveEnterWall   time.Time

	ConditionResult bool      // means nothing while ConditionTime is zero
	ConditionTime   time.Time // conditions were last checked
	// Condition*=, in the order of the unit's files; after a daemon-reload without State
	Conditions   []Condition
	AssertResult bool        // means nothing while AssertTime is zero
	AssertTime   time.Time   // asserts were last checked
	Asserts      []Condition // Assert*=, in the order of the unit's files

	Job *Job // the queued or running job of this unit; nil when there is none
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
	Type  string // start, stop, restart, ...
	State string // waiting, running
	// the jobs that a waiting job waits for (GetJobBefore); the fields below are not read for them
	Blockers []Job
	Unit     string // the unit it is a job of
	// one of the Blockers (a running one if there is one), a job that it waits for, and so on; at
	// most 16
	Chain []Job
	Loop  bool  // the last job of Chain is one of those before it
	End   *Unit // of the last job of Chain
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
	Triggers         string           // the unit that is started: Unit=
	Calendar         []string         // OnCalendar=, normalised by systemd
	Monotonic        []MonotonicEntry // OnBootSec= and the like
	OnClockChange    bool             // elapses when the wall clock is stepped, too
	OnTimezoneChange bool             // and when the time zone is changed
	// the latest attempt to start the unit: an attempt, not a run
	LastTrigger time.Time
	// 0: none in this boot; LastTrigger is then from the stamp file of Persistent=
	LastTriggerMonotonic time.Duration
	// LastTrigger as the wall clock showed it, even if it was set since
	LastTriggerWall time.Time
	// the earlier one of both clocks; zero: none, which is normal while the unit runs
	NextElapse time.Time
	Accuracy   time.Duration
	// RandomizedDelaySec=: a delay drawn for each elapse, inside NextElapse
	RandomizedDelay time.Duration
	// RandomizedOffsetSec= (258): the longest shift of calendar elapses; all have the same shift
	RandomizedOffset time.Duration
	// (257) an elapse during a run is dropped; the calendar counts from the end of the run
	DeferReactivation bool
	Persistent        bool
	RemainAfterElapse bool
	WakeSystem        bool   // it wakes a host that is suspended, which takes an alarm clock
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
	// false for another type, Unit=x.target: then only Unit is known
	IsService bool
	Type      string // simple, oneshot, ...
	// success, exit-code, signal, core-dump, timeout, oom-kill, start-limit-hit, exec-condition,
	// ...
	Result  string
	MainPID uint32 // 0: no main process
	// the latest attempt began, on every systemd; it stays when the attempt has ended
	ExecMainStart time.Time
	ExecMainExit  time.Time // zero while it runs
	// CLD_EXITED 1, CLD_KILLED 2, CLD_DUMPED 3 (sigaction(2)); 0: it has not ended
	ExecMainCode   int32
	ExecMainStatus int32 // exit status, or signal number
	// restarts by Restart= since the run began; from 257 on a start by hand of a waiting unit
	// counts, too
	NRestarts       uint32
	RestartMode     string        // normal, direct, debug; empty before systemd 254
	RestartDelay    time.Duration // RestartSec=
	RemainAfterExit bool
	RuntimeMax      time.Duration // Infinity: no limit, as are the next two
	TimeoutStart    time.Duration
	TimeoutStop     time.Duration
	Commands        []Exec
	SuccessStatus   []int32 // exit statuses that SuccessExitStatus= declares a success
	SuccessSignals  []int32 // and signals
	ControlGroup    string  // below /sys/fs/cgroup; empty when it has none
	Slice           string  // its slice; Pair.Slices has more
}

// Exec is one command line of a service, and how it ended in the latest run. Service.ExecMainStatus
// is that of the last ExecStart= only. A daemon-reload sets Code and Status to 0.
type Exec struct {
	Setting       string // ExecStart, ExecStartPre, ...
	Path          string
	IgnoreFailure bool  // written with "-": a failure counts as success
	Code, Status  int32 // as ExecMainCode and ExecMainStatus; Code 0: it has not ended in this run
}
