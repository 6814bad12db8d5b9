package systemd

import (
	"fmt"
	"net/url"
	"os"
	"strings"
)

// socket is a unix socket of a manager or of a message bus.
type socket struct {
	path   string // abstract (unix(7)) if it begins with "@"
	viaBus bool   // a message bus listens, not systemd itself
}

// sockets returns the sockets to try, in this order. The error names an address without a unix
// socket.
func sockets(user bool) ([]socket, error) {
	if !user {
		if address := os.Getenv("DBUS_SYSTEM_BUS_ADDRESS"); address != "" {
			return parseAddress(address)
		}
		all := []socket{{"/run/systemd/private", false}, {"/run/dbus/system_bus_socket", true}}
		if os.Geteuid() != 0 {
			all = all[1:]
		}
		return all, nil
	}
	dir := os.Getenv("XDG_RUNTIME_DIR")
	if dir == "" {
		dir = fmt.Sprintf("/run/user/%d", os.Geteuid())
	}
	all := []socket{{dir + "/systemd/private", false}}
	address := os.Getenv("DBUS_SESSION_BUS_ADDRESS")
	if address == "" {
		address = "unix:path=" + dir + "/bus"
	}
	buses, err := parseAddress(address)
	return append(all, buses...), err
}

// parseAddress returns the unix sockets of a list of addresses (D-Bus specification, "Server
// Addresses"): unix:path=/a%20b,guid=1;unix:abstract=c.
func parseAddress(address string) ([]socket, error) {
	var all []socket
	for _, one := range strings.Split(address, ";") {
		for _, option := range strings.Split(strings.TrimPrefix(one, "unix:"), ",") {
			key, value, _ := strings.Cut(option, "=")
			value, err := url.PathUnescape(value)
			switch {
			case err != nil || value == "":
			case key == "path":
				all = append(all, socket{value, true})
			case key == "abstract":
				all = append(all, socket{"@" + value, true})
			}
		}
	}
	if all == nil {
		return nil, fmt.Errorf("D-Bus address %.300q has no unix socket", address)
	}
	return all, nil
}
