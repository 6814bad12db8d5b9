//go:build integration

package integration

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"mailfresh/internal/aliases"
	"mailfresh/internal/mapfile"
	"mailfresh/internal/plugintest"
	"mailfresh/internal/regular"
)

// TestAliases compares what internal/aliases reads in random files with what
// the real programs do. MAILFRESH_SEED repeats a run, MAILFRESH_DRAWS sets the
// number of files for each program.
func TestAliases(t *testing.T) {
	seed, draws := plugintest.Seed(t), 2000
	if s := os.Getenv("MAILFRESH_DRAWS"); s != "" {
		draws, _ = strconv.Atoi(s)
	}
	programs := []struct {
		format aliases.Format
		oracle func(t *testing.T, dir string) oracle
	}{
		{aliases.Exim, lsearch}, {aliases.Aliases, postalias}, {aliases.Map, postmap}, {aliases.Sendmail, newaliases}, {aliases.OpenSMTPDDB, makemap},
	}
	for i, p := range programs {
		t.Run(p.format.String(), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.Chmod(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			read := p.oracle(t, dir)
			r := rand.New(rand.NewPCG(seed, uint64(i)))
			var sum counts
			for done := 0; done < draws; {
				files := make([]*drawn, min(12, draws-done))
				for k := range files {
					files[k] = draw(r, p.format, filepath.Join(dir, fmt.Sprintf("f%d", k)))
				}
				read(t, files)
				for _, f := range files {
					f.compare(t, p.format, &sum)
				}
				if done += len(files); sum.wrong > 5 {
					t.Fatalf("MAILFRESH_SEED=%d: stopped after %d files", seed, done)
				}
			}
			t.Logf("%s: %d files, %d keys found, %d keys absent, %d files refused, %d wrong; MAILFRESH_SEED=%d",
				p.format, draws, sum.found, sum.absent, sum.refused, sum.wrong, seed)
		})
	}
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
	drawnKeys = []string{"root", "Root", "foo", "FOO", "a.b", "bar-baz", "x+y", "list", "postmaster", "u_1", "vrts", "k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7", "owner-list", "12345678", "a-key-of-more-than-sixteen-bytes"}
	oddKeys   = []string{`"a b"`, `"x:y"`, `"q"`, `"open`, "Q@example.org", "a@b", "@dom.org", "*", "two words", "sp ", "é", "É.x", "\xe9", "a\\b", "c(com)", "<angle>", "a,b", "100%", "u!v", "/file", "|cmd", ":", "#k", "k#x", "a;b", "caf\u00e9", `"es\"c"`, `"t\x41\101\n"`, "ex`am", "b{r}", "t~e", "=======", "<<<<<<< HEAD", ">>>>>>> x", "a^b", strings.Repeat("l", 300)}
	drawnVals = []string{"alice", "alice@example.org", "a, b", "a,b,c", "x@y.org", "bob", "carol,  dave", "/dev/null", "plain-value", "a-value-of-more-than-sixteen-bytes@example.org"}
	oddVals   = []string{`"|/bin/prog arg"`, "|/bin/prog", ":include:/etc/list", ":blackhole:", "error:550 no", ":error:450 later", "a b", "x # note", `a\`, `a\#b`, "", " ", "a,", ",a", "a,,b", `"q, r"`, "é", "\xff\xfe", "a:b", `\root`, "a@b@c", "a@b_c", "@x", "x@", "o'k", "a\tb", "smtp:[host]", "(c) x", "\"|x", `"|`, "a;b", strings.Repeat("v", 5000), strings.Repeat("m@x.org, ", 1100) + "z"}
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
			b.WriteString(pick(r, []string{"\r\n", "\r", "\x00\n", "\\\n", " \n", "\t\r\n", "\f\n", "\x00", "\\\\\n", " # x\n", "\\\r\n"}))
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
			b.WriteString(pick(r, []string{"# comment", "#", " # indented", "", "  ", "#k1: x", "\t", "\x00\x00\x00"}[:3+r.IntN(2+odd/3)]))
			end()
			continue
		case chance(odd):
			b.WriteString(pick(r, []string{" k1: lead", "\tk2 x", "alic", "k3:", "k4 :", "k5", "\x00k6: x", ":x", " ", "k7: a\x00b", "\vk0: x"}))
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
		if f == aliases.Map || f == aliases.Exim && chance(30) || f == aliases.OpenSMTPDDB && chance(20) {
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
			sep, value = " ", "alice" // a key that Exim cannot be asked for, or that has a tab, where Postfix' listing is cut
		}
		if f == aliases.Sendmail && len(value) > 8000 {
			value = strings.ReplaceAll(value, " ", "") // newaliases loops for ever where its buffer is full before a blank
		}
		b.WriteString(key + sep + value)
		for chance(10 + odd) {
			b.WriteByte('\n')
			if chance(odd) {
				b.WriteString(pick(r, []string{"\n", "# inside\n", " \n", " # indented\n", "#x\x00\n"}))
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
	err = aliases.Each(context.Background(), bytes.NewReader(d.text), f, func(e aliases.Entry) error {
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
				faults = append(faults, fmt.Sprintf("key %q: %.80q %v; want %.80q %v", key, got, held, want, real))
			}
		}
		sum.found += len(d.real)
		sum.absent += len(d.ask) - len(d.real)
	}
	if len(faults) > 0 {
		sum.wrong++
		t.Errorf("%s: %s\n%.600q", f, strings.Join(faults, "\n"), strings.ReplaceAll(string(d.text), "m@x.org, m@x.org, m@x.org, m@x.org, ", ""))
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

const daemons = "/var/cache/mailfresh"

// daemon gives the path of an unpacked program.
func daemon(t *testing.T, path string) string {
	t.Helper()
	path = filepath.Join(daemons, path)
	need(t, path)
	return path
}

// mapTool runs a program and gives its standard output; it must exit with one of
// the codes.
func mapTool(t *testing.T, cmd *exec.Cmd, codes ...int) (string, int) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Start()
	if err != nil {
		t.Fatal(err)
	}
	limit := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	err = cmd.Wait()
	limit.Stop()
	code := cmd.ProcessState.ExitCode()
	if !slices.Contains(codes, code) {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, errs.String())
	}
	return out.String(), code
}

// lsearch looks every key up with Exim's lsearch, in one process.
func lsearch(t *testing.T, dir string) oracle {
	program := daemon(t, "exim4/usr/sbin/exim4")
	conf := filepath.Join(dir, "exim.conf")
	writeText(t, conf, fmt.Sprintf("spool_directory = %s\nlog_file_path = %s/%%slog\n", dir, dir))
	return func(t *testing.T, files []*drawn) {
		var in bytes.Buffer
		var asked []string
		var of []*drawn
		for _, d := range files {
			held, _, _ := d.model(aliases.Exim)
			d.real = map[string]string{}
			for _, key := range d.ask {
				held[key] = ""
				held[strings.Trim(key, `"`)] = ""
			}
			for key := range held {
				if key == "" {
					continue
				}
				hex := ""
				for i := range len(key) {
					if c := key[i]; c >= 'a' && c <= 'w' {
						hex += string(c)
					} else {
						hex += fmt.Sprintf(`\x%02x`, c)
					}
				}
				fmt.Fprintf(&in, "${lookup{%s}lsearch{%s}{=${base64:$value}}{NONE}}\n", hex, d.path)
				asked, of = append(asked, key), append(of, d)
			}
		}
		cmd := exec.Command(program, "-C", conf, "-be")
		cmd.Stdin = &in
		out, _ := mapTool(t, cmd, 0)
		lines := strings.Split(strings.ReplaceAll(out, "> ", ""), "\n")
		if len(lines) < len(asked) {
			t.Fatalf("%d answers to %d questions:\n%.300s", len(lines), len(asked), out)
		}
		for i, key := range asked {
			if value, ok := strings.CutPrefix(lines[i], "="); ok {
				raw, err := base64.StdEncoding.DecodeString(value)
				if err != nil {
					t.Fatal(err)
				}
				of[i].real[lowerASCII(key)] = string(raw)
			} else if lines[i] != "NONE" {
				t.Fatalf("key %q: %q", key, lines[i])
			}
		}
	}
}

func lowerASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] |= 0x20
		}
	}
	return string(b)
}

func writeText(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// compile builds with a program of Postfix and reads the maps back.
func compile(t *testing.T, dir, name string) oracle {
	program, query := daemon(t, "postfix/usr/sbin/"+name), daemon(t, "postfix/usr/sbin/postmap")
	writeText(t, filepath.Join(dir, "main.cf"), fmt.Sprintf("compatibility_level = 3.6\nqueue_directory = %[1]s\ndata_directory = %[1]s\nmail_owner = postfix\nsetgid_group = postdrop\n", dir))
	env := append(os.Environ(), "LD_LIBRARY_PATH="+filepath.Join(daemons, "postfix/usr/lib/postfix"))
	return func(t *testing.T, files []*drawn) {
		args := []string{"-c", dir}
		for _, d := range files {
			args = append(args, "hash:"+d.path)
		}
		build := exec.Command(program, args...)
		build.Env = env
		mapTool(t, build, 0)
		for _, d := range files {
			dump := exec.Command(query, "-c", dir, "-s", "hash:"+d.path)
			dump.Env = env
			out, _ := mapTool(t, dump, 0)
			d.real = map[string]string{}
			for _, line := range strings.Split(strings.TrimSuffix(out, "\n"), "\n") {
				at := 0
				for at < len(line) && line[at] != '\t' {
					if name == "postmap" && line[at] == '\\' { // also before a tab part of the key
						at++
					}
					at++
				}
				if at < len(line) && line[:at] != "@" && !strings.HasPrefix(line, "YP_") {
					d.real[line[:at]] = line[at+1:]
				}
			}
			d.lookUp(t, query, dir, env)
		}
	}
}

// lookUp asks for keys in capitals: what is not found is not held.
func (d *drawn) lookUp(t *testing.T, query, dir string, env []string) {
	t.Helper()
	var ask []string
	for key := range d.real {
		ask = append(ask, strings.ToUpper(key))
	}
	cmd := exec.Command(query, "-c", dir, "-q", "-", "hash:"+d.path)
	cmd.Env = env
	cmd.Stdin = strings.NewReader(strings.Join(ask, "\n") + "\n")
	out, _ := mapTool(t, cmd, 0, 1)
	for _, key := range ask {
		if !strings.Contains("\n"+out, "\n"+key+"\t") {
			t.Errorf("key %q is in the map and not found:\n%s", key, out)
		}
	}
}

func postalias(t *testing.T, dir string) oracle { return compile(t, dir, "postalias") }
func postmap(t *testing.T, dir string) oracle   { return compile(t, dir, "postmap") }

// newaliases compiles with Sendmail and reads the maps back.
func newaliases(t *testing.T, dir string) oracle {
	program, dump := daemon(t, "sendmail/usr/libexec/sendmail/sendmail"), daemon(t, "sendmail/usr/libexec/sendmail/makemap")
	macros := daemon(t, "sendmail-cf/usr/share/sendmail/cf")
	writeText(t, filepath.Join(dir, "sendmail.mc"), "OSTYPE(`linux')dnl\ndefine(`confDONT_BLAME_SENDMAIL', `TrustStickyBit')dnl\nFEATURE(`nocanonify')dnl\nMAILER(`local')dnl\nMAILER(`smtp')dnl\n")
	m4 := exec.Command("m4", "-D_CF_DIR_="+macros+"/", macros+"/m4/cf.m4", filepath.Join(dir, "sendmail.mc"))
	text, _ := mapTool(t, m4, 0)
	conf := filepath.Join(dir, "sendmail.cf")
	writeText(t, conf, text)
	writeText(t, filepath.Join(dir, "switch"), "hosts files\naliases files\npasswd files\n") // no DNS
	if err := os.Mkdir(filepath.Join(dir, "q"), 0o700); err != nil {
		t.Fatal(err)
	}
	// It sleeps for a minute where the host has no name with a dot.
	script := "echo mx.example.test >/proc/sys/kernel/hostname; exec " + program + ` "$@"`
	return func(t *testing.T, files []*drawn) {
		var paths []string
		for _, d := range files {
			paths = append(paths, d.path)
		}
		mapTool(t, exec.Command("unshare", "--uts", "sh", "-c", script, "sendmail", "-C", conf, "-O", "ServiceSwitchFile="+dir+"/switch", "-O", "AliasFile="+strings.Join(paths, ","), "-O", "QueueDirectory="+dir+"/q",
			"-O", "DontBlameSendmail=truststickybit,forwardfileinunsafedirpath,groupwritabledirpathsafe,linkedaliasfileinwritabledir", "-bi"), 0, 64, 68, 70)
		for _, d := range files {
			out, _ := mapTool(t, exec.Command(dump, "-C", conf, "-u", "hash", d.path), 0)
			d.real = map[string]string{}
			for _, line := range strings.Split(strings.TrimSuffix(out, "\n"), "\n") {
				if key, value, ok := strings.Cut(line, "\t"); ok && key != "@" {
					d.real[key] = value
				}
			}
		}
	}
}

// makemap compiles with OpenSMTPD and reads the maps back. The program wants to
// be of a group of its own.
func makemap(t *testing.T, dir string) oracle {
	program := filepath.Join(dir, "makemap")
	if err := os.Symlink(daemon(t, "opensmtpd/usr/sbin/smtpctl"), program); err != nil {
		t.Fatal(err)
	}
	group, err := user.LookupGroup("opensmtpq")
	if err != nil {
		t.Fatal(err)
	}
	gid, _ := strconv.Atoi(group.Gid)
	command := func(args ...string) *exec.Cmd {
		cmd := exec.Command(program, args...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Gid: uint32(gid)}}
		return cmd
	}
	return func(t *testing.T, files []*drawn) {
		for _, d := range files {
			d.real = map[string]string{}
			_, code := mapTool(t, command("-t", "aliases", "-o", d.path+".db", d.path), 0, 1)
			if d.refused = code == 1; d.refused {
				continue
			}
			out, _ := mapTool(t, command("-U", d.path+".db"), 0)
			for _, line := range strings.Split(strings.TrimSuffix(out, "\n"), "\n") {
				if key, value, ok := strings.Cut(line, "\t"); ok {
					d.real[key] = value
				}
			}
		}
	}
}

// TestCompiledMaps builds maps with Postfix, cuts them, ages them, and compares
// what is said of them with what Postfix says.
func TestCompiledMaps(t *testing.T) {
	query, libs := daemon(t, "postfix/usr/sbin/postmap"), filepath.Join(daemons, "postfix/usr/lib/postfix")
	dir := t.TempDir()
	writeText(t, filepath.Join(dir, "main.cf"), fmt.Sprintf("compatibility_level = 3.6\nqueue_directory = %[1]s\ndata_directory = %[1]s\nmail_owner = postfix\nsetgid_group = postdrop\nmeta_directory = %[1]s\nshlib_directory = %[2]s\n", dir, libs))
	writeText(t, filepath.Join(dir, "dynamicmaps.cf"), fmt.Sprintf("cdb %[1]s/postfix-cdb.so dict_cdb_open mkmap_cdb_open\nlmdb %[1]s/postfix-lmdb.so dict_lmdb_open mkmap_lmdb_open\n", libs))
	postmap := func(args ...string) string {
		cmd := exec.Command(query, append([]string{"-c", dir}, args...)...)
		cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+libs)
		out, _ := cmd.CombinedOutput() // it fails on a map that is cut
		return string(out)
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
			f, facts, err := regular.Read(context.Background(), path+"."+m.suffix.String(), func(r *os.File) (mapfile.Facts, bool, error) {
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
		}{{99 * time.Second, time.Hour, false}, {102 * time.Second, time.Hour, true}, {time.Hour, time.Hour, false}, {time.Hour, 59 * time.Minute, false}, {-time.Hour, time.Hour, false}} {
			now := time.Now().Truncate(time.Second)
			for file, age := range map[string]time.Duration{path: test.source, whole.Path: test.built} {
				if err := os.Chtimes(file, now.Add(-age), now.Add(-age)); err != nil {
					t.Fatal(err)
				}
			}
			said := strings.Contains(postmap("-q", "key7", m.kind+":"+path), "is older than source file")
			check := exec.Command(filepath.Join(bin, "check_alias_freshness"), "-f", path, "-c", "52w", "--compiled", m.suffix.String(), "--mtime-tolerance", "2h")
			out, _ := check.Output() // CRITICAL where it is stale
			if stale := strings.Contains(string(out), "older than the file"); stale != test.want || said != test.want {
				t.Errorf("%s: source of %v, map of %v ago: stale %t, Postfix says %t; want %t", m.kind, test.source, test.built, stale, said, test.want)
			}
		}
		for _, size := range []int64{0, 100, whole.Size / 2 &^ 4095, whole.Size/2&^4095 + 100, whole.Size - 4096} {
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
