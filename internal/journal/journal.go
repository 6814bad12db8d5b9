// Package journal reads the runs of a service from systemd's own messages in the journal.
//
// D-Bus forgets how a run ended as soon as the next run begins; the journal keeps it. systemd
// writes these messages. Each has a MESSAGE_ID (sd-messages.h) and the INVOCATION_ID of its run
// (systemd.journal-fields(7)); the other fields were seen on systemd 252:
//
//	"Starting X..."                 a run begins, if X has Type=oneshot or needs time to start
//	"Started X.", "Finished X."     a run begins (Type=simple), is up or done (JOB_RESULT=done)
//	"X: Main process exited"        only if it failed: EXIT_CODE= is exited, killed or dumped,
//	                                EXIT_STATUS= a number, COMMAND= ExecStart, ...
//	"X: Deactivated successfully."  the run succeeded
//	"X: Failed with result 'R'."    the run failed; UNIT_RESULT= is the property Result of X
//
// systemd writes no message of a failure that ExecStart=- ignores, and none of the end of a run
// that ended with the machine. A run that a condition skipped has no INVOCATION_ID. Other programs
// can forge these fields, so only messages of PID 1 count, or those of the user for a user's
// service.
//
// journalctl reads the journal, because it knows the file formats. It is started by absolute path,
// with fixed arguments, no environment but LC_ALL and no standard input. Its time and its output
// are limited, and it is killed when this process ends. It is not started if the caller may read
// no journal: this is a fact ([Runs.Denied]). A failure of journalctl is an error. journalctl takes
// some 5 ms, most of them to start; [Prefetch] lets it start while systemd is asked.
package journal

import (
	"bufio"
	"cmp"
	"errors"
	"io"
	"math"
	"os"
	"strconv"
	"time"
)

const (
	journalctl = "/usr/bin/journalctl"
	maxRuns    = 20
	maxEntries = 100 // messages; a run has two to four
	maxTime    = 2 * time.Second

	starting  = "7d4958e842da4a758f6c1cdc7b36dcc5"
	started   = "39f53479d3a045ac8e11786248231fbf"
	exited    = "98e322203f7a4ed290d09fe03c09fe15"
	succeeded = "7ad2d189f7e94e70a38c781354912448"
	failed    = "d9b373ed55a64feb8242e02dbe79a49c"
)

// Runs are the completed runs of a service that the journal knows.
type Runs struct {
	Denied bool  // there is a journal, but the caller may not read it
	List   []Run // at most 20, the latest first
}

// Run is one completed run.
type Run struct {
	// Start is zero if it is not known: LogLevelMax=warning hides all messages but failures.
	Start, End time.Time
	Duration   time.Duration // by CLOCK_MONOTONIC; 0 if Start is not known
	Result     string        // success, or the service's property Result: exit-code, timeout, ...
	Command    string        // whose process failed first: ExecStart, ...; "": none, or not known
	ExitCode   string        // of Command: exited, killed, dumped
	ExitStatus int32         // of Command: exit status, or signal number
}

// arguments returns journalctl's arguments: which messages, and which of their fields. The fields
// of a user's manager have other names, and its messages may be in the system's journal.
func arguments(service string, user bool) []string {
	args := []string{
		"--quiet", "--no-pager", "--reverse", "--lines=" + strconv.Itoa(maxEntries),
		"--output=export", "--output-fields=" + fields,
	}
	if user {
		args = append(args, "_UID="+strconv.Itoa(os.Geteuid()), "USER_UNIT="+service)
	} else {
		args = append(args, "--system", "_PID=1", "UNIT="+service)
	}
	for _, id := range []string{starting, started, exited, succeeded, failed} {
		args = append(args, "MESSAGE_ID="+id)
	}
	return args
}

const fields = "MESSAGE_ID,INVOCATION_ID,USER_INVOCATION_ID,UNIT_RESULT,EXIT_CODE,EXIT_STATUS,COMMAND"

// partialRun is a run as far as its messages were read.
type partialRun struct {
	Run
	startMono, endMono uint64 // microseconds since the boot
}

// add adds what a message says. The latest message comes first, so the earliest of a kind counts.
func (b *partialRun) add(message map[string]string, wall int64, mono uint64) {
	switch message["MESSAGE_ID"] {
	case starting, started:
		b.Start, b.startMono = time.UnixMicro(wall), mono
	case succeeded, failed:
		b.Result = cmp.Or(message["UNIT_RESULT"], "success")
		b.End, b.endMono = time.UnixMicro(wall), mono
	case exited:
		if status, err := strconv.ParseInt(message["EXIT_STATUS"], 10, 32); err == nil {
			b.Command, b.ExitCode = message["COMMAND"], message["EXIT_CODE"]
			b.ExitStatus = int32(status)
		}
	}
}

// completed returns the run; ok is false if its end is missing or lies before its start.
func (b *partialRun) completed() (run Run, ok bool) {
	if !b.Start.IsZero() {
		took := min(b.endMono-b.startMono, math.MaxInt64/1000)
		b.Duration = time.Duration(took) * time.Microsecond
	}
	return b.Run, !b.End.IsZero() && b.startMono <= b.endMono
}

// parse reads messages, the latest first, and returns the completed runs.
func parse(r io.Reader) (list []Run, err error) {
	runs, order := map[string]*partialRun{}, []*partialRun{}
	in := bufio.NewReaderSize(r, maxField)
	for n := 0; n < maxEntries; n++ {
		message, err := readMessage(in)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		// Microseconds since 1970 and since the boot. A run has one boot only: a reboot ends it.
		wall, err := strconv.ParseInt(message["__REALTIME_TIMESTAMP"], 10, 64)
		mono, err2 := strconv.ParseUint(message["__MONOTONIC_TIMESTAMP"], 10, 62)
		id := cmp.Or(message["INVOCATION_ID"], message["USER_INVOCATION_ID"])
		if err != nil || err2 != nil || id == "" {
			continue
		}
		if runs[id] == nil {
			runs[id] = &partialRun{}
			order = append(order, runs[id])
		}
		runs[id].add(message, wall, mono)
	}
	for _, b := range order {
		if run, ok := b.completed(); ok && len(list) < maxRuns {
			list = append(list, run)
		}
	}
	return list, nil
}
