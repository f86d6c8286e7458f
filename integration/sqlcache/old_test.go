package sqlcache_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cacheops/cacheops/adaptertest"
	"github.com/cacheops/cacheops/integration/trial"
	"github.com/cacheops/cacheops/sqlcache"
)

// old is a connector whose connections have nothing but what the first drivers
// had: prepared statements that know their number of inputs and convert their
// arguments by column.
type old struct{ driver.Connector }

func (o old) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := o.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return oldConn{c}, nil
}

type oldConn struct{ conn driver.Conn }

func (c oldConn) Close() error { return c.conn.Close() }

func (c oldConn) Begin() (driver.Tx, error) {
	return c.conn.(driver.ConnBeginTx).BeginTx(context.Background(), driver.TxOptions{})
}

func (c oldConn) Prepare(q string) (driver.Stmt, error) {
	s, err := c.conn.Prepare(q)
	if err != nil {
		return nil, err
	}
	return oldStmt{s, strings.Count(q, "?")}, nil
}

type oldStmt struct {
	stmt   driver.Stmt
	inputs int
}

func (s oldStmt) Close() error  { return s.stmt.Close() }
func (s oldStmt) NumInput() int { return s.inputs }

func (s oldStmt) Exec(args []driver.Value) (driver.Result, error) {
	return s.stmt.Exec(args) //nolint:staticcheck // as old drivers do
}

func (s oldStmt) Query(args []driver.Value) (driver.Rows, error) {
	rows, err := s.stmt.Query(args) //nolint:staticcheck // as old drivers do
	if err != nil {
		return nil, err
	}
	return oldRows{rows}, nil
}

func (s oldStmt) ColumnConverter(int) driver.ValueConverter { return shouting{} }

// shouting converts as the default does, and knows one type more.
type shouting struct{}

type shout string

// point is a type that the default conversion rejects.
type point struct{ x int }

func (shouting) ConvertValue(v any) (driver.Value, error) {
	switch v := v.(type) {
	case shout:
		return strings.ToLower(string(v)), nil
	case point:
		return int64(v.x), nil
	}
	return driver.DefaultParameterConverter.ConvertValue(v)
}

// oldRows have no optional interface.
type oldRows struct{ rows driver.Rows }

func (r oldRows) Columns() []string              { return r.rows.Columns() }
func (r oldRows) Close() error                   { return r.rows.Close() }
func (r oldRows) Next(dest []driver.Value) error { return r.rows.Next(dest) }

// checking is a connector whose connections check arguments themselves.
type checking struct{ driver.Connector }

func (o checking) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := o.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return checkingConn{&bentConn{Conn: c, bent: &bent{}}}, nil
}

type checkingConn struct{ *bentConn }

func (c checkingConn) CheckNamedValue(nv *driver.NamedValue) error {
	switch v := nv.Value.(type) {
	case shout:
		nv.Value = strings.ToLower(string(v))
		return nil
	case point:
		nv.Value = int64(v.x)
		return nil
	}
	return driver.ErrSkip
}

func suiteOver(wrap func(driver.Connector) driver.Connector) func(*testing.T) adaptertest.Harness {
	return func(t *testing.T) adaptertest.Harness {
		dsn := "file:" + filepath.Join(t.TempDir(), "test.db") + pragmas
		db := trial.Closing(t, sqlcache.OpenDB(newCache(t, nil), wrap(connectorTo(t, dsn)), &sqlcache.Options{MaxEntryBytes: maxEntry}))
		bare := trial.Closing(t, sql.OpenDB(wrap(connectorTo(t, dsn))))
		return adaptertest.Harness{Cached: adaptertest.SQL(db), Bare: adaptertest.SQL(bare), MaxEntry: maxEntry}
	}
}

func TestSuiteOldDriver(t *testing.T) {
	adaptertest.Run(t, suiteOver(func(c driver.Connector) driver.Connector { return old{c} }))
}

func TestSuiteCheckingDriver(t *testing.T) {
	adaptertest.Run(t, suiteOver(func(c driver.Connector) driver.Connector { return checking{c} }))
}

func TestDriversOwnConversions(t *testing.T) {
	for name, wrap := range map[string]func(driver.Connector) driver.Connector{
		"by column":     func(c driver.Connector) driver.Connector { return old{c} },
		"by connection": func(c driver.Connector) driver.Connector { return checking{c} },
	} {
		t.Run(name, func(t *testing.T) {
			w := shop(t, nil)
			w.DB = trial.Closing(t, sqlcache.OpenDB(newCache(t, nil), wrap(connectorTo(t, w.dsn)), nil))
			w.Bare = trial.Closing(t, sql.OpenDB(wrap(connectorTo(t, w.dsn))))
			q := "SELECT id FROM item WHERE name = ?"
			for range 2 {
				w.Same(q, shout("ONE"))
			}
			if rows, _ := trial.Read(t, w.DB, q, shout("ONE")); rows == "" {
				t.Error("not converted")
			}
			w.Warm(q, "one")
			trial.Exec(t, w.DB, "UPDATE item SET kind = 12 WHERE name = ?", shout("ONE"))
			w.Same(one)
			w.Same("SELECT name FROM item WHERE id = ?", point{2})
			trial.Exec(t, w.DB, "UPDATE item SET kind = 13 WHERE id = ?", point{1})
			w.Same(one)
			stmt, err := w.DB.Prepare(q)
			if err != nil {
				t.Fatal(err)
			}
			defer stmt.Close()
			var id int
			if err := stmt.QueryRow(shout("TWO")).Scan(&id); err != nil || id != 2 {
				t.Errorf("prepared: %d, %v", id, err)
			}
			for _, args := range [][]any{{}, {1, 2}, {struct{}{}}} {
				_, cached := w.DB.Query(q, args...)
				_, bare := w.Bare.Query(q, args...)
				if (cached == nil) != (bare == nil) || cached != nil && cached.Error() != bare.Error() {
					t.Errorf("%v: cached %v, bare %v", args, cached, bare)
				}
			}
		})
	}
}

func TestIsolationLevels(t *testing.T) {
	w := shop(t, nil)
	oldDB := trial.Closing(t, sqlcache.OpenDB(newCache(t, nil), old{connectorTo(t, w.dsn)}, nil))
	oldBare := trial.Closing(t, sql.OpenDB(old{connectorTo(t, w.dsn)}))
	for _, opts := range []*sql.TxOptions{nil, {Isolation: sql.LevelSerializable}, {ReadOnly: true}} {
		for _, pair := range [][2]*sql.DB{{w.DB, w.Bare}, {oldDB, oldBare}} {
			var errs [2]error
			for i, db := range pair {
				tx, err := db.BeginTx(context.Background(), opts)
				errs[i] = err
				if err == nil {
					errs[i] = tx.Rollback()
				}
			}
			if (errs[0] == nil) != (errs[1] == nil) || errs[0] != nil && errs[0].Error() != errs[1].Error() {
				t.Errorf("%+v: cached %v, bare %v", opts, errs[0], errs[1])
			}
		}
	}
}

// A pool that others use may hand us a connection in a transaction of theirs,
// whose snapshot is from before what was committed since.
func TestWrapDoesNotFillFromSomebodysSnapshot(t *testing.T) {
	w := shop(t, nil)
	pool := sql.OpenDB(connectorTo(t, w.dsn))
	pool.SetMaxIdleConns(1)
	trial.Closing(t, pool)
	db := trial.Closing(t, sqlcache.Wrap(newCache(t, nil), pool, nil))
	trial.Read(t, db, two)
	trial.Exec(t, pool, "BEGIN")
	trial.Read(t, pool, one)
	trial.Exec(t, w.Bare, "UPDATE item SET name = 'since' WHERE id = 1")
	for range 2 {
		if rows, r := trial.Read(t, db, one); !strings.Contains(rows, "since") {
			t.Errorf("read %s from an old snapshot, %+v", rows, r)
		}
	}
	trial.Exec(t, pool, "BEGIN")
	trial.Exec(t, db, "UPDATE item SET name = 'ours' WHERE id = 1")
	if rows, _ := trial.Read(t, w.Bare, one); !strings.Contains(rows, "ours") {
		t.Errorf("a write went into somebody's transaction: %s", rows)
	}
}

func TestReadersOfUncommittedRowsAreNotCached(t *testing.T) {
	w := shop(t, nil)
	db := trial.Closing(t, sqlcache.OpenDB(newCache(t, nil), connectorTo(t, w.dsn+"&_pragma=read_uncommitted(1)"), nil))
	if _, r := trial.Read(t, db, one); !strings.Contains(r.Why, "uncommitted") {
		t.Errorf("%+v", r)
	}
}

// database/sql's context bounds the beginning of a transaction; a COMMIT under
// way is not cut short, so its outcome is known.
func TestContextDoesNotCutTheCommitShort(t *testing.T) {
	w, b := bentShop(t, nil)
	w.Warm(one)
	ctx, cancel := context.WithCancel(context.Background())
	b.before = once("COMMIT", func() error { cancel(); return nil })
	tx, err := w.DB.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	trial.Exec(t, tx, "UPDATE item SET name = 'done' WHERE id = 1")
	if err := tx.Commit(); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("Commit: %v", err)
	}
	if rows, _ := trial.Read(t, w.DB, one); !strings.Contains(rows, "done") {
		t.Errorf("read %s", rows)
	}
	w.Warm(one)
}

// After DDL in a transaction the plans of its other statements say nothing.
func TestSchemaChangedInATransaction(t *testing.T) {
	w := shop(t, nil)
	trial.Exec(t, w.DB, "CREATE TABLE log (n INTEGER)")
	w.Warm("SELECT count(*) FROM log")
	tx, err := w.DB.Begin()
	if err != nil {
		t.Fatal(err)
	}
	trial.Exec(t, tx, "CREATE TRIGGER tr AFTER UPDATE ON item BEGIN INSERT INTO log VALUES (1); END")
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	w.Warm("SELECT count(*) FROM log")
	trial.Exec(t, w.DB, "UPDATE item SET kind = 3 WHERE id = 1")
	if w.Same("SELECT count(*) FROM log") {
		t.Error("the trigger is not known")
	}
	w.Warm("SELECT count(*) FROM log")
	c := w.Conn()
	trial.Exec(t, c, "BEGIN")
	trial.Exec(t, c, "CREATE TABLE fresh (n INTEGER)")
	trial.Exec(t, c, "CREATE TRIGGER tr2 AFTER INSERT ON fresh BEGIN DELETE FROM log; END")
	trial.Exec(t, c, "SAVEPOINT s")
	trial.Exec(t, c, "INSERT INTO fresh VALUES (1)")
	trial.Exec(t, c, "RELEASE s")
	trial.Exec(t, c, "COMMIT")
	w.Same("SELECT count(*) FROM log")
	w.Warm("SELECT count(*) FROM fresh")
}
