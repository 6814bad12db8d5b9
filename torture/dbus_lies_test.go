package torture

import (
	"fmt"
	"mailfresh/internal/nagios"
	"mailfresh/internal/plugintest"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/godbus/dbus/v5"
)

// wrongTypes are the values that a property of any other type may have.
var wrongTypes = []any{"", int64(-1), true, []float64{1}, map[string]dbus.Variant{},
	struct{ A, B string }{}, []struct{ A []string }{{}}, dbus.MakeVariant("x"),
	dbus.ObjectPath("/")}

// absurd gives other values of the type.
func absurd(r *rand.Rand, value any) any {
	pick := func(values ...any) any { return values[r.IntN(len(values))] }
	var minus uint64 = math.MaxUint64 - 999_999 // a negative number of microseconds
	switch value := value.(type) {
	case uint64:
		return pick(uint64(0), uint64(1), uint64(math.MaxUint64), uint64(math.MaxUint64-1), minus,
			uint64(math.MaxInt64), uint64(math.MaxInt64)+1, uint64(math.MaxInt64)/1000,
			uint64(1)<<53)
	case uint32:
		return pick(uint32(0), uint32(1), uint32(math.MaxUint32), uint32(math.MaxInt32)+1)
	case int32:
		return pick(int32(0), int32(-1), int32(math.MinInt32), int32(math.MaxInt32))
	case string:
		return pick("", "no such word", plugintest.Junk(r), "line\nline\r\n\n[CRITICAL] x|y=1",
			strings.Repeat("x", 1<<20), strings.Repeat("\n", 100_000),
			strings.Repeat(plugintest.Junk(r), 2000))
	case bool:
		return !value
	}
	return value
}

// lies alter one property of one unit in one way.
func lies(r *rand.Rand, n int) (all []dbusInput) {
	for range n {
		scene, pick, way := r.IntN(len(scenes)), r.IntN(1000), r.IntN(3)
		wrong, seed := r.IntN(len(wrongTypes)), r.Uint64()
		whose := []string{"timer", "service"}[r.IntN(2)]
		var told string // what was altered, for the verdict
		in := dbusInput{name: fmt.Sprintf("%s: lie %d", scenes[scene].name, seed), scene: scene}
		in.alter = func(member string, reply []any) []any {
			values, ok := reply[0].(map[string]dbus.Variant)
			if member != "GetAll" || !ok {
				return reply
			}
			var names []string
			for name := range values {
				names = append(names, name)
			}
			if id, _ := values["Id"].Value().(string); !strings.HasSuffix(id, "job."+whose) {
				return reply
			}
			slices.Sort(names)
			name := names[pick%len(names)]
			told = name
			switch way {
			case 0:
				delete(values, name)
			case 1:
				old := values[name]
				values[name] = dbus.MakeVariant(wrongTypes[wrong])
				if values[name].Signature() != old.Signature() {
					told = "type of " + name
				}
			default:
				values[name] = dbus.MakeVariant(absurd(rand.New(rand.NewPCG(seed, 0)),
					values[name].Value()))
			}
			return reply
		}
		in.want = func(st *plugintest.SystemdServer, all bool) []nagios.State {
			is := scenes[scene].state
			switch name, wrongType := strings.CutPrefix(told, "type of "); {
			case told == "", slices.Contains(unread, name):
				return []nagios.State{is}
			case wrongType && !all:
				return []nagios.State{nagios.Unknown} // the answer cannot be understood
			case wrongType:
				return []nagios.State{nagios.Unknown, is}
			case name == "LoadState" && way == 0:
				return []nagios.State{nagios.Unknown}
			case slices.Contains(essential, name):
				return anyState
			}
			return []nagios.State{is}
		}
		all = append(all, in)
	}
	return all
}

// noise flips bytes of messages: whatever comes of it, it has to be said in order.
func noise(r *rand.Rand, n int) (all []dbusInput) {
	for range n {
		seed, member := r.Uint64(),
			strings.Fields("Hello Get GetAll GetAll GetAll ListUnitsByPatterns GetProcesses GetJobBefore")[r.IntN(8)]
		in := dbusInput{name: fmt.Sprintf("noise in %s, %d", member, seed),
			scene: r.IntN(len(scenes)),
			want:  func(*plugintest.SystemdServer, bool) []nagios.State { return anyState }}
		in.corrupt = func(m string, message []byte) []byte {
			flips := rand.New(rand.NewPCG(seed, 1))
			for range 1 + flips.IntN(8) {
				if m == member {
					message[flips.IntN(len(message))] = byte(flips.IntN(256))
				}
			}
			return message
		}
		all = append(all, in)
	}
	return all
}
