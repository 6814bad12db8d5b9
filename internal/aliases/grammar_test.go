package aliases

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestGrammar is the specification by example: what each program holds of a
// file, key=value without white space, in the order of the file, and what is
// said of it. The comparison with the real programs (integration) draws such
// files at random.
func TestGrammar(t *testing.T) {
	for _, test := range []struct {
		format     Format
		text, want string
	}{
		// Exim: key, separator, data.
		{Exim, "a: b\n", "a=b"},
		{Exim, "a b\n", "a=b"},
		{Exim, "a : b\n", "a=b"},
		{Exim, "a:b\n", "a=b"},
		{Exim, "a::blackhole:\n", "a=:blackhole:"},
		{Exim, "a b: c\n", "a=b:c"},
		{Exim, "A@Example.ORG: b@example.org\n", "a@example.org=b@example.org"},
		{Exim, "*: b\n", "*=b"},
		{Exim, "a\n", "a=; !line 1: key without value"},
		{Exim, "a:\n", "a=; !line 1: key without value"},
		{Exim, ": b\n", "!line 1: no key and separator"},
		{Exim, "\"a b\": c\n", "a b=c"},
		{Exim, "\"a\\\"b\" c\n", "a\"b=c"},
		{Exim, "\"\\x41\\102c\": d\n", "abc=d"},
		{Exim, "\"open: b\n", "open: b=; !line 1: key without value"},
		{Exim, "\\N: b\n", "\\n=b"},
		{Exim, "a: b # c\n", "a=b#c"},
		{Exim, "#a: b\n", ""},
		{Exim, "a: b\n # c\n", "a=b#c"},
		{Exim, "a: b,\n  c,\n\td\n", "a=b,c,d"},
		{Exim, "a: b,\n\n  c\n", "a=b,; !line 3: continues no entry and is lost"},
		{Exim, "a: b,\n# x\n  c: d\ne: f\n", "a=b,; e=f; !line 3: continues no entry and is lost"},
		{Exim, " a: b\n", "!line 1: continues no entry and is lost"},
		{Exim, "\va: b\n", "!line 1: continues no entry and is lost"},
		{Exim, "a: b\nA: c\n", "a=b; a=c"},
		{Exim, "a: b\r\nc: d\r\n", "a=b; c=d"},
		{Exim, "a: b\n c: d\n", "a=bc:d; !line 2 continues the entry of line 1"},
		{Exim, "a: b\n c\n :include:/x\n \"|x y: z\"\n", "a=bc:include:/x\"|xy:z\""},
		{Exim, "\n<?xml version=\"1.0\"?>\n<HTML>\n",
			"<?xml=version=\"1.0\"?>; <html>=; !line 1: an HTML page; !line 3: key without value"},
		{Exim, "a: b\r\r\n", "a=b"},
		{Exim, "a: b\rc: d\n", "a=bc:d; !line 1: a lone CR does not end the line"},
		{Exim, "\ufeffa: b\nc: d\n",
			"\ufeffa=b; c=d; !line 1: a byte-order mark belongs to the first key"},
		{Exim, "\ufeff# x\nc: d\n",
			"\ufeff#=x; c=d; !line 1: a byte-order mark belongs to the first key"},
		{Exim, "a: b\x00x\nc: d\ne: f\n",
			"a=bc:d; e=f; !line 1: a NUL byte cuts the line; !line 2 is swallowed by the NUL in line 1"},
		{Exim, "#\x00\nc: d\ne: f\n",
			"e=f; !line 1: a NUL byte cuts the line; !line 2 is swallowed by the NUL in line 1"},
		{Exim, "a: \xff\n", "a=\xff"},
		{Exim, "\xe9: b\n", "\xe9=b"},
		{Exim, "a: b", "a=b"},
		{Exim, "a: b\nalic", "a=b; alic=; !line 2: key without value"},
		{Exim, "", ""},
		{Exim, "\n\n# x\n", ""},
		{Exim, "<!DOCTYPE html>\n<html>\n",
			"<!doctype=html>; <html>=; !line 1: an HTML page; !line 2: key without value"},
		{Exim, "<<<<<<< HEAD\na: b\n=======\na: c\n>>>>>>> x\n",
			"<<<<<<<=HEAD; a=b; ========; a=c; >>>>>>>=x; !line 1: a merge-conflict marker; !line 3: a merge-conflict marker; !line 5: a merge-conflict marker"},
		// Postfix aliases(5).
		{Aliases, "a: b\n", "a=b"},
		{Aliases, "a:b\n", "a=b"},
		{Aliases, "a : b\n", "a=b"},
		{Aliases, "a b\n", "!line 1: no key and separator"},
		{Aliases, "A.B: c\n", "a.b=c"},
		{Aliases, "\"a b\": c\n", "a b=c"},
		{Aliases, "\"x:y\": c\n", "x:y=c"},
		{Aliases, "\"a@b\": c\n", "a@b=c"},
		{Aliases, "a@b: c\n", "!line 1: the name must be local"},
		{Aliases, "\"a\"@b: c\n", "!line 1: the name must be local"},
		{Aliases, "a%b: c\n", "!line 1: the name must be local"},
		{Aliases, "a, b: c\n", "!line 1: no key and separator"},
		{Aliases, "a (x) b: c\n", "a (x) b=c"},
		{Aliases, "a\\ b: c\n", "a b=c"},
		{Aliases, "a:\n", "!line 1: key without value"},
		{Aliases, ": b\n", "!line 1: no key and separator"},
		{Aliases, "a: \"\"\n", "a=\"\""},
		{Aliases, "a: b # c\n", "a=b#c"},
		{Aliases, "  # x\na: b\n", "a=b"},
		{Aliases, "a: b,\n# x\n\n  c\nd: e\n", "a=b,c; d=e"},
		{Aliases, " a: b\nc: d\n", "c=d; !line 1: continues no entry and is lost"},
		{Aliases, "a: b\nA: c\n", "a=b; a=c"},
		{Aliases, "a: b\r\n", "a=b"},
		{Aliases, "\ufeffa: b\n", "\ufeffa=b; !line 1: a byte-order mark belongs to the first key"},
		{Aliases, "a: b\x00c\n d\ne: f\n", "a=b; e=f; !line 1: a NUL byte cuts the line"},
		{Aliases, "\x00\x00\na: b\n", "a=b; !line 1: a NUL byte cuts the line"},
		{Aliases, "\xe9: b\nc: d\n", "c=d; !line 1: not UTF-8"},
		{Aliases, "É: b\n", "é=b"},
		{Aliases, "Straße: b\nΓΙΏΡΓΟΣ: c\nγιώργος: d\n", "strasse=b; γιώργοσ=c; γιώργοσ=d"},
		{Aliases, "ı: b\nK: c\nᏸꭰ: d\n", "ı=b; k=c; ᏰᎠ=d"}, // Turkish, kelvin, Cherokee
		{Map, "ﬃx b\nİ@X c\n", "ffix=b; i̇@x=c"},
		{Aliases, "[x: b\n", "!line 1: no key and separator"},
		{Aliases, "alic", "!line 1: no key and separator"},
		{Aliases, "a: b, c,", "a=b,c,"},
		{Aliases, "=======\na: b\n", "a=b; !line 1: a merge-conflict marker"},
		// Postfix postmap.
		{Map, "a b\n", "a=b"},
		{Map, "A@B.org\tc d\n", "a@b.org=cd"},
		{Map, "a: b\n", "a:=b; !line 1: the key ends with a colon; is this an alias file?"},
		{Map, "a:b c\n", "a:b=c"},
		{Map, "\"a b\" c\n", "\"a b\"=c"},
		{Map, "\"a b c\n", "!line 1: unbalanced quotes or brackets"},
		{Map, "a\\ b c\n", "a\\ b=c"},
		{Map, "@b.org c\n", "@b.org=c"},
		{Map, "a\n", "!line 1: key without value"},
		{Map, "a b\n c\nd e\n", "a=bc; d=e"},
		{Map, "a b # c\n", "a=b#c"},
		{Map, "# a b\n", ""},
		{Map, "a b\n c: d\n", "a=bc:d"},
		{Map, "<html>\n<p>x y</p>\n", "<p>x=y</p>; !line 1: an HTML page"},
		{Map, "a b\nA c\n", "a=b; a=c"},
		{Map, "\xff b\nc d\n", "c=d; !line 1: not UTF-8"},
		{Map, "a b\x00\nc d\n", "a=b; c=d; !line 1: a NUL byte cuts the line"},
		{Map, "<<<<<<< HEAD\na b\n", "<<<<<<<=HEAD; a=b; !line 1: a merge-conflict marker"},
		// Sendmail.
		{Sendmail, "a: b\n", "a=b"},
		{Sendmail, "a b\n", "!line 1: no key and separator"},
		{Sendmail, "A: B\n", "a=B"},
		{Sendmail, "a b: c\n", "a.b=c"},
		{Sendmail, "\"a b\": c\n", "\"a b\"=c"},
		{Sendmail, "\"ab\": c\n", "ab=c"},
		{Sendmail, "\"x:y\": c\n", "x:y=y\":c"},
		{Sendmail, "\"x:y\"z@b: c\n", "!line 1: the name must be local"},
		{Sendmail, "\"x y\"z: c\n", "\"x y\"z=c"},
		{Sendmail, "a@b: c\n", "!line 1: the name must be local"},
		{Sendmail, "a@localhost: c\n", "a=c"},
		{Sendmail, "@b: c\n", "!line 1: the name must be local"},
		{Sendmail, "|a: c\n", "!line 1: the name must be local"},
		{Sendmail, "a(x): c\n", "a=c"},
		{Sendmail, "x <a>: c\n", "a=c"},
		{Sendmail, "<a: c\n", "!line 1: unbalanced quotes or brackets"},
		{Sendmail, "\"a: c\n", "\"a: c\"=c; !line 1: unbalanced quotes or brackets"},
		{Sendmail, "a,b: c\n", "!line 1: the name must be local"},
		{Sendmail, "a!b: c\n", "!line 1: the name must be local"},
		{Sendmail, "É: c\n", "!line 1: the name is not legal"},
		{Sendmail, "é: c\n", "é=c"},
		{Sendmail, "a:\n", "!line 1: key without value"},
		{Sendmail, "a: b\nA: c\n", "a=b; a=c"},
		{Sendmail, "a: b,\\\nc\nd: e\n", "a=b,c; d=e"},
		{Sendmail, "a: b,\n c\n", "a=b,c"},
		{Sendmail, "a: b,\n# x\n c\nd: e\n", "a=b,; d=e; !line 3: continues no entry and is lost"},
		{Sendmail, "a: b,\n\n c\nd: e\n", "a=b,; d=e; !line 3: continues no entry and is lost"},
		{Sendmail, " a: b\n", "!line 1: continues no entry and is lost"},
		{Sendmail, "#x\r\n\r\n", ""},
		{Sendmail, "a: b \\\nc: d\n", "a=bc:d; !line 2 continues the entry of line 1"},
		{Sendmail, "a: b\r\n", "a=b\r; !line 1: CR at the end of the line is kept in the value"},
		{Sendmail, "a: b\x00c\nd: e\nf: g\n",
			"f=g; !line 1: a NUL byte cuts the line; !line 2 is swallowed by the NUL in line 1"},
		{Sendmail, "a: b\x00", "a=b; !line 1: a NUL byte cuts the line"},
		{Sendmail, "\\\\\n\na: b", "a=b; !line 3 continues the entry of line 1"},
		{Sendmail, "\ufeffa: b\n",
			"\ufeffa=b; !line 1: a byte-order mark belongs to the first key"},
		// OpenSMTPD, a table of type file:.
		{OpenSMTPD, "a: b\n", "a=b"},
		{OpenSMTPD, "a b\n", "a=b"},
		{OpenSMTPD, "a\tb\n", "a=b"},
		{OpenSMTPD, " A: B\n", "a=B"},
		{OpenSMTPD, "a: b, c@d.org\n", "a=b,c@d.org"},
		{OpenSMTPD, "a: b,\n", "a=b,"},
		{OpenSMTPD, "a: b,, c\na2: ,b\n", "a=b,,c; a2=,b"},
		{OpenSMTPD, "a: ,\n", "!line 1: key without value"},
		{OpenSMTPD, "  # x\na: b\n", "a=b"},
		{OpenSMTPD, "a: b # c\n",
			"a=b#c; !line 1: the value is not understood: mail to this key is deferred (424)"},
		{OpenSMTPD, "a : b\n",
			"a=:b; !line 1: the value is not understood: mail to this key is deferred (424)"},
		{OpenSMTPD, "a: :fail: x\n",
			"a=:fail:x; !line 1: the value is not understood: mail to this key is deferred (424)"},
		{OpenSMTPD, "a: b: c\n",
			"a=b:c; !line 1: the value is not understood: mail to this key is deferred (424)"},
		{OpenSMTPD, "a: b\u00a0\n",
			"a=b\u00a0; !line 1: the value is not understood: mail to this key is deferred (424)"},
		{OpenSMTPD, "a: 'x\n",
			"a='x; !line 1: the value is not understood: mail to this key is deferred (424)"},
		{OpenSMTPD, "a: \"|x, y\"\n", "a=\"|x,y\""},
		{OpenSMTPD, "a: \"|x \\# y\"\n", "a=\"|x\\#y\""},
		{OpenSMTPD, "a: b\\\n",
			"a=b\\; !line 1: the value is not understood: mail to this key is deferred (424)"},
		{OpenSMTPD, "a: b, \\\nc\n",
			"a=b,\\; !line 2: an invalid entry; !line 1: the value is not understood: mail to this key is deferred (424); refused"},
		{OpenSMTPD, "a: b\n c\n", "a=b; !line 2: an invalid entry; refused"},
		{OpenSMTPD, "a: b\n c d\n", "a=b; c=d"},
		{OpenSMTPD, "a:\n", "!line 1: an invalid entry; refused"},
		{OpenSMTPD, "a: b\nalic", "a=b; !line 2: an invalid entry; refused"},
		{OpenSMTPD, "alic\na: b\n",
			"a=b; !line 1: no separator, so the file is taken for a list; refused"},
		{OpenSMTPD, "# @list\na: b\n",
			"a=b; !line 1: no separator, so the file is taken for a list; refused"},
		{OpenSMTPD, "a: b\n# @list\n", "a=b"},
		{OpenSMTPD, "<<<<<<< HEAD\na: b\n=======\n>>>>>>> x\n",
			"<<<<<<<=HEAD; a=b; >>>>>>>=x; !line 1: a merge-conflict marker; !line 3: a merge-conflict marker; !line 4: a merge-conflict marker; !line 3: an invalid entry; refused"},
		{OpenSMTPD, "a: b\nA: c\n", "a=b; a=c"},
		{OpenSMTPD, "[::1] b\n", "[::1]=b"},
		{OpenSMTPD, "[x: b\n", "!line 1: an invalid entry; refused"},
		{OpenSMTPD, "a: b\r\n", "a=b"},
		{OpenSMTPD, "a: b\x00c\n", "a=b; !line 1: a NUL byte cuts the line"},
		{OpenSMTPD, "a\x00: b\n",
			"!line 1: a NUL byte cuts the line; !line 1: no separator, so the file is taken for a list; refused"},
		{OpenSMTPD, "\ufeffa: b\n",
			"\ufeffa=b; !line 1: a byte-order mark belongs to the first key"},
		{OpenSMTPD, "\ufeff# x\na: b\n",
			"\ufeff#=x; a=b; !line 1: a byte-order mark belongs to the first key"},
		// OpenSMTPD's makemap.
		{OpenSMTPDDB, "a: b\na2 b\n", "a=b; a2=b"},
		{OpenSMTPDDB, "a: b # c\n", "!line 1: an invalid entry; refused"},
		{OpenSMTPDDB, "a: b,\n", "!line 1: an invalid entry; refused"},
		{OpenSMTPDDB, "a: b,,c\n", "!line 1: an invalid entry; refused"},
		{OpenSMTPDDB, "alic\n", "!line 1: an invalid entry; refused"},
		{OpenSMTPDDB, "a: o'k\n", "!line 1: an invalid entry; refused"},
		{OpenSMTPDDB, "a: o'k@x\n", "a=o'k@x"},
		{OpenSMTPDDB, "a: b@c_d\n", "a=b@c_d"},
		{OpenSMTPDDB, "a: error:550 no\n", "a=error:550no"},
		{OpenSMTPDDB, "a: error:650 no\n", "!line 1: an invalid entry; refused"},
		{OpenSMTPDDB, "a: :include:/x\n", "a=:include:/x"},
		{OpenSMTPDDB, "a: include:x\n", "!line 1: an invalid entry; refused"},
		{OpenSMTPDDB, "a: \"|x\n", "!line 1: an invalid entry; refused"},
		{OpenSMTPDDB, "a: b\nA: b\n", "a=b; a=b; refused"},
		{OpenSMTPDDB, "a@b: c\n", "a@b=c"},
		{Aliases, "a: b\n# x\n\n c: d\n", "a=bc:d; !line 4 continues the entry of line 1"},
	} {
		if got := summary(t, test.format, test.text); got != test.want {
			t.Errorf("%s: %q = %s; want %s", test.format, test.text, got, test.want)
		}
	}
}

func summary(t *testing.T, f Format, text string) string {
	t.Helper()
	var parts []string
	err := Each(context.Background(), strings.NewReader(text), f, func(e Entry) error {
		parts = append(parts, fmt.Sprintf("%s=%s", e.Key, e.Value))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	c := content(t, f, text)
	slices.SortStableFunc(c.Problems, func(a, b Problem) int { return int(a.Kind) - int(b.Kind) })
	for _, p := range c.Problems {
		parts = append(parts, "!"+p.String())
	}
	if c.Refused != nil {
		parts = append(parts, "refused")
	}
	return strings.Join(parts, "; ")
}

func content(t *testing.T, f Format, text string, require ...string) *Content {
	t.Helper()
	c, err := Read(context.Background(), strings.NewReader(text), f, require)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
