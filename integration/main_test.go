//go:build integration || bench

// Package integration runs the plugins against the real daemons: systemd as PID 1 of private hosts,
// mail servers, NRPE and Icinga 2.
//
// It wants root and what ./install installs. Whatever a test lacks makes it fail when CI is set,
// and skip, saying why, when not. Nothing stays on the machine: folders, processes, mounts and
// cgroups go when the tests end, also when they panic or are killed.
package integration

import (
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"mailfresh/internal/plugintest"
)

// shared is a folder that all private hosts see under the same name, as root's to write to. It is
// the place for files of the tests.
var shared string

// bin holds the plugins built from this tree. Every user may run them, inside and outside of the
// private hosts.
var bin string

// atEnd is called when the last test has ended.
var atEnd []func()

func TestMain(m *testing.M) {
	flag.Parse()
	flag.Set("test.parallel", "32") // the tests mostly wait for timers, whatever the number of CPUs
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, remove, err := scratch()
	if err == nil {
		defer remove()
		shared, bin = dir, filepath.Join(dir, "bin")
		err = plugintest.Build(bin)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() {
		for _, f := range atEnd {
			f()
		}
	}()
	code := m.Run()
	if code != 0 || os.Getenv("CI") != "" {
		return code
	}
	if whole, err := writeReport(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	} else if whole {
		fmt.Println("wrote docs/releases.md")
	}
	return 0
}

// janitor is told "mind" or "forget" and a process group. When this process is gone, in whatever
// way, it kills the groups that it minds.
var janitor io.Writer

const janitorScript = `
trap '' INT TERM
declare -A minded
while read -r verb group; do
	case $verb in mind) minded[$group]= ;; forget) unset "minded[$group]" ;; esac
done
for group in "${!minded[@]}"; do kill -KILL -- "-$group"; done
rm -rf "$0"`

// scratch makes a folder below /var/tmp, which private hosts see under the same name. It is removed
// by remove, or by the janitor.
func scratch() (dir string, remove func(), err error) {
	dir, err = os.MkdirTemp("/var/tmp", "mailfresh-")
	if err != nil {
		return "", nil, err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return "", nil, err
	}
	shell := exec.Command("bash", "-c", janitorScript, dir)
	pipe, err := shell.StdinPipe()
	if err != nil {
		return "", nil, err
	}
	janitor = pipe
	return dir, func() { pipe.Close(); shell.Wait() }, shell.Start()
}

// need ends the test unless it runs as root and each path exists.
func need(t testing.TB, paths ...string) {
	t.Helper()
	if os.Geteuid() != 0 {
		lack(t, "not root")
	}
	for _, path := range paths {
		if _, err := os.Stat(path); err != nil {
			lack(t, err.Error())
		}
	}
}

func lack(t testing.TB, reason string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("%s (integration/install, as root, installs what is needed)", reason)
	}
	t.Skipf("%s (integration/install, as root, installs what is needed)", reason)
}
