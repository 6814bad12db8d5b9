//go:build integration

package integration

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The stage of the replay. Each host keeps to its own address, with the ports of every day.
const (
	interval = 20 * time.Second
	slack    = 5100 * time.Millisecond // of the timer: AccuracySec= and the plugins' own 5 s

	mx1001Addr  = "127.7.10.1"
	mx2001Addr  = "127.7.20.1"
	officeAddr  = "127.7.30.1"
	monitorAddr = "127.7.40.1"
	job         = "generate_vrts_aliases.service"
)

// A replay is the incident on real parts: two MX hosts with a job each that asks the office mail
// provider, the ticket system that the job reads its queues from, and the Icinga that watches them.
type replay struct {
	mx1001, mx2001, office *host
	*monitor
	tickets *ticketSystem
	history map[string][]checkResult // by service, in order

	recovery time.Duration // from the mend in act 3 to the last OK
	table    strings.Builder
}

// ticketSystem gives the list of queues to who knows the password.
type ticketSystem struct {
	sync.Mutex
	url    string
	queues []string
}

func newTicketSystem(t *testing.T) *ticketSystem {
	listener, err := net.Listen("tcp", monitorAddr+":0")
	if err != nil {
		t.Fatal(err)
	}
	s := &ticketSystem{url: "http://" + listener.Addr().String(),
		queues: []string{"info@example.org", "permissions@example.org"}}
	server := &http.Server{Handler: s}
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
	return s
}

func (s *ticketSystem) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if _, password, _ := r.BasicAuth(); password != "sesame" {
		http.Error(w, "who are you?", http.StatusUnauthorized)
		return
	}
	s.Lock()
	defer s.Unlock()
	fmt.Fprintln(w, strings.Join(s.queues, "\n"))
}

func (s *ticketSystem) add(queue string) {
	s.Lock()
	defer s.Unlock()
	s.queues = append(s.queues, queue)
}

// props reads a file of the replay and fills in its @NAMES@.
func props(t *testing.T, file string, values ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata/replay", file))
	if err != nil {
		t.Fatal(err)
	}
	filled := strings.NewReplacer(values...).Replace(string(text))
	if left := regexp.MustCompile(`@[A-Z0-9]+@`).FindString(filled); left != "" {
		t.Fatalf("%s: no value for %s", file, left)
	}
	return filled
}

// newMailHost boots a host with an Exim.
func newMailHost(t *testing.T, name, config string) *host {
	t.Helper()
	h := newHost(t, name)
	h.must(t, "mkdir -p /etc/exim4 && install -d -o Debian-exim -g Debian-exim /var/spool/exim4 /var/log/exim4")
	h.write(t, "/etc/exim4/exim4.conf", config)
	h.write(t, "/etc/systemd/system/exim.service", props(t, "exim.service"))
	h.must(t, "systemctl daemon-reload && systemctl start exim")
	return h
}

// newMX boots an MX host of the incident: Exim, the job and its timer, NRPE with the shipped
// snippet.
func newMX(t *testing.T, name, addr string, tickets *ticketSystem) *host {
	t.Helper()
	values := []string{"@NAME@", name, "@ADDR@", addr, "@OFFICE@", officeAddr, "@TICKETS@",
		tickets.url, "@PASSWORD@", "sesame",
		"@INTERVAL@", fmt.Sprint(interval), "@WARNING@",
		fmt.Sprint(int((interval + slack).Seconds())), "@CRITICAL@",
		fmt.Sprint(int((2*interval + slack).Seconds()))}
	h := newMailHost(t, name, props(t, "mx.conf", values...))
	h.putPlugins(t)
	for _, unit := range []string{"generate_vrts_aliases.timer", job} {
		h.write(t, "/etc/systemd/system/"+unit, props(t, unit, values...))
	}
	h.write(t, "/var/lib/generate_vrts_aliases", props(t, "generate_vrts_aliases"))
	h.write(t, "/etc/generate_vrts_aliases.conf", props(t, "generate_vrts_aliases.conf", values...))
	h.write(t, "/etc/nagios/nrpe.d/peers.cfg", props(t, "peers.cfg", values...))
	h.startNRPE(t, addr)
	h.must(t, "systemctl daemon-reload && systemctl start generate_vrts_aliases.timer")
	return h
}

func newReplay(t *testing.T) *replay {
	t.Helper()
	need(t, "/var/cache/mailfresh/exim4/usr/sbin/exim4", "/usr/bin/python3", "/usr/sbin/nrpe",
		"/usr/lib/nagios/plugins/check_systemd", "/usr/lib/nagios/plugins/check_file_age")
	r := &replay{history: map[string][]checkResult{}}
	r.tickets = newTicketSystem(t)
	r.office = newMailHost(t, "office", props(t, "office.conf", "@ADDR@", officeAddr))
	r.mx1001 = newMX(t, "mx1001", mx1001Addr, r.tickets)
	r.mx2001 = newMX(t, "mx2001", mx2001Addr, r.tickets)
	r.monitor = newMonitor(t, "monitor", monitorAddr,
		props(t, "icinga.conf", "@MX1001@", mx1001Addr, "@MX2001@", mx2001Addr))
	r.must(t, "printf '%s\n' '127.0.0.1 localhost' '"+mx1001Addr+" mx1001' '"+mx2001Addr+" mx2001' >/etc/hosts")
	return r
}

// round has Icinga run all checks that match the filter, and collects what they say.
func (r *replay) round(t *testing.T, filter string) {
	t.Helper()
	r.checkNow(t, filter)
	time.Sleep(900 * time.Millisecond)
	for service, result := range r.results(t) {
		past := r.history[service]
		if len(past) == 0 || past[len(past)-1].End < result.End {
			r.history[service] = append(past, result)
		}
	}
}

// The services of the replay.
const (
	timerCheck    = "mx2001!mailfresh_vrts_timer"
	fileCheck     = "mx2001!mailfresh_vrts_aliases"
	rcptCheck     = "mx2001!mx_rcpt-queues"
	bothRcptCheck = "example.org!mx_rcpt-queues"
)

var (
	ours     = []string{timerCheck, fileCheck, rcptCheck, bothRcptCheck}
	ofMX1001 = []string{"mx1001!mailfresh_vrts_timer", "mx1001!mailfresh_vrts_aliases",
		"mx1001!mx_rcpt-queues"}
	peers = []string{"mx2001!check_systemd", "mx2001!check_systemd_dead_timers",
		"mx2001!check_file_age", "mx2001!check_smtp", "mx2001!check_smtp_rcpt"}
)

// named are the names of the services in the table.
var named = map[string]string{
	timerCheck:    "check_systemd_timer",
	fileCheck:     "check_alias_freshness",
	rcptCheck:     "check_mx_rcpt, mx2001 alone",
	bothRcptCheck: "check_mx_rcpt, both hosts",
	peers[0]:      "check_systemd",
	peers[1]:      "check_systemd --dead-timers",
	peers[2]:      "check_file_age",
	peers[3]:      "check_smtp",
	peers[4]:      "check_smtp, told to expect 250 to RCPT",
}

const (
	ok, warning, critical = 0, 1, 2

	newQueue = "dcw@example.org"
)

// TestReplay plays both incidents, and the mend of each, and reads from Icinga what the checks make
// of them.
func TestReplay(t *testing.T) {
	t.Parallel()
	r := newReplay(t)
	r.allGreen(t)
	r.jobHangs(t)
	r.jobIsStartedAgain(t)
	r.passwordIsLost(t)
	r.limitDoesNotApply(t)
	t.Logf("the job's interval is %v; all is green %.1f intervals after the mend\n%s", interval,
		r.recovery.Seconds()/interval.Seconds(), &r.table)
	r.measured(t, "../docs/incident.md")
}

// Act 1: nothing is wrong.
func (r *replay) allGreen(t *testing.T) {
	r.until(t, "all is OK", time.Minute,
		func() bool { return r.are(ok, append(append(ours, ofMX1001...), peers...)...) })
	r.says(t, timerCheck, `the next is in`)
	r.says(t, rcptCheck, `mx2001 accepts info@example.org`)
	r.says(t, bothRcptCheck,
		`both hosts accept info@example.org and refuse no-such-user@example.org`)
	r.perfdata(t, timerCheck, "missed", 0, 0)
	r.perfdata(t, timerCheck, "next", 0, interval.Seconds())
	r.perfdata(t, fileCheck, "entries", 2, 2)
	r.perfdata(t, fileCheck, "age", 0, 2*interval.Seconds())
	r.perfdata(t, bothRcptCheck, "hosts", 2, 2)
	r.perfdata(t, bothRcptCheck, "accepted", 2, 2)
	r.perfdata(t, bothRcptCheck, "rejected", 0, 0)
}

// Act 2: the first incident. The provider leaves mx2001 without an answer, for a while; the job
// there waits for it for ever.
func (r *replay) jobHangs(t *testing.T) {
	r.office.write(t, "/run/silent-"+mx2001Addr, "")
	fault := r.hangs(t, "active")
	r.tickets.add(newQueue)
	r.until(t, "mx1001 knows the new queue", 2*interval,
		func() bool { return strings.Contains(r.aliases(t, r.mx1001), newQueue) })
	queue := time.Now()
	r.watchNewQueue(t)

	r.until(t, "mx2001 puts off mail to the new queue", interval,
		func() bool { return r.are(warning, rcptCheck, bothRcptCheck) })
	r.says(t, rcptCheck, `MX_RCPT WARNING - mx2001 defers dcw@example.org \(451 .*callout\)`)
	r.says(t, bothRcptCheck, `mx2001 defers dcw@example.org .*, mx1001 accepts it`)
	for range 4 { // whoever is asking now still gets a 451
		r.round(t, `service.check_command == "nrpe"`)
	}
	r.office.must(t, "rm /run/silent-"+mx2001Addr)
	if first := r.check(t, rcptCheck); !strings.Contains(first.Output, "No such user") {
		t.Errorf("the first rejection is %q; want that of the provider", first.Output)
	}

	r.until(t, "all three are critical", 4*interval,
		func() bool { return r.are(critical, ours...) })
	r.says(t, timerCheck,
		`generate_vrts_aliases\.service has been running for .*\(running, since .*\): 2 scheduled runs missed`)
	r.says(t, timerCheck, `PID [0-9]+ /usr/bin/python3 /var/lib/generate_vrts_aliases: sleeping`)
	r.perfdata(t, timerCheck, "running", 2*interval.Seconds(), 4*interval.Seconds())
	r.perfdata(t, timerCheck, "missed", 2, 3)
	r.says(t, fileCheck,
		`2 updates of generate_vrts_aliases\.timer missed, generate_vrts_aliases\.service has been running for`)
	r.perfdata(t, fileCheck, "entries", 2, 2)
	r.perfdata(t, fileCheck, "age", 2*interval.Seconds(), 5*interval.Seconds())
	r.says(t, rcptCheck,
		`mx2001 rejects dcw@example.org \(550 Previous \(cached\) callout verification failure\)`)
	r.says(t, bothRcptCheck,
		`MX_RCPT CRITICAL - MX hosts disagree on dcw@example.org: mx2001 rejects it \(550 Previous \(cached\) callout verification failure\), mx1001 accepts it`)
	r.perfdata(t, bothRcptCheck, "rejected", 1, 1)
	r.officeWasAskedOnce(t)
	r.stays(t, fault, ok, ofMX1001...)
	r.ranked(t, fault, ours...)
	r.chapter(t, "Act 2, since the job hangs", fault,
		append([]string{timerCheck, fileCheck}, peers[:3]...)...)
	r.chapter(t, "Act 2, since the new queue works on mx1001", queue,
		append([]string{rcptCheck, bothRcptCheck}, peers[3:]...)...)
}

// Act 3: somebody finds it, kills the job and starts it again. Exim still remembers that it was
// refused, but no longer has to ask.
func (r *replay) jobIsStartedAgain(t *testing.T) {
	mend := time.Now()
	r.mx2001.must(t,
		"systemctl kill --signal=KILL "+job+"; while systemctl -q is-active "+job+"; do sleep 0.1; done; systemctl start "+job)
	r.until(t, "all is OK again", interval,
		func() bool { return r.are(ok, append(ours, ofMX1001...)...) })
	r.says(t, bothRcptCheck,
		`both hosts accept info@example.org and dcw@example.org and refuse no-such-user@example.org`)
	r.perfdata(t, fileCheck, "entries", 3, 3)
	cache := r.mx2001.must(t,
		"/var/cache/mailfresh/exim4/usr/sbin/exim_dumpdb /var/spool/exim4 callout")
	if !regexp.MustCompile(`dcw@example\.org.*reject`).MatchString(cache) {
		t.Errorf("Exim's callout cache is without the rejection:\n%s", cache)
	}
	r.recovery = time.Since(mend)
}

// Act 4: the second incident. The job loses its password and fails at once; ExecStart=- makes that
// a success.
func (r *replay) passwordIsLost(t *testing.T) {
	conf := r.mx2001.must(t,
		"cat /etc/generate_vrts_aliases.conf; sed -i /^password/d /etc/generate_vrts_aliases.conf")
	eventually(t, "the job fails", 2*interval, func() bool {
		return strings.Contains(r.mx2001.must(t, "systemctl show -p ExecMainStatus "+job), "=1")
	})
	fault := time.Now()
	r.until(t, "the file is critical", 4*interval,
		func() bool { return r.are(critical, fileCheck) })
	looks := r.mx2001.must(t,
		"systemctl show -p SubState generate_vrts_aliases.timer; systemctl show -p Result "+job+"; systemctl list-units --failed --no-legend")
	if looks != "SubState=waiting\nResult=success\n" {
		t.Errorf("on mx2001 systemd says %q; want a waiting timer, a successful job and no failed unit", looks)
	}
	r.says(t, timerCheck,
		`SYSTEMD_TIMER WARNING - generate_vrts_aliases\.service ended .* ago with exit status 1, which ExecStart=- ignores`)
	r.perfdata(t, timerCheck, "missed", 0, 0)
	r.says(t, fileCheck,
		`2 updates of generate_vrts_aliases\.timer missed, generate_vrts_aliases\.service finished successfully .*, but the file was not updated`)
	r.perfdata(t, fileCheck, "age", 2*interval.Seconds(), 4*interval.Seconds())
	r.stays(t, fault, ok, append(ofMX1001, rcptCheck, bothRcptCheck)...)
	r.chapter(t, "Act 4, since the job first fails", fault,
		append([]string{timerCheck, fileCheck, rcptCheck}, peers...)...)
	r.mx2001.write(t, "/etc/generate_vrts_aliases.conf", conf)
	r.mx2001.must(t, "systemctl start "+job)
	r.until(t, "all is OK again", interval,
		func() bool { return r.are(ok, append(ours, ofMX1001...)...) })
}

// Act 5: the first incident once more, after a mend that mends nothing.
func (r *replay) limitDoesNotApply(t *testing.T) {
	r.mx2001.must(t, "mkdir /etc/systemd/system/"+job+".d")
	r.mx2001.write(t, "/etc/systemd/system/"+job+".d/limit.conf",
		"[Service]\nType=oneshot\nRuntimeMaxSec=5s\n")
	// a reload may start the job, out of turn
	r.mx2001.must(t, "systemctl daemon-reload; sleep 3; systemctl start "+job)
	r.office.write(t, "/run/silent-"+mx2001Addr, "")
	fault := r.hangs(t, "activating")
	r.until(t, "the timer and the file are critical", 4*interval,
		func() bool { return r.are(critical, timerCheck, fileCheck) })
	r.says(t, timerCheck,
		`generate_vrts_aliases\.service has been running for .*\(start, since .*\): 2 scheduled runs missed`)
	r.says(t, timerCheck,
		`RuntimeMaxSec=5 ?s does not apply to Type=oneshot, and TimeoutStartSec=infinity: nothing ends a run that hangs`)
	r.stays(t, fault, ok, append(ofMX1001, rcptCheck, bothRcptCheck)...)
	r.chapter(t, "Act 5, since the job hangs in spite of its limit", fault,
		append([]string{timerCheck, fileCheck, rcptCheck}, peers...)...)
}

// hangs waits until the job on mx2001 is in a run that hangs, and gives the start of it.
func (r *replay) hangs(t *testing.T, state string) (start time.Time) {
	t.Helper()
	r.until(t, "the job hangs", 2*interval, func() bool {
		// at once: between two, a run may begin
		now := r.mx2001.must(t,
			"systemctl show --timestamp=us+utc -p ActiveState -p ExecMainStartTimestamp "+job)
		since := regexp.MustCompile(`ExecMainStartTimestamp=(.*)`).FindStringSubmatch(now)
		var err error
		if start, err = time.Parse("Mon 2006-01-02 15:04:05.999999 MST", since[1]); err != nil {
			t.Fatal(err)
		}
		return strings.Contains(now, "ActiveState="+state+"\n") && time.Since(start) > 3*time.Second
	})
	return start
}

// watchNewQueue adds the new queue to what the services ask for, as the operator does once it is in
// use.
func (r *replay) watchNewQueue(t *testing.T) {
	t.Helper()
	for _, service := range []string{rcptCheck, "mx1001!mx_rcpt-queues"} {
		r.set(t, service, map[string]any{"vars.mx_rcpt_recipient": []string{newQueue}})
	}
	r.set(t, bothRcptCheck,
		map[string]any{"vars.mx_rcpt_recipient": []string{"info@example.org", newQueue}})
	r.set(t, "mx2001!check_smtp_rcpt", map[string]any{"vars.smtp_command": "RCPT TO:<" + newQueue +
		">"})
}

// set changes attributes of a service at run time, as "vars.x".
func (m *monitor) set(t *testing.T, service string, attrs map[string]any) {
	t.Helper()
	m.ask(t, "POST", "objects/services/"+url.PathEscape(service), map[string]any{"attrs": attrs},
		&[]any{})
}

func (r *replay) aliases(t *testing.T, h *host) string {
	t.Helper()
	text, err := os.ReadFile(h.path("/etc/exim4/vrts_aliases"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// officeWasAskedOnce: whoever asked mx2001, and how often, the provider saw one question. The job's
// own ones have a sender.
func (r *replay) officeWasAskedOnce(t *testing.T) {
	t.Helper()
	log := r.office.must(t, "cat /var/log/exim4/mainlog")
	callouts := regexp.MustCompile(`H=\S*mx2001\S* .*F=<> rejected RCPT <`+newQueue+`>`).
		FindAllString(log, -1)
	if len(callouts) != 1 {
		t.Errorf("the provider was asked %d times by mx2001; want once\n%s", len(callouts), log)
	}
}

func (r *replay) last(service string) checkResult {
	past := r.history[service]
	if len(past) == 0 {
		return checkResult{State: -1}
	}
	return past[len(past)-1]
}

// are tells whether the services are in this state.
func (r *replay) are(state float64, services ...string) bool {
	for _, service := range services {
		if r.last(service).State != state {
			return false
		}
	}
	return true
}

// until has rounds of checks until a condition holds.
func (r *replay) until(t *testing.T, what string, patience time.Duration, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		r.round(t, "true")
		if holds() {
			return
		}
	}
	var now []string
	for _, service := range append(append(ours, ofMX1001...), peers...) {
		last := r.last(service)
		now = append(now, fmt.Sprintf("%s: %v %s", service, last.State, last.Output))
	}
	t.Fatalf("not so after %v: %s\n%s", patience, what, strings.Join(now, "\n"))
}

// says compares the last output of a service with an expression.
func (r *replay) says(t *testing.T, service, want string) {
	t.Helper()
	if output := r.last(service).Output; !regexp.MustCompile(want).MatchString(output) {
		t.Errorf("%s says %q; want %q", service, output, want)
	}
}

// perfdata compares a value, as Icinga reads it, with its bounds.
func (r *replay) perfdata(t *testing.T, service, label string, least, most float64) {
	t.Helper()
	items := r.last(service).Perfdata
	if value, ok := r.parsed(t, items)[label]; !ok || value < least || value > most {
		t.Errorf("%s has performance data %q; want %s from %v to %v", service, items, label, least,
			most)
	}
}

// since gives the results of a service from an instant on.
func (r *replay) since(start time.Time, service string) (results []checkResult) {
	for _, result := range r.history[service] {
		if result.Start >= float64(start.UnixMicro())/1e6 {
			results = append(results, result)
		}
	}
	return results
}

// first gives the time from the start to the first result of this state, in intervals of the job.
func (r *replay) first(start time.Time, service string, state float64) (intervals float64,
	found bool) {
	for _, result := range r.since(start, service) {
		if result.State == state {
			return (result.End - float64(start.UnixMicro())/1e6) / interval.Seconds(), true
		}
	}
	return 0, false
}

// stays wants the services in one state all the time.
func (r *replay) stays(t *testing.T, start time.Time, state float64, services ...string) {
	t.Helper()
	for _, service := range services {
		results := r.since(start, service)
		if len(results) == 0 {
			t.Errorf("%s: no result", service)
		}
		for _, result := range results {
			if result.State != state {
				t.Errorf("%s: state %v: %s; want %v all the time", service, result.State,
					result.Output, state)
				break
			}
		}
	}
}

// ranked wants each of the services to warn before it is critical.
func (r *replay) ranked(t *testing.T, start time.Time, services ...string) {
	t.Helper()
	for _, service := range services {
		w, warned := r.first(start, service, warning)
		if c, alarmed := r.first(start, service, critical); !warned || !alarmed || w >= c {
			t.Errorf("%s: WARNING %v after %.1f intervals, CRITICAL %v after %.1f; want both, in this order", service, warned, w, alarmed, c)
		}
	}
}

// chapter adds an act to the table: when each check warned and was critical, in intervals of the
// job since the fault, and what it says now. A peer whose state never changed said the same all
// along.
func (r *replay) chapter(t *testing.T, act string, fault time.Time, services ...string) {
	t.Helper()
	for range 2 {
		r.round(t, "true")
	}
	after := func(service string, state float64) string {
		if intervals, found := r.first(fault, service, state); found {
			return fmt.Sprintf("%.1f", intervals)
		}
		return "never"
	}
	fmt.Fprintf(&r.table, "\n%s:\n\n| check | WARNING | CRITICAL | says |\n|---|---|---|---|\n",
		act)
	for _, service := range services {
		says := strings.TrimSpace(firstLine(r.last(service).Output))
		fmt.Fprintf(&r.table, "| %s | %s | %s | %s |\n", named[service], after(service, warning),
			after(service, critical), says)
	}
}

// measured compares the table with the one in the chapter about the incident: all but the numbers
// is to be the same. UPDATE writes it anew.
func (r *replay) measured(t *testing.T, file string) {
	t.Helper()
	const begin, end = "<!-- make replay -->\n", "<!-- end -->\n"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, _ := strings.Cut(string(text), begin)
	old, after, found := strings.Cut(rest, end)
	if !found {
		t.Fatalf("%s has no table between %q and %q", file, begin, end)
	}
	if os.Getenv("UPDATE") != "" {
		text = []byte(before + begin + r.table.String()[1:] + "\n" + end + after)
		if err := os.WriteFile(file, text, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	mask := func(table string) string {
		table = regexp.MustCompile(`[0-9]+(\.[0-9]+)?( ?(ms|s|m)\b)?( [0-9]+s\b)?`).
			ReplaceAllString(table, "N")
		return strings.TrimSpace(table)
	}
	if diff := cmp.Diff(mask(old), mask(r.table.String())); diff != "" {
		t.Errorf("%s is stale (-has +measured):\n%s", file, diff)
	}
}
