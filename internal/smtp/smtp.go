// Package smtp holds one dialogue of SMTP (RFC 5321) or LMTP (RFC 2033) as far as the recipients.
//
// The dialogue is: greeting, EHLO (HELO where EHLO is refused with a 5xx; LHLO), STARTTLS and EHLO
// again (RFC 3207), then transactions of MAIL and RCPT that are ended by RSET, and QUIT. No message
// is ever sent: the client does not know the commands.
//
//   - A reply is decided by its phase, its code and its enhanced code (RFC 3463), never by its
//     text.
//   - The wanted recipients are asked first. The controls, which the server must refuse, are asked
//     on connections of their own, so that what a server does to a client that asks for unknown
//     recipients does not fall on the wanted ones.
//   - A rejection counts where it is about the recipient (see evidence); else the recipient is
//     asked again on a new connection before anything else is.
//   - 5.7.x to RCPT may be about the recipient or about the probe. It is about the recipient if the
//     server accepts another one from that sender on that connection, or <postmaster>, which every
//     server must accept (RFC 5321 4.5.1). Postfix accepts <postmaster> also from a client that it
//     refuses, but names the client then: its address, its name for EHLO or the sender.
//   - Where PIPELINING (RFC 2920) is offered, RSET, MAIL and at most 8 RCPT are sent as a group,
//     which is under 3 KiB, so no window fills; else one command at a time. Groups are small at
//     first, after a failure and while the server is slow (see pace). A connection is left after
//     three failures, or fewer where the server slows down behind them. Every reply is read, in
//     order; one that nobody asked for is a protocol error.
//   - One deadline, the context's, holds for all of it. Lines are bounded (2 KiB), so are a reply
//     (100 lines) and what a connection receives (64 KiB, and 2 KiB for each command).
package smtp

import (
	"fmt"
	"net/netip"
	"time"
)

// Verdict is what a host says of one recipient from one sender.
type Verdict uint8

const (
	NoAnswer Verdict = iota // unreachable, timeout, protocol error
	Accepted
	Rejected // a permanent error about the recipient
	Deferred // a temporary error, in any phase
	Refused  // a permanent error about the probe: its sender, policy, TLS, greeting
)

// Verdicts are all of them, in the order in which they are counted.
var Verdicts = [...]Verdict{Accepted, Rejected, Deferred, Refused, NoAnswer}

// String gives the word for people.
func (v Verdict) String() string {
	return [...]string{"no answer", "accepted", "rejected", "deferred", "probe refused"}[v]
}

// Phase is a step of the dialogue.
type Phase uint8

const (
	Connect Phase = iota
	Greeting
	Hello
	LHello // of LMTP
	StartTLS
	TLS
	Mail
	Rcpt
	Reset
)

// String gives the phase as people and RFC 5321 call it.
func (p Phase) String() string {
	return [...]string{"connect", "greeting", "EHLO", "LHLO", "STARTTLS", "TLS", "MAIL", "RCPT",
		"RSET"}[p]
}

// Security says how a connection uses TLS.
type Security string

const (
	None          Security = "none"
	Opportunistic Security = "opportunistic" // STARTTLS where offered; plain text if that fails
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

// Probe is what one address is asked: each recipient and each control from each sender. Addresses
// have passed CheckAddress, domains are A-labels.
type Probe struct {
	Addr       netip.AddrPort
	Source     netip.Addr // local address; the zero value leaves the choice to the system
	Helo       string     // "" is the address literal of the connection (RFC 5321 4.1.3)
	LMTP       bool
	TLS        Security
	TLSName    string   // SNI, and what the certificate must be for
	Verify     bool     // the certificate must be good for TLSName; no plain text if TLS fails
	Senders    []string // "" is the null sender
	Recipients []string // wanted
	Controls   []string // must be refused
}

// Dialogue is what came of a Probe.
type Dialogue struct {
	Answers     [][]Answer    // by sender and recipient
	Controls    [][]Answer    // by sender and control
	Time        time.Duration // to the last answer about a recipient; see clock
	Connections int
	Unroutable  bool      // this host has no route for the address family or no such local address
	Expires     time.Time // of the certificate; zero without TLS
	TLSFailed   error     // the handshake that failed before the dialogue went on in plain text
	Record      []string  // "C: " the client, "S: " the server, "-- " a remark; see record
}

// Answer is the verdict on one recipient from one sender and what it rests on.
type Answer struct {
	Verdict Verdict
	Phase   Phase // the step that decided

	// PostmasterOnly: the reply is by policy and names neither the recipient nor the probe. It
	// counts against the recipient as the server accepts <postmaster>.
	PostmasterOnly bool

	Reply *Reply // nil if none decided; alike replies may be one
	Err   error  // why there is no reply that decides
}
