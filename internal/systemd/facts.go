package systemd

import (
	"math"
	"time"
)

// Infinity is the duration of a limit that is set to "infinity": it never strikes.
const Infinity time.Duration = math.MaxInt64

// Host is what the manager says about itself. Its instants are read, and not zero, where a timer that was read counts from one of them.
type Host struct {
	Boot         time.Time      // what OnBootSec= counts from; in a container that is ManagerStart, as systemd has it
	ManagerStart time.Time      // what OnStartupSec= counts from
	Zone         *time.Location // the host's time zone, which calendar events without one are in
}

// Pair is a timer and the unit it starts, read together.
type Pair struct {
	Asked   []string // the names it was read by; one of them is Timer.Name unless all are aliases
	Timer   Timer
	Service Service // its zero value when the timer names no unit to start (it is not loaded, say)
}

// Unit is what every unit has. A unit that does not exist is no error: its LoadState is "not-found".
// An instant is the zero Time when it never was, or when this systemd does not know it.
type Unit struct {
	Name             string
	Description      string
	LoadState        string // loaded, not-found, bad-setting, error, masked
	LoadError        string // why LoadState is not "loaded", in systemd's words
	ActiveState      string // active, activating, deactivating, inactive, failed, reloading
	SubState         string // of a timer: dead, waiting, running, elapsed, failed
	FreezerState     string // running, frozen; empty before systemd 246
	UnitFileState    string // enabled, disabled, static, masked, ...; empty when there is no file
	NeedDaemonReload bool   // the unit's files were changed since they were read

	InactiveExit  time.Time // it left inactive: the latest run began
	ActiveEnter   time.Time // it became active: the latest run was up
	ActiveExit    time.Time // it left active
	InactiveEnter time.Time // it became inactive or failed: the latest completed run ended
	StateChange   time.Time // the state or the sub-state changed

	ConditionResult bool        // means nothing while ConditionTime is zero
	ConditionTime   time.Time   // conditions were last checked
	Conditions      []Condition // Condition*=, in the order of the unit's files
	AssertResult    bool        // means nothing while AssertTime is zero
	AssertTime      time.Time   // asserts were last checked
	Asserts         []Condition // Assert*=, in the order of the unit's files

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
	ID       uint32
	Type     string // start, stop, restart, ...
	State    string // waiting, running
	Blockers []Job  // what a waiting job waits for (GetJobBefore); of these, what follows is not read
	Unit     string // the unit it is a job of
	Chain    []Job  // one of the Blockers, a running one if there is one, what that waits for, and so on, at most 16
	Loop     bool   // the last job of Chain is one of those before it
	End      *Unit  // of the last job of Chain
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
	Triggers          string           // the unit that is started: Unit=
	Calendar          []string         // OnCalendar=, normalised by systemd
	Monotonic         []MonotonicEntry // OnBootSec= and the like
	LastTrigger       time.Time        // the latest attempt to start the unit: an attempt, not a run
	NextElapse        time.Time        // the earlier of both clocks; zero: none is set, which is normal while the unit runs
	Accuracy          time.Duration
	RandomizedDelay   time.Duration
	RandomizedOffset  time.Duration // the most that RandomizedOffsetSec= moves each calendar elapse by (systemd 258)
	DeferReactivation bool          // an elapse during a run is dropped (systemd 257)
	FixedRandomDelay  bool
	Persistent        bool
	RemainAfterElapse bool
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
	IsService       bool   // false: something else, Unit=x.target: of it only the Unit part is known
	Type            string // simple, oneshot, ...
	Result          string // success, exit-code, signal, core-dump, timeout, oom-kill, start-limit-hit, exec-condition, ...
	MainPID         uint32 // 0: no main process
	ControlPID      uint32 // ExecStartPre=, ExecStop= and the like; 0: none
	ExecMainStart   time.Time
	ExecMainExit    time.Time // zero while it runs
	ExecMainCode    int32     // CLD_EXITED 1, CLD_KILLED 2, CLD_DUMPED 3 (sigaction(2)); 0: it has not ended
	ExecMainStatus  int32     // exit status, or signal number
	NRestarts       uint32
	Restart         string        // Restart=: no, always, on-failure, ...
	RestartMode     string        // normal, direct; empty before systemd 254, where each restart is a start of its own
	RestartDelay    time.Duration // RestartSec=
	RemainAfterExit bool
	RuntimeMax      time.Duration // Infinity: no limit, as are the next two
	TimeoutStart    time.Duration
	TimeoutStop     time.Duration
	Commands        []Exec
	SuccessStatus   []int32 // exit statuses beside 0 that SuccessExitStatus= declares a success
	SuccessSignals  []int32 // and signals
	ControlGroup    string  // below /sys/fs/cgroup; empty when it has none
}

// Exec is one command line of a service, and how it ended in the latest run.
type Exec struct {
	Setting       string // ExecStart, ExecStartPre, ...
	Path          string
	IgnoreFailure bool  // written with "-": a failure counts as success
	Code, Status  int32 // as ExecMainCode and ExecMainStatus; Code 0: it has not ended in this run
}
