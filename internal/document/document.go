// Package document writes from a plugin's option table what is shipped beside
// the plugin, and puts into pages what the plugin says. What it writes is
// committed; each plugin's test compares it with the committed file, and
// rewrites that file when UPDATE is set, as make docs does.
//
// No plugin binary contains it.
package document

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Keep compares a committed file with the text that is made for it.
func Keep(t *testing.T, file, want string) {
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
