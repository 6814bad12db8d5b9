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
	zero   time.Time     // when CLOCK_MONOTONIC was 0, by today's wall clock and not counting sleep
	asleep time.Duration // how long the host was suspended since: CLOCK_MONOTONIC stood still
}

func readClock() clock {
	var mono, boot unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &mono) // cannot fail: Linux has both clocks
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &boot)
	zero := time.Now().Round(0).Add(-time.Duration(mono.Nano()))
	return clock{zero, time.Duration(boot.Nano() - mono.Nano())}
}

// instant returns the one instant that both stamps mean; 0 and 2^64-1 are none. The wall clock may
// have been stepped since the stamps were taken, so the monotonic one counts; but where they differ
// by less than a second, or by the time the host slept, the wall clock was right.
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

// slept reports whether the host was suspended for a time that matters since it booted.
func (k clock) slept() bool { return k.asleep >= time.Second }

// duration turns microseconds into a Duration; what is too long for one is Infinity.
func duration(usec uint64) time.Duration {
	if usec > uint64(Infinity/time.Microsecond) {
		return Infinity
	}
	return time.Duration(usec) * time.Microsecond
}

// localZone returns the host's time zone, whatever TZ says here; UTC where /etc/localtime is
// missing, as for systemd.
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
