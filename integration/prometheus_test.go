//go:build integration

package integration

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The stage: a mail host whose node_exporter serves what mailfresh writes, the
// Prometheus that scrapes it, and the Alertmanager that it tells.
const (
	exporterAddr     = "127.7.50.1"
	prometheusAddr   = "127.7.50.2"
	alertmanagerAddr = "127.7.50.3"
	textfiles        = "/var/lib/prometheus/node-exporter/"
	jobInterval      = 20 * time.Second
)

// oddFiles are names of alias files with what could break a text format, as they
// come back as a label.
var oddFiles = map[string]string{
	"plain":                "plain",
	`quote " backslash \`:  `quote " backslash \`,
	`ends in \n\`:          `ends in \n\`,
	"new\nline":            "new\nline",
	"|x=1 {a=\"b\"} # EOF": "|x=1 {a=\"b\"} # EOF",
	"‹日本› <b>[OK]":         "‹日本› <b>[OK]",
	"esc \x1b[31m \r \t":   `esc \x1b[31m \x0d \x09`,
	"c1 \u0085 \u202e":     `c1 \u0085 \u202e`,
	"zero\u200b\u2028":     `zero\u200b\u2028`,
	"bad \xff\xfe":         `bad \xff\xfe`,
	`bad \xff\xfe`:         `bad \x5cxff\x5cxfe`,
}

// The incident in Prometheus: the collector serves every sample, the alert for
// the job that hangs fires within two of the job's intervals, and clears.
func TestPrometheus(t *testing.T) {
	t.Parallel()
	need(t, "/usr/bin/prometheus", "/usr/bin/prometheus-node-exporter",
		"/usr/bin/prometheus-alertmanager")
	h := newHost(t, "prometheus")
	h.putPlugins(t)
	acceptAll(t, "127.7.50.9:"+mxPort)
	h.putTextfiles(t)
	startPrometheus(t, h)
	t.Cleanup(func() {
		if t.Failed() {
			out, errs, _ := h.in("root", "journalctl", "-q", "-n", "15", "-u",
				"mailfresh-textfile@timers.service")
			t.Log(out, errs, fetch(t, "http://"+exporterAddr+":"+mxPort+"/metrics"))
		}
	})
	eventually(t, "Prometheus is ready", time.Minute, func() bool {
		return strings.Contains(fetch(t, "http://"+prometheusAddr+":"+mxPort+"/-/ready"), "Ready")
	})
	eventually(t, "the timer's metrics are scraped", 20*time.Second, func() bool {
		return len(query(t, `mailfresh_timer_missed_runs{timer="job.timer"} == 0`)) == 1
	})
	h.everySample(t)

	h.must(t, "touch /run/hang")
	began := h.waitHung(t)
	eventually(t, "the alert for the job that hangs", 2*jobInterval+30*time.Second, func() bool {
		return slices.Contains(alerts(t), "MailfreshRunMissed")
	})
	took := time.Since(began)
	t.Logf("fired %.1f s after the run began, the job's interval is %v", took.Seconds(),
		jobInterval)
	if took > 2*jobInterval {
		t.Errorf("the alert fired %v after the run began; want at most %v", took, 2*jobInterval)
	}
	panels := dashboard(t)
	h.must(t, "rm /run/hang; systemctl kill job.service")
	eventually(t, "the alert clears", 2*time.Minute, func() bool {
		return !slices.Contains(alerts(t), "MailfreshRunMissed")
	})
	picture(t, panels, began.Add(-jobInterval), time.Now())
}

// putTextfiles installs the shipped units as docs/metrics.md says, a job with its
// timer, and textfiles of all three plugins, of two runs and of two versions.
func (h *host) putTextfiles(t *testing.T) {
	t.Helper()
	for _, unit := range []string{"service", "timer"} {
		h.copy(t, "../contrib/prometheus/mailfresh-textfile@."+unit,
			"/etc/systemd/system/mailfresh-textfile@."+unit)
	}
	h.write(t, "/etc/default/mailfresh-timers",
		`COMMAND="/usr/lib/nagios/plugins/check_systemd_timer --all"`+"\n")
	h.write(t, "/etc/systemd/system/job.service",
		"[Service]\nType=oneshot\nExecStart=/bin/sh -c 'while [ -e /run/hang ]; do sleep 0.2; done'\n")
	h.write(t, "/etc/systemd/system/job.timer", "[Timer]\nOnCalendar=*:*:0/20\nAccuracySec=1us\n")
	h.must(t, `mkdir -p `+textfiles+` /etc/systemd/system/mailfresh-textfile@.timer.d
printf '[Timer]\nOnCalendar=\nOnCalendar=*:*:0/2\n' >/etc/systemd/system/mailfresh-textfile@.timer.d/test.conf
mkdir -p /etc/systemd/system/mailfresh-textfile@.service.d
printf '[Unit]\nStartLimitIntervalSec=0\n' >/etc/systemd/system/mailfresh-textfile@.service.d/test.conf
systemctl daemon-reload
systemctl start job.timer mailfresh-textfile@timers.timer`)
	h.must(t, "mkdir -p /usr/local/share/man/man1")
	for _, plugin := range []string{"check_systemd_timer", "check_alias_freshness",
		"check_mx_rcpt"} {
		h.copy(t, "../man/"+plugin+".1", "/usr/local/share/man/man1/"+plugin+".1")
	}
	if out, errs, status := h.in("root", "systemd-analyze", "verify",
		"mailfresh-textfile@timers.service", "mailfresh-textfile@timers.timer"); status != 0 ||
		out+errs != "" {
		t.Errorf("systemd-analyze verify: exit status %d: %s%s", status, out, errs)
	}
	dir := folder(t, nil, "odd", "root")
	args := []string{"-c", "52w", "--format", "exim", "--output-format=openmetrics"}
	for name := range oddFiles {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("info: a\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		args = append(args, "-f", path)
	}
	newer := filepath.Join(dir, "newer")
	build := exec.Command("go", "build", "-ldflags", "-X mailfresh/internal/plugin.version=9.9",
		"-o", newer, "../check_alias_freshness")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for name, command := range map[string][]string{
		"aliases": append([]string{filepath.Join(bin, "check_alias_freshness")}, args...),
		"newer":   {newer, "-f", "/etc/passwd", "-c", "1s", "--output-format=openmetrics"},
		"gone": {filepath.Join(bin, "check_alias_freshness"), "-f", "/no/such", "-c", "1s",
			"--output-format=openmetrics"},
		"rcpt1": {filepath.Join(bin, "check_mx_rcpt"), "-H", "127.7.50.9", "-p", mxPort, "-r",
			"a@example.org", "--output-format=openmetrics"},
		"rcpt2": {filepath.Join(bin, "check_mx_rcpt"), "-H", "127.7.50.9", "-p", mxPort, "-r",
			"b@example.org", "--output-format=openmetrics"},
	} {
		out, err := exec.Command(command[0], command[1:]...).Output()
		if err != nil {
			t.Fatalf("%q: %v", command, err)
		}
		h.write(t, textfiles+"mailfresh-"+name+".prom", string(out))
	}
}

// acceptAll is a mail server that accepts every recipient.
func acceptAll(t *testing.T, addr string) {
	t.Helper()
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			fmt.Fprint(c, "220 mx.example.org\r\n")
			for lines := bufio.NewScanner(c); lines.Scan(); {
				fmt.Fprint(c, "250 mx.example.org\r\n")
			}
			c.Close()
		}
	}()
}

func startPrometheus(t *testing.T, h *host) {
	t.Helper()
	dir := folder(t, nil, "prometheus", "root", "data", "alerts")
	for name, text := range map[string]string{
		"prometheus.yml": `
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [mailfresh.rules.yml]
alerting: {alertmanagers: [{static_configs: [{targets: ['` + alertmanagerAddr + ":" + mxPort + `']}]}]}
scrape_configs: [{job_name: node, static_configs: [{targets: ['` + exporterAddr + ":" + mxPort + `']}]}]
`,
		"alertmanager.yml": "route: {receiver: nobody, group_wait: 0s, group_interval: 1s}\nreceivers: [{name: nobody}]\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	rules, err := os.ReadFile("../contrib/prometheus/mailfresh.rules.yml")
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "mailfresh.rules.yml"), rules, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	start(t, exporterAddr, h.daemon("prometheus-node-exporter", "--collector.disable-defaults",
		"--collector.textfile",
		"--collector.textfile.directory="+textfiles,
		"--web.listen-address="+exporterAddr+":"+mxPort))
	start(t, alertmanagerAddr,
		exec.Command("prometheus-alertmanager", "--config.file="+dir+"/alertmanager.yml",
			"--storage.path="+dir+"/alerts", "--cluster.listen-address=",
			"--web.listen-address="+alertmanagerAddr+":"+mxPort))
	start(t, prometheusAddr, exec.Command("prometheus", "--config.file="+dir+"/prometheus.yml",
		"--storage.tsdb.path="+dir+"/data", "--web.listen-address="+prometheusAddr+":"+mxPort))
}

// everySample wants node_exporter to serve each sample of each file, and to
// complain of nothing; and each odd name to come out of Prometheus as it is.
func (h *host) everySample(t *testing.T) {
	t.Helper()
	served := samplesOf(fetch(t, "http://"+exporterAddr+":"+mxPort+"/metrics"))
	files, err := filepath.Glob(h.path(textfiles) + "/*.prom")
	if err != nil || len(files) < 6 {
		t.Fatalf("textfiles %v, %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		written := samplesOf(string(text))
		if len(written) < 3 {
			t.Errorf("%s has %d samples", file, len(written))
		}
		for sample := range written {
			if _, ok := served[sample]; !ok {
				t.Errorf("%s: node_exporter does not serve %s", filepath.Base(file), sample)
			}
		}
	}
	for _, complaint := range []string{"node_textfile_scrape_error{}",
		`promhttp_metric_handler_errors_total{cause="gathering"}`} {
		if n, ok := served[complaint]; !ok || n != 0 {
			t.Errorf("%s = %v, served: %t; want 0", complaint, n, ok)
		}
	}
	var names []string
	for _, labels := range query(t, "mailfresh_alias_file_entries") {
		names = append(names, filepath.Base(labels["file"]))
	}
	for name, label := range oddFiles {
		if !slices.Contains(names, label) {
			t.Errorf("file %q: no label %q in Prometheus: %q", name, label, names)
		}
	}
}

var (
	sampleForm = regexp.MustCompile(`(?m)^([a-z_]+)(?:\{(.*)\})? ([^ ]+)$`)
	labelForm  = regexp.MustCompile(`([a-z_]+)="((?:[^"\\]|\\.)*)"`)
)

// samplesOf gives the samples of a text by name and labels, these sorted.
func samplesOf(text string) map[string]float64 {
	samples := map[string]float64{}
	for _, m := range sampleForm.FindAllStringSubmatch(text, -1) {
		var labels []string
		for _, l := range labelForm.FindAllString(m[2], -1) {
			if !strings.HasSuffix(l, `=""`) {
				labels = append(labels, l)
			}
		}
		slices.Sort(labels)
		if v, err := strconv.ParseFloat(m[3], 64); err == nil {
			samples[m[1]+"{"+strings.Join(labels, ",")+"}"] = v
		}
	}
	return samples
}

// waitHung waits until the job hangs and gives the start of its run.
func (h *host) waitHung(t *testing.T) (began time.Time) {
	t.Helper()
	eventually(t, "the job hangs", 2*jobInterval, func() bool {
		return strings.TrimSpace(h.must(t,
			"systemctl show -P ActiveState job.service")) == "activating"
	})
	stamp := strings.TrimSpace(h.must(t,
		"date -d \"$(systemctl show -P InactiveExitTimestamp job.service)\" +%s"))
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return time.Unix(seconds, 0)
}
