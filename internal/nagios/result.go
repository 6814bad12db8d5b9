package nagios

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Sizes of the output, in bytes.
const (
	maxLine    = 999  // line 1, without its newline
	maxSummary = 450  // of line 1, what performance data may not take away
	maxOutput  = 8190 // the whole, without its last newline
)

// Result is what one run of a plugin says.
type Result struct {
	State    State
	Summary  string // what is wrong, since when, how bad; no state words
	Perfdata []Perfdata
	Items    []Item // long output, an object each
}

// Item is one object of a result. Its line is printed if its state is not OK or
// it has notes, from verbosity 1 always.
type Item struct {
	State  State
	Name   string   // the object's name
	Text   string   // what was seen
	Notes  []string // below the line, always
	Detail []string // below the notes, from verbosity 2: raw facts
}

// Text renders a result: line 1, then the items, worst first. The name is the
// plugin's in capitals. It ends without a newline.
func (r Result) Text(name string, verbosity int) string {
	out := output{}
	first, lost := r.firstLine(name)
	out.add(first)
	if lost > 0 {
		out.add(fmt.Sprintf("note: line 1 has no room for %d more items of performance data; check fewer objects at a time", lost))
	}
	items := slices.Clone(r.Items)
	slices.SortStableFunc(items, func(a, b Item) int { return b.State.severity() - a.State.severity() })
	for _, it := range items {
		if it.State == OK && len(it.Notes) == 0 && verbosity == 0 {
			continue
		}
		out.add(it.head())
		for _, note := range it.Notes {
			out.add(line("  ", note))
		}
		if verbosity < 2 {
			continue
		}
		for _, fact := range it.Detail {
			out.add(line("    ", fact))
		}
	}
	return out.String()
}

func (it Item) head() string {
	head := fmt.Sprintf("[%s] ", it.State)
	if name, _ := clean(it.Name, 256); name != "" {
		head += name + ": "
	}
	return line(head, it.Text)
}

// firstLine is the summary and whole items of performance data, as many as fit
// beside a summary of maxSummary bytes, whatever its length is: the set of
// items must not change with the text. It gives how many do not fit.
func (r Result) firstLine(name string) (line string, lost int) {
	head := fmt.Sprintf("%s %s - ", name, r.State)
	data := ""
	for _, item := range perfdata(r.Perfdata) {
		if lost > 0 || len(data)+1+len(item) > maxLine-maxSummary-len(" |") {
			lost++
			continue
		}
		data += " " + item
	}
	if data == "" {
		return fit(head, r.Summary, maxLine), lost
	}
	return fit(head, r.Summary, maxLine-len(" |")-len(data)) + " |" + data, lost
}

// line is one line of long output.
func line(prefix, text string) string { return fit(prefix, text, maxLine) }

// fit cleans text and cuts it so that it has, with the prefix, at most limit
// bytes, at a rune, saying how much is gone.
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

// output is lines, as many as fit, and how many did not.
type output struct {
	strings.Builder
	more int
}

func (o *output) add(line string) {
	if strings.TrimSpace(line) == "" {
		return
	}
	const room = maxOutput - len("\n... 1234567890 more lines")
	if o.more > 0 || o.Len()+1+len(line) > room {
		o.more++
		return
	}
	if o.Len() > 0 {
		o.WriteByte('\n')
	}
	o.WriteString(line)
}

func (o *output) String() string {
	if o.more == 0 {
		return o.Builder.String()
	}
	return fmt.Sprintf("%s\n... %d more lines", o.Builder.String(), o.more)
}
