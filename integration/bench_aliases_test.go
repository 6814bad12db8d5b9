//go:build bench

package integration

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// an alias file as in the incident, by far the commonest use of lsearch
const addresses = "user%07d@example.org: user%07d@mail.example.org\n"

// aliases measures the check of alias files, with all of their grammar, beside wc -l of the same
// files, and beside what Postfix needs to compile one.
func (r *report) aliases(t *testing.T) {
	file := writeAliases(t, "exim", addresses, 1000)
	age := command{
		args: []string{"/usr/lib/nagios/plugins/check_file_age",
			"-w", "86400", "-c", "86400", "-f", file},
		says: "^FILE_AGE OK",
	}
	c := contest{ours("check_alias_freshness", "-f", file, "-c", "1d"), age, 100, false}
	minute := c.run(t, "age of an alias file", "check_file_age")
	r.add(minute)
	r.addPeak(minute)
	r.hour = append(r.hour, minute)
	r.beside(t, minute.what, c)
	content := ours("check_alias_freshness", "-f", file, "--format", "exim", "-c", "1d")
	r.burst(t, "an alias file of 1,000 entries", content)
	for _, b := range []struct{ format, line, what string }{
		{"exim", addresses, "address: address"},
		{"aliases", "user%07d: alice%d, bob@example.org\n", "name: name, address"},
		{"map", "user%07d@example.org\tsmtp:[mx%d.example.org]\n", "address transport"},
		{"sendmail", "user%07d: user%07d@mail.example.org\n", "name: address"},
		{"opensmtpd", "user%07d: user%07d@mail.example.org\n", "name: address"},
	} {
		path := writeAliases(t, b.format, b.line, 1_000_000)
		what := fmt.Sprintf("1,000,000 entries, %s (%s)", b.format, b.what)
		c := count(path, b.format, 1_000_000, 20)
		r.add(c.run(t, what, "wc -l").want(limit{ofWall, 20}, limit{peakMB, 40}))
		if b.format == "aliases" {
			r.compiled(t, path, what, c)
		}
		os.Remove(path)
	}
	r.entries(t)
}

// entries measures 1,000 to 10,000,000 entries.
func (r *report) entries(t *testing.T) {
	growth := series{title: "check_alias_freshness --format exim", x: "entries", peer: "wc -l"}
	most := 10_000_000
	if testing.Short() {
		most = 100_000
	}
	for n := 1000; n <= most; n *= 10 {
		path := writeAliases(t, "exim", addresses, n)
		c := count(path, "exim", n, 30)
		size := c.run(t, thousands(n)+" entries, exim", "wc -l")
		growth.add(n, size.wall)
		switch n {
		case 10_000:
			c.pairs = 200
			r.beside(t, size.what, c, limit{moreMS, 2})
		case 1_000_000:
			r.beside(t, size.what, c)
		case 10_000_000:
			r.add(size)
		}
		os.Remove(path)
	}
	r.grow(growth)
}

// compiled compares the check of a file with postalias of the same, which writes the map that
// Postfix looks into.
func (r *report) compiled(t *testing.T, path, what string, c contest) {
	t.Helper()
	config := folder(t, nil, "postfix", "root")
	text := "compatibility_level = 3.7\ndata_directory = " + config + "\n"
	if err := os.WriteFile(filepath.Join(config, "main.cf"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(path + ".db")
	c.pairs = minPairs
	c.peer = command{
		args: []string{postfix + "/sbin/postalias", "-c", config, "hash:" + path},
		env:  []string{postfixLibrary},
		user: "root", // it becomes the owner of the file
		says: "^$|^[0-9]+\n$",
	}
	r.add(c.run(t, what, "postalias").want(limit{ofWall, 0.1}))
}

// count compares the check of a file with wc -l. Both have to find all entries.
func count(path, format string, entries, pairs int) contest {
	check := ours("check_alias_freshness", "-f", path, "--format", format, "-c", "1d", "-t", "1m",
		"--compiled", "none")
	check.says = fmt.Sprintf(`entries=%d;`, entries)
	wc := command{args: []string{"/usr/bin/wc", "-l", path}, says: fmt.Sprintf("^%d ", entries)}
	return contest{ours: check, peer: wc, pairs: pairs}
}

// writeAliases writes a file of entries, none twice.
func writeAliases(t *testing.T, name, line string, entries int) (path string) {
	t.Helper()
	path = filepath.Join(filepath.Dir(bin), fmt.Sprintf("aliases-%s-%d", name, entries))
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	for i := range entries {
		fmt.Fprintf(w, line, i*7919%10_000_000, i)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}
