package process

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"strings"
)

// net gives the sockets in the process's network that have a remote address. They are read once for
// all that share it.
func (l *look) net(pid int) map[string]Socket {
	space := l.link(pid, "ns/net")
	if known, ok := l.nets[space]; ok || space == "" {
		return known
	}
	sockets := map[string]Socket{}
	l.nets[space] = sockets
	for _, table := range []string{"tcp", "tcp6", "udp", "udp6"} { // one that is missing is empty
		parseSockets(l.read(pid, "net", table), sockets)
	}
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
	var bytes []byte
	for ; len(digits) >= 8 && err == nil; digits = digits[8:] {
		var word uint64
		word, err = strconv.ParseUint(digits[:8], 16, 32)
		bytes = binary.NativeEndian.AppendUint32(bytes, uint32(word))
	}
	address, ok := netip.AddrFromSlice(bytes)
	return netip.AddrPortFrom(address.Unmap(), uint16(port)), ok && err == nil && digits == ""
}
