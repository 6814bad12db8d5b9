package nagios

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// stateToken is what Icinga Web draws as a coloured ball. It is compiled when a text has a bracket: most have none.
var stateToken = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)\[(ok|warning|critical|unknown|up|down|unreachable|pending)\]`)
})

// invisible are printable code points that show as nothing.
var invisible = &unicode.RangeTable{R16: []unicode.Range16{
	{Lo: 0x034f, Hi: 0x034f, Stride: 1}, // combining grapheme joiner
	{Lo: 0x115f, Hi: 0x1160, Stride: 1}, // hangul fillers
	{Lo: 0x17b4, Hi: 0x17b5, Stride: 1},
	{Lo: 0x180b, Hi: 0x180f, Stride: 1}, // mongolian selectors
	{Lo: 0x2800, Hi: 0x2800, Stride: 1}, // blank braille
	{Lo: 0x3164, Hi: 0x3164, Stride: 1},
	{Lo: 0xfe00, Hi: 0xfe0f, Stride: 1}, // variation selectors
	{Lo: 0xffa0, Hi: 0xffa0, Stride: 1},
}, R32: []unicode.Range32{{Lo: 0xe0100, Hi: 0xe01ef, Stride: 1}}}

// clean makes text from outside fit to print on one line: white space of any
// kind is one blank; "|", "<" and ">" are look-alikes that mean nothing to a
// parser; control, bidirectional and invisible characters and bytes that are
// not UTF-8 are escaped as \xNN or \uNNNN; a state in brackets is put in
// parentheses. It ends when the text has limit bytes or a little more, and
// gives how many bytes of s were not read.
func clean(s string, limit int) (text string, rest int) {
	var b strings.Builder
	blank := true // drops leading blanks
	i := 0
	for i < len(s) && b.Len() < limit {
		r, size := utf8.DecodeRuneInString(s[i:])
		i += size
		if unicode.IsSpace(r) && r != 0x85 {
			if !blank {
				b.WriteByte(' ')
			}
			blank = true
			continue
		}
		blank = false
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i-1])
		case r == '|':
			b.WriteRune('¦')
		case r == '<':
			b.WriteRune('‹')
		case r == '>':
			b.WriteRune('›')
		case r < 0x20 || r == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, r)
		case !unicode.IsPrint(r) || unicode.Is(invisible, r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	text = strings.TrimRight(b.String(), " ")
	if strings.ContainsRune(text, '[') {
		text = stateToken().ReplaceAllString(text, "($1)")
	}
	return text, len(s) - i
}
