package sqlcache

import (
	"context"
	"testing"
)

// TestCancelledBeginningHasAnError: lib/pq panics where a context is done and has
// no error. It looks whenever it comes to that, so the end must not take away what
// the cancellation has said.
func TestCancelledBeginningHasAnError(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c, end := beginning(ctx)
	done := c.Done()
	cancel()
	<-done
	end()
	if c.Err() == nil {
		t.Error("the context is done and has no error")
	}
}

// TestBeginningThatIsOverIsNotCancelled: what comes after it is the COMMIT's.
func TestBeginningThatIsOverIsNotCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c, end := beginning(ctx)
	done := c.Done()
	end()
	cancel()
	if c.Done() != nil || c.Err() != nil {
		t.Error("a beginning that is over was cancelled")
	}
	select {
	case <-done:
		t.Error("whoever watches on is told")
	default:
	}
}
