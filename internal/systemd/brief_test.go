package systemd

import (
	"context"
	"errors"
	"testing"
	"time"
)

// readBrief collects what ReadBrief hands over.
func readBrief(ctx context.Context, c *Conn, names []string) (pairs []Pair, err error) {
	err = c.ReadBrief(ctx, names, func(p Pair) { pairs = append(pairs, p) })
	return pairs, err
}

// When the time is up no timer that is still to be read takes more of it.
func TestReadBriefLate(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	c := dial(t, ctx, "[a.timer]\n[b.timer]\n")
	cancel()
	pairs, err := readBrief(ctx, c, []string{"a.timer", "b.timer"})
	if len(pairs) != 2 || pairs[1].Timer.Name != "b.timer" || !errors.Is(err, context.Canceled) ||
		!errors.Is(pairs[1].Err, context.Canceled) {
		t.Errorf("ReadBrief = %+v, %v; want two timers that were not read", pairs, err)
	}
}
