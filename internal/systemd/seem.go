package systemd

import (
	"path/filepath"

	"golang.org/x/sys/unix"
)

// SeemRunning gives those services which timers of these names usually start and which seem to run:
// they have a control group in system.slice, which systemd removes with the last process (cgroup
// v2). Nobody is asked, and a name costs one system call, but it is a guess: the timer may start
// another service, and a service may run elsewhere (Slice=, cgroup v1). For user none seems to run.
func SeemRunning(user bool, timers []string) []string {
	if user {
		return nil
	}
	return seemRunning("/sys/fs/cgroup/system.slice", timers)
}

func seemRunning(slice string, timers []string) (services []string) {
	for _, timer := range timers {
		service := usual(timer)
		if unix.Access(filepath.Join(slice, service), unix.F_OK) == nil {
			services = append(services, service)
		}
	}
	return services
}
