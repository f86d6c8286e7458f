package cli

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"modernc.org/sqlite"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/integration/live"
	"github.com/cacheops/cacheops/redisstore"
	"github.com/cacheops/cacheops/redisstore/redistest"
	"github.com/cacheops/cacheops/sqlcache"
)

// program is the command line, built once.
var program string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "cacheops-cli-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "cacheops")
	build := exec.CommandContext(context.Background(), "go", "build", "-o", program, ".")
	build.Dir = filepath.Join("..", "..", "cmd", "cacheops")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the command: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// world is a database that programs cache over one Redis.
type world struct {
	*testing.T
	bare    *sql.DB
	address string // of the database, as the command takes it
	redis   string
	mysql   bool
	lite    bool
	columns []column
}

// column is one that rows are looked for by. values are literals of the dialect,
// the rows' own among them.
type column struct{ name, kind, values string }

func newWorld(t *testing.T, kind string) *world {
	w := &world{T: t, redis: redistest.Start(t, nil).URL(), mysql: kind == "MySQL", lite: kind == "SQLite"}
	switch kind {
	case "SQLite":
		w.address = filepath.Join(t.TempDir(), "a file#with ?odd%20name.db")
		w.bare = w.pool(nil)
		w.exec("PRAGMA journal_mode = WAL")
		w.columns = liteColumns
	case "PostgreSQL":
		w.bare = live.Postgres(t, pgx.QueryExecModeCacheStatement, nil)
		w.address = w.server("CACHEOPS_TEST_POSTGRES", "postgres://postgres@127.0.0.1:5432/test", "SELECT current_database()")
		w.columns = pgColumns
	case "MySQL":
		w.bare = live.MySQL(t, false, "")
		w.address = w.server("CACHEOPS_TEST_MYSQL", "root@tcp(127.0.0.1:3306)/", "SELECT database()")
		w.columns = myColumns
	}
	defs := []string{"id INTEGER PRIMARY KEY"}
	for _, c := range w.columns {
		defs = append(defs, c.name+" "+c.kind)
	}
	w.exec("CREATE TABLE item (" + strings.Join(defs, ", ") + ")")
	w.exec("CREATE TABLE news_a (id INTEGER PRIMARY KEY)")
	w.exec("CREATE TABLE news_b (id INTEGER PRIMARY KEY)")
	w.exec("CREATE VIEW item_view AS SELECT id FROM item")
	return w
}

// server is the address of the test's database as a URL.
func (w *world) server(env, otherwise, name string) string {
	w.Helper()
	var db string
	if err := w.bare.QueryRowContext(w.Context(), name).Scan(&db); err != nil {
		w.Fatal(err)
	}
	at := os.Getenv(env)
	if at == "" {
		at = otherwise
	}
	if w.mysql {
		config, err := mysql.ParseDSN(at)
		if err != nil {
			w.Fatal(err)
		}
		u := url.URL{Scheme: "mysql", User: url.UserPassword(config.User, config.Passwd), Host: config.Addr, Path: db}
		return u.String()
	}
	u, err := url.Parse(at)
	if err != nil {
		w.Fatal(err)
	}
	u.Path = "/" + db
	return u.String()
}

// pool opens the database, behind a cache if there is one.
func (w *world) pool(cache *cacheops.Cache) *sql.DB {
	w.Helper()
	var db *sql.DB
	switch {
	case w.lite:
		u := url.URL{Scheme: "file", Path: w.address, RawQuery: "_pragma=busy_timeout(5000)"}
		c := connector{&sqlite.Driver{}, u.String()}
		if db = sql.OpenDB(c); cache != nil {
			db = sqlcache.OpenDB(cache, c, nil)
		}
	case cache != nil:
		return sqlcache.Wrap(cache, w.bare, nil) // which the world closes
	}
	w.Cleanup(func() {
		if err := db.Close(); err != nil {
			w.Error(err)
		}
	})
	return db
}

type connector struct {
	drv  *sqlite.Driver
	name string
}

func (c connector) Connect(context.Context) (driver.Conn, error) { return c.drv.Open(c.name) }

func (c connector) Driver() driver.Driver { return c.drv }

func (w *world) exec(text string, args ...any) {
	w.Helper()
	if _, err := w.bare.ExecContext(w.Context(), text, args...); err != nil {
		w.Fatalf("%v\nin %s", err, text)
	}
}

// client is a program that caches every read.
type client struct {
	*world
	db      *sql.DB
	tracked bool
	why     string // the latest read was not cached
}

func (w *world) client(o redisstore.Options, rule cacheops.Rule) *client {
	w.Helper()
	o.Timeout, o.WriteTimeout = 10*time.Second, 10*time.Second // on a busy machine, too
	store, err := redisstore.New(w.redis, &o)
	if err != nil {
		w.Fatal(err)
	}
	rule.Tables, rule.Ops, rule.TTL = "*", cacheops.All, time.Hour
	cache, err := cacheops.New(store, &cacheops.Config{Rules: []cacheops.Rule{rule}})
	if err != nil {
		w.Fatal(err)
	}
	db := w.pool(cache)
	w.Cleanup(func() {
		if err := cache.Close(); err != nil {
			w.Error(err)
		}
		if err := store.Close(); err != nil {
			w.Error(err)
		}
	})
	return &client{w, db, o.Mode == redisstore.Tracked, ""}
}

// read returns a query's rows as text, and whether the cache answered.
func (c *client) read(query string) (rows string, hit bool) {
	c.Helper()
	var report cacheops.Report
	ctx := cacheops.With(c.Context(), cacheops.Call{Report: &report})
	rows = c.rows(ctx, c.db, query)
	c.why = report.Why
	return rows, report.Hit
}

func (w *world) rows(ctx context.Context, db *sql.DB, query string) string {
	w.Helper()
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		w.Fatalf("%v\nin %s", err, query)
	}
	defer rows.Close()
	var out strings.Builder
	cols, err := rows.Columns()
	if err != nil {
		w.Fatal(err)
	}
	vals := make([]any, len(cols))
	for i := range vals {
		vals[i] = new(any)
	}
	for rows.Next() {
		if err := rows.Scan(vals...); err != nil {
			w.Fatal(err)
		}
		for _, v := range vals {
			fmt.Fprintf(&out, "%v ", *v.(*any))
		}
		out.WriteByte('\n')
	}
	if err := rows.Err(); err != nil {
		w.Fatal(err)
	}
	return out.String()
}

// run runs the command and returns its exit status and what it printed.
func (w *world) run(stdin string, args ...string) (status int, stdout, stderr string) {
	w.Helper()
	cmd := exec.CommandContext(w.Context(), program, args...)
	cmd.Env = append(os.Environ(), "CACHEOPS_DB="+w.address, "CACHEOPS_REDIS="+w.redis)
	var out, talk bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &talk
	err := cmd.Run()
	if cmd.ProcessState == nil {
		w.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), talk.String()
}

// invalidate runs the command, which must succeed.
func (w *world) invalidate(args ...string) (stdout, stderr string) {
	w.Helper()
	status, stdout, stderr := w.run("", append([]string{"invalidate"}, args...)...)
	if status != 0 {
		w.Fatalf("invalidate %q: status %d\n%s%s", args, status, stdout, stderr)
	}
	return stdout, stderr
}

// warm reads until the cache answers. A Redis that knows nothing keeps nothing
// before the database has shown that no writer is left over.
func (c *client) warm(query string) {
	c.Helper()
	for range 500 {
		if _, hit := c.read(query); hit {
			return
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-c.Context().Done():
		}
	}
	c.Fatalf("%s is not cached: %s", query, c.why)
}

// gone waits until a read is not answered any more: at once, or, where Redis pushes
// what was dropped, soon.
func (c *client) gone(t *testing.T, query string) {
	t.Helper()
	for range 500 {
		if _, hit := c.read(query); !hit {
			return
		}
		if !c.tracked {
			break
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-t.Context().Done():
		}
	}
	t.Errorf("%s is still answered", query)
}

func matches(pattern, text string) bool {
	return regexp.MustCompile(`(?s)` + pattern).MatchString(text)
}
