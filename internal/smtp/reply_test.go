package smtp

import (
	"bufio"
	"bytes"
	"strings"
	"testing"
	"testing/iotest"
)

func read(text string) (*Reply, error) {
	in := replies{br: newLineReader(strings.NewReader(text)), left: connectionBytes}
	return in.read()
}

func TestReadReply(t *testing.T) {
	for _, c := range []struct{ in, text, enhanced string }{
		{"250 ok\r\n", "250 ok", ""},
		{"250\r\n", "250", ""},
		{"250\n", "250", ""},
		{"250 \r\n", "250", ""},
		{"250-a\r\n250-b\r\n250\r\n", "250 a b", ""},
		{"250-2.1.5 a\r\n250 2.1.5 b\r\n", "250 2.1.5 a 2.1.5 b", "2.1.5"},
		{"550 5.1.1\r\n", "550 5.1.1", "5.1.1"},
		{"550 5.1.1 x\r\n", "550 5.1.1 x", "5.1.1"},
		{"550 5.1.123 x\r\n", "550 5.1.123 x", "5.1.123"},
		{"550 5.1.1234 x\r\n", "550 5.1.1234 x", ""},
		{"550 4.1.1 x\r\n", "550 4.1.1 x", ""},
		{"550 5.1.1: x\r\n", "550 5.1.1: x", ""},
		{"550 5.1. x\r\n", "550 5.1. x", ""},
		{"550 5.+1.1 x\r\n", "550 5.+1.1 x", ""},
		{"550-x\r\n550 5.1.1 y\r\n", "550 x 5.1.1 y", ""},
		{"550 a\rb\r\n", "550 a\rb", ""},
		{"250 \xff\xfeo\r\n", "250 \ufffdo",
			""}, // aiosmtplib 41: banners in Latin-1
		{"550 5.1.1 \xc4\xe3\xba\xc3\r\n", "550 5.1.1 \ufffd", "5.1.1"}, // Internet.nl 797: GBK
		{"220-wait\r\n521 5.7.1 blocked\r\n", "521 5.7.1 blocked", "5.7.1"},
		{"220-wait\r\n220-more\r\n421 busy\r\n", "421 busy", ""},
	} {
		r, err := read(c.in)
		if err != nil || r.String() != c.text || r.Enhanced != c.enhanced {
			t.Errorf("read(%q) = %v, %v; want %q with %q", c.in, r, err, c.text, c.enhanced)
		}
	}
}

func TestReadReplyErrors(t *testing.T) {
	for _, in := range []string{
		"", "250", "250 ok", "\r\n", "25\r\n", "hello\r\n", "150 x\r\n", "650 x\r\n",
		"2x0 x\r\n", "+25 x\r\n", "250x\r\n", "250\tx\r\n", " 250 x\r\n",
		"250-a\r\n", "250-a\r\n251 b\r\n", "250-a\r\n\r\n250 b\r\n", "250 \x00\r\n",
		"220-a\r\n354 b\r\n", "220-a\r\n554-b\r\n", "550-a\r\n220 b\r\n",
		"250 " + strings.Repeat("x", 2050) + "\r\n", strings.Repeat("250-x\r\n", 101) + "250 x\r\n",
	} {
		if r, err := read(in); err == nil {
			t.Errorf("read(%.40q) = %v; want an error", in, r)
		}
	}
}

// The reader stops at its bound whatever the number of replies.
func TestSessionBytes(t *testing.T) {
	text := strings.Repeat("250 "+strings.Repeat("x", 994)+"\r\n", 100)
	in := replies{br: newLineReader(strings.NewReader(text)), left: connectionBytes}
	n := 0
	for {
		if _, err := in.read(); err != nil {
			break
		}
		n++
	}
	if n != connectionBytes/1000 {
		t.Errorf("read %d replies of 1000 bytes; want %d", n, connectionBytes/1000)
	}
}

// A line that comes again is the same Reply; what looks like it is not.
func TestSameReply(t *testing.T) {
	in := replies{br: newLineReader(strings.NewReader("250 2.1.5 ok\r\n250 2.1.5 ok\n" +
		"250 2.1.5 o\r\n250-2.1.5 o\r\n250 2.1.5 o\r\n250 2.1.5 o\r\n")), left: connectionBytes}
	var got []*Reply
	for range 5 {
		r, err := in.read()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, r)
	}
	if got[0] != got[1] || got[2].Text != "2.1.5 o" || got[3].Text != "2.1.5 o\n2.1.5 o" ||
		*got[4] != *got[2] || len(in.lines) != 1 || in.left != connectionBytes-14-13-4*13 {
		t.Errorf("replies %v, %d lines, %d bytes left", got, len(in.lines), in.left)
	}
}

func FuzzReadReply(f *testing.F) {
	for _, s := range []string{"220-a\r\n220 b\r\n", "250\r\n", "250-x\n250 y\n",
		"550 5.1.1 no\r\n", "250-a\r\n251 b\r\n", "\x00\r\n", "999 x\r\n", "250 \xff\r\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		plenty := replies{br: newLineReader(bytes.NewReader(in)), left: 4096}
		r, err := plenty.read()
		raw := plenty.lines
		none := replies{br: bufio.NewReaderSize(iotest.OneByteReader(bytes.NewReader(in)),
			lineBytes+2)}
		if again, err := none.read(); again != nil || err == nil {
			t.Fatalf("a reply within no bytes: %v", again)
		}
		if err != nil {
			if len(raw) > replyLines {
				t.Fatalf("%d lines kept", len(raw))
			}
			return
		}
		if r.Code < 200 || r.Code > 599 || strings.Count(r.Text, "\n") >= len(raw) ||
			strings.Count(r.Text, "\n") >= replyLines {
			t.Fatalf("read(%q) = %+v", in, r)
		}
		if r.Enhanced != "" && r.Enhanced[0] != raw[0][0] {
			t.Fatalf("read(%q): enhanced code %s", in, r.Enhanced)
		}
	})
}
