// Package regular reads facts about regular files by their names, and opens nothing else.
//
// O_PATH looks at a name without opening a FIFO, socket or device: the program at the other end of
// a FIFO notices nothing. A regular file is then opened through /proc/self/fd, so that it is the
// file that was looked at, even if its name has a new file by now. Without /proc, or with no
// descriptor left, it is opened by its name and compared with the file that was looked at.
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

// Fault is why a file cannot be read, where that is a fact about the file.
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
// may not be read, looked at. They are zero if it could not be looked at.
type File struct {
	Path    string
	Link    string // what the path resolves to, if it is a symbolic link
	Fault   Fault
	Type    string // of an Irregular one: "directory", "FIFO", "socket", "device"
	Where   string // Denied: the file, or the directory above it
	Size    int64  // bytes
	ModTime time.Time
	Moving  bool // it was being written each time it was read, so the reading may be a part of it
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

// Open looks at a path and opens it if it is a regular file. It gives no file if there is a fault,
// and an error if it could not look for another reason.
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

// reopen opens the file for reading that was looked at.
func reopen(at *os.File, info fs.FileInfo) (*os.File, error) {
	const flags = os.O_RDONLY | syscall.O_NONBLOCK | syscall.O_NOCTTY
	file, err := os.OpenFile(fmt.Sprintf("/proc/self/fd/%d", at.Fd()), flags, 0)
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		e.Path = at.Name()
	}
	if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.EMFILE) {
		return file, err
	}
	at.Close() // its descriptor may be the last one
	if file, err = os.OpenFile(at.Name(), flags, 0); err != nil {
		return nil, err
	}
	if now, err := file.Stat(); err != nil || !os.SameFile(info, now) {
		file.Close()
		return nil, errors.Join(err, fmt.Errorf("%s was replaced while it was opened", at.Name()))
	}
	return file, nil
}

// kind names what a path is; it is empty for a regular file.
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

// explain makes a fault of an error of open(2), if it is a fact about the file.
func (f *File) explain(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		f.Fault = Missing
		if isLink(f.Path) {
			f.Fault = Dangling
			f.Link, _ = os.Readlink(f.Path) // the reason is known without it
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

// Plain gives an error of the operating system without the call and the path that Go puts before
// it; other errors as they are.
func Plain(err error) error {
	if no := syscall.Errno(0); errors.As(err, &no) {
		return no
	}
	return err
}

// denied gives the uppermost directory of a path, or of the target of its link, that may not be
// searched, else the path itself.
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
	fresh   = 2 * time.Second        // a file of this age may still be being written
	rereads = 6
)

// Read opens a path and calls read with the file. The result complete says that the last line has a
// newline. Read reads a file again that changed while it was read, that was written a moment ago,
// or that was just written and is empty or incomplete. If the file never stands still, the longest
// reading counts during which it did not change: the others are of files half written. An error
// means that the file could not be looked at for a reason that is no [Fault], or not in time.
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
	still bool // the file stood still, or cannot be read
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
