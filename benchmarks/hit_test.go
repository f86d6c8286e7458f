package benchmarks

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"io"
	"testing"
)

// still is a driver that does nothing: it hands out the same rows again and
// again. It is the floor of what anything behind database/sql costs.
type still struct {
	cols []string
	rows [][]driver.Value
}

func (s *still) Connect(context.Context) (driver.Conn, error) { return stillConn{s}, nil }
func (s *still) Driver() driver.Driver                        { return nil }

type stillConn struct{ s *still }

func (c stillConn) Prepare(string) (driver.Stmt, error) { return nil, driver.ErrSkip }
func (c stillConn) Close() error                        { return nil }
func (c stillConn) Begin() (driver.Tx, error)           { return nil, driver.ErrSkip }

func (c stillConn) QueryContext(context.Context, string, []driver.NamedValue) (driver.Rows, error) {
	return &stillRows{s: c.s}, nil
}

type stillRows struct {
	s *still
	n int
}

func (r *stillRows) Columns() []string { return r.s.cols }
func (r *stillRows) Close() error      { return nil }

func (r *stillRows) Next(dest []driver.Value) error {
	if r.n == len(r.s.rows) {
		return io.EOF
	}
	copy(dest, r.s.rows[r.n])
	r.n++
	return nil
}

// BenchmarkHit is a hit through database/sql against the driver that does
// nothing, with the same rows.
func BenchmarkHit(b *testing.B) {
	for _, n := range []int{1, 20} {
		b.Run(fmt.Sprintf("%d-rows", n), func(b *testing.B) {
			db, _ := openCached(b, articles(b))
			floor := sql.OpenDB(copyOf(b, db, n))
			defer floor.Close()
			compare(b, func() { scan(b, floor, n) }, func() { scan(b, db, n) })
		})
	}
}

const hitSQL = "SELECT id, category, title, body FROM articles WHERE category = ? ORDER BY id LIMIT ?"

// copyOf takes the rows that the benchmark reads into a driver that does
// nothing.
func copyOf(b *testing.B, db *sql.DB, n int) *still {
	rows, err := db.Query(hitSQL, 7, n)
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	s := &still{cols: []string{"id", "category", "title", "body"}}
	for rows.Next() {
		var (
			id, category int64
			title, body  string
		)
		if err := rows.Scan(&id, &category, &title, &body); err != nil {
			b.Fatal(err)
		}
		s.rows = append(s.rows, []driver.Value{id, category, title, body})
	}
	if len(s.rows) != n || rows.Err() != nil {
		b.Fatalf("%d rows, %v", len(s.rows), rows.Err())
	}
	return s
}

func scan(b *testing.B, db *sql.DB, n int) {
	rows, err := db.QueryContext(context.Background(), hitSQL, 7, n)
	if err != nil {
		b.Fatal(err)
	}
	var (
		id, category int64
		title, body  string
	)
	for rows.Next() {
		if err := rows.Scan(&id, &category, &title, &body); err != nil {
			b.Fatal(err)
		}
		n--
	}
	if n != 0 || rows.Err() != nil {
		b.Fatalf("%d rows are missing: %v", n, rows.Err())
	}
	rows.Close()
}

// BenchmarkSavedWork is, for scale, a hit against the same read on the bare
// SQLite: below 1.
func BenchmarkSavedWork(b *testing.B) {
	dsn := articles(b)
	db, _ := openCached(b, dsn)
	bare, err := sql.Open("sqlite", dsn)
	if err != nil {
		b.Fatal(err)
	}
	defer bare.Close()
	compare(b, func() { scan(b, bare, 20) }, func() { scan(b, db, 20) })
}

// BenchmarkWriteThroughSQL is an UPDATE by key through the cache, after 10,000
// ad-hoc combinations of filters against after 10.
func BenchmarkWriteThroughSQL(b *testing.B) {
	few, many := combined(b, 10), combined(b, 10_000)
	b.Run("10000-to-10", func(b *testing.B) {
		i := 0
		write := func(db *sql.DB) func() {
			return func() {
				i++
				must(b, db, "UPDATE wide SET c0 = ? WHERE id = ?", i, i%100)
			}
		}
		compare(b, write(few), write(many))
	})
}

// combined is a database after n combinations of filters on a wide table.
func combined(b *testing.B, n int) *sql.DB {
	db, _ := openCached(b, articles(b))
	must(b, db, "CREATE TABLE wide (id INTEGER PRIMARY KEY, c0 INT, c1 INT, c2 INT, c3 INT, c4 INT, c5 INT, c6 INT, c7 INT, c8 INT, c9 INT, c10 INT, c11 INT, c12 INT, c13 INT, c14 INT)")
	must(b, db, "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 99) INSERT INTO wide SELECT i,i,i,i,i,i,i,i,i,i,i,i,i,i,i,i FROM n")
	for i := range n {
		text := "SELECT c0 FROM wide WHERE 1 = 1"
		for c := range 14 {
			if (i+1)>>c&1 == 1 {
				text += fmt.Sprintf(" AND c%d = %d", c+1, i)
			}
		}
		rows, err := db.Query(text)
		if err != nil {
			b.Fatal(err)
		}
		rows.Close()
	}
	return db
}
