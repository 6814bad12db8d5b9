package mapfile

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// While postmap builds a hash, its header says that it is empty: a big map was called
// CRITICAL for as long as the build took.
func TestLocked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "virtual.db")
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	open := func() *os.File {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	ours, theirs := open(), open()
	if locked(ours) {
		t.Error("locked = true; want false before anybody locks it")
	}
	for how, want := range map[int]bool{syscall.LOCK_EX: true, syscall.LOCK_SH: false} {
		if err := syscall.Flock(int(theirs.Fd()), how); err != nil {
			t.Fatal(err)
		}
		if got := locked(ours); got != want {
			t.Errorf("locked = %v under flock %d; want %v", got, how, want)
		}
		if err := syscall.Flock(int(theirs.Fd()), syscall.LOCK_UN); err != nil {
			t.Fatal(err)
		}
	}
}

// A program that has held its lock for long hangs: what the map holds counts then.
func TestLockedForLong(t *testing.T) {
	path := filepath.Join(t.TempDir(), "virtual.db")
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	for age, want := range map[time.Duration]bool{9 * time.Minute: true, 11 * time.Minute: false} {
		written := time.Now().Add(-age)
		if err := os.Chtimes(path, written, written); err != nil {
			t.Fatal(err)
		}
		if facts, err := ReadFile(f, DB); err != nil || facts.Locked != want {
			t.Errorf("ReadFile of a map of %v = %+v, %v; want Locked %v", age, facts, err, want)
		}
	}
}

func TestWriteLocked(t *testing.T) {
	for _, test := range []struct {
		locks string
		want  bool
	}{
		{"1: FLOCK  ADVISORY  WRITE 4711 fe:01:99 0 EOF\n", true},
		{"1: POSIX  ADVISORY  WRITE 4711 fe:01:99 0 EOF\n", true},
		{"1: OFDLCK ADVISORY  WRITE -1 fe:01:99 0 EOF\n", true},
		{"1: FLOCK  ADVISORY  READ  4711 fe:01:99 0 EOF\n", false},  // smtpd
		{"1: FLOCK  ADVISORY  WRITE 4711 fe:01:199 0 EOF\n", false}, // another file
		{"1: FLOCK  ADVISORY  READ 1 fe:01:99 0 EOF\n" +
			"1: -> FLOCK  ADVISORY  WRITE 4711 fe:01:99 0 EOF\n", false}, // waits for smtpd
		{"1: LEASE\n\n", false},
	} {
		if got := writeLocked(strings.NewReader(test.locks), "fe:01:99"); got != test.want {
			t.Errorf("writeLocked(%q) = %v; want %v", test.locks, got, test.want)
		}
	}
}

// On btrfs, stat(2) gives 0:97 where /proc/locks has 00:5f: a map that was being built was called
// empty. proc_pid_mountinfo(5) has the fields.
func TestMountDevice(t *testing.T) {
	const mounts = "28 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n\n" +
		"29 28 0:95 /root /etc rw,relatime - btrfs /dev/loop0 rw\n" +
		"129 28 0:99 / /run rw - tmpfs none rw\n"
	for _, test := range []struct {
		fdinfo string
		minor  uint32
	}{
		{"pos:\t0\nflags:\t0100000\nmnt_id:\t29\nino:\t259\n", 95},
		{"pos:\t0\nflags:\t0100000\nmnt_id:\t129\n", 99}, // Linux 5.13 and older
		{"pos:\t0\nmnt_id:\t2\n", 97},                    // of another mount namespace
		{"", 97},                                         // no /proc
	} {
		major, minor := mountDevice(test.fdinfo, strings.NewReader(mounts), 0, 97)
		if major != 0 || minor != test.minor {
			t.Errorf("mountDevice(%q) = %d, %d; want 0, %d", test.fdinfo, major, minor, test.minor)
		}
	}
}

// The libraries are those of Debian's programs.
func TestEximDBM(t *testing.T) {
	for _, test := range []struct{ libraries, want string }{
		{"libcrypt.so.1 libnsl.so.2 libdb-5.3.so libc.so.6", "hash"},        // 4.96, 4.98
		{"libcrypt.so.1 libsqlite3.so.0 libc.so.6", "sqlite"},               // 4.100
		{"libsqlite3.so.0 libdb-5.3.so libldap.so.2", "hash"},               // exim4-daemon-heavy
		{"libdb.so.18 libc.so.6", "hash"},                                   // another system's
		{"libsqlite3.so.0 libgdbm.so.6", ""}, {"libtdb.so.1", ""}, {"", ""}, // cannot be known
		{"libdbus-1.so.3 libsqlite3.so.0", "sqlite"},
	} {
		if got := dbmOf(strings.Fields(test.libraries)); got != test.want {
			t.Errorf("dbmOf(%s) = %q; want %q", test.libraries, got, test.want)
		}
	}
	if got := libraries(filepath.Join(t.TempDir(), "exim")); got != nil {
		t.Errorf("libraries of no program = %q; want none", got)
	}
}

func FuzzMountDevice(f *testing.F) {
	f.Add("mnt_id:\t29\n", "29 28 0:95 /root /etc rw,relatime - btrfs /dev/loop0 rw\n")
	f.Fuzz(func(t *testing.T, fdinfo, mounts string) {
		major, minor := mountDevice(fdinfo, strings.NewReader(mounts), 0, 97)
		if (major != 0 || minor != 97) && !strings.Contains(mounts, ":") {
			t.Error("a device that is not there")
		}
	})
}

func FuzzWriteLocked(f *testing.F) {
	f.Add("1: -> FLOCK  ADVISORY  WRITE 4711 fe:01:99 0 EOF\n", "fe:01:99")
	f.Fuzz(func(t *testing.T, locks, inode string) {
		if writeLocked(strings.NewReader(locks), inode) && !strings.Contains(locks, inode) {
			t.Error("a lock that is not there")
		}
	})
}
