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
// files.
func (r *report) aliases(t *testing.T) {
	file := writeAliases(t, "exim", addresses, 1000)
	plain := ours("check_alias_freshness", "-f", file, "-c", "1d")
	age := command{
		args: []string{
			"/usr/lib/nagios/plugins/check_file_age",
			"-w",
			"86400",
			"-c",
			"86400",
			"-f",
			file,
		},
		says: "^FILE_AGE OK",
	}
	c := contest{
		ours:  plain,
		peer:  age,
		pairs: 100,
	}.run(t, "age of an alias file", "check_file_age")
	r.add(c)
	r.addPeak(c)
	content := ours("check_alias_freshness", "-f", file, "--format", "exim", "-c", "1d")
	r.burst(t, "an alias file of 1,000 entries", content)
	for _, b := range []struct{ format, line, what string }{
		{"exim", addresses, "address: address"},
		{"aliases", "user%07d: alice%d, bob@example.org\n", "name: name, address"},
		{"map", "user%07d@example.org\tsmtp:[mx%d.example.org]\n", "address transport"},
		{"sendmail", "user%07d: user%07d@mail.example.org\n", "name: address"},
		{"opensmtpd", "user%07d: user%07d@mail.example.org\n", "name: address"},
	} {
		c := count(t, b.format, b.line, 1_000_000, 20)
		c.what = fmt.Sprintf("1,000,000 entries, %s (%s)", b.format, b.what)
		r.add(c.want("at most 4, under 64 MB", c.wall.ratio <= 4 && c.peak.ours < 64))
	}
	growth := series{title: "check_alias_freshness --format exim", x: "entries", peer: "wc -l"}
	for n := 1000; n <= 10_000_000; n *= 10 {
		c := count(t, "exim", addresses, n, 30)
		growth.add(n, c.wall)
		if n > 1_000_000 {
			c.what = "10,000,000 entries, exim"
			r.add(c)
		}
	}
	r.grow(growth)
}

// count compares the check of a file with wc -l. Both have to find all entries.
func count(t *testing.T, format, line string, entries, pairs int) row {
	t.Helper()
	path := writeAliases(t, format, line, entries)
	defer os.Remove(path)
	check := ours(
		"check_alias_freshness",
		"-f",
		path,
		"--format",
		format,
		"-c",
		"1d",
		"-t",
		"1m",
		"--compiled",
		"none",
	)
	check.says = fmt.Sprintf(`entries=%d;`, entries)
	wc := command{args: []string{"/usr/bin/wc", "-l", path}, says: fmt.Sprintf("^%d ", entries)}
	return contest{ours: check, peer: wc, pairs: pairs}.run(t, "", "wc -l")
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
