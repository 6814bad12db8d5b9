package smtp

import (
	"fmt"
	"strings"
	"testing"
)

// Replies that differ by the recipient's address alone are kept once, and nothing of them is lost.
func TestKeep(t *testing.T) {
	kept := newTexts()
	pad := strings.Repeat("x", textBytes-100)
	var first *Reply
	for i := range 2 * otherBytes / textBytes {
		rcpt := fmt.Sprintf("user%d@example.org", i)
		r := &Reply{Code: 550, Enhanced: "5.1.1",
			Text: "5.1.1 <" + rcpt + ">: " + pad + "\nno " + rcpt}
		got := kept.keep(r, rcpt)
		if got.To(rcpt).String() != r.String() {
			t.Fatalf("%v is kept as %q", r, got)
		}
		if first == nil {
			first = got
		}
		if got != first || !got.names(rcpt) || got.NamesSender("user0@example.org") {
			t.Fatalf("%v is not kept with the first", r)
		}
	}
	other := kept.keep(&Reply{Code: 550, Text: "no user1@example.org"}, "user2@example.org")
	if other.Text != "no user1@example.org" || other.names("user2@example.org") {
		t.Errorf("another recipient's address is kept as %q", other)
	}
}

// Where all replies differ, those that accept take no room from others. Of each the code is kept.
func TestKeepBounds(t *testing.T) {
	kept := newTexts()
	sizes := map[int]int{}
	for i := range 2 * otherBytes / textBytes {
		for _, code := range []int{250, 550} {
			text := fmt.Sprintf("%d %s", i, strings.Repeat("x", 2*textBytes))
			r := kept.keep(&Reply{Code: code, Text: text}, "a@example.org")
			if r.Code != code || r.Text != "" && r.Text != text[:textBytes]+"..." {
				t.Fatalf("reply %d is kept as %.40q", i, r)
			}
			sizes[code] += len(r.Text)
		}
	}
	if sizes[250] > acceptedBytes || sizes[550] > otherBytes || sizes[550] < otherBytes/2 {
		t.Errorf("bytes kept: %v", sizes)
	}
}
