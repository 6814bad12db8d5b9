package smtp

import (
	"cmp"
	"strings"
)

// evidence decides whether a negative reply to RCPT is about the recipient. It is if the session
// shows no other possible reason:
//   - an earlier negative reply on the connection, which the server may punish,
//   - an earlier recipient of the transaction, if the null sender may have only one,
//   - the end of the connection after the reply, if earlier recipients had a reply on it.
//
// Otherwise it is if its enhanced code is about the recipient and the connection did not end so, or
// if the same reply was about the recipient before.
type evidence struct {
	several bool           // the sender may have several recipients in a transaction
	known   map[Reply]bool // normalized replies that are about the recipient
}

// negativeReply is a negative reply to RCPT, with what happened before it.
type negativeReply struct {
	index    int // of the recipient
	reply    *Reply
	failures int  // earlier negative replies on the connection
	asked    int  // earlier recipients with a reply on the connection
	position int  // of the recipient in its transaction, from 0
	hungUp   bool // the server closed the connection after the reply
	retries  int  // how often the client has asked again
}

// learn notes whether a transaction shows that the sender may have several recipients.
func (e *evidence) learn(replies []*Reply) {
	n := 0
	for _, r := range replies {
		if r.Code/100 == 2 {
			n++
		}
	}
	e.several = e.several || n > 1
}

// isAboutRecipient reports whether the reply x is about the recipient. It remembers x if there is
// no other possible reason.
func (e *evidence) isAboutRecipient(rcpt string, x negativeReply) bool {
	last := x.hungUp && x.asked > 0
	clean := x.failures == 0 && (e.several || x.position == 0) && !last
	if clean {
		e.believe(rcpt, x.reply)
	}
	return clean || x.reply.namesRecipient() && !last || e.known[normalize(x.reply, rcpt)]
}

// confirms reports whether x, the reply when the client asked again in a new transaction, shows
// that the first reply is about the recipient. This is so only if the first reply could have no
// other reason than that the null sender may have one recipient. The texts may differ, because x
// may come from the server's cache of callouts, but only if nothing else happened before x.
func (e *evidence) confirms(rcpt string, first *negativeReply, x negativeReply) bool {
	if first == nil || !first.unpunished() || !sameVerdict(first.reply, x.reply) {
		return false
	}
	if normalize(first.reply, rcpt) == normalize(x.reply, rcpt) {
		e.believe(rcpt, x.reply)
		return true
	}
	return x.failures <= 1 && !x.hungUp
}

// believe notes that a reply is about the recipient.
func (e *evidence) believe(rcpt string, r *Reply) { e.known[normalize(r, rcpt)] = true }

// sameVerdict reports whether the replies have the same verdict and enhanced code.
func sameVerdict(a, b *Reply) bool {
	return decide(Rcpt, a).Verdict == decide(Rcpt, b).Verdict && a.Enhanced == b.Enhanced
}

// unpunished reports whether the reply is no punishment: no negative reply came before it, and the
// server did not close the connection.
func (x negativeReply) unpunished() bool { return x.failures == 0 && !x.hungUp }

// answer returns the answer if the client cannot ask again: the reply, or why not.
func (x negativeReply) answer(why *Answer) Answer {
	if x.unpunished() {
		return decide(Rcpt, x.reply)
	}
	return *why
}

// normalize returns the reply in lower case, with NUL for the recipient's address and 0 for each
// number, such as the seconds of a greylist.
func normalize(r *Reply, rcpt string) Reply {
	address := strings.ToLower(cmp.Or(r.Recipient, rcpt))
	text := strings.ReplaceAll(strings.ToLower(r.Text), address, "\x00")
	var b strings.Builder
	b.Grow(len(text))
	digits := false
	for _, c := range []byte(text) {
		digit := c >= '0' && c <= '9'
		if !digit {
			b.WriteByte(c)
		} else if !digits {
			b.WriteByte('0')
		}
		digits = digit
	}
	return Reply{Code: r.Code, Enhanced: r.Enhanced, Text: b.String()}
}
