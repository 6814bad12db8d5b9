// Package smtp holds one dialogue of SMTP (RFC 5321) or LMTP (RFC 2033) as far as the recipients, and keeps every reply.
//
// The dialogue is: greeting, EHLO (HELO where EHLO is refused with a 5xx; LHLO), STARTTLS and EHLO again (RFC 3207), then
// transactions of MAIL and RCPT that are ended by RSET, and QUIT. No message is ever sent: the client does not know the commands.
//
//   - A reply is decided by its phase, its code and its enhanced code (RFC 3463), never by its text.
//   - Where PIPELINING (RFC 2920) is offered, RSET, MAIL and at most 8 RCPT are sent as a group, which is under 3 KiB, so no
//     window fills; else in lock-step. Every reply is read, in order; one that nobody asked for is a protocol error.
//   - A connection is left for a new one after 8 transactions or 8 recipients that were not accepted: Exim gives up at 10 RSETs,
//     Postfix slows down at 10 errors. A group is no larger than the errors that are left.
//   - "Too many recipients" (452 or 552, but to the first), a refused MAIL or RSET in a later transaction, a 421 and a lost
//     connection after some answer are the server's limits, not verdicts: the rest is asked in a new transaction or on a new connection.
//   - Some servers allow one recipient for the null sender, so there a recipient that was not accepted after another one is asked
//     again alone, unless the enhanced code blames the recipient or two were accepted. If nothing speaks for a limit the first reply is kept.
//   - One deadline, the context's, holds for all of it. Lines are bounded (2 KiB), so are a reply (100 lines) and what a session
//     receives (64 KiB, and 2 KiB for each answer).
package smtp

import (
	"context"
	"fmt"
	"net/netip"
	"time"
)

// Verdict is what a host says of one recipient from one sender.
type Verdict string

const (
	Accepted  Verdict = "accepted"
	Rejected  Verdict = "rejected"   // a permanent error about the recipient
	Deferred  Verdict = "deferred"   // a temporary error, in any phase
	Refused   Verdict = "refused"    // a permanent error about the probe: sender, policy, TLS, greeting
	NoVerdict Verdict = "no verdict" // unreachable, timeout, protocol error
)

// Phase is a step of the dialogue.
type Phase string

const (
	Connect  Phase = "connect"
	Greeting Phase = "greeting"
	Hello    Phase = "EHLO"
	LHello   Phase = "LHLO" // of LMTP
	StartTLS Phase = "STARTTLS"
	TLS      Phase = "TLS"
	Mail     Phase = "MAIL"
	Rcpt     Phase = "RCPT"
	Reset    Phase = "RSET"
	Quit     Phase = "QUIT"
)

// Security says how a connection uses TLS.
type Security string

const (
	None          Security = "none"
	Opportunistic Security = "opportunistic" // STARTTLS where it is offered; plain text if that fails and Verify is not set
	Required      Security = "required"      // STARTTLS
	Implicit      Security = "implicit"      // TLS before the greeting (RFC 8314)
)

// UnmarshalText accepts the four words.
func (s *Security) UnmarshalText(text []byte) error {
	switch v := Security(text); v {
	case None, Opportunistic, Required, Implicit:
		*s = v
		return nil
	}
	return fmt.Errorf("%q is not none, opportunistic, required or implicit", text)
}

// Probe is what one address is asked: each recipient from each sender. Addresses have passed CheckAddress, domains are A-labels.
type Probe struct {
	Host       string // the name or address that a certificate must bear
	Addr       netip.AddrPort
	Source     netip.Addr // local address; the zero value leaves the choice to the system
	Helo       string
	LMTP       bool
	TLS        Security
	Verify     bool     // the certificate must be good for Host
	Senders    []string // "" is the null sender
	Recipients []string
}

// Dialogue is what came of a Probe.
type Dialogue struct {
	Answers     [][]Answer    // by sender and recipient
	Time        time.Duration // from the connection to the last answer, without QUIT
	Connections int
	Unroutable  bool     // this host has no route for the address family or no such local address
	Record      []string // the first lines of the dialogue: "C: " the client, "S: " the server, "-- " a remark
	Unrecorded  int      // the number of further lines
}

// Answer is the verdict on one recipient from one sender and what it rests on.
type Answer struct {
	Verdict Verdict
	Phase   Phase  // the step that decided
	Reply   *Reply // nil if none decided
	Err     error  // why there is no verdict, or what failed in TLS
}

// Run holds the dialogue. It ends with the context, and at most 250 ms after the last answer.
func (p *Probe) Run(ctx context.Context) Dialogue {
	s := &session{ctx: ctx, probe: p, security: p.TLS, left: sessionBytes + lineBytes*len(p.Senders)*len(p.Recipients)}
	start := time.Now()
	for _, sender := range p.Senders {
		s.out.Answers = append(s.out.Answers, s.ask(sender))
	}
	s.leave()
	s.out.Time = time.Since(start) - s.quitting
	return s.out
}

// decide classifies a reply by its phase, code and enhanced code (RFC 5321 4.2, RFC 3463, RFC 7504).
func decide(phase Phase, r *Reply) *Answer {
	a := &Answer{Verdict: NoVerdict, Phase: phase, Reply: r}
	switch r.Code / 100 {
	case 2:
		a.Verdict = Accepted
	case 4:
		a.Verdict = Deferred
	case 5:
		a.Verdict = Refused
		if phase == Rcpt && Subject(phase, r) == "recipient" {
			a.Verdict = Rejected
		}
	default:
		a.Err = fmt.Errorf("unexpected reply %d", r.Code)
	}
	return a
}

// Subject names what a reply that is no acceptance is about: "recipient", "sender", "policy", "protocol", or "host" before MAIL.
// 5.7.1 may be about the recipient too; it counts as policy.
func Subject(phase Phase, r *Reply) string {
	class, detail := r.status()
	switch {
	case class == 7, r.Code == 530, r.Code == 535, r.Code == 538:
		return "policy"
	case phase != Mail && phase != Rcpt:
		return "host"
	case class == 1 && (detail == 7 || detail == 8):
		return "sender"
	case r.Code == 500, r.Code == 502, r.Code == 503, r.Code == 504, r.Code == 555:
		return "protocol"
	case phase == Mail:
		return "sender"
	}
	return "recipient"
}
