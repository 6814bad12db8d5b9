package mx

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/dns/dnsmessage"

	"mailfresh/internal/plugintest"
)

const zone = `
example.org. MX 10 mx2.example.org.
example.org. MX 10 mx1.example.org.
example.org. MX 5 MX0.example.org.
mx0.example.org. AAAA ::1
mx0.example.org. A 127.0.0.2
mx0.example.org. A 127.0.0.1
mx1.example.org. A 127.0.0.3
mx2.example.org. CNAME real.example.org.
real.example.org. A 127.0.0.4
implicit.example. A 127.0.0.5
null.example. MX 0 .
odd-null.example. MX 0 .
odd-null.example. MX 10 mx1.example.org.
nothing.example. EMPTY
failing.example. SERVFAIL
half.example. SERVFAIL A
half-silent.example. SILENT A
refused.example. REFUSED
silent.example. SILENT
garbage.example. GARBAGE
alias.example. CNAME example.org.
address.example. MX 10 192.0.2.1.
broken.example. MX 10 gone.example.
broken.example. MX 20 failing.example.
broken.example. MX 30 nothing.example.
big.example. TRUNCATED
big.example. MX 10 mx1.example.org.
xn--bcher-kva.example. MX 10 mx1.example.org.
`

func serve(t *testing.T) (Resolver, context.Context) {
	t.Helper()
	dns, err := plugintest.ServeDNS(zone)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(dns.Close)
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	t.Cleanup(cancel)
	return Resolver{Server: dns.Addr, IPv4: true, IPv6: true}, ctx
}

func describe(ctx context.Context, r Resolver, d Domain) string {
	var b strings.Builder
	b.WriteString(strings.ReplaceAll(d.Problem, r.Server, "SERVER"))
	if d.NoAnswer {
		b.WriteString(" (no answer)")
	}
	if d.Implicit {
		b.WriteString("(implicit)")
	}
	for _, h := range d.Hosts {
		r.Addresses(ctx, &h)
		fmt.Fprintf(&b, "; %d %s %v", h.Preference, h.Name, h.Addrs)
		if h.Alias != "" {
			b.WriteString(" is " + h.Alias)
		}
		if h.Problem != "" {
			b.WriteString(": " + h.Problem)
		}
	}
	return b.String()
}

func TestDomain(t *testing.T) {
	for _, c := range []struct{ name, want string }{
		{"example.org", "; 5 mx0.example.org [127.0.0.1 127.0.0.2 ::1]; 10 mx1.example.org [127.0.0.3]; 10 mx2.example.org [127.0.0.4] is real.example.org"},
		{"implicit.example", "(implicit); 0 implicit.example [127.0.0.5]"},
		{"null.example", "has a null MX: it takes no mail"},
		{"odd-null.example", "; 0 \".\" []: a null MX beside others; 10 mx1.example.org [127.0.0.3]"},
		{"nothing.example", "has no MX and no address"},
		{"gone.example", "does not exist"},
		{"failing.example", "has unknown MX hosts: look up MX of failing.example: SERVFAIL"},
		{"half.example", "has no MX and an unknown address: look up A of half.example: SERVFAIL"},
		{"half-silent.example", "has no MX and an unknown address: look up AAAA of half-silent.example: no answer from SERVER (no answer)"},
		{"refused.example", "has unknown MX hosts: look up MX of refused.example: REFUSED"},
		{"silent.example", "has unknown MX hosts: look up MX of silent.example: no answer from SERVER (no answer)"},
		{"garbage.example", "has unknown MX hosts: look up MX of garbage.example: malformed answer"},
		{"alias.example", "; 5 mx0.example.org [127.0.0.1 127.0.0.2 ::1]; 10 mx1.example.org [127.0.0.3]; 10 mx2.example.org [127.0.0.4] is real.example.org"},
		{"address.example", "; 10 192.0.2.1 []: the MX is an address, not a name"},
		{"broken.example", "; 10 gone.example []: no such host; 20 failing.example []: look up AAAA of failing.example: SERVFAIL; 30 nothing.example []: no address"},
		{"big.example", "; 10 mx1.example.org [127.0.0.3]"},
		{"xn--bcher-kva.example", "; 10 mx1.example.org [127.0.0.3]"},
		{"[192.0.2.1]", "; 0 [192.0.2.1] [192.0.2.1]"},
		{"[IPv6:2001:db8::1]", "; 0 [IPv6:2001:db8::1] [2001:db8::1]"},
		{"[bogus]", "is no address literal"},
	} {
		r, ctx := serve(t)
		got := describe(ctx, r, r.Domain(ctx, c.name))
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("Domain(%.40q) (-want +got):\n%s", c.name, diff)
		}
	}
}

// A server that is not there does not answer; the time is not used up.
func TestNoServer(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	r := Resolver{Server: "127.0.0.1:1", IPv4: true}
	if d := r.Domain(ctx, "example.org"); !d.NoAnswer || ctx.Err() != nil {
		t.Errorf("Domain without a server = %+v", d)
	}
}

// A server that fails is asked again, one that has answered is not; a question leaves the
// looking to the server.
func TestRetry(t *testing.T) {
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	asked := make(chan bool, 100)
	go func() {
		for raw := make([]byte, 512); ; {
			n, from, err := udp.ReadFrom(raw)
			var m dnsmessage.Message
			if err != nil || m.Unpack(raw[:n]) != nil {
				return
			}
			asked <- m.RecursionDesired
			m.Response, m.RCode = true, dnsmessage.RCodeNameError
			if len(asked) < 3 {
				m.RCode = dnsmessage.RCodeServerFailure
			}
			answer, _ := m.Pack()
			_, _ = udp.WriteTo(answer, from)
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	d := Resolver{Server: udp.LocalAddr().String(), IPv4: true}.Domain(ctx, "example.org")
	if d.Problem != "does not exist" || len(asked) != 3 || !<-asked {
		t.Errorf("after two failures: %+v, %d questions", d, len(asked))
	}
}

func TestFamilies(t *testing.T) {
	r, ctx := serve(t)
	r.IPv6 = false
	h := Host{Name: "mx0.example.org"}
	r.Addresses(ctx, &h)
	if got := fmt.Sprint(h.Addrs); got != "[127.0.0.1 127.0.0.2]" {
		t.Errorf("IPv4 only: %s", got)
	}
	if h = r.Host(ctx, "mx0.example.org"); fmt.Sprint(h.Addrs) != "[127.0.0.1 127.0.0.2]" {
		t.Errorf("Host, IPv4 only: %+v", h)
	}
	r.IPv4, r.IPv6 = false, true
	if h = r.Host(ctx, "mx1.example.org"); h.Problem != "no such host or no IPv6 address" {
		t.Errorf("Host, IPv6 only: %+v", h)
	}
	if h = r.Host(ctx, "127.0.0.9"); h.Problem != "no IPv6 address" {
		t.Errorf("Host, IPv6 only: %+v", h)
	}
	if d := r.Domain(ctx, "implicit.example"); d.Problem != "has no MX and no IPv6 address" {
		t.Errorf("Domain, IPv6 only: %+v", d)
	}
	if d := r.Domain(ctx, "[192.0.2.1]"); d.Problem != "is no IPv6 address literal" {
		t.Errorf("Domain, IPv6 only: %+v", d)
	}
}

func TestHost(t *testing.T) {
	for _, c := range []struct{ name, want string }{
		{"mx0.example.org", "{mx0.example.org 0 [127.0.0.1 127.0.0.2 ::1] false  }"},
		{"127.0.0.9", "{127.0.0.9 0 [127.0.0.9] false  }"},
		{"::1", "{::1 0 [::1] false  }"},
		{"gone.example", "{gone.example 0 [] false  no such host or no address}"},
		{"failing.example", "{failing.example 0 [] false  look up: SERVFAIL}"},
	} {
		r, ctx := serve(t)
		if got := fmt.Sprint(r.Host(ctx, c.name)); got != c.want {
			t.Errorf("Host(%q) = %s; want %s", c.name, got, c.want)
		}
	}
}

func TestASCII(t *testing.T) {
	for in, want := range map[string]string{"Example.ORG": "example.org",
		"bücher.example": "xn--bcher-kva.example", "Bücher.example": "xn--bcher-kva.example",
		"_x.example": "_x.example", "[::1]": "[::1]"} {
		if got, err := ASCII(in); got != want || err != nil {
			t.Errorf("ASCII(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"\u0300ü.example", "\xff.example"} {
		if got, err := ASCII(in); err == nil {
			t.Errorf("ASCII(%q) = %q; want an error", in, got)
		}
	}
}

func question(name string) []dnsmessage.Question {
	return []dnsmessage.Question{{
		Name: dnsmessage.MustNewName(name), Type: dnsmessage.TypeMX, Class: dnsmessage.ClassINET,
	}}
}

// What is no answer to the question is passed over, not an error: it may be late, or forged.
func TestMatch(t *testing.T) {
	q := dnsmessage.Message{Questions: question("example.org.")}
	q.ID = 7
	late, query, other := q, q, q
	late.Response, late.ID = true, 8
	other.Response, other.Questions = true, question("example.net.")
	for name, m := range map[string]dnsmessage.Message{"of another exchange": late,
		"a question": query, "to another question": other} {
		raw, err := m.Pack()
		if got, bad := match(raw, q); err != nil || got != nil || bad != nil {
			t.Errorf("%s: %v, %v; want neither an answer nor an error", name, got, bad)
		}
	}
	capitals := q
	capitals.Response, capitals.Questions = true, question("Example.ORG.")
	raw, err := capitals.Pack()
	if got, bad := match(raw, q); err != nil || got == nil || bad != nil {
		t.Errorf("the name in capitals: %v, %v; want an answer", got, bad)
	}
	for _, raw := range [][]byte{nil, {0}, {0, 8}} {
		if got, bad := match(raw, q); got != nil || bad != nil {
			t.Errorf("match(%x) = %v, %v", raw, got, bad)
		}
	}
	if _, bad := match([]byte{0, 7}, q); bad != errMalformed {
		t.Errorf("cut short: %v", bad)
	}
}

// Answers to another question, of another exchange or malformed are not taken for the answer,
// whatever they hold.
func FuzzAnswer(f *testing.F) {
	q := dnsmessage.Message{Questions: question("example.org.")}
	q.ID = 7
	good := q
	good.Response = true
	packed, _ := good.Pack()
	f.Add(packed)
	f.Add([]byte{0, 7})
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := match(raw, q)
		if m != nil && (err != nil || m.ID != 7 || !m.Response) {
			t.Fatalf("match(%x) = %v, %v", raw, m, err)
		}
	})
}
