package benchmarks

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"modernc.org/sqlite"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/memstore"
	"github.com/cacheops/cacheops/sqlcache"
)

const (
	rowCount   = 10_000
	categories = 200
	zipf       = 1.1
	operations = 15_000
	writeShare = 5 // per cent
)

const (
	listSQL = "SELECT id, title FROM articles WHERE category = ? ORDER BY id"
	keySQL  = "SELECT id, category, title, body FROM articles WHERE id = ?"
)

// articles makes the workload's database and returns its data source name.
func articles(tb testing.TB) string {
	tb.Helper()
	dir := tb.TempDir()
	if shm, err := os.MkdirTemp("/dev/shm", "articles"); err == nil {
		tb.Cleanup(func() { os.RemoveAll(shm) })
		dir = shm
	}
	dsn := "file:" + filepath.Join(dir, "articles.db") + "?_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)&_pragma=busy_timeout(10000)"
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		tb.Fatal(err)
	}
	defer db.Close()
	must(tb, db, "CREATE TABLE articles (id INTEGER PRIMARY KEY, category INTEGER NOT NULL, title TEXT NOT NULL, body TEXT, views INTEGER NOT NULL DEFAULT 0)")
	must(tb, db, "CREATE INDEX by_category ON articles(category)")
	must(tb, db, fmt.Sprintf(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
		INSERT INTO articles (id, category, title, body) SELECT i, i %% %d, 'title ' || i, 'body ' || i FROM n`, rowCount, categories))
	return dsn
}

func must(tb testing.TB, db *sql.DB, text string, args ...any) {
	tb.Helper()
	if _, err := db.Exec(text, args...); err != nil {
		tb.Fatal(err)
	}
}

// openCached opens the database behind a cache that keeps everything.
func openCached(tb testing.TB, dsn string) (*sql.DB, *cacheops.Cache) {
	tb.Helper()
	return openOver(tb, memstore.New(1<<30), dsn)
}

func openOver(tb testing.TB, store *memstore.Store, dsn string) (*sql.DB, *cacheops.Cache) {
	tb.Helper()
	cache, err := cacheops.New(store, &cacheops.Config{
		Rules: []cacheops.Rule{{Tables: "*", Ops: cacheops.All, TTL: time.Hour}},
	})
	if err != nil {
		tb.Fatal(err)
	}
	db := sqlcache.OpenDB(cache, connector(dsn), &sqlcache.Options{})
	tb.Cleanup(func() {
		if err := db.Close(); err != nil {
			tb.Error(err)
		}
		if err := cache.Close(); err != nil {
			tb.Error(err)
		}
	})
	return db, cache
}

// connector opens SQLite, whose driver makes none.
type connector string

func (c connector) Driver() driver.Driver { return &sqlite.Driver{} }

func (c connector) Connect(context.Context) (driver.Conn, error) { return c.Driver().Open(string(c)) }

func hits(c *cacheops.Cache) (n uint64) {
	for _, r := range c.Stats().Reads {
		n += r.Hits
	}
	return n
}

// TestMixed runs 95 % reads and 5 % writes on one table and compares the hit
// ratio with an oracle's that drops an entry only when its result changes, and
// with a cache's that drops everything at every write of the table.
func TestMixed(t *testing.T) {
	for _, variant := range []string{"lists by category", "rows by key", "both"} {
		t.Run(variant, func(t *testing.T) {
			m := newMix(t)
			for range operations {
				m.step(variant)
			}
			reads := float64(m.reads)
			got, ideal, coarse := float64(hits(m.cache))/reads, float64(m.ideal)/reads, float64(m.coarse)/reads
			t.Logf("hit ratio %.3f, ideal %.3f (%.3f of it), dropping by table %.3f; %d reads, %d writes", got, ideal, got/ideal, coarse, m.reads, m.writes)
			if got < 0.95*ideal {
				t.Errorf("the hit ratio is %.3f of the ideal, less than 0.95", got/ideal)
			}
		})
	}
}

// mix is a run of the workload, with the two imagined caches beside the real.
type mix struct {
	t      *testing.T
	db     *sql.DB
	bare   *sql.DB
	cache  *cacheops.Cache
	dice   *rand.Rand
	rows   *rand.Zipf
	cats   *rand.Zipf
	nextID int

	reads, writes, ideal, coarse int
	last                         map[string]string // result by read
	fresh                        map[string]bool   // reads since the last write
}

func newMix(t *testing.T) *mix {
	dsn := articles(t)
	m := &mix{t: t, dice: rand.New(rand.NewSource(1)), nextID: rowCount, last: map[string]string{}, fresh: map[string]bool{}}
	m.db, m.cache = openCached(t, dsn)
	bare, err := sql.Open("sqlite", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { bare.Close() })
	m.bare = bare
	m.rows = rand.NewZipf(m.dice, zipf, 1, rowCount-1)
	m.cats = rand.NewZipf(m.dice, zipf, 1, categories-1)
	return m
}

// row takes a key. Which keys are the popular ones has nothing to do with
// their category.
func (m *mix) row() int { return int(m.rows.Uint64()*7919)%rowCount + 1 }

func (m *mix) category() int { return int(m.cats.Uint64()) }

func (m *mix) step(variant string) {
	if m.dice.Intn(100) < writeShare {
		m.write()
		return
	}
	list := variant == "lists by category" || variant == "both" && m.dice.Intn(2) == 0
	if list {
		m.read(listSQL, m.category())
	} else {
		m.read(keySQL, m.row())
	}
}

func (m *mix) read(text string, arg int) {
	key := fmt.Sprint(text, arg)
	got, want := result(m.t, m.db, text, arg), result(m.t, m.bare, text, arg)
	if got != want {
		m.t.Fatalf("%s %d: a stale result", text, arg)
	}
	m.reads++
	if last, ok := m.last[key]; ok && last == want {
		m.ideal++
	}
	if m.fresh[key] {
		m.coarse++
	}
	m.last[key], m.fresh[key] = want, true
}

// write changes one row: its title or views, its category, its being there.
func (m *mix) write() {
	m.writes++
	clear(m.fresh)
	switch n := m.dice.Intn(100); {
	case n < 50:
		must(m.t, m.db, "UPDATE articles SET title = ? WHERE id = ?", fmt.Sprint("title ", m.writes), m.row())
	case n < 70:
		must(m.t, m.db, "UPDATE articles SET category = ? WHERE id = ?", m.category(), m.row())
	case n < 85:
		m.nextID++
		must(m.t, m.db, "INSERT INTO articles (category, title, body) VALUES (?, ?, ?)", m.category(), fmt.Sprint("title ", m.nextID), "new")
	default:
		must(m.t, m.db, "DELETE FROM articles WHERE id = ?", m.row())
	}
}

func result(t *testing.T, db *sql.DB, text string, arg int) string {
	rows, err := db.QueryContext(context.Background(), text, arg)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	cols, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	vals, ptrs := make([]any, len(cols)), make([]any, len(cols))
	for i := range vals {
		ptrs[i] = &vals[i]
	}
	var b strings.Builder
	for rows.Next() {
		if err := rows.Scan(ptrs...); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&b, vals...)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
