package main

import (
	"cmp"
	"fmt"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"mailfresh/internal/nagios"
	"mailfresh/internal/schedule"
	"mailfresh/internal/systemd"
)

// outcome judges how the last run ended.
func outcome(v view) nagios.Findings {
	s, reboot := v.service, softReboot(v, killed(v.service.ExecMainCode))
	switch at := later(s.StateChange, s.InactiveEnter); {
	case startLimit(v):
		return found(nagios.Critical, "%s failed%s: %s; it was started too often and is refused now (%s)",
			s.Name, v.when(s.InactiveEnter), v.ending(), v.systemctl("reset-failed", s.Name))
	case s.ActiveState == "failed":
		return found(nagios.Critical, "%s failed%s: %s%s", s.Name, v.when(at), v.ending(), reboot)
	}
	if end := ignored(s); end != "" && s.Result == "success" {
		return found(v.opt.IgnoredState,
			"%s ended%s with %s, which ExecStart=- ignores: systemd calls it a success%s",
			s.Name, v.when(s.InactiveEnter), end, reboot)
	}
	return nil
}

// startLimit reports whether StartLimitBurst= refused the last trigger of a service that had failed
// before. Until systemd 257 the result stays that of the failure, but the refusal renews
// StateChange, which a failed dependency does not.
func startLimit(v view) bool {
	s, refused := v.service, v.service.StateChange
	return s.ActiveState == "failed" && s.Result != "start-limit-hit" && s.Result != "resources" &&
		v.run.attempt == notStarted && refused.After(s.InactiveEnter) &&
		!refused.Before(v.run.trigger) && refused.Sub(v.run.trigger) < schedule.Starting
}

// killed reports whether a code of sigaction(2) says that a signal ended the process.
func killed(code int32) bool { return code == 2 || code == 3 } // CLD_KILLED, CLD_DUMPED

// softReboot says that a soft-reboot (systemd 254) ended the last completed run, else it returns
// "". A soft-reboot stops every unit, and soon afterwards the manager starts anew. Every other end
// of a run that systemd knows is later than the manager's start.
func softReboot(v view, killed bool) string {
	const stopping = 2 * time.Minute
	end, start := v.service.InactiveEnterMonotonic, v.host.ManagerStartMonotonic
	if !killed || end <= 0 || end > start || start-end > stopping {
		return ""
	}
	return " (a soft-reboot of the host ended it)"
}

// ignored returns how a command ended if ExecStart=- ignores its failure, else "". After a
// daemon-reload systemd knows only how the last command ended.
func ignored(svc *systemd.Service) string {
	flagged := false
	for _, e := range svc.Commands {
		if e.Setting != "ExecStart" || !e.IgnoreFailure {
			continue
		}
		flagged = true
		if failure(svc, e.Code, e.Status) {
			return exitText(e.Code, e.Status) + ofSeveral(svc, e)
		}
	}
	if !flagged || svc.ExecMainExit.IsZero() ||
		!failure(svc, svc.ExecMainCode, svc.ExecMainStatus) {
		return ""
	}
	return exitText(svc.ExecMainCode, svc.ExecMainStatus)
}

// ofSeveral names the command if the service has several commands of this setting.
func ofSeveral(svc *systemd.Service, e systemd.Exec) string {
	n := 0
	for _, other := range svc.Commands {
		if other.Setting == e.Setting {
			n++
		}
	}
	if n < 2 {
		return ""
	}
	return " of " + e.Path
}

// failure reports whether a command failed (systemd.service(5), SuccessExitStatus=). code is a code
// of sigaction(2); status is an exit status or a signal.
func failure(svc *systemd.Service, code, status int32) bool {
	switch {
	case code == 1: // CLD_EXITED
		return status != 0 && !slices.Contains(svc.SuccessStatus, status)
	case killed(code):
		clean := []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM, syscall.SIGPIPE}
		return !slices.Contains(svc.SuccessSignals, status) &&
			(svc.Type == "oneshot" || !slices.Contains(clean, syscall.Signal(status)))
	}
	return false
}

// ending says how the last run ended, by systemd's result.
func (v view) ending() string {
	s := v.service
	switch s.Result {
	case "exit-code", "signal", "core-dump":
		if s.IsService {
			return commandEnding(s)
		}
	case "timeout":
		return "it ran into its time limit (result timeout)"
	case "protocol":
		if s.IsService {
			return "it did not keep to the protocol of Type=" + s.Type + " (result protocol)"
		}
	case "watchdog":
		return "it did not answer its watchdog"
	case "oom-kill":
		return "it was killed for lack of memory (result oom-kill)"
	case "start-limit-hit":
		return "it was started too often and is refused now (result start-limit-hit; " +
			v.systemctl("reset-failed", s.Name) + ")"
	case "resources":
		return "systemd could not set it up (result resources)" + v.whyNoService()
	}
	return "result " + cmp.Or(s.Result, "unknown")
}

// commandEnding says which command failed, and how.
func commandEnding(svc *systemd.Service) string {
	for _, e := range svc.Commands {
		if e.IgnoreFailure || !failure(svc, e.Code, e.Status) {
			continue
		}
		if e.Setting == "ExecStart" {
			return exitText(e.Code, e.Status)
		}
		return e.Setting + "=" + e.Path + ": " + exitText(e.Code, e.Status)
	}
	if failure(svc, svc.ExecMainCode, svc.ExecMainStatus) {
		return exitText(svc.ExecMainCode, svc.ExecMainStatus)
	}
	if svc.Type == "forking" { // after a daemon-reload: ExecMainStatus is not that of ExecStart=
		return "a command failed (result " + svc.Result + ")"
	}
	return "a command failed, but not that of ExecStart= (result " + svc.Result + ")"
}

// exitText names an exit status or signal: "exit status 217/USER", "SIGKILL".
func exitText(code, status int32) string {
	if killed(code) {
		name := cmp.Or(unix.SignalName(syscall.Signal(status)), fmt.Sprintf("signal %d", status))
		if code == 3 { // CLD_DUMPED
			name += " (core dumped)"
		}
		return name
	}
	if n := int(status); 0 <= n && n < len(exitNames) && exitNames[n] != "" {
		return fmt.Sprintf("exit status %d/%s", status, exitNames[n])
	}
	return fmt.Sprintf("exit status %d", status)
}

// exitNames has the names of the exit statuses that systemd itself sets (systemd.exec(5), "Process
// Exit Codes").
var exitNames = [256]string{
	200: "CHDIR", 201: "NICE", 202: "FDS", 203: "EXEC", 204: "MEMORY", 205: "LIMITS",
	206: "OOM_ADJUST", 207: "SIGNAL_MASK", 208: "STDIN",
	209: "STDOUT", 210: "CHROOT", 211: "IOPRIO", 212: "TIMERSLACK", 213: "SECUREBITS",
	214: "SETSCHEDULER", 215: "CPUAFFINITY", 216: "GROUP",
	217: "USER", 218: "CAPABILITIES", 219: "CGROUP", 220: "SETSID", 221: "CONFIRM", 222: "STDERR",
	224: "PAM", 225: "NETWORK", 226: "NAMESPACE",
	227: "NO_NEW_PRIVILEGES", 228: "SECCOMP", 229: "SELINUX_CONTEXT", 230: "PERSONALITY",
	231: "APPARMOR", 232: "ADDRESS_FAMILIES",
	233: "RUNTIME_DIRECTORY", 235: "CHOWN", 236: "SMACK_PROCESS_LABEL", 237: "KEYRING",
	238: "STATE_DIRECTORY", 239: "CACHE_DIRECTORY",
	240: "LOGS_DIRECTORY", 241: "CONFIGURATION_DIRECTORY", 242: "NUMA_POLICY", 243: "CREDENTIALS",
}
