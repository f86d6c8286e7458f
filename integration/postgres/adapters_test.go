package postgres

import (
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/cacheops/cacheops/integration/live"
	"github.com/cacheops/cacheops/integration/trial"
)

// TestAdaptersShareOneRedis: what pgx's own interface writes, in its own types, drops
// what database/sql has read through either driver, and the other way round.
func TestAdaptersShareOneRedis(t *testing.T) {
	store, _ := trial.Redis(t, "")
	dsn := live.PostgresURL(t)
	w := over(t, dsn, store, pgxConnector(t, dsn), nil)
	old := w.another(pqConnector(t, dsn), nil)
	native := w.over(pgxPool(t, dsn), nil)
	trial.Exec(t, w.DB, "CREATE TABLE t (id int PRIMARY KEY, n bigint, s text, at timestamptz, d numeric(9,2), u uuid, b bytea, f boolean, j jsonb, day date, v varchar(9))")
	keys := []struct{ column, one, two string }{
		{"n", "1", "2"},
		{"s", "'a'", "'B'"},
		{"at", "'2024-01-02 03:04:05.678901+00'", "'2024-01-02 03:04:05.678902+00'"},
		{"d", "1.50", "1.51"},
		{"u", "'6ba7b810-9dad-11d1-80b4-00c04fd430c8'", "'6BA7B810-9DAD-11D1-80B4-00C04FD430C9'"},
		{"b", `'\x00ff'`, `'\x00fe'`},
		{"f", "true", "false"},
		{"j", `'{"a": 1}'`, `'{"a": 2}'`},
		{"day", "'2024-02-29'", "'2024-03-01'"},
		{"v", "'a '", "'a'"},
	}
	trial.Exec(t, w.DB, "INSERT INTO t (id) VALUES (1)")
	for _, k := range keys {
		// Each row is moved with the value in its driver's own type, as it was read.
		for i, write := range []func(value any) error{
			func(v any) error {
				_, err := native.Exec(t.Context(), "UPDATE t SET "+k.column+" = $1 WHERE id = 1", v)
				return err
			},
			func(v any) error {
				b := &pgx.Batch{}
				b.Queue("UPDATE t SET "+k.column+" = $1 WHERE id = 1", v)
				return native.SendBatch(t.Context(), b).Close()
			},
			func(any) error {
				trial.Exec(t, w.DB, "UPDATE t SET "+k.column+" = "+k.one+" WHERE id = 1")
				return nil
			},
			func(any) error {
				trial.Exec(t, old, "UPDATE t SET "+k.column+" = "+k.one+" WHERE id = 1")
				return nil
			},
		} {
			trial.Exec(t, w.DB, "UPDATE t SET "+k.column+" = "+k.two+" WHERE id = 1")
			where := "SELECT count(*) FROM t WHERE " + k.column + " = " + k.one
			byKey := "SELECT " + k.column + "::text FROM t WHERE id = 1"
			var counted int
			for range 3 {
				w.Same(where)
				trial.Read(t, old, where)
				trial.Read(t, old, byKey)
				must(t, native.QueryRow(t.Context(), where).Scan(&counted))
			}
			var value any
			must(t, native.QueryRow(t.Context(), "SELECT "+k.one+"::"+typeOf(t, w, k.column)).Scan(&value))
			must(t, write(value))
			w.Same(where)
			if got, _ := trial.Read(t, old, where); got != "[1]" {
				t.Errorf("%s, write %d: lib/pq reads %s", k.column, i, got)
			}
			if got, want := first(trial.Read(t, old, byKey)), first(trial.Read(t, w.Bare, byKey)); got != want {
				t.Errorf("%s, write %d: lib/pq reads %s, the database has %s", k.column, i, got, want)
			}
			if must(t, native.QueryRow(t.Context(), where).Scan(&counted)); counted != 1 {
				t.Errorf("%s, write %d: pgx reads %d", k.column, i, counted)
			}
		}
	}
}

func first[A, B any](a A, _ B) A { return a }

func typeOf(t *testing.T, w *world, column string) (name string) {
	must(t, w.Bare.QueryRowContext(t.Context(), fmt.Sprintf("SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = '%s'", column)).Scan(&name))
	return name
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
