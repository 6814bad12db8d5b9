package systemd

import (
	"math"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// clock turns systemd's stamps, microseconds of CLOCK_REALTIME and of CLOCK_MONOTONIC, into
// instants.
type clock struct {
	zero   time.Time     // now less CLOCK_MONOTONIC
	asleep time.Duration // how long the host was suspended since it booted
}

func readClock() clock {
	var mono, boot unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &mono) // cannot fail: Linux has both clocks
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &boot)
	zero := time.Now().Round(0).Add(-time.Duration(mono.Nano()))
	return clock{zero, time.Duration(boot.Nano() - mono.Nano())}
}

// instant returns the instant of two stamps that were taken together; 0 and 2^64-1 are none. The
// wall clock may have been stepped since, so the monotonic stamp counts. If they differ by less
// than a second, or by the time that the host was suspended, the wall clock's stamp counts.
func (k clock) instant(realtime, monotonic uint64) time.Time {
	var wall time.Time
	if realtime != 0 && realtime != math.MaxUint64 {
		wall = time.UnixMicro(int64(min(realtime, math.MaxInt64)))
	}
	if monotonic == 0 || monotonic == math.MaxUint64 {
		return wall
	}
	mono := k.zero.Add(duration(monotonic))
	if ahead := mono.Sub(wall); -time.Second < ahead && ahead < k.asleep+time.Second {
		return wall
	}
	return mono
}

// slept reports whether the host was suspended for a second or more since it booted.
func (k clock) slept() bool { return k.asleep >= time.Second }

// duration turns microseconds into a Duration, Infinity if they are too many.
func duration(usec uint64) time.Duration {
	if usec > uint64(Infinity/time.Microsecond) {
		return Infinity
	}
	return time.Duration(usec) * time.Microsecond
}

// localZone returns the host's time zone, as systemd reads it: from /etc/localtime and not from TZ;
// UTC without that file.
func localZone() *time.Location {
	data, err := os.ReadFile("/etc/localtime")
	if err != nil {
		return time.UTC
	}
	zone, err := time.LoadLocationFromTZData("Local", data)
	if err != nil {
		return time.UTC
	}
	return zone
}
