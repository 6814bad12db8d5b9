//go:build integration

package integration

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"mailfresh/internal/aliases"
	"mailfresh/internal/plugintest"
)

// builder builds maps of a type from files. Those that the program does not build have none.
type builder struct {
	format aliases.Format
	suffix string
	name   string
	build  oracle
	other  bool // it is Postfix's other program, whose map no lookup finds anything in
}

// TestRandomMaps builds maps of random files in every type, with the programs of each release:
// no map that the right program built may alert, and each one of Postfix's other program has to.
func TestRandomMaps(t *testing.T) {
	seed := plugintest.Seed(t)
	everyRelease(t, func(t *testing.T, r release) {
		for i, server := range []struct {
			name     string
			builders func(*testing.T, release, string) []builder
		}{
			{"postfix", postfixBuilders}, {"exim", eximBuilders}, {"sendmail", sendmailBuilders},
			{"opensmtpd", opensmtpdBuilders},
		} {
			t.Run(server.name, func(t *testing.T) {
				t.Parallel()
				dir := folder(t, nil, "random-maps", "")
				for k, b := range server.builders(t, r, dir) {
					b.tryFiles(t, r, rand.New(rand.NewPCG(seed, uint64(100*i+k))), dir)
				}
			})
		}
	})
}

func postfixBuilders(t *testing.T, r release, dir string) (list []builder) {
	h := r.host(t, "random-maps", "postfix")
	writeText(t, filepath.Join(dir, "main.cf"), fmt.Sprintf(postfixMaps, dir))
	for _, kind := range []string{"hash.db", "btree.db", "cdb.cdb", "lmdb.lmdb"} {
		kind, suffix, _ := strings.Cut(kind, ".")
		with := func(program string) oracle {
			return func(t *testing.T, files []*drawn) {
				args := []string{"/usr/sbin/" + program, "-c", dir}
				for _, d := range files {
					args = append(args, kind+":"+d.path)
				}
				mapTool(t, h.daemon(args...), 0)
			}
		}
		list = append(list,
			builder{aliases.Aliases, suffix, "postalias " + kind, with("postalias"), false},
			builder{aliases.Map, suffix, "postmap " + kind, with("postmap"), false},
			builder{aliases.Aliases, suffix, "postmap " + kind, with("postmap"), true},
			builder{aliases.Map, suffix, "postalias " + kind, with("postalias"), true})
	}
	return list
}

func eximBuilders(t *testing.T, r release, dir string) []builder {
	h := r.host(t, "random-maps", "exim")
	build := func(t *testing.T, files []*drawn) {
		args := []string{"sh", "-c",
			`for f; do exim_dbmbuild -nowarn "$f" "$f.db" || [ $? = 1 ]; done`, "sh"}
		for _, d := range files {
			args = append(args, d.path)
		}
		mapTool(t, h.daemon(args...), 0)
	}
	return []builder{{aliases.Exim, "db", "exim_dbmbuild", build, false}}
}

func sendmailBuilders(t *testing.T, r release, dir string) []builder {
	return []builder{{aliases.Sendmail, "db", "newaliases", newaliases(t, r, dir), false}}
}

func opensmtpdBuilders(t *testing.T, r release, dir string) []builder {
	return []builder{{aliases.OpenSMTPDDB, "db", "makemap", makemap(t, r, dir), false}}
}

// tryFiles builds the maps of random files, some at a time, and looks at them.
func (b builder) tryFiles(t *testing.T, r release, random *rand.Rand, dir string) {
	t.Helper()
	sum := struct{ maps, none, wrong int }{}
	draws := tableDraws() / 4 // each file becomes a map of every type, by two programs
	for done := 0; done < draws; done += 50 {
		var files []*drawn
		for i := range min(50, draws-done) {
			path := filepath.Join(dir, fmt.Sprintf("m%d", i))
			d := draw(random, b.format, path)
			for r.takesMore(b.format, d.text) {
				d = draw(random, b.format, path)
			}
			files = append(files, d)
		}
		b.build(t, files)
		said := b.check(t, files)
		for _, d := range files {
			held, _, err := d.model(b.format)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(d.path + "." + b.suffix); err != nil {
				sum.none++ // the program refuses the file
				continue
			}
			if err := os.Remove(d.path + "." + b.suffix); err != nil {
				t.Fatal(err)
			}
			if b.other && b.format == aliases.Aliases && len(held) == 0 {
				continue // nothing is lost
			}
			sum.maps++
			if got := strings.Contains(said[d.path], "its map "); got != b.other {
				if sum.wrong++; sum.wrong < 5 {
					t.Errorf("%s for %s: alerts %t; want %t: %s\n%.900q", b.name, b.format, got,
						b.other, said[d.path], d.text)
				}
			}
		}
	}
	t.Logf("%s for %s: %+v", b.name, b.format, sum)
}

// check gives what check_alias_freshness says of the files.
func (b builder) check(t *testing.T, files []*drawn) map[string]string {
	t.Helper()
	args := []string{"--format", b.format.String(), "--compiled", b.suffix, "-c", "52w", "-t", "50",
		"--entries-critical", "0:", "--output-format", "json"}
	for _, d := range files {
		args = append(args, "-f", d.path)
	}
	out, _ := exec.Command(filepath.Join(bin, "check_alias_freshness"), args...).Output() // alerts
	var result struct {
		Objects []struct{ Name, Text string }
	}
	if err := json.Unmarshal(out, &result); err != nil || len(result.Objects) != len(files) {
		t.Fatalf("%d objects of %d files: %v\n%.500s", len(result.Objects), len(files), err, out)
	}
	said := map[string]string{}
	for _, o := range result.Objects {
		said[o.Name] = o.Text
	}
	return said
}
