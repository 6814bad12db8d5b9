package smtp

import (
	"cmp"
	"strings"
)

// evidence decides whether a reply that does not accept is about the recipient. It is, if the
// server had no other reason that shows in the session: no earlier failure on the connection
// that it may punish, no other recipient of the transaction where it may allow one to the null
// sender, no end of the connection behind it. Else it is if its enhanced code names the
// recipient, or if the same reply was evidence before.
type evidence struct {
	several bool           // the sender was granted two recipients of a transaction
	known   map[Reply]bool // replies that were evidence, as alike gives them
}

// doubt is a reply that is no acceptance, and what went before it.
type doubt struct {
	index    int // of the recipient
	reply    *Reply
	failures int  // recipients not accepted before it on the connection
	asked    int  // recipients asked before it on the connection
	position int  // in its transaction
	hungUp   bool // the server ended the connection after it
	tries    int  // so often it was asked again
}

// granted notes how many recipients a transaction was granted.
func (e *evidence) granted(said []*Reply) {
	n := 0
	for _, r := range said {
		if r.Code/100 == 2 {
			n++
		}
	}
	e.several = e.several || n > 1
}

// against reports whether the reply is evidence against the recipient.
func (e *evidence) against(rcpt string, x doubt) bool {
	lastWord := x.hungUp && x.asked > 0
	clean := x.failures == 0 && (e.several || x.position == 0) && !lastWord
	if clean {
		e.believe(rcpt, x.reply)
	}
	return clean || x.reply.namesRecipient() && !lastWord ||
		e.known[alike(x.reply, rcpt)]
}

// confirms reports whether the reply x to a recipient that was asked again in a transaction of
// its own confirms the first one, which only the limit of the null sender could explain. Another
// text may be that of a callout's cache, unless the server had more to punish than the first
// reply.
func (e *evidence) confirms(rcpt string, first *doubt, x doubt) bool {
	if first == nil || !first.unpunished() || !sameVerdict(first.reply, x.reply) {
		return false
	}
	if alike(first.reply, rcpt) == alike(x.reply, rcpt) {
		e.believe(rcpt, x.reply)
		return true
	}
	return x.failures <= 1 && !x.hungUp
}

// believe notes a reply that is evidence.
func (e *evidence) believe(rcpt string, r *Reply) { e.known[alike(r, rcpt)] = true }

// sameVerdict reports whether two replies mean the same, but for their text.
func sameVerdict(a, b *Reply) bool {
	return decide(Rcpt, a).Verdict == decide(Rcpt, b).Verdict && a.Enhanced == b.Enhanced
}

// unpunished reports whether nothing went before the reply that a server may punish.
func (x doubt) unpunished() bool { return x.failures == 0 && !x.hungUp }

// outcome is the answer where the recipient cannot be asked again, for the reason given.
func (x doubt) outcome(why *Answer) Answer {
	if x.unpunished() {
		return decide(Rcpt, x.reply)
	}
	return *why
}

// alike is a reply without what differs from recipient to recipient: the address, and numbers, such
// as the seconds of a greylist.
func alike(r *Reply, rcpt string) Reply {
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
