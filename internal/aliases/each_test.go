package aliases

import (
	"errors"
	"strings"
	"testing"
)

// The first error of visit ends the visits, and is what Each returns.
func TestEachEndsAtAnError(t *testing.T) {
	broken, visited := errors.New("broken"), 0
	err := Each(t.Context(), strings.NewReader("a: b\nc: d\ne: f\n"), Exim, func(e Entry) error {
		if visited++; string(e.Key) == "c" {
			return broken
		}
		return nil
	})
	if err != broken || visited != 2 {
		t.Errorf("Each = %v after %d entries; want %v after 2", err, visited, broken)
	}
}

// smtpd knows users of up to 255 bytes.
func TestUserLength(t *testing.T) {
	for n, want := range map[int]int{1: 0, 255: 0, 256: 1} {
		c := content(t, OpenSMTPD, "a: "+strings.Repeat("b", n)+"\n")
		if c.Malformed != want {
			t.Errorf("a user of %d bytes: %v; want %d problems", n, c.Problems, want)
		}
	}
}

// Each user of a list is looked at, also where the first one has a domain.
func TestUsersOfList(t *testing.T) {
	for text, want := range map[string]int{
		"a: b@example.org, c\n": 0, "a: b@example.org, c d\n": 1, "a: b, c d\n": 1,
	} {
		if c := content(t, OpenSMTPD, text); c.Malformed != want {
			t.Errorf("%q: %v; want %d problems", text, c.Problems, want)
		}
	}
}
