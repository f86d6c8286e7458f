package redisstore

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/redisstore/redistest"
)

// TestStartWithoutAServer: the program starts, its calls fail, and when the server
// is there the store works.
func TestStartWithoutAServer(t *testing.T) {
	for name, gone := range map[string]struct{ down, up func(*redistest.Server) error }{
		"dead": {(*redistest.Server).Kill, (*redistest.Server).Restart},
		"hung": {(*redistest.Server).Pause, (*redistest.Server).Resume},
	} {
		for _, mode := range []Mode{Validated, Tracked} {
			t.Run(fmt.Sprint(name, " mode ", mode), func(t *testing.T) {
				server := redistest.Start(t, nil)
				if err := gone.down(server); err != nil {
					t.Fatal(err)
				}
				s, err := New(server.URL(), &Options{Mode: mode, Timeout: 5 * time.Second, WriteTimeout: 5 * time.Second})
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				w := cacheops.Writer{ID: 1}
				for what, call := range map[string]func() error{
					"get":     func() error { _, err := s.Get(t.Context(), lifeKey(1)); return err },
					"acquire": func() error { _, err := s.Acquire(t.Context(), lifeReads(7)); return err },
					"begin": func() error {
						_, err := s.Begin(t.Context(), w, []cacheops.TableWrite{{Table: lifeTable, Unverified: true, Tags: []cacheops.Tag{0}}})
						return err
					},
					"end":   func() error { return s.End(t.Context(), w, []string{lifeTable}) },
					"flush": func() error { _, err := s.Flush(t.Context(), nil); return err },
				} {
					if err := call(); err == nil || errors.Is(err, cacheops.ErrMiss) {
						t.Errorf("%s: %v", what, err)
					}
				}
				if err := gone.up(server); err != nil {
					t.Fatal(err)
				}
				within(t, "the server is found", func() bool { return s.usable() == nil })
				keep(t, s, lifeKey(1), 7)
				if !hits(t, s, lifeKey(1)) {
					t.Error("no hit")
				}
			})
		}
	}
}

// TestCloseWithoutAServer: nothing is left behind, which TestMain looks for.
func TestCloseWithoutAServer(t *testing.T) {
	const secret = "s3cret"
	s, err := New(fmt.Sprintf("redis://app:%s@127.0.0.1:%d", secret, freePort(t)), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(t.Context(), lifeKey(1)); err == nil || strings.Contains(err.Error(), secret) {
		t.Errorf("%v: no error, or one with the password", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := s.Get(t.Context(), lifeKey(1)); !errors.Is(err, errClosed) {
		t.Errorf("%v, want that it is closed", err)
	}
}
