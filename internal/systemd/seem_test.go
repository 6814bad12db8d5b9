package systemd

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestSeemRunning(t *testing.T) {
	slice := t.TempDir()
	for _, name := range []string{"backup.service", "report@mx.service", "other.service"} {
		if err := os.Mkdir(filepath.Join(slice, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	timers := []string{"idle.timer", "backup.timer", "b*.timer", "report@mx.timer"}
	got := seemRunning(slice, timers)
	if want := []string{"backup.service", "report@mx.service"}; !slices.Equal(got, want) {
		t.Errorf("seemRunning(%q) = %q; want %q", timers, got, want)
	}
	if got := seemRunning(filepath.Join(slice, "nothing"), timers); len(got) > 0 {
		t.Errorf("seemRunning without control groups = %q; want none", got)
	}
}
