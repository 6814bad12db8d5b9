package process

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// tables names the files of /proc/PID/net that list the sockets of a protocol, by the kernel's name
// of the protocol (net/*/af_*.c); "" is an unknown one.
func tables(protocol string) []string {
	switch protocol {
	case "TCP", "MPTCP":
		return []string{"tcp"}
	case "TCPv6", "MPTCPv6":
		return []string{"tcp6"}
	case "UDP":
		return []string{"udp"}
	case "UDPv6":
		return []string{"udp6"}
	case "":
		return []string{"tcp", "tcp6", "udp", "udp6"}
	}
	return nil
}

// socket returns the socket behind the link of an open file, if it has a remote address. It first
// asks the kernel for the protocol: most sockets of a service are Unix sockets to the journal, and
// the tables can have 100,000 lines.
func (r *reader) socket(pid int, fd, link string) (Socket, bool) {
	protocol := make([]byte, 32) // stays zero if the kernel does not tell
	_, _ = unix.Getxattr(r.path(pid, "fd", fd), "system.sockprotoname", protocol)
	for _, table := range tables(string(bytes.TrimRight(protocol, "\x00"))) {
		if s, ok := r.net(pid, table)[link]; ok {
			return s, true
		}
	}
	return Socket{}, false
}

// net returns a table of sockets from the process's network namespace, by link text. It reads each
// table once for all processes of the namespace. A table that does not exist is empty.
func (r *reader) net(pid int, table string) map[string]Socket {
	namespace := r.link(pid, "ns/net")
	if namespace == "" {
		return nil
	}
	if known, ok := r.nets[namespace+table]; ok {
		return known
	}
	sockets := map[string]Socket{}
	r.nets[namespace+table] = sockets
	parseSockets(r.read(pid, "net", table), sockets)
	return sockets
}

// parseSockets reads a table of sockets (proc_pid_net(5)) and adds those that have a remote address
// to sockets, by link text ("socket:[635]"):
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
		s.SendQueue, _ = strconv.ParseUint(send, 16, 64)
		s.ReceiveQueue, _ = strconv.ParseUint(read, 16, 64)
		sockets["socket:["+fields[9]+"]"] = s
	}
}

// parseAddress reads "0900400A:0CEA": the address is in 32-bit numbers of this machine's byte
// order, the port is one number.
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
