package smtp

import (
	"strings"
	"testing"
)

func TestCheckAddress(t *testing.T) {
	for _, addr := range []string{
		"a@example.org", "a.b+c=d/e@example.org", "postmaster", "Postmaster",
		`"a b"@example.org`, `"a\"b"@example.org`, `"a@b"@example.org`, "a@[192.0.2.1]",
		"a@[IPv6:2001:db8::1]",
		"a@sub_domain.example.org", "jürgen@example.org", "a@bücher.example", strings.Repeat("a",
			64) + "@example.org", "SRS0=x=y=example.net=a@example.org", "a@localhost",
		strings.Repeat("a", 60) + "@" + strings.Repeat("b.", 96) + "c",
	} {
		if err := CheckAddress(addr); err != nil {
			t.Errorf("CheckAddress(%q) = %v", addr, err)
		}
	}
	for _, addr := range []string{
		"", "@", "a", "a@", "@example.org", "a@b@example.org", "a b@example.org",
		"a@example .org", "a@example.org ", " a@example.org", "a@example.org SIZE=1",
		"a@example.org>", "<a@example.org>",
		"a>b@example.org", `"a>b"@example.org`, "a@example.org\r\nRSET", "a\r@example.org",
		"a\n@example.org", "a\x00@example.org", "a\x7f@example.org", "a\u0085@example.org",
		"a\u202e@example.org",
		"\xff@example.org", "-a@example.org", `"a@example.org`, `"a"b@example.org`,
		`"a\"@example.org`, `a"b@example.org`, `a\b@example.org`, "a,b@example.org",
		"@x:a@example.org", "a@example..org",
		"a@.example.org", "a@-x.example.org", "a@example.org.", "a@[192.0.2.1", "a@[]",
		"a@[1 2]", "a@x]", "a@x/y", "a@" + strings.Repeat("x", 64) + ".org", strings.Repeat("a",
			65) + "@example.org",
		"a\u00a0b@example.org", strings.Repeat("a", 64) + "@" + strings.Repeat("b.", 95) + "c",
	} {
		if err := CheckAddress(addr); err == nil {
			t.Errorf("CheckAddress(%q) = nil; want an error", addr)
		}
	}
}

func FuzzCheckAddress(f *testing.F) {
	for _, s := range []string{"a@b", `"a b"@c`, "a>@b", "a\r\n@b", "postmaster", "a@[::1]",
		`"\`, "ä@ö", "@@", `"@`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, addr string) {
		if err := CheckAddress(addr); err != nil {
			if strings.ContainsAny(err.Error(), "\r\n\x00\x1b") || len(err.Error()) > 500 {
				t.Fatalf("CheckAddress(%q): %q", addr, err)
			}
			return
		}
		if len(addr) > 254 || strings.ContainsAny(addr, "\r\n\x00<>\x7f") ||
			strings.HasPrefix(addr, "-") {
			t.Fatalf("CheckAddress(%q) = nil", addr)
		}
		if strings.Contains(addr, " ") && !strings.HasPrefix(addr, `"`) {
			t.Fatalf("CheckAddress(%q) = nil: a blank outside quotes", addr)
		}
	})
}
