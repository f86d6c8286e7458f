package pgxcache_test

import (
	"context"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
)

const manyTypes = `
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE pair AS (a int, b text);
CREATE TABLE t (
	id int PRIMARY KEY, n numeric(20,5), tz timestamptz, ts timestamp, d date, tm time, iv interval, u uuid, ints int[], texts text[], jb jsonb, j json,
	p pair, m mood, ms mood[], by bytea, b bool, f4 real, f8 double precision, s smallint, l bigint, c char(5), v varchar(9), r int4range, inet inet, bits bit(3),
	pt point, money money, x xml);
INSERT INTO t VALUES
	(1, 12345.67890, '2024-07-01 12:30:00.123456+02', '2024-07-01 12:30:00', '2024-02-29', '23:59:59.5', '1 mon 2 days 3 s',
	 '00112233-4455-6677-8899-aabbccddeeff', '{1,NULL,3}', '{"a b",NULL,"c,d"}', '{"a": [1, null]}', '{"a":  1}', '(1,x)', 'ok', '{sad,happy}', '\x00ff10', true,
	 1.5, 'NaN', -7, 9007199254740993, 'ab', 'täxt', '[1,5)', '10.0.0.1/8', '101', '(1,2)', '12.34', '<a/>'),
	(2, NULL, 'infinity', NULL, '-infinity', NULL, NULL, NULL, '{}', NULL, 'null', NULL, NULL, NULL, NULL, '', NULL, NULL, '-0', NULL, NULL, NULL, '', 'empty', NULL, NULL,
	 NULL, NULL, NULL);`

// registering loads the database's own types, as programs do.
func registering(c *pgxpool.Config) {
	c.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		for _, name := range []string{"mood", "_mood", "pair"} {
			typ, err := conn.LoadType(ctx, name)
			if err != nil {
				return fmt.Errorf("load %s: %w", name, err)
			}
			conn.TypeMap().RegisterType(typ)
		}
		return nil
	}
}

// snapshot is all that rows tell.
type snapshot struct {
	Fields any
	Raw    [][]string
	Values []string
	Tag    string
}

func snap(t testing.TB, on queryer, sql string, args ...any) (out snapshot) {
	t.Helper()
	rows, err := on.Query(context.Background(), sql, args...)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	defer rows.Close()
	for rows.Next() {
		var raw []string
		for _, v := range rows.RawValues() {
			if v == nil {
				raw = append(raw, "NULL")
				continue
			}
			raw = append(raw, fmt.Sprintf("%q", v))
		}
		out.Raw = append(out.Raw, raw)
		values, err := rows.Values()
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		for _, v := range values {
			out.Values = append(out.Values, fmt.Sprintf("%T %+v", v, v))
		}
	}
	if rows.Err() != nil {
		t.Fatalf("%s: %v", sql, rows.Err())
	}
	out.Fields = append([]any{}, fmt.Sprintf("%+v", rows.FieldDescriptions()))
	out.Tag = rows.CommandTag().String()
	return out
}

func TestReplayIsExact(t *testing.T) {
	for _, registered := range []bool{false, true} {
		t.Run(fmt.Sprintf("registered types %v", registered), func(t *testing.T) {
			w := newWorld(t, nil, nil)
			w.exec(w.bare, manyTypes)
			inner, bare := w.inner, w.bare
			if registered {
				inner, bare = w.open(registering), w.open(registering)
			}
			pool := w.over(inner, nil)
			const all = "SELECT * FROM t ORDER BY id"
			for _, options := range [][]any{
				nil,
				{pgx.QueryExecModeCacheDescribe},
				{pgx.QueryExecModeDescribeExec},
				{pgx.QueryExecModeExec},
				{pgx.QueryExecModeSimpleProtocol},
				{pgx.QueryResultFormatsByOID{pgtype.Int4OID: pgx.TextFormatCode, pgtype.NumericOID: pgx.BinaryFormatCode}},
				{pgx.QueryExecModeDescribeExec, pgx.QueryResultFormats{pgx.TextFormatCode}},
			} {
				want := snap(t, bare, all, options...)
				for i := range 3 {
					if got := snap(t, pool, all, options...); !reflect.DeepEqual(got, want) {
						t.Fatalf("%v, read %d:\n%+v\nwant\n%+v", options, i, got, want)
					}
				}
				w.warm(pool, all, options...)
			}
		})
	}
}

type item struct {
	ID    int32
	N     pgtype.Numeric
	TZ    time.Time
	U     pgtype.UUID
	Ints  []*int32
	Texts []pgtype.Text
	JB    map[string]any
	M     string
	By    []byte
	IV    pgtype.Interval
}

func TestCollectors(t *testing.T) {
	w := newWorld(t, nil, nil)
	w.exec(w.bare, manyTypes)
	const q = "SELECT id, n, tz, u, ints, texts, jb, m, by, iv FROM t WHERE id = $1"
	ctx := context.Background()
	collect := func(on queryer) []item {
		rows, _ := on.Query(ctx, q, 1)
		out, err := pgx.CollectRows(rows, pgx.RowToStructByName[item])
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	want := collect(w.bare)
	for range 3 {
		if got := collect(w.pool); !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	w.warm(w.pool, q, 1)

	var id int
	rows, _ := w.pool.Query(ctx, "SELECT id FROM t ORDER BY id")
	sum := 0
	if _, err := pgx.ForEachRow(rows, []any{&id}, func() error { sum += id; return nil }); err != nil || sum != 3 {
		t.Errorf("ForEachRow: %d, %v", sum, err)
	}
}

func TestResultsAreTheCallersOwn(t *testing.T) {
	w := newWorld(t, nil, nil)
	w.exec(w.bare, manyTypes)
	ctx := context.Background()
	const q = "SELECT by, v FROM t WHERE id = 1"
	want := fmt.Sprint(w.warm(w.pool, q))
	for range 2 {
		rows, err := w.pool.Query(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var alias pgtype.DriverBytes
			var own []byte
			if err := rows.Scan(&alias, &own); err != nil {
				t.Fatal(err)
			}
			for _, b := range append(rows.RawValues(), alias, own) {
				for i := range b[:cap(b)] {
					b[:cap(b)][i] = '#'
				}
			}
			rows.FieldDescriptions()[0].DataTypeOID = 1
		}
		rows.Close()
		if got, hit := w.values(w.pool, q); fmt.Sprint(got) != want || !hit {
			t.Fatalf("read %v (hit %v), want %s", got, hit, want)
		}
	}
}

func TestEnumsAreDecodedByManyAtOnce(t *testing.T) {
	w := newWorld(t, nil, nil)
	w.exec(w.bare, manyTypes)
	// One and the same type for all connections, as programs share them.
	conn, err := pgx.Connect(t.Context(), w.dsn)
	if err != nil {
		t.Fatal(err)
	}
	typ, err := conn.LoadType(t.Context(), "mood")
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	pool := w.over(w.open(func(c *pgxpool.Config) {
		c.MaxConns = 1
		c.AfterConnect = func(_ context.Context, conn *pgx.Conn) error {
			conn.TypeMap().RegisterType(typ)
			return nil
		}
	}), nil)
	for range 2 { // kept, and decoded by nobody
		rows, err := pool.Query(t.Context(), "SELECT m FROM t ORDER BY id")
		if err != nil {
			t.Fatal(err)
		}
		rows.Close()
	}
	var opened []pgx.Rows
	for range 4 {
		rows, err := pool.Query(t.Context(), "SELECT m FROM t ORDER BY id")
		if err != nil {
			t.Fatal(err)
		}
		opened = append(opened, rows)
	}
	var all sync.WaitGroup
	for _, rows := range opened {
		all.Go(func() {
			if _, err := pgx.CollectRows(rows, pgx.RowToMap); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}
