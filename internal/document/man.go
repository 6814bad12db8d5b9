package document

import (
	"fmt"
	"strings"

	"mailfresh/internal/plugin"
)

// Man returns a plugin's manual page, in man(7). It replaces three lines of the hand-written page:
// @options@, @metrics@, and @common@ by the text that all pages have.
func Man(c plugin.Check, page, common string) string {
	var b strings.Builder
	heading := ""
	for _, o := range plugin.Table(c.Options) {
		if h := group(o); h != heading {
			heading = h
			fmt.Fprintf(&b, ".SS %s\n", roff(heading))
		}
		b.WriteString(".TP\n")
		if o.Short != "" {
			fmt.Fprintf(&b, `\fB\-%s\fR, `, roff(o.Short))
		}
		fmt.Fprintf(&b, `\fB\-\-%s\fR`, roff(o.Long))
		if o.Placeholder != "" {
			fmt.Fprintf(&b, ` \fI%s\fR`, roff(o.Placeholder))
		}
		fmt.Fprintf(&b, "\n%s.\n", line(sentence(o)))
	}
	notice := fmt.Sprintf(".\\\" Made from man/%s.in and the plugin's options by make docs.\n",
		c.Name)
	return notice + fold(strings.NewReplacer("@options@\n", b.String(), "@common@\n", common,
		"@metrics@\n", metricsSection(c.Name)).
		Replace(page))
}

// fold breaks lines of text that are longer than 80 bytes at blanks. No new line begins with a dot,
// because such a line is a request of roff.
func fold(page string) string {
	var b strings.Builder
	asIs := false
	for text := range strings.Lines(page) {
		asIs = strings.HasPrefix(text, ".nf") || asIs && !strings.HasPrefix(text, ".fi")
		for !asIs && text[0] != '.' && len(text) > 81 {
			at := strings.LastIndexByte(text[:81], ' ')
			for at > 0 && text[at+1] == '.' {
				at = strings.LastIndexByte(text[:at], ' ')
			}
			if at <= 0 {
				break
			}
			b.WriteString(text[:at] + "\n")
			text = text[at+1:]
		}
		b.WriteString(text)
	}
	return b.String()
}

// roff escapes the special characters of roff.
func roff(text string) string {
	return strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "^", `\(ha`, "~", `\(ti`, "`",
		`\(ga`).Replace(text)
}

// line escapes text that begins a line: a dot at its beginning would be a request.
func line(text string) string {
	if strings.HasPrefix(text, ".") {
		return `\&` + roff(text)
	}
	return roff(text)
}
