package benchmarks

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/httpcache"
	"github.com/cacheops/cacheops/memstore"
)

// client takes a response as a server does, and keeps nothing of it.
type client struct {
	header http.Header
	status int
	bytes  int
}

func (c *client) Header() http.Header { return c.header }
func (c *client) WriteHeader(s int)   { c.status = s }

func (c *client) Write(p []byte) (int, error) {
	c.bytes += len(p)
	return len(p), nil
}

func (c *client) WriteString(s string) (int, error) {
	c.bytes += len(s)
	return len(s), nil
}

func (c *client) ask(h http.Handler, r *http.Request) {
	clear(c.header)
	c.status, c.bytes = 0, 0
	h.ServeHTTP(c, r)
}

// BenchmarkHTTPHit is a page from the cache against a handler that does nothing but
// write the same header and bytes, the two by turns, and their ratio. The request is
// a browser's. The page depends on one table.
func BenchmarkHTTPHit(b *testing.B) {
	for _, size := range []int{1_000, 30_000} {
		b.Run(fmt.Sprintf("%d bytes", size), func(b *testing.B) {
			body := make([]byte, size)
			bare := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/html; charset=utf-8")
				w.Header().Set("Content-Length", strconv.Itoa(len(body)))
				w.WriteHeader(http.StatusOK)
				if _, err := w.Write(body); err != nil {
					b.Error(err)
				}
			})
			site, r := page(b, bare), request(b)
			c := &client{header: make(http.Header)}
			for range 2 {
				c.ask(site, r)
			}
			if c.header.Get("Age") == "" || c.bytes != size {
				b.Fatalf("no hit: %v", c.header)
			}
			compare(b, func() { c.ask(bare, r) }, func() { c.ask(site, r) })
		})
	}
}

// BenchmarkHTTPHitAlone is the hit by itself, for its allocations.
func BenchmarkHTTPHitAlone(b *testing.B) {
	site, r := page(b, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "%1000d", 1)
	})), request(b)
	c := &client{header: make(http.Header)}
	c.ask(site, r)
	b.ReportAllocs()
	for b.Loop() {
		c.ask(site, r)
	}
}

func page(b *testing.B, h http.Handler) http.Handler {
	b.Helper()
	store := memstore.New(64 << 20)
	cache, err := cacheops.New(store, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := cache.Close(); err != nil {
			b.Error(err)
		}
	})
	site, err := httpcache.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// What the page is made of: any function will do.
		_, err := cacheops.Memo(r.Context(), cache, "made of", func(context.Context) (int, error) { return 1, nil }, cacheops.WithoutReads())
		if err != nil {
			b.Error(err)
		}
		h.ServeHTTP(w, r)
	}), cache, "bench", &httpcache.Config{TTL: time.Hour})
	if err != nil {
		b.Fatal(err)
	}
	return site
}

func request(b *testing.B) *http.Request {
	b.Helper()
	r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, "/articles/17?page=2&order=date", nil)
	if err != nil {
		b.Fatal(err)
	}
	r.Host, r.RequestURI = "www.example.com", r.URL.RequestURI()
	for name, value := range map[string]string{
		"User-Agent":                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
		"Accept":                    "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
		"Accept-Language":           "en-US,en;q=0.5",
		"Accept-Encoding":           "gzip, deflate, br, zstd",
		"Connection":                "keep-alive",
		"Upgrade-Insecure-Requests": "1",
		"Sec-Fetch-Dest":            "document",
		"Sec-Fetch-Mode":            "navigate",
		"Sec-Fetch-Site":            "none",
		"Priority":                  "u=0, i",
	} {
		r.Header.Set(name, value)
	}
	return r
}

// BenchmarkHTTPHitServed is the same through a server and a connection that is kept
// open, where a page is not the only thing to be done.
func BenchmarkHTTPHitServed(b *testing.B) {
	body := make([]byte, 1000)
	bare := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		if _, err := w.Write(body); err != nil {
			b.Error(err)
		}
	})
	ask := func(h http.Handler) func() {
		server := httptest.NewServer(h)
		b.Cleanup(server.Close)
		return func() {
			r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, server.URL+"/articles/17?page=2", nil)
			if err != nil {
				b.Fatal(err)
			}
			res, err := server.Client().Do(r)
			if err != nil {
				b.Fatal(err)
			}
			defer res.Body.Close()
			if n, err := io.Copy(io.Discard, res.Body); n != int64(len(body)) || err != nil {
				b.Fatal(n, err)
			}
		}
	}
	compare(b, ask(bare), ask(page(b, bare)))
}
