package plugin

import (
	"context"
	"errors"
	"slices"
)

// Outcome is the result of one call: a value or an error.
type Outcome[T any] struct {
	Value T
	Err   error
}

// try calls f. A panic becomes the error of the call.
func try[T any](f func() (T, error)) (o Outcome[T]) {
	defer func() {
		if p := recover(); p != nil {
			o.Err = crash(p)
		}
	}()
	o.Value, o.Err = f()
	return o
}

// timeUp is the cause with which a check's context ends: context.DeadlineExceeded in plain words.
type timeUp struct{}

func (timeUp) Error() string { return "the time was up" }

func (timeUp) Is(target error) bool { return target == context.DeadlineExceeded }

// Late reports whether err is context.DeadlineExceeded: the time was up.
func Late(err error) bool { return errors.Is(err, context.DeadlineExceeded) }

// Gather calls f(0) .. f(n-1), at most limit at a time, and returns an outcome for each. A call
// that has not ended when ctx ends has a [Late] error. A panic becomes the error of its call.
func Gather[T any](ctx context.Context, n, limit int, f func(i int) (T, error)) []Outcome[T] {
	type done struct {
		i int
		Outcome[T]
	}
	next, results := make(chan int, n), make(chan done, n)
	for i := range n {
		next <- i
	}
	close(next)
	for range min(n, max(limit, 1)) {
		go func() {
			for i := range next {
				if ctx.Err() != nil {
					return
				}
				results <- done{i, try(func() (T, error) { return f(i) })}
			}
		}()
	}
	list := slices.Repeat([]Outcome[T]{{Err: timeUp{}}}, n)
	for left := n; left > 0; {
		select {
		case d := <-results:
			list[d.i] = d.Outcome
			left--
		case <-ctx.Done():
			left = len(results) // calls that ended before ctx
		}
	}
	return list
}
