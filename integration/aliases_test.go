//go:build integration

package integration

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"mailfresh/internal/aliases"
	"mailfresh/internal/plugintest"
)

// TestAliases compares what internal/aliases reads in random files with what
// the real programs of each release do. MAILFRESH_SEED repeats a run, MAILFRESH_DRAWS sets the
// number of files for each program.
func TestAliases(t *testing.T) {
	everyRelease(t, testAliases)
}

func testAliases(t *testing.T, r release) {
	seed, draws := plugintest.Seed(t), 1000
	if s := os.Getenv("MAILFRESH_DRAWS"); s != "" {
		draws, _ = strconv.Atoi(s)
	}
	programs := []struct {
		format aliases.Format
		oracle func(t *testing.T, r release, dir string) oracle
	}{
		{aliases.Exim, lsearch}, {aliases.Aliases, postalias}, {aliases.Map, postmap},
		{aliases.Sendmail, newaliases}, {aliases.OpenSMTPDDB, makemap},
	}
	for i, p := range programs {
		t.Run(p.format.String(), func(t *testing.T) {
			t.Parallel()
			dir := folder(t, nil, "aliases", "")
			read := p.oracle(t, r, dir)
			random := rand.New(rand.NewPCG(seed, uint64(i)))
			var sum counts
			for done := 0; done < draws; {
				files := make([]*drawn, min(12, draws-done))
				for k := range files {
					files[k] = draw(random, p.format, filepath.Join(dir, fmt.Sprintf("f%d", k)))
					for r.takesMore(p.format, files[k].text) {
						files[k] = draw(random, p.format, files[k].path)
					}
				}
				read(t, files)
				for _, f := range files {
					f.compare(t, p.format, &sum)
				}
				if done += len(files); sum.wrong > 5 {
					t.Fatalf("MAILFRESH_SEED=%d: stopped after %d files", seed, done)
				}
			}
			r.report(t, "alias files of "+p.format.String(),
				fmt.Sprintf("%d, %d keys", draws, sum.found))
			t.Logf("%s: %d files, %d keys found, %d keys absent, %d files refused, %d wrong; MAILFRESH_SEED=%d",
				p.format, draws, sum.found, sum.absent, sum.refused, sum.wrong, seed)
		})
	}
}

var olderGrammar = regexp.MustCompile(`[ \t]:|:[ \t]*:|\\\r?\n|[^\s][^\n]*#`)

// takesMore reports whether this release reads what later ones refuse, and the plugin warns of:
// OpenSMTPD 6.8 lets several separators stand between key and value, joins lines at a backslash,
// and takes what is behind a "#" for a comment, also behind a value.
func (r release) takesMore(f aliases.Format, text []byte) bool {
	return f == aliases.OpenSMTPDDB && r.suite == "bookworm" && olderGrammar.Match(text)
}

type counts struct{ found, absent, refused, wrong int }

// oracle reads files with the real program.
type oracle func(t *testing.T, files []*drawn)

// drawn is a random file and what the program made of it.
type drawn struct {
	path    string
	text    []byte
	ask     []string          // keys to look for
	real    map[string]string // what the program holds
	refused bool              // the program refuses the file
}

var (
	drawnKeys = []string{"root", "Root", "foo", "FOO", "a.b", "bar-baz", "x+y", "list",
		"postmaster", "u_1", "vrts", "k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7", "owner-list",
		"12345678", "a-key-of-more-than-sixteen-bytes"}
	oddKeys = []string{`"a b"`, `"x:y"`, `"q"`, `"open`, "Q@example.org", "a@b", "@dom.org", "*",
		"two words", "sp ", "é", "É.x", "straße", "STRASSE", "ΣΑΣ", "σας",
		"\xe9", "a\\b", "c(com)", "<angle>", "a,b", "100%", "u!v", "/file", "|cmd", ":",
		"#k", "k#x", "a;b", "caf\u00e9", `"es\"c"`, `"t\x41\101\n"`,
		"ex`am", "b{r}", "t~e", "=======", "<<<<<<< HEAD", ">>>>>>> x", "a^b",
		strings.Repeat("l", 300)}
	drawnVals = []string{"alice", "alice@example.org", "a, b", "a,b,c", "x@y.org", "bob",
		"carol,  dave", "/dev/null", "plain-value",
		"a-value-of-more-than-sixteen-bytes@example.org"}
	oddVals = []string{`"|/bin/prog arg"`, "|/bin/prog", ":include:/etc/list", ":blackhole:",
		"error:550 no", ":error:450 later", "a b", "x # note", `a\`, `a\#b`, "", " ", "a,", ",a",
		"a,,b", `"q, r"`, "é", "\xff\xfe", "a:b", `\root`, "a@b@c", "a@b_c", "@x", "x@", "o'k",
		"a\tb", "smtp:[host]", "(c) x", "\"|x", `"|`, "a;b", strings.Repeat("v", 5000),
		strings.Repeat("m@x.org, ", 1100) + "z"}
)

func pick(r *rand.Rand, list []string) string { return list[r.IntN(len(list))] }

// draw writes a random file: mostly good lines, some odd ones.
func draw(r *rand.Rand, f aliases.Format, path string) *drawn {
	var b bytes.Buffer
	d := &drawn{path: path}
	odd := r.IntN(3) * 6 // per cent of odd choices
	chance := func(percent int) bool { return r.IntN(100) < percent }
	end := func() {
		switch {
		case chance(odd / 3):
			b.WriteString(pick(r, []string{"\r\n", "\r", "\x00\n", "\\\n", " \n", "\t\r\n", "\f\n",
				"\x00", "\\\\\n", " # x\n", "\\\r\n"}))
		default:
			b.WriteByte('\n')
		}
	}
	if chance(odd / 3) {
		b.WriteString("\xef\xbb\xbf")
	}
	for range 1 + r.IntN(10) {
		switch {
		case chance(8):
			b.WriteString(pick(r, []string{"# comment", "#", " # indented", "", "  ", "#k1: x",
				"\t", "\x00\x00\x00"}[:3+r.IntN(2+odd/3)]))
			end()
			continue
		case chance(odd):
			b.WriteString(pick(r, []string{" k1: lead", "\tk2 x", "alic", "k3:", "k4 :", "k5",
				"\x00k6: x", ":x", " ", "k7: a\x00b", "\vk0: x"}))
			end()
			continue
		}
		key := pick(r, drawnKeys)
		if chance(odd) {
			key = pick(r, oddKeys)
			for f == aliases.Sendmail && (key[0] == '<' || key == `"open`) {
				key = pick(r, oddKeys) // what stays open runs on into the value
			}
		}
		sep := ": "
		if f == aliases.Map || f == aliases.Exim && chance(30) || f == aliases.OpenSMTPDDB &&
			chance(20) {
			sep = pick(r, []string{" ", "\t", "   "})
		}
		if chance(odd + 5) {
			sep = pick(r, []string{":", " : ", ":\t", " ", "::", ": : ", "\t:\t", " :", ":\f"})
		}
		value := pick(r, drawnVals)
		if chance(odd) {
			value = pick(r, oddVals)
		}
		if key == `"open` && (len(value) > 3000 || strings.Contains(sep+value, "\t")) {
			// a key that Exim cannot be asked for, or that has a tab, where Postfix' listing is cut
			sep, value = " ", "alice"
		}
		if f == aliases.Sendmail && len(value) > 8000 {
			continue // some over-long entries are left out of the comparison
		}
		b.WriteString(key + sep + value)
		for chance(10 + odd) {
			b.WriteByte('\n')
			if chance(odd) {
				b.WriteString(pick(r, []string{"\n", "# inside\n", " \n", " # indented\n",
					"#x\x00\n"}))
			}
			b.WriteString(pick(r, []string{" ", "\t", "    "}) + pick(r, drawnVals))
		}
		end()
	}
	d.text = b.Bytes()
	if chance(10) {
		d.text = bytes.TrimSuffix(d.text, []byte("\n"))
	}
	d.ask = slices.Concat(drawnKeys, oddKeys)
	if err := os.WriteFile(path, d.text, 0o644); err != nil {
		panic(err)
	}
	return d
}

// model is what internal/aliases makes of the file.
func (d *drawn) model(f aliases.Format) (held map[string]string, twice bool, err error) {
	held = map[string]string{}
	err = aliases.Each(context.Background(), bytes.NewReader(d.text), f,
		func(e aliases.Entry) error {
			_, has := held[string(e.Key)]
			twice = twice || has
			if !has || f.LastWins() {
				held[string(e.Key)] = string(e.Value)
			}
			return nil
		})
	return held, twice, err
}

func (d *drawn) compare(t *testing.T, f aliases.Format, sum *counts) {
	t.Helper()
	held, _, err := d.model(f)
	if err != nil {
		t.Fatal(err)
	}
	content, err := aliases.Read(context.Background(), bytes.NewReader(d.text), f, nil)
	if err != nil {
		t.Fatal(err)
	}
	var faults []string
	if refused := content.Refused != nil; refused != d.refused {
		faults = append(faults, fmt.Sprintf("refused %v; want %v", refused, d.refused))
	}
	if d.refused {
		sum.refused++
	} else {
		if len(held) != content.Entries {
			faults = append(faults, fmt.Sprintf("%d entries, %d keys", content.Entries, len(held)))
		}
		keys := slices.Sorted(maps.Keys(held))
		for key := range d.real {
			if _, ok := held[key]; !ok {
				keys = append(keys, key)
			}
		}
		for _, key := range keys {
			got, held := held[key]
			want, real := d.real[key]
			got, want = squeeze(got, f), squeeze(want, f)
			if held != real || got != want {
				faults = append(faults, fmt.Sprintf("key %q: %.80q %v; want %.80q %v", key, got,
					held, want, real))
			}
		}
		sum.found += len(d.real)
		sum.absent += len(d.ask) - len(d.real)
	}
	if len(faults) > 0 {
		sum.wrong++
		t.Errorf("%s: %s\n%.600q", f, strings.Join(faults, "\n"), strings.ReplaceAll(string(d.text),
			"m@x.org, m@x.org, m@x.org, m@x.org, ", ""))
	}
}

// squeeze takes out of a value what this comparison is not about: white space,
// and for postalias the quotes that it sets anew.
func squeeze(value string, f aliases.Format) string {
	drop := " \t\n\v\f\r"
	switch f {
	case aliases.Aliases:
		drop += "\"\\[]"
	case aliases.Sendmail:
		drop = " \t\n\v\f"
	}
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(drop, r) {
			return -1
		}
		return r
	}, value)
}
