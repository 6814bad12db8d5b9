package systemd

import (
	"math"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// clock turns systemd's timestamps, microseconds of CLOCK_REALTIME and CLOCK_MONOTONIC, into
// instants.
type clock struct {
	zero   time.Time     // now minus CLOCK_MONOTONIC
	asleep time.Duration // how long the host was suspended since it booted
}

func readClock() clock {
	var mono, boot unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &mono) // cannot fail: Linux has both clocks
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &boot)
	zero := time.Now().Round(0).Add(-time.Duration(mono.Nano()))
	return clock{zero, time.Duration(boot.Nano() - mono.Nano())}
}

// instant returns the instant of an event from its two timestamps; a timestamp of 0 or 2^64-1 is
// missing, and without both the instant is zero. The monotonic timestamp counts, because the wall
// clock may have been set later. If they differ by less than a second, or by no more than the host
// was suspended, the wall clock's timestamp counts.
func (k clock) instant(realtime, monotonic uint64) time.Time {
	var wall time.Time
	if realtime != 0 && realtime != math.MaxUint64 {
		wall = time.UnixMicro(int64(min(realtime, math.MaxInt64)))
	}
	if monotonic == 0 || monotonic == math.MaxUint64 {
		return wall
	}
	mono := k.zero.Add(duration(monotonic))
	if diff := mono.Sub(wall); -time.Second < diff && diff < k.asleep+time.Second {
		return wall
	}
	return mono
}

// slept reports whether the host was suspended for a second or more since it booted.
func (k clock) slept() bool { return k.asleep >= time.Second }

// duration returns a Duration of so many microseconds, at most Infinity.
func duration(usec uint64) time.Duration {
	if usec > uint64(Infinity/time.Microsecond) {
		return Infinity
	}
	return time.Duration(usec) * time.Microsecond
}

// localZone returns the host's time zone as systemd reads it: from /etc/localtime, not from TZ; UTC
// if the file is missing or invalid.
func localZone() *time.Location {
	data, _ := os.ReadFile("/etc/localtime") // no data are invalid
	zone, err := time.LoadLocationFromTZData("Local", data)
	if err != nil {
		return time.UTC
	}
	return zone
}
