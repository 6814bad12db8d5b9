package systemd

import (
	"path/filepath"

	"golang.org/x/sys/unix"
)

// SeemRunning returns the default services of the timers that seem to run: those that have a
// control group in system.slice, which systemd removes after the last process (cgroup v2). This
// costs one system call for each timer. It is a guess: the timer may start another service (Unit=),
// and the service may run elsewhere (Slice=, cgroup v1). For user it returns none.
func SeemRunning(user bool, timers []string) []string {
	if user {
		return nil
	}
	return seemRunning("/sys/fs/cgroup/system.slice", timers)
}

func seemRunning(slice string, timers []string) (services []string) {
	for _, timer := range timers {
		service := defaultService(timer)
		if unix.Access(filepath.Join(slice, service), unix.F_OK) == nil {
			services = append(services, service)
		}
	}
	return services
}
