package flight

import (
	"context"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
)

func TestSparesAreUsedAgainAndEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := group(t)
		load := func(ctx context.Context, started func()) (int, error) {
			started()
			return 1, nil
		}
		for range 3 {
			if _, _, err := g.Do(t.Context(), "k", 1, load); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if n := len(g.spares.idle); n != 1 {
				t.Fatalf("%d goroutines wait, want 1", n)
			}
		}
		many := 4 * runtime.GOMAXPROCS(0)
		var wg sync.WaitGroup
		hold := make(chan struct{})
		for i := range many {
			wg.Go(func() {
				_, _, err := g.Do(t.Context(), strconv.Itoa(i), 1, func(ctx context.Context, started func()) (int, error) {
					started()
					<-hold
					return i, nil
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		close(hold)
		wg.Wait()
		synctest.Wait()
		if n := len(g.spares.idle); n != runtime.GOMAXPROCS(0) {
			t.Errorf("%d goroutines wait, want %d", n, runtime.GOMAXPROCS(0))
		}
	})
}

// A load that ends its goroutine ends no other.
func TestGoexitInALoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := group(t)
		for range 2 {
			func() {
				defer func() {
					if recover() == nil {
						t.Error("a load without a result was none to its caller")
					}
				}()
				_, _, _ = g.Do(t.Context(), "k", 1, func(context.Context, func()) (int, error) {
					runtime.Goexit()
					return 0, nil
				})
			}()
		}
	})
}

// Close waits for a goroutine that is still running, which then waits for
// nothing.
func TestSpareThatIsLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s spares
		hold := make(chan struct{})
		s.run(func() { <-hold })
		closed := make(chan struct{})
		go func() {
			s.close()
			close(closed)
		}()
		synctest.Wait()
		close(hold)
		<-closed
	})
}
