// Package document makes from a plugin's option table the files that are shipped beside the plugin,
// and puts into pages what the plugin says. These files are committed. Each plugin's tests compare
// them with what is made now, and write them anew if UPDATE is set (make docs).
//
// No plugin binary contains the package.
package document

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Compare compares a committed file with the text that it is to have, or writes the text into
// the file if UPDATE is set.
func Compare(t *testing.T, file, want string) {
	t.Helper()
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("%s is stale; UPDATE=1 go test -run %s writes it anew (-want +got):\n%s", file,
			t.Name(), diff)
	}
}
