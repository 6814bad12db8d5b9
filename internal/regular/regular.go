// Package regular reads facts about regular files by name. It opens no FIFO, socket or device.
//
// O_PATH looks at a name without opening a FIFO, socket or device: the program at the other end of
// a FIFO notices nothing. The package then opens a regular file through /proc/self/fd. So it opens
// the file that it looked at, even if the name has a new file by now. Without /proc, or with no
// descriptor left, it opens the file by name and compares it with the file that it looked at.
package regular

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Fault is why a file cannot be read, if the reason is a fact about the file.
type Fault uint8

// The faults.
const (
	Readable  Fault = iota
	Missing         // there is no such file
	Dangling        // a symbolic link to nothing
	Looping         // symbolic links in a circle
	Irregular       // not a regular file: see Type
	Denied          // permission denied on File.Where
)

// File is what is known of a file. Size and ModTime are those of the file that was opened or, if it
// may not be read, looked at. Both are zero if the file could not be looked at.
type File struct {
	Path    string
	Link    string // what the path resolves to, if it is a symbolic link
	Fault   Fault
	Type    string // of an Irregular file: "directory", "FIFO", "socket", "device"
	Where   string // Denied: the file, or the directory above it
	Size    int64  // bytes
	ModTime time.Time
	Moving  bool // the file did not stand still, so what was read may be a part of it
}

// Reason says why the file cannot be read, as a predicate; it is empty for a Readable file.
func (f File) Reason() string {
	switch f.Fault {
	case Missing:
		return "is missing"
	case Dangling:
		return fmt.Sprintf("is a symbolic link to %s, which does not exist", f.Link)
	case Looping:
		return "is a symbolic link that leads back to itself"
	case Irregular:
		return "is not a regular file but a " + f.Type
	case Denied:
		if f.Where != f.Path {
			return "cannot be read: permission denied on the directory " + f.Where
		}
		return "cannot be read: permission denied"
	}
	return ""
}

// Open looks at a path and opens it if it is a regular file. If there is a fault, Open returns no
// file. If Open could not look for another reason, it returns an error.
func Open(path string) (*os.File, File, error) {
	f := File{Path: path}
	at, err := os.OpenFile(path, unix.O_PATH, 0)
	if err != nil {
		return nil, f, f.explain(err)
	}
	defer at.Close()
	info, err := at.Stat()
	if err != nil {
		return nil, f, Plain(err)
	}
	f.Size, f.ModTime = info.Size(), info.ModTime()
	if f.Type = kind(info.Mode()); f.Type != "" {
		f.Fault = Irregular
		return nil, f, nil
	}
	if target, err := filepath.EvalSymlinks(path); err == nil && isLink(path) {
		f.Link = target
	}
	file, err := reopen(at, info)
	if err != nil {
		return nil, f, f.explain(err)
	}
	if info, err = file.Stat(); err != nil {
		file.Close()
		return nil, f, Plain(err)
	}
	f.Size, f.ModTime = info.Size(), info.ModTime()
	return file, f, nil
}

// reopen opens, for reading, the file that was looked at.
func reopen(at *os.File, info fs.FileInfo) (*os.File, error) {
	const flags = os.O_RDONLY | syscall.O_NONBLOCK | syscall.O_NOCTTY
	file, err := os.OpenFile(fmt.Sprintf("/proc/self/fd/%d", at.Fd()), flags, 0)
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		e.Path = at.Name()
	}
	if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.EMFILE) {
		return file, err
	}
	at.Close() // no other descriptor may be free
	if file, err = os.OpenFile(at.Name(), flags, 0); err != nil {
		return nil, err
	}
	if now, err := file.Stat(); err != nil || !os.SameFile(info, now) {
		file.Close()
		return nil, errors.Join(err, fmt.Errorf("%s was replaced while it was opened", at.Name()))
	}
	return file, nil
}

// kind names the type of a file; it is empty for a regular file.
func kind(mode fs.FileMode) string {
	switch {
	case mode.IsRegular():
		return ""
	case mode.IsDir():
		return "directory"
	case mode&fs.ModeNamedPipe != 0:
		return "FIFO"
	case mode&fs.ModeSocket != 0:
		return "socket"
	}
	return "device"
}

func isLink(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode()&fs.ModeSymlink != 0
}

// explain sets the fault if an error of open(2) is a fact about the file. It returns other errors.
func (f *File) explain(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		f.Fault = Missing
		if isLink(f.Path) {
			f.Fault = Dangling
			f.Link, _ = os.Readlink(f.Path) // the fault is known without the link
		}
	case errors.Is(err, syscall.ELOOP):
		f.Fault = Looping
	case errors.Is(err, fs.ErrPermission):
		f.Fault, f.Where = Denied, denied(f.Path)
	default:
		return Plain(err)
	}
	return nil
}

// Plain returns an error of the operating system without the call and the path that Go puts before
// it. Plain returns other errors as they are.
func Plain(err error) error {
	if no := syscall.Errno(0); errors.As(err, &no) {
		return no
	}
	return err
}

// denied returns the uppermost directory of a path, or of the target of its link, that may not be
// searched. If there is no such directory, denied returns the path itself.
func denied(path string) string {
	paths := []string{path}
	if target, err := os.Readlink(path); err == nil && filepath.IsAbs(target) {
		paths = append(paths, target)
	} else if err == nil {
		paths = append(paths, filepath.Join(filepath.Dir(path), target))
	}
	for _, p := range paths {
		for i, c := range p {
			if c == '/' && i > 0 && closed(p[:i], false) != nil {
				return p[:i]
			}
		}
	}
	return path
}

const (
	settle  = 300 * time.Millisecond // pause before a file is read again
	fresh   = 2 * time.Second        // a younger file that is empty or incomplete may still grow
	rereads = 6
)

// Read opens a path and calls read with the file. complete says that the content looks whole. Read
// reads a file again that changed during the reading, or that was written less than settle ago; if
// it is empty or incomplete, less than fresh ago. If the file never stands still, Read returns the
// longest reading during which the file did not change: the others are of files half written. An
// error means that Read could not look at the file in time, or for a reason that is no [Fault].
func Read[T any](ctx context.Context, path string,
	read func(*os.File) (value T, complete bool, err error)) (File, T, error) {
	kept, err := readOnce(ctx, path, read)
	for n := 0; n < rereads && err == nil && !kept.still; n++ {
		select {
		case <-time.After(settle):
		case <-ctx.Done():
			return kept.file, kept.value, context.Cause(ctx)
		}
		var next reading[T]
		next, err = readOnce(ctx, path, read)
		same := next.file.Size == kept.file.Size && next.file.ModTime.Equal(kept.file.ModTime)
		if next.still || kept.torn || !next.torn && next.file.Size >= kept.file.Size {
			kept = next
		}
		if same {
			break
		}
	}
	kept.file.Moving = err == nil && !kept.still
	return kept.file, kept.value, err
}

// reading is the result of one reading of a file.
type reading[T any] struct {
	file  File
	value T
	torn  bool // the file changed while it was read
	still bool // the file did not change lately, or cannot be read
}

func readOnce[T any](ctx context.Context, path string,
	read func(*os.File) (T, bool, error)) (r reading[T], err error) {
	r.still = true
	if ctx.Err() != nil {
		return r, context.Cause(ctx)
	}
	file, f, err := Open(path)
	if r.file = f; file == nil {
		return r, err
	}
	defer file.Close()
	value, complete, err := read(file)
	if err != nil {
		return r, Plain(err)
	}
	after, err := file.Stat()
	if err != nil {
		return r, Plain(err)
	}
	age := time.Since(f.ModTime).Abs()
	young := age < settle || (f.Size == 0 || !complete) && age < fresh
	r.value = value
	r.torn = after.Size() != f.Size || !after.ModTime().Equal(f.ModTime)
	r.still = !young && !r.torn
	return r, nil
}

// Together calls read, which reads a file and then others that are made from it. If a writer has
// replaced the file meanwhile, the others may be of another file: Together calls read once more.
func Together[T any](read func() (T, File, error)) (T, error) {
	value, f, err := read()
	if err == nil && f.Fault == Readable && !f.Moving && f.replaced() {
		if next, _, err := read(); err == nil {
			return next, nil
		}
	}
	return value, err
}

// replaced reports whether the path now leads to a file of another size or time.
func (f File) replaced() bool {
	info, err := os.Stat(f.Path)
	return err != nil || info.Size() != f.Size || !info.ModTime().Equal(f.ModTime)
}
