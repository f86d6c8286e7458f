package httpcache_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/httpcache"
	"github.com/cacheops/cacheops/internal/dep"
	"github.com/cacheops/cacheops/memstore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type number int64

func (number) Size() int { return 8 }

func (n number) AppendBinary(b []byte) ([]byte, error) {
	return binary.BigEndian.AppendUint64(b, uint64(n)), nil
}

// world is a table of counters behind a cache, the least that an adapter does, and
// handlers over it. The real databases are in integration/httpcache.
type world struct {
	*testing.T
	cache *cacheops.Cache
	db    *cacheops.Database
	query *cacheops.Query

	mu   sync.Mutex
	rows map[int64]int64
	runs int // of the handler
}

func newWorld(t *testing.T, cfg *cacheops.Config) *world {
	t.Helper()
	store := memstore.New(8 << 20)
	if cfg == nil {
		cfg = &cacheops.Config{}
	}
	cache, err := cacheops.New(store, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cache.Close(); err != nil {
			t.Error(err)
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	w := &world{T: t, cache: cache, rows: make(map[int64]int64)}
	version := func() uint64 {
		r, err := store.Registry(context.Background(), "main/")
		if err != nil {
			return 0
		}
		return r.Catalog
	}
	w.db, err = cache.Attach(cacheops.Backend{
		Name: "main", Version: version,
		Prove: func(context.Context, cacheops.Writer) (bool, error) { return false, nil },
		Row: func(_ context.Context, table string, row map[string]any) (string, dep.Image, bool, error) {
			var img dep.Image
			for col, v := range row {
				img = append(img, dep.Field{Col: col, Value: dep.IntValue(int64(v.(int)))})
			}
			return table, img, true, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	n, err := w.db.CatalogVersion(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.query = &cacheops.Query{Text: "SELECT n FROM a WHERE id = ?", Op: cacheops.Get, Main: "a", Uses: []string{"a"}, Catalog: n}
	w.db.Prepare(w.query)
	return w
}

// read reads a counter, through the cache.
func (w *world) read(ctx context.Context, id int64) int64 {
	p := cacheops.Probe{Args: binary.BigEndian.AppendUint64(nil, uint64(id))}
	hit, fill := w.db.Lookup(ctx, w.query, "", &p)
	if hit != nil {
		return int64(hit.(number))
	}
	if !fill {
		return w.row(id)
	}
	v, err := w.db.Fill(ctx, &p, cacheops.Source{
		Uses: func() ([]dep.Use, error) {
			return []dep.Use{{
				Table: "a", Cols: dep.ColumnSet("id", "n"),
				Regions: []dep.Region{{Atoms: []dep.Atom{{Col: "id", Kind: dep.Eq, Value: dep.IntValue(id)}}}},
			}}, nil
		},
		Load: func(ctx context.Context) (cacheops.Loaded, error) {
			return cacheops.Loaded{Value: number(w.row(id)), Rows: true}, ctx.Err()
		},
	})
	if err != nil {
		return -1
	}
	return int64(v.(number))
}

func (w *world) row(id int64) int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rows[id]
}

// write sets a counter in a transaction.
func (w *world) write(ctx context.Context, id, n int64) {
	w.Helper()
	tx := w.db.Write()
	img := []dep.Image{{{Col: "id", Value: dep.IntValue(id)}}}
	tx.Add(ctx, 0, dep.Change{Table: "a", Op: dep.Update, Old: img, New: img, Set: dep.ColumnSet("n")})
	err := tx.Commit(ctx, "", func(context.Context) (cacheops.Outcome, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.rows[id] = n
		return cacheops.Committed, nil
	})
	if err != nil {
		w.Errorf("write: %v", err)
	}
}

// site keeps what a handler answers, and counts its runs. Responses say what became
// of them.
func (w *world) site(cfg *httpcache.Config, h http.HandlerFunc) http.Handler {
	w.Helper()
	if cfg == nil {
		cfg = &httpcache.Config{}
	}
	cfg.CacheStatus = "test"
	site, err := httpcache.Handler(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		w.runs++
		w.mu.Unlock()
		h(rw, r)
	}), w.cache, "site", cfg)
	if err != nil {
		w.Fatal(err)
	}
	return site
}

// counter is a page of one counter.
func (w *world) counter(rw http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(rw, "n = %d", w.read(r.Context(), 1))
}

// reply is a response as a test looks at it.
type reply struct {
	*testing.T
	*http.Response
	body string
}

// hit reports whether a response is a hit.
func (r *reply) hit() bool { return strings.Contains(r.Header.Get("Cache-Status"), "; hit") }

// why says why it is none.
func (r *reply) why() string { return r.Header.Get("Cache-Status") }

// get asks a handler; header is "Name: value" lines.
func (w *world) get(h http.Handler, url string, header ...string) *reply {
	w.Helper()
	return w.ask(h, http.MethodGet, url, header...)
}

func (w *world) ask(h http.Handler, method, url string, header ...string) *reply {
	w.Helper()
	r := httptest.NewRequestWithContext(w.Context(), method, url, nil)
	if r.URL.Host != "" { // as a server has it
		r.RequestURI = r.URL.RequestURI()
		r.URL.Scheme, r.URL.Host = "", ""
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	res := rec.Result()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		w.Fatal(err)
	}
	return &reply{T: w.T, Response: res, body: string(body)}
}

// over asks a handler through a real server. What breaks a response off is part of
// its body.
func (w *world) over(h http.Handler) func(path string, header ...string) *reply {
	w.Helper()
	server := httptest.NewUnstartedServer(h)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Start()
	w.Cleanup(server.Close)
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return func(path string, header ...string) *reply {
		w.Helper()
		r, err := http.NewRequestWithContext(w.Context(), http.MethodGet, server.URL+path, nil)
		if err != nil {
			w.Fatal(err)
		}
		r.Header.Set("User-Agent", "")
		for _, line := range header {
			name, value, _ := strings.Cut(line, ": ")
			r.Header.Add(name, value)
		}
		res, err := client.Do(r)
		if err != nil {
			return &reply{T: w.T, Response: &http.Response{Header: http.Header{}}, body: "no response"}
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			body = append(body, " and "+err.Error()...)
		}
		return &reply{T: w.T, Response: res, body: string(body)}
	}
}

// want checks a response's status, body and whether it is a hit.
func (r *reply) want(status int, body string, hit bool) *reply {
	r.Helper()
	if r.StatusCode != status || r.body != body || r.hit() != hit {
		r.Errorf("got %d %q, %q; want %d %q, hit = %v", r.StatusCode, r.body, r.why(), status, body, hit)
	}
	return r
}
