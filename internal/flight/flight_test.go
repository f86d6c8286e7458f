package flight

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func group(t *testing.T) *Group[string, int, int] {
	g := &Group[string, int, int]{Same: func(a, b int) bool { return a == b }}
	t.Cleanup(g.Close)
	return g
}

// slow returns a run that counts itself, takes a second and returns v.
func slow(runs *atomic.Int32, v int) Run[int] {
	return func(ctx context.Context, started func()) (int, error) {
		runs.Add(1)
		started()
		select {
		case <-time.After(time.Second):
			return v, nil
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

func TestOneLoadForEqualTickets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, runs := group(t), atomic.Int32{}
		var wg sync.WaitGroup
		for range 64 {
			wg.Go(func() {
				if v, _, err := g.Do(t.Context(), "k", 7, slow(&runs, 42)); v != 42 || err != nil {
					t.Errorf("got %d, %v", v, err)
				}
			})
		}
		wg.Wait()
		if n := runs.Load(); n != 1 {
			t.Errorf("%d loads, want 1", n)
		}
	})
}

func TestLaterTicketDoesNotJoinARunningLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, runs := group(t), atomic.Int32{}
		var wg sync.WaitGroup
		wg.Go(func() { _, _, _ = g.Do(t.Context(), "k", 1, slow(&runs, 1)) })
		synctest.Wait()
		v, shared, err := g.Do(t.Context(), "k", 2, slow(&runs, 2))
		if v != 2 || shared || err != nil {
			t.Errorf("a caller with a newer ticket got %d (shared %v, %v), want its own 2", v, shared, err)
		}
		wg.Wait()
	})
}

func TestCallerBeforeTheStartJoinsWhateverItsTicket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, runs := group(t), atomic.Int32{}
		begin := make(chan struct{})
		late := func(ctx context.Context, started func()) (int, error) {
			<-begin
			return slow(&runs, 1)(ctx, started)
		}
		var wg sync.WaitGroup
		for ticket := range 5 {
			wg.Go(func() {
				if v, _, err := g.Do(t.Context(), "k", ticket, late); v != 1 || err != nil {
					t.Errorf("got %d, %v", v, err)
				}
			})
			synctest.Wait()
		}
		close(begin)
		wg.Wait()
		if n := runs.Load(); n != 1 {
			t.Errorf("%d loads, want 1", n)
		}
	})
}

func TestLeaderThatGivesUpHarmsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, runs := group(t), atomic.Int32{}
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, _, err := g.Do(ctx, "k", 1, slow(&runs, 42)); !errors.Is(err, context.Canceled) {
				t.Errorf("the leader that gave up got %v", err)
			}
		})
		synctest.Wait()
		wg.Go(func() {
			if v, shared, err := g.Do(t.Context(), "k", 1, slow(&runs, 43)); v != 42 || !shared || err != nil {
				t.Errorf("the waiter got %d, %v, %v", v, shared, err)
			}
		})
		synctest.Wait()
		cancel()
		wg.Wait()
	})
}

func TestLoadIsCancelledWhenNobodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := group(t)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			_, _, _ = g.Do(ctx, "k", 1, func(ctx context.Context, started func()) (int, error) {
				started()
				<-ctx.Done()
				ended <- ctx.Err()
				return 0, ctx.Err()
			})
		}()
		synctest.Wait()
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("the load ended with %v", err)
		}
		var runs atomic.Int32
		if v, shared, _ := g.Do(t.Context(), "k", 1, slow(&runs, 5)); v != 5 || shared {
			t.Errorf("a cancelled load was joined: %d, %v", v, shared)
		}
	})
}

func TestPanicIsTheLeadersAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, runs := group(t), atomic.Int32{}
		boom := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			defer func() {
				if r := recover(); r != "boom" {
					t.Errorf("the leader recovered %v, want its panic", r)
				}
			}()
			_, _, _ = g.Do(t.Context(), "k", 1, func(_ context.Context, started func()) (int, error) {
				started()
				<-boom
				panic("boom")
			})
		})
		synctest.Wait()
		for range 8 {
			wg.Go(func() {
				if v, _, err := g.Do(t.Context(), "k", 1, slow(&runs, 42)); v != 42 || err != nil {
					t.Errorf("a waiter got %d, %v", v, err)
				}
			})
		}
		synctest.Wait()
		close(boom)
		wg.Wait()
		if n := runs.Load(); n != 1 {
			t.Errorf("the waiters made %d loads, want 1", n)
		}
	})
}

func TestCloseCancelsAndWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, runs := group(t), atomic.Int32{}
		var wg sync.WaitGroup
		for ticket := range 3 { // two of them overtaken
			wg.Go(func() {
				if _, _, err := g.Do(t.Context(), "k", ticket, slow(&runs, 1)); !errors.Is(err, context.Canceled) {
					t.Errorf("a load went on after Close: %v", err)
				}
			})
			synctest.Wait()
		}
		g.Close()
		wg.Wait()
		if _, _, err := g.Do(t.Context(), "k", 1, slow(&runs, 1)); !errors.Is(err, ErrClosed) {
			t.Errorf("Do after Close: %v", err)
		}
	})
}

// TestLeaderThatCannotGiveUp: it runs the load itself, for others too, and not
// even Close takes it from it.
func TestLeaderThatCannotGiveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, runs := group(t), atomic.Int32{}
		var wg sync.WaitGroup
		wg.Go(func() {
			if v, shared, err := g.Do(context.Background(), "k", 1, slow(&runs, 42)); v != 42 || shared || err != nil {
				t.Errorf("the leader got %d, %v, %v", v, shared, err)
			}
		})
		synctest.Wait()
		impatient, cancel := context.WithCancel(t.Context())
		wg.Go(func() {
			if _, _, err := g.Do(impatient, "k", 1, slow(&runs, 43)); !errors.Is(err, context.Canceled) {
				t.Errorf("the waiter that gave up got %v", err)
			}
		})
		wg.Go(func() {
			if v, shared, err := g.Do(t.Context(), "k", 1, slow(&runs, 43)); v != 42 || !shared || err != nil {
				t.Errorf("the waiter got %d, %v, %v", v, shared, err)
			}
		})
		synctest.Wait()
		cancel()
		g.Close()
		wg.Wait()
		if n := runs.Load(); n != 1 {
			t.Errorf("%d loads, want 1", n)
		}
	})
}

func TestPanicOfALeaderThatCannotGiveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, runs := group(t), atomic.Int32{}
		var wg sync.WaitGroup
		wg.Go(func() {
			defer func() {
				if r := recover(); r != "boom" {
					t.Errorf("the leader recovered %v, want its panic", r)
				}
			}()
			_, _, _ = g.Do(context.Background(), "k", 1, func(_ context.Context, started func()) (int, error) {
				started()
				time.Sleep(time.Second)
				panic("boom")
			})
		})
		synctest.Wait()
		if v, _, err := g.Do(t.Context(), "k", 1, slow(&runs, 42)); v != 42 || err != nil {
			t.Errorf("a waiter got %d, %v", v, err)
		}
		wg.Wait()
	})
}
