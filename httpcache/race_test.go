package httpcache_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
)

// No page is older than the last commit before its request, however many ask and
// write. Each counter has one writer, who counts it up.
func TestPagesAreNeverOlderThanTheirRequest(t *testing.T) {
	const counters, writes = 3, 100
	w := newWorld(t, nil)
	var done, begun [counters]atomic.Int64
	site := w.site(nil, func(rw http.ResponseWriter, r *http.Request) {
		id, err := strconv.ParseInt(r.URL.Path[1:], 10, 64)
		if err != nil {
			t.Error(err)
		}
		fmt.Fprint(rw, w.read(r.Context(), id))
	})
	var writers, readers sync.WaitGroup
	var over atomic.Bool
	for id := range counters {
		writers.Go(func() {
			for n := int64(1); n <= writes; n++ {
				begun[id].Store(n)
				w.write(t.Context(), int64(id), n)
				done[id].Store(n)
			}
		})
	}
	for reader := range 4 {
		readers.Go(func() {
			for i := reader; !over.Load(); i++ {
				id := i % counters
				low := done[id].Load()
				rec := httptest.NewRecorder()
				site.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprint("/", id), nil))
				n, err := strconv.ParseInt(rec.Body.String(), 10, 64)
				if high := begun[id].Load(); err != nil || n < low || n > high {
					t.Errorf("counter %d is %q on a page, and was %d and is %d", id, rec.Body, low, high)
					return
				}
			}
		})
	}
	writers.Wait()
	over.Store(true)
	readers.Wait()
	for id := range counters {
		w.get(site, fmt.Sprint("/", id))
		w.get(site, fmt.Sprint("/", id)).want(200, fmt.Sprint(writes), true)
	}
}
