package aliases

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
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

// File is what is known of a file. Size, ModTime and Content are of the file that
// was opened, whatever its name stands for by now.
type File struct {
	Path    string
	Link    string // what the path resolves to, if it is a symbolic link
	Fault   Fault
	Type    string // of an Irregular one: "directory", "FIFO", "socket", "device"
	Where   string // Denied: the file, or the directory above it
	Size    int64  // bytes
	ModTime time.Time
	Moving  bool     // it may be half of it: it was being written whenever it was read
	torn    bool     // it was changed while it was read
	Content *Content // nil if no format was given or it could not be read
	Maps    []CompiledMap
}

// Request is what to find out about a file.
type Request struct {
	Format  Format   // None: do not read it
	Require []string // keys to look for
	Maps    MapKind  // compiled maps to look at
	Now     time.Time
	// Each calls f(0) .. f(n-1), at most limit at a time, and waits for all. If
	// it is set, a large file is read by several goroutines.
	Each func(n, limit int, f func(i int))
}

// ReadFile finds out about a file. It never blocks on a FIFO or device. A file
// that changes while it is read, was written a moment ago, or was just written and is
// empty or does not end in a newline, is read again until it stands still. If
// it never does, the longest reading of a file that stood still meanwhile counts: the
// others were of files half written. An error means that the file could not be looked at, for another reason
// than those of [Fault], or not in time.
func ReadFile(ctx context.Context, path string, q Request) (File, error) {
	f, whole, err := readOnce(ctx, path, q)
	for range rereads {
		if err != nil || whole {
			break
		}
		select {
		case <-time.After(settle):
		case <-ctx.Done():
			return f, ctx.Err()
		}
		q.Now = q.Now.Add(settle)
		var next File
		next, whole, err = readOnce(ctx, path, q)
		still := next.Size == f.Size && next.ModTime.Equal(f.ModTime)
		if whole || f.torn || !next.torn && next.Size >= f.Size {
			f = next
		}
		if still {
			break
		}
	}
	if err != nil {
		return f, err
	}
	f.Moving = !whole
	if f.Fault == Readable {
		f.Maps, err = readMaps(path, q)
	}
	return f, err
}

const (
	settle  = 300 * time.Millisecond // before a file is read again
	fresh   = 2 * time.Second        // a file of this age may still be written
	rereads = 6
)

// readOnce gives the facts of a file, and whether it stood still.
func readOnce(ctx context.Context, path string, q Request) (f File, whole bool, err error) {
	f = File{Path: path}
	file, err := f.open()
	if file == nil {
		return f, true, err
	}
	defer file.Close()
	if target, err := filepath.EvalSymlinks(path); err == nil && isLink(path) {
		f.Link = target
	}
	unended := f.Size == 0
	if q.Format != None {
		if f.Content, err = scan(ctx, file, f.Size, q); err != nil {
			return f, true, fmt.Errorf("read %s: %w", path, err)
		}
		unended = unended || f.Content.NoNewline
	}
	after, err := file.Stat()
	if err != nil {
		return f, true, err
	}
	age := q.Now.Sub(f.ModTime).Abs()
	young := age < settle || unended && age < fresh
	f.torn = after.Size() != f.Size || !after.ModTime().Equal(f.ModTime)
	return f, !young && !f.torn, nil
}

// open opens a file and takes its size and times, those of the file that is
// open. It gives no file where there is a fault or an error.
func (f *File) open() (*os.File, error) {
	file, err := os.OpenFile(f.Path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, f.explain(err)
	}
	info, err := file.Stat()
	if err == nil {
		f.Size, f.ModTime = info.Size(), info.ModTime()
		f.irregular(info.Mode())
	}
	if err != nil || f.Fault != Readable {
		file.Close()
		return nil, err
	}
	return file, nil
}

func isLink(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode()&fs.ModeSymlink != 0
}

func (f *File) irregular(mode fs.FileMode) {
	switch {
	case mode.IsRegular():
		return
	case mode.IsDir():
		f.Type = "directory"
	case mode&fs.ModeNamedPipe != 0:
		f.Type = "FIFO"
	case mode&fs.ModeSocket != 0:
		f.Type = "socket"
	default:
		f.Type = "device"
	}
	f.Fault = Irregular
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
		// A socket, or a device without a driver, cannot be opened.
		info, failed := os.Stat(f.Path)
		if failed != nil || info.Mode().IsRegular() {
			return err
		}
		f.irregular(info.Mode())
	}
	return nil
}

// denied gives the uppermost part of a path, or of what its link points to,
// that may not be searched, else the path itself.
func denied(path string) string {
	paths := []string{path}
	if target, err := os.Readlink(path); err == nil && filepath.IsAbs(target) {
		paths = append(paths, target)
	} else if err == nil {
		paths = append(paths, filepath.Join(filepath.Dir(path), target))
	}
	for _, p := range paths {
		for i, c := range p {
			if c != '/' || i == 0 {
				continue
			}
			if closed(p[:i], false) != nil {
				return p[:i]
			}
		}
	}
	return path
}

// Glob gives the paths that a pattern stands for, sorted: a name without
// wildcards, or that of an existing file, itself. If a directory on the way may
// not be read or searched, that is an error, beside the paths of the others.
func Glob(pattern string) ([]string, error) {
	const wildcards = `*?[\`
	if _, err := os.Lstat(pattern); err == nil || !strings.ContainsAny(pattern, wildcards) {
		return []string{pattern}, nil
	}
	paths, err := filepath.Glob(pattern)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", pattern, err)
	}
	for dir, name := filepath.Dir(pattern), filepath.Base(pattern); ; dir, name = filepath.Dir(dir), filepath.Base(dir) {
		wild := strings.ContainsAny(dir, wildcards)
		dirs := []string{dir}
		if wild {
			dirs, _ = filepath.Glob(dir) // its error was seen above
		}
		for _, d := range dirs {
			if err := closed(d, strings.ContainsAny(name, wildcards)); err != nil {
				return paths, err
			}
		}
		if !wild {
			return paths, nil
		}
	}
}

// closed says why a directory may not be searched, or, to list it, not be read.
// What is no directory is none that is closed.
func closed(dir string, list bool) error {
	_, err := os.Stat(dir + "/.")
	if err == nil && list {
		var d *os.File
		if d, err = os.Open(dir); err == nil {
			d.Close()
		}
	}
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%s: %w", dir, fs.ErrPermission)
	}
	return nil
}
