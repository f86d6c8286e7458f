package sqlcache_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"io"
	"testing"

	"github.com/cacheops/cacheops/integration/trial"
	"github.com/cacheops/cacheops/sqlcache"
)

// idle is a driver that does nothing but return rows it has: the floor of what
// a read through database/sql costs.
type idle struct{ rows [][]driver.Value }

func (d idle) Connect(context.Context) (driver.Conn, error) { return idleConn{d}, nil }
func (d idle) Driver() driver.Driver                        { return nil }

type idleConn struct{ idle }

func (idleConn) Prepare(string) (driver.Stmt, error) { return nil, driver.ErrSkip }
func (idleConn) Close() error                        { return nil }
func (idleConn) Begin() (driver.Tx, error)           { return nil, driver.ErrSkip }
func (c idleConn) QueryContext(context.Context, string, []driver.NamedValue) (driver.Rows, error) {
	return &idleRows{rows: c.rows}, nil
}

type idleRows struct {
	rows [][]driver.Value
	n    int
}

var idleColumns = []string{"id", "kind", "name"}

func (r *idleRows) Columns() []string { return idleColumns }
func (r *idleRows) Close() error      { return nil }
func (r *idleRows) Next(dest []driver.Value) error {
	if r.n == len(r.rows) {
		return io.EOF
	}
	copy(dest, r.rows[r.n])
	r.n++
	return nil
}

func scan(b *testing.B, ctx context.Context, db *sql.DB, want int) {
	rows, err := db.QueryContext(ctx, "SELECT id, kind, name FROM item WHERE id <= ?", want)
	if err != nil {
		b.Fatal(err)
	}
	n := 0
	for rows.Next() {
		var id, kind int64
		var name string
		if err := rows.Scan(&id, &kind, &name); err != nil {
			b.Fatal(err)
		}
		n++
	}
	if err := rows.Close(); err != nil || n != want {
		b.Fatal(n, err)
	}
}

func BenchmarkHit(b *testing.B) {
	ctx := context.Background()
	for _, n := range []int{1, 20} {
		var rows [][]driver.Value
		db := trial.Closing(b, sqlcache.OpenDB(newCache(b, nil), connectorTo(b, "file:"+b.TempDir()+"/b.db"), nil))
		trial.Exec(b, db, items)
		for i := 1; i <= n; i++ {
			name := fmt.Sprintf("the name of row %d", i)
			trial.Exec(b, db, "INSERT INTO item VALUES (?, ?, ?)", i, i*1000, name)
			rows = append(rows, []driver.Value{int64(i), int64(i * 1000), name})
		}
		floor := trial.Closing(b, sql.OpenDB(idle{rows}))
		for _, c := range []struct {
			name string
			db   *sql.DB
		}{{"idle driver", floor}, {"hit", db}} {
			b.Run(fmt.Sprintf("%d rows/%s", n, c.name), func(b *testing.B) {
				scan(b, ctx, c.db, n)
				b.ReportAllocs()
				for b.Loop() {
					scan(b, ctx, c.db, n)
				}
			})
		}
	}
}
