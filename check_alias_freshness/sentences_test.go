package main

import (
	"strings"
	"testing"
	"time"

	"mailfresh/internal/aliases"
	"mailfresh/internal/mapfile"
	"mailfresh/internal/nagios"
	"mailfresh/internal/regular"
)

// Sentences that have no row in the documentation.
func TestSentences(t *testing.T) {
	for _, test := range []judgeRow{
		{"more problems than are named", nil, good(func(f *file) {
			f.content.Counts[aliases.NoValue], f.content.Counts[aliases.NotUTF8] = 1, 4
			for line := range int64(5) {
				f.content.Problems = append(f.content.Problems,
					aliases.Problem{Kind: aliases.NotUTF8, Line: line})
			}
		}), nagios.Warning, "/etc/aliases: 5 lines are lost or misread: line 0: not UTF-8, line 1: not UTF-8, " +
			"line 2: not UTF-8 and 2 more$"},
		{"problems without a line", nil, good(func(f *file) {
			f.content.Counts[aliases.NUL], f.content.Counts[aliases.Oversize] = 2, 1
		}), nagios.Critical, "damage: 3 more$"},
		{"a value that is not understood, of a key that is not found", nil,
			good(func(f *file) {
				f.content.Required = []aliases.Requirement{{Key: "k", Bad: true, Empty: true}}
			}), nagios.Critical, "required key k not found: it does not stand in the file$"},
		{"an empty value that is not understood", nil, good(func(f *file) {
			f.content.Required = []aliases.Requirement{{Key: "k", Line: 3, Bad: true, Empty: true}}
		}), nagios.Critical, "required key k has a value in line 3 that OpenSMTPD"},
		{"an empty map that may not be read", nil, withMap(compiled{kind: mapfile.DB,
			File: regular.File{Path: "m.db", Where: "m.db", Fault: regular.Denied,
				ModTime: ago(time.Minute)}}), nagios.Critical,
			"its map m.db is empty (run exim_dbmbuild /etc/aliases m.db)$"},
		{"size below both limits", func(o *options) {
			o.SizeWarning = nagios.Range{End: 99, Set: true}
		}, good(nil), nagios.Warning, "has 100 bytes, outside the range 99$"},
	} {
		r := judge(given(test.opt), read(nil, test.file), now)
		if r.State != test.want || !strings.Contains(r.Summary+"$", test.text) {
			t.Errorf("%s: judge = %v, %q; want %v, %q", test.name, r.State, r.Summary, test.want,
				test.text)
		}
	}
}

// The quantities of a file and of its map, in their order.
func TestQuantities(t *testing.T) {
	f := withMap(built("/etc/aliases.db", mapfile.DB, time.Hour, holds("hash", 5, 5)))
	r := judge(given(nil), read(hourly(37*time.Minute, nil), f), now)
	var got []string
	for _, q := range r.Objects[0].Quantities {
		got = append(got, q.Label+"/"+q.Metric)
	}
	want := "age/ /mtime_timestamp_seconds missed/missed_updates size/size_bytes entries/entries " +
		"malformed/malformed_lines duplicates/duplicate_keys /digest_info map_lag/map_lag_seconds " +
		"map_entries/map_entries"
	if text := strings.Join(got, " "); text != want {
		t.Errorf("quantities %q; want %q", text, want)
	}
}
