package plugin

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A call that hangs, fails or panics costs its own outcome alone.
func TestGather(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		failure, began := errors.New("failure"), time.Now()
		got := Gather(ctx, 6, 4, func(i int) (string, error) {
			switch i {
			case 1:
				time.Sleep(time.Minute) // as a file on a server that does not answer
			case 2:
				panic("a bug")
			case 3:
				return "", failure
			}
			time.Sleep(time.Second)
			return "seen", nil
		})
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("Gather took %s; want 3s", took)
		}
		for _, i := range []int{0, 4, 5} {
			if got[i] != (Outcome[string]{Value: "seen"}) {
				t.Errorf("Gather: %d: %+v; want that it was seen", i, got[i])
			}
		}
		if !Late(got[1].Err) || got[1].Value != "" {
			t.Errorf("Gather: one that hangs: %+v; want the error of the time", got[1])
		}
		if err := got[2].Err; err == nil || !strings.Contains(err.Error(), "a bug") {
			t.Errorf("Gather: one that panics: %v", err)
		}
		if !errors.Is(got[3].Err, failure) {
			t.Errorf("Gather: one that fails: %v", got[3].Err)
		}
		time.Sleep(time.Minute) // until the one that hangs ends
	})
}

// What waits for its turn when the time is up is not begun.
func TestGatherInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
		defer cancel()
		var begun, atOnce, most atomic.Int32
		got := Gather(ctx, 10, 2, func(int) (bool, error) {
			begun.Add(1)
			most.Store(max(most.Load(), atOnce.Add(1)))
			defer atOnce.Add(-1)
			time.Sleep(time.Second)
			return true, nil
		})
		time.Sleep(time.Minute)
		if begun.Load() != 6 || most.Load() != 2 {
			t.Errorf("%d calls, %d at once; want 6 and 2", begun.Load(), most.Load())
		}
		for i, o := range got {
			if o.Value != (i < 4) || Late(o.Err) != (i >= 4) {
				t.Errorf("%d: %+v; want seen %t", i, o, i < 4)
			}
		}
	})
}

// untilLast is a context that ends when the last call has begun; who waits for its end waits for
// that, too.
type untilLast struct {
	context.Context
	begun chan struct{}
}

func (c untilLast) Done() <-chan struct{} {
	<-c.begun
	return c.begun
}

// What has ended when the time is up is seen, even if nobody looked at it before.
func TestGatherSeesWhatHasEnded(t *testing.T) {
	for range 20 {
		ctx, end := untilLast{t.Context(), make(chan struct{})}, make(chan struct{})
		got := Gather(ctx, 3, 0, func(i int) (bool, error) { // 0 at a time: one at a time
			if i == 2 {
				close(ctx.begun)
				<-end
			}
			return true, nil
		})
		close(end)
		for i, o := range got {
			if o.Value != (i < 2) || Late(o.Err) != (i == 2) {
				t.Fatalf("%d: %+v; want seen %t", i, o, i < 2)
			}
		}
	}
}
