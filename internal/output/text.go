// Package output renders a result: as plugin text, as JSON, as OpenMetrics.
//
// It is pure. The rules of the text come from the Monitoring Plugins development guidelines and
// from what Icinga 2, Nagios and NRPE do with the text:
//
//   - Line 1 is "NAME STATE - summary | perfdata", under 1000 bytes, because an NRPE v2 packet
//     holds 1023. The whole text has at most 4,096 bytes: Nagios 4 reads that much at a time and
//     may drop the rest (nagioscore issue 625).
//   - "|" stands once, on line 1: Icinga cuts every line at a "|" that has a "=" after it, so
//     remote text could forge performance data.
//   - All text passes one sanitiser (see clean).
package output

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"mailfresh/internal/nagios"
)

// Sizes of the output, in bytes.
const (
	maxLine    = 999  // line 1, without its newline
	maxSummary = 450  // what performance data leaves of line 1 for the summary
	maxOutput  = 4095 // the whole, without its last newline
)

// Text is a result as plugin text: line 1, then its objects, the worst first. name is the plugin's
// name in capitals. The text ends without a newline.
func Text(name string, r nagios.Result, verbosity int) string {
	var b strings.Builder
	more := 0 // lines that do not fit
	add := func(prefix, text string) {
		const room = maxOutput - len("\n... 1234567890 more lines")
		line := fit(prefix, text, maxLine)
		switch {
		case strings.TrimSpace(line) == "":
		case more > 0 || b.Len()+1+len(line) > room:
			more++
		default:
			b.WriteString("\n" + line)
		}
	}
	first, lost := firstLine(name, r)
	b.WriteString(first)
	if lost > 0 {
		add("", fmt.Sprintf("note: line 1 has no room for %d more items of performance data; "+
			"check fewer objects at a time", lost))
	}
	objects := slices.Clone(r.Objects)
	slices.SortStableFunc(objects, func(a, b nagios.Object) int { return b.State.Compare(a.State) })
	for _, o := range objects {
		if o.State == nagios.OK && len(o.Notes) == 0 && verbosity == 0 {
			continue
		}
		add(head(o), o.Text)
		for _, note := range o.Notes {
			add("  ", note)
		}
		if verbosity < 2 {
			continue
		}
		for _, fact := range o.Detail {
			add("    ", fact)
		}
	}
	if more > 0 {
		fmt.Fprintf(&b, "\n... %d more lines", more)
	}
	return b.String()
}

// head is what an object's line begins with.
func head(o nagios.Object) string {
	if name, _ := clean(o.Name, 256); name != "" && !o.Named {
		return fmt.Sprintf("[%s] %s: ", o.State, name)
	}
	return fmt.Sprintf("[%s] ", o.State)
}

// firstLine is the summary and as many whole items of performance data as fit beside a summary of
// maxSummary bytes. A shorter summary makes no room for more items: the set of items must not
// change with the text. lost is the number of items that do not fit.
func firstLine(name string, r nagios.Result) (line string, lost int) {
	head := fmt.Sprintf("%s %s - ", name, r.State)
	data := ""
	for _, item := range r.Perfdata() {
		if lost > 0 || len(data)+1+len(item) > maxLine-maxSummary-len(" |") {
			lost++
			continue
		}
		data += " " + item
	}
	if data != "" {
		data = " |" + data
	}
	return fit(head, r.Summary, maxLine-len(data)) + data, lost
}

// fit cleans text and puts prefix before it. If the result has more than limit bytes, fit cuts the
// text between two runes, and says in the text how much was cut.
func fit(prefix, text string, limit int) string {
	text, rest := clean(text, limit+1)
	text = prefix + text
	if rest == 0 && len(text) <= limit {
		return text
	}
	end := min(limit-len("... 1234567890 more bytes"), len(text))
	for end > 0 && end < len(text) && !utf8.RuneStart(text[end]) {
		end--
	}
	return fmt.Sprintf("%s... %d more bytes", text[:end], len(text)-end+rest)
}
