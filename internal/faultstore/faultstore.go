// Package faultstore wraps a store and makes chosen calls of it fail, for
// tests that must see what a caller does when the store is not there.
package faultstore

import (
	"context"
	"errors"
	"sync"

	"github.com/cacheops/cacheops"
)

// ErrInjected is the failure of a call that was made to fail.
var ErrInjected = errors.New("faultstore: injected failure")

// Method names a method of a store.
type Method string

// The methods that can be made to fail.
const (
	Get      Method = "Get"
	Put      Method = "Put"
	Registry Method = "Registry"
	Acquire  Method = "Acquire"
	Begin    Method = "Begin"
	End      Method = "End"
	Doubt    Method = "Doubt"
)

// Store passes calls on to the wrapped store, but for those that fail.
type Store struct {
	cacheops.Store

	mu     sync.Mutex
	down   map[Method]bool
	after  map[Method]bool // fails although the call was carried out
	before func(Method)
	calls  map[Method]int
}

// New wraps s.
func New(s cacheops.Store) *Store {
	return &Store{Store: s, down: make(map[Method]bool), after: make(map[Method]bool), calls: make(map[Method]int)}
}

// Break makes the methods fail without being carried out; none: all of them.
func (s *Store) Break(methods ...Method) { s.set(s.down, true, methods) }

// BreakAfter makes the methods fail after they were carried out, as when the
// answer is lost.
func (s *Store) BreakAfter(methods ...Method) { s.set(s.after, true, methods) }

// Mend undoes Break and BreakAfter for all methods.
func (s *Store) Mend() {
	s.set(s.down, false, nil)
	s.set(s.after, false, nil)
}

// Before calls f before each call of the store, nil: nothing.
func (s *Store) Before(f func(Method)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = f
}

// Calls returns how often a method was called.
func (s *Store) Calls(m Method) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[m]
}

func (s *Store) set(m map[Method]bool, v bool, methods []Method) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(methods) == 0 {
		methods = []Method{Get, Put, Registry, Acquire, Begin, End, Doubt}
	}
	for _, name := range methods {
		m[name] = v
	}
}

// do runs one call as the faults say.
func (s *Store) do(m Method, call func() error) error {
	s.mu.Lock()
	s.calls[m]++
	down, after, before := s.down[m], s.after[m], s.before
	s.mu.Unlock()
	if before != nil {
		before(m)
	}
	if down {
		return ErrInjected
	}
	if err := call(); err != nil {
		return err
	}
	if after {
		return ErrInjected
	}
	return nil
}

// Get implements cacheops.Store.
func (s *Store) Get(ctx context.Context, k *cacheops.Key) (v cacheops.Value, err error) {
	err = s.do(Get, func() (err error) { v, err = s.Store.Get(ctx, k); return })
	return v, err
}

// Put implements cacheops.Store.
func (s *Store) Put(ctx context.Context, k *cacheops.Key, e *cacheops.Entry) error {
	return s.do(Put, func() error { return s.Store.Put(ctx, k, e) })
}

// Registry implements cacheops.Store.
func (s *Store) Registry(ctx context.Context, table string) (r cacheops.Registry, err error) {
	err = s.do(Registry, func() (err error) { r, err = s.Store.Registry(ctx, table); return })
	return r, err
}

// Acquire implements cacheops.Store.
func (s *Store) Acquire(ctx context.Context, reads []cacheops.TableRead) (g cacheops.Grant, err error) {
	err = s.do(Acquire, func() (err error) { g, err = s.Store.Acquire(ctx, reads); return })
	return g, err
}

// Begin implements cacheops.Store.
func (s *Store) Begin(ctx context.Context, w cacheops.Writer, writes []cacheops.TableWrite) (moved []cacheops.Registry, err error) {
	err = s.do(Begin, func() (err error) { moved, err = s.Store.Begin(ctx, w, writes); return })
	return moved, err
}

// End implements cacheops.Store.
func (s *Store) End(ctx context.Context, w cacheops.Writer, tables []string) error {
	return s.do(End, func() error { return s.Store.End(ctx, w, tables) })
}

// Doubt implements cacheops.Store.
func (s *Store) Doubt(ctx context.Context, w cacheops.Writer, tables []string) error {
	return s.do(Doubt, func() error { return s.Store.Doubt(ctx, w, tables) })
}
