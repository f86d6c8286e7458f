package filestore

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
)

// room keeps the directory within its bound. The alternative, a shared count of
// bytes, would be wrong after the first crash; so what is there is looked at again
// after every step of bytes written, by one goroutine, while writers go on. They
// wait for it when they have written another step meanwhile.
type room struct {
	step int64 // zero: there is no bound

	mu      sync.Mutex
	written int64         // since the last look began
	looking chan struct{} // closed when the look under way ends; nil if there is none
	err     error         // of the last look, until a caller was told
	closed  bool
}

// stepsPerBound is how often the directory is looked at while as much is written
// as it may hold.
const stepsPerBound = 16

// init begins at a random point of the first step: of many processes that write
// less than a step each, one in so many looks.
func (r *room) init(most int64) {
	if most <= 0 {
		return
	}
	r.step = max(most/stepsPerBound, 1)
	r.written = rand.Int64N(r.step)
}

// take is called before so many bytes are written. It returns once that may be
// done, or what went wrong with the last look, of which nobody else would hear.
func (r *room) take(ctx context.Context, bytes int64, look func() error) error {
	if r.step == 0 {
		return nil
	}
	wait, err := r.count(bytes, look)
	if err != nil {
		return fmt.Errorf("make room for further values: %w", err)
	}
	if wait == nil {
		return nil
	}
	select {
	case <-wait:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for room: %w", ctx.Err())
	}
}

// count returns what the caller has to wait for, nil if nothing.
func (r *room) count(bytes int64, look func() error) (wait <-chan struct{}, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.err; err != nil {
		r.err = nil
		return nil, err
	}
	r.written += bytes
	switch {
	case r.written < r.step || r.closed:
		return nil, nil
	case r.looking != nil:
		return r.looking, nil
	}
	r.written = 0
	r.looking = make(chan struct{})
	go r.look(look, r.looking)
	return nil, nil
}

func (r *room) look(look func() error, done chan struct{}) {
	err := look()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
	r.looking = nil
	close(done)
}

// close waits for the look under way, and returns what nobody was told of.
func (r *room) close() error {
	r.mu.Lock()
	r.closed = true
	wait := r.looking
	r.mu.Unlock()
	if wait != nil {
		<-wait
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	err := r.err
	r.err = nil
	return err
}
