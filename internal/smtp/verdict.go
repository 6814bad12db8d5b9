package smtp

import (
	"fmt"
	"net/netip"
	"strings"
	"unicode"
)

// Subject is what a negative reply is about.
type Subject string

const (
	AboutRecipient Subject = "recipient"
	AboutSender    Subject = "sender"
	AboutPolicy    Subject = "policy"   // of the probe or the recipient: see decidePolicies
	AboutAccess    Subject = "access"   // the server wants TLS or a login
	AboutProtocol  Subject = "protocol" // the server did not understand a command
	AboutHost      Subject = "host"
)

// negative reports whether r is not a success: its code is not 2xx.
func negative(r *Reply) bool { return r.Code/100 != 2 }

// decide returns the verdict of a reply from phase, code and enhanced code (RFC 5321 4.2, RFC 3463,
// RFC 7504).
func decide(phase Phase, r *Reply) Answer {
	a := Answer{Phase: phase, Reply: r}
	switch r.Code / 100 {
	case 2:
		a.Verdict = Accepted
	case 4:
		a.Verdict = Deferred
	case 5:
		a.Verdict = ProbeRefused
		if phase == Rcpt && SubjectOf(phase, r) == AboutRecipient {
			a.Verdict = Rejected
		}
	default:
		a.Err = fmt.Errorf("unexpected reply %d", r.Code)
	}
	return a
}

// refusal returns the answer for all recipients that a negative reply concerns.
func refusal(phase Phase, r *Reply) *Answer {
	a := decide(phase, r)
	return &a
}

// SubjectOf returns what a negative reply is about. Only a reply to MAIL or RCPT can be about the
// sender or the recipient.
func SubjectOf(phase Phase, r *Reply) Subject {
	subject, detail := r.status()
	switch {
	case r.Code == 530, r.Code == 535, r.Code == 538:
		return AboutAccess
	case subject == 7, r.Code == 571 && r.Enhanced == "": // 571 is older than 5.7.1
		return AboutPolicy
	case phase != Mail && phase != Rcpt, subject == 3, r.Code == 521: // RFC 7504: accepts no mail
		return AboutHost
	case subject == 1 && (detail == 7 || detail == 8):
		return AboutSender
	case r.Code == 500, r.Code == 502, r.Code == 503, r.Code == 504, r.Code == 555:
		return AboutProtocol
	case phase == Mail:
		return AboutSender
	}
	return AboutRecipient
}

// namesRecipient reports whether the enhanced code of a reply to RCPT is about the recipient:
// x.1.y, x.2.y, and 5.4.1, by which Exchange means an unknown user.
func (r *Reply) namesRecipient() bool {
	subject, detail := r.status()
	named := subject == 1 || subject == 2 || subject == 4 && detail == 1 && r.Code/100 == 5
	return named && SubjectOf(Rcpt, r) == AboutRecipient
}

// names reports whether the text has the recipient's address.
func (r *Reply) names(rcpt string) bool {
	return r.Recipient != "" ||
		strings.Contains(strings.ToLower(r.Text), strings.ToLower(rcpt))
}

// namesProbe reports whether the text has an IP address, which is then the client's, the name for
// EHLO, or the sender.
func (r *Reply) namesProbe(helo, sender string) bool {
	outside := func(c rune) bool {
		return c != '.' && c != ':' && c != '-' && !unicode.IsLetter(c) && !unicode.IsDigit(c)
	}
	for _, word := range strings.FieldsFunc(r.Template(), outside) {
		word = strings.Trim(word, ".")
		ip, err := netip.ParseAddr(strings.TrimPrefix(word, "IPv6:"))
		if err == nil && !ip.IsUnspecified() || strings.EqualFold(word, helo) {
			return true
		}
	}
	return r.NamesSender(sender)
}

// NamesSender reports whether the text has the sender in brackets, as Postfix writes it:
// "<a@example.net>: Sender address rejected".
func (r *Reply) NamesSender(sender string) bool {
	return strings.Contains(strings.ToLower(r.Template()), "<"+strings.ToLower(sender)+">")
}

// tooMany reports whether r may mean that the transaction has too many recipients: 452, 552 (RFC
// 5321 4.5.3.1.10), or x.5.3 with any code (RFC 3463 3.6), as mailfront's "550 5.5.3".
func (r *Reply) tooMany() bool {
	subject, detail := r.status()
	return subject == 5 && detail == 3 || r.Enhanced == "" && (r.Code == 452 || r.Code == 552)
}

// ambiguous reports whether r is a 5.7.x reply to RCPT that may be about the recipient. 5.7.20 to
// 5.7.29 are about the probe: DKIM, SPF, reverse DNS, ARC (RFC 7372, RFC 7505, RFC 8617).
func (r *Reply) ambiguous() bool {
	_, detail := r.status()
	return r.Code/100 == 5 && SubjectOf(Rcpt, r) == AboutPolicy && (detail < 20 || detail > 29)
}
