package smtp

import "strings"

const (
	textBytes     = 2048      // of one reply
	acceptedBytes = 32 * 1024 // of different replies that accept
	otherBytes    = 1 << 20   // of different replies that do not
)

// texts keeps replies once each, and in bounds: where all differ, those that accept cannot take the
// room of those that do not. Beyond the bounds code and enhanced code are kept.
type texts struct {
	kept                 map[Reply]*Reply
	forAccepted, forRest int // bytes that are left
}

func newTexts() texts {
	return texts{kept: map[Reply]*Reply{}, forAccepted: acceptedBytes, forRest: otherBytes}
}

func (t *texts) keep(r *Reply) *Reply {
	if r == nil {
		return nil
	}
	short := *r
	if len(short.Text) > textBytes {
		short.Text = strings.ToValidUTF8(short.Text[:textBytes], "") + "..."
	}
	room := &t.forRest
	if r.Code/100 == 2 {
		room = &t.forAccepted
	}
	if old := t.kept[short]; old != nil {
		return old
	}
	if *room -= len(short.Text); *room < 0 {
		short.Text = ""
		if old := t.kept[short]; old != nil {
			return old
		}
	}
	short.Text = strings.Clone(short.Text)
	t.kept[short] = &short
	return &short
}
