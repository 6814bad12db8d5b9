package plugin

import (
	"context"
	"errors"
)

// Outcome is what a call gave, or why it gave nothing.
type Outcome[T any] struct {
	Value T
	Err   error
}

// timeUp is the cause for which the context of a check ends. It is a context.DeadlineExceeded that
// says so in the words of the field.
type timeUp struct{}

func (timeUp) Error() string { return "the time was up" }

func (timeUp) Is(target error) bool { return target == context.DeadlineExceeded }

// Late reports whether an error says that the time was up.
func Late(err error) bool { return errors.Is(err, context.DeadlineExceeded) }

// Gather calls f(0) .. f(n-1), at most limit at a time, and gives what each of them
// gave by the time that ctx ends. What has not ended by then has an error that is [Late]. A
// panic is the error of its own call and takes nothing from the others.
func Gather[T any](ctx context.Context, n, limit int, f func(i int) (T, error)) []Outcome[T] {
	type done struct {
		i int
		Outcome[T]
	}
	call := func(i int) (o Outcome[T]) {
		defer func() {
			if p := recover(); p != nil {
				o.Err = crash(p)
			}
		}()
		o.Value, o.Err = f(i)
		return o
	}
	next, results := make(chan int, n), make(chan done, n)
	for i := range n {
		next <- i
	}
	close(next)
	for range min(n, limit) {
		go func() {
			for i := range next {
				if ctx.Err() != nil {
					return
				}
				results <- done{i, call(i)}
			}
		}()
	}
	list := make([]Outcome[T], n)
	for i := range list {
		list[i].Err = timeUp{}
	}
	for range n {
		select {
		case d := <-results:
			list[d.i] = d.Outcome
		case <-ctx.Done():
			for len(results) > 0 { // a busy host may come here late
				d := <-results
				list[d.i] = d.Outcome
			}
			return list
		}
	}
	return list
}
