package plugin

import (
	"context"
	"sync"
	"time"
)

// Each calls f(0) .. f(n-1), at most limit at a time, and waits for all. A
// panic in one of them is raised again in the caller, where the frame says
// it. Goroutines of a check are started here and nowhere else.
func Each(n, limit int, f func(i int)) {
	var (
		wait  sync.WaitGroup
		first sync.Once
		bug   any
		slots = make(chan struct{}, max(limit, 1))
	)
	for i := range n {
		slots <- struct{}{}
		wait.Add(1)
		go func() {
			defer wait.Done()
			defer func() { <-slots }()
			defer func() {
				if p := recover(); p != nil {
					first.Do(func() { bug = crash(p) })
				}
			}()
			f(i)
		}()
	}
	wait.Wait()
	if bug != nil {
		panic(bug)
	}
}

// EachObject is Each for objects that have nothing to do with each other: the panic of one is its
// own, and failed gets it as an error that says where it was.
func EachObject(n, limit int, f func(i int), failed func(i int, bug error)) {
	Each(n, limit, func(i int) {
		defer func() {
			if p := recover(); p != nil {
				failed(i, crash(p))
			}
		}()
		f(i)
	})
}

// Part is the context of a part of the check that the rest can do without: at
// most 2 s, and at most half of the time that is left, so that a part that
// hangs takes nothing from the others.
func Part(ctx context.Context) (context.Context, context.CancelFunc) {
	span := 2 * time.Second
	if deadline, ok := ctx.Deadline(); ok {
		span = min(span, time.Until(deadline)/2)
	}
	return context.WithTimeout(ctx, span)
}
