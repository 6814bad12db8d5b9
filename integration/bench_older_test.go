//go:build bench

package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// older is an older build, beside which the plugins run where no other program answers the same
// question, and where something was to become better.
type older struct {
	report
	bin string
}

// newOlder takes the plugins of the folder MAILFRESH_OLD, if that is set.
func newOlder(t *testing.T) *older {
	t.Helper()
	from := os.Getenv("MAILFRESH_OLD")
	if from == "" {
		return nil
	}
	return &older{bin: installed(t, from, "older")}
}

// installed copies the programs of a folder to a folder of that name which private hosts see, as
// install(1) and dpkg would. The Go linker maps the file that it writes, and Linux keeps such a
// file in smaller pieces in memory: it takes some 7 % longer to start than its copy.
func installed(t *testing.T, from, name string) (folder string) {
	t.Helper()
	folder = filepath.Join(shared, name)
	if err := os.CopyFS(folder, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	programs, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range programs {
		if err := os.Chmod(filepath.Join(folder, p.Name()), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// beside runs ours beside the same command of the older build, if there is one.
func (r *report) beside(t *testing.T, what string, c contest, limits ...limit) {
	t.Helper()
	if r.older == nil {
		return
	}
	c.peer = c.ours
	c.peer.args = append([]string{filepath.Join(r.older.bin, filepath.Base(c.ours.args[0]))},
		c.ours.args[1:]...)
	r.older.add(c.run(t, what, "the older build").want(limits...))
}

// version says what the older build calls itself.
func (o *older) version(t *testing.T) string {
	t.Helper()
	c := command{args: []string{filepath.Join(o.bin, plugins[0]), "--version"}}
	output := inMemory(t)
	defer output.Close()
	_ = c.prepare(t, output).Run() // --version exits with 3
	return strings.TrimSpace(text(output))
}
