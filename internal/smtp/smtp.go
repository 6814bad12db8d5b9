// Package smtp asks one mail server for recipients, by SMTP (RFC 5321) or LMTP (RFC 2033).
//
// A dialogue is: greeting, EHLO (HELO if the server refuses EHLO with 5xx; LHLO for LMTP), STARTTLS
// and EHLO again (RFC 3207), transactions of MAIL and RCPT with RSET between them, QUIT. The client
// cannot send a message: it does not know the commands.
//
//   - A verdict depends on the phase, the code and the enhanced code (RFC 3463) of a reply. The
//     text only decides whether 5.7.x is about the probe, and whether two replies are the same.
//   - The wanted recipients come first. The controls, which the server must refuse, have their own
//     connections: a server may punish a client that asks for unknown recipients, and this must not
//     change the verdict on a wanted recipient.
//   - A negative reply (not 2xx) to RCPT is the verdict if it is about the recipient (see
//     evidence). Otherwise the client asks for this recipient again, if need be on a new
//     connection, before it goes on.
//   - 5.7.x to RCPT may be about the recipient or about the probe. It is about the recipient if the
//     server accepts another recipient from this sender on this connection, or <postmaster>, which
//     every server must accept (RFC 5321 4.5.1). But Postfix accepts <postmaster> even from a
//     client that it refuses. Its 5.7.x reply then names the client's address, the name for EHLO or
//     the sender, so after such a reply <postmaster> proves nothing.
//   - With PIPELINING (RFC 2920) the client sends RSET, MAIL and at most 8 RCPT as one group. This
//     is less than 3 KiB, so a TCP window does not fill up. Groups are small at first, after a
//     negative reply and while the server is slow (see pace). Without PIPELINING it sends single
//     commands.
//   - The client leaves a connection after three negative replies to RCPT (see limits for
//     exceptions), before a server punishes it.
//   - The client reads every reply, in order. A reply without a command is a protocol error.
//   - The context's deadline limits the whole dialogue. The client accepts lines of 2 KiB, replies
//     of 100 lines, and on one connection 64 KiB and 2 KiB for each command.
package smtp

import (
	"fmt"
	"net/netip"
	"time"
)

// Verdict is a server's decision on one recipient from one sender.
type Verdict uint8

const (
	NoAnswer Verdict = iota // unreachable, timeout, protocol error
	Accepted
	Rejected     // a permanent error about the recipient
	Deferred     // a temporary error, in any phase
	ProbeRefused // a permanent error about the probe: its sender, policy, TLS, greeting
)

// Verdicts has all verdicts, in the order of the performance data.
var Verdicts = [...]Verdict{Accepted, Rejected, Deferred, ProbeRefused, NoAnswer}

// String returns the word for the output.
func (v Verdict) String() string {
	return [...]string{"no answer", "accepted", "rejected", "deferred", "probe refused"}[v]
}

// Phase is a step of the dialogue.
type Phase uint8

const (
	Connect Phase = iota
	Greeting
	Hello
	LHello // EHLO of LMTP
	StartTLS
	TLS
	Mail
	Rcpt
	Reset
)

// String returns the command, or a word for a phase without a command.
func (p Phase) String() string {
	return [...]string{"connect", "greeting", "EHLO", "LHLO", "STARTTLS", "TLS", "MAIL", "RCPT",
		"RSET"}[p]
}

// Security says how a connection uses TLS.
type Security string

const (
	None          Security = "none"
	Opportunistic Security = "opportunistic" // STARTTLS if offered; plain text if that fails
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

// Probe says what to ask one server: each recipient and each control, from each sender.
// CheckAddress must accept every address, and domains must be A-labels.
type Probe struct {
	Addr       netip.AddrPort
	Problem    string     // why Addr has no address: then this is the reason of all answers
	Source     netip.Addr // local address; if zero, the system chooses it
	Helo       string     // name for EHLO; if "", the local address in brackets (RFC 5321 4.1.3)
	LMTP       bool
	TLS        Security
	TLSName    string   // for SNI and Verify
	Verify     bool     // the certificate must be valid for TLSName; no plain text if TLS fails
	Senders    []string // "" is the null sender
	Recipients []string // the server should accept them
	Controls   []string // the server must refuse them
}

// Dialogue is the result of Probe.Run.
type Dialogue struct {
	Answers     [][]Answer    // [sender][recipient]
	Controls    [][]Answer    // [sender][control]
	Time        time.Duration // connecting and replies, without controls and QUIT; see pace
	Connections int
	Unroutable  bool      // this host has no route to the server, or not the Source address
	Expires     time.Time // first expiry of the server's certificates; zero without TLS
	TLSFailed   error     // why the dialogue is in plain text although the server offers STARTTLS
	Record      []string  // "C: " by the client, "S: " by the server, "-- " a remark; see record
}

// Answer is the verdict on one recipient from one sender, with its reason.
type Answer struct {
	Verdict Verdict
	Phase   Phase // the step that decided

	// PostmasterOnly: a 5.7.x reply that names neither the recipient nor the probe became Rejected
	// because the server accepts <postmaster>.
	PostmasterOnly bool

	Reply *Reply // nil if no reply decided; several answers may have the same pointer
	Err   error  // why no reply decided, or what is wrong with Reply
}

// NotAsked reports whether the time was up before the server could be asked.
func (a *Answer) NotAsked() bool { return a.Err == errNotAsked }
