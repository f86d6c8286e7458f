package httpcache_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/httpcache"
	"github.com/cacheops/cacheops/internal/page"
)

// Requests for one page wait for the one that makes it.
func TestOneRunForManyRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		reached, goOn := make(chan struct{}), make(chan struct{})
		site := w.site(nil, func(rw http.ResponseWriter, r *http.Request) {
			close(reached) // which a second run would not survive
			<-goOn
			w.counter(rw, r)
		})
		var wg sync.WaitGroup
		wg.Go(func() { w.get(site, "/").want(200, "n = 0", false) })
		<-reached
		for range 8 {
			wg.Go(func() { w.get(site, "/").want(200, "n = 0", true) })
		}
		synctest.Wait() // they wait
		close(goOn)
		wg.Wait()
	})
}

// A request that comes after a commit is not answered by a run that began before it.
func TestALaterRequestDoesNotShareARun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		reached, goOn := make(chan struct{}), make(chan struct{})
		var runs atomic.Int64
		site := w.site(nil, func(rw http.ResponseWriter, r *http.Request) {
			n := w.read(r.Context(), 1)
			if runs.Add(1) == 1 {
				close(reached)
				<-goOn
			}
			fmt.Fprint(rw, n)
		})
		var wg sync.WaitGroup
		wg.Go(func() {
			if r := w.get(site, "/"); r.body != "0" {
				t.Errorf("the first is told %q", r.body)
			}
		})
		<-reached
		w.write(t.Context(), 1, 5)
		for range 4 {
			wg.Go(func() {
				if r := w.get(site, "/"); r.body != "5" {
					t.Errorf("a later one is told %q", r.body)
				}
			})
		}
		synctest.Wait() // they wait
		close(goOn)
		wg.Wait()
	})
}

// A response that is not kept holds nobody up.
func TestAStreamHoldsNobodyUp(t *testing.T) {
	w := newWorld(t, nil)
	release := make(chan struct{})
	site := w.over(w.site(nil, func(rw http.ResponseWriter, r *http.Request) {
		w.read(r.Context(), 1)
		fmt.Fprint(rw, "first ")
		if err := http.NewResponseController(rw).Flush(); err != nil {
			t.Error(err)
		}
		<-release // that nobody waits for
		fmt.Fprint(rw, "last")
	}))
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() { site("/").want(200, "first last", false) })
	}
	for till := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		w.mu.Lock()
		n := w.runs
		w.mu.Unlock()
		if n == 5 {
			break
		}
		if time.Now().After(till) {
			t.Errorf("%d streams of 5 have begun", n)
			break
		}
	}
	close(release)
	wg.Wait()
}

// What a stream has sent is with the client before the handler returns.
func TestAStreamArrivesAsItComes(t *testing.T) {
	w := newWorld(t, nil)
	release := make(chan struct{})
	server := httptest.NewServer(w.site(nil, func(rw http.ResponseWriter, r *http.Request) {
		w.read(r.Context(), 1)
		fmt.Fprint(rw, "one\n")
		rw.(http.Flusher).Flush()
		<-release
		fmt.Fprint(rw, "two\n")
		rw.(http.Flusher).Flush()
		<-release
	}))
	defer server.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	for _, want := range []string{"one", "two"} {
		if !lines.Scan() || lines.Text() != want {
			t.Errorf("got %q, %v", lines.Text(), lines.Err())
		}
		release <- struct{}{}
	}
}

// A panic is the server's to deal with, as without a cache, and leaves nothing kept.
func TestPanics(t *testing.T) {
	w, boom := newWorld(t, nil), errors.New("boom")
	for _, c := range []struct {
		name  string
		value any
		after string
	}{{"at once", boom, ""}, {"in the middle", boom, "partial"}, {"aborted", http.ErrAbortHandler, "partial"}} {
		panics := true
		h := func(rw http.ResponseWriter, r *http.Request) {
			n := w.read(r.Context(), 1)
			if panics {
				fmt.Fprint(rw, c.after)
				panic(c.value)
			}
			fmt.Fprint(rw, n)
		}
		recovering := func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				defer func() {
					if v := recover(); v != nil {
						if v != c.value {
							t.Errorf("%s: panicked with %v", c.name, v)
						}
						rw.WriteHeader(http.StatusInternalServerError)
						fmt.Fprint(rw, " recovered")
					}
				}()
				next.ServeHTTP(rw, r)
			})
		}
		site, bare := recovering(w.site(nil, h)), recovering(http.HandlerFunc(h))
		path := "/" + strings.ReplaceAll(c.name, " ", "-")
		for range 2 {
			got, want := w.get(site, path), w.get(bare, path)
			if got.body != want.body || got.StatusCode != want.StatusCode || got.hit() {
				t.Errorf("%s: got %d %q, want %d %q", c.name, got.StatusCode, got.body, want.StatusCode, want.body)
			}
		}
		panics = false
		w.get(site, path).want(200, "0", false)
		w.get(site, path).want(200, "0", true)
	}
}

// A handler that fails halfway can no longer say so to the client, and tries to.
func TestAnErrorAfterTheStatus(t *testing.T) {
	w, fails := newWorld(t, nil), true
	h := func(rw http.ResponseWriter, r *http.Request) {
		fmt.Fprint(rw, "n = ")
		n := w.read(r.Context(), 1)
		if fails {
			http.Error(rw, "the template broke", http.StatusInternalServerError)
			return
		}
		fmt.Fprint(rw, n)
		rw.WriteHeader(http.StatusOK) // too late, and no harm
	}
	site := w.site(nil, h)
	got, bare := w.over(site)("/"), w.over(http.HandlerFunc(h))("/")
	if got.StatusCode != bare.StatusCode || got.body != bare.body || got.Header.Get("Content-Type") != bare.Header.Get("Content-Type") {
		t.Errorf("got %d %q %v, want %d %q %v", got.StatusCode, got.body, got.Header, bare.StatusCode, bare.body, bare.Header)
	}
	fails = false
	w.get(site, "/").want(200, "n = 0", false)
	w.get(site, "/").want(200, "n = 0", true)
}

// Those who wait for a run that panics are not harmed.
func TestAPanicHarmsNobodyElse(t *testing.T) {
	w := newWorld(t, nil)
	reached, goOn := make(chan struct{}), make(chan struct{})
	var runs atomic.Int64
	site := w.site(nil, func(rw http.ResponseWriter, r *http.Request) {
		if runs.Add(1) == 1 {
			close(reached)
			<-goOn
			panic("boom")
		}
		w.counter(rw, r)
	})
	var wg sync.WaitGroup
	wg.Go(func() {
		defer func() { _ = recover() }()
		w.get(site, "/")
		t.Error("no panic")
	})
	<-reached
	for range 4 {
		wg.Go(func() {
			if r := w.get(site, "/"); r.StatusCode != http.StatusOK || r.body != "n = 0" {
				t.Errorf("got %d %q", r.StatusCode, r.body)
			}
		})
	}
	close(goOn)
	wg.Wait()
}

// A handler whose client has gone may write half a page.
func TestAClientThatIsGone(t *testing.T) {
	w := newWorld(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	gone := true
	site := w.site(nil, func(rw http.ResponseWriter, r *http.Request) {
		n := w.read(r.Context(), 1)
		fmt.Fprint(rw, "half")
		if gone {
			cancel()
			<-r.Context().Done()
			return
		}
		fmt.Fprint(rw, " and half ", n)
	})
	site.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil))
	gone = false
	w.get(site, "/").want(200, "half and half 0", false)
	w.get(site, "/").want(200, "half and half 0", true)
}

// One who waits and gives up is answered as without a cache; one whose maker gives
// up makes the page.
func TestWaitersAndMakersGiveUp(t *testing.T) {
	for _, maker := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			first, cancelFirst := context.WithCancel(t.Context())
			second, cancelSecond := context.WithCancel(t.Context())
			defer cancelFirst()
			defer cancelSecond()
			reached, goOn := make(chan struct{}), make(chan struct{})
			var runs atomic.Int64
			site := w.site(nil, func(rw http.ResponseWriter, r *http.Request) {
				if runs.Add(1) == 1 {
					close(reached)
					select {
					case <-goOn:
					case <-r.Context().Done():
					}
				}
				n := w.read(context.WithoutCancel(r.Context()), 1)
				fmt.Fprint(rw, n, r.Context().Err())
			})
			ask := func(ctx context.Context) string {
				rec := httptest.NewRecorder()
				site.ServeHTTP(rec, httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil))
				return rec.Body.String()
			}
			var wg sync.WaitGroup
			var one, two string
			wg.Go(func() { one = ask(first) })
			<-reached
			wg.Go(func() { two = ask(second) })
			synctest.Wait() // it waits
			if maker {
				cancelFirst()
			} else {
				cancelSecond()
			}
			synctest.Wait() // the other one runs
			if n := runs.Load(); n != 2 {
				t.Errorf("%d runs, want the maker's and the other one's", n)
			}
			close(goOn)
			wg.Wait()
			gone, fine := one, two
			if !maker {
				gone, fine = two, one
			}
			if gone != "0 context canceled" || fine != "0 <nil>" {
				t.Errorf("who gave up is told %q, the other one %q", gone, fine)
			}
			if r := w.get(site, "/"); !strings.Contains(r.body, "nil") {
				t.Errorf("then a page is %q", r.body)
			}
		})
	}
}

// A handler that writes runs each time.
func TestAHandlerThatWrites(t *testing.T) {
	w := newWorld(t, nil)
	for name, cfg := range map[string]*httpcache.Config{
		"by capture": {},
		"by dependencies": {DependsOn: func(*http.Request) []cacheops.Dependency {
			return []cacheops.Dependency{cacheops.Table("a").Where("id", 9)}
		}},
	} {
		w.write(t.Context(), 1, 0)
		site := w.site(cfg, func(rw http.ResponseWriter, r *http.Request) {
			n := w.read(r.Context(), 1)
			w.write(r.Context(), 1, n+1)
			fmt.Fprint(rw, n)
		})
		for i := range 3 {
			w.get(site, "/"+name[3:]).want(200, fmt.Sprint(i), false)
		}
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() { w.get(site, "/"+name[3:]) })
		}
		wg.Wait()
		if n := w.row(1); n < 4 {
			t.Errorf("%s: the visits are %d", name, n)
		}
	}
	if w.runs != 2*(3+8) {
		t.Errorf("%d runs", w.runs)
	}
}

// What is read without the request's context is not seen; then nothing is kept.
func TestReadsWithoutTheContext(t *testing.T) {
	for _, without := range []bool{false, true} {
		w := newWorld(t, nil)
		site := w.site(&httpcache.Config{WithoutReads: without}, func(rw http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(rw, w.read(context.Background(), 1))
		})
		w.get(site, "/").want(200, "0", false)
		w.get(site, "/").want(200, "0", without)
	}
}

// Contexts made of the request's are no values taken from it.
func TestDerivedContexts(t *testing.T) {
	w := newWorld(t, nil)
	type key struct{}
	site := w.site(nil, func(rw http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(context.WithValue(r.Context(), key{}, "mine"), time.Minute)
		defer cancel()
		defer context.AfterFunc(r.Context(), func() {})()
		fmt.Fprint(rw, w.read(ctx, 1), ctx.Value(key{}), context.Cause(ctx), r.Context().Value(http.ServerContextKey) == nil)
	})
	w.get(site, "/").want(200, "0mine<nil> true", false)
	w.get(site, "/").want(200, "0mine<nil> true", true)
}

// Pages of pongocache and gonjacache look in the context for the page around them.
func TestPagesOfTemplates(t *testing.T) {
	w := newWorld(t, nil)
	site := w.site(nil, func(rw http.ResponseWriter, r *http.Request) {
		fmt.Fprint(rw, w.read(page.New(r.Context()), 1))
	})
	w.get(site, "/").want(200, "0", false)
	w.get(site, "/").want(200, "0", true)
	w.write(t.Context(), 1, 1)
	w.get(site, "/").want(200, "1", false)
}

// What cannot be tracked makes a page that is not kept, as a function's result.
func TestReadsThatCannotBeTracked(t *testing.T) {
	w := newWorld(t, nil)
	site := w.site(nil, func(rw http.ResponseWriter, r *http.Request) {
		w.read(r.Context(), 1)
		fmt.Fprint(rw, w.read(cacheops.NoCache(r.Context()), 1))
	})
	w.get(site, "/").want(200, "0", false)
	w.write(t.Context(), 1, 1)
	w.get(site, "/").want(200, "1", false)
	w.get(site, "/").want(200, "1", false)
}

// Functions within a page, and pages within a page, hand on what they depend on.
func TestPagesNest(t *testing.T) {
	w := newWorld(t, nil)
	inner := w.site(nil, w.counter)
	outer, err := httpcache.Handler(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		n, err := cacheops.Memo(r.Context(), w.cache, "k", func(ctx context.Context) (int64, error) { return w.read(ctx, 2), nil })
		fmt.Fprint(rw, n, err, " ")
		inner.ServeHTTP(rw, r)
	}), w.cache, "outer", &httpcache.Config{CacheStatus: "outer"})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []int64{1, 2} {
		for i := range 3 {
			r := w.get(outer, "/")
			if i == 2 && !strings.Contains(r.why(), "outer; hit") {
				t.Errorf("not kept: %v", r.Header)
			}
			if want := fmt.Sprint(w.row(2), "<nil>", " n = ", w.row(1)); strings.ReplaceAll(r.body, " ", "") != strings.ReplaceAll(want, " ", "") {
				t.Errorf("got %q, want %q", r.body, want)
			}
		}
		w.write(t.Context(), id, 5)
	}
}

// What a controller can do without a cache it can do on a miss.
func TestResponseController(t *testing.T) {
	w := newWorld(t, nil)
	h := func(rw http.ResponseWriter, r *http.Request) {
		w.read(r.Context(), 1)
		c := http.NewResponseController(rw)
		for what, err := range map[string]error{
			"read deadline":  c.SetReadDeadline(time.Now().Add(time.Minute)),
			"write deadline": c.SetWriteDeadline(time.Now().Add(time.Minute)),
			"full duplex":    c.EnableFullDuplex(),
		} {
			if err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}
		if r.URL.Path == "/flush" {
			if err := c.Flush(); err != nil {
				t.Error(err)
			}
		}
		if r.URL.Path == "/watch" {
			if gone := rw.(http.CloseNotifier).CloseNotify(); gone == nil { //nolint:staticcheck // deprecated, and in use
				t.Error("it is not told when the client goes")
			}
		}
		if r.URL.Path == "/hijack" {
			fmt.Fprint(rw, "before ")
			conn, buf, err := c.Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			fmt.Fprint(buf, "hijacked")
			if err := buf.Flush(); err != nil {
				t.Error(err)
			}
			return
		}
		if r.URL.Path == "/hijacked-at-once" {
			conn, buf, err := rw.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			fmt.Fprint(buf, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nmine")
			if err := buf.Flush(); err != nil {
				t.Error(err)
			}
			return
		}
		fmt.Fprint(rw, "x")
	}
	site, bare := w.over(w.site(nil, h)), w.over(http.HandlerFunc(h))
	for i := range 3 {
		site("/").want(200, "x", i > 0) // deadlines keep nobody from keeping it
		site("/flush").want(200, "x", false)
		site("/watch").want(200, "x", false)
		site("/hijacked-at-once").want(200, "mine", false)
		if got, want := site("/hijack"), bare("/hijack"); got.StatusCode != want.StatusCode || got.body != want.body {
			t.Errorf("hijacked: got %d %q, want %d %q", got.StatusCode, got.body, want.StatusCode, want.body)
		}
	}
}

// A writer that can do less than others is not made to look like more.
func TestWritersThatCannotFlush(t *testing.T) {
	w := newWorld(t, nil)
	site := w.site(nil, func(rw http.ResponseWriter, r *http.Request) {
		w.read(r.Context(), 1)
		if _, ok := rw.(http.Flusher); ok {
			t.Error("there is a Flush where there was none")
		}
		if _, ok := rw.(http.CloseNotifier); ok { //nolint:staticcheck // deprecated, and in use
			t.Error("there is a CloseNotify where there was none")
		}
		if err := http.NewResponseController(rw).Flush(); !errors.Is(err, http.ErrNotSupported) {
			t.Errorf("Flush: %v", err)
		}
		if _, _, err := http.NewResponseController(rw).Hijack(); !errors.Is(err, http.ErrNotSupported) {
			t.Errorf("Hijack: %v", err)
		}
		fmt.Fprint(rw, "x")
	})
	for i := range 2 {
		rec := httptest.NewRecorder()
		plain := struct{ http.ResponseWriter }{rec}
		site.ServeHTTP(plain, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
		if hit := strings.Contains(rec.Header().Get("Cache-Status"), "hit"); rec.Body.String() != "x" || hit != (i > 0) {
			t.Errorf("got %q, %v", rec.Body, rec.Header())
		}
	}
}

// While the cache is off the handler is alone with its client.
func TestSwitchedOff(t *testing.T) {
	w := newWorld(t, nil)
	site := w.site(nil, w.counter)
	w.get(site, "/")
	w.cache.Disable()
	w.get(site, "/").want(200, "n = 0", false)
	w.write(t.Context(), 1, 3)
	w.cache.Enable()
	w.get(site, "/").want(200, "n = 3", false)
	w.get(site, "/").want(200, "n = 3", true)
}

// Trailers and pushed-back connections pass through a real server whole.
func TestTrailersArrive(t *testing.T) {
	w := newWorld(t, nil)
	server := httptest.NewServer(w.site(nil, func(rw http.ResponseWriter, r *http.Request) {
		w.read(r.Context(), 1)
		if r.URL.Path == "/declared" {
			rw.Header().Set("Trailer", "X-Sum")
		}
		fmt.Fprint(rw, strings.Repeat("body", 2000)) // more than a server keeps back
		rw.Header().Set("X-Sum", "declared")
		rw.Header().Set(http.TrailerPrefix+"X-Late", "late")
	}))
	defer server.Close()
	for range 2 {
		for path, want := range map[string]string{"/declared": "X-Sum", "/late": "X-Late"} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			res, err := server.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(res.Body)
			res.Body.Close()
			if err != nil || len(body) != 8000 || res.Trailer.Get(want) == "" {
				t.Errorf("%s: %q, %v, trailers %v", path, body, err, res.Trailer)
			}
		}
	}
}
