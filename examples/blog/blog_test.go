package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	lite "modernc.org/sqlite"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/memstore"
	"github.com/cacheops/cacheops/redisstore"
)

// counting counts what reaches a database's driver.
type counting struct {
	driver.Connector
	statements *atomic.Int64
}

func (c counting) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &countedConn{conn, c.statements}, nil
}

// countedConn has what both drivers' connections have.
type countedConn struct {
	driver.Conn
	statements *atomic.Int64
}

func (c *countedConn) QueryContext(ctx context.Context, q string, args []driver.NamedValue) (driver.Rows, error) {
	c.statements.Add(1)
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, q, args)
}

func (c *countedConn) ExecContext(ctx context.Context, q string, args []driver.NamedValue) (driver.Result, error) {
	c.statements.Add(1)
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, q, args)
}

func (c *countedConn) PrepareContext(ctx context.Context, q string) (driver.Stmt, error) {
	c.statements.Add(1)
	return c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, q)
}

func (c *countedConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	c.statements.Add(1)
	return c.Conn.(driver.ConnBeginTx).BeginTx(ctx, o)
}

func (c *countedConn) CheckNamedValue(v *driver.NamedValue) error {
	if n, ok := c.Conn.(driver.NamedValueChecker); ok {
		return n.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

// file opens connections to a SQLite file.
type file struct {
	dsn string
	drv driver.Driver
}

func (f file) Connect(context.Context) (driver.Conn, error) { return f.drv.Open(f.dsn) }
func (f file) Driver() driver.Driver                        { return f.drv }

// site is a running blog, with what it asks of its database.
type site struct {
	*testing.T
	server     *httptest.Server
	cache      *cacheops.Cache
	statements atomic.Int64
}

func newSite(t *testing.T, store cacheops.Store, dialector func(*site) gorm.Dialector) *site {
	t.Helper()
	s := &site{T: t}
	h, cache, err := newBlog(t.Context(), store, dialector(s))
	if err != nil {
		t.Fatal(err)
	}
	s.server, s.cache = httptest.NewServer(h), cache
	t.Cleanup(func() {
		s.server.Close()
		if err := cache.Close(); err != nil {
			t.Error(err)
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func onSQLite(s *site) gorm.Dialector {
	dsn := "file:" + filepath.Join(s.TempDir(), "blog.db") + "?_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)&_pragma=busy_timeout(5000)"
	db := sql.OpenDB(counting{file{dsn, &lite.Driver{}}, &s.statements})
	s.Cleanup(func() { db.Close() })
	return sqlite.New(sqlite.Config{Conn: db})
}

// absent ends a test for which there is no server: with CI=true as a failure.
func absent(t *testing.T, what string, err error) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("no %s: %v", what, err)
	}
	t.Skipf("no %s: %v", what, err)
}

func onPostgres(s *site) gorm.Dialector {
	address := os.Getenv("CACHEOPS_TEST_POSTGRES")
	if address == "" {
		address = "postgres://postgres@127.0.0.1:5432/test?sslmode=disable"
	}
	admin, err := sql.Open("pgx", address)
	if err != nil {
		s.Fatal(err)
	}
	if err := admin.PingContext(s.Context()); err != nil {
		absent(s.T, "PostgreSQL", err)
	}
	name := "cacheops_blog_" + strings.ToLower(rand.Text()[:12])
	if _, err := admin.ExecContext(s.Context(), "CREATE DATABASE "+name); err != nil {
		s.Fatal(err)
	}
	u, err := url.Parse(address)
	if err != nil {
		s.Fatal(err)
	}
	u.Path = "/" + name
	connector, err := stdlib.GetDefaultDriver().(driver.DriverContext).OpenConnector(u.String())
	if err != nil {
		s.Fatal(err)
	}
	db := sql.OpenDB(counting{connector, &s.statements})
	s.Cleanup(func() {
		db.Close()
		if _, err := admin.ExecContext(context.Background(), "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			s.Error(err)
		}
		admin.Close()
	})
	return postgres.New(postgres.Config{Conn: db})
}

func onRedis(t *testing.T) cacheops.Store {
	address := os.Getenv("CACHEOPS_TEST_REDIS")
	if address == "" {
		address = "redis://127.0.0.1:6379/0"
	}
	store, err := redisstore.New(address, &redisstore.Options{Prefix: "blog-" + rand.Text()})
	if err == nil {
		_, err = store.Registry(t.Context(), "x")
	}
	if err != nil {
		absent(t, "Redis", err)
	}
	return store
}

// answer is what a response says besides its body.
type answer struct {
	StatusCode int
	Header     http.Header
}

func (s *site) get(c *http.Client, path string) (string, answer) {
	s.Helper()
	req, err := http.NewRequestWithContext(s.Context(), http.MethodGet, s.server.URL+path, nil)
	if err != nil {
		s.Fatal(err)
	}
	r, err := c.Do(req)
	if err != nil {
		s.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		s.Fatal(err)
	}
	return string(b), answer{r.StatusCode, r.Header}
}

// editor is a client that has logged in.
func (s *site) editor() *http.Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.Fatal(err)
	}
	c := &http.Client{Jar: jar}
	s.get(c, "/login")
	return c
}

// warm gets a page until a whole one is kept.
func (s *site) warm(path string) string {
	s.Helper()
	// With Redis a table is not kept before PostgreSQL has shown that nobody is
	// writing who could have begun before; and a page that was not kept is not tried
	// again for some seconds.
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		body, r := s.get(http.DefaultClient, path)
		if strings.Contains(r.Header.Get("Cache-Status"), "hit") {
			return body
		}
	}
	_, r := s.get(http.DefaultClient, path)
	s.Fatalf("%s is never kept: %s; %+v", path, r.Header.Get("Cache-Status"), s.cache.Stats())
	return ""
}

// What an editor saves is on every page at once, whole pages and fragments, and a
// warm page asks the database nothing.
func TestASavedArticleIsOnEveryPage(t *testing.T) {
	for _, c := range []struct {
		name      string
		store     func(*testing.T) cacheops.Store
		dialector func(*site) gorm.Dialector
	}{
		{"sqlite and memory", func(*testing.T) cacheops.Store { return memstore.New(16 << 20) }, onSQLite},
		{"postgres and redis", onRedis, onPostgres},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, c.store(t), c.dialector)
			ed := s.editor()
			paths := []string{"/", "/articles/12", "/articles/3"}
			for round := range 4 {
				title := fmt.Sprintf("Changed <%d>", round)
				for _, p := range paths {
					s.warm(p)
					s.get(ed, p)
				}
				before := s.statements.Load()
				for _, p := range paths {
					s.get(http.DefaultClient, p)
					s.get(ed, p)
				}
				if n := s.statements.Load() - before; n != 0 {
					t.Errorf("warm pages asked the database %d times", n)
				}
				r, err := ed.PostForm(s.server.URL+"/articles/12", url.Values{"title": {title}, "category": {fmt.Sprint("c", round)}, "body": {"b"}}) //nolint:noctx // it ends with the server
				if err != nil {
					t.Fatal(err)
				}
				r.Body.Close()
				for _, client := range []*http.Client{http.DefaultClient, ed} {
					for _, p := range paths {
						body, _ := s.get(client, p)
						if !strings.Contains(body, fmt.Sprintf("Changed &lt;%d&gt;", round)) || !strings.Contains(body, fmt.Sprintf("c%d: 1", round)) {
							t.Errorf("round %d: %s does not show what was saved: %s", round, p, body)
						}
					}
				}
			}
			if body, _ := s.get(http.DefaultClient, "/articles/3"); strings.Contains(body, `id="edit"`) {
				t.Error("a reader got an editor's page")
			}
			if body, _ := s.get(ed, "/articles/3"); !strings.Contains(body, `id="edit"`) {
				t.Error("an editor got a reader's page")
			}
			if _, r := s.get(http.DefaultClient, "/articles/99"); r.StatusCode != http.StatusNotFound {
				t.Errorf("status %d", r.StatusCode)
			}
		})
	}
}
