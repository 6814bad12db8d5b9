//go:build integration

package integration

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"mailfresh/internal/mapfile"
	"mailfresh/internal/regular"
)

// TestCompiledMaps builds maps with Postfix, cuts them, ages them, and compares
// what is said of them with what Postfix says.
func TestCompiledMaps(t *testing.T) {
	everyRelease(t, testCompiledMaps)
}

// deprecation is what Postfix 3.11 says of hash and btree, each time.
var deprecation = regexp.MustCompile("(?m)^postmap: warning: (.*deprecated|See /usr/share).*\n")

func testCompiledMaps(t *testing.T, r release) {
	r.report(t, "compiled maps", "hash, btree, cdb, lmdb")
	h := r.host(t, "postfix", "postfix")
	dir := folder(t, nil, "maps", "")
	writeText(t, filepath.Join(dir, "main.cf"), fmt.Sprintf(postfixMaps, dir))
	postmap := func(args ...string) string {
		// it fails on a map that is cut
		out, _ := h.daemon(append([]string{"postmap", "-c", dir}, args...)...).CombinedOutput()
		return deprecation.ReplaceAllString(string(out), "")
	}
	var source strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&source, "key%d value%d\n", i, i)
	}
	for _, m := range []struct {
		kind   string
		suffix mapfile.Kind
	}{{"hash", mapfile.DB}, {"btree", mapfile.DB}, {"cdb", mapfile.CDB}, {"lmdb", mapfile.LMDB}} {
		path := filepath.Join(dir, m.kind)
		writeText(t, path, source.String())
		if out := postmap(m.kind + ":" + path); out != "" {
			t.Fatalf("postmap %s: %s", m.kind, out)
		}
		type found struct {
			regular.File
			mapfile.Facts
		}
		look := func() found {
			f, facts, err := regular.Read(context.Background(), path+"."+m.suffix.String(),
				func(r *os.File) (mapfile.Facts, bool, error) {
					info, err := r.Stat()
					if err != nil {
						return mapfile.Facts{}, true, err
					}
					facts, err := mapfile.Read(r, info.Size(), m.suffix)
					return facts, true, err
				})
			if err != nil {
				t.Fatalf("%s: %v", m.kind, err)
			}
			return found{f, facts}
		}
		whole := look()
		if whole.Damage != "" || whole.Preset != 5000 {
			t.Errorf("%s: a whole map of 5000 entries: %+v", m.kind, whole.Facts)
		}
		for _, test := range []struct {
			source, built time.Duration // age
			want          bool
		}{{99 * time.Second, time.Hour, false}, {102 * time.Second, time.Hour, true}, {time.Hour,
			time.Hour, false}, {time.Hour, 59 * time.Minute, false}, {-time.Hour, time.Hour,
			false}} {
			now := time.Now().Truncate(time.Second)
			for file, age := range map[string]time.Duration{path: test.source,
				whole.Path: test.built} {
				if err := os.Chtimes(file, now.Add(-age), now.Add(-age)); err != nil {
					t.Fatal(err)
				}
			}
			said := strings.Contains(postmap("-q", "key7", m.kind+":"+path),
				"is older than source file")
			check := exec.Command(filepath.Join(bin, "check_alias_freshness"), "-f", path, "-c",
				"52w", "--compiled", m.suffix.String(), "--mtime-tolerance", "2h")
			out, _ := check.Output() // CRITICAL where it is stale
			if stale := strings.Contains(string(out), "older than the file"); stale != test.want ||
				said != test.want {
				t.Errorf("%s: source of %v, map of %v ago: stale %t, Postfix says %t; want %t",
					m.kind, test.source, test.built, stale, said, test.want)
			}
		}
		for _, size := range []int64{0, 100, whole.Size / 2 &^ 4095, whole.Size/2&^4095 + 100,
			whole.Size - 4096} {
			if err := os.Truncate(whole.Path, size); err != nil {
				t.Fatal(err)
			}
			if look().Damage == "" {
				t.Errorf("%s: no damage in a map cut from %d to %d bytes", m.kind, whole.Size, size)
			}
			if err := os.Remove(whole.Path); err != nil {
				t.Fatal(err)
			}
			postmap(m.kind + ":" + path)
		}
	}
}
