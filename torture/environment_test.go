package torture

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"mailfresh/internal/nagios"
	"mailfresh/internal/plugintest"
)

// environmentLimits hold for the default -t, of which nothing here should need much.
var environmentLimits = plugintest.Limits{Time: 9500 * time.Millisecond, Peak: 64 << 20}

// A command is a plugin with arguments and the state that it ends with.
type command struct {
	env    []string // to reach its world
	plugin string
	args   []string
	want   nagios.State
}

// commands sets up a world that stands still, and gives commands of each plugin.
func commands(t *testing.T) []command {
	dir, err := os.MkdirTemp("", "env") // short enough for a socket's name
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	smtp := serve(t, "hello\nC: MAIL FROM:<>\nC: RCPT TO:<dcw@example.org>\nS: 250 ok\nS: 250 ok")
	refuses := serve(t, "hello\nC: MAIL FROM:<>\nC: RCPT TO:<dcw@example.org>\nS: 250 ok\nS: 550 5.1.1 no")
	dns, err := plugintest.ServeDNS("example.org. MX 10 mx.example.org.\nmx.example.org. A 127.0.0.1\n")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(dns.Close)
	_, port, _ := strings.Cut(smtp.Addr, ":")
	fresh := write(t, filepath.Join(dir, "aliases"), "root: alice\n")
	old := time.Now().Add(-time.Minute)
	if err := os.Chtimes(fresh, old, old); err != nil {
		t.Fatal(err)
	}
	timers := []command{}
	for i, s := range scenes {
		text := strings.ReplaceAll(s.text, "JUNK", "x")
		fake, err := plugintest.ParseSystemd(text, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		socket := filepath.Join(dir, fmt.Sprint("bus", i))
		stage, err := fake.Listen(socket)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(stage.Close)
		if err := os.Chmod(socket, 0o777); err != nil {
			t.Fatal(err)
		}
		if i < 2 {
			timers = append(timers, command{[]string{"DBUS_SYSTEM_BUS_ADDRESS=unix:path=" + socket},
				"check_systemd_timer", []string{"-u", "job"}, s.state})
		}
	}
	many := []string{"-r", "dcw@example.org"} // more hosts than descriptors
	for range 20 {
		many = append(many, "-H",
			serve(t, "hello\nwait 20ms\nC: MAIL FROM:<>\nC: RCPT TO:<dcw@example.org>\nS: 250 ok\nS: 250 ok").Addr)
	}
	return append(timers,
		command{nil, "check_alias_freshness", []string{"-f", fresh, "-c", "1h", "--format",
			"aliases"}, ok},
		command{nil, "check_alias_freshness", []string{"-f", dir + "/none", "-c", "1h"}, critical},
		command{nil, "check_mx_rcpt", []string{"-H", smtp.Addr, "-r", "dcw@example.org"}, ok},
		command{nil, "check_mx_rcpt", []string{"--resolver", dns.Addr, "-p", port, "-r",
			"dcw@example.org"}, ok},
		command{nil, "check_mx_rcpt", []string{"-H", smtp.Addr, "-H", refuses.Addr, "-r",
			"dcw@example.org"}, critical},
		command{nil, "check_mx_rcpt", []string{"--bogus"}, unknown},
		command{nil, "check_mx_rcpt", many, ok},
	)
}

// surroundings are environments to be run in. A script ends with what runs the plugin, "$@"; where
// it hides standard output the exit code has to be right all the same.
var surroundings = []struct {
	name, script string
	env          []string
	hidden       bool
}{
	{name: "as usual"},
	{name: "no PATH", env: []string{"PATH="}},
	{name: "an environment of 2 MB", env: []string{"A=" + strings.Repeat("x", 100_000),
		"B=" + strings.Repeat("\xff", 100_000), "LS_COLORS=" + strings.Repeat(":", 100_000)}},
	{name: "TZ of a file that is none", env: []string{"TZ=:/etc/passwd"}},
	{name: "TZ outside of the database", env: []string{"TZ=../../../../etc/passwd"}},
	{name: "TZ of nowhere", env: []string{"TZ=Nowhere/At/All"}},
	{name: "TZ of bytes", env: []string{"TZ=\xff\xfe<b>|x=1"}},
	{name: "TZ far away", env: []string{"TZ=Pacific/Kiritimati"}},
	{name: "LANG of bytes", env: []string{"LANG=xx_\xff.|x=1", "LC_ALL=<b>", "LANGUAGE=[OK]"}},
	{name: "LANG that turns i into another letter",
		env: []string{"LANG=tr_TR.UTF-8", "LC_ALL=tr_TR.UTF-8"}},
	{name: "HOME and TMPDIR of nowhere", env: []string{"HOME=/none", "TMPDIR=/none", "USER=",
		"XDG_RUNTIME_DIR=/dev/null"}},
	{name: "resolver options", env: []string{"RES_OPTIONS=ndots:99 attempts:99",
		"LOCALDOMAIN=evil.example", "HOSTALIASES=/dev/zero"}},
	{name: "LD_PRELOAD of nowhere", env: []string{"LD_PRELOAD=/none.so", "LD_LIBRARY_PATH=/none"}},
	{name: "SSL_CERT_FILE of nowhere",
		env: []string{"SSL_CERT_FILE=/none", "SSL_CERT_DIR=/dev/null"}},
	{name: "GODEBUG of nonsense", env: []string{"GODEBUG=nonsense=1,,=,x", "GOTRACEBACK=nonsense",
		"GORACE=x", "GOCOVERDIR=/none"}},
	{name: "GODEBUG that asks for the resolver of C", env: []string{"GODEBUG=netdns=cgo"}},
	{name: "GOGC of nonsense", env: []string{"GOGC=nonsense"}},
	{name: "GOGC=1", env: []string{"GOGC=1"}},
	{name: "GOMEMLIMIT=1", env: []string{"GOMEMLIMIT=1"}},
	{name: "GOMAXPROCS of nonsense", env: []string{"GOMAXPROCS=nonsense"}},
	{name: "GOMAXPROCS=0", env: []string{"GOMAXPROCS=0"}},
	{name: "GOMAXPROCS=256", env: []string{"GOMAXPROCS=256"}},
	{name: "no standard input", script: `exec "$@" <&-`},
	{name: "no standard error", script: `exec "$@" 2>&-`},
	{name: "no standard output", script: `exec "$@" >&-`, hidden: true},
	{name: "no standard descriptors", script: `exec "$@" <&- >&- 2>&-`, hidden: true},
	{name: "standard output is full", script: `exec "$@" >/dev/full`, hidden: true},
	{name: "standard output is read-only", script: `exec "$@" 1</dev/null`, hidden: true},
	{name: "endless standard input", script: `exec "$@" </dev/zero`},
	{name: "a pipe that nobody reads", script: `{ sleep 0.1; "$@"; echo "exit code $?" >&2; } | :`,
		hidden: true},
	{name: "current directory deleted",
		script: `d=$(mktemp -d) && cd "$d" && rmdir "$d" && exec "$@"`},
	{name: "signals ignored", script: `trap '' TERM INT HUP PIPE CHLD && exec "$@"`},
	{name: "umask 777", script: `umask 777 && exec "$@"`},
	{name: "8 descriptors", script: `ulimit -n 8 && exec "$@"`},
	{name: "no core, no locked memory, small stack",
		script: `ulimit -c 0 && ulimit -l 0 && ulimit -s 128 && exec "$@"`},
	{name: "one second of CPU", script: `ulimit -t 1 && exec "$@"`},
	{name: "files of no size", script: `ulimit -f 0 && exec "$@"`},
	{name: "2 GB of address space", script: `ulimit -v 2000000 && exec "$@"`},
	{name: "nice", script: `exec nice -n 19 "$@"`},
}

// TestEnvironment runs every command in every environment: what it says and how it ends may not
// depend on that.
func TestEnvironment(t *testing.T) {
	t.Parallel()
	c, all := plugintest.NewTally(t, "hostile environment"), commands(t)
	each(len(surroundings)*len(all), 8, func(i int) {
		in, cmd := surroundings[i/len(all)], all[i%len(all)]
		name := fmt.Sprintf("%s: %s %q", in.name, cmd.plugin, cmd.args)
		judge(t, c, name, environmentLimits, func() plugintest.Outcome {
			r := plugin(t, surrounded(in.env, cmd.env, in.script), cmd.plugin, cmd.args...)
			if in.hidden {
				if text, ok := strings.CutPrefix(r.Stderr, "exit code "); ok {
					r.Exit, _ = strconv.Atoi(strings.TrimSpace(text))
					r.Stderr = ""
				}
				if r.Stdout != "" || r.Stderr != "" {
					t.Errorf("%s: %q %q were not hidden", name, r.Stdout, r.Stderr)
				}
				r.Stdout = fmt.Sprintf("%s %v - hidden\n",
					strings.ToUpper(strings.TrimPrefix(cmd.plugin, "check_")), nagios.State(r.Exit))
			}
			return r
		}, is(cmd.want))
	})
}

// surrounded is what starts a plugin by a script.
func surrounded(env, world []string, script string) []string {
	wrap := append(append([]string{}, env...), world...)
	if script != "" {
		wrap = append(wrap, "sh", "-c", script, "sh")
	}
	return wrap
}

// exceptions are what Go's runtime does before, or without, the program. The manual says so. It may
// cost the output, but may never make an OK of anything.
var exceptions = []struct {
	name, script string
	env          []string
}{
	{name: "GOMEMLIMIT of nonsense", env: []string{"GOMEMLIMIT=nonsense"}},
	{name: "GODEBUG that traces", env: []string{"GODEBUG=inittrace=1,gctrace=1,schedtrace=1"}},
	{name: "no address space", script: `ulimit -v 20000 && exec "$@"`},
	{name: "no processes", script: `ulimit -u 1 && exec "$@"`},
	{name: "4 descriptors", script: `ulimit -n 4 && exec "$@"`},
}

// TestExceptions runs what no Go program can answer for.
func TestExceptions(t *testing.T) {
	t.Parallel()
	c, all := plugintest.NewTally(t, "documented exceptions"), commands(t)
	each(len(exceptions)*len(all), 8, func(i int) {
		in, cmd := exceptions[i/len(all)], all[i%len(all)]
		wrap := surrounded(in.env, cmd.env, in.script)
		if os.Geteuid() == 0 { // whom no limit of processes holds
			wrap = append([]string{"setpriv", "--reuid=65534", "--clear-groups", "env"}, wrap...)
		}
		r := plugin(t, wrap, cmd.plugin, cmd.args...)
		// the runtime died with 2, or the kernel did not start it
		if r.Exit != int(cmd.want) || r.Stdout == "" {
			if r.Exit != 2 && r.Exit != -1 || r.Stdout != "" {
				t.Errorf("%s: %s: exit code %d, %q, %q; want %d, or the runtime's death", in.name,
					cmd.plugin, r.Exit, r.Stdout, r.Stderr, cmd.want)
			}
			r.Exit, r.Stdout = int(cmd.want),
				fmt.Sprintf("%s %v - hidden\n",
					strings.ToUpper(strings.TrimPrefix(cmd.plugin, "check_")), cmd.want)
		}
		r.Stderr = ""
		c.Judge(t, in.name, r, environmentLimits, cmd.want)
	})
}

// TestSignals ends plugins at random moments. Once it has read its arguments, the plugin answers
// for it; a signal in the milliseconds before, while Go's runtime starts, ends any program. A
// signal that this process ignores, as under nohup, the plugins ignore as well: it is not tried.
func TestSignals(t *testing.T) {
	t.Parallel()
	c, r, all := plugintest.NewTally(t, "signals"), draw(t, 5), commands(t)
	silent := serve(t, "silence")
	// it only waits
	all = append(all, command{nil, "check_mx_rcpt",
		[]string{"-H", silent.Addr, "-r", "dcw@example.org"}, unknown},
		command{nil, "check_mx_rcpt", []string{"-H", silent.Addr, "-r", "dcw@example.org", "-vv"},
			unknown})
	deadly := slices.DeleteFunc([]syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP,
		syscall.SIGQUIT}, func(s syscall.Signal) bool { return signal.Ignored(s) })
	n := 60 * amount(t)
	type shot struct {
		command
		kill  syscall.Signal
		after time.Duration
	}
	shots := make([]shot, n)
	for i := range shots {
		shots[i] = shot{all[r.IntN(len(all))], deadly[r.IntN(len(deadly))],
			time.Duration(r.ExpFloat64() * float64(15*time.Millisecond))}
	}
	var early atomic.Int32
	each(n, 2, func(i int) {
		s := shots[i]
		cmd := exec.Command(filepath.Join(bin, s.plugin), s.args...)
		cmd.Env, cmd.Dir = s.env, "/"
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		begin := time.Now()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(s.after)
		ready := answersSignals(cmd.Process.Pid)
		_ = cmd.Process.Signal(s.kill)
		if err := cmd.Wait(); err != nil && !errors.As(err, new(*exec.ExitError)) {
			t.Fatal(err)
		}
		got := plugintest.Outcome{Plugin: s.plugin, Exit: cmd.ProcessState.ExitCode(),
			Stdout: stdout.String(), Stderr: stderr.String(), Took: time.Since(begin)}
		// The Go runtime, too, ends at a SIGQUIT before main: with a list of its goroutines.
		dumped := s.kill == syscall.SIGQUIT && strings.HasPrefix(got.Stderr, "SIGQUIT: quit\n")
		if !ready && (got.Exit < 0 || dumped) {
			early.Add(1)
			return
		}
		c.Judge(t, fmt.Sprintf("%v after %v: %s %q", s.kill, s.after, s.plugin, s.args), got,
			environmentLimits, s.want, unknown)
	})
	t.Logf("%d signals came before the check", early.Load())
}

// answersSignals reports whether the process has come to its check. Before that, the frame takes
// the signals and then ignores SIGPIPE.
func answersSignals(pid int) bool {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return true // it has ended
	}
	_, text, _ := strings.Cut(string(status), "SigIgn:")
	mask, err := strconv.ParseUint(strings.TrimSpace(text[:min(len(text), 18)]), 16, 64)
	return err == nil && mask&(1<<(syscall.SIGPIPE-1)) != 0
}
