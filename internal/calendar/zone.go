package calendar

import (
	"cmp"
	"fmt"
	"io/fs"
	"strings"
	"time"
)

// zoneinfo is where systemd looks for zones. It is the only place that Parse looks at: an embedded
// copy could differ from it.
const zoneinfo = "/usr/share/zoneinfo"

// cutZone takes the zone off the end of spec: UTC, one of the local zone's abbreviations, or the
// name of a file in zones.
func (e *Event) cutZone(spec string, zones fs.FS) (rest string) {
	space := strings.LastIndexByte(spec, ' ')
	if space < 0 {
		return spec
	}
	rest, word := spec[:space], spec[space+1:]
	if strings.ContainsAny(word, ":*") {
		return spec // a time of day or a date: no zone has such a name
	}
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
	if location, err := loadZone(zones, word); err == nil {
		e.zone, e.location = word, location
		return rest
	}
	return spec
}

// abbreviations returns what glibc calls tzname: the zone's names for standard and for daylight
// saving time. One name is in force at now; the other name is that of the next period with the
// other time. If a zone has only one name, both are that name.
func abbreviations(now time.Time) (names [2]string) {
	const periods = 8 // the next one has the other time, except for rare changes of rules
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
	return [2]string{cmp.Or(names[0], names[1]), cmp.Or(names[1], names[0])}
}

// loadZone reads a zone file of zones. No name leads out of that folder.
func loadZone(zones fs.FS, name string) (*time.Location, error) {
	const most = 1 << 20 // bytes; the largest zone has 4 KiB
	info, err := fs.Stat(zones, name)
	if err != nil || !info.Mode().IsRegular() || info.Size() > most {
		return nil, fmt.Errorf("no zone file %q: %w", name, err)
	}
	data, err := fs.ReadFile(zones, name)
	if err != nil {
		return nil, err
	}
	return time.LoadLocationFromTZData(name, data)
}
