// Package pagetest is what the tests of templates' fragments share: a site whose
// pages read a title, and the tests of the tags that engines with Django's and
// Jinja2's syntax have in common.
package pagetest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/memstore"
)

// Site has a title that templates read, and counts how often they do. It is for one
// goroutine.
type Site struct {
	*testing.T
	Cache *cacheops.Cache
	Reads int
	Fail  bool // the title cannot be read
}

// New returns a site with a cache of its own.
func New(t *testing.T) *Site {
	t.Helper()
	store := memstore.New(1 << 20)
	cache, err := cacheops.New(store, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(cache.Close(), store.Close()); err != nil {
			t.Error(err)
		}
	})
	return &Site{T: t, Cache: cache}
}

// Title says which read it was made by, first or since it was dropped, in text that
// wants escaping: <b>&1.
func (s *Site) Title(ctx context.Context) (string, error) {
	s.Reads++
	if s.Fail {
		return "", errors.ErrUnsupported
	}
	return cacheops.Memo(ctx, s.Cache, "title", func(context.Context) (string, error) {
		return fmt.Sprintf("<b>&%d", s.Reads), nil
	}, cacheops.WithoutReads())
}

// Drop is a write of the title.
func (s *Site) Drop() {
	s.Helper()
	s.forget("title")
}

// Other is something else to depend on, which DropOther drops.
func (s *Site) Other() cacheops.Dependency {
	return cacheops.Reads(func(ctx context.Context) error {
		_, err := cacheops.Memo(ctx, s.Cache, "other", func(context.Context) (int, error) { return 1, nil }, cacheops.WithoutReads())
		return err
	})
}

// DropOther is a write of what Other depends on.
func (s *Site) DropOther() {
	s.Helper()
	s.forget("other")
}

func (s *Site) forget(key string) {
	s.Helper()
	if err := cacheops.Forget(s.Context(), s.Cache, key); err != nil {
		s.Fatal(err)
	}
}

// DropFragment drops a fragment by hand.
func (s *Site) DropFragment(name string, extra ...any) {
	s.Helper()
	if err := s.Cache.InvalidateFragment(s.Context(), name, extra...); err != nil {
		s.Fatal(err)
	}
}

// Show checks what a page is rendered to, and how often it reads the title for that.
func (s *Site) Show(render func() (string, error), want string, reads int) {
	s.Helper()
	before := s.Reads
	got, err := render()
	if got != want || err != nil || s.Reads-before != reads {
		s.Errorf("got %q, %v after %d reads, want %q after %d", got, err, s.Reads-before, want, reads)
	}
}
