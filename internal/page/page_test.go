package page

import (
	"context"
	"testing"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/internal/page/pagetest"
)

// A fragment that is rendered as if there were no cache has the page's context for
// its own.
func TestAFragmentWithoutAFunction(t *testing.T) {
	cache := pagetest.New(t).Cache
	memo := func(ctx context.Context) {
		if _, err := cacheops.Memo(ctx, cache, "k", func(context.Context) (int, error) { return 1, nil }); err != nil {
			t.Error(err)
		}
	}
	outer := New(cacheops.NoCache(t.Context()))
	inside, leave := Fragment(outer)
	defer leave()
	within, left := Fragment(inside)
	defer left()
	memo(within)
	memo(inside)
	memo(outer)
}
