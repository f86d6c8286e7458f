package httpcache

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/httpcache"
	"github.com/cacheops/cacheops/memstore"
	"github.com/cacheops/cacheops/sqlcache"
)

// schema is SQLite's; see engine.text.
const schema = `CREATE TABLE article (id INTEGER PRIMARY KEY, category INTEGER NOT NULL, title TEXT NOT NULL, views INTEGER NOT NULL DEFAULT 0);
CREATE INDEX article_category ON article (category);
CREATE TABLE comment (id INTEGER PRIMARY KEY AUTOINCREMENT, article INTEGER NOT NULL, text TEXT NOT NULL);
INSERT INTO article (id, category, title) VALUES (1, 1, 'one'), (2, 1, 'two'), (3, 2, 'three'), (4, 2, 'four');
INSERT INTO comment (article, text) VALUES (1, 'first'), (1, 'second'), (3, 'third')`

// world is a database behind a cache, and the same one bare.
type world struct {
	testing.TB
	engine
	cache    *cacheops.Cache
	db, bare *sql.DB
}

// newWorld is a world on SQLite.
func newWorld(t testing.TB) *world {
	t.Helper()
	return newWorldOn(t, engines[0])
}

func newWorldOn(t testing.TB, e engine) *world {
	t.Helper()
	w := newProcessOn(t, memstore.New(16<<20), e, e.open(t))
	for text := range strings.SplitSeq(schema, ";") {
		w.exec(t.Context(), text)
	}
	return w
}

// newProcess is a process of its own over a store and a database of SQLite.
func newProcess(t testing.TB, store cacheops.Store, file string) *world {
	t.Helper()
	return newProcessOn(t, store, engines[0], func() driver.Connector { return lite(file) })
}

func newProcessOn(t testing.TB, store cacheops.Store, e engine, connector func() driver.Connector) *world {
	t.Helper()
	// Nothing is cached but pages: what a page shows is then the page's doing.
	cache, err := cacheops.New(store, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(cache.Close(), store.Close()); err != nil {
			t.Error(err)
		}
	})
	w := &world{TB: t, engine: e, cache: cache, db: sqlcache.OpenDB(cache, connector(), nil), bare: sql.OpenDB(connector())}
	t.Cleanup(func() {
		if err := errors.Join(w.db.Close(), w.bare.Close()); err != nil {
			t.Error(err)
		}
	})
	return w
}

func (w *world) site(cfg *httpcache.Config) *httpcache.Site {
	w.Helper()
	if cfg == nil {
		cfg = &httpcache.Config{}
	}
	cfg.CacheStatus = "test"
	site, err := httpcache.New(w.cache, "site", cfg)
	if err != nil {
		w.Fatal(err)
	}
	return site
}

func (w *world) title(ctx context.Context, id string) (title string) {
	if err := w.db.QueryRowContext(ctx, w.text("SELECT title FROM article WHERE id = ?"), w.number(id)).Scan(&title); err != nil {
		w.Error(err)
	}
	return title
}

func (w *world) retitle(ctx context.Context, id, title string) {
	w.exec(ctx, "UPDATE article SET title = ? WHERE id = ?", title, w.number(id))
}

func (w *world) number(id string) int {
	n, err := strconv.Atoi(id)
	if err != nil {
		w.Error(err)
	}
	return n
}

func (w *world) exec(ctx context.Context, query string, args ...any) {
	if _, err := w.db.ExecContext(ctx, w.text(query), args...); err != nil {
		w.Errorf("%s: %v", query, err)
	}
}

type answer struct {
	status    int
	body, why string
	hit       bool
	header    http.Header
}

func (w *world) ask(h http.Handler, method, url string, header http.Header) answer {
	r := httptest.NewRequestWithContext(w.Context(), method, url, nil)
	for name, values := range header {
		r.Header[name] = values
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	why := rec.Header().Get("Cache-Status")
	return answer{rec.Code, rec.Body.String(), why, strings.Contains(why, "; hit"), rec.Header()}
}
