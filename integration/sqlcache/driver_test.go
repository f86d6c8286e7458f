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

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/sqlcache"
	"modernc.org/sqlite"
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
	cached := parts(t, sqlcache.Driver(w.cache, &sqlite.Driver{}, nil), w.dsn)
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
	if d := w.db.Driver(); reflect.TypeOf(d) != reflect.TypeOf(w.bare.Driver()) {
		t.Errorf("Driver is a %T", d)
	}
}

func columnTypes(t *testing.T, db querier, q string) string {
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
	exec(t, w.db, "CREATE TABLE wide (a INTEGER, b TEXT, c BLOB, d REAL, e DATETIME, f BOOLEAN, g, h NUMERIC(10,2) NOT NULL)")
	exec(t, w.db, "INSERT INTO wide VALUES (1, 'x', x'00', 1.5, '2024-01-02 03:04:05', 1, NULL, 3.25)")
	q := "SELECT *, a + 1 AS sum FROM wide"
	want := columnTypes(t, w.bare, q)
	for range 3 {
		if got := columnTypes(t, w.db, q); got != want {
			t.Errorf("cached:\n%sbare:\n%s", got, want)
		}
	}
	w.warm(q)
	tx, err := w.db.Begin()
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
	exec(t, w.db, "CREATE TABLE mixed (id INTEGER PRIMARY KEY, a, b)")
	exec(t, w.db, "INSERT INTO mixed VALUES (1, 1, NULL), (2, 'x', 2.5), (3, NULL, x'00')")
	for _, first := range []int{1, 2, 3, 4} {
		q := fmt.Sprintf("SELECT a, b FROM mixed WHERE id >= %d ORDER BY id", first)
		w.warm(q)
		if cached, bare := typesAtTheFirstRow(t, w.db, q), typesAtTheFirstRow(t, w.bare, q); cached != bare {
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
	sql.Register(name, sqlcache.Driver(w.cache, &sqlite.Driver{}, nil))
	db, err := sql.Open(name, w.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for range 2 {
		read(t, db, one)
	}
	if _, r := read(t, db, one); !r.Hit {
		t.Errorf("not cached: %+v", r)
	}
	exec(t, w.db, "UPDATE item SET name = 'elsewhere' WHERE id = 1")
	if rows, _ := read(t, db, one); !strings.Contains(rows, "elsewhere") {
		t.Errorf("read %s", rows)
	}
}

func TestArguments(t *testing.T) {
	w := shop(t, nil)
	q := "SELECT id FROM item WHERE kind = @kind AND name <> :name ORDER BY id"
	for range 2 {
		w.same(q, sql.Named("kind", 1), sql.Named("name", "one"))
	}
	if !w.same(q, sql.Named("name", "one"), sql.Named("kind", 1)) {
		t.Log("the order of named arguments makes another key")
	}
	if w.same(q, sql.Named("kind", 1), sql.Named("name", "two")) {
		t.Error("another named argument is a hit")
	}
	w.warm("SELECT id FROM item WHERE name = ?", valuer{"one"})
	if !w.same("SELECT id FROM item WHERE name = ?", "one") {
		t.Error("a Valuer is not what it stands for")
	}
	w.warm(one+" AND kind < ?", 9)
	if !w.same(one+" AND kind < ?", int64(9)) {
		t.Error("an int and an int64 of one value are different reads")
	}
	for _, bad := range []any{make(chan int), struct{}{}, failing{}} {
		_, cached := w.db.Query("SELECT ?", bad)
		_, bare := w.bare.Query("SELECT ?", bad)
		if cached == nil || bare == nil || cached.Error() != bare.Error() {
			t.Errorf("%T: cached %v, bare %v", bad, cached, bare)
		}
	}
	_, cached := w.db.Query("SELECT id FROM item WHERE kind = ? AND id = ?", 1)
	_, bare := w.bare.Query("SELECT id FROM item WHERE kind = ? AND id = ?", 1)
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
	res := exec(t, w.db, "INSERT INTO item (kind, name) VALUES (5, 'five')")
	id, err1 := res.LastInsertId()
	n, err2 := res.RowsAffected()
	if id != 5 || n != 1 || err1 != nil || err2 != nil {
		t.Errorf("%d %d %v %v", id, n, err1, err2)
	}
	w.warm(kinds)
	if rows, _ := read(t, w.db, "INSERT INTO item (kind, name) VALUES (6, 'six'), (6, 'sixty') RETURNING id, name"); !strings.Contains(rows, "sixty") {
		t.Errorf("returned %s", rows)
	}
	if w.same(kinds) {
		t.Error("a hit after INSERT … RETURNING")
	}
	var q string
	if err := w.db.QueryRow("UPDATE item SET kind = 0 WHERE id = ? RETURNING name", 6).Scan(&q); err != nil || q != "six" {
		t.Errorf("%q, %v", q, err)
	}
	w.same(kinds)
}

func TestSeveralStatementsInOneText(t *testing.T) {
	w := shop(t, nil)
	w.warm(kinds)
	exec(t, w.db, "INSERT INTO item VALUES (20, 3, 'a'); UPDATE item SET kind = 4 WHERE id = 1;")
	if w.same(kinds) {
		t.Error("a hit after two writes in one text")
	}
	w.warm(kinds)
	c := w.conn()
	exec(t, c, "BEGIN; UPDATE item SET kind = 5 WHERE id = 1")
	if rows, r := read(t, c, one); r.Why != "transaction" {
		t.Errorf("not in a transaction: %s, %+v", rows, r)
	}
	exec(t, c, "COMMIT")
	if w.same(kinds) {
		t.Error("a hit after the commit")
	}
	w.warm(kinds)
	if _, err := w.db.Exec("UPDATE item SET kind = 6 WHERE id = 1; INSERT INTO item VALUES (1, 1, 'dup')"); err == nil {
		t.Fatal("no conflict")
	}
	if w.same(kinds) {
		t.Error("a hit although the first of two statements was kept")
	}
}

func TestDeadConnectionsAreReplaced(t *testing.T) {
	w, b := bentShop(t, &sqlcache.Options{MaxIdleConns: 4})
	b.before = once("SELECT", func() error { return driver.ErrBadConn })
	w.same(one)
	b.before = once("BEGIN IMMEDIATE", func() error { return driver.ErrBadConn })
	exec(t, w.db, "UPDATE item SET kind = kind + 1 WHERE id = 1")
	w.same(one)
	if b.closed.Load() != 2 {
		t.Errorf("%d connections were closed", b.closed.Load())
	}
}

// A statement that was sent is never run twice.
func TestLostConnectionIsNotRetried(t *testing.T) {
	for _, inTx := range []bool{false, true} {
		w, b := bentShop(t, nil)
		w.warm(one)
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
			tx, beginErr := w.db.Begin()
			if beginErr != nil {
				t.Fatal(beginErr)
			}
			_, err = tx.Exec("UPDATE item SET kind = kind + 1 WHERE id = 1")
			if tx.Commit() == nil {
				t.Error("a transaction on a lost connection was committed")
			}
		} else {
			_, err = w.db.Exec("UPDATE item SET kind = kind + 1 WHERE id = 1")
		}
		if err == nil || errors.Is(err, driver.ErrBadConn) || sent.Load() != 1 {
			t.Errorf("inTx %v: sent %d times, %v", inTx, sent.Load(), err)
		}
		w.same(one)
		w.warm(one)
	}
}

func TestDriverPanicClosesTheConnection(t *testing.T) {
	w, b := bentShop(t, nil)
	w.warm(one)
	b.before = once("UPDATE", func() error { panic("driver") })
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_, _ = w.db.Exec("UPDATE item SET kind = 3 WHERE id = 1") // panics
	}()
	w.same(one)
	exec(t, w.db, "UPDATE item SET kind = 4 WHERE id = 1")
	w.same(one)
}

func TestInvalidate(t *testing.T) {
	w := shop(t, nil)
	ctx := context.Background()
	w.warm(one)
	w.warm(two)
	if err := sqlcache.Invalidate(ctx, w.db, cacheops.Table("item").Where("id", 1)); err != nil {
		t.Fatal(err)
	}
	if w.same(one) || !w.same(two) {
		t.Error("a row's invalidation dropped the wrong reads")
	}
	w.warm(one)
	tx, err := w.db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if err := sqlcache.Invalidate(ctx, tx, cacheops.Table("item")); err != nil {
		t.Fatal(err)
	}
	if !w.same(one) {
		t.Error("an invalidation did not wait for its transaction")
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if w.same(one) {
		t.Error("the commit did not invalidate")
	}
	if err := sqlcache.Invalidate(ctx, w.bare, cacheops.Everything()); err == nil {
		t.Error("a database that is not cached was invalidated")
	}
	if err := sqlcache.Invalidate(ctx, w.db, cacheops.Table("nowhere")); !errors.Is(err, cacheops.ErrUnknownTable) {
		t.Errorf("an unknown table: %v", err)
	}
}

// What a write leaves alone: the example of the row images.
func TestPrecision(t *testing.T) {
	w := shop(t, nil)
	list := "SELECT id, name FROM item WHERE kind = ? ORDER BY id"
	all := func() {
		t.Helper()
		w.warm(list, 1)
		w.warm(list, 2)
		w.warm(one)
		w.warm(two)
	}
	all()
	exec(t, w.db, "UPDATE item SET name = ? WHERE id = ?", "renamed", 1)
	if !w.same(list, 2) {
		t.Error("renaming a row of kind 1 dropped the list of kind 2")
	}
	if !w.same(two) {
		t.Error("renaming row 1 dropped row 2")
	}
	if w.same(list, 1) || w.same(one) {
		t.Error("a hit after the write")
	}
	all()
	exec(t, w.db, "INSERT INTO item (kind, name) VALUES (?, ?)", 2, "fresh")
	if !w.same(one) || !w.same(two) {
		t.Error("an insert dropped lookups of other rows by key")
	}
	if !w.same(list, 1) {
		t.Error("an insert of kind 2 dropped the list of kind 1")
	}
	if w.same(list, 2) {
		t.Error("a hit after the insert")
	}
	all()
	exec(t, w.db, "UPDATE item SET kind = 2 WHERE id = 1")
	if w.same(list, 1) || w.same(list, 2) {
		t.Error("a hit after a row moved between lists")
	}
	if !w.same(two) {
		t.Error("moving row 1 dropped row 2")
	}
	all()
	tx, err := w.db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	exec(t, tx, "DELETE FROM item WHERE id = 3")
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if !w.same(list, 1) {
		t.Error("deleting a row of kind 2 dropped the list of kind 1")
	}
	w.same(list, 2)
}
