//go:build integration

package integration

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mailfresh/internal/aliases"
)

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
func lsearch(t *testing.T, r release, dir string) oracle {
	h := r.host(t, "exim", "exim")
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
		cmd := h.daemon("/usr/sbin/exim4", "-C", conf, "-be")
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
func compile(t *testing.T, r release, dir, name string) oracle {
	h := r.host(t, name, "postfix")
	writeText(t, filepath.Join(dir, "main.cf"), fmt.Sprintf(postfixMaps, dir))
	return func(t *testing.T, files []*drawn) {
		args := []string{"/usr/sbin/" + name, "-c", dir}
		for _, d := range files {
			args = append(args, "hash:"+d.path)
		}
		mapTool(t, h.daemon(args...), 0)
		for _, d := range files {
			out, _ := mapTool(t, h.daemon("/usr/sbin/postmap", "-c", dir, "-s", "hash:"+d.path), 0)
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
			d.lookUp(t, h, dir)
		}
	}
}

// lookUp asks for keys in capitals: what is not found is not held.
func (d *drawn) lookUp(t *testing.T, h *host, dir string) {
	t.Helper()
	var ask []string
	for key := range d.real {
		ask = append(ask, strings.ToUpper(key))
	}
	cmd := h.daemon("/usr/sbin/postmap", "-c", dir, "-q", "-", "hash:"+d.path)
	cmd.Stdin = strings.NewReader(strings.Join(ask, "\n") + "\n")
	out, _ := mapTool(t, cmd, 0, 1)
	for _, key := range ask {
		if !strings.Contains("\n"+out, "\n"+key+"\t") {
			t.Errorf("key %q is in the map and not found:\n%s", key, out)
		}
	}
}

func postalias(t *testing.T, r release, dir string) oracle {
	return compile(t, r, dir, "postalias")
}

func postmap(t *testing.T, r release, dir string) oracle { return compile(t, r, dir, "postmap") }

// postfixMaps is a main.cf that is enough for maps, in a folder.
const postfixMaps = `
compatibility_level = 3.6
queue_directory = %[1]s
data_directory = %[1]s
mail_owner = postfix
setgid_group = postdrop
`

// newaliases compiles with Sendmail and reads the maps back.
func newaliases(t *testing.T, r release, dir string) oracle {
	// it sleeps for a minute where the host has no name with a dot
	h := r.host(t, "mx.example.test", "sendmail")
	writeText(t, filepath.Join(dir, "sendmail.mc"), sendmailMacros)
	const macros = "/usr/share/sendmail/cf/"
	text, _ := mapTool(t, h.daemon("m4", "-D_CF_DIR_="+macros, macros+"m4/cf.m4",
		filepath.Join(dir, "sendmail.mc")), 0)
	conf := filepath.Join(dir, "sendmail.cf")
	writeText(t, conf, text)
	// no DNS
	writeText(t, filepath.Join(dir, "switch"), "hosts files\naliases files\npasswd files\n")
	if err := os.Mkdir(filepath.Join(dir, "q"), 0o700); err != nil {
		t.Fatal(err)
	}
	return func(t *testing.T, files []*drawn) {
		var paths []string
		for _, d := range files {
			paths = append(paths, d.path)
		}
		mapTool(t, h.daemon("/usr/libexec/sendmail/sendmail", "-C", conf, "-O",
			"ServiceSwitchFile="+dir+"/switch",
			"-O", "AliasFile="+strings.Join(paths, ","), "-O", "QueueDirectory="+dir+"/q", "-O",
			"DontBlameSendmail="+
				"truststickybit,forwardfileinunsafedirpath,groupwritabledirpathsafe,linkedaliasfileinwritabledir", "-bi"), 0, 64, 68, 70)
		for _, d := range files {
			out, _ := mapTool(t, h.daemon("/usr/libexec/sendmail/makemap", "-C", conf, "-u", "hash",
				d.path), 0)
			d.real = map[string]string{}
			for _, line := range strings.Split(strings.TrimSuffix(out, "\n"), "\n") {
				if key, value, ok := strings.Cut(line, "\t"); ok && key != "@" {
					d.real[key] = value
				}
			}
		}
	}
}

const sendmailMacros = "OSTYPE(`linux')dnl\n" +
	"define(`confDONT_BLAME_SENDMAIL', `TrustStickyBit')dnl\n" +
	"FEATURE(`nocanonify')dnl\nMAILER(`local')dnl\nMAILER(`smtp')dnl\n"

// makemap compiles with OpenSMTPD and reads the maps back. The program wants to
// be of a group of its own.
func makemap(t *testing.T, r release, dir string) oracle {
	h := r.host(t, "opensmtpd", "opensmtpd")
	program := filepath.Join(dir, "makemap")
	if err := os.Symlink("/usr/sbin/smtpctl", program); err != nil {
		t.Fatal(err)
	}
	command := func(args ...string) *exec.Cmd {
		return h.daemon(append([]string{"setpriv", "--regid=opensmtpq", "--clear-groups", program},
			args...)...)
	}
	writeText(t, filepath.Join(dir, "probe"), "a: b\n")
	said, _ := command("-t", "aliases", filepath.Join(dir, "probe")).CombinedOutput()
	if strings.Contains(string(said), "makemap is non-functional") {
		r.report(t, "alias files of opensmtpd-db", "makemap does nothing")
		t.Skipf("%s: %s", r.suite, said) // it has file: tables alone
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
