package smtp

import "strings"

const (
	textBytes     = 2048      // of one reply
	acceptedBytes = 32 * 1024 // of different replies that accept
	otherBytes    = 1 << 20   // of different replies that do not
)

// texts keeps replies to RCPT once each, and in bounds: where all differ, those that accept cannot
// take the room of those that do not. Beyond the bounds code and enhanced code are kept.
type texts struct {
	kept                 map[Reply]*Reply // by their likeness
	lastKey              Reply
	last                 *Reply
	forAccepted, forRest int // bytes that are left
}

func newTexts() texts {
	return texts{kept: map[Reply]*Reply{}, forAccepted: acceptedBytes, forRest: otherBytes}
}

// keep gives the kept reply that is like r, or keeps it.
func (t *texts) keep(r *Reply, rcpt string) *Reply {
	short := *r
	if len(short.Text) > textBytes {
		short.Text = strings.ToValidUTF8(short.Text[:textBytes], "") + "..."
	}
	if strings.Contains(short.Text, rcpt) {
		short.Recipient = rcpt
	}
	key := Reply{Code: r.Code, Enhanced: r.Enhanced, Text: short.Likeness()}
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
