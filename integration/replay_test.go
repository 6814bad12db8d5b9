//go:build integration

package integration

import (
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
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
	r.mx2001.must(t, "systemctl kill --signal=KILL "+job+"; "+
		"while systemctl -q is-active "+job+"; do sleep 0.1; done; systemctl start "+job)
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
	looks := r.mx2001.must(t, "systemctl show -p SubState generate_vrts_aliases.timer; "+
		"systemctl show -p Result "+job+"; systemctl list-units --failed --no-legend")
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
