package output_test

import (
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mailfresh/internal/nagios"
	"mailfresh/internal/output"
	"mailfresh/internal/plugintest"
)

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"plain text, ümlaut 日本":       "plain text, ümlaut 日本",
		"a\nb\r\n\tc  d ":             "a b c d",
		"a|b=1":                       "a¦b=1",
		"<b>x</b> MAIL FROM:<>":       "‹b›x‹/b› MAIL FROM:‹›",
		"nul\x00esc\x1b[31m":          `nul\\x00esc\\x1b[31m`,
		"c1\u0085\u009b":              `c1\\u0085\\u009b`,
		"bidi\u202ex\u2066":           `bidi\\u202ex\\u2066`,
		"zero\u200bwidth\ufeff":       `zero\\u200bwidth\\ufeff`,
		"line\u2028sep\u2029end":      "line sep end",
		"bad\xff\xfeutf8":             `bad\\xff\\xfeutf8`,
		"[OK] [critical] [Fine] [up]": "(OK) (critical) [Fine] (up)",
		"soft\u00adhyphen \u00a0nbsp": `soft\\u00adhyphen nbsp`,
		"\u3164filler\u2800":          `\\u3164filler\\u2800`,
		"vs\ufe0f tag\U000e0041":      `vs\\ufe0f tag\\ue0041`,
		`a\nb \c\`:                    `a\\nb \\c\\`,
		"[O\u200bK]":                  `[O\\u200bK]`,
		"[[ok]] [up [down] [] [pend":  "[(ok)] [up (down) [] [pend",
	} {
		if got := output.Text("X", nagios.Result{Summary: in}, 0); got != "X OK - "+want {
			t.Errorf("Text of %q = %q; want %q", in, got, want)
		}
	}
}

func checkRules(t *testing.T, text string, state nagios.State) {
	t.Helper()
	if err := plugintest.CheckRules("NAME", int(state), text+"\n", ""); err != nil {
		t.Error(err)
	}
}

func TestText(t *testing.T) {
	r := nagios.Result{
		State:   nagios.Critical,
		Summary: "b is late",
		Totals: []nagios.Quantity{
			{Label: "age", Value: 90001.5, Unit: "s", Warning: nagios.Range{End: 3600, Set: true},
				Critical: nagios.Range{End: 90000, Set: true}},
			{Label: "lost", Value: math.NaN()},
			{Label: "endless", Value: math.Inf(1)},
			{Label: "bottomless", Value: math.Inf(-1)},
			{Label: "entries", Value: 3},
		},
		Objects: []nagios.Object{
			{State: nagios.OK, Name: "a", Text: "fine", Detail: []string{"raw a"}},
			{State: nagios.OK, Name: "n", Text: "fine too", Notes: []string{"unit files changed"}},
			{State: nagios.Critical, Name: "b", Text: "late", Detail: []string{"raw b"}},
		},
	}
	line := "NAME CRITICAL - b is late | age=90001.5s;3600;90000;0 entries=3;;;0\n"
	for verbosity, want := range []string{
		line + "[CRITICAL] b: late\n[OK] n: fine too\n  unit files changed",
		line + "[CRITICAL] b: late\n[OK] a: fine\n[OK] n: fine too\n  unit files changed",
		line + "[CRITICAL] b: late\n    raw b\n[OK] a: fine\n    raw a\n[OK] n: fine too\n  unit files changed",
	} {
		got := output.Text("NAME", r, verbosity)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("verbosity %d (-want +got):\n%s", verbosity, diff)
		}
		checkRules(t, got, nagios.Critical)
	}
}

func TestTextIsBounded(t *testing.T) {
	hostile := strings.Repeat("evil|x=1 <b>[OK]\x00\r\n\u202e\xff日", 4000)
	r := nagios.Result{State: nagios.Warning, Summary: hostile}
	for i := range 400 {
		r.Totals = append(r.Totals, nagios.Quantity{Label: fmt.Sprintf("%s%d", hostile[:9], i%7),
			Value: float64(i), Unit: "s"})
		r.Objects = append(r.Objects, nagios.Object{State: nagios.Unknown, Name: hostile[:200],
			Text: hostile, Notes: []string{hostile}, Detail: []string{hostile}})
	}
	for verbosity := range 3 {
		text := output.Text("NAME", r, verbosity)
		checkRules(t, text, nagios.Warning)
		if !regexp.MustCompile(`\.\.\. \d+ more lines$`).MatchString(text) {
			t.Errorf("the end does not say how much was cut: %q", text[len(text)-60:])
		}
		first, _, _ := strings.Cut(text, "\n")
		if !regexp.MustCompile(`\.\.\. \d+ more bytes \| `).MatchString(first) {
			t.Errorf("line 1 does not say how much was cut: %q", first)
		}
	}
}

// A line is cut where it would be too long, and only there: at each length about the limit.
func TestLineIsBounded(t *testing.T) {
	const room = 999 - len("NAME OK - ")
	for length := room - 40; length < room+40; length++ {
		text := output.Text("NAME", nagios.Result{Summary: strings.Repeat("x", length)}, 0)
		checkRules(t, text, nagios.OK)
		if whole := strings.HasSuffix(text, "xxx"); whole != (length <= room) {
			t.Errorf("%d bytes of summary: cut %t, line 1 has %d bytes", length, !whole, len(text))
		}
	}
}

// Performance data never takes the whole of line 1.
func TestSummaryKeepsItsRoom(t *testing.T) {
	r := nagios.Result{Summary: strings.Repeat("x", 420)}
	for i := range 100 {
		r.Totals = append(r.Totals,
			nagios.Quantity{Label: fmt.Sprintf("object_with_a_long_name_%d", i), Value: 1})
	}
	text := output.Text("NAME", r, 0)
	checkRules(t, text, nagios.OK)
	if !strings.Contains(text, r.Summary) {
		t.Errorf("the summary was cut: %q", text)
	}
	if !regexp.MustCompile(`\nnote: line 1 has no room for \d+ more items of performance data`).
		MatchString(text) {
		t.Errorf("what was left out is not said: %q", text)
	}
	// The same items stand beside a short summary: graphs do not come and go.
	_, long, _ := strings.Cut(text, " | ")
	r.Summary = "x"
	if _, short, _ := strings.Cut(output.Text("NAME", r, 0), " | "); short != long {
		t.Errorf("performance data beside a short summary: %q; beside a long one: %q", short, long)
	}
}

func TestLabel(t *testing.T) {
	for want, parts := range map[string][]string{
		"mx1_example_org_time": {"mx1.example.org", "time"},
		"__1_25":               {"::1:25"},
		"az_09":                {"AZ", "09"},
		"_":                    {"é"},
	} {
		if got := nagios.Label(parts...); got != want {
			t.Errorf("Label(%q) = %q; want %q", parts, got, want)
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add("b is late", "name", "note\x00|x=1")
	f.Add("<b>[OK]", "\u202e", "\xff\r\n")
	f.Add("", "", "")
	f.Fuzz(func(t *testing.T, summary, name, note string) {
		r := nagios.Result{State: nagios.Warning, Summary: "x" + summary,
			Totals: []nagios.Quantity{{Label: name, Value: 1}, {Label: note, Value: 2}},
			Objects: []nagios.Object{{State: nagios.Critical, Name: name, Text: summary,
				Notes: []string{note}}}}
		checkRules(t, output.Text("NAME", r, 2), nagios.Warning)
	})
}

// A note without text has no line. A text without a name, and one that has the name, have no colon.
func TestLines(t *testing.T) {
	r := nagios.Result{Summary: "x", Objects: []nagios.Object{
		{Text: "no name", Notes: []string{"", " \n", "a|b"}, Detail: []string{"", "raw"}},
		{Name: "a", Named: true, Text: "a is fine", Notes: []string{}},
		{State: nagios.Critical, Name: "b", Text: ""},
	}}
	want := "NAME OK - x\n[CRITICAL] b: \n[OK] no name\n  a¦b\n    raw\n[OK] a is fine"
	if diff := cmp.Diff(want, output.Text("NAME", r, 2)); diff != "" {
		t.Errorf("Text (-want +got):\n%s", diff)
	}
}
