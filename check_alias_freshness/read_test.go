package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"mailfresh/internal/aliases"
)

// A file was replaced after it had been read, and postmap compiled the new one: the new map was
// said to hold 200,010 of 200,000 entries. The map here is young and empty, so it is read again
// after a pause; meanwhile the writer replaces the file.
func TestFileReplacedBeforeItsMap(t *testing.T) {
	path := filepath.Join(t.TempDir(), "virtual")
	write := func(path, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Error(err)
		}
	}
	write(path, "a b\n")
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
	write(path+".cdb", "")
	go func() {
		time.Sleep(100 * time.Millisecond)
		write(path+".new", "a b\nc d\n")
		if err := os.Rename(path+".new", path); err != nil {
			t.Error(err)
		}
	}()
	f := facts{paths: []string{path}}
	f.readFiles(t.Context(), given(func(o *options) { o.Format = aliases.Map }))
	if got := f.read[0]; got.Err != nil || got.Value.content.Entries != 2 {
		t.Errorf("a file that was replaced: %+v; want 2 entries", got)
	}
}
