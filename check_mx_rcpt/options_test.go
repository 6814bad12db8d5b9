package main

import (
	"strings"
	"testing"

	"mailfresh/internal/smtp"
)

func TestHost(t *testing.T) {
	for in, want := range map[string]host{
		"mx1":                    {"mx1", 0},
		"MX1.Example.Org:2525":   {"mx1.example.org", 2525},
		"192.0.2.1":              {"192.0.2.1", 0},
		"192.0.2.1:25":           {"192.0.2.1", 25},
		"2001:db8::1":            {"2001:db8::1", 0},
		"[2001:db8::1]":          {"2001:db8::1", 0},
		"[2001:db8::1]:25":       {"2001:db8::1", 25},
		"fe80::1%eth0":           {"fe80::1%eth0", 0},
		"mx.bücher.example:1025": {"mx.xn--bcher-kva.example", 1025},
		"_mx.example.org":        {"_mx.example.org", 0},
	} {
		var got host
		if err := got.UnmarshalText([]byte(in)); err != nil || got != want {
			t.Errorf("host %q = %v, %v; want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"", ":25", "mx1:", "mx1:0", "mx1:65536", "mx1:x", "mx1:-1",
		"mx 1", "mx1/x", "a:b:25", "-", ".", "mx\x001", "mx1\n", "\xff", "fe80::1%a b",
		strings.Repeat("x", 254)} {
		var got host
		if err := got.UnmarshalText([]byte(in)); err == nil {
			t.Errorf("host %q = %v; want an error", in, got)
		}
	}
}

func TestAddress(t *testing.T) {
	for in, want := range map[string]address{"a@Example.org": "a@example.org",
		"jürgen@bücher.example": "jürgen@xn--bcher-kva.example", "Postmaster": "Postmaster",
		"a@[192.0.2.1]": "a@[192.0.2.1]"} {
		var got address
		if err := got.UnmarshalText([]byte(in)); err != nil || got != want {
			t.Errorf("address %q = %q, %v; want %q", in, got, err, want)
		}
	}
	var null sender = "x"
	if err := null.UnmarshalText([]byte("<>")); err != nil || null != "" {
		t.Errorf("sender <> = %q, %v", null, err)
	}
}

func TestUsualPort(t *testing.T) {
	for o, want := range map[*options]port{{TLS: smtp.Opportunistic}: 25,
		{TLS: smtp.Implicit}: 465, {LMTP: true}: 24} {
		if got := o.usualPort(); got != want {
			t.Errorf("port of %+v = %d; want %d", o, got, want)
		}
	}
}

func FuzzHost(f *testing.F) {
	for _, s := range []string{"mx1:25", "[::1]:25", "::1", "bücher.example", "a:b:c", "]:1",
		"fe80::1%eth0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var h host
		if h.UnmarshalText([]byte(text)) == nil && (h.name == "" || strings.ContainsAny(h.name,
			" /\r\n\x00<>|@")) {
			t.Fatalf("host %q = %+v", text, h)
		}
	})
}
