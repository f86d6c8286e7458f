package pgxcache_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/pgxcache"
)

// DBTX is the interface of the code that sqlc generates for pgx, with every option
// of its that asks for more.
type DBTX interface {
	Exec(context.Context, string, ...interface{}) (pgconn.CommandTag, error)
	Query(context.Context, string, ...interface{}) (pgx.Rows, error)
	QueryRow(context.Context, string, ...interface{}) pgx.Row
	CopyFrom(ctx context.Context, tableName pgx.Identifier, columnNames []string, rowSrc pgx.CopyFromSource) (int64, error)
	SendBatch(context.Context, *pgx.Batch) pgx.BatchResults
}

var (
	_ DBTX = (*pgxcache.Pool)(nil)
	_ DBTX = (*pgxcache.Conn)(nil)
	_ DBTX = (*pgxcache.Tx)(nil)
)

const twoItems = `CREATE TABLE item (id int PRIMARY KEY, name text, ref uuid, at timestamptz);
	INSERT INTO item VALUES (1, 'one', '00000000-0000-0000-0000-000000000001', '2024-01-01'), (2, 'two', NULL, NULL)`

func itemWorld(t testing.TB, configure func(*pgxpool.Config), opts *pgxcache.Options) *world {
	t.Helper()
	w := newWorld(t, configure, opts)
	w.exec(w.bare, twoItems)
	return w
}

const byID = "SELECT name FROM item WHERE id = $1"

// same reads through the cache, and on the bare pool.
func (w *world) same(sql string, args ...any) (hit bool) {
	w.Helper()
	return w.sameOn(w.pool, sql, args...)
}

// sameOn is same on another pool.
func (w *world) sameOn(on queryer, sql string, args ...any) (hit bool) {
	w.Helper()
	got, hit := w.values(on, sql, args...)
	if want, _ := w.values(w.bare, sql, args...); fmt.Sprint(got) != fmt.Sprint(want) {
		w.Fatalf("%s: the cache says %v, the database %v", sql, got, want)
	}
	return hit
}

func TestHitsTakeNoConnection(t *testing.T) {
	w := itemWorld(t, func(c *pgxpool.Config) { c.MaxConns = 2 }, nil)
	w.warm(w.pool, byID, 1)
	taken := make([]*pgxpool.Conn, 2)
	for i := range taken {
		c, err := w.inner.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Release()
		taken[i] = c
	}
	if _, hit := w.values(w.pool, byID, 1); !hit {
		t.Error("no hit while the pool is exhausted")
	}
	var name string
	if err := w.pool.QueryRow(t.Context(), byID, 1).Scan(&name); err != nil || name != "one" {
		t.Errorf("%q, %v", name, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := w.pool.Exec(ctx, "DELETE FROM item"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a write without a connection: %v", err)
	}
}

func TestNothingIsHeldAfterwards(t *testing.T) {
	w := itemWorld(t, func(c *pgxpool.Config) { c.MaxConns = 1 }, nil)
	for range 5 {
		w.same(byID, 1)
		w.exec(w.pool, "UPDATE item SET name = name || '!' WHERE id = 1")
		w.same(byID, 1)
		w.same("INSERT INTO item (id) SELECT 100 WHERE false RETURNING id")
		tx, err := w.pool.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		w.exec(tx, "UPDATE item SET name = 'x' WHERE id = 1")
		if err := tx.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	w.nothingTaken()
}

func TestArguments(t *testing.T) {
	w := itemWorld(t, nil, nil)
	one := "one"
	var none *string
	id, at := pgtype.UUID{Bytes: [16]byte{15: 1}, Valid: true}, time.Now()
	const byName = "SELECT id FROM item WHERE name = $1"
	for _, c := range []struct {
		sql  string
		args []any
	}{
		{"SELECT id FROM item WHERE name = @name AND id = @id", []any{pgx.NamedArgs{"name": "one", "id": 1}}},
		{"SELECT id FROM item WHERE name = @name", []any{pgx.StrictNamedArgs{"name": "one"}}},
		{byName, []any{&one}},
		{byName, []any{none}},
		{byName, []any{pgtype.Text{String: "one", Valid: true}}},
		{byName, []any{pgtype.Text{}}},
		{byName, []any{pgx.QueryExecModeSimpleProtocol, "one"}},
		{byName, []any{pgx.QueryExecModeExec, "one"}},
		{"SELECT id FROM item WHERE id = ANY($1)", []any{[]int32{1, 2}}},
		{"SELECT id FROM item WHERE ref = $1", []any{id}},
		{"SELECT id FROM item WHERE at < $1", []any{at}},
		{"SELECT id FROM item WHERE at < $1", []any{&at}},
		{"SELECT id FROM item WHERE at < $1", []any{pgtype.Timestamptz{Time: at, Valid: true}}},
		{"SELECT id FROM item WHERE id < $1", []any{pgtype.Int4{Int32: 2, Valid: true}}},
	} {
		want, _ := w.values(w.bare, c.sql, c.args...)
		if got := w.warm(w.pool, c.sql, c.args...); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s %v: %v, want %v", c.sql, c.args, got, want)
		}
		w.exec(w.pool, "INSERT INTO item (id, name, at, ref) VALUES (9, 'one', '2024-02-02', $1)", id)
		w.same(c.sql, c.args...)
		w.exec(w.pool, "DELETE FROM item WHERE id = 9")
		w.same(c.sql, c.args...)
	}
	w.warm(w.pool, byName, pgtype.Text{String: "one", Valid: true})
	if _, hit := w.values(w.pool, byName, pgtype.Text{String: "two", Valid: true}); hit {
		t.Error("another argument is a hit")
	}
	one = "two"
	w.same(byName, &one)
}

// shouting is a rewriter of a program's own that asks its connection.
type shouting struct{ name string }

func (s shouting) RewriteQuery(_ context.Context, conn *pgx.Conn, sql string, _ []any) (string, []any, error) {
	if conn.TypeMap() == nil {
		return "", nil, errors.New("no type map")
	}
	return sql, []any{s.name}, nil
}

func TestRewritersHaveAConnection(t *testing.T) {
	w := itemWorld(t, nil, nil)
	rows := w.warm(w.pool, "SELECT id FROM item WHERE name = $1", shouting{"two"})
	if fmt.Sprint(rows) != "[[2]]" {
		t.Errorf("read %v", rows)
	}
}

func TestResultFormatsAreOtherReads(t *testing.T) {
	w := itemWorld(t, nil, nil)
	w.warm(w.pool, "SELECT id FROM item", pgx.QueryExecModeCacheStatement)
	if _, hit := w.values(w.pool, "SELECT id FROM item", pgx.QueryExecModeSimpleProtocol); hit {
		t.Error("another mode is a hit")
	}
	if _, hit := w.values(w.pool, "SELECT id FROM item", pgx.QueryResultFormats{pgx.TextFormatCode}); hit {
		t.Error("another format is a hit")
	}
}

func TestErrorsArePgxsOwn(t *testing.T) {
	w := itemWorld(t, nil, nil)
	ctx := t.Context()
	for _, q := range []struct {
		sql  string
		args []any
	}{
		{"SELECT nonsense FROM item", nil},
		{"SELEKT", nil},
		{"SELECT 1/0", nil},
		{"SELECT 1/(id-1) FROM item ORDER BY id DESC", nil},
		{"INSERT INTO item VALUES (1)", nil},
		{byID, nil},
		{byID, []any{1, 2}},
		{byID, []any{"x"}},
		{byID, []any{struct{}{}}},
		{"", nil},
		{"UPDATE item SET id = 1 WHERE id = $1 RETURNING 1", []any{2}},
	} {
		for range 2 {
			cached, cachedErr := w.pool.Query(ctx, q.sql, q.args...)
			bare, bareErr := w.bare.Query(ctx, q.sql, q.args...)
			if fmt.Sprint(cachedErr) != fmt.Sprint(bareErr) {
				t.Errorf("%s: Query says %v, pgx %v", q.sql, cachedErr, bareErr)
			}
			for cached.Next() {
			}
			for bare.Next() {
			}
			if fmt.Sprint(cached.Err()) != fmt.Sprint(bare.Err()) || cached.CommandTag() != bare.CommandTag() {
				t.Errorf("%s: the rows say %v %q, pgx's %v %q", q.sql, cached.Err(), cached.CommandTag(), bare.Err(), bare.CommandTag())
			}
			var got, want *pgconn.PgError
			if errors.As(cached.Err(), &got) != errors.As(bare.Err(), &want) {
				t.Errorf("%s: %T, pgx %T", q.sql, cached.Err(), bare.Err())
			}
			gotTag, gotErr := w.pool.Exec(ctx, q.sql, q.args...)
			wantTag, wantErr := w.bare.Exec(ctx, q.sql, q.args...)
			if fmt.Sprint(gotErr) != fmt.Sprint(wantErr) || gotTag != wantTag {
				t.Errorf("%s: Exec says %q %v, pgx %q %v", q.sql, gotTag, gotErr, wantTag, wantErr)
			}
		}
	}
	for range 3 {
		if err := w.pool.QueryRow(ctx, byID, 99).Scan(new(string)); !errors.Is(err, pgx.ErrNoRows) {
			t.Errorf("no row: %v", err)
		}
		var n int
		got, want := w.pool.QueryRow(ctx, byID, 1).Scan(&n), w.bare.QueryRow(ctx, byID, 1).Scan(&n)
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("a wrong destination: %v, pgx says %v", got, want)
		}
		got, want = w.pool.QueryRow(ctx, byID, 1).Scan(), w.bare.QueryRow(ctx, byID, 1).Scan()
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("no destination: %v, pgx says %v", got, want)
		}
	}
}

func TestTags(t *testing.T) {
	w := itemWorld(t, nil, nil)
	for _, sql := range []string{
		"SELECT * FROM item", "SELECT 1 WHERE false", "UPDATE item SET name = name RETURNING id", "UPDATE item SET name = name", "SET LOCAL work_mem = '5MB'",
		"CREATE TABLE IF NOT EXISTS other (id int)", "SHOW work_mem", "EXPLAIN SELECT 1", "VALUES (1), (2)", "SELECT FROM item",
	} {
		for range 3 {
			if got, want := snap(t, w.pool, sql), snap(t, w.bare, sql); got.Tag != want.Tag || fmt.Sprint(got.Raw) != fmt.Sprint(want.Raw) {
				t.Errorf("%s: %q %v, want %q %v", sql, got.Tag, got.Raw, want.Tag, want.Raw)
			}
		}
		rows, _ := w.pool.Query(t.Context(), sql)
		bare, _ := w.bare.Query(t.Context(), sql)
		rows.Close() // before they are read
		bare.Close()
		if rows.CommandTag() != bare.CommandTag() {
			t.Errorf("%s, unread: %q, want %q", sql, rows.CommandTag(), bare.CommandTag())
		}
	}
}

func TestHooksOfEachUse(t *testing.T) {
	hook := func(c *pgxpool.Config) {
		c.PrepareConn = func(context.Context, *pgx.Conn) (bool, error) { return true, nil }
	}
	w := itemWorld(t, hook, nil)
	for range 3 {
		if w.same(byID, 1) {
			t.Error("a hit skips the pool's hook")
		}
	}
	scoped := w.over(w.inner, &pgxcache.Options{Scope: func(context.Context) (string, bool) { return "all", true }})
	w.warm(scoped, byID, 1)
}

func TestAnotherProcess(t *testing.T) {
	w := itemWorld(t, nil, nil)
	other := w.over(w.open(nil), nil)
	w.warm(w.pool, byID, 1)
	if rows, hit := w.values(other, byID, 1); !hit || fmt.Sprint(rows) != "[[one]]" {
		t.Errorf("entries are not shared: %v", rows)
	}
	w.exec(other, "UPDATE item SET name = 'uno' WHERE id = 1")
	if w.same(byID, 1) {
		t.Error("a hit after another's write")
	}
}

func TestInvalidate(t *testing.T) {
	w := itemWorld(t, nil, nil)
	w.warm(w.pool, byID, 1)
	w.exec(w.bare, "UPDATE item SET name = 'past' WHERE id = 1")
	if err := w.pool.Invalidate(t.Context(), cacheops.Table("item")); err != nil {
		t.Fatal(err)
	}
	w.same(byID, 1)
}

func TestCancelledCalls(t *testing.T) {
	w := itemWorld(t, nil, nil)
	w.warm(w.pool, byID, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, id := range []int{1, 2} {
		if err := w.pool.QueryRow(ctx, byID, id).Scan(new(string)); !errors.Is(err, context.Canceled) {
			t.Errorf("id %d: %v", id, err)
		}
	}
	if _, err := w.pool.Begin(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Begin: %v", err)
	}
	short, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer stop()
	if _, err := w.pool.Exec(short, "SELECT pg_sleep(5)"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a deadline in the statement: %v", err)
	}
	w.same(byID, 1)
}

// What pgtype's own types stand for decides what a read depends on, as plain
// values do.
func TestArgumentsArePrecise(t *testing.T) {
	w := itemWorld(t, nil, nil)
	const byName = "SELECT id FROM item WHERE name = $1"
	for _, c := range []struct {
		sql string
		arg any
	}{
		{byID, pgtype.Int4{Int32: 1, Valid: true}},
		{byID, pgtype.Int8{Int64: 1, Valid: true}},
		{"SELECT name FROM item WHERE ref = $1", pgtype.UUID{Bytes: [16]byte{15: 1}, Valid: true}},
		{"SELECT name FROM item WHERE ref = $1", [16]byte{15: 1}},
	} {
		w.warm(w.pool, c.sql, c.arg)
		w.exec(w.pool, "UPDATE item SET name = 'far' WHERE id = $1", pgtype.Int4{Int32: 2, Valid: true})
		if !w.same(c.sql, c.arg) {
			t.Errorf("%s %T: dropped by a write of another row", c.sql, c.arg)
		}
		w.exec(w.pool, "UPDATE item SET name = name || '.' WHERE id = $1", pgtype.Int4{Int32: 1, Valid: true})
		if w.same(c.sql, c.arg) {
			t.Errorf("%s %T: a hit after a write of its row", c.sql, c.arg)
		}
	}
	name := pgtype.Text{String: "new", Valid: true}
	w.warm(w.pool, byName, name)
	w.exec(w.pool, "UPDATE item SET name = $1 WHERE id = 1", name)
	if w.same(byName, name) {
		t.Error("a hit after a write of the name")
	}
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol, pgx.QueryExecModeDescribeExec} {
		for _, arg := range []any{pgtype.UUID{Bytes: [16]byte{15: 1}, Valid: true}, pgtype.UUID{}, pgtype.Numeric{}, [16]byte{15: 1}, name} {
			for range 3 {
				got, gotErr := w.pool.Query(t.Context(), "SELECT $1::text", mode, arg)
				want, wantErr := w.bare.Query(t.Context(), "SELECT $1::text", mode, arg)
				a, aErr := pgx.CollectRows(got, pgx.RowTo[*string])
				b, bErr := pgx.CollectRows(want, pgx.RowTo[*string])
				if fmt.Sprint(gotErr, aErr) != fmt.Sprint(wantErr, bErr) || len(a) != len(b) || len(a) > 0 && a[0] != nil && *a[0] != *b[0] {
					t.Errorf("%v %T: %v %v %v, pgx %v %v %v", mode, arg, gotErr, aErr, a, wantErr, bErr, b)
				}
			}
		}
	}
}

// RETURNING tells which rows a statement wrote, in whatever format they come.
func TestReturningTellsWhichRows(t *testing.T) {
	t.Parallel()
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeCacheStatement, pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol} {
		w := newWorld(t, func(c *pgxpool.Config) { c.ConnConfig.DefaultQueryExecMode = mode }, nil)
		w.exec(w.pool, "CREATE TABLE made (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, kind INTEGER, name TEXT)")
		w.exec(w.pool, "INSERT INTO made (kind, name) SELECT i % 3, 'name ' || i FROM generate_series(1, 9) i")
		const several, absent, named = "SELECT id, name FROM made WHERE id IN (1, 2, 4) ORDER BY id", "SELECT name FROM made WHERE id = 10", "SELECT id FROM made WHERE name = 'name 1'"
		for _, q := range []string{several, absent, named} {
			w.warm(w.pool, q)
		}
		w.values(w.pool, "INSERT INTO made (kind, name) VALUES (1, 'new') RETURNING id")
		if rows, hit := w.values(w.pool, absent); hit || len(rows) != 1 {
			t.Errorf("mode %v: the inserted row: hit %v, %v", mode, hit, rows)
		}
		for _, q := range []string{
			"UPDATE made SET name = name || '!' WHERE kind = 1 AND id > 9 RETURNING name, id", "DELETE FROM made WHERE kind = 1 AND id > 9 RETURNING name, id",
		} {
			w.warm(w.pool, named)
			w.values(w.pool, q)
			if _, hit := w.values(w.pool, several); !hit {
				t.Errorf("mode %v: %s drops other rows", mode, q)
			}
			if _, hit := w.values(w.pool, named); hit != strings.HasPrefix(q, "DELETE") { // what an UPDATE has overwritten nobody tells
				t.Errorf("mode %v: %s: a hit of another name: %v", mode, q, hit)
			}
		}
		w.values(w.pool, "UPDATE made SET name = 'name 1' WHERE id = 2 RETURNING name")
		if rows, hit := w.values(w.pool, named); hit || len(rows) != 2 {
			t.Errorf("mode %v: hit %v, %v", mode, hit, rows)
		}
	}
}
