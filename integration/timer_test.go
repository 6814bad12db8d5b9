//go:build integration

package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// The scripts' commands, beside those of testscript. Each script has the units it needs, under
// names no other script uses.
//
//	host [NAME=DURATION...] take a host of the script's own: it masks, reloads or wants to see no
//	                        units but its own; with uptime=40s it booted 40 s ago, with asleep=8h
//	                        it was suspended for so long since then
//	session USER            from here on all is said to the user manager of USER, and by USER
//	                        alone
//	install [FILE...]       copy units (default: all the script has) to where the manager looks
//	                        for them
//	put FILE PATH           copy a file of the script, and its time stamp, to this path of the
//	                        host
//	remove PATH             remove it
//	systemctl ARG...        run systemctl (as root); its output is there for stdout and stderr
//	until UNIT NAME=RE...   wait until these properties of the unit, as systemctl show prints
//	                        them, match
//	show UNIT NAME=RE...    they match now
//	as USER...              from here on these users run the plugins, not root and nagios
//	check N PLUGIN ARG...   the plugin ends with status N for root and for nagios alike
//	await N PLUGIN ARG...   wait until it does
//	cure                    do what the last check told: the first command of systemctl on its
//	                        first line
//	says [USER] RE          what it printed matches, for root and for nagios or for one of them
//
// A script runs on every release. [trixie] before a command has it run on that one alone,
// [systemd:257] on 257 and later, [!systemd:257] on earlier ones.
var timerCommands = map[string]func(ts *testscript.TestScript, neg bool, args []string){
	"host":      cmdHost,
	"session":   cmdSession,
	"install":   cmdInstall,
	"put":       cmdPut,
	"remove":    cmdRemove,
	"systemctl": cmdSystemctl,
	"until":     cmdUntil,
	"show":      cmdShow,
	"as":        cmdAs,
	"check":     cmdCheck,
	"await":     cmdAwait,
	"says":      cmdSays,
	"cure":      cmdCure,
}

// patience is how long until and await wait. No fault here takes half as long to show.
const patience = 3 * time.Minute

// A stage is what the commands of one script share.
type stage struct {
	host      *host
	owner     string            // who runs systemctl
	users     []string          // who run the plugins
	env       []string          // with env(1) and its arguments before each command
	systemctl []string          // systemctl and the option that chooses the manager
	units     string            // the folder of units
	said      map[string]string // user: output of the last check
}

func systemStage(h *host) *stage {
	return &stage{host: h, owner: "root", users: []string{"root", "nagios"},
		systemctl: []string{"systemctl", "--no-ask-password"}, units: "/run/systemd/system"}
}

func (s *stage) in(user string, command ...string) (stdout, stderr string, status int) {
	return s.host.in(user, append(slices.Clone(s.env), command...)...)
}

// turns are for what the scripts ask. A plugin beside thirty others on two CPUs gets no answer in
// time, and says so.
var turns = make(chan struct{}, 2*runtime.NumCPU())

func (s *stage) inTurn(user string, command ...string) (stdout, stderr string, status int) {
	turns <- struct{}{}
	defer func() { <-turns }()
	return s.in(user, command...)
}

type stageKey struct{}

func TestTimer(t *testing.T) {
	everyRelease(t, func(t *testing.T, r release) {
		h := r.host(t, "shared", "")
		r.report(t, "timer scripts, as root and as nagios", strconv.Itoa(r.timerScripts(t)))
		testscript.Run(t, testscript.Params{
			Dir:                 "testdata/timer",
			Cmds:                timerCommands,
			Condition:           r.condition(t),
			RequireExplicitExec: true,
			RequireUniqueNames:  true,
			Setup: func(env *testscript.Env) error {
				env.Values[stageKey{}] = systemStage(h)
				return nil
			},
		})
	})
}

var newerOnly = regexp.MustCompile(`(?m)^\[!systemd:(\d+)\] skip `)

// timerScripts is how many scripts the release's systemd is not too old for.
func (r release) timerScripts(t *testing.T) (n int) {
	scripts, err := filepath.Glob("testdata/timer/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range scripts {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		since := 0
		if m := newerOnly.FindSubmatch(text); m != nil {
			since, _ = strconv.Atoi(string(m[1]))
		}
		if r.systemd(t) >= since {
			n++
		}
	}
	return n
}

// condition tells whether [condition] holds on the release.
func (r release) condition(t *testing.T) func(condition string) (bool, error) {
	systemd := r.systemd(t)
	return func(condition string) (bool, error) {
		if since, ok := strings.CutPrefix(condition, "systemd:"); ok {
			n, err := strconv.Atoi(since)
			return systemd >= n, err
		}
		if !slices.Contains(suites(), condition) && !slices.Contains(usualReleases, condition) {
			return false, fmt.Errorf("no release is called %s", condition)
		}
		return condition == r.suite, nil
	}
}

func stageOf(ts *testscript.TestScript) *stage { return ts.Value(stageKey{}).(*stage) }

func cmdHost(ts *testscript.TestScript, neg bool, args []string) {
	m := setup{name: ts.Name(), root: stageOf(ts).host.root}
	for _, arg := range args {
		name, value, _ := strings.Cut(arg, "=")
		clock := map[string]*time.Duration{"uptime": &m.uptime, "asleep": &m.asleep}[name]
		d, err := time.ParseDuration(value)
		if clock == nil || err != nil {
			ts.Fatalf("usage: host [uptime=DURATION] [asleep=DURATION]")
		}
		*clock = d
	}
	h, err := m.boot()
	ts.Check(err)
	ts.Defer(h.close)
	stageOf(ts).host = h
}

func cmdSession(ts *testscript.TestScript, neg bool, args []string) {
	s, user := stageOf(ts), args[0]
	uid, errs, _ := s.host.in(user, "id", "-u")
	uid = strings.TrimSpace(uid)
	if _, failed, status := s.host.in("root", "systemctl", "--no-ask-password", "start",
		"user@"+uid); status != 0 {
		ts.Fatalf("user manager of %s: %s%s", user, errs, failed)
	}
	s.owner, s.users, s.env = user, []string{user},
		[]string{"env", "XDG_RUNTIME_DIR=/run/user/" + uid}
	s.systemctl, s.units = []string{"systemctl", "--no-ask-password", "--user"}, "/run/systemd/user"
	ts.Check(os.MkdirAll(s.host.path(s.units), 0o755))
}

func cmdInstall(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) == 0 {
		units, err := filepath.Glob(ts.MkAbs("[^.]*.[a-z]*[a-z]"))
		ts.Check(err)
		args = units
	}
	dir := stageOf(ts).units
	for _, unit := range args {
		cmdPut(ts, neg, []string{unit, filepath.Join(dir, filepath.Base(unit))})
	}
	// systemd looks for new files when a folder's time stamp differs, and the file system's own
	// ones are coarse
	now := time.Now()
	ts.Check(os.Chtimes(stageOf(ts).host.path(dir), now, now))
}

func cmdPut(ts *testscript.TestScript, neg bool, args []string) {
	path := stageOf(ts).host.path(args[1])
	ts.Check(os.WriteFile(path, []byte(ts.ReadFile(args[0])), 0o644))
	from, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Check(os.Chtimes(path, from.ModTime(), from.ModTime()))
}

func cmdRemove(ts *testscript.TestScript, neg bool, args []string) {
	ts.Check(os.Remove(stageOf(ts).host.path(args[0])))
}

func cmdSystemctl(ts *testscript.TestScript, neg bool, args []string) {
	s := stageOf(ts)
	out, errs, status := s.in(s.owner, append(slices.Clone(s.systemctl), args...)...)
	fmt.Fprint(ts.Stdout(), out)
	fmt.Fprint(ts.Stderr(), errs)
	if neg == (status == 0) {
		ts.Fatalf("systemctl %q: exit status %d\n%s%s", args, status, out, errs)
	}
}

func cmdUntil(ts *testscript.TestScript, neg bool, args []string) {
	wait(ts, func() string { return properties(ts, args) })
}

// wait asks until there is no problem any more. On a busy machine, where asking takes long, it asks
// less often.
func wait(ts *testscript.TestScript, ask func() (problem string)) {
	for deadline := time.Now().Add(patience); ; {
		began := time.Now()
		problem := ask()
		if problem == "" {
			return
		}
		if began.After(deadline) {
			ts.Fatalf("after %v: %s", patience, problem)
		}
		time.Sleep(max(300*time.Millisecond, time.Since(began)))
	}
}

func cmdShow(ts *testscript.TestScript, neg bool, args []string) {
	if problem := properties(ts, args); problem != "" {
		ts.Fatalf("%s", problem)
	}
}

// properties compares properties of the unit args[0] with the expressions of args[1:], and tells
// the first difference.
func properties(ts *testscript.TestScript, args []string) (problem string) {
	s := stageOf(ts)
	show := append(slices.Clone(s.systemctl), "show", "--all", args[0])
	out, errs, _ := s.inTurn(s.owner, show...)
	got := map[string]string{}
	for line := range strings.Lines(out) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		got[name] = value
	}
	for _, arg := range args[1:] {
		name, want, _ := strings.Cut(arg, "=")
		if !regexp.MustCompile("^(?:" + want + ")$").MatchString(got[name]) {
			return fmt.Sprintf("%s: %s=%s; want %s %s", args[0], name, got[name], want, errs)
		}
	}
	return ""
}

func cmdAs(ts *testscript.TestScript, neg bool, args []string) { stageOf(ts).users = args }

func cmdCheck(ts *testscript.TestScript, neg bool, args []string) {
	if problem := stageOf(ts).check(ts, args); problem != "" {
		ts.Fatalf("%s", problem)
	}
}

func cmdAwait(ts *testscript.TestScript, neg bool, args []string) {
	wait(ts, func() string { return stageOf(ts).check(ts, args) })
}

// check runs the plugin of args[1:] for each user, and tells the first whose status is not args[0].
func (s *stage) check(ts *testscript.TestScript, args []string) (problem string) {
	s.said = map[string]string{}
	for _, user := range s.users {
		out, errs, status := s.inTurn(user, append([]string{filepath.Join(bin, args[1])},
			args[2:]...)...)
		if errs != "" {
			ts.Fatalf("as %s: on stderr: %s", user, errs)
		}
		if strconv.Itoa(status) != args[0] {
			return fmt.Sprintf("as %s: exit status %d; want %s\n%s", user, status, args[0], out)
		}
		s.said[user] = out
	}
	fmt.Fprint(ts.Stdout(), s.said[s.users[0]])
	return ""
}

func cmdSays(ts *testscript.TestScript, neg bool, args []string) {
	if len(stageOf(ts).said) == 0 {
		ts.Fatalf("nothing was checked yet")
	}
	re := regexp.MustCompile("(?m)" + args[len(args)-1])
	for user, said := range stageOf(ts).said {
		if len(args) == 2 && user != args[0] {
			continue
		}
		if neg == re.MatchString(said) {
			ts.Fatalf("as %s it says:\n%s", user, said)
		}
	}
}

// remedy is a command in a sentence of the plugin.
var remedy = regexp.MustCompile(`systemctl (?:--user )?([a-z-]+(?: --[a-z-]+)* [^ );,|]+)`)

func cmdCure(ts *testscript.TestScript, neg bool, args []string) {
	s := stageOf(ts)
	line, _, _ := strings.Cut(s.said[s.users[0]], "\n")
	told := remedy.FindStringSubmatch(line)
	if told == nil {
		ts.Fatalf("there is no remedy in: %s", line)
	}
	cmdSystemctl(ts, neg, strings.Fields(told[1]))
}
