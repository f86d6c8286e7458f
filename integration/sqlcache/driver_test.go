package sqlcache_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"

	"modernc.org/sqlite"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/integration/trial"
	"github.com/cacheops/cacheops/sqlcache"
)

// optional lists the optional interfaces of database/sql/driver.
var optional = []reflect.Type{
	reflect.TypeFor[driver.DriverContext](),
	reflect.TypeFor[driver.ConnPrepareContext](),
	reflect.TypeFor[driver.ConnBeginTx](),
	reflect.TypeFor[driver.ExecerContext](),
	reflect.TypeFor[driver.QueryerContext](),
	reflect.TypeFor[driver.Pinger](),
	reflect.TypeFor[driver.SessionResetter](),
	reflect.TypeFor[driver.Validator](),
	reflect.TypeFor[driver.NamedValueChecker](),
	reflect.TypeFor[driver.StmtExecContext](),
	reflect.TypeFor[driver.StmtQueryContext](),
	reflect.TypeFor[driver.RowsNextResultSet](),
	reflect.TypeFor[driver.RowsColumnTypeScanType](),
	reflect.TypeFor[driver.RowsColumnTypeDatabaseTypeName](),
	reflect.TypeFor[driver.RowsColumnTypeLength](),
	reflect.TypeFor[driver.RowsColumnTypeNullable](),
	reflect.TypeFor[driver.RowsColumnTypePrecisionScale](),
}

// parts opens one of everything that a driver makes.
func parts(t *testing.T, d driver.Driver, dsn string) map[string]any {
	t.Helper()
	ctx := context.Background()
	c, err := d.Open(dsn)
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.(driver.ConnPrepareContext).PrepareContext(ctx, "SELECT 1 FROM item")
	if err != nil {
		t.Fatal(err)
	}
	hit, err := s.(driver.StmtQueryContext).QueryContext(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	tx, err := c.(driver.ConnBeginTx).BeginTx(ctx, driver.TxOptions{})
	if err != nil {
		t.Fatal(err)
	}
	live, err := c.(driver.QueryerContext).QueryContext(ctx, "SELECT 1 FROM item", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(hit.Close(), live.Close(), tx.Rollback(), s.Close(), c.Close()); err != nil {
			t.Error(err)
		}
	})
	return map[string]any{"driver": d, "conn": c, "stmt": s, "tx": tx, "rows": hit, "rows in a transaction": live}
}

func TestOptionalInterfacesAreThoseOfTheBareDriver(t *testing.T) {
	w := shop(t, nil)
	bare := parts(t, &sqlite.Driver{}, w.dsn)
	cached := parts(t, sqlcache.Driver(w.Cache, &sqlite.Driver{}, nil), w.dsn)
	checked := 0
	for part, b := range bare {
		for _, i := range optional {
			if !reflect.TypeOf(b).Implements(i) {
				continue
			}
			checked++
			if !reflect.TypeOf(cached[part]).Implements(i) {
				t.Errorf("the bare %s has %v, ours has not", part, i)
			}
		}
	}
	if checked < 15 {
		t.Errorf("compared %d interfaces: the test looks in the wrong place", checked)
	}
	if d := w.DB.Driver(); reflect.TypeOf(d) != reflect.TypeOf(w.Bare.Driver()) {
		t.Errorf("Driver is a %T", d)
	}
}

func columnTypes(t *testing.T, db trial.Querier, q string) string {
	t.Helper()
	rows, err := db.QueryContext(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		t.Fatal(err)
	}
	out := ""
	for _, c := range types {
		length, hasLength := c.Length()
		nullable, hasNullable := c.Nullable()
		precision, scale, decimal := c.DecimalSize()
		out += fmt.Sprintln(c.Name(), c.DatabaseTypeName(), c.ScanType(), length, hasLength, nullable, hasNullable, precision, scale, decimal)
	}
	return out
}

func TestColumnTypes(t *testing.T) {
	w := shop(t, nil)
	trial.Exec(t, w.DB, "CREATE TABLE wide (a INTEGER, b TEXT, c BLOB, d REAL, e DATETIME, f BOOLEAN, g, h NUMERIC(10,2) NOT NULL)")
	trial.Exec(t, w.DB, "INSERT INTO wide VALUES (1, 'x', x'00', 1.5, '2024-01-02 03:04:05', 1, NULL, 3.25)")
	q := "SELECT *, a + 1 AS sum FROM wide"
	want := columnTypes(t, w.Bare, q)
	for range 3 {
		if got := columnTypes(t, w.DB, q); got != want {
			t.Errorf("cached:\n%sbare:\n%s", got, want)
		}
	}
	w.Warm(q)
	tx, err := w.DB.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if got := columnTypes(t, tx, q); got != want {
		t.Errorf("in a transaction:\n%sbare:\n%s", got, want)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
}

// SQLite gives types by row. Until a program is past the first one, cached rows
// say the same; from then on they go on doing so, as package sqlcache says.
func TestColumnTypesOfTheFirstRow(t *testing.T) {
	w := shop(t, nil)
	trial.Exec(t, w.DB, "CREATE TABLE mixed (id INTEGER PRIMARY KEY, a, b)")
	trial.Exec(t, w.DB, "INSERT INTO mixed VALUES (1, 1, NULL), (2, 'x', 2.5), (3, NULL, x'00')")
	for _, first := range []int{1, 2, 3, 4} {
		q := fmt.Sprintf("SELECT a, b FROM mixed WHERE id >= %d ORDER BY id", first)
		w.Warm(q)
		if cached, bare := typesAtTheFirstRow(t, w.DB, q), typesAtTheFirstRow(t, w.Bare, q); cached != bare {
			t.Errorf("from row %d\ncached: %sbare:   %s", first, cached, bare)
		}
	}
}

// typesAtTheFirstRow asks before the first row, and on it.
func typesAtTheFirstRow(t *testing.T, db *sql.DB, q string) (out string) {
	t.Helper()
	rows, err := db.Query(q)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for range 2 {
		types, err := rows.ColumnTypes()
		if err != nil {
			return out + err.Error()
		}
		for _, c := range types {
			length, hasLength := c.Length()
			out += fmt.Sprintln(c.ScanType(), length, hasLength)
		}
		rows.Next()
	}
	return out
}

func TestRegisteredByName(t *testing.T) {
	w := shop(t, nil)
	name := "cached-sqlite-" + t.Name()
	sql.Register(name, sqlcache.Driver(w.Cache, &sqlite.Driver{}, nil))
	db, err := sql.Open(name, w.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for range 2 {
		trial.Read(t, db, one)
	}
	if _, r := trial.Read(t, db, one); !r.Hit {
		t.Errorf("not cached: %+v", r)
	}
	trial.Exec(t, w.DB, "UPDATE item SET name = 'elsewhere' WHERE id = 1")
	if rows, _ := trial.Read(t, db, one); !strings.Contains(rows, "elsewhere") {
		t.Errorf("read %s", rows)
	}
}

func TestArguments(t *testing.T) {
	w := shop(t, nil)
	q := "SELECT id FROM item WHERE kind = @kind AND name <> :name ORDER BY id"
	for range 2 {
		w.Same(q, sql.Named("kind", 1), sql.Named("name", "one"))
	}
	if !w.Same(q, sql.Named("name", "one"), sql.Named("kind", 1)) {
		t.Log("the order of named arguments makes another key")
	}
	if w.Same(q, sql.Named("kind", 1), sql.Named("name", "two")) {
		t.Error("another named argument is a hit")
	}
	w.Warm("SELECT id FROM item WHERE name = ?", valuer{"one"})
	if !w.Same("SELECT id FROM item WHERE name = ?", "one") {
		t.Error("a Valuer is not what it stands for")
	}
	w.Warm(one+" AND kind < ?", 9)
	if !w.Same(one+" AND kind < ?", int64(9)) {
		t.Error("an int and an int64 of one value are different reads")
	}
	for _, bad := range []any{make(chan int), struct{}{}, failing{}} {
		_, cached := w.DB.Query("SELECT ?", bad)
		_, bare := w.Bare.Query("SELECT ?", bad)
		if cached == nil || bare == nil || cached.Error() != bare.Error() {
			t.Errorf("%T: cached %v, bare %v", bad, cached, bare)
		}
	}
	_, cached := w.DB.Query("SELECT id FROM item WHERE kind = ? AND id = ?", 1)
	_, bare := w.Bare.Query("SELECT id FROM item WHERE kind = ? AND id = ?", 1)
	if cached == nil || bare == nil || cached.Error() != bare.Error() {
		t.Errorf("too few arguments: cached %v, bare %v", cached, bare)
	}
}

type valuer struct{ s string }

func (v valuer) Value() (driver.Value, error) { return v.s, nil }

type failing struct{}

func (failing) Value() (driver.Value, error) { return nil, errors.New("no value") }

func TestReturningAndResults(t *testing.T) {
	w := shop(t, nil)
	res := trial.Exec(t, w.DB, "INSERT INTO item (kind, name) VALUES (5, 'five')")
	id, err1 := res.LastInsertId()
	n, err2 := res.RowsAffected()
	if id != 5 || n != 1 || err1 != nil || err2 != nil {
		t.Errorf("%d %d %v %v", id, n, err1, err2)
	}
	w.Warm(kinds)
	if rows, _ := trial.Read(t, w.DB, "INSERT INTO item (kind, name) VALUES (6, 'six'), (6, 'sixty') RETURNING id, name"); !strings.Contains(rows, "sixty") {
		t.Errorf("returned %s", rows)
	}
	if w.Same(kinds) {
		t.Error("a hit after INSERT … RETURNING")
	}
	var q string
	if err := w.DB.QueryRow("UPDATE item SET kind = 0 WHERE id = ? RETURNING name", 6).Scan(&q); err != nil || q != "six" {
		t.Errorf("%q, %v", q, err)
	}
	w.Same(kinds)
}

func TestSeveralStatementsInOneText(t *testing.T) {
	w := shop(t, nil)
	w.Warm(kinds)
	trial.Exec(t, w.DB, "INSERT INTO item VALUES (20, 3, 'a'); UPDATE item SET kind = 4 WHERE id = 1;")
	if w.Same(kinds) {
		t.Error("a hit after two writes in one text")
	}
	w.Warm(kinds)
	c := w.Conn()
	trial.Exec(t, c, "BEGIN; UPDATE item SET kind = 5 WHERE id = 1")
	if rows, r := trial.Read(t, c, one); r.Why != "transaction" {
		t.Errorf("not in a transaction: %s, %+v", rows, r)
	}
	trial.Exec(t, c, "COMMIT")
	if w.Same(kinds) {
		t.Error("a hit after the commit")
	}
	w.Warm(kinds)
	if _, err := w.DB.Exec("UPDATE item SET kind = 6 WHERE id = 1; INSERT INTO item VALUES (1, 1, 'dup')"); err == nil {
		t.Fatal("no conflict")
	}
	if w.Same(kinds) {
		t.Error("a hit although the first of two statements was kept")
	}
}

func TestDeadConnectionsAreReplaced(t *testing.T) {
	w, b := bentShop(t, &sqlcache.Options{MaxIdleConns: 4})
	b.before = once("SELECT", func() error { return driver.ErrBadConn })
	w.Same(one)
	b.before = once("BEGIN IMMEDIATE", func() error { return driver.ErrBadConn })
	trial.Exec(t, w.DB, "UPDATE item SET kind = kind + 1 WHERE id = 1")
	w.Same(one)
	if b.closed.Load() != 2 {
		t.Errorf("%d connections were closed", b.closed.Load())
	}
}

// A statement that was sent is never run twice.
func TestLostConnectionIsNotRetried(t *testing.T) {
	for _, inTx := range []bool{false, true} {
		w, b := bentShop(t, nil)
		w.Warm(one)
		var sent atomic.Int64
		b.after = func(text string, err error) error {
			if strings.HasPrefix(text, "UPDATE") {
				sent.Add(1)
				return driver.ErrBadConn
			}
			return err
		}
		var err error
		if inTx {
			tx, beginErr := w.DB.Begin()
			if beginErr != nil {
				t.Fatal(beginErr)
			}
			_, err = tx.Exec("UPDATE item SET kind = kind + 1 WHERE id = 1")
			if tx.Commit() == nil {
				t.Error("a transaction on a lost connection was committed")
			}
		} else {
			_, err = w.DB.Exec("UPDATE item SET kind = kind + 1 WHERE id = 1")
		}
		if err == nil || errors.Is(err, driver.ErrBadConn) || sent.Load() != 1 {
			t.Errorf("inTx %v: sent %d times, %v", inTx, sent.Load(), err)
		}
		w.Same(one)
		w.Warm(one)
	}
}

func TestDriverPanicClosesTheConnection(t *testing.T) {
	w, b := bentShop(t, nil)
	w.Warm(one)
	b.before = once("UPDATE", func() error { panic("driver") })
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_, _ = w.DB.Exec("UPDATE item SET kind = 3 WHERE id = 1") // panics
	}()
	w.Same(one)
	trial.Exec(t, w.DB, "UPDATE item SET kind = 4 WHERE id = 1")
	w.Same(one)
}

func TestInvalidate(t *testing.T) {
	w := shop(t, nil)
	ctx := context.Background()
	w.Warm(one)
	w.Warm(two)
	if err := sqlcache.Invalidate(ctx, w.DB, cacheops.Table("item").Where("id", 1)); err != nil {
		t.Fatal(err)
	}
	if w.Same(one) || !w.Same(two) {
		t.Error("a row's invalidation dropped the wrong reads")
	}
	w.Warm(one)
	tx, err := w.DB.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if err := sqlcache.Invalidate(ctx, tx, cacheops.Table("item")); err != nil {
		t.Fatal(err)
	}
	if !w.Same(one) {
		t.Error("an invalidation did not wait for its transaction")
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if w.Same(one) {
		t.Error("the commit did not invalidate")
	}
	if err := sqlcache.Invalidate(ctx, w.Bare, cacheops.Everything()); err == nil {
		t.Error("a database that is not cached was invalidated")
	}
	if err := sqlcache.Invalidate(ctx, w.DB, cacheops.Table("nowhere")); !errors.Is(err, cacheops.ErrUnknownTable) {
		t.Errorf("an unknown table: %v", err)
	}
}

// What a write leaves alone: the example of the row images.
func TestPrecision(t *testing.T) {
	w := shop(t, nil)
	list := "SELECT id, name FROM item WHERE kind = ? ORDER BY id"
	all := func() {
		t.Helper()
		w.Warm(list, 1)
		w.Warm(list, 2)
		w.Warm(one)
		w.Warm(two)
	}
	all()
	trial.Exec(t, w.DB, "UPDATE item SET name = ? WHERE id = ?", "renamed", 1)
	if !w.Same(list, 2) {
		t.Error("renaming a row of kind 1 dropped the list of kind 2")
	}
	if !w.Same(two) {
		t.Error("renaming row 1 dropped row 2")
	}
	if w.Same(list, 1) || w.Same(one) {
		t.Error("a hit after the write")
	}
	all()
	trial.Exec(t, w.DB, "INSERT INTO item (kind, name) VALUES (?, ?)", 2, "fresh")
	if !w.Same(one) || !w.Same(two) {
		t.Error("an insert dropped lookups of other rows by key")
	}
	if !w.Same(list, 1) {
		t.Error("an insert of kind 2 dropped the list of kind 1")
	}
	if w.Same(list, 2) {
		t.Error("a hit after the insert")
	}
	all()
	trial.Exec(t, w.DB, "UPDATE item SET kind = 2 WHERE id = 1")
	if w.Same(list, 1) || w.Same(list, 2) {
		t.Error("a hit after a row moved between lists")
	}
	if !w.Same(two) {
		t.Error("moving row 1 dropped row 2")
	}
	all()
	tx, err := w.DB.Begin()
	if err != nil {
		t.Fatal(err)
	}
	trial.Exec(t, tx, "DELETE FROM item WHERE id = 3")
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if !w.Same(list, 1) {
		t.Error("deleting a row of kind 2 dropped the list of kind 1")
	}
	w.Same(list, 2)
}
