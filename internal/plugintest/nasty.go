package plugintest

import (
	"math/rand/v2"
	"strings"
)

// Nasty are texts that a peer, a unit or a file may have, and that some reader of a plugin's output
// misreads. Each is UTF-8, on one line.
var Nasty = []string{
	"|x=1", "| a=1;2;3;4;5", "'a b'=1", "a::b=1", "||", "¦", // performance data
	"<b>", "<script>alert(1)</script>", "</td>", "&lt;b&gt;", "<", ">", // HTML
	"[OK]", "[critical]", "[CRITICAL] x", "[[UP]]", "[O<K]", "OK - fine", "CRITICAL - ", // states
	// C0, DEL, C1
	"\x01", "\x07", "\x08", "\x0b", "\x0c", "\x1b[31m", "\x7f", "\u0085", "\u009b31m",
	"\u202e", "\u2066", "\u2069", "\u061c", "\u200e", // bidirectional
	// invisible
	"\u00ad", "\u034f", "\u115f", "\u17b4", "\u180b", "\u180e", "\u200b", "\u200d", "\u2060",
	"\u2800", "\u3164", "\ufe0f", "\ufeff", "\U000e0041", "\U000e0101",
	"\u2028", "\u2029", "\u00a0", "\u3000", "\t", "     ", // blanks and line ends
	"\uffff", "\ufffd", "\U0010ffff", "\ue000", // noncharacters, replacement, private use
	// more bytes than columns
	"é", "日本", "😀", "👩\u200d👧", "e\u0301\u0301\u0301", "\u0301", "\u06dd",
	"%s%n%d", "$HOME$", "`id`", "\\", `\x00`, `"`, "'", ";", "#", "=", "*", "~", "...", "12 more",
	strings.Repeat("long ", 100), strings.Repeat("é", 300),
}

// Junk returns one to four texts of Nasty as one.
func Junk(r *rand.Rand) string {
	var b strings.Builder
	for range 1 + r.IntN(4) {
		b.WriteString(Nasty[r.IntN(len(Nasty))])
	}
	return b.String()
}
