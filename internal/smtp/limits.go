package smtp

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// recipients of a transaction; a server must accept as many (RFC 5321 4.5.3.1.8)
	maxRecipients = 100
	// transactions of a connection; Exim closes it at the 10th RSET (smtp_accept_max_nonmail)
	maxTransactions = 8
	// failures, negative replies to RCPT, on a connection; after the third, Debian's Sendmail slows
	// down (BadRcptThrottle), and so do common ACLs of Exim; Postfix closes it after 5 or 20
	maxFailures = 3
	// the same, after manyAfter connections without punishment; Postfix slows down at 10
	manyFailures = 8
	manyAfter    = 4
	maxGroup     = 8                      // RCPT commands of a group
	fullAfter    = 16                     // after so many acceptances in a row, groups are full
	slow         = 500 * time.Millisecond // after a group that took so long, groups are small
)

// limits says what the server allows, as far as it has said or shown this.
type limits struct {
	recipients   int  // of a transaction
	transactions int  // of a connection
	failures     int  // of a connection
	domains      int  // of the recipients of a transaction; 0: any number
	nullOne      bool // the null sender may have one recipient in a transaction
	unpunished   int  // connections that reached failures without punishment
	punishes     bool // the server has punished failures
}

func newLimits() limits {
	return limits{recipients: maxRecipients, transactions: maxTransactions, failures: maxFailures}
}

// size returns how many recipients a transaction of this sender may have.
func (l *limits) size(sender string) int {
	if sender == "" && l.nullOne {
		return 1
	}
	return l.recipients
}

// offered applies the parameters of the EHLO keyword LIMITS (RFC 9422), such as "RCPTMAX=20
// MAILMAX=5 RCPTDOMAINMAX=1".
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

// tooMany notes that the server accepted only n recipients in a transaction.
func (l *limits) tooMany(n int) { l.recipients = min(l.recipients, max(1, n)) }

// punished notes that after n failures on a connection the server changed its reply to a recipient,
// as Exim does with a condition on $rcpt_fail_count, or became slow.
func (l *limits) punished(n int) {
	l.failures, l.punishes = min(l.failures, maxFailures, max(1, n)), true
}

// notPunished notes that a connection reached the limit of failures without punishment. After some
// of these the limit rises, so that a host that refuses most of a long list needs fewer
// connections.
func (l *limits) notPunished() {
	if l.unpunished++; l.unpunished >= manyAfter && !l.punishes {
		l.failures = manyFailures
	}
}

// group returns how many RCPT commands a group may have after so many failures on the connection;
// see pace.answered.
func (l *limits) group(p *pace, failures int) int {
	switch {
	case p.slow:
		return 1
	case l.failures == manyFailures:
		return l.failures - failures
	case p.quick >= fullAfter && l.failures == maxFailures:
		return maxGroup - failures
	}
	return min(p.quick+1, l.failures-failures)
}

// pace measures how fast a server replies.
type pace struct {
	quick   int           // recipients accepted in a row, without a slow group
	slow    bool          // the last group took slow or longer
	slowest time.Duration // time of a reply on a connection without failures before
	total   time.Duration // see answered
}

// answered notes the replies to a group with so many RCPT commands, and the time that they took. It
// reports whether the server punishes earlier failures on the connection with a delay.
//
// A server that checks each recipient elsewhere may send no reply before it knows the last one
// (Postfix with reject_unverified_recipient): a group of eight may then get no reply in time where
// a single recipient gets one. And a server that slows down after failures does so for all commands
// that it already has. So the first group has one recipient, and so has a group after a slow group
// or a failure.
//
// Sendmail (BadRcptThrottle) and Postfix (smtpd_error_sleep_time) delay every reply on a connection
// after some failures. The total is not to contain this delay: each reply of a group after a
// failure counts at most as much as the slowest reply without one.
func (p *pace) answered(got []*Reply, rcpts int, took time.Duration,
	failures bool) (punished bool) {
	n := time.Duration(max(len(got), 1))
	counted := took
	switch refused := slices.IndexFunc(got, negative); {
	case !failures && (refused < 0 || refused == len(got)-1):
		p.slowest = max(p.slowest, took/n)
	case p.slowest > 0:
		counted = min(took, n*p.slowest)
		punished = took >= slow && took >= 4*counted
	}
	p.total += counted
	p.slow = took >= slow
	p.quick += rcpts
	if p.slow || slices.ContainsFunc(got, negative) {
		p.quick = 0
	}
	return punished
}
