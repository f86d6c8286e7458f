package cacheops

import (
	"sync/atomic"
	"time"
)

// circuit keeps a store's outage from slowing every read: after a few failures
// in a row the cache is not asked for a while, then one call tries again. The
// zero circuit is closed. On the hit path it costs one load of a shared word
// that is rarely written.
type circuit struct {
	failures atomic.Int32 // in a row
	retry    atomic.Int64 // Unix nanoseconds; when open, the time of the next try
}

const (
	circuitFailures = 3
	circuitWait     = time.Second
)

func (c *circuit) allows() bool {
	if c.failures.Load() < circuitFailures {
		return true
	}
	at, now := c.retry.Load(), time.Now()
	return now.UnixNano() >= at && c.retry.CompareAndSwap(at, now.Add(circuitWait).UnixNano())
}

func (c *circuit) failed() {
	if c.failures.Add(1) >= circuitFailures {
		c.retry.Store(time.Now().Add(circuitWait).UnixNano())
	}
}

func (c *circuit) succeeded() {
	if c.failures.Load() != 0 {
		c.failures.Store(0)
	}
}
