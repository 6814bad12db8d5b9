package torture

import (
	"encoding/binary"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"mailfresh/internal/nagios"
	"mailfresh/internal/plugintest"
)

// dnsLimits hold for -t 2.
var dnsLimits = plugintest.Limits{Time: 2500 * time.Millisecond, Peak: 40 << 20}

// A lie turns the true answer to a question about bad.example into the datagrams that are sent.
type lie struct {
	name string
	// then is whether the true answer follows. A resolver drops what is forged and takes it.
	then bool
	tell func(answer []byte) [][]byte
}

// one is a lie of one datagram, made from a copy of the answer.
func one(change func(b []byte) []byte) func([]byte) [][]byte {
	return func(answer []byte) [][]byte { return [][]byte{change(slices.Clone(answer))} }
}

// count sets the number of records in a section of the header: 4 questions, 6 answers.
func count(at int, n uint16) func([]byte) [][]byte {
	return one(func(b []byte) []byte {
		binary.BigEndian.PutUint16(b[at:], n)
		return b
	})
}

var falsehoods = []lie{
	{"nothing", false, func([]byte) [][]byte { return nil }},
	{"empty", false, one(func(b []byte) []byte { return b[:0] })},
	{"one byte", false, one(func(b []byte) []byte { return b[:1] })},
	{"header only", false, one(func(b []byte) []byte { return b[:12] })},
	{"cut in the question", false, one(func(b []byte) []byte { return b[:20] })},
	{"cut in the answer", false, one(func(b []byte) []byte { return b[:len(b)-3] })},
	{"more questions than there are", false, count(4, 65535)},
	{"no question", false, count(4, 0)},
	{"more answers than there are", false, count(6, 65535)},
	{"fewer answers than there are", false, count(6, 0)},
	{"a name that points to itself", false, one(func(b []byte) []byte {
		return append(b[:len(b)-2], 0xc0, byte(len(b)-2))
	})},
	{"a name that points beyond the end", false, one(func(b []byte) []byte {
		return append(b[:len(b)-2], 0xff, 0xff)
	})},
	{"a label of 63 bytes that is not there", false, one(func(b []byte) []byte {
		return append(b[:len(b)-2], 63)
	})},
	{"60,000 bytes more, then the truth", true, one(func(b []byte) []byte {
		return append(b, make([]byte, 60_000)...)
	})},
	{"truncated, over TCP as well, then the truth", true,
		one(func(b []byte) []byte { b[2] |= 2; return b })},
	{"response code 15", false, one(func(b []byte) []byte { b[3] |= 15; return b })},
	{"another opcode, then the truth", true, one(func(b []byte) []byte { b[2] |= 0x78; return b })},
	{"a question for an answer", false, one(func(b []byte) []byte { b[2] &= 0x7f; return b })},
	{"another ID, then the truth", true, one(func(b []byte) []byte { b[0]++; return b })},
	{"another name, then the truth", true, one(func(b []byte) []byte { b[13] = 'x'; return b })},
	{"a hundred forged answers, then the truth", true, func(answer []byte) (all [][]byte) {
		for i := range 100 {
			forged := slices.Clone(answer)
			binary.BigEndian.PutUint16(forged, binary.BigEndian.Uint16(forged)+uint16(i)+1)
			all = append(all, forged)
		}
		return all
	}},
}

// truth is the answer to a question: the domains have one MX host, at 127.0.0.1.
func truth(question []byte) (answer []byte, name string) {
	var m dnsmessage.Message
	if m.Unpack(question) != nil || len(m.Questions) != 1 {
		return nil, ""
	}
	q := m.Questions[0]
	m.Response, m.Additionals = true, nil
	h := dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET, TTL: 60}
	switch q.Type {
	case dnsmessage.TypeMX:
		host := dnsmessage.MustNewName("mx." + q.Name.String())
		m.Answers = []dnsmessage.Resource{{Header: h, Body: &dnsmessage.MXResource{Pref: 10,
			MX: host}}}
	case dnsmessage.TypeA:
		m.Answers = []dnsmessage.Resource{{Header: h,
			Body: &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}}}}
	}
	answer, err := m.Pack()
	if err != nil {
		return nil, ""
	}
	return answer, q.Name.String()
}

// answers gives what is sent for a question.
func (l lie) answers(question []byte) [][]byte {
	answer, name := truth(question)
	switch {
	case answer == nil:
		return nil
	case !strings.HasSuffix(name, "bad.example."):
		return [][]byte{answer}
	case l.then:
		return append(l.tell(answer), answer)
	}
	return l.tell(answer)
}

// serveLies is a name server that tells the truth about good.example and lies about bad.example.
func serveLies(t *testing.T, l lie) string {
	t.Helper()
	udp, tcp := bothProtocols(t)
	go func() {
		buffer := make([]byte, 4096)
		for {
			n, from, err := udp.ReadFrom(buffer)
			if err != nil {
				return
			}
			for _, b := range l.answers(buffer[:n]) {
				udp.WriteTo(b, from)
			}
		}
	}()
	go func() {
		for {
			c, err := tcp.Accept()
			if err != nil {
				return
			}
			go l.serve(c)
		}
	}()
	return udp.LocalAddr().String()
}

// bothProtocols listens on a port that is free in UDP and TCP.
func bothProtocols(t *testing.T) (net.PacketConn, net.Listener) {
	t.Helper()
	for range 20 {
		udp, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if tcp, err := net.Listen("tcp", udp.LocalAddr().String()); err == nil {
			t.Cleanup(func() { udp.Close(); tcp.Close() })
			return udp, tcp
		}
		udp.Close()
	}
	t.Fatal("no port is free in UDP and TCP")
	return nil, nil
}

// serve answers one question over TCP.
func (l lie) serve(c net.Conn) {
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	var size [2]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		return
	}
	question := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(c, question); err != nil {
		return
	}
	for _, b := range l.answers(question) {
		c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...))
	}
}

// hospitable is a mail server that takes every recipient.
const hospitable = `S: 220 mx ESMTP
C: EHLO *
S: 250 mx
C: MAIL FROM:<>
S: 250 ok
C: RCPT TO:<dcw@*
S: 250 ok
`

// TestDNS asks for the recipients of two domains, of which one has a name server that lies. What is
// false about that one is no OK, and says nothing about the other.
func TestDNS(t *testing.T) {
	t.Parallel()
	c, host := plugintest.NewTally(t, "hostile DNS server"), serve(t, hospitable)
	_, port, _ := strings.Cut(host.Addr, ":")
	each(len(falsehoods), 4, func(i int) {
		l := falsehoods[i]
		want := []nagios.State{nagios.Warning, nagios.Critical, nagios.Unknown}
		if l.then {
			want = []nagios.State{nagios.OK}
		}
		judge(t, c, l.name, dnsLimits, func() plugintest.Outcome {
			r := plugin(t, nil, "check_mx_rcpt", "-t", "2", "-p", port, "--resolver",
				serveLies(t, l), "-r", "dcw@bad.example", "-r", "dcw@good.example")
			accepted := " accepted=1;"
			if l.then {
				accepted = " accepted=2;"
			}
			if !strings.Contains(r.Stdout, accepted) {
				t.Errorf("%s: no%sin %.300q", l.name, accepted, r.Stdout)
			}
			return r
		}, is(want...))
	})
}
