package smtp

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// of one transaction; a server must take as many (RFC 5321 4.5.3.1.8)
	maxRecipients = 100
	// of one connection; Exim ends one at its 10th RSET (smtp_accept_max_nonmail)
	maxTransactions = 8
	// recipients not accepted, of one connection; behind the third Debian's Sendmail slows down
	// (BadRcptThrottle), and so do common ACLs of Exim, Postfix ends one at 5 or 20
	maxErrors = 3
	// the same where many are refused and the server bore it on some connections; Postfix slows
	// down at 10
	manyErrors = 8
	patience   = 4                      // connections
	maxGroup   = 8                      // recipients of a group of commands
	trusted    = 16                     // so many accepted in a row: full groups are sent
	late       = 500 * time.Millisecond // what takes longer was too large a group of commands
)

// limits are what a server allows, as far as it has said so or shown it.
type limits struct {
	recipients   int  // of one transaction
	transactions int  // of one connection
	errors       int  // recipients not accepted, of one connection
	domains      int  // of the recipients of one transaction; 0: any number
	nullOne      bool // the null sender is granted one recipient of a transaction
	borne        int  // connections that had as many errors as they may have, with no punishment
	strict       bool // the server has punished errors
}

func newLimits() limits {
	return limits{recipients: maxRecipients, transactions: maxTransactions, errors: maxErrors}
}

// size is how many recipients a transaction of a sender may have.
func (l *limits) size(sender string) int {
	if sender == "" && l.nullOne {
		return 1
	}
	return l.recipients
}

// offered takes the parameters of the EHLO keyword LIMITS (RFC 9422): "RCPTMAX=20 MAILMAX=5
// RCPTDOMAINMAX=1".
func (l *limits) offered(parameters string) {
	for _, p := range strings.Fields(parameters) {
		name, value, _ := strings.Cut(p, "=")
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 {
			continue
		}
		switch strings.ToUpper(name) {
		case "RCPTMAX":
			l.recipients = min(l.recipients, n)
		case "MAILMAX":
			l.transactions = min(l.transactions, n)
		case "RCPTDOMAINMAX":
			l.domains = n
		}
	}
}

// tooMany notes that a transaction took no more than n recipients: 452 4.5.3 (RFC 5321 4.5.3.1.10).
func (l *limits) tooMany(n int) { l.recipients = min(l.recipients, max(1, n)) }

// oneForNull notes that a server grants the null sender one recipient and says so with a bare 550,
// as Exim does with a condition on $recipients_count.
func (l *limits) oneForNull() { l.nullOne = true }

// punished notes that a server treated a recipient otherwise after n that it did not accept on that
// connection, as Exim does with a condition on $rcpt_fail_count.
func (l *limits) punished(n int) {
	l.errors, l.strict = min(l.errors, maxErrors, max(1, n)), true
}

// bore notes that a connection had as many errors as it may have, with no punishment. After some of
// these more are allowed: a host that refuses most of a long list costs no connection for each few.
func (l *limits) bore() {
	if l.borne++; l.borne >= patience && !l.strict {
		l.errors = manyErrors
	}
}

// group is how many RCPT commands may be sent at once, with PIPELINING, after so many failures on
// the connection: see pace.answered.
func (l *limits) group(p *pace, failures int) int {
	switch {
	case p.late:
		return 1
	case l.errors == manyErrors:
		return l.errors - failures
	case p.quick >= trusted && l.errors == maxErrors:
		return maxGroup - failures
	}
	return min(p.quick+1, l.errors-failures)
}

// pace is how fast a server answers.
type pace struct {
	quick   int           // recipients that were accepted in a row, none of them late
	late    bool          // the last group was
	slowest time.Duration // a reply on a connection that had accepted all before
	total   time.Duration // see answered
}

// answered takes the replies to a group of commands with so many recipients, on a connection that
// had refused some before or not, and reports whether the server punishes that.
//
// A server that looks up each recipient may hold the replies of a group back until the last is
// known (Postfix with reject_unverified_recipient): then a group of one brings a verdict where a
// group of eight brings none. One that slows down after some failures does so for all that was
// sent already. So the first group is one, and so is the next after a slow one or a failure.
//
// Sendmail (BadRcptThrottle) and Postfix (smtpd_error_sleep_time) delay all replies on a
// connection after some failures. That is no measure of the server: a group with a failure in or
// before it counts no more than as many of the slowest reply without one.
func (p *pace) answered(got []*Reply, rcpts int, took time.Duration,
	failures bool) (punished bool) {
	n := time.Duration(max(len(got), 1))
	counted := took
	switch refused := slices.IndexFunc(got, notAccepted); {
	case !failures && (refused < 0 || refused == len(got)-1):
		p.slowest = max(p.slowest, took/n)
	case p.slowest > 0:
		counted = min(took, n*p.slowest)
		punished = took >= late && took >= 4*counted
	}
	p.total += counted
	p.late = took >= late
	p.quick += rcpts
	if p.late || slices.ContainsFunc(got, notAccepted) {
		p.quick = 0
	}
	return punished
}
