package mapfile

import (
	"bufio"
	"bytes"
	"debug/elf"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// locked reports whether a program of this host holds a write lock on an open file. postmap,
// postalias, makemap and newaliases hold such a lock while they build a hash or btree. Until they
// end, the header of the map says that the map is empty (lockf(3), flock(2); Postfix's mkmap_open).
// If /proc/locks cannot be read, the answer is no. Reading it takes some milliseconds, in which no
// program of the host can lock a file (fs/locks.c of Linux: percpu_down_write).
func locked(f *os.File) bool {
	var stat unix.Stat_t
	locks, err := os.ReadFile("/proc/locks")
	if err != nil || unix.Fstat(int(f.Fd()), &stat) != nil {
		return false
	}
	dev := uint64(stat.Dev)
	major, minor := unix.Major(dev), unix.Minor(dev)
	if major == 0 { // no block device: stat(2) may give the device of a part of the file system
		own, _ := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", f.Fd()))
		mounts, _ := os.ReadFile("/proc/self/mountinfo")
		major, minor = mountDevice(string(own), bytes.NewReader(mounts), major, minor)
	}
	inode := fmt.Sprintf("%02x:%02x:%d", major, minor, stat.Ino)
	return writeLocked(bytes.NewReader(locks), inode)
}

// mountDevice returns the device of the mount that an open file is on, which is the one in
// /proc/locks. On btrfs, and on an overlay of several file systems, stat(2) gives another device.
// If the mount is not known, mountDevice returns the device of stat(2).
func mountDevice(fdinfo string, mounts io.Reader, major, minor uint32) (uint32, uint32) {
	_, id, _ := strings.Cut(fdinfo, "mnt_id:\t")
	id, _, _ = strings.Cut(id, "\n")
	lines := bufio.NewScanner(mounts)
	for lines.Scan() {
		field := strings.Fields(lines.Text())
		var of, number uint32
		if len(field) < 3 || field[0] != id {
			continue
		}
		if n, _ := fmt.Sscanf(field[2], "%d:%d", &of, &number); n == 2 {
			return of, number
		}
	}
	return major, minor
}

// writeLocked looks for a write lock on an inode. proc_locks(5) lists number, kind, mode, access,
// process, and device and inode. A process that waits for a lock has "->" after the number.
func writeLocked(locks io.Reader, inode string) bool {
	lines := bufio.NewScanner(locks)
	for lines.Scan() {
		field := strings.Fields(lines.Text())
		if len(field) >= 6 && field[3] == "WRITE" && field[5] == inode {
			return true
		}
	}
	return false
}

// EximDBM returns the type of map that this host's Exim reads with its dbm lookup: "hash",
// "sqlite", or empty if it is not known. The libraries that Exim is linked with show the type.
func EximDBM() string {
	for _, path := range []string{"/usr/sbin/exim4", "/usr/sbin/exim"} {
		if kind := dbmOf(libraries(path)); kind != "" {
			return kind
		}
	}
	return ""
}

// libraries returns the libraries that a program is linked with; none if they are not known.
func libraries(path string) (names []string) {
	program, err := elf.Open(path)
	if err != nil {
		return nil
	}
	defer program.Close()
	names, _ = program.ImportedLibraries()
	return names
}

// dbmOf returns the type of map of Exim's dbm lookup, which uses one library. Exim's sqlite lookup
// also needs libsqlite3, so libsqlite3 counts only if there is no other library (Exim's src/EDITME:
// USE_DB, USE_GDBM, USE_TDB, USE_SQLITE).
func dbmOf(names []string) (kind string) {
	for _, name := range names {
		switch name, _, _ = strings.Cut(name, ".so"); {
		case name == "libdb" || strings.HasPrefix(name, "libdb-"):
			return "hash"
		case strings.HasPrefix(name, "libgdbm"), strings.HasPrefix(name, "libtdb"):
			return ""
		case name == "libsqlite3":
			kind = "sqlite"
		}
	}
	return kind
}
