package process

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// tables are the tables of sockets in which one of a protocol stands, by the names that the kernel
// gives to protocols (net/*/af_*.c).
var tables = map[string][]string{
	"TCP": {"tcp"}, "TCPv6": {"tcp6"}, "UDP": {"udp"}, "UDPv6": {"udp6"},
	"MPTCP": {"tcp"}, "MPTCPv6": {"tcp6"}, "": {"tcp", "tcp6", "udp", "udp6"},
}

// socket gives the socket that a link to an open file says, if it has a remote address. A host may
// have a hundred thousand sockets, and most of those of a service are its connection to the
// journal. So the kernel is asked first of what protocol it is, which touches no file.
func (l *look) socket(pid int, fd, link string) (Socket, bool) {
	protocol := make([]byte, 32)
	n, err := unix.Getxattr(l.path(pid, "fd", fd), "system.sockprotoname", protocol)
	if err != nil {
		n = 0 // not known
	}
	for _, table := range tables[string(bytes.TrimRight(protocol[:n], "\x00"))] {
		if s, ok := l.net(pid, table)[link]; ok {
			return s, true
		}
	}
	return Socket{}, false
}

// net gives the sockets in a table of the process's network. It is read once for all processes that
// share the network; one that is missing is empty.
func (l *look) net(pid int, table string) map[string]Socket {
	space := l.link(pid, "ns/net")
	if space == "" {
		return nil
	}
	if known, ok := l.nets[space+table]; ok {
		return known
	}
	sockets := map[string]Socket{}
	l.nets[space+table] = sockets
	parseSockets(l.read(pid, "net", table), sockets)
	return sockets
}

// parseSockets reads a table of sockets (proc_pid_net(5)) and adds those with a remote address, by
// what a link to them says:
//
//	sl local_address rem_address   st tx_queue:rx_queue ... inode
//	0: 0100007F:8124 0900400A:0CEA 01 00000000:00000010 ... 635
func parseSockets(text string, sockets map[string]Socket) {
	const synSent = "02"
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 10 {
			continue
		}
		remote, ok := parseAddress(fields[2])
		if !ok || remote.Port() == 0 {
			continue
		}
		send, read, _ := strings.Cut(fields[4], ":")
		s := Socket{Remote: remote, Connecting: fields[3] == synSent}
		s.Send, _ = strconv.ParseUint(send, 16, 64)
		s.Read, _ = strconv.ParseUint(read, 16, 64)
		sockets["socket:["+fields[9]+"]"] = s
	}
}

// parseAddress reads an address and a port: 32-bit numbers of this machine's byte order, and a
// number, in hexadecimal.
func parseAddress(text string) (netip.AddrPort, bool) {
	digits, portDigits, _ := strings.Cut(text, ":")
	port, err := strconv.ParseUint(portDigits, 16, 16)
	var raw []byte
	for ; len(digits) >= 8 && err == nil; digits = digits[8:] {
		var word uint64
		word, err = strconv.ParseUint(digits[:8], 16, 32)
		raw = binary.NativeEndian.AppendUint32(raw, uint32(word))
	}
	address, ok := netip.AddrFromSlice(raw)
	return netip.AddrPortFrom(address.Unmap(), uint16(port)), ok && err == nil && digits == ""
}
