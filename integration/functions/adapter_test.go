package functions

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/sqlcache"
)

const sum = "SELECT sum(n) FROM item WHERE kind = 1"

// kept calls a function three times and reports whether the last was a hit. A
// first call that is not kept is allowed: the database attaches itself with it.
func (w *world) kept(fn func(ctx context.Context) error, opts ...cacheops.Option) bool {
	w.Helper()
	runs := 0
	for range 3 {
		_, err := cacheops.Memo(w.Context(), w.cache, "k", func(ctx context.Context) (int, error) {
			runs++
			return 0, fn(ctx)
		}, append(opts, cacheops.WithoutReads())...) // so that it is the adapter that has to tell
		if err != nil {
			w.Fatal(err)
		}
	}
	return runs < 3
}

// Whatever is done under a function's context, the adapter tells it: what cannot
// be followed is not kept, and what can is.
func TestWhatAnAdapterTells(t *testing.T) {
	for _, c := range []struct {
		name string
		kept bool
		fn   func(ctx context.Context, w *world) error
	}{
		{"a query", true, func(ctx context.Context, w *world) error {
			_, err := number(ctx, w.db, sum)
			return err
		}},
		{"a prepared query", true, func(ctx context.Context, w *world) error {
			st, err := w.db.PrepareContext(ctx, "SELECT sum(n) FROM item WHERE kind = ?")
			if err != nil {
				return err
			}
			defer st.Close()
			var n int64
			return st.QueryRowContext(ctx, 1).Scan(&n)
		}},
		{"a connection", true, func(ctx context.Context, w *world) error {
			conn, err := w.db.Conn(ctx)
			if err != nil {
				return err
			}
			defer conn.Close()
			_, err = number(ctx, conn, sum)
			return err
		}},
		{"a transaction", false, func(ctx context.Context, w *world) error {
			return w.inTx(ctx, func(tx *sql.Tx) error { _, err := number(ctx, tx, sum); return err })
		}},
		{"a transaction whose reads have no context", false, func(ctx context.Context, w *world) error {
			return w.inTx(ctx, func(tx *sql.Tx) error { _, err := number(context.Background(), tx, sum); return err })
		}},
		{"a transaction begun elsewhere", false, func(ctx context.Context, w *world) error {
			return w.inTx(context.Background(), func(tx *sql.Tx) error { _, err := number(ctx, tx, sum); return err })
		}},
		{"a transaction by text", false, func(ctx context.Context, w *world) error {
			conn, err := w.db.Conn(ctx)
			if err != nil {
				return err
			}
			defer conn.Close()
			_, err = conn.ExecContext(ctx, "BEGIN")
			if err == nil {
				_, err = number(context.Background(), conn, sum)
			}
			_, rollback := conn.ExecContext(ctx, "ROLLBACK")
			return errors.Join(err, rollback)
		}},
		{"random", false, func(ctx context.Context, w *world) error { _, err := number(ctx, w.db, "SELECT random()"); return err }},
		{"the time", false, func(ctx context.Context, w *world) error {
			var s string
			return w.db.QueryRowContext(ctx, "SELECT datetime('now')").Scan(&s)
		}},
		{"a pragma", false, func(ctx context.Context, w *world) error {
			_, err := number(ctx, w.db, "PRAGMA user_version")
			return err
		}},
		{"the schema", false, func(ctx context.Context, w *world) error {
			_, err := number(ctx, w.db, "SELECT count(*) FROM sqlite_master")
			return err
		}},
		{"explain", false, func(ctx context.Context, w *world) error {
			rows, err := w.db.QueryContext(ctx, "EXPLAIN "+sum)
			if err != nil {
				return err
			}
			return errors.Join(rows.Close(), rows.Err())
		}},
		{"a write", false, func(ctx context.Context, w *world) error {
			_, err := w.db.ExecContext(ctx, "UPDATE item SET n = n WHERE id = 4")
			return err
		}},
		{"a write that returns rows", false, func(ctx context.Context, w *world) error {
			_, err := number(ctx, w.db, "UPDATE item SET n = n WHERE id = 4 RETURNING n")
			return err
		}},
		{"a write of nothing", false, func(ctx context.Context, w *world) error {
			_, err := w.db.ExecContext(ctx, "DELETE FROM item WHERE id = 99")
			return err
		}},
		{"DDL", false, func(ctx context.Context, w *world) error {
			_, err := w.db.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS other (id INTEGER)")
			return err
		}},
		{"the driver's connection", false, func(ctx context.Context, w *world) error {
			conn, err := w.db.Conn(ctx)
			if err != nil {
				return err
			}
			defer conn.Close()
			return sqlcache.Raw(ctx, conn, func(any) error { return nil })
		}},
		{"a session of its own", false, func(ctx context.Context, w *world) error {
			conn, err := w.db.Conn(ctx)
			if err != nil {
				return err
			}
			defer conn.Close()
			if _, err := conn.ExecContext(context.Background(), "CREATE TEMP TABLE IF NOT EXISTS item2 (id INTEGER)"); err != nil {
				return err
			}
			_, err = number(ctx, conn, sum)
			return err
		}},
		{"a drop by hand", false, func(ctx context.Context, w *world) error {
			return sqlcache.Invalidate(ctx, w.db, cacheops.Table("item"))
		}},
		{"a drop by hand over the cache", false, func(ctx context.Context, w *world) error {
			return w.cache.Invalidate(ctx, cacheops.Table("item"))
		}},
		{"a read that fails", false, func(ctx context.Context, w *world) error {
			_, err := number(ctx, w.db, "SELECT json(kind || '{') FROM item")
			if err == nil {
				t.Error("it did not fail")
			}
			return nil
		}},
		{"a result that is too large", false, func(ctx context.Context, w *world) error {
			rows, err := w.db.QueryContext(ctx, "SELECT a.n, replace(hex(zeroblob(5000)), '00', 'xx') FROM item a, item b, item c, item d")
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() { //nolint:revive // they are to be read to the end
			}
			return rows.Err()
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, memory(t), nil)
			if kept := w.kept(func(ctx context.Context) error { return c.fn(ctx, w) }); kept != c.kept {
				t.Errorf("kept: %v, want %v; refused: %v", kept, c.kept, w.cache.Stats().Refused)
			}
		})
	}
}

func (w *world) inTx(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := w.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	return errors.Join(f(tx), tx.Rollback())
}

// What a transaction has written and not committed is nobody else's, however long a
// result may be kept; what it reads otherwise may be kept by time.
func TestUncommittedRowsAreNotKept(t *testing.T) {
	for name, opt := range map[string]cacheops.Option{"time": cacheops.TimeOnly(time.Hour), "fallback": cacheops.FallbackTTL(time.Hour)} {
		for _, c := range []struct {
			write, read string
			kept        bool
		}{
			{"", sum, true},
			{"UPDATE item SET n = n + 1", sum, false},
			{"UPDATE item SET n = n + 1", "SELECT n FROM item ORDER BY random()", false},
			{"CREATE TABLE other AS SELECT 5 AS n", "SELECT n FROM other", false},
		} {
			for _, ctx := range []context.Context{t.Context(), cacheops.WithoutInvalidation(t.Context())} {
				w, runs := newWorld(t, memory(t), nil), 0
				err := w.inTx(ctx, func(tx *sql.Tx) error {
					if _, err := tx.ExecContext(ctx, c.write); c.write != "" && err != nil {
						return err
					}
					for range 2 {
						_, err := cacheops.Memo(ctx, w.cache, "k", func(ctx context.Context) (int64, error) {
							runs++
							return number(ctx, tx, c.read)
						}, opt)
						if err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				if kept := runs == 1; kept != c.kept {
					t.Errorf("%s, %q: ran %d times", name, c.write, runs)
				}
			}
		}
	}
}

// What is named drops the result, whatever the function reads.
func TestDependsOnOverADatabase(t *testing.T) {
	w, runs := newWorld(t, memory(t), nil), 0
	f := cacheops.NewFunc(w.cache, "f", func(ctx context.Context, _ int) (int, error) {
		runs++
		_, err := number(ctx, w.db, "SELECT random()")
		return runs, err
	}, cacheops.DependsOn(
		cacheops.Table("item").Where("kind", 2),
		cacheops.Reads(func(ctx context.Context) error {
			_, err := number(ctx, w.db, "SELECT n FROM item WHERE id = ?", 1)
			return err
		})))
	call := func(what string, anew bool) {
		t.Helper()
		before := runs
		n, err := f.Call(t.Context(), 1)
		if err != nil || n != runs || (runs > before) != anew {
			t.Errorf("%s: got %d, %v after %d runs, %d before", what, n, err, runs, before)
		}
	}
	call("the first", true)
	call("the second", false)
	w.exec(t.Context(), "UPDATE item SET n = n + 1 WHERE id = 2")
	call("another row", false)
	w.exec(t.Context(), "UPDATE item SET n = n + 1 WHERE id = 1")
	call("the row that is read", true)
	w.exec(t.Context(), "UPDATE item SET n = n + 1 WHERE id = 4")
	call("a row of the kind", true)
	w.exec(t.Context(), "UPDATE item SET kind = 2 WHERE id = 2")
	call("a row that moves to the kind", true)
	w.exec(t.Context(), "INSERT INTO item VALUES (9, 3, 1)")
	call("a row of another kind", false)
	call("and then", false)
}

// Row-level scopes and functions: see Options.Scope.
func TestScopesDoNotShareFunctions(t *testing.T) {
	type key struct{}
	w := newWorld(t, memory(t), &sqlcache.Options{Scope: func(ctx context.Context) (string, bool) {
		s, ok := ctx.Value(key{}).(string)
		return s, ok
	}})
	f := cacheops.NewFunc(w.cache, "f", func(ctx context.Context, _ int) (string, error) {
		s, _ := ctx.Value(key{}).(string)
		_, err := number(ctx, w.db, sum)
		return "for " + s, err
	})
	for range 3 {
		for _, s := range []string{"ann", "bob", ""} {
			ctx := t.Context()
			if s != "" {
				ctx = context.WithValue(ctx, key{}, s)
			}
			if got, err := f.Call(ctx, 1); got != "for "+s || err != nil {
				t.Errorf("%q got %q, %v", s, got, err)
			}
		}
	}
	if s := w.cache.Stats().Functions["f"]; s.Hits != 4 {
		t.Errorf("%+v, %v", s, w.cache.Stats().Refused)
	}
}

// Two pools of one database with sessions of their own, between which a function
// chooses by its context.
func TestPoolsWithSessionsOfTheirOwn(t *testing.T) {
	type key struct{}
	w := newWorld(t, memory(t), &sqlcache.Options{Name: "one", Session: "viewer"})
	admin := sqlcache.Wrap(w.cache, w.bare, &sqlcache.Options{Name: "one", Session: "admin"})
	defer admin.Close()
	f := cacheops.NewFunc(w.cache, "f", func(ctx context.Context, _ int) (string, error) {
		db, who := w.db, "viewer"
		if ctx.Value(key{}) != nil {
			db, who = admin, "admin"
		}
		_, err := number(ctx, db, sum)
		return who, err
	})
	for range 3 {
		if got, err := f.Call(t.Context(), 1); got != "viewer" || err != nil {
			t.Errorf("a viewer got %q, %v", got, err)
		}
		if got, err := f.Call(context.WithValue(t.Context(), key{}, 1), 1); got != "admin" || err != nil {
			t.Errorf("an admin got %q, %v", got, err)
		}
	}
	found := false
	for why := range w.cache.Stats().Refused {
		found = found || strings.Contains(why, "session")
	}
	if !found {
		t.Errorf("nothing says why: %v", w.cache.Stats().Refused)
	}
}
