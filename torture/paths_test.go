package torture

import (
	"bytes"
	"fmt"
	"mailfresh/internal/nagios"
	"mailfresh/internal/plugintest"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// TestIrregularFiles names what is no regular file, or no file that can be read. check_mx_rcpt
// cannot read recipients from it.
func TestIrregularFiles(t *testing.T) {
	t.Parallel()
	c, dir := plugintest.NewTally(t, "irregular files"), t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	write(t, at("good"), "a@example.org: b\n")
	must(syscall.Mkfifo(at("fifo"), 0o644))
	must(os.Symlink("fifo", at("link to a FIFO")))
	must(os.Symlink("loop", at("loop")))
	must(os.Symlink("b", at("a")))
	must(os.Symlink("a", at("b")))
	must(os.Symlink("nowhere", at("dangling")))
	must(os.Symlink("good/x", at("below a file")))
	must(os.Symlink("good", at("link0")))
	for i := range 45 { // more than the kernel follows
		must(os.Symlink(fmt.Sprint("link", i), at(fmt.Sprint("link", i+1))))
	}
	sock, err := net.Listen("unix", at("s"))
	must(err)
	defer sock.Close()
	nasty := at("a|b=1 <b> [OK]\n\x1b[31m\xff " + strings.Repeat("x", 200))
	write(t, nasty, "a@example.org: b\n")
	for _, test := range []struct {
		path string
		want nagios.State
	}{
		{at("good"), ok}, {nasty, ok}, {at("link39"), ok},
		{at("none"), critical}, {at("good/below"), critical}, {at(""), critical}, {"/", critical},
		{at("dangling"), critical}, {at("below a file"), critical},
		{at("loop"), critical}, {at("a"), critical}, {at("link45"), critical},
		{at("fifo"), critical}, {at("link to a FIFO"), critical}, {at("s"), critical},
		{"/dev/null", critical}, {"/dev/zero", critical}, {"/dev/full", critical},
		{"/dev/urandom", critical}, {"/dev/tty", critical}, {"/dev/ptmx", critical},
		{"/proc/self/mem", unknown},           // a regular file that cannot be read
		{"/proc/self/task", critical},         // a directory
		{strings.Repeat("x/", 3000), unknown}, // longer than a path may be
		{"/" + strings.Repeat("y", 300), unknown},
		{at("[ab"), unknown}, {at("*none*"), critical},
	} {
		for _, more := range [][]string{nil, {"--format", "exim"},
			{"--format", "exim", "--compiled", "db"}} {
			want := test.want
			switch {
			case want == ok && len(more) == 4:
				want = critical // there is no map
			case test.path == "/proc/self/mem" && more == nil:
				want = critical // it is not read, and its size is 0
			}
			judge(t, c, fmt.Sprintf("%.100q %q", test.path, more), fileLimits,
				func() plugintest.Outcome {
					return plugin(t, nil, "check_alias_freshness",
						append([]string{"-t", "3", "-c", "1h", "-f", test.path}, more...)...)
				}, is(want))
		}
		if test.want == ok || strings.ContainsAny(test.path, "*[") {
			continue
		}
		judge(t, c, fmt.Sprintf("recipients from %.100q", test.path), fileLimits,
			func() plugintest.Outcome {
				return plugin(t, nil, "check_mx_rcpt", "-t", "3", "-H", "127.0.0.1:1",
					"--recipients-from", test.path, "--format", "exim")
			}, is(unknown))
	}
}

// TestMovingFiles rewrites good files while check_alias_freshness reads them: no wrong CRITICAL. A
// required key is never written: no wrong OK. A file that comes and goes may be missing, but is
// nothing worse.
func TestMovingFiles(t *testing.T) {
	t.Parallel()
	c, dir := plugintest.NewTally(t, "moving files"), t.TempDir()
	text := damaged(0, 0, anywhere, 5000)
	half := len(text) / 2
	half += bytes.IndexByte(text[half:], '\n') + 1 // where half a file looks whole
	inPlace := func(path string, pause time.Duration) {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC|os.O_CREATE, 0o644)
		if err != nil {
			t.Error(err)
			return
		}
		defer f.Close()
		f.Write(text[:half])
		time.Sleep(pause)
		f.Write(text[half:])
	}
	byRename := func(path string) {
		inPlace(path+".new", 0)
		if err := os.Rename(path+".new", path); err != nil {
			t.Error(err)
		}
	}
	for _, test := range []struct {
		name    string
		rewrite func(path string)
		want    []nagios.State
	}{
		{"in place", func(path string) { inPlace(path, 0) }, []nagios.State{ok}},
		{"in place, in two parts", func(path string) { inPlace(path, 5*time.Millisecond) },
			[]nagios.State{ok}},
		{"by rename", byRename, []nagios.State{ok}},
		{"removed and written", func(path string) { os.Remove(path); inPlace(path, 0) },
			[]nagios.State{ok, critical}},
		{"replaced by a FIFO", func(path string) {
			os.Remove(path)
			syscall.Mkfifo(path,
				0o644)
			os.Remove(path)
			byRename(path)
		}, []nagios.State{ok, critical}},
		{"replaced by a loop", func(path string) {
			os.Remove(path)
			os.Symlink(path,
				path)
			byRename(path)
		}, []nagios.State{ok, critical}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(dir, strings.ReplaceAll(test.name, " ", "-"))
			inPlace(path, 0)
			var done atomic.Bool
			go func() {
				defer done.Store(true)
				for range 50 * amount(t) {
					test.rewrite(path)
					time.Sleep(20 * time.Millisecond)
				}
			}()
			checks := 0
			for ; !done.Load(); checks += 3 {
				each(3, 3, func(i int) {
					require, want := []string{"key0", "key4999", "missing"}[i]+"@example.org",
						test.want
					if i == 2 {
						want = []nagios.State{critical}
					}
					judge(t, c, test.name+", required "+require, fileLimits,
						func() plugintest.Outcome {
							return plugin(t, nil, "check_alias_freshness", "-t", "3", "-c", "1h",
								"-f",
								path, "--format", "exim", "--require", require)
						}, is(want...))
				})
			}
			t.Logf("%d rewrites, %d checks", 50*amount(t), checks)
		})
	}
}
