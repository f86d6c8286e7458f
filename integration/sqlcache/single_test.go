package sqlcache_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"path/filepath"
	"testing"

	"modernc.org/sqlite"

	"github.com/cacheops/cacheops/integration/trial"
	"github.com/cacheops/cacheops/sqlcache"
)

// onlyOne opens a second pool, of one connection, over the world's file and
// under its name: what is set on that connection is set for the whole pool.
func (w *world) onlyOne() *sql.DB {
	w.Helper()
	return trial.Closing(w, sqlcache.OpenDB(w.Cache, connectorTo(w, w.dsn), &sqlcache.Options{MaxOpenConns: 1}))
}

// Pools of one data source name share their entries, but not with one on whose
// only connection a setting was changed that changes answers.
func TestSettingOfTheOnlyConnectionIsNotTheOthers(t *testing.T) {
	for set, q := range map[string]string{
		"PRAGMA case_sensitive_like = 1":                              "SELECT id FROM item WHERE name LIKE 'O%'",
		"PRAGMA reverse_unordered_selects = 1":                        "SELECT kind FROM item",
		"PRAGMA short_column_names = 0; PRAGMA full_column_names = 1": "SELECT item.name FROM item",
	} {
		w := shop(t, nil)
		only := w.onlyOne()
		w.Warm(q)
		if _, r := trial.Read(t, only, q); !r.Hit {
			t.Errorf("pools of one name do not share: %+v", r)
		}
		trial.Exec(t, only, set)
		bare := trial.Closing(t, sql.OpenDB(connectorTo(t, w.dsn)))
		bare.SetMaxOpenConns(1)
		trial.Exec(t, bare, set)
		for range 2 {
			if got, want := withNames(t, only, q), withNames(t, bare, q); got != want {
				t.Errorf("%s: the cache says %s, the database %s", set, got, want)
			}
		}
		w.Warm(q)
	}
}

// withNames is a read with its first column's name.
func withNames(t *testing.T, on *sql.DB, q string) string {
	t.Helper()
	rows, err := on.QueryContext(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	out := names[0]
	for rows.Next() {
		var v any
		if err := rows.Scan(&v); err != nil {
			t.Fatal(err)
		}
		out += fmt.Sprintf(" %v", v)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// What the only connection reads of other transactions' uncommitted rows is not
// kept.
func TestOnlyConnectionThatReadsUncommittedKeepsNothing(t *testing.T) {
	w := newWorld(t, nil)
	w.dsn += "&cache=shared"
	w.DB = trial.Closing(t, sqlcache.OpenDB(w.Cache, connectorTo(t, w.dsn), nil))
	w.fill()
	only := w.onlyOne()
	trial.Exec(t, only, "PRAGMA read_uncommitted = 1")
	tx, err := w.DB.Begin()
	if err != nil {
		t.Fatal(err)
	}
	trial.Exec(t, tx, "UPDATE item SET name = 'never' WHERE id = 1")
	if dirty, _ := trial.Read(t, only, one); dirty == "" {
		t.Error("no row")
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	for _, on := range []*sql.DB{only, w.DB} {
		got, _ := trial.Read(t, on, one)
		if want, _ := trial.Read(t, w.Bare, one); got != want {
			t.Errorf("the cache says %s, the database %s", got, want)
		}
	}
}

// Those who write to a file that is attached here need not know of that.
func TestReadsOfAnAttachedFile(t *testing.T) {
	w := shop(t, nil)
	here := "file:" + filepath.Join(t.TempDir(), "here.db") + pragmas
	attach := "ATTACH '" + filepath.Join(filepath.Dir(w.dsn[len("file:"):]), "test.db") + "' AS other"
	for _, limit := range []int{0, 1} {
		var db *sql.DB
		if limit == 1 {
			db = trial.Closing(t, sqlcache.OpenDB(w.Cache, connectorTo(t, here), &sqlcache.Options{MaxOpenConns: 1}))
			trial.Exec(t, db, attach)
		} else {
			db = trial.Closing(t, sqlcache.OpenDB(w.Cache, connectorTo(t, here+"&_pragma=foreign_keys(1)%3B"+attach), nil))
		}
		for i, name := range []string{"first", "second", "third"} {
			trial.Exec(t, w.DB, "UPDATE item SET name = ? WHERE id = 1", name)
			for _, q := range []string{"SELECT name FROM other.item WHERE id = 1", "SELECT name FROM item WHERE id = 1"} {
				got, _ := trial.Read(t, db, q)
				if want, _ := trial.Read(t, w.Bare, "SELECT name FROM item WHERE id = 1"); got != want {
					t.Errorf("%d: the cache says %s, the database %s", i, got, want)
				}
			}
		}
	}
}

// A file may be attached to itself.
func TestWritesToOneOwnFileUnderAnotherName(t *testing.T) {
	w := shop(t, nil)
	file := filepath.Join(filepath.Dir(w.dsn[len("file:"):]), "test.db")
	db := trial.Closing(t, sqlcache.OpenDB(w.Cache, connectorTo(t, w.dsn+"&_pragma=foreign_keys(1)%3BATTACH '"+file+"' AS again"), nil))
	w.Warm(one)
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	trial.Exec(t, tx, "UPDATE again.item SET name = 'changed' WHERE id = 1")
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	w.Warm(one)
}

// aimed is a connector whose data source name cannot be seen from outside, as in
// one that wraps another.
type aimed struct{ at *string }

func (a aimed) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := sqlite.NewConnector(*a.at)
	if err != nil {
		return nil, err
	}
	return c.Connect(ctx)
}

func (a aimed) Driver() driver.Driver { return &sqlite.Driver{} }

// A connector at the address of an earlier one need not be like it.
func TestConnectorsWithPointersDoNotShare(t *testing.T) {
	w := newWorld(t, nil)
	trial.Exec(t, w.DB, "CREATE TABLE visit (id INTEGER PRIMARY KEY, at TIMESTAMP)")
	trial.Exec(t, w.DB, "INSERT INTO visit VALUES (1, 1700000000)")
	dsn := w.dsn
	for _, more := range []string{"", "&_inttotime=1", ""} {
		dsn = w.dsn + more
		db := trial.Closing(t, sqlcache.OpenDB(w.Cache, aimed{&dsn}, nil))
		bare := trial.Closing(t, sql.OpenDB(aimed{&dsn}))
		for range 2 {
			got, _ := trial.Read(t, db, "SELECT at FROM visit")
			if want, _ := trial.Read(t, bare, "SELECT at FROM visit"); got != want {
				t.Errorf("with %q: the cache says %s, the database %s", more, got, want)
			}
		}
		if _, r := trial.Read(t, db, "SELECT at FROM visit"); !r.Hit {
			t.Errorf("never a hit: %+v", r)
		}
	}
}
