package calendar

import (
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"
)

// zoneinfo is where systemd looks for zones, and so the only place looked at here: no embedded copy could disagree with it.
const zoneinfo = "/usr/share/zoneinfo/"

// cutZone takes the zone off the end of spec: UTC, one of the local zone's abbreviations, or a zone file's name.
func (e *Event) cutZone(spec string) (rest string) {
	space := strings.LastIndexByte(spec, ' ')
	if space < 0 {
		return spec
	}
	rest, word := spec[:space], spec[space+1:]
	if lower(word) == "utc" {
		e.zone, e.location = "UTC", time.UTC
		return rest
	}
	for dst, name := range abbreviations(time.Now().In(e.location)) {
		if name != "" && lower(word) == lower(name) {
			e.zone, e.dst = name, dst
			return rest
		}
	}
	if location, err := loadZone(word); err == nil {
		e.zone, e.location = word, location
		return rest
	}
	return spec
}

// abbreviations gives what glibc calls tzname: the zone's names at now for standard and daylight saving time, the one not in
// force being that of the next period that has it. A zone with one name has it twice.
func abbreviations(now time.Time) (names [2]string) {
	const periods = 8 // the next one has the other time, but for rare changes of rules
	for range periods {
		flavour := 0
		if now.IsDST() {
			flavour = 1
		}
		if names[flavour] == "" {
			names[flavour], _ = now.Zone()
		}
		if _, now = now.ZoneBounds(); now.IsZero() || names[1-flavour] != "" {
			break
		}
	}
	if names[0] == "" {
		names[0] = names[1]
	}
	if names[1] == "" {
		names[1] = names[0]
	}
	return names
}

// loadZone reads a zone file. No name leads out of the folder.
func loadZone(name string) (*time.Location, error) {
	const most = 1 << 20 // bytes; the largest zone has 4 KiB
	if !fs.ValidPath(name) {
		return nil, fmt.Errorf("zone name %q", name)
	}
	if info, err := os.Stat(zoneinfo + name); err != nil || !info.Mode().IsRegular() || info.Size() > most {
		return nil, fmt.Errorf("no zone file %s%s: %w", zoneinfo, name, err)
	}
	data, err := os.ReadFile(zoneinfo + name)
	if err != nil {
		return nil, err
	}
	return time.LoadLocationFromTZData(name, data)
}
