package smtp

import (
	"fmt"
	"net/netip"
	"strings"
	"unicode"
)

// Subject is what a reply that is no success is about.
type Subject string

const (
	AboutRecipient Subject = "recipient"
	AboutSender    Subject = "sender"
	// about the probe, or about the recipient: see inquiry.settle
	AboutPolicy   Subject = "policy"
	AboutAccess   Subject = "access"   // TLS or a login is wanted
	AboutProtocol Subject = "protocol" // a command was not understood
	AboutHost     Subject = "host"
)

// decide gives the verdict of a reply by its phase, code and enhanced code (RFC 5321 4.2, RFC 3463,
// RFC 7504).
func decide(phase Phase, r *Reply) Answer {
	a := Answer{Phase: phase, Reply: r}
	switch r.Code / 100 {
	case 2:
		a.Verdict = Accepted
	case 4:
		a.Verdict = Deferred
	case 5:
		a.Verdict = Refused
		if phase == Rcpt && SubjectOf(phase, r) == AboutRecipient {
			a.Verdict = Rejected
		}
	default:
		a.Err = fmt.Errorf("unexpected reply %d", r.Code)
	}
	return a
}

// refusal is the answer of a reply that ends more than one recipient.
func refusal(phase Phase, r *Reply) *Answer {
	a := decide(phase, r)
	return &a
}

// SubjectOf says what a reply that is no success is about. Before MAIL it is never the recipient.
func SubjectOf(phase Phase, r *Reply) Subject {
	class, detail := r.status()
	switch {
	case r.Code == 530, r.Code == 535, r.Code == 538:
		return AboutAccess
	case class == 7, r.Code == 571 && r.Enhanced == "": // 571 is the 5.7.1 of before RFC 3463
		return AboutPolicy
	case phase != Mail && phase != Rcpt, class == 3, r.Code == 521: // RFC 7504: takes no mail
		return AboutHost
	case class == 1 && (detail == 7 || detail == 8):
		return AboutSender
	case r.Code == 500, r.Code == 502, r.Code == 503, r.Code == 504, r.Code == 555:
		return AboutProtocol
	case phase == Mail:
		return AboutSender
	}
	return AboutRecipient
}

// namesRecipient reports whether the enhanced code of a reply to RCPT says that it is about the
// recipient: x.1.y, x.2.y, and 5.4.1, which is Exchange's for an unknown user.
func (r *Reply) namesRecipient() bool {
	class, detail := r.status()
	ours := class == 1 || class == 2 || class == 4 && detail == 1 && r.Code/100 == 5
	return ours && SubjectOf(Rcpt, r) == AboutRecipient
}

// names reports whether the reply has the recipient's address in its text.
func (r *Reply) names(rcpt string) bool {
	return r.Recipient != "" ||
		strings.Contains(strings.ToLower(r.Text), strings.ToLower(rcpt))
}

// namesProbe reports whether the reply has in its text what is the probe's and not the recipient's:
// an IP address, which is the client's, the name for EHLO, or the sender.
func (r *Reply) namesProbe(helo, sender string) bool {
	outside := func(c rune) bool {
		return c != '.' && c != ':' && c != '-' && !unicode.IsLetter(c) && !unicode.IsDigit(c)
	}
	for _, word := range strings.FieldsFunc(r.Likeness(), outside) {
		word = strings.Trim(word, ".")
		ip, err := netip.ParseAddr(strings.TrimPrefix(word, "IPv6:"))
		if err == nil && !ip.IsUnspecified() || strings.EqualFold(word, helo) {
			return true
		}
	}
	return r.NamesSender(sender)
}

// NamesSender reports whether the reply has the sender in its text, in brackets, as Postfix says
// it: "<a@example.net>: Sender address rejected".
func (r *Reply) NamesSender(sender string) bool {
	return strings.Contains(strings.ToLower(r.Likeness()), "<"+strings.ToLower(sender)+">")
}

// tooMany reports whether r may mean that a transaction has all the recipients it can get (RFC 5321
// 4.5.3.1.10).
func (r *Reply) tooMany() bool {
	class, detail := r.status()
	return (r.Code == 452 || r.Code == 552) && (r.Enhanced == "" || class == 5 && detail == 3)
}

// ambiguous reports whether r to RCPT is a policy that may be about the recipient. 5.7.20 to 5.7.29
// are SPF, DKIM, DMARC and reverse DNS (RFC 7372, RFC 7489): always about the probe.
func (r *Reply) ambiguous() bool {
	_, detail := r.status()
	return r.Code/100 == 5 && SubjectOf(Rcpt, r) == AboutPolicy && (detail < 20 || detail > 29)
}
