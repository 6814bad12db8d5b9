package output

import (
	"fmt"
	"hash/fnv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxValue is the maximum length of a label value, in bytes.
const maxValue = 512

// printable makes text from outside safe for programs and visible for a person. Printable
// characters and newlines stay. Control, bidirectional and invisible characters, and bytes that are
// not UTF-8, are written as \xNN, \uNNNN or \UNNNNNNNN. A backslash that looks like the beginning
// of such an escape is escaped, too. So different texts stay different.
func printable(s string) string {
	if !strings.ContainsFunc(s, hidden) && !strings.ContainsRune(s, '\\') {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1, hidden(r) && r < 0x80:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r > 0xffff && hidden(r):
			fmt.Fprintf(&b, `\U%08x`, r)
		case hidden(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		case isEscape(s[i:]):
			b.WriteString(`\x5c`)
		default:
			b.WriteString(s[i : i+size])
		}
		i += size
	}
	return b.String()
}

// isEscape reports whether a text begins with what printable writes for a character.
func isEscape(s string) bool {
	digits := map[string]int{`\x`: 2, `\u`: 4, `\U`: 8}[s[:min(2, len(s))]]
	return digits > 0 && len(s) >= 2+digits &&
		strings.Trim(s[2:2+digits], "0123456789abcdef") == ""
}

// hidden reports whether a character does not show, or shows as another one.
func hidden(r rune) bool {
	return r == utf8.RuneError || r != '\n' && (!unicode.IsPrint(r) || invisible(r))
}

// bounded is printable text of at most maxValue bytes. A longer text becomes its beginning and a
// hash of the whole text, so that different texts stay different.
func bounded(s string) string {
	text := printable(s)
	if len(text) <= maxValue {
		return text
	}
	h := fnv.New64a()
	h.Write([]byte(s))
	end := fmt.Sprintf("...%016x", h.Sum64())
	return strings.ToValidUTF8(text[:maxValue-len(end)], "") + end
}

// quotes escapes the text between the double quotes of quote.
var quotes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

// quote puts printable text in double quotes, as JSON, Prometheus' text format and OpenMetrics all
// read it: with a backslash before each backslash and double quote, and \n for a newline.
func quote(printable string) string { return `"` + quotes.Replace(printable) + `"` }
