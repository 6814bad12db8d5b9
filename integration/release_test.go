//go:build integration || bench

package integration

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// A release is one of Debian, for whose programs the plugins have to be right. SUITES names those
// to test on; without it they are this machine's own and all of usualReleases that the mirror
// carries.
type release struct{ suite string }

var usualReleases = []string{"bookworm", "trixie", "sid"}

// everyRelease runs a test on each release, one after the other.
func everyRelease(t *testing.T, test func(t *testing.T, r release)) {
	for _, suite := range suites() {
		t.Run(suite, func(t *testing.T) {
			r := release{suite}
			r.root(t, "")
			test(t, r)
		})
	}
}

// thisRelease runs a test in which releases differ little on each release, but in CI on this
// machine's own alone.
func thisRelease(t *testing.T, test func(t *testing.T, r release)) {
	if own := ownSuite(); os.Getenv("CI") != "" && os.Getenv("SUITES") == "" {
		t.Logf("in CI on %s alone; on all by make integration", own)
		t.Run(own, func(t *testing.T) { test(t, release{own}) })
		return
	}
	everyRelease(t, test)
}

func suites() []string {
	if named := strings.Fields(os.Getenv("SUITES")); len(named) > 0 {
		return named
	}
	if own := ownSuite(); !slices.Contains(usualReleases, own) {
		return append([]string{own}, usualReleases...)
	}
	return usualReleases
}

// ownSuite is the code name of this machine's release.
var ownSuite = sync.OnceValue(func() string {
	text, _ := os.ReadFile("/etc/os-release")
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "VERSION_CODENAME="); ok {
			return name
		}
	}
	return "sid"
})

// roots remembers what ./root said.
var roots struct {
	sync.Mutex
	made map[string]string // suite and kind: folder, "" where the mirror does not carry the suite
}

// root gives the root folder of a kind (see ./root), made now if need be. The test is skipped, and
// says so, if the mirror does not carry the release and SUITES does not name it.
func (r release) root(t testing.TB, kind string) string {
	t.Helper()
	need(t, "/usr/bin/mmdebstrap", "/usr/bin/unshare")
	roots.Lock()
	defer roots.Unlock()
	key := r.suite + " " + kind
	folder, known := roots.made[key]
	if !known {
		var why strings.Builder
		cmd := exec.Command("./root", r.suite, kind)
		cmd.Stderr = &why
		out, err := cmd.Output()
		exit := new(exec.ExitError)
		if absent := errors.As(err, &exit) && exit.ExitCode() == 77; err != nil &&
			(!absent || os.Getenv("SUITES") != "") {
			t.Fatalf("%v: %v\n%s", cmd.Args, err, &why)
		}
		if roots.made == nil {
			roots.made = map[string]string{}
		}
		folder = strings.TrimSpace(string(out))
		roots.made[key] = folder
	}
	if folder == "" {
		t.Skipf("the mirror does not carry %s", r.suite)
	}
	return folder
}

// host gives a host of the test's own that runs the release, with the programs of a kind.
func (r release) host(t testing.TB, name, kind string) *host {
	t.Helper()
	h, err := setup{name: name, root: r.root(t, kind)}.boot()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.close)
	return h
}

// version is that of a package in a root of the release; "" if it has none.
func (r release) version(t testing.TB, kind, pkg string) string {
	t.Helper()
	status, err := os.Open(r.root(t, kind) + "/var/lib/dpkg/status")
	if err != nil {
		t.Fatal(err)
	}
	defer status.Close()
	lines, found := bufio.NewScanner(status), false
	for lines.Buffer(nil, 1<<20); lines.Scan(); {
		name, is := strings.CutPrefix(lines.Text(), "Package: ")
		found = is && name == pkg || found && lines.Text() != ""
		if version, ok := strings.CutPrefix(lines.Text(), "Version: "); ok && found {
			return version
		}
	}
	return ""
}

// systemd is the version of the release's systemd, 252 for example.
func (r release) systemd(t testing.TB) int {
	t.Helper()
	text := r.version(t, "", "systemd")
	n, err := strconv.Atoi(regexp.MustCompile("^[0-9]+").FindString(text))
	if err != nil {
		t.Fatalf("systemd %q of %s: %v", text, r.suite, err)
	}
	return n
}
