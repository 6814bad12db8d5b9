package regular

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const wildcards = `*?[\`

// Glob returns the paths that match a pattern, sorted. If the pattern has no wildcards or is the
// name of a file, Glob returns the pattern itself. Glob returns compiled maps, lock files and
// editors' copies apart, as others. If a directory on the way may not be read or searched, Glob
// returns an error and the paths that it found.
func Glob(pattern string) (paths, others []string, err error) {
	if _, err := os.Lstat(pattern); err == nil || !strings.ContainsAny(pattern, wildcards) {
		return []string{pattern}, nil, nil
	}
	all, err := filepath.Glob(pattern)
	if err != nil {
		return nil, nil, fmt.Errorf("%q: %w", pattern, err)
	}
	for _, path := range all {
		if byproduct(path, filepath.Ext(pattern)) {
			others = append(others, path)
		} else {
			paths = append(paths, path)
		}
	}
	return paths, others, searchable(pattern)
}

// byproducts are the suffixes of compiled maps, of lock files, and of copies that editors, dpkg,
// rpm and patch leave.
var byproducts = []string{
	".db", ".cdb", ".lmdb", ".pag", ".dir", ".sdbm", ".tmp", ".lock", ".lck", "-lock",
	"~", ".swp", ".swo", ".swx", ".bak", ".orig", ".rej", ".save",
	".old", ".new", ",v",
	".dpkg-old", ".dpkg-new", ".dpkg-dist", ".dpkg-bak", ".dpkg-tmp",
	".ucf-old", ".ucf-new", ".ucf-dist",
	".rpmnew", ".rpmsave", ".rpmorig", "-wal", "-shm", "-journal",
}

// byproduct reports whether a path has one of byproducts as its suffix, unless the pattern asks for
// that suffix. Copies and locks of Emacs, which have a prefix, are byproducts, too.
func byproduct(path, asked string) bool {
	name := filepath.Base(path)
	emacs := strings.HasPrefix(name, "#") && strings.HasSuffix(name, "#")
	if emacs || strings.HasPrefix(name, ".#") {
		return true
	}
	return slices.ContainsFunc(byproducts, func(end string) bool {
		return strings.HasSuffix(name, end) && end != asked
	})
}

// searchable returns an error if the pattern needs a directory that may not be read or searched.
func searchable(pattern string) error {
	dir, name := filepath.Dir(pattern), filepath.Base(pattern)
	for ; ; dir, name = filepath.Dir(dir), filepath.Base(dir) {
		wild := strings.ContainsAny(dir, wildcards)
		dirs := []string{dir}
		if wild {
			dirs, _ = filepath.Glob(dir) // the caller has seen this error
		}
		for _, d := range dirs {
			if err := closed(d, strings.ContainsAny(name, wildcards)); err != nil {
				return err
			}
		}
		if !wild {
			return nil
		}
	}
}

// closed returns an error if a directory may not be searched or, with list, may not be read. It
// returns nil if dir is no directory.
func closed(dir string, list bool) error {
	info, err := os.Stat(dir + "/.")
	if err == nil && list && info.IsDir() {
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
