package smtp

import "strings"

const (
	textBytes     = 2048      // of one reply
	acceptedBytes = 32 * 1024 // of all positive replies
	otherBytes    = 1 << 20   // of all negative replies
)

// texts keeps each different reply to RCPT once. Positive and negative replies have separate limits
// of bytes. Beyond the limit, texts keeps only code and enhanced code.
type texts struct {
	kept                 map[Reply]*Reply // the key has Template as Text, and no Recipient
	lastKey              Reply            // of the last call
	last                 *Reply
	forAccepted, forRest int // bytes left
}

func newTexts() texts {
	return texts{kept: map[Reply]*Reply{}, forAccepted: acceptedBytes, forRest: otherBytes}
}

// keep returns the kept reply with the same template as r. If there is none, it keeps r.
func (t *texts) keep(r *Reply, rcpt string) *Reply {
	short := *r
	if len(short.Text) > textBytes {
		short.Text = strings.ToValidUTF8(short.Text[:textBytes], "") + "..."
	}
	if strings.Contains(short.Text, rcpt) {
		short.Recipient = rcpt
	}
	key := Reply{Code: r.Code, Enhanced: r.Enhanced, Text: short.Template()}
	if t.last == nil || t.lastKey != key {
		t.lastKey, t.last = key, t.find(key, short)
	}
	return t.last
}

func (t *texts) find(key, short Reply) *Reply {
	if old := t.kept[key]; old != nil {
		return old
	}
	room := &t.forRest
	if short.Code/100 == 2 {
		room = &t.forAccepted
	}
	if *room -= len(short.Text); *room < 0 {
		key.Text, short.Text, short.Recipient = "", "", ""
		if old := t.kept[key]; old != nil {
			return old
		}
	}
	short.Text = strings.Clone(short.Text)
	t.kept[key] = &short
	return &short
}
