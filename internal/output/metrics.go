package output

import "strings"

// Metric is a family of samples, all of them gauges: its name, its help, and the labels that tell
// its samples apart.
type Metric struct {
	Name   string
	Labels string // as the documentation writes them: "timer, service"
	Help   string // the same in every run: a collector drops a family whose help differs
}

// Prefix is the beginning of the names of a plugin's own metrics.
func Prefix(check string) string {
	return "mailfresh_" + map[string]string{
		"check_systemd_timer": "timer", "check_alias_freshness": "alias_file",
		"check_mx_rcpt": "rcpt",
	}[check] + "_"
}

// The families that the frame itself fills.
const (
	up       = "mailfresh_up"
	state    = "mailfresh_state"
	objectUp = "mailfresh_object_up"
)

// Metrics is the one table of metrics. A Quantity names its row without the plugin's prefix. A
// metric without a row is not printed.
var Metrics = []Metric{
	{up, "check, arguments",
		"1 if the check could look at what it was asked for, 0 if it could not."},
	{state, "check, arguments",
		"State of the whole check: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN."},
	{objectUp, "check, object", "1 if this object could be looked at, 0 if it could not."},

	{"mailfresh_timer_state", "timer, service",
		"State of the timer: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN."},
	{"mailfresh_timer_missed_runs", "timer, service",
		"Runs that the schedule demanded since the latest run began and that did not begin."},
	{"mailfresh_timer_running_seconds", "timer, service",
		"How long the run in progress has lasted; absent between two runs."},
	{"mailfresh_timer_last_run_timestamp_seconds", "timer, service",
		"When the last completed run ended, in seconds since 1970."},
	{"mailfresh_timer_last_duration_seconds", "timer, service",
		"How long the last completed run took."},
	{"mailfresh_timer_next_elapse_timestamp_seconds", "timer, service",
		"When the timer elapses next, in seconds since 1970."},
	{"mailfresh_timer_result_info", "timer, service, result",
		"1, with the result that systemd has for the last run of the service."},

	{"mailfresh_alias_file_state", "file",
		"State of the file: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN."},
	{"mailfresh_alias_file_mtime_timestamp_seconds", "file",
		"When the file was last written, in seconds since 1970."},
	{"mailfresh_alias_file_size_bytes", "file", "Size of the file."},
	{"mailfresh_alias_file_entries", "file", "Distinct keys that the mail server holds."},
	{"mailfresh_alias_file_malformed_lines", "file",
		"Lines that the mail server drops or misreads."},
	{"mailfresh_alias_file_duplicate_keys", "file", "Entries that repeat a key."},
	{"mailfresh_alias_file_missed_updates", "file",
		"Updates that the schedule of the file's timer demanded since the file was written."},
	{"mailfresh_alias_file_map_lag_seconds", "file",
		"How much older than the file the map compiled from it is, of several the oldest."},
	{"mailfresh_alias_file_map_entries", "file, kind",
		"Entries of the map compiled from the file."},
	{"mailfresh_alias_file_digest_info", "file, digest",
		"1, with the digest of the file's entries: equal on two hosts that hold the same ones."},

	{"mailfresh_rcpt_state", "host, address, recipients",
		"State of the host's answers: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN."},
	{"mailfresh_rcpt_answers", "host, address, verdict, recipients",
		"Answers of the host by verdict, without those to the controls."},
	{"mailfresh_rcpt_duration_seconds", "host, address, recipients",
		"How long the dialogue with the host took, without QUIT."},
	{"mailfresh_rcpt_certificate_expiry_timestamp_seconds", "host, address, recipients",
		"When the certificate of the host's TLS session expires, in seconds since 1970."},
	{"mailfresh_rcpt_addresses", "recipients", "Addresses of hosts that were asked."},
	{"mailfresh_rcpt_disagreeing_recipients", "recipients",
		"Recipients that one host accepts and another one rejects."},
}

// MetricsOf returns the rows that a plugin may print: those of the frame, then its own.
func MetricsOf(check string) (rows []Metric) {
	for _, m := range Metrics {
		if m.Name == up || m.Name == state || m.Name == objectUp ||
			strings.HasPrefix(m.Name, Prefix(check)) {
			rows = append(rows, m)
		}
	}
	return rows
}
