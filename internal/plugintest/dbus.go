package plugintest

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"
)

// SystemdServer is a fake systemd that listens on a unix socket, and a fake message bus.
type SystemdServer struct {
	listener      *net.UnixListener
	systemd       *Systemd
	mu            sync.Mutex
	steps         map[string]int // how often each was taken
	faultHappened bool
	conns         []net.Conn
	running       sync.WaitGroup
}

// Listen starts a server on a unix socket, until Close. Its D-Bus address is "unix:path=" + socket.
func (s *Systemd) Listen(socket string) (*SystemdServer, error) {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		return nil, err
	}
	st := &SystemdServer{listener: l, systemd: s, steps: map[string]int{}}
	if s.faults["refuse"] != "" {
		l.SetUnlinkOnClose(false)
		return st, l.Close()
	}
	st.running.Add(1)
	go st.accept()
	return st, nil
}

// Close ends the server and its connections.
func (st *SystemdServer) Close() {
	st.listener.Close()
	st.mu.Lock()
	for _, c := range st.conns {
		c.Close()
	}
	st.mu.Unlock()
	st.running.Wait()
}

// FaultHappened reports whether a fault of a step happened.
func (st *SystemdServer) FaultHappened() bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.faultHappened
}

func (st *SystemdServer) accept() {
	defer st.running.Done()
	for {
		c, err := st.listener.Accept()
		if err != nil {
			return
		}
		st.mu.Lock()
		st.conns = append(st.conns, c)
		st.running.Add(1)
		st.mu.Unlock()
		go func() {
			defer st.running.Done()
			defer c.Close()
			st.serve(c)
		}()
	}
}

// login plays the server's part of SASL, up to BEGIN.
func (st *SystemdServer) login(c net.Conn, in *bufio.Reader) bool {
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return false
		}
		switch words := strings.Fields(strings.TrimPrefix(line, "\x00")); {
		case len(words) == 0:
		case words[0] == "BEGIN":
			return true
		case words[0] == "AUTH" && st.systemd.faults["reject"] == "":
			if !st.answer(c, "AUTH", []byte("OK 1234567890abcdef1234567890abcdef\r\n")) {
				return false
			}
		default:
			io.WriteString(c, "REJECTED EXTERNAL\r\n")
		}
	}
}

// serve plays one connection: the login, then calls and replies.
func (st *SystemdServer) serve(c net.Conn) {
	in := bufio.NewReader(c)
	if !st.answer(c, "accept", nil) || !st.login(c, in) {
		return
	}
	for serial := uint32(1); ; serial++ {
		var raw bytes.Buffer
		m, err := dbus.DecodeMessage(io.TeeReader(in, &raw))
		if err != nil {
			return
		}
		if m.Type != dbus.TypeMethodCall {
			continue
		}
		member, _ := m.Headers[dbus.FieldMember].Value().(string)
		reply := st.systemd.reply(m, member, st)
		if alter := st.systemd.Alter; alter != nil && reply.Type == dbus.TypeMethodReply {
			reply = success(alter(member, reply.Body)...)
		}
		asked := binary.LittleEndian.Uint32(raw.Bytes()[8:])
		reply.Headers[dbus.FieldReplySerial] = dbus.MakeVariant(asked)
		var b bytes.Buffer
		if err := reply.EncodeTo(&b, binary.LittleEndian); err != nil {
			return
		}
		binary.LittleEndian.PutUint32(b.Bytes()[8:], serial)
		answer := b.Bytes()
		if corrupt := st.systemd.Corrupt; corrupt != nil {
			answer = corrupt(member, answer)
		}
		if !st.answer(c, member, answer) {
			return
		}
	}
}

// fault reports whether the step has this fault this time.
func (st *SystemdServer) fault(name, step string) bool {
	of, times, _ := strings.Cut(st.systemd.faults[name], " ")
	return of == step && (times == "always" || fmt.Sprint(st.steps[step]) == max(times, "1"))
}

// answer sends the answer of a step, with its fault. It reports whether the connection is still
// good.
func (st *SystemdServer) answer(c net.Conn, step string, b []byte) bool {
	st.mu.Lock()
	st.steps[step]++
	hang, die, garbage := st.fault("hang", step), st.fault("die", step), st.fault("garbage", step)
	st.faultHappened = st.faultHappened || hang || die || garbage
	st.mu.Unlock()
	switch {
	case hang:
		io.Copy(io.Discard, c) // until the other side gives up
		return false
	case garbage:
		b = bytes.Repeat([]byte{0xff}, 1024)
	case die:
		c.Write(b[:len(b)/2])
		return false
	}
	_, err := c.Write(b)
	return err == nil
}

// refuse returns the error that answers a call; nil if the call is answered.
func (s *Systemd) refuse(m *dbus.Message, member string, st *SystemdServer) *dbus.Message {
	st.steps[member]++ // as answer will count it
	failing, noReply := st.fault("error", member), st.fault("noreply", member)
	st.steps[member]--
	st.faultHappened = st.faultHappened || failing || noReply
	full, _ := strconv.Atoi(s.faults["full"])
	switch {
	case noReply:
		return failure("org.freedesktop.DBus.Error.NoReply",
			"Message recipient disconnected from message bus without replying")
	case failing:
		return failure("org.freedesktop.DBus.Error.AccessDenied", "Access denied by the stage")
	case member == "Hello" && st.steps[member] < full:
		return failure("org.freedesktop.DBus.Error.LimitsExceeded",
			"The maximum number of active connections for UID 0 has been reached")
	case m.Flags&dbus.FlagNoAutoStart != 0: // as a bus to which systemd has not come yet
		return failure("org.freedesktop.DBus.Error.NameHasNoOwner", "Name does not exist")
	}
	return refuseLongName(m)
}

// reply returns the answer to a call.
func (s *Systemd) reply(m *dbus.Message, member string, st *SystemdServer) *dbus.Message {
	st.mu.Lock()
	defer st.mu.Unlock()
	if refused := s.refuse(m, member, st); refused != nil {
		return refused
	}
	target, _ := m.Headers[dbus.FieldPath].Value().(dbus.ObjectPath)
	var args [2]string
	for i, arg := range m.Body {
		if text, ok := arg.(string); ok && i < len(args) {
			args[i] = text
		}
	}
	switch member {
	case "Hello":
		return success(":1.42")
	case "GetAll":
		return s.getAll(target, args[0])
	case "Get":
		return s.get(target, args[0], args[1])
	case "ListUnitsByPatterns":
		patterns, _ := m.Body[1].([]string)
		return success(s.list(patterns))
	case "GetJobBefore":
		for _, u := range s.units {
			if u.job.ID != 0 && u.job.ID == m.Body[0] {
				return success(append([]fakeJob{}, u.before...))
			}
		}
		return failure("org.freedesktop.systemd1.NoSuchJob", "No such job")
	case "GetProcesses":
		u, _ := s.unit(target)
		return success(append([]fakeProcess{}, u.processes...))
	}
	return failure("org.freedesktop.DBus.Error.UnknownMethod", "Unknown method "+member)
}

func success(body ...any) *dbus.Message {
	return &dbus.Message{Type: dbus.TypeMethodReply, Body: body,
		Headers: map[dbus.HeaderField]dbus.Variant{
			dbus.FieldSignature: dbus.MakeVariant(dbus.SignatureOf(body...))}}
}

func failure(name, text string) *dbus.Message {
	m := success(text)
	m.Type = dbus.TypeError
	m.Headers[dbus.FieldErrorName] = dbus.MakeVariant(name)
	return m
}

// unit returns the unit of an object path, and its name. A unit without a section is not-found.
func (s *Systemd) unit(target dbus.ObjectPath) (*fakeUnit, string) {
	if target == "/org/freedesktop/systemd1" {
		return s.units["manager"], "manager"
	}
	name := unescape(path.Base(string(target)))
	if u := s.units[name]; u != nil {
		return u, name
	}
	missing := map[string]any{"Id": name, "Description": name, "LoadState": "not-found",
		"ActiveState": "inactive", "SubState": "dead",
		"LoadError": loadError{"org.freedesktop.systemd1.NoSuchUnit", "Unit " + name +
			" not found."}}
	return &fakeUnit{versions: []map[string]any{missing}}, name
}

// now returns the properties of the unit at its latest reading.
func (u *fakeUnit) now() map[string]any {
	return u.versions[min(max(u.reads, 1), len(u.versions))-1]
}

func (s *Systemd) getAll(target dbus.ObjectPath, iface string) *dbus.Message {
	all := map[string]dbus.Variant{}
	if strings.HasPrefix(string(target), "/org/freedesktop/systemd1/job/") {
		id := path.Base(string(target))
		for _, u := range s.units {
			if fmt.Sprint(u.job.ID) == id && id != s.faults["vanish"] {
				all["Id"], all["JobType"], all["State"] = dbus.MakeVariant(u.job.ID),
					dbus.MakeVariant(u.job.Type), dbus.MakeVariant(u.job.State)
				return success(all)
			}
		}
		return failure("org.freedesktop.DBus.Error.UnknownObject",
			"Unknown object '"+string(target)+"'.")
	}
	u, name := s.unit(target)
	u.reads++
	for key, value := range u.now() {
		if of, _ := kindOf(name, key); iface == "" || iface == "org.freedesktop.systemd1."+of {
			all[key] = s.variant(key, value)
		}
	}
	return success(all)
}

func (s *Systemd) get(target dbus.ObjectPath, iface, key string) *dbus.Message {
	u, name := s.unit(target)
	of, kind := kindOf(name, key)
	if iface != "org.freedesktop.systemd1."+of {
		return failure("org.freedesktop.DBus.Error.UnknownProperty",
			"Unknown property "+iface+"."+key)
	}
	value, ok := u.now()[key]
	if !ok {
		value, _ = parseValue(kind, "", nil, time.Time{})
	}
	return success(s.variant(key, value))
}

// variant returns a value as a variant, or a value of a wrong type if that is the fault.
func (s *Systemd) variant(key string, value any) dbus.Variant {
	if s.faults["type"] == key {
		value = []float64{1}
	}
	return dbus.MakeVariant(value)
}

// ListedUnit is a unit in the answer to ListUnitsByPatterns.
type ListedUnit struct {
	Name, Description, Load, Active, Sub, Following string
	Path                                            dbus.ObjectPath
	JobID                                           uint32
	JobType                                         string
	JobPath                                         dbus.ObjectPath
}

func (s *Systemd) list(patterns []string) []ListedUnit {
	all := []ListedUnit{}
	for name, u := range s.units {
		matches := slices.ContainsFunc(patterns,
			func(p string) bool { ok, _ := path.Match(p, name); return ok })
		if p := u.now(); matches {
			text := func(key string) string { s, _ := p[key].(string); return s }
			all = append(all, ListedUnit{Name: name, Description: text("Description"),
				Load: text("LoadState"), Active: text("ActiveState"),
				Sub: text("SubState"), Path: "/", JobID: u.job.ID, JobType: u.job.Type,
				JobPath: "/"})
		}
	}
	return all
}

// unescape decodes a name from an object path: _2d is "-".
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		var c byte
		if s[i] == '_' && i+2 < len(s) {
			if _, err := fmt.Sscanf(s[i+1:i+3], "%02x", &c); err == nil {
				b.WriteByte(c)
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
