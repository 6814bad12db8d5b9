package aliases

import (
	"fmt"
	"strings"
	"testing"
)

// A key is shown where a line has the shape of an entry. What may be part of a
// value is not: a line that lost its indentation came out, 64 bytes of it.
func TestKeysOfProblems(t *testing.T) {
	const good = "x1: y\nx2: y\nx3: y\nx4: y\n"
	for _, test := range []struct {
		format Format
		text   string
		want   string // keys of the problems
	}{
		{Exim, good + "secret\n", ""},
		{Exim, good + "alic:\n", "alic"},
		{Exim, good + "a: b\x00\nnew: c\n", ",new"},
		{Exim, good + "a: b\x00secret\n next\n", ","},
		{Exim, good + "a: b\rsecret\n", ""},
		{Exim, good + "a: b\n secret: c\n", ""},
		{Exim, good + "a: b,\n\n secret@example.org\n", ""},
		{Aliases, good + "a: b,\nsecret@example.org\nsecret\n", ","},
		{Aliases, good + "a@b: c\n", "a@b"},
		{Aliases, good + "|/bin/program secret\n\"|/bin/program secret\"\n/file\n", ",,"},
		{Aliases, good + "se\xe9cret: b\n", ""},
		{Sendmail, good + "a: b,\nsecret@example.org\n", ""},
		{Sendmail, good + "#x\\\nsecret\n", ""},
		{Map, "a b\nc d\nsecret\n", ""},
		{Map, "a b\nc d\ne f\nkey: g\n", "key"},
		{OpenSMTPD, good + "secret\n", ""},
		{OpenSMTPD, good + "root : me\n", "root"},
		{OpenSMTPDDB, good + "key: o'k\n", "key"},
		{Exim, good + strings.Repeat("k", 100) + ":\n", ""},
		// A file that is something else: its lines are no keys.
		{Exim, "secret1:\nsecret2:\n", ","},
		{Aliases, "password@host: secret\nx: y\n", ""},
	} {
		c := content(t, test.format, test.text)
		keys := make([]string, len(c.Problems))
		for i, p := range c.Problems {
			keys[i] = p.Key
		}
		if got := strings.Join(keys, ","); got != test.want || len(keys) == 0 {
			t.Errorf("%s: %q: keys %q of %v; want %q", test.format, test.text, got, c.Problems,
				test.want)
		}
	}
	if d := content(t, Map, "secret\nsecret2\na b\na c\n").Duplicates; len(d) != 1 ||
		d[0].Key != "" {
		t.Errorf("duplicates of a file that is not mostly entries: %v; want one without its key", d)
	}
}

func TestRequire(t *testing.T) {
	for _, test := range []struct {
		format    Format
		text, key string
		want      string
	}{
		{Exim, "a: b\nvrts@x.org: c\n", "VRTS@x.org", "found in line 2"},
		{Exim, "a: b\nA: c\n", "a", "found in line 1"},
		{Sendmail, "a: b\nA: c\n", "a", "found in line 2"},
		{Exim, "\"a b\" c\n", "a b", "found in line 1"},
		{Exim, "a\n", "a", "found in line 1, empty"},
		{Exim, "\xef\xbb\xbfa: b\n", "a",
			"lost: line 1: a byte-order mark belongs to the first key"},
		{Exim, "a: b\x00\nc: d\n", "c", "lost: line 2 is swallowed by the NUL in line 1"},
		{Exim, "a: b\rc: d\n", "c", "lost: line 1: a lone CR does not end the line"},
		{Exim, "a: b\n# x\n c: d\n", "c", "lost: line 3: continues no entry and is lost"},
		{Exim, "a: b\rc: d\re: f\n", "e", "lost: line 1: a lone CR does not end the line"},
		{Exim, "a: b\n c: d\n", "c", "lost: line 2 continues the entry of line 1"},
		{Map, "a b\n c d\n", "c", "lost: line 2 continues the entry of line 1"},
		{Sendmail, "a: b\n c,\n d\ne: f\nc:\n", "c", "lost: line 5: key without value"},
		{Aliases, "a: b,\n c,\n d\n# c: d\n", "c", "comment in line 4"},
		{Aliases, "a: b,\n c\n", "c", "absent"},
		{Exim, "#c: d\n", "c", "comment in line 1"},
		{Exim, "a: b\n", "c", "absent"},
		{Map, "a: b\n", "a", "lost: line 1: the key ends with a colon; is this an alias file?"},
		{Aliases, "a@b: c\n", "a@b", "lost: line 1: the name must be local"},
		{Aliases, "a:\n", "a", "lost: line 1: key without value"},
		{Aliases, "# see c: d\n#c: d\n", "c", "comment in line 2"},
		{Sendmail, "x: y\x00\na: b\n", "a", "lost: line 2 is swallowed by the NUL in line 1"},
		{Sendmail, "a: b\x00\nc: d\n", "a", "lost: line 1: a NUL byte cuts the line"},
		{OpenSMTPDDB, "a b'c\n", "a", "lost: line 1: an invalid entry"},
		{OpenSMTPD, "a: b\nA: c\n", "a", "found in line 2"},
		{OpenSMTPD, "a: b c\n", "a", "found in line 1, not understood"},
		{OpenSMTPD, "a: b c\na: d\n", "a", "found in line 2"},
		{Exim, "*: b\n", "a", "perhaps line 1"},
		{Exim, "*@x.org: b\n", "a@x.org", "perhaps line 1"},
		{Exim, "*@x.org: b\n", "a@y.org", "absent"},
		{Map, "@x.org b\n", "a@x.org", "perhaps line 1"},
	} {
		r := content(t, test.format, test.text, "other", test.key).Required[1]
		got := "absent"
		switch {
		case r.Line > 0:
			got = fmt.Sprintf("found in line %d", r.Line)
			if r.Empty {
				got += ", empty"
			}
			if r.Bad {
				got += ", not understood"
			}
		case r.Lost != nil:
			got = "lost: " + r.Lost.String()
		case r.Note > 0:
			got = fmt.Sprintf("comment in line %d", r.Note)
		case r.CatchAll > 0:
			got = fmt.Sprintf("perhaps line %d", r.CatchAll)
		}
		if got != test.want {
			t.Errorf("%s: %q: %q is %s; want %s", test.format, test.text, test.key, got, test.want)
		}
	}
}
