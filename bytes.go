package cacheops

import (
	"context"
	"time"
)

// A BytesStore keeps bytes by name for a time, and that is all: no write to a
// database drops them, and after a failure of the store an older value, or none,
// may be there. A [Store] may be one besides. Package storetest holds the suite.
//
// Names are any bytes and apart from those of entries. All methods may be called
// from many goroutines and return soon after ctx is done.
type BytesStore interface {
	// GetBytes returns the value last set under name, and [ErrMiss] where there
	// is none. The bytes are the caller's own.
	GetBytes(ctx context.Context, name string) ([]byte, error)

	// SetBytes keeps a copy of value under name for ttl, in place of what was
	// there. A ttl of zero or less is an error and changes nothing: what is kept
	// must end. A value that is too large for the store is not kept, in silence;
	// what was there is gone all the same.
	SetBytes(ctx context.Context, name string, value []byte, ttl time.Duration) error

	// BytesTTL returns how long the value under name will still be kept, unless it
	// is evicted, and [ErrMiss] where there is none. It is more than zero.
	BytesTTL(ctx context.Context, name string) (time.Duration, error)

	// DeleteBytes forgets the value under name, if there is one.
	DeleteBytes(ctx context.Context, name string) error
}
