package redisstore

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/redis/rueidis"

	"github.com/cacheops/cacheops"
)

var _ cacheops.BytesStore = (*Store)(nil)

// errNoTTL says that a value without an end is not kept.
var errNoTTL = errors.New("the TTL must be more than zero")

// GetBytes implements [cacheops.BytesStore]. It always asks the server: there is
// nothing by which a process could tell that its copy is still the one.
func (s *Store) GetBytes(ctx context.Context, name string) ([]byte, error) {
	ctx, cancel, err := s.bounded(ctx, s.opts.Timeout)
	if err != nil {
		return nil, failed("get bytes", err)
	}
	defer cancel()
	key := s.names.ofBytes(s.envelope.digest(kindBytes, name, nil))
	sealed, err := s.exchange(ctx, func() []rueidis.Completed {
		return []rueidis.Completed{s.client.B().Get().Key(key).Build()}
	})[0].AsBytes()
	switch {
	case rueidis.IsRedisNil(err):
		return nil, cacheops.ErrMiss
	case err != nil:
		return nil, failed("get bytes", err)
	}
	return s.envelope.openBytes(sealed, name)
}

// SetBytes implements [cacheops.BytesStore]. A value of more than 64 MiB is too
// large. Durations are counted in milliseconds, and rounded up.
func (s *Store) SetBytes(ctx context.Context, name string, value []byte, ttl time.Duration) error {
	if ttl <= 0 {
		return failed("set bytes", fmt.Errorf("%w: %v", errNoTTL, ttl))
	}
	sealed, err := s.envelope.sealBytes(nil, name, value)
	switch {
	case errors.Is(err, errTooLarge):
		return s.DeleteBytes(ctx, name)
	case err != nil:
		return err
	}
	ctx, cancel, err := s.bounded(ctx, s.opts.WriteTimeout)
	if err != nil {
		return failed("set bytes", err)
	}
	defer cancel()
	key, ms := s.names.ofBytes(s.envelope.digest(kindBytes, name, nil)), (ttl-1)/time.Millisecond+1
	err = s.send(ctx, func() rueidis.Completed {
		return s.client.B().Set().Key(key).Value(rueidis.BinaryString(sealed)).PxMilliseconds(int64(ms)).Build()
	})
	if err != nil {
		return failed("set bytes", err)
	}
	return nil
}

// BytesTTL implements [cacheops.BytesStore], in milliseconds.
func (s *Store) BytesTTL(ctx context.Context, name string) (time.Duration, error) {
	ctx, cancel, err := s.bounded(ctx, s.opts.Timeout)
	if err != nil {
		return 0, failed("ask for the TTL of bytes", err)
	}
	defer cancel()
	key := s.names.ofBytes(s.envelope.digest(kindBytes, name, nil))
	ms, err := s.exchange(ctx, func() []rueidis.Completed {
		return []rueidis.Completed{s.client.B().Pttl().Key(key).Build()}
	})[0].AsInt64()
	switch {
	case err != nil:
		return 0, failed("ask for the TTL of bytes", err)
	case ms <= 0: // negative: there is none, or not one of ours, which all end
		return 0, cacheops.ErrMiss
	}
	return time.Duration(min(ms, math.MaxInt64/int64(time.Millisecond))) * time.Millisecond, nil
}

// DeleteBytes implements [cacheops.BytesStore].
func (s *Store) DeleteBytes(ctx context.Context, name string) error {
	ctx, cancel, err := s.bounded(ctx, s.opts.WriteTimeout)
	if err != nil {
		return failed("delete bytes", err)
	}
	defer cancel()
	key := s.names.ofBytes(s.envelope.digest(kindBytes, name, nil))
	err = s.send(ctx, func() rueidis.Completed { return s.client.B().Del().Key(key).Build() })
	if err != nil {
		return failed("delete bytes", err)
	}
	return nil
}

// sealBytes and openBytes are seal and open for a value set by name.
func (e *envelope) sealBytes(dst []byte, name string, value []byte) ([]byte, error) {
	if len(value) > maxBody {
		return nil, errTooLarge // without copying it
	}
	return e.sealAny(dst, content{kind: kindBytes, text: name}, nil, func(b []byte) ([]byte, error) {
		return append(b, value...), nil
	})
}

func (e *envelope) openBytes(b []byte, name string) ([]byte, error) {
	_, value, ok := e.openAny(b, content{kind: kindBytes, text: name})
	if !ok {
		return nil, cacheops.ErrMiss
	}
	return slices.Clone(value), nil
}
