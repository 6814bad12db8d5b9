package calendar

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// shorthands are the special expressions of systemd.time(7), and three that only systemd's source knows: anually and (semi|bi)-annually.
var shorthands = map[string]string{
	"minutely":      "*:*",
	"hourly":        "*:0",
	"daily":         "0:0",
	"weekly":        "Mon",
	"monthly":       "*-1",
	"quarterly":     "1,4,7,10-1",
	"biannually":    "1,7-1",
	"bi-annually":   "1,7-1",
	"semiannually":  "1,7-1",
	"semi-annually": "1,7-1",
	"yearly":        "1-1",
	"annually":      "1-1",
	"anually":       "1-1",
}

// maxComponents is how many items systemd allows in one list.
const maxComponents = 241

// Parse reads a calendar event; local is the zone it means where it names none, and whose abbreviations, as in force now, it may
// name. The error says what is wrong with spec; an impossible date, such as *-02-30, is none: it never elapses.
func Parse(spec string, local *time.Location) (*Event, error) {
	e := &Event{}
	rest, err := e.parseZone(spec, local)
	if err == nil {
		err = e.parse(rest)
	}
	if err == nil {
		err = e.normalise()
	}
	if err != nil {
		return nil, fmt.Errorf("calendar event %q: %w", spec, err)
	}
	return e, nil
}

// parse reads all but the zone.
func (e *Event) parse(spec string) error {
	if spec == "" {
		return errors.New("empty")
	}
	if long, ok := shorthands[lower(spec)]; ok {
		spec = long
	}
	p := &parser{rest: spec}
	if err := p.weekdays(e); err != nil {
		return err
	}
	if p.accept("@") {
		return p.instant(e)
	}
	if err := p.date(e); err != nil {
		return err
	}
	return p.clock(e)
}

// A parser holds what is still to be read.
type parser struct{ rest string }

// at tells whether the next byte is one of set.
func (p *parser) at(set string) bool {
	return p.rest != "" && strings.IndexByte(set, p.rest[0]) >= 0
}

// accept consumes token if it comes next.
func (p *parser) accept(token string) bool {
	rest, ok := strings.CutPrefix(p.rest, token)
	p.rest = rest
	return ok
}

func (p *parser) skipSpaces() {
	p.rest = strings.TrimLeft(p.rest, " ")
}

// unexpected is the error for what comes next.
func (p *parser) unexpected(wanted string) error {
	if p.rest == "" {
		return fmt.Errorf("ends where %s should follow", wanted)
	}
	return fmt.Errorf("%s wanted at %q", wanted, p.rest)
}

var dayNames = [...]string{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}

// weekday consumes a day's name, whole or short, in any case; Monday is 0. A letter may not follow.
func (p *parser) weekday() (number int, found bool, err error) {
	text := lower(p.rest[:min(len(p.rest), len("wednesday"))])
	for number, name := range dayNames {
		if !strings.HasPrefix(text, name[:3]) {
			continue
		}
		if strings.HasPrefix(text, name) {
			p.rest = p.rest[len(name):]
		} else {
			p.rest = p.rest[3:]
		}
		if p.rest != "" && !p.at("-., ") {
			return 0, false, p.unexpected("a separator")
		}
		return number, true, nil
	}
	return 0, false, nil
}

// weekdays consumes the list of weekdays, if there is one, and the blanks behind it. A comma may end it.
func (p *parser) weekdays(e *Event) error {
	for from, first := -1, true; ; first = false {
		to, found, err := p.weekday()
		switch {
		case err != nil:
			return err
		case !found && first:
			return nil
		case !found:
			return p.unexpected("a weekday")
		case to < from:
			return errors.New("weekday range runs backwards")
		}
		e.weekdays |= 1 << to
		for d := from; d >= 0 && d < to; d++ {
			e.weekdays |= 1 << d
		}
		open := false
		switch {
		case p.accept(","):
			from = -1
		case from < 0 && (p.accept("..") || p.accept("-")):
			from, open = to, true
		case p.rest != "" && !p.at(" "):
			return p.unexpected("a separator")
		}
		if p.rest == "" || p.at(" ") {
			p.skipSpaces()
			if open {
				return errors.New("weekday range has no end")
			}
			return nil
		}
	}
}

// instant reads the digits of @N to the end. The sign and white space that C's strtoul takes are taken here too, and like
// there a negative number wraps around.
func (p *parser) instant(e *Event) error {
	digits := strings.TrimLeft(p.rest, " \t\n\v\f\r")
	digits, negative := strings.CutPrefix(digits, "-")
	if !negative {
		digits = strings.TrimPrefix(digits, "+")
	}
	seconds, err := strconv.ParseUint(digits, 10, 64)
	if err != nil {
		return p.unexpected("seconds since the epoch")
	}
	if negative {
		seconds = -seconds
	}
	if seconds > math.MaxUint32*2 { // after the year 2199: 32 bits end in 2106, 33 in 2242
		return errors.New("instant out of range")
	}
	t := time.Unix(int64(seconds), 0).UTC()
	for u, v := range [units]int{t.Year(), int(t.Month()), t.Day(), t.Hour(), t.Minute(), t.Second() * second} {
		e.chains[u] = chain{{v, -1, 0}}
	}
	e.zone, e.location, e.dst = "UTC", time.UTC, anyTime
	return nil
}

// date consumes year-month-day or month-day and the blanks behind it; what turns out to be a time is left alone.
func (p *parser) date(e *Event) error {
	if p.rest == "" {
		return nil
	}
	start := p.rest
	for parts := []chain{}; ; {
		c, err := p.chain(day)
		if err != nil {
			return err
		}
		parts = append(parts, c)
		end := p.rest == "" || p.at(" ")
		switch {
		case len(parts) == 1 && (p.rest == "" || p.at(":")):
			p.rest = start
			return nil
		case len(parts) > 1 && end:
			p.skipSpaces()
			copy(e.chains[hour-unit(len(parts)):hour], parts)
			return nil
		case end, len(parts) == 3, e.fromEnd:
			return p.unexpected("a date or time")
		case p.accept("~"):
			e.fromEnd = true
		case !p.accept("-"):
			return p.unexpected("a date or time")
		}
	}
}

// clock consumes hour:minute or hour:minute:second, which must end the text. Nothing at all is midnight.
func (p *parser) clock(e *Event) (err error) {
	zero := chain{{0, -1, 0}}
	e.chains[hour], e.chains[minute], e.chains[micro] = zero, zero, zero
	if p.rest == "" {
		return nil
	}
	for u := hour; ; u++ {
		if e.chains[u], err = p.chain(u); err != nil {
			return err
		}
		if u > hour && p.rest == "" {
			return nil
		}
		if u == micro || !p.accept(":") {
			return p.unexpected("the end of a time")
		}
	}
}

// chain consumes "*" or a list of components.
func (p *parser) chain(u unit) (chain, error) {
	if p.accept("*") {
		if u == micro { // not every microsecond
			return chain{{0, -1, second}}, nil
		}
		return nil, nil
	}
	var c chain
	for len(c) < maxComponents {
		part, err := p.component(u)
		if err != nil {
			return nil, err
		}
		c = append(c, part)
		if !p.accept(",") {
			return c, nil
		}
	}
	return nil, fmt.Errorf("list of more than %d values", maxComponents)
}

// component consumes one value, range or progression.
func (p *parser) component(u unit) (c component, err error) {
	c.stop = -1
	if c.start, err = p.value(u); err != nil {
		return c, err
	}
	if p.accept("..") {
		if c.stop, err = p.value(u); err != nil {
			return c, err
		}
		c.step = 1
		if u == micro {
			c.step = second
		}
	}
	if p.accept("/") {
		if c.step, err = p.value(u); err != nil {
			return c, err
		}
		if c.step == 0 {
			return c, errors.New("step of zero")
		}
	} else if u == micro && c.stop >= 0 && c.start > c.stop-c.step {
		return c, errors.New("range of seconds spans less than one second and has no step")
	}
	if p.rest != "" && !p.at(" ,-~:") {
		return c, p.unexpected("a separator")
	}
	return c, nil
}

// value consumes a number; of seconds also a fraction, rounded to microseconds. It fits systemd's int or is refused.
func (p *parser) value(u unit) (int, error) {
	p.skipZeros()
	v, digits := p.number(10)
	if digits == 0 {
		return 0, p.unexpected("a number")
	}
	if u == micro {
		v *= second
	}
	if u == micro && p.at(".") && !strings.HasPrefix(p.rest, "..") {
		p.accept(".")
		fraction, digits := p.number(6)
		if digits == 0 {
			return 0, p.unexpected("a fraction")
		}
		for ; digits < 6; digits++ {
			fraction *= 10
		}
		if p.at("56789") {
			fraction++
		}
		p.rest = strings.TrimLeft(p.rest, "0123456789")
		v += fraction
	}
	if v > math.MaxInt32 {
		return 0, fmt.Errorf("value out of range before %q", p.rest)
	}
	return int(v), nil
}

// skipZeros drops the zeros before another digit.
func (p *parser) skipZeros() {
	for len(p.rest) > 1 && p.rest[0] == '0' && p.rest[1] >= '0' && p.rest[1] <= '9' {
		p.rest = p.rest[1:]
	}
}

// number consumes up to max decimal digits and tells how many there were.
func (p *parser) number(max int) (v int64, digits int) {
	for digits < max && p.at("0123456789") {
		v = v*10 + int64(p.rest[0]-'0')
		p.rest = p.rest[1:]
		digits++
	}
	return v, digits
}

// lower maps A-Z only: other letters that Unicode folds to ASCII are no part of a name.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, s)
}
