package smtp

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	gosmtp "github.com/emersion/go-smtp"

	"mailfresh/internal/plugintest"
)

// The client cannot send a message: it does not know the words.
func TestNoMessage(t *testing.T) {
	word := regexp.MustCompile(`\b(DATA|` + `BDAT)\b`)
	for _, dir := range []string{".", "../mx", "../../check_mx_rcpt"} {
		files, err := filepath.Glob(dir + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if found := word.Find(source); found != nil && !strings.HasSuffix(file, "_test.go") {
				t.Errorf("%s contains %s", file, found)
			}
		}
	}
}

type backend struct{ refuse string }

func (b backend) NewSession(*gosmtp.Conn) (gosmtp.Session, error) { return &inbox{backend: b}, nil }

type inbox struct{ backend }

func (*inbox) Reset()                                 {}
func (*inbox) Logout() error                          { return nil }
func (*inbox) Data(io.Reader) error                   { panic("a message was sent") }
func (*inbox) Mail(string, *gosmtp.MailOptions) error { return nil }
func (m *inbox) Rcpt(to string, _ *gosmtp.RcptOptions) error {
	if to == m.refuse {
		return &gosmtp.SMTPError{Code: 550, EnhancedCode: gosmtp.EnhancedCode{5, 1, 1},
			Message: "no such user"}
	}
	return nil
}

// A well-behaved server, with and without LMTP, and more recipients than a transaction may have.
func TestGoSMTP(t *testing.T) {
	for _, lmtp := range []bool{false, true} {
		t.Run(fmt.Sprintf("lmtp=%v", lmtp), func(t *testing.T) {
			server := gosmtp.NewServer(backend{refuse: "r77@example.org"})
			server.Domain, server.LMTP, server.MaxRecipients = "mx1.example.org", lmtp, 50
			server.ErrorLog = log.New(io.Discard, "", 0)
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			go server.Serve(l)
			defer server.Close()
			p := Probe{Addr: netip.MustParseAddrPort(l.Addr().String()),
				Helo: "monitor.example.org", TLS: Opportunistic, LMTP: lmtp,
				Senders: []string{"", "s@example.net"}}
			for i := range 250 {
				p.Recipients = append(p.Recipients, fmt.Sprintf("r%d@example.org", i))
			}
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			d := p.Run(ctx)
			for i, sender := range p.Senders {
				for j, rcpt := range p.Recipients {
					want := Accepted
					if j == 77 {
						want = Rejected
					}
					if a := d.Answers[i][j]; a.Verdict != want {
						t.Fatalf("<%s> %s: %v %v; want %v", sender, rcpt, a, a.Reply, want)
					}
				}
			}
		})
	}
}

func run(t *testing.T, p Probe, limit time.Duration) Dialogue {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return p.Run(ctx)
}

func TestConnect(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := netip.MustParseAddrPort(l.Addr().String())
	l.Close()
	p := Probe{Addr: addr, Senders: []string{""}, Recipients: []string{"a@example.org"}}
	d := run(t, p, 5*time.Second)
	if a := d.Answers[0][0]; a.Verdict != NoAnswer || a.Phase != Connect ||
		a.Err.Error() != "connection refused" || d.Unroutable {
		t.Errorf("a closed port: %+v, unroutable %v", a, d.Unroutable)
	}
	if d = run(t, p, 0); d.Answers[0][0].Err.Error() != "not asked: the time was up" ||
		d.Record != nil {
		t.Errorf("no time: %+v, %q", d.Answers[0][0], d.Record)
	}
	p.Source = netip.MustParseAddr("192.0.2.1")
	if d = run(t, p, 5*time.Second); !d.Unroutable ||
		d.Answers[0][0].Err.Error() != "192.0.2.1 is no address of this host" {
		t.Errorf("a source address that is not ours: %+v", d.Answers[0][0])
	}
}

// The dialogue ends with its context, and QUIT is not counted in its time.
func TestTime(t *testing.T) {
	server, err := plugintest.PlaySMTP("127.0.0.1:0",
		"wait 20ms\nS: 220 mx1\nC: EHLO *\nS: 250-mx1\nS: 250 PIPELINING\nC: MAIL *\nC: RCPT *\nS: 250\nwait 20ms\nS: 250\nC: RSET\nC: QUIT\nwait 700ms\n")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	p := Probe{Addr: netip.MustParseAddrPort(server.Addr), Helo: "x", Senders: []string{""},
		Recipients: []string{"a@example.org"}}
	start := time.Now()
	d := run(t, p, 10*time.Second)
	if took := time.Since(start); took < quitWait || took > 5*time.Second {
		t.Errorf("the dialogue with a server that is silent after QUIT took %v; want a little more than %v", took, quitWait)
	}
	if d.Answers[0][0].Verdict != Accepted || d.Time < 40*time.Millisecond || d.Time >= quitWait {
		t.Errorf("answer %v, time %v; want accepted, 40ms or more, without the %v of QUIT",
			d.Answers[0][0], d.Time, quitWait)
	}
}

// A server that sends without end does not make the client grow.
func TestMemory(t *testing.T) {
	server, err := plugintest.PlaySMTP("127.0.0.1:0",
		"S: 220 mx1\nC: EHLO *\nflood 250-"+strings.Repeat("x", 500)+"\n")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	p := Probe{Addr: netip.MustParseAddrPort(server.Addr), Helo: "x", Senders: []string{""},
		Recipients: []string{"a@example.org"}}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	d := run(t, p, 10*time.Second)
	runtime.ReadMemStats(&after)
	if d.Answers[0][0].Verdict != NoAnswer {
		t.Errorf("a flood: %v", d.Answers[0][0])
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 4<<20 {
		t.Errorf("a flood made the dialogue allocate %d bytes in all", grown)
	}
}

// A host that accepts nobody is asked for all the same, also if its replies are long: on a new
// connection for every three, and after some connections without punishment for every eight.
func TestRefusals(t *testing.T) {
	const recipients = manyAfter*maxFailures + 150*manyFailures
	reply := "S: 550-" + strings.Repeat("x", 500) + "\n"
	reply += reply + "S: 550 no\n"
	part := func(n int) string {
		return "hello\nC: MAIL *\nS: 250 ok\n" + strings.Repeat("C: RCPT *\n"+reply, n)
	}
	server, err := plugintest.PlaySMTP("127.0.0.1:0",
		strings.Repeat(part(maxFailures)+"next\n", manyAfter)+part(manyFailures))
	if err != nil {
		t.Fatal(err)
	}
	p := Probe{Addr: netip.MustParseAddrPort(server.Addr), Helo: "x",
		Senders: []string{"s@example.net"}}
	for i := range recipients {
		p.Recipients = append(p.Recipients, fmt.Sprintf("r%d@example.org", i))
	}
	d := run(t, p, 20*time.Second)
	if problems := server.Close(); len(problems) > 0 {
		t.Errorf("against the script: %s", problems[0])
	}
	for i := range p.Senders {
		for j, a := range d.Answers[i] {
			if a.Verdict != Rejected {
				t.Fatalf("answer %d of sender %d: %v", j, i, a)
			}
		}
	}
	if n := len(d.Record); n < recordLines || n > recordLines+2 ||
		!strings.HasSuffix(d.Record[n-1], " more lines") {
		t.Errorf("%d lines recorded, the last %q; want %d, and how many more", n, d.Record[n-1],
			recordLines)
	}
	if want := manyAfter + 150; d.Connections != want {
		t.Errorf("%d connections; want %d", d.Connections, want)
	}
}
