package plugintest

import (
	"bufio"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/rogpeppe/go-internal/testscript"
)

// Systemd has the units of a fake systemd. Its text form has a section for each unit, with
// properties as systemctl show prints them; those that have a default may be left out:
//
//	[backup.timer]
//	TimersCalendar=*-*-* 04:44:00
//	LastTriggerUSec=now-12h3m
//	[backup.service]
//	ActiveState=activating
//	SubState=start
//	Type=oneshot
//	InactiveExitTimestamp=now-12h3m
//	Job=17 start running
//
// Instants are now, now-1d2h, now+5min or 2022-02-22 04:44:00 UTC. Durations are 90s, 1h30min,
// infinity. These may be repeated: TimersCalendar=, TimersMonotonic=OnBootUSec 1h,
// Conditions=ConditionPathExists=!/run/x failed, ExecStart=-/bin/x arg ; ended now-1h 0 (also with
// " ; began now-2h" before that), JobBefore=12 network.target start running (what GetJobBefore
// returns for the unit's job) and Process=4711 /bin/x arg (what GetProcesses returns). A property
// that is neither in the section nor a default is not sent, as by an older systemd. [x.service 2]
// has the properties that change when the unit is read for the second time.
//
// The monotonic timestamp of an instant is 0 unless it is given, as for an instant before the boot:
// this machine may have booted a moment ago. For the same reason the manager is by default that of
// a container, where its own start 30 days ago counts as the boot.
//
// [manager] has UnitPath=, Virtualization= and UserspaceTimestamp=; [faults] has what goes wrong:
//
//	refuse=yes            nobody listens on the socket
//	reject=yes            the login is refused
//	hang=STEP             no answer; STEP is accept, AUTH, Hello, Get, GetAll,
//	                      ListUnitsByPatterns, GetJobBefore or GetProcesses
//	die=STEP              half an answer, then the connection is closed
//	garbage=STEP          an answer that is no D-Bus message
//	error=STEP            the error AccessDenied
//	noreply=STEP          the error NoReply, as if systemd had just been restarted
//	full=N                the bus has no room for the first N connections
//	type=PROPERTY         a property of a wrong type
//	vanish=JOB            this job ends before it can be read
//
// A fault happens at the first STEP; "STEP 3": at the third, "STEP always": at each.
type Systemd struct {
	Alter   func(member string, reply []any) []any     // changes what a method returns
	Corrupt func(member string, message []byte) []byte // changes the message with it

	units  map[string]*fakeUnit
	faults map[string]string
}

// fakeUnit is a section, or the manager.
type fakeUnit struct {
	versions  []map[string]any // values by property, for each reading; the last stays
	job       fakeJob
	before    []fakeJob
	processes []fakeProcess
	reads     int
}

// fakeJob is a job in the answer to GetJobBefore.
type fakeJob struct {
	ID                uint32
	Unit, Type, State string
	Path, UnitPath    dbus.ObjectPath
}

// fakeProcess is a process in the answer to GetProcesses.
type fakeProcess struct {
	ControlGroup string
	PID          uint32
	Command      string
}

// kinds are the properties that are known, by interface and kind.
var kinds = []struct{ iface, kind, names string }{
	{"Unit", "string", "Id Description LoadState ActiveState SubState FreezerState UnitFileState"},
	{"Unit", "bool", "NeedDaemonReload ConditionResult AssertResult"},
	{"Unit", "stamp", "InactiveExitTimestamp ActiveEnterTimestamp ActiveExitTimestamp InactiveEnterTimestamp StateChangeTimestamp ConditionTimestamp AssertTimestamp"},
	{"Unit", "error", "LoadError"},
	{"Unit", "job", "Job"},
	{"Unit", "conditions", "Conditions Asserts"},
	{"Timer", "string", "Unit Result"},
	{"Timer", "bool", "Persistent RemainAfterElapse FixedRandomDelay DeferReactivation OnClockChange OnTimezoneChange"},
	{"Timer", "stamp", "LastTriggerUSec"},
	{"Timer", "wall", "NextElapseUSecRealtime"},
	{"Timer", "mono", "NextElapseUSecMonotonic"},
	{"Timer", "usec", "AccuracyUSec RandomizedDelayUSec RandomizedOffsetUSec"},
	{"Timer", "calendar", "TimersCalendar"},
	{"Timer", "monotonic", "TimersMonotonic"},
	{"Service", "string", "Type Result Restart RestartMode ControlGroup Slice"},
	{"Service", "bool", "RemainAfterExit"},
	{"Service", "stamp", "ExecMainStartTimestamp ExecMainExitTimestamp"},
	{"Service", "usec", "RuntimeMaxUSec TimeoutStartUSec TimeoutStopUSec RestartUSec"},
	{"Service", "uint32", "MainPID ControlPID NRestarts"},
	{"Service", "int32", "ExecMainCode ExecMainStatus"},
	{"Service", "exec", "ExecStart"},
	{"Slice", "uint32", "ConcurrencySoftMax ActivatingConcurrencyMax NCurrentlyActive"},
	{"Manager", "string", "Virtualization"},
	{"Manager", "strings", "UnitPath"},
	{"Manager", "stamp", "UserspaceTimestamp"},
}

// kindOf returns the interface and the kind of a unit's property; "" if the unit has no such
// property.
func kindOf(unit, property string) (iface, kind string) {
	for _, k := range kinds {
		own := k.iface == "Unit" && unit != "manager" ||
			strings.HasSuffix(unit, "."+strings.ToLower(k.iface)) ||
			unit == strings.ToLower(k.iface)
		for _, name := range strings.Fields(k.names) {
			switch {
			case !own:
			case name == property:
				return k.iface, k.kind
			case k.kind == "stamp" && name+"Monotonic" == property:
				return k.iface, "mono"
			}
		}
	}
	return "", ""
}

// defaults are the properties of a section, by the suffix of the unit.
var defaults = map[string]string{
	".timer": `LoadState=loaded ActiveState=active SubState=waiting UnitFileState=enabled ConditionResult=yes AssertResult=yes
		AccuracyUSec=1min RandomizedDelayUSec=0 RemainAfterElapse=yes Persistent=no Result=success`,
	".service": `LoadState=loaded ActiveState=inactive SubState=dead UnitFileState=static ConditionResult=no AssertResult=no Type=oneshot Result=success Restart=no
		RemainAfterExit=no RuntimeMaxUSec=infinity TimeoutStartUSec=infinity TimeoutStopUSec=90s`,
	"manager": "Virtualization=container-other UserspaceTimestamp=now-30d",
	"":        "LoadState=loaded ActiveState=inactive SubState=dead",
}

// ParseSystemd reads the text form. Relative instants count from now.
func ParseSystemd(text string, now time.Time) (*Systemd, error) {
	s := &Systemd{units: map[string]*fakeUnit{"manager": {versions: []map[string]any{{}}}},
		faults: map[string]string{}}
	if err := s.fill("manager", defaults["manager"], now); err != nil {
		return nil, err
	}
	section, lines := "", bufio.NewScanner(strings.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		var err error
		switch key, value, isProperty := strings.Cut(line, "="); {
		case line == "" || line[0] == '#':
		case line[0] == '[' && line[len(line)-1] == ']':
			section, err = s.open(line[1:len(line)-1], now)
		case !isProperty || section == "":
			err = fmt.Errorf("not a section or a property")
		case section == "faults":
			s.faults[key] = value
		default:
			err = s.set(section, key, value, now)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %q: %w", n, line, err)
		}
	}
	return s, lines.Err()
}

// open begins a section: [x.timer], or [x.timer 2] for its second version.
func (s *Systemd) open(header string, now time.Time) (string, error) {
	name, version, _ := strings.Cut(header, " ")
	u := s.units[name]
	switch {
	case name == "manager" || name == "faults":
		return name, nil
	case version != "":
		if u == nil || version != strconv.Itoa(len(u.versions)+1) {
			return "", fmt.Errorf("versions are counted from 1")
		}
		next := map[string]any{}
		for k, v := range u.versions[len(u.versions)-1] {
			next[k] = v
		}
		u.versions = append(u.versions, next)
		return name, nil
	case u != nil:
		return "", fmt.Errorf("a second section of this name")
	}
	s.units[name] = &fakeUnit{versions: []map[string]any{{}}}
	suffix := name[max(strings.LastIndexByte(name, '.'), 0):]
	properties, ok := defaults[suffix]
	if !ok {
		properties = defaults[""]
	}
	properties += " Id=" + name + " Description=" + name
	if suffix == ".timer" {
		properties += " Unit=" + strings.TrimSuffix(name, suffix) + ".service"
	}
	return name, s.fill(name, properties, now)
}

// fill sets several properties of a unit: NAME=VALUE NAME=VALUE.
func (s *Systemd) fill(unit, properties string, now time.Time) error {
	for _, one := range strings.Fields(properties) {
		key, value, _ := strings.Cut(one, "=")
		if err := s.set(unit, key, value, now); err != nil {
			return err
		}
	}
	return nil
}

// set sets a property of a unit, or adds an element to a property that is a list.
func (s *Systemd) set(unit, key, text string, now time.Time) error {
	u := s.units[unit]
	properties := u.versions[len(u.versions)-1]
	switch key {
	case "Job":
		_, err := fmt.Sscan(text, &u.job.ID, &u.job.Type, &u.job.State)
		u.job.Unit, u.job.Path = unit, jobPath(u.job.ID)
		properties[key] = struct {
			ID   uint32
			Path dbus.ObjectPath
		}{u.job.ID, u.job.Path}
		return err
	case "JobBefore":
		j := fakeJob{UnitPath: "/"}
		_, err := fmt.Sscan(text, &j.ID, &j.Unit, &j.Type, &j.State)
		j.Path = jobPath(j.ID)
		u.before = append(u.before, j)
		return err
	case "Process":
		pid, command, _ := strings.Cut(text, " ")
		n, err := strconv.ParseUint(pid, 10, 32)
		u.processes = append(u.processes, fakeProcess{"/system.slice/" + unit, uint32(n), command})
		return err
	}
	_, kind := kindOf(unit, key)
	value, err := parseValue(kind, text, properties[key], now)
	if err != nil {
		return err
	}
	properties[key] = value
	return nil
}

func jobPath(id uint32) dbus.ObjectPath {
	return dbus.ObjectPath(fmt.Sprintf("/org/freedesktop/systemd1/job/%d", id))
}

// systemd starts a fake systemd from the text form in a file: systemd FILE. In the file $WORK is
// the script's folder. Plugins find it as the system's manager and as the user's.
func systemd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: systemd FILE")
	}
	s, err := ParseSystemd(strings.ReplaceAll(ts.ReadFile(args[0]), "$WORK", ts.Getenv("WORK")),
		time.Now())
	ts.Check(err)
	dir, err := os.MkdirTemp("", "stage") // $WORK may be too long for a socket's name
	ts.Check(err)
	ts.Defer(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "bus")
	stage, err := s.Listen(socket)
	ts.Check(err)
	ts.Defer(stage.Close)
	ts.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path="+socket)
	ts.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path="+socket)
	ts.Setenv("XDG_RUNTIME_DIR", dir)
}

// refuseLongName returns systemd's error for a unit's name that is too long; nil for others.
func refuseLongName(m *dbus.Message) *dbus.Message {
	target, _ := m.Headers[dbus.FieldPath].Value().(dbus.ObjectPath)
	name := unescape(path.Base(string(target)))
	if len(name) <= 255 {
		return nil
	}
	return failure("org.freedesktop.DBus.Error.InvalidArgs",
		"Unit name "+name+" is neither a valid invocation ID nor unit name.")
}
