//go:build integration

package integration

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

const nagiosAddr = "127.7.51.9"

// nagiosService is one service of the host that the test asks for.
const nagiosService = `
define service {
    use                  mailfresh,test-service
    service_description  %s
    check_command        %s
}
`

const nagiosObjects = `
define host {
    use        generic-host
    host_name  mx1001
    address    ` + nagiosAddr + `
    contact_groups         admins
    max_check_attempts     1
    active_checks_enabled  0
}
define service {
    use                    generic-service
    name                   test-service
    host_name              mx1001
    max_check_attempts     1
    check_interval         5
    register               0
}
`

// nagiosServices are checks by the shipped commands, and what Nagios has of their output.
var nagiosServices = []struct{ name, command, says string }{
	{"apostrophe", "check_mx_rcpt!o'brien@example.org!--helo mon.example.org --port " + mxPort,
		`^MX_RCPT OK - ` + nagiosAddr + ` accepts o'brien@example\.org in `},
	{"shell", "check_mx_rcpt!x+y#z@example.org!--port " + mxPort,
		`^MX_RCPT OK - ` + nagiosAddr + ` accepts x\+y#z@example\.org in `},
	{"free", "check_mx_rcpt!x@example.org", `^MX_RCPT CRITICAL - .* \(connection refused\)`},
	{"named", "check_systemd_timer!hourly", `^SYSTEMD_TIMER OK - .*hourly`},
	{"age", "check_alias_freshness_age!/etc/hosts!exim!@0!1000w", `^ALIAS_FRESHNESS `},
}

// The shipped commands in Debian's Nagios 4, which reads a plugin's output in pieces of 4,096 bytes
// and loses in some checks what comes in a later one: the last line of a long output, which says
// what was left out, is there in each of 25 checks.
func TestNagios(t *testing.T) {
	t.Parallel()
	acceptAll(t, nagiosAddr+":"+mxPort)
	everyRelease(t, func(t *testing.T, r release) {
		h := r.host(t, "nagios", "monitor")
		h.must(t, "cp "+bin+"/* /usr/lib/nagios/plugins")
		objects, names := nagiosObjects, []string(nil)
		for _, s := range nagiosServices {
			names = append(names, s.name)
			objects += fmt.Sprintf(nagiosService, s.name, s.command)
		}
		for i := range 25 {
			names = append(names, fmt.Sprint("long", i))
			objects += fmt.Sprintf(nagiosService, names[len(names)-1],
				"check_systemd_timer_all!-vv")
		}
		h.startNagios(t, objects)
		now := time.Now().Unix()
		h.must(t, fmt.Sprintf(`for s in %s; do
	echo "[%[2]d] SCHEDULE_FORCED_SVC_CHECK;mx1001;$s;%[2]d"
done >/var/lib/nagios4/rw/nagios.cmd`, strings.Join(names, " "), now))
		t.Cleanup(func() {
			if t.Failed() {
				out, errs, _ := h.in("root", "sh", "-c",
					"systemctl status nagios4; tail -n 20 /var/log/nagios4/nagios.log")
				t.Log(out, errs)
			}
		})
		r.report(t, "Nagios: checks by the shipped commands", strconv.Itoa(len(names)))
		outputs := map[string]string{}
		eventually(t, "all services are checked", time.Minute, func() bool {
			outputs = h.nagiosOutputs()
			return len(outputs) == len(names)
		})
		for _, s := range nagiosServices {
			if !regexp.MustCompile(s.says).MatchString(outputs[s.name]) {
				t.Errorf("%s: %q; want %s", s.name, outputs[s.name], s.says)
			}
		}
		last := regexp.MustCompile(`\n\.\.\. [0-9]+ more[^\n]*$`)
		for name, output := range outputs {
			if strings.HasPrefix(name, "long") && !last.MatchString(output) {
				t.Errorf("%s: %d bytes, without the last line: %q", name, len(output), output)
			}
		}
		t.Logf("long: %d bytes", len(outputs["long0"]))
	})
}

// startNagios gives Nagios the shipped commands and these objects, has it verify them, and starts
// it.
func (h *host) startNagios(t *testing.T, objects string) {
	t.Helper()
	h.write(t, "/etc/systemd/system/hourly.service", "[Service]\nExecStart=true\n")
	h.write(t, "/etc/systemd/system/hourly.timer", "[Timer]\nOnCalendar=hourly\n")
	h.copy(t, "../contrib/nagios/mailfresh.cfg", "/etc/nagios4/conf.d/mailfresh.cfg")
	h.write(t, "/etc/nagios4/conf.d/test.cfg", objects)
	h.must(t, `systemctl daemon-reload; systemctl start hourly.timer
sed -i -e /localhost.cfg/d -e 's/^\(status_update_interval\|check_result_reaper_frequency\|max_service_check_spread\)=.*/\1=1/' \
	-e 's/^enable_notifications=.*/enable_notifications=0/' -e 's/^check_for_updates=.*/check_for_updates=0/' /etc/nagios4/nagios.cfg`)
	if out, errs, status := h.in("root", "nagios4", "-v", "/etc/nagios4/nagios.cfg"); status != 0 ||
		!strings.Contains(out, "Total Warnings: 0") {
		t.Fatalf("nagios4 -v: exit status %d\n%s%s", status, out, errs)
	}
	h.must(t, "systemctl start nagios4")
	eventually(t, "Nagios takes commands", 20*time.Second, func() bool {
		_, _, status := h.in("root", "test", "-p", "/var/lib/nagios4/rw/nagios.cmd")
		return status == 0
	})
}

var (
	nagiosStatus = regexp.MustCompile(`(?s)servicestatus \{\n(.*?)\n\t\}`)
	nagiosField  = regexp.MustCompile(`(?m)^\t([a-z_]+)=(.*)$`)
)

// nagiosOutputs gives the whole output of each service that was checked, by its name.
func (h *host) nagiosOutputs() map[string]string {
	status, _, _ := h.in("root", "cat", "/var/lib/nagios4/status.dat")
	outputs := map[string]string{}
	for _, block := range nagiosStatus.FindAllStringSubmatch(status, -1) {
		fields := map[string]string{}
		for _, f := range nagiosField.FindAllStringSubmatch(block[1], -1) {
			fields[f[1]] = f[2]
		}
		if fields["has_been_checked"] != "1" {
			continue
		}
		long := strings.ReplaceAll(fields["long_plugin_output"], `\n`, "\n")
		outputs[fields["service_description"]] = strings.TrimSpace(fields["plugin_output"] + "\n" +
			long)
	}
	return outputs
}
