package plugintest

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// Commands are the commands that scripts have beside those of testscript.
var Commands = map[string]func(ts *testscript.TestScript, neg bool, args []string){
	"exits":   exits,
	"systemd": systemd,
}

// Run runs the scripts of a folder. A script has a comment, a command with its exit code, the
// output that the command must have, and the files that it reads.
func Run(t *testing.T, dir string) {
	testscript.Run(t, testscript.Params{
		Dir:                 dir,
		Cmds:                Commands,
		RequireExplicitExec: true,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		Setup: func(env *testscript.Env) error {
			// as in NRPE's environment: no LANG, no bus
			env.Vars = append(env.Vars, "LANG=", "LC_ALL=",
				"DBUS_SYSTEM_BUS_ADDRESS=unix:path="+env.WorkDir+"/no-bus",
				"DBUS_SESSION_BUS_ADDRESS=")
			return nil
		},
	})
}

// exits runs a plugin, and wants an exit code and an output that follows the rules of its format:
// exits 2 check_x --option. The rules of --help and --version are 80 columns and no standard error.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARGUMENT...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d; want %d", got, want)
	}
	stdout, stderr := ts.ReadFile("stdout"), ts.ReadFile("stderr")
	for _, arg := range args[2:] {
		switch arg {
		case "-h", "--help", "-V", "--version":
			checkManual(ts, stdout, stderr)
			return
		case "--output-format=json":
			ts.Check(CheckJSON(stdout, stderr))
			return
		case "--output-format=openmetrics":
			ts.Check(CheckOpenMetrics(stdout, stderr))
			return
		}
	}
	name := strings.ToUpper(strings.TrimPrefix(args[1], "check_"))
	ts.Check(CheckOutput(name, got, stdout, stderr))
}

func checkManual(ts *testscript.TestScript, stdout, stderr string) {
	if stderr != "" {
		ts.Fatalf("standard error is not empty: %q", stderr)
	}
	for _, line := range strings.Split(stdout, "\n") {
		if len(line) > 80 {
			ts.Fatalf("over 80 columns: %q", line)
		}
	}
}
