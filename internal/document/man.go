package document

import (
	"fmt"
	"strings"

	"mailfresh/internal/plugin"
)

// Man is a plugin's manual page, in man(7). The hand-written page has a line
// @options@ where the options go, and a line @metrics@ for the plugin's
// metrics, and a line @common@ for the text that all pages share.
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

// fold breaks the text lines of a page at blanks, where they are longer than
// 80 bytes. No line may begin with a dot, which would be a request.
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

// roff writes text so that it stands in the page as it is.
func roff(text string) string {
	return strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "^", `\(ha`, "~", `\(ti`, "`",
		`\(ga`).Replace(text)
}

// line is text that begins a line, where a dot would be a request.
func line(text string) string {
	if strings.HasPrefix(text, ".") {
		return `\&` + roff(text)
	}
	return roff(text)
}
