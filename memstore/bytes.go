package memstore

import (
	"context"
	"fmt"
	"hash/maphash"
	"slices"
	"time"

	"github.com/cacheops/cacheops"
)

var _ cacheops.BytesStore = (*Store)(nil)

// named is a value that was set by name. It lies among the entries, under their
// bound, and is told from them by its rest: see Store.apart.
type named struct {
	value []byte
	name  int // its length: a name, unlike a statement, belongs to one entry
}

func (n *named) Size() int { return len(n.value) + min(n.name, sharedText) }

// AppendBinary is never called: it makes a cacheops.Value.
func (n *named) AppendBinary(b []byte) ([]byte, error) { return append(b, n.value...), nil }

// hashOf selects the entry of a name. The seed is the store's own, so that names
// cannot be chosen to push out others.
func (s *Store) hashOf(name string) uint64 { return maphash.String(s.seed, name) }

func (e *entry) isNamed(name, apart string) bool { return e.rest == apart && e.text == name }

// GetBytes implements [cacheops.BytesStore].
func (s *Store) GetBytes(ctx context.Context, name string) ([]byte, error) {
	if err := s.usable(ctx, "get bytes"); err != nil {
		return nil, err
	}
	hash := s.hashOf(name)
	e, ok := s.entries.GetIfPresent(hash)
	if !ok || !e.isNamed(name, s.apart) {
		return nil, cacheops.ErrMiss
	}
	if e.deadline() <= s.clock.NowNano() {
		s.discard(hash, e)
		return nil, cacheops.ErrMiss
	}
	return slices.Clone(e.value.(*named).value), nil
}

// SetBytes implements [cacheops.BytesStore]. A value of more than an eighth of
// the store is too large.
func (s *Store) SetBytes(ctx context.Context, name string, value []byte, ttl time.Duration) error {
	if err := s.usable(ctx, "set bytes"); err != nil {
		return err
	}
	if ttl <= 0 {
		return fmt.Errorf("memstore: set bytes: a TTL of %v: it must be more than zero", ttl)
	}
	kept := &named{value: value, name: len(name)}
	e := &entry{value: kept, text: name, rest: s.apart}
	e.end.Store(after(s.clock.NowNano(), ttl))
	if e.weight() > s.largest {
		return s.DeleteBytes(ctx, name)
	}
	kept.value = slices.Clone(value)
	s.keep(s.hashOf(name), e)
	return nil
}

// BytesTTL implements [cacheops.BytesStore].
func (s *Store) BytesTTL(ctx context.Context, name string) (time.Duration, error) {
	if err := s.usable(ctx, "ask for the TTL of bytes"); err != nil {
		return 0, err
	}
	e, ok := s.entries.GetIfPresent(s.hashOf(name))
	if !ok || !e.isNamed(name, s.apart) {
		return 0, cacheops.ErrMiss
	}
	left := e.deadline() - s.clock.NowNano()
	if left <= 0 {
		return 0, cacheops.ErrMiss
	}
	return time.Duration(left), nil
}

// DeleteBytes implements [cacheops.BytesStore].
func (s *Store) DeleteBytes(ctx context.Context, name string) error {
	if err := s.usable(ctx, "delete bytes"); err != nil {
		return err
	}
	hash := s.hashOf(name)
	if e, ok := s.entries.GetIfPresent(hash); ok && e.isNamed(name, s.apart) {
		s.discard(hash, e)
	}
	return nil
}
