//go:build integration

package integration

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"mailfresh/internal/aliases"
	"mailfresh/internal/plugintest"
)

// TestAliasTables compares what internal/aliases reads in random tables of type file:
// with what smtpd of each release does: whether it starts, the value of each key, and
// whether it answers 424.
func TestAliasTables(t *testing.T) {
	seed, addr := plugintest.Seed(t), "127.0.0.78"
	text, err := os.ReadFile("testdata/table.pl")
	if err != nil {
		t.Fatal(err)
	}
	everyRelease(t, func(t *testing.T, r release) {
		h := r.host(t, "tables", "opensmtpd")
		h.must(t, "systemctl stop opensmtpd || true")
		h.write(t, "/root/table.pl", string(text))
		random, sum, draws := rand.New(rand.NewPCG(seed, 99)), tableCounts{}, tableDraws()
		for batch := 0; sum.files < draws; batch++ {
			dir := fmt.Sprintf("/root/t%d", batch)
			h.must(t, "mkdir "+dir)
			tables := map[string]*drawn{}
			for i := range min(40, draws-sum.files) {
				d := draw(random, aliases.OpenSMTPD, fmt.Sprintf("%s/table", t.TempDir()))
				n := fmt.Sprint(i)
				tables[n] = d
				h.write(t, dir+"/"+n, string(d.text))
				h.write(t, dir+"/"+n+".keys", strings.Join(d.localParts(), "\n")+"\n")
			}
			out := h.must(t, "perl /root/table.pl "+dir+" "+addr)
			compareTables(t, tables, out, r.suite == "bookworm", &sum)
			if sum.wrong > 5 {
				t.Fatalf("MAILFRESH_SEED=%d: stopped", seed)
			}
		}
		r.report(t, "tables of opensmtpd's smtpd", strconv.Itoa(sum.files))
		t.Logf("smtpd %s: %+v; MAILFRESH_SEED=%d", r.version(t, "opensmtpd", "opensmtpd"), sum,
			seed)
	})
}

type tableCounts struct{ files, refused, values, deferred, absent, wrong int }

func tableDraws() int {
	if os.Getenv("MAILFRESH_DRAWS") == "" {
		return 1000
	}
	n := 0
	fmt.Sscan(os.Getenv("MAILFRESH_DRAWS"), &n)
	return n
}

var localPart = regexp.MustCompile(`^[0-9A-Za-z_+-]+(\.[0-9A-Za-z_+-]+)*$`)

// localParts gives the keys that a client can ask for.
func (d *drawn) localParts() (list []string) {
	for _, key := range d.ask {
		if localPart.MatchString(key) && len(key) < 64 {
			list = append(list, key)
		}
	}
	return list
}

// compareTables compares what the script printed with what internal/aliases reads.
// OpenSMTPD 6.8 skips further colons behind a key.
func compareTables(t *testing.T, tables map[string]*drawn, out string, old bool, sum *tableCounts) {
	t.Helper()
	loads, replies, values := map[string]string{}, map[string]string{}, map[string]string{}
	for line := range strings.SplitSeq(out, "\n") {
		word := strings.SplitN(line, " ", 4)
		switch {
		case word[0] == "load":
			loads[word[1]] = word[2]
		case word[0] == "reply" && len(word) == 4:
			replies[word[1]+" "+word[2]] = word[3]
		case word[0] == "value" && len(word) == 4:
			values[word[1]+" "+strings.ToLower(word[2])] = word[3]
		}
	}
	for n, d := range tables {
		sum.files++
		if faults := d.tableFaults(t, n, loads, replies, values, old, sum); len(faults) > 0 {
			sum.wrong++
			t.Errorf("%s\n%.900q", strings.Join(faults, "\n"), d.text)
		}
	}
}

// tableFaults says what internal/aliases has wrong of one table.
func (d *drawn) tableFaults(t *testing.T, n string, loads, replies, values map[string]string,
	old bool, sum *tableCounts) (faults []string) {
	t.Helper()
	asked := d.localParts()
	c, err := aliases.Read(context.Background(), bytes.NewReader(d.text), aliases.OpenSMTPD, asked)
	if err != nil {
		t.Fatal(err)
	}
	held, _, _ := d.model(aliases.OpenSMTPD)
	if refused := c.Refused != nil; refused || loads[n] != "1" {
		sum.refused++
		if (loads[n] == "1") == refused {
			faults = append(faults, fmt.Sprintf("refused %t (%v); smtpd loads: %s", refused,
				c.Refused, loads[n]))
		}
		return faults
	}
	for i, key := range asked {
		r, reply := c.Required[i], replies[n+" "+key]
		value, found := values[n+" "+strings.ToLower(key)]
		got, want := squeeze(held[strings.ToLower(key)], aliases.OpenSMTPD),
			squeeze(value, aliases.OpenSMTPD)
		if old && strings.HasPrefix(got, ":") {
			continue
		}
		if !found {
			sum.absent++
		} else if sum.values++; reply == "424" {
			sum.deferred++
		}
		nothing := strings.Trim(want, ",") == "" // smtpd goes on as if the key were not there
		if (r.Line > 0) != (found && !nothing) || r.Line > 0 && got != want {
			faults = append(faults, fmt.Sprintf("key %q: %+v, value %.80q; smtpd: %t, %.80q", key,
				r, got, found, want))
		} else if r.Line > 0 && r.Bad != (reply == "424") {
			faults = append(faults,
				fmt.Sprintf("key %q: not understood %t; smtpd answers %q to %.80q", key, r.Bad,
					reply, want))
		}
	}
	return faults
}
