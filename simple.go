package cacheops

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"time"
)

// Simple is a cache of values by key and for a time, which nothing drops but
// [Simple.Delete]: what is read back may be older than the database. It is what
// [Cache.Get] and the like use, and may be had over a store that is nothing but a
// [BytesStore], as files are ([NewSimple]). It may be used from many goroutines.
type Simple struct {
	store BytesStore
	codec Codec
	cache *Cache // nil where there is none
	gates *gates
}

// NewSimple returns a simple cache over a store of bytes. A nil codec is [CBOR].
func NewSimple(store BytesStore, codec Codec) *Simple {
	if codec == nil {
		codec = CBOR()
	}
	return &Simple{store: store, codec: codec, gates: new(gates)}
}

// ErrNoBytes says that a cache's store is no [BytesStore].
var ErrNoBytes = errors.New("cacheops: the store keeps no values by name")

// Simple returns the simple cache over the cache's own store. Its keys are apart
// from those of reads and functions, and hold the tenant ([Config.Partition]):
// where a call has none, and while the cache is switched off, nothing is found and
// nothing kept. A function ([NewFunc]) that reads there, or writes, is not kept.
// Each call fails with [ErrNoBytes] if the store keeps no bytes.
func (c *Cache) Simple() *Simple {
	s, _ := c.store.(BytesStore)
	return &Simple{store: s, codec: c.cfg.Codec, cache: c, gates: &c.functions.simple}
}

// Get returns the bytes kept under a key, which are the caller's own, and
// [ErrMiss] if there are none.
func (c *Cache) Get(ctx context.Context, key string) ([]byte, error) { return c.Simple().Get(ctx, key) }

// Set keeps bytes under a key for ttl; zero is Config.TTL.
func (c *Cache) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	if ttl == 0 {
		ttl = c.cfg.TTL
	}
	return c.Simple().Set(ctx, key, value, ttl)
}

// Delete forgets what is kept under a key.
func (c *Cache) Delete(ctx context.Context, key string) error { return c.Simple().Delete(ctx, key) }

// name is what a key is called in the store; ok is false where the call is not
// cached.
func (s *Simple) name(ctx context.Context, key string) (name string, ok bool, err error) {
	if s.store == nil {
		return "", false, ErrNoBytes
	}
	if s.cache == nil || s.cache.cfg.Partition == nil {
		return key, true, nil
	}
	tenant, ok := s.cache.cfg.Partition(ctx)
	return string(appendPart(nil, tenant)) + key, ok, nil
}

func (s *Simple) off() bool { return s.cache != nil && !s.cache.Enabled() }

// Get returns the bytes kept under a key, which are the caller's own, and
// [ErrMiss] if there are none.
func (s *Simple) Get(ctx context.Context, key string) ([]byte, error) {
	Untracked(ctx, "reads the simple cache")
	name, ok, err := s.name(ctx, key)
	switch {
	case err != nil:
		return nil, err
	case !ok || s.off():
		return nil, ErrMiss
	}
	b, err := s.store.GetBytes(ctx, name)
	if err != nil && !errors.Is(err, ErrMiss) {
		return nil, fmt.Errorf("cacheops: get: %w", err)
	}
	return b, err
}

// Set keeps bytes under a key for ttl, which must be more than zero. While the cache
// is switched off it only drops what was there.
func (s *Simple) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	Wrote(ctx)
	name, ok, err := s.name(ctx, key)
	switch {
	case err != nil || !ok:
		return err
	case s.off(): // or what it is to replace would be back when the cache is on again
		return s.Delete(ctx, key)
	}
	if err := s.store.SetBytes(ctx, name, value, ttl); err != nil {
		return fmt.Errorf("cacheops: set: %w", err)
	}
	return nil
}

// Delete forgets what is kept under a key.
func (s *Simple) Delete(ctx context.Context, key string) error {
	Wrote(ctx)
	name, ok, err := s.name(ctx, key)
	if err != nil || !ok {
		return err
	}
	if err := s.store.DeleteBytes(ctx, name); err != nil {
		return fmt.Errorf("cacheops: delete: %w", err)
	}
	return nil
}

// Load returns the value kept under a key, and [ErrMiss] if there is none or it
// is of another type than T.
func Load[T any](ctx context.Context, s *Simple, key string) (v T, err error) {
	b, err := s.Get(ctx, key)
	if err != nil {
		return v, err
	}
	const size = len("12345678")
	if len(b) < size || string(b[:size]) != form(reflect.TypeFor[T]()) {
		return v, ErrMiss
	}
	if err := s.codec.Decode(b[size:], &v); err != nil {
		var none T
		return none, fmt.Errorf("%w: what is kept cannot be read: %w", ErrMiss, err)
	}
	return v, nil
}

// Save keeps a value under a key for ttl, which must be more than zero. It fails
// for a value that the codec would change.
func Save[T any](ctx context.Context, s *Simple, key string, v T, ttl time.Duration) error {
	data, err := encode(reflect.ValueOf(&v).Elem(), s.codec)
	if err != nil {
		return fmt.Errorf("cacheops: save: %w", err)
	}
	return s.Set(ctx, key, append([]byte(form(reflect.TypeFor[T]())), data...), ttl)
}

// Remember returns the value kept under a key, or else fn's, which it then keeps
// for ttl: a function kept by time alone over any store of bytes. Errors of fn are
// not kept, and what fails in the store keeps nobody from fn's value.
//
// Of the callers in a process that miss one key at a time one runs fn, and the others
// wait and get what it has kept, each a copy of his own. Where nothing was kept (fn
// has failed or panicked, or the store has) they run it themselves. fn must not ask
// for the same key. What fn returns is kept also if somebody has deleted the key while
// it ran, and may then be from before what he did that for: what writes are to drop is
// for [Memo].
func Remember[T any](ctx context.Context, s *Simple, key string, ttl time.Duration, fn func(context.Context) (T, error)) (T, error) {
	if v, err := Load[T](ctx, s, key); err == nil {
		return v, nil
	}
	name, ok, err := s.name(ctx, key)
	if err == nil && ok && !s.off() {
		leave, err := s.gates.enter(ctx, form(reflect.TypeFor[T]())+name)
		if err != nil {
			var none T
			return none, err
		}
		defer leave()
		if v, err := Load[T](ctx, s, key); err == nil { // which somebody has kept meanwhile
			return v, nil
		}
	}
	v, err := fn(ctx)
	if err != nil {
		return v, err
	}
	if err := Save(ctx, s, key, v, ttl); err != nil && s.cache != nil && ctx.Err() == nil {
		s.cache.failed(ctx, "keep a value", err)
	}
	return v, nil
}

// gates let one caller a name through at a time, and those who have waited for it
// all at once: what it was to make for them is there or is not to be had.
type gates struct {
	mu   sync.Mutex
	shut map[string]chan struct{}
}

// enter returns when the caller may go on. leave opens the gate again; it does
// nothing for those who have waited. An error is ctx's.
func (g *gates) enter(ctx context.Context, name string) (leave func(), err error) {
	g.mu.Lock()
	wait, there := g.shut[name]
	if !there {
		if g.shut == nil {
			g.shut = make(map[string]chan struct{})
		}
		g.shut[name] = make(chan struct{})
	}
	g.mu.Unlock()
	if !there {
		return func() { g.open(name) }, nil
	}
	select {
	case <-wait:
		return func() {}, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (g *gates) open(name string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.shut[name])
	delete(g.shut, name)
}
