package systemd

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestTimerName(t *testing.T) {
	for _, tt := range []struct{ arg, want, err string }{
		{"backup", "backup.timer", ""},
		{"backup.timer", "backup.timer", ""},
		{"foo.bar", "foo.bar.timer", ""},
		{"x@a@b", "x@a@b.timer", ""},
		{`a\x2db:c_d-e`, `a\x2db:c_d-e.timer`, ""},
		{"-foo", "-foo.timer", ""},
		{strings.Repeat("a", 249), strings.Repeat("a", 249) + ".timer", ""},
		{strings.Repeat("a", 250), "", "more than 255 bytes"},
		{"", "", "empty"},
		{".timer", "", "empty"},
		{"@x", "", "empty"},
		{"x@", "", "template"},
		{"x@.timer", "", "template"},
		{"foo.service", "", "is not a timer but a service"},
		{"a/b", "", `cannot have "/"`},
		{"a b", "", `cannot have " "`},
		{"a|b=1", "", `cannot have "|"`},
		{"a\nb", "", `cannot have "\n"`},
		{"a\xff", "", `cannot have "\xff"`},
		{"é", "", "cannot have"},
		{"a*", "", `cannot have "*"`},
	} {
		got, err := TimerName(tt.arg)
		if got != tt.want || (err == nil) != (tt.err == "") ||
			err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("TimerName(%q) = %q, %v; want %q, %q", tt.arg, got, err, tt.want, tt.err)
		}
	}
}

func FuzzTimerName(f *testing.F) {
	for _, seed := range []string{"a", "a.timer", "x@.timer", "x@i", "a/b", "\xff", "", ".",
		strings.Repeat("a", 300)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, arg string) {
		name, err := TimerName(arg)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\x00") {
				t.Errorf("TimerName(%q): %q has more than one line", arg, err)
			}
			return
		}
		if again, err := TimerName(name); again != name || err != nil {
			t.Errorf("TimerName(%q) = %q, but TimerName of that is %q, %v", arg, name, again, err)
		}
		if len(name) > 255 || strings.ContainsAny(name, "/ |*?[\n") {
			t.Errorf("TimerName(%q) = %q", arg, name)
		}
	})
}

func TestMatch(t *testing.T) {
	for _, tt := range []struct {
		glob, name string
		want       bool
	}{
		{"*", "a.timer", true},
		{"apt-*", "apt-daily.timer", true},
		{"apt-daily", "apt-daily.timer", true},
		{"vrts?", "vrts1.timer", true},
		{"vrts?.timer", "vrts12.timer", false},
		{"[!a]*.timer", "a.timer", false},
		{"[!a]*.timer", "b.timer", true},
		{`a\x2d*`, `a\x2db.timer`, true},
		{"b*", "a.timer", false},
	} {
		if got, err := Match(tt.glob, tt.name); got != tt.want || err != nil {
			t.Errorf("Match(%q, %q) = %v, %v; want %v", tt.glob, tt.name, got, err, tt.want)
		}
	}
	if _, err := Match("[a", "a.timer"); err == nil {
		t.Error(`Match("[a") has no error`)
	}
}

func FuzzParseAddress(f *testing.F) {
	for _, seed := range []string{"unix:path=/run/a%20b,guid=1;unix:abstract=c",
		"unixexec:path=/bin/sh", "tcp:host=x", "unix:path=", "unix:path=%zz", ";,=;", "\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, address string) {
		all, err := parseAddress(address)
		if (err == nil) != (len(all) > 0) {
			t.Errorf("parseAddress(%q) = %v, %v", address, all, err)
		}
		for _, s := range all {
			if s.path == "" || !s.viaBus {
				t.Errorf("parseAddress(%q) has the socket %+v", address, s)
			}
		}
	})
}

// A link enables a timer if it leads to a file; that of an instance may lead to none.
func TestEnabledTimers(t *testing.T) {
	folder := t.TempDir()
	wants := filepath.Join(folder, "timers.target.wants")
	if err := os.Mkdir(wants, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string]string{
		"a.timer": folder, "gone.timer": "gone", "i@x.timer": "gone", "b.service": folder,
		"template@.timer": folder, "no timer.timer": folder,
	} {
		if err := os.Symlink(file, filepath.Join(wants, name)); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"a.timer", "i@x.timer"}
	if got := enabledTimers([]string{folder, "/nonexistent"}); !slices.Equal(got, want) {
		t.Errorf("enabledTimers = %q; want %q", got, want)
	}
}
