package process

import (
	"cmp"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// calls names the system calls in which processes get stuck, by number. callsAMD64 has more, for
// x86-64 alone.
var calls = [...]string{
	unix.SYS_READ:            "read",
	unix.SYS_PREAD64:         "pread64",
	unix.SYS_WRITE:           "write",
	unix.SYS_PWRITE64:        "pwrite64",
	unix.SYS_WRITEV:          "writev",
	unix.SYS_RECVFROM:        "recvfrom",
	unix.SYS_RECVMSG:         "recvmsg",
	unix.SYS_SENDTO:          "sendto",
	unix.SYS_SENDMSG:         "sendmsg",
	unix.SYS_CONNECT:         "connect",
	unix.SYS_ACCEPT4:         "accept4",
	unix.SYS_PPOLL:           "ppoll",
	unix.SYS_PSELECT6:        "pselect6",
	unix.SYS_EPOLL_PWAIT:     "epoll_pwait",
	unix.SYS_FUTEX:           "futex",
	unix.SYS_FLOCK:           "flock",
	unix.SYS_FCNTL:           "fcntl",
	unix.SYS_FSYNC:           "fsync",
	unix.SYS_FDATASYNC:       "fdatasync",
	unix.SYS_SYNC:            "sync",
	unix.SYS_OPENAT:          "openat",
	unix.SYS_CLOSE:           "close",
	unix.SYS_STATX:           "statx",
	unix.SYS_STATFS:          "statfs",
	unix.SYS_GETDENTS64:      "getdents64",
	unix.SYS_WAIT4:           "wait4",
	unix.SYS_WAITID:          "waitid",
	unix.SYS_NANOSLEEP:       "nanosleep",
	unix.SYS_CLOCK_NANOSLEEP: "clock_nanosleep",
	unix.SYS_IOCTL:           "ioctl",
	unix.SYS_RT_SIGTIMEDWAIT: "rt_sigtimedwait",
	unix.SYS_RT_SIGSUSPEND:   "rt_sigsuspend",
	unix.SYS_RESTART_SYSCALL: "restart_syscall",
}

var callsAMD64 = [...]string{
	2:   "open",
	4:   "stat",
	6:   "lstat",
	7:   "poll",
	23:  "select",
	34:  "pause",
	43:  "accept",
	56:  "clone",
	58:  "vfork",
	232: "epoll_wait",
	262: "newfstatat",
}

// socketCalls names the calls of socketcall(2) by its first argument (linux/net.h). The second
// argument points to the file descriptor in the process's memory, which is not read.
var socketCalls = [...]string{
	3:  "connect",
	5:  "accept",
	9:  "send",
	10: "recv",
	11: "sendto",
	12: "recvfrom",
	16: "sendmsg",
	17: "recvmsg",
	18: "accept4",
}

// hasSocketcall reports whether this architecture has socketcall(2), which is number 102 there.
const hasSocketcall = runtime.GOARCH == "386" || runtime.GOARCH == "s390x"

// onFile lists the calls that wait on the file descriptor in their first argument.
const onFile = " read pread64 write pwrite64 writev recvfrom recvmsg sendto sendmsg connect accept accept4 flock fcntl fsync fdatasync close getdents64 ioctl "

// parseSyscall reads /proc/PID/syscall (proc_pid_syscall(5)): "45 0x3 0x7f .. SP PC", "-1 SP PC" or
// "running". The name is empty outside a system call. The fd is -1 if the call waits on no file.
func parseSyscall(text string) (name string, fd int) {
	fields := strings.Fields(text)
	if len(fields) != 9 {
		return "", -1
	}
	number, err := strconv.ParseUint(fields[0], 10, 31)
	if err != nil {
		return "", -1
	}
	name = at(calls[:], number)
	if name == "" && runtime.GOARCH == "amd64" {
		name = at(callsAMD64[:], number)
	}
	first, err := strconv.ParseUint(strings.TrimPrefix(fields[1], "0x"), 16, 31)
	if hasSocketcall && number == 102 {
		return cmp.Or(at(socketCalls[:], first), "socketcall"), -1
	}
	stack, _ := strconv.ParseUint(strings.TrimPrefix(fields[7], "0x"), 16, 64)
	if name == "" || stack < 1<<32 && strconv.IntSize == 64 { // 32-bit programs have other numbers
		return "system call " + fields[0], -1
	}
	if err != nil || !strings.Contains(onFile, " "+name+" ") {
		return name, -1
	}
	return name, int(first)
}

// at returns list[i]; empty if the list has no such place.
func at(list []string, i uint64) string {
	if i >= uint64(len(list)) {
		return ""
	}
	return list[i]
}

// weigh says how much a call tells about why its thread waits: 0 nothing, 3 most.
func weigh(name string) int {
	switch {
	case strings.Contains(onFile, " "+name+" "):
		return 3
	case name == "":
		return 0
	case name == "futex", strings.HasSuffix(name, "nanosleep"), strings.HasPrefix(name, "rt_sig"):
		return 1
	}
	return 2
}
