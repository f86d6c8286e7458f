package cacheops_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/filestore"
)

// overFiles runs a test in a bubble. The directory is made outside, where it outlives
// that.
func overFiles(t *testing.T, test func(t *testing.T, s *cacheops.Simple)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		files, err := filestore.Open(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer files.Close()
		test(t, cacheops.NewSimple(files, nil))
	})
}

// remembering calls Remember from many goroutines at once, which all wait for the
// first of them, and returns how often fn ran.
func remembering(t *testing.T, s *cacheops.Simple, fn func(ctx context.Context, run int64) ([]int, error), judge func(v []int, err error)) int64 {
	t.Helper()
	var runs atomic.Int64
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			defer func() {
				if r := recover(); r != nil && r != "of fn" {
					t.Error(r)
				}
			}()
			judge(cacheops.Remember(t.Context(), s, "k", time.Hour, func(ctx context.Context) ([]int, error) {
				run := runs.Add(1)
				time.Sleep(time.Second) // of the bubble's time
				return fn(ctx, run)
			}))
		})
	}
	wg.Wait()
	return runs.Load()
}

func TestRememberRunsOnceForMany(t *testing.T) {
	overFiles(t, func(t *testing.T, s *cacheops.Simple) {
		runs := remembering(t, s, func(context.Context, int64) ([]int, error) { return []int{7}, nil }, func(v []int, err error) {
			if err != nil || len(v) != 1 || v[0] != 7 {
				t.Errorf("got %v, %v", v, err)
				return
			}
			v[0] = 99 // everybody has a copy
		})
		if runs != 1 {
			t.Errorf("%d runs", runs)
		}
	})
}

// A first caller that fails, or panics, keeps the others neither waiting nor from a
// value: they run by themselves, all at once.
func TestRememberAfterAFailure(t *testing.T) {
	for _, panics := range []bool{false, true} {
		overFiles(t, func(t *testing.T, s *cacheops.Simple) {
			begin, failures := time.Now(), atomic.Int64{}
			runs := remembering(t, s, func(_ context.Context, run int64) ([]int, error) {
				switch {
				case run > 1:
					return []int{1}, nil
				case panics:
					panic("of fn")
				}
				return nil, errors.ErrUnsupported
			}, func(_ []int, err error) {
				if err != nil {
					failures.Add(1)
				}
			})
			if took := time.Since(begin); runs != 10 || took != 2*time.Second || (failures.Load() == 1) == panics {
				t.Errorf("%d runs in %v, %d failures", runs, took, failures.Load())
			}
		})
	}
}

// Who gives up waiting is told so.
func TestRememberUnderAContextThatEnds(t *testing.T) {
	overFiles(t, func(t *testing.T, s *cacheops.Simple) {
		slow := func(context.Context) (int, error) { time.Sleep(time.Hour); return 1, nil }
		var wg sync.WaitGroup
		wg.Go(func() {
			if v, err := cacheops.Remember(t.Context(), s, "k", 2*time.Hour, slow); v != 1 || err != nil {
				t.Errorf("got %d, %v", v, err)
			}
		})
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := cacheops.Remember(ctx, s, "k", time.Hour, slow); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		wg.Wait()
	})
}
