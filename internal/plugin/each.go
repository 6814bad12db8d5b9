package plugin

import (
	"context"
	"time"
)

// Each calls f(0) .. f(n-1), at most limit at a time, and waits for all. A panic in f is raised
// again in the caller, so that the plugin reports it. A check starts goroutines only by Each,
// [EachObject] and [Gather].
func Each(n, limit int, f func(i int)) {
	EachObject(n, limit, f, func(_ int, bug error) { panic(bug) })
}

// EachObject is Each for independent objects: a panic in f(i) does not end the check, but is given
// to failed, after all calls, as an error that names its place.
func EachObject(n, limit int, f func(i int), failed func(i int, bug error)) {
	call := func(i int) (none struct{}, err error) {
		f(i)
		return none, nil
	}
	for i, o := range Gather(context.Background(), n, limit, call) {
		if o.Err != nil {
			failed(i, o.Err)
		}
	}
}

// Part returns a context for an optional part of the check: at most 2 s, and at most half of the
// time that is left, so that a part that hangs leaves time for the others.
func Part(ctx context.Context) (context.Context, context.CancelFunc) {
	span := 2 * time.Second
	if deadline, ok := ctx.Deadline(); ok {
		span = min(span, time.Until(deadline)/2)
	}
	return context.WithTimeout(ctx, span)
}
