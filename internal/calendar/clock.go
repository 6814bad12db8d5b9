package calendar

import (
	"math"
	"slices"
	"time"
)

// A moment is a wall-clock time, one value for each unit. A value may be out of the unit's range.
// dst is anyTime, 0 or 1.
type moment struct {
	value [units]int
	dst   int
}

// restart sets a unit and the finer ones to their least values.
func (m *moment) restart(u unit) {
	for ; u <= micro; u++ {
		m.value[u] = limits[u].min
	}
}

// civil returns the seconds from the epoch to m, as if the clock showed UTC.
func (m *moment) civil() int64 {
	v := &m.value
	h, mi, s := v[hour], v[minute], v[micro]/second
	return time.Date(v[year], time.Month(v[month]), v[day], h, mi, s, 0, time.UTC).Unix()
}

// before compares what the clock shows, not the instants.
func (m *moment) before(other moment) bool {
	return slices.Compare(m.value[:], other.value[:]) < 0
}

// A clock turns wall-clock times into instants as glibc's mktime does: it remembers the last offset
// from UTC, and of two instants with the same wall-clock time it prefers the one with that offset.
// The results around a clock change depend on that.
type clock struct {
	location *time.Location
	offset   int64     // seconds east of UTC
	periods  [2]period // the last two that were looked up, the newer first
}

// A period is a stretch of time with one offset from UTC. The zero period has no instant.
type period struct {
	start, end, offset int64 // end is not in the period
	dst                int
}

func (k *clock) at(t int64) period {
	latest := &k.periods
	if !latest[0].has(t) {
		latest[0], latest[1] = latest[1], latest[0]
	}
	if !latest[0].has(t) {
		local := time.Unix(t, 0).In(k.location)
		start, end := local.ZoneBounds()
		_, offset := local.Zone()
		latest[0] = period{start: start.Unix(), end: end.Unix(), offset: int64(offset)}
		if end.IsZero() { // the last period is endless
			latest[0].end = math.MaxInt64
		}
		if local.IsDST() {
			latest[0].dst = 1
		}
	}
	return latest[0]
}

func (p *period) has(t int64) bool { return t >= p.start && t < p.end }

// wall reads the clock at an instant.
func (k *clock) wall(t int64, fraction int) moment {
	p := k.at(t)
	civil := time.Unix(t+p.offset, 0).UTC()
	y, mon, d := civil.Date()
	h, mi, s := civil.Clock()
	return moment{[units]int{y, int(mon), d, h, mi, s*second + fraction}, p.dst}
}

// resolve returns the instant of a wall-clock time, in seconds since the epoch, and the same moment
// with every unit in range. A time that a clock change skips is moved by the size of the change. ok
// is false if mktime gives up.
func (k *clock) resolve(m moment) (t int64, normal moment, ok bool) {
	// mktime looks for the 59th second and adds the rest.
	late := int64(max(m.value[micro]/second-59, 0))
	civil := m.civil() - late
	t, ok = k.probe(civil, m.dst)
	if !ok {
		return 0, m, false
	}
	k.offset = civil - t
	return t + late, k.wall(t+late, m.value[micro]%second), true
}

// probe looks for an instant at which the clock reads civil (as if it showed UTC) and which has the
// daylight saving time asked for.
func (k *clock) probe(civil int64, dst int) (t int64, ok bool) {
	t = civil - k.offset
	before, between := t, t // the two guesses before t
	wasDST := 0
	for range 6 {
		p := k.at(t)
		miss := civil - p.offset - t
		if miss == 0 {
			if dst == anyTime || dst == p.dst {
				return t, true
			}
			return k.probeDST(civil, t, dst), true
		}
		oscillates := t == before && t != between
		if oscillates && (dst == anyTime && wasDST <= p.dst || dst != anyTime && dst != p.dst) {
			return t, true // the clock skips this time
		}
		before, between, wasDST = between, t, p.dst
		t += miss
	}
	return 0, false
}

// probeDST takes the offset of the nearest period that has the daylight saving time asked for. It
// searches as far as mktime does: 8.5 years, in steps shorter than any such period. If there is no
// such period, probeDST returns t.
func (k *clock) probeDST(civil, t int64, dst int) int64 {
	const stride, bound = 601200, 536454000/2 + 601200
	for distance := int64(stride); distance < bound; distance += stride {
		for _, at := range []int64{t - distance, t + distance} {
			if p := k.at(at); p.dst == dst {
				return civil - p.offset
			}
		}
	}
	return t
}

// bounds tells whether a moment exists on the clock.
type bounds int

const (
	within  bounds = iota
	shifted        // the moment was out of range, or the clock skips it: it has been moved forward
	outside        // the moment is past the last year, or the clock would go backwards
)

// check tells whether m exists as it stands. If resolve moves m forward, m becomes the start of the
// first unit that differs.
func (k *clock) check(m *moment) bounds {
	t, normal, ok := k.resolve(*m)
	if m.value[year] > limits[year].max || !ok || t < 0 {
		return outside
	}
	for u := year; u <= micro; u++ {
		switch d := normal.value[u] - m.value[u]; {
		case d < 0:
			return outside
		case d == 0:
			continue
		}
		switch u {
		case micro:
		case minute:
			normal.value[micro] %= second // systemd keeps the fraction, too
		default:
			normal.value[u+1] = limits[u+1].min
		}
		*m = normal
		return shifted
	}
	return within
}

// fromEnd returns the day that is n days from the end of m's month (1: the last), or -1.
func (k *clock) fromEnd(m moment, n int) int {
	wanted := m.value[month]
	m.value[month]++
	m.value[day] = 1 - n
	t, normal, ok := k.resolve(m)
	if !ok || t < 0 || normal.value[month] != wanted {
		return -1
	}
	return normal.value[day]
}
