package plugintest

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// DNS is a name server on loopback, UDP and TCP, with the records of a zone text:
//
//	example.org. MX 10 mx1.example.org.
//	mx1.example.org. A 127.0.0.1           also AAAA and CNAME
//	example.net. SERVFAIL [AAAA]           the answer to all questions, or to this type
//	example.net. REFUSED                   the answer to all questions
//	example.net. EMPTY                     the name has no records
//	example.com. SILENT [A]                no answer to any question, or to this type
//	big.example.org. TRUNCATED             over UDP; over TCP the other records of the name
//	bad.example.org. GARBAGE               an answer that is cut short
//
// A name without a line does not exist.
type DNS struct {
	Addr string
	udp  net.PacketConn
	tcp  net.Listener
	zone map[string][][]string
}

// ServeDNS listens on a free port of 127.0.0.1.
func ServeDNS(zone string) (*DNS, error) {
	d := &DNS{zone: map[string][][]string{}}
	for line := range strings.Lines(zone) {
		if f := strings.Fields(line); len(f) > 1 && f[0][0] != '#' {
			d.zone[f[0]] = append(d.zone[f[0]], f[1:])
		}
	}
	for range 20 { // until a port is free in both protocols
		udp, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		if tcp, err := net.Listen("tcp", udp.LocalAddr().String()); err == nil {
			d.Addr, d.udp, d.tcp = udp.LocalAddr().String(), udp, tcp
			go d.serveUDP()
			go d.serveTCP()
			return d, nil
		}
		udp.Close()
	}
	return nil, fmt.Errorf("no port is free in UDP and TCP")
}

// Close ends the server.
func (d *DNS) Close() {
	d.udp.Close()
	d.tcp.Close()
}

func (d *DNS) serveUDP() {
	buf := make([]byte, 512)
	for {
		n, from, err := d.udp.ReadFrom(buf)
		if err != nil {
			return
		}
		if answer := d.answer(buf[:n], true); answer != nil {
			d.udp.WriteTo(answer, from)
		}
	}
}

func (d *DNS) serveTCP() {
	for {
		c, err := d.tcp.Accept()
		if err != nil {
			return
		}
		var size [2]byte
		if _, err := io.ReadFull(c, size[:]); err == nil {
			query := make([]byte, binary.BigEndian.Uint16(size[:]))
			if _, err := io.ReadFull(c, query); err == nil {
				answer := d.answer(query, false)
				c.Write(binary.BigEndian.AppendUint16(nil, uint16(len(answer))))
				c.Write(answer)
			}
		}
		c.Close()
	}
}

// answer returns the message that answers a query; nil: no answer.
func (d *DNS) answer(query []byte, udp bool) []byte {
	var m dnsmessage.Message
	if m.Unpack(query) != nil || len(m.Questions) != 1 {
		return nil
	}
	q := m.Questions[0]
	m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
	name := strings.ToLower(q.Name.String())
	if d.zone[name] == nil {
		m.RCode = dnsmessage.RCodeNameError
	}
	garbage := false
	for _, record := range d.zone[name] {
		switch record[0] {
		case "SERVFAIL", "SILENT":
			if len(record) > 1 && record[1] != strings.TrimPrefix(q.Type.String(), "Type") {
				continue
			}
			if record[0] == "SILENT" {
				return nil
			}
			m.RCode = dnsmessage.RCodeServerFailure
		case "REFUSED":
			m.RCode = dnsmessage.RCodeRefused
		case "EMPTY":
		case "TRUNCATED":
			m.Truncated = udp
		case "GARBAGE":
			garbage = true
		default:
			m.Answers = append(m.Answers, d.records(q.Name, record, q.Type)...)
		}
	}
	if m.Truncated {
		m.Answers = nil
	}
	packed, err := m.Pack()
	if err != nil {
		panic(err)
	}
	if garbage {
		packed[7]++ // promises an answer that is not there
	}
	return packed
}

// records returns a record if it is of the wanted type; a CNAME with the records of its target.
func (d *DNS) records(name dnsmessage.Name, record []string,
	want dnsmessage.Type) []dnsmessage.Resource {
	var body dnsmessage.ResourceBody
	kind, args := record[0], record[1:]
	switch kind {
	case "MX":
		preference, _ := strconv.Atoi(args[0])
		body = &dnsmessage.MXResource{Pref: uint16(preference), MX: dnsmessage.MustNewName(args[1])}
	case "A":
		body = &dnsmessage.AResource{A: netip.MustParseAddr(args[0]).As4()}
	case "AAAA":
		body = &dnsmessage.AAAAResource{AAAA: netip.MustParseAddr(args[0]).As16()}
	case "CNAME":
		target := dnsmessage.MustNewName(args[0])
		all := []dnsmessage.Resource{{Header: header(name, dnsmessage.TypeCNAME),
			Body: &dnsmessage.CNAMEResource{CNAME: target}}}
		for _, next := range d.zone[args[0]] {
			all = append(all, d.records(target, next, want)...)
		}
		return all
	default:
		panic("no such record: " + kind)
	}
	if kind != strings.TrimPrefix(want.String(), "Type") {
		return nil
	}
	return []dnsmessage.Resource{{Header: header(name, want), Body: body}}
}

func header(name dnsmessage.Name, t dnsmessage.Type) dnsmessage.ResourceHeader {
	return dnsmessage.ResourceHeader{Name: name, Type: t, Class: dnsmessage.ClassINET, TTL: 60}
}
