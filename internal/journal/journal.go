// Package journal reads the runs of a service from systemd's own messages in the journal.
//
// D-Bus forgets how a run ended as soon as the next one begins; the journal remembers. systemd
// writes these messages, each with its MESSAGE_ID (sd-messages.h) and the INVOCATION_ID of the run
// (seen on systemd 252; the fields are those of systemd.journal-fields(7) and of the manager
// itself):
//
//	"Starting X..."                 a run of a Type=oneshot begins, or of another type that does
//	                                not start at once
//	"Started X.", "Finished X."     a run of a Type=simple begins; others are up, or done
//	                                (JOB_RESULT=done)
//	"X: Main process exited"        EXIT_CODE= exited, killed or dumped, EXIT_STATUS=, COMMAND=
//	                                ExecStart, ...; on failures only
//	"X: Deactivated successfully."  the run ended well
//	"X: Failed with result 'R'."    the run ended badly, UNIT_RESULT= as the property Result of
//	                                the service
//
// A status that ExecStart=- swallows leaves no message. A run that a condition skipped has no
// invocation; one that ended with the machine has no end. Others could forge the manager's fields,
// so they are taken from PID 1 alone, and of a user from that user.
//
// The journal is read by journalctl, which knows its file formats: by absolute path, with fixed
// arguments, an empty environment, no standard input, bounded in time and output, and killed with
// this process. It is not started where there is no journal that the caller may read, which is a
// fact, [Runs.Denied]; that journalctl failed is an error. Most of its time, some 5 ms, goes into
// its start, so it may be started while systemd is asked, see [Ahead].
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
	// a run has two messages, or three, or four; none is read that is longer than 64 KiB
	maxEntries = 100
	maxTime    = 2 * time.Second

	starting  = "7d4958e842da4a758f6c1cdc7b36dcc5"
	started   = "39f53479d3a045ac8e11786248231fbf"
	exited    = "98e322203f7a4ed290d09fe03c09fe15"
	succeeded = "7ad2d189f7e94e70a38c781354912448"
	failed    = "d9b373ed55a64feb8242e02dbe79a49c"
)

// Runs are the runs of a service of which the journal has the end.
type Runs struct {
	Denied bool  // there is a journal, and the caller may not read it
	List   []Run // that have ended, the latest first, at most 20
}

// Run is one run.
type Run struct {
	// Start is zero where it is not known, as with LogLevelMax=warning, which hides all but
	// failures.
	Start, End time.Time
	Duration   time.Duration // 0 without Start; by a clock that was not stepped in between
	Result     string        // success, or the service's property Result: exit-code, timeout, ...
	// whose process failed first: ExecStart, ...; empty: not known, or none
	Command    string
	ExitCode   string // of it: exited, killed, dumped
	ExitStatus int32  // exit status, or signal number
}

// arguments are the messages of the service and the fields of these that are read. A user's own
// manager has other names for some, and may write into the system's journal.
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

// begun is a run of which messages were read.
type begun struct {
	Run
	start, end uint64 // microseconds since the boot
}

// note adds what a message says. Messages come latest first, so that the first one of a kind counts
// where a later one was read before.
func (b *begun) note(message map[string]string, wall int64, mono uint64) {
	switch message["MESSAGE_ID"] {
	case starting, started:
		b.Start, b.start = time.UnixMicro(wall), mono
	case succeeded, failed:
		b.Result = cmp.Or(message["UNIT_RESULT"], "success")
		b.End, b.end = time.UnixMicro(wall), mono
	case exited:
		if status, err := strconv.ParseInt(message["EXIT_STATUS"], 10, 32); err == nil {
			b.Command, b.ExitCode = message["COMMAND"], message["EXIT_CODE"]
			b.ExitStatus = int32(status)
		}
	}
}

// ended gives the run, if its end is there and does not lie before its begin.
func (b *begun) ended() (Run, bool) {
	if !b.Start.IsZero() {
		took := min(b.end-b.start, math.MaxInt64/1000)
		b.Duration = time.Duration(took) * time.Microsecond
	}
	return b.Run, !b.End.IsZero() && b.start <= b.end
}

// parse reads the messages, the latest first, and gives the runs of which the end is there.
func parse(r io.Reader) (list []Run, err error) {
	runs, order := map[string]*begun{}, []*begun{}
	in := bufio.NewReaderSize(r, maxField)
	for n := 0; n < maxEntries; n++ {
		message, err := readMessage(in)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		// Microseconds, and such since the boot, which no run outlives.
		wall, err := strconv.ParseInt(message["__REALTIME_TIMESTAMP"], 10, 64)
		mono, err2 := strconv.ParseUint(message["__MONOTONIC_TIMESTAMP"], 10, 62)
		id := cmp.Or(message["INVOCATION_ID"], message["USER_INVOCATION_ID"])
		if err != nil || err2 != nil || id == "" {
			continue
		}
		if runs[id] == nil {
			runs[id] = &begun{}
			order = append(order, runs[id])
		}
		runs[id].note(message, wall, mono)
	}
	for _, b := range order {
		if run, ok := b.ended(); ok && len(list) < maxRuns {
			list = append(list, run)
		}
	}
	return list, nil
}
