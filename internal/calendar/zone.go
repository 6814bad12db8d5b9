package calendar

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// zoneinfo is where systemd looks for zones, and so the only place looked at here: no embedded copy could disagree with it.
const zoneinfo = "/usr/share/zoneinfo"

// parseZone takes the zone off the end of spec: UTC, then the local zone's abbreviations, then a zone file's name.
func (e *Event) parseZone(spec string, local *time.Location) (rest string, err error) {
	e.location, e.dst = local, anyTime
	if rest, ok := cutWord(spec, "UTC"); ok {
		e.zone, e.location = "UTC", time.UTC
		return rest, nil
	}
	for dst, name := range abbreviations(time.Now().In(local)) {
		if rest, ok := cutWord(spec, name); ok {
			e.zone, e.dst = name, dst
			return rest, nil
		}
	}
	space := strings.LastIndexByte(spec, ' ')
	if space < 0 {
		return spec, nil
	}
	if zone, err := loadZone(spec[space+1:]); err == nil {
		e.zone, e.location = spec[space+1:], zone
		return spec[:space], nil
	}
	return spec, nil
}

// cutWord takes the last word off spec if it is word, in any case.
func cutWord(spec, word string) (rest string, ok bool) {
	at := len(spec) - len(word) - 1
	if word == "" || at < 0 || spec[at] != ' ' || lower(spec[at+1:]) != lower(word) {
		return spec, false
	}
	return spec[:at], true
}

// abbreviations gives what glibc calls tzname: the zone's names at now, standard and daylight saving time, the one not
// in force then being that of the next period that has it. A zone with one name has it twice.
func abbreviations(now time.Time) (names [2]string) {
	const periods = 8 // of a zone that has both times, the next is the other; more would be a rare change of rules
	for range periods {
		flavour := 0
		if now.IsDST() {
			flavour = 1
		}
		if names[flavour] == "" {
			names[flavour], _ = now.Zone()
		}
		_, end := now.ZoneBounds()
		if end.IsZero() || names[1-flavour] != "" {
			break
		}
		now = end
	}
	for i := range names {
		if names[i] == "" {
			names[i] = names[1-i]
		}
	}
	return names
}

// loadZone reads the zone file of that name. Names are of ASCII letters, digits and "-_+/", so none leads out of the folder.
func loadZone(name string) (*time.Location, error) {
	bad := func(r rune) bool {
		return !(r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || strings.ContainsRune("-_+/", r))
	}
	if name == "" || strings.ContainsFunc(name, bad) || strings.HasPrefix(name, "/") || strings.HasSuffix(name, "/") || strings.Contains(name, "//") {
		return nil, fmt.Errorf("zone name %q", name)
	}
	path := filepath.Join(zoneinfo, name)
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", path)
	}
	data, err := io.ReadAll(io.LimitReader(file, 1<<20))
	if err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(data, []byte("TZif")) {
		return nil, errors.New(path + " is no zone file")
	}
	return time.LoadLocationFromTZData(name, data)
}
