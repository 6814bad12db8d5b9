package mapfile

import (
	"bufio"
	"debug/elf"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// locked reports whether a program of this host holds a lock to write on an open file.
// postmap, postalias, makemap and newaliases hold one for as long as they build a hash
// or btree, whose header meanwhile says that it is empty (lockf(3), flock(2); Postfix's
// mkmap_open). Where /proc/locks cannot be read, the answer is no.
func locked(f *os.File) bool {
	info, err := f.Stat()
	if err != nil {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return false
	}
	locks, err := os.Open("/proc/locks")
	if err != nil {
		return false
	}
	defer locks.Close()
	dev := uint64(stat.Dev)
	return writeLocked(locks,
		fmt.Sprintf("%02x:%02x:%d", unix.Major(dev), unix.Minor(dev), stat.Ino))
}

// writeLocked looks for a lock to write on an inode, as proc_locks(5) lists them: number,
// kind, mode, access, process, and device and inode. A lock that is waited for has "->"
// behind the number.
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

// EximDBM gives the type of map that this host's Exim reads with its dbm lookup, "hash" or
// "sqlite", by the library that Exim is linked with. It is empty if there is no Exim, or if the
// libraries do not show it.
func EximDBM() string {
	for _, path := range []string{"/usr/sbin/exim4", "/usr/sbin/exim"} {
		if kind := dbmOf(libraries(path)); kind != "" {
			return kind
		}
	}
	return ""
}

// libraries gives the libraries that a program is linked with; none if it is not there.
func libraries(path string) (names []string) {
	program, err := elf.Open(path)
	if err != nil {
		return nil
	}
	defer program.Close()
	names, _ = program.ImportedLibraries() // none: not known
	return names
}

// dbmOf finds the library of the dbm lookup, of which an Exim has one. libsqlite3 is it
// only where there is no other, as the sqlite lookup needs it, too (Exim's src/EDITME:
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
