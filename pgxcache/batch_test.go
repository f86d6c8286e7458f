package pgxcache_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/pgxcache"
)

type pgxcacheConn = pgxcache.Conn

type sender interface {
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

func queue(b *pgx.Batch, statements ...string) *pgx.Batch {
	for _, s := range statements {
		b.Queue(s)
	}
	return b
}

// results prints what a batch returns, statement by statement.
func results(on sender, b *pgx.Batch) string {
	br := on.SendBatch(context.Background(), b)
	out := ""
	for range b.Len() + 1 {
		rows, err := br.Query()
		out += fmt.Sprintf("[%v", err)
		for rows.Next() {
			values, err := rows.Values()
			out += fmt.Sprint(" ", values, err)
		}
		out += fmt.Sprintf(" %v %s]\n", rows.Err(), rows.CommandTag())
	}
	return out + fmt.Sprint(br.Close(), br.Close())
}

func TestBatchesAreLikePgxs(t *testing.T) {
	modes := []pgx.QueryExecMode{
		pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeDescribeExec, pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol,
	}
	for _, mode := range modes {
		t.Run(mode.String(), func(t *testing.T) {
			setMode := func(c *pgxpool.Config) { c.ConnConfig.DefaultQueryExecMode = mode }
			w := itemWorld(t, setMode, nil)
			bare := newWorld(t, nil, nil)
			bare.exec(bare.bare, twoItems)
			plain := bare.open(setMode)
			for _, statements := range [][]string{
				{},
				{"SELECT id, name FROM item ORDER BY id", "SELECT count(*) FROM item"},
				{"UPDATE item SET name = 'b' WHERE id = 1", "SELECT name FROM item WHERE id = 1", "INSERT INTO item (id) VALUES (3) RETURNING id"},
				{"UPDATE item SET name = 'undone' WHERE id = 1", "INSERT INTO item (id) VALUES (1)", "SELECT 1"},
				{"SELECT name FROM item WHERE id = 1", "SELECT 1/0", "SELECT 2"},
				{"SELECT name FROM item WHERE id = 1", "SELECT nonsense", "SELECT 2"},
				{"SET LOCAL work_mem = '5MB'", "DELETE FROM item WHERE id = 3"},
			} {
				for range 2 {
					got, want := results(w.pool, queue(&pgx.Batch{}, statements...)), results(plain, queue(&pgx.Batch{}, statements...))
					if got != want {
						t.Errorf("%q:\n%s\npgx says\n%s", statements, got, want)
					}
				}
				w.same("SELECT * FROM item ORDER BY id")
			}
			if got, want := snap(t, w.bare, "SELECT * FROM item ORDER BY id").Values, snap(t, plain, "SELECT * FROM item ORDER BY id").Values; fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("the rows are %v, want %v", got, want)
			}
		})
	}
}

func TestBatchOfReads(t *testing.T) {
	w := itemWorld(t, nil, nil)
	w.warm(w.pool, byID, 1)
	w.warm(w.pool, byID, 2)
	var names []string
	b := &pgx.Batch{}
	for _, id := range []int{1, 2} {
		b.Queue(byID, id).QueryRow(func(r pgx.Row) error {
			var name string
			err := r.Scan(&name)
			names = append(names, name)
			return err
		})
	}
	b.Queue("SELECT name FROM item WHERE id = @id", pgx.NamedArgs{"id": 1}).Query(func(rows pgx.Rows) error {
		got, err := pgx.CollectRows(rows, pgx.RowTo[string])
		names = append(names, got...)
		return err
	})
	before := w.inner.Stat().AcquireCount()
	must(t, w.pool.SendBatch(t.Context(), b).Close())
	if fmt.Sprint(names) != "[one two one]" {
		t.Errorf("read %v", names)
	}
	if took := w.inner.Stat().AcquireCount() - before; took > 1 { // the last one is new
		t.Errorf("took %d connections", took)
	}
}

func TestBatchOfWrites(t *testing.T) {
	w := itemWorld(t, nil, nil)
	ctx := t.Context()
	w.warm(w.pool, byID, 1)
	w.warm(w.pool, "SELECT count(*) FROM item")
	b := &pgx.Batch{}
	b.Queue("UPDATE item SET name = $1 WHERE id = $2", "batched", 1)
	b.Queue("INSERT INTO item (id) VALUES ($1)", 5).Exec(func(tag pgconn.CommandTag) error {
		if tag.RowsAffected() != 1 {
			t.Errorf("tag %s", tag)
		}
		return nil
	})
	must(t, w.pool.SendBatch(ctx, b).Close())
	if w.same(byID, 1) || w.same("SELECT count(*) FROM item") {
		t.Error("a hit after a batch of writes")
	}

	w.warm(w.pool, byID, 1)
	tx := begin(t, w)
	must(t, tx.SendBatch(ctx, queue(&pgx.Batch{}, "UPDATE item SET name = 'in a transaction' WHERE id = 1")).Close())
	if !w.same(byID, 1) {
		t.Error("dropped before the commit")
	}
	must(t, tx.Commit(ctx))
	if w.same(byID, 1) {
		t.Error("a hit after the commit")
	}

	w.warm(w.pool, byID, 1)
	must(t, w.pool.SendBatch(ctx, queue(&pgx.Batch{}, "BEGIN", "UPDATE item SET name = 'steered' WHERE id = 1", "COMMIT")).Close())
	if w.same(byID, 1) {
		t.Error("a hit after a batch with a COMMIT of its own")
	}

	w.warm(w.pool, byID, 1)
	must(t, w.pool.SendBatch(ctx, queue(&pgx.Batch{}, "ALTER TABLE item ADD extra int DEFAULT 3", "UPDATE item SET name = 'altered'")).Close())
	if w.same(byID, 1) {
		t.Error("a hit after DDL in a batch")
	}
	w.same("SELECT * FROM item ORDER BY id")
}

func TestBatchOfDDL(t *testing.T) {
	w := itemWorld(t, nil, nil)
	const all = "SELECT * FROM item ORDER BY id"
	w.warm(w.pool, all)
	must(t, w.pool.SendBatch(t.Context(), queue(&pgx.Batch{}, "ALTER TABLE item ADD extra int DEFAULT 3", "CREATE TABLE more ()")).Close())
	if w.same(all) {
		t.Error("a hit after DDL in a batch")
	}
	w.warm(w.pool, all)
}

func TestBatchThatChangesItsSession(t *testing.T) {
	w := itemWorld(t, func(c *pgxpool.Config) { c.MaxConns = 2 }, nil)
	w.exec(w.bare, "CREATE SCHEMA other; CREATE TABLE other.item (id int PRIMARY KEY, name text); INSERT INTO other.item VALUES (1, 'other')")
	for range 3 {
		must(t, w.pool.SendBatch(t.Context(), queue(&pgx.Batch{}, "SET search_path = other", "UPDATE item SET name = 'in a session of its own'")).Close())
		w.same(byID, 1)
		w.exec(w.pool, "UPDATE item SET name = name || '.' WHERE id = 1")
		w.same(byID, 1)
		w.same("SELECT name FROM other.item")
	}
}

func TestBatchThatBegins(t *testing.T) {
	w := itemWorld(t, nil, nil)
	ctx := t.Context()
	w.warm(w.pool, byID, 1)
	b := &pgx.Batch{}
	b.BeginTx(pgx.TxOptions{IsoLevel: pgx.RepeatableRead})
	b.Queue("UPDATE item SET name = 'begun' WHERE id = 1")
	br := w.pool.SendBatch(ctx, b)
	tx := br.Tx()
	must(t, br.Close())
	if !w.same(byID, 1) {
		t.Error("dropped before the commit")
	}
	must(t, tx.Commit(ctx))
	if w.same(byID, 1) {
		t.Error("a hit after the commit")
	}
	if w.pool.SendBatch(ctx, queue(&pgx.Batch{}, "SELECT 1")).Tx() != nil {
		t.Error("a transaction that nobody began")
	}
	w.nothingTaken()
}

func TestCopyFrom(t *testing.T) {
	w := itemWorld(t, nil, nil)
	ctx := t.Context()
	count := "SELECT count(*) FROM item"
	const there, absent = "SELECT name FROM item WHERE id = 1", "SELECT name FROM item WHERE id = 10"
	w.warm(w.pool, count)
	w.warm(w.pool, there)
	w.warm(w.pool, absent)
	n, err := w.pool.CopyFrom(ctx, pgx.Identifier{"item"}, []string{"id", "name"}, pgx.CopyFromRows([][]any{{10, "a"}, {11, nil}}))
	if err != nil || n != 2 {
		t.Fatalf("copied %d, %v", n, err)
	}
	if w.same(count) {
		t.Error("a hit after COPY")
	}
	if !w.same(there) || w.same(absent) {
		t.Error("COPY adds rows: the one that is there stays, the one that is not comes")
	}
	w.warm(w.pool, count)
	tx := begin(t, w)
	_, err = tx.CopyFrom(ctx, pgx.Identifier{"public", "item"}, []string{"id"}, pgx.CopyFromRows([][]any{{12}}))
	must(t, err)
	if !w.same(count) {
		t.Error("dropped before the commit")
	}
	must(t, tx.Commit(ctx))
	if w.same(count) {
		t.Error("a hit after the commit")
	}
	_, err = w.pool.CopyFrom(ctx, pgx.Identifier{"item"}, []string{"id"}, pgx.CopyFromRows([][]any{{13}, {1}}))
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || pg.Code != "23505" {
		t.Errorf("a duplicate key: %v", err)
	}
	w.same(count)
	_, err = w.pool.CopyFrom(ctx, pgx.Identifier{"nowhere"}, []string{"id"}, pgx.CopyFromRows([][]any{{13}}))
	_, want := w.bare.CopyFrom(ctx, pgx.Identifier{"nowhere"}, []string{"id"}, pgx.CopyFromRows([][]any{{13}}))
	if fmt.Sprint(err) != fmt.Sprint(want) {
		t.Errorf("no such table: %v, pgx says %v", err, want)
	}
	if _, err := w.pool.CopyFrom(ctx, pgx.Identifier{"item"}, []string{"id"}, pgx.CopyFromFunc(func() ([]any, error) { return nil, errors.New("mine") })); err == nil {
		t.Error("a failing source was copied")
	}
}

// counting counts the batches that the server is sent, and the statements in them.
type counting struct {
	batches, statements atomic.Int64
	end                 func() // called with the end of each, nil for nothing
}

func (c *counting) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return ctx
}
func (c *counting) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (c *counting) TraceBatchStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	c.batches.Add(1)
	c.statements.Add(int64(data.Batch.Len()))
	return ctx
}
func (c *counting) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

func (c *counting) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {
	if c.end != nil {
		c.end()
	}
}

// took returns what was sent since the last call.
func (c *counting) took() string {
	return fmt.Sprint(c.batches.Swap(0), " of ", c.statements.Swap(0))
}

func countingWorld(t testing.TB, also func(*pgxpool.Config)) (*world, *counting) {
	t.Helper()
	c := &counting{}
	w := itemWorld(t, func(config *pgxpool.Config) {
		config.ConnConfig.Tracer = c
		if also != nil {
			also(config)
		}
	}, nil)
	w.exec(w.bare, "INSERT INTO item SELECT i, 'more ' || i FROM generate_series(3, 30) i")
	return w, c
}

// The misses of a batch travel together, and are kept one by one.
func TestMissesOfABatchTravelTogether(t *testing.T) {
	w, c := countingWorld(t, nil)
	w.warm(w.pool, byID, 30)
	names := func(ids ...int) (out []string) {
		t.Helper()
		b := &pgx.Batch{}
		for _, id := range ids {
			b.Queue(byID, id).QueryRow(func(r pgx.Row) error {
				var name string
				err := r.Scan(&name)
				out = append(out, name)
				return err
			})
		}
		must(t, w.pool.SendBatch(t.Context(), b).Close())
		return out
	}
	for _, step := range []struct {
		ids        []int
		want, sent string
	}{
		{[]int{1, 2, 3}, "[one two more 3]", "1 of 3"},
		{[]int{3, 2, 1}, "[more 3 two one]", "0 of 0"},
		{[]int{1, 4, 2, 5}, "[one more 4 two more 5]", "1 of 2"},
		{[]int{6, 6, 1}, "[more 6 more 6 one]", "1 of 2"},
		{[]int{1, 2, 3, 4, 5, 6}, "[one two more 3 more 4 more 5 more 6]", "0 of 0"},
	} {
		before := w.inner.Stat().AcquireCount()
		if got := fmt.Sprint(names(step.ids...)); got != step.want {
			t.Errorf("%v: read %s, want %s", step.ids, got, step.want)
		}
		if took, want := w.inner.Stat().AcquireCount()-before, int64(strings.Count(step.sent, "1 of")); took != want {
			t.Errorf("%v: took %d connections", step.ids, took)
		}
		if sent := c.took(); sent != step.sent {
			t.Errorf("%v: sent %s, want %s", step.ids, sent, step.sent)
		}
	}
	if _, hit := w.values(w.pool, byID, 4); !hit {
		t.Error("what a batch has read is no hit of a query's")
	}
	w.exec(w.pool, "UPDATE item SET name = 'new' WHERE id = 2")
	if got := fmt.Sprint(names(1, 2, 3)); got != "[one new more 3]" {
		t.Errorf("read %s", got)
	}
	if sent := c.took(); sent != "1 of 1" {
		t.Errorf("after a write of one row sent %s", sent)
	}
}

// What a batch reads may be overtaken by a write before it is kept.
func TestBatchThatIsOvertaken(t *testing.T) {
	w, c := countingWorld(t, nil)
	over := w.over(w.open(nil), nil)
	n := 0
	c.end = func() {
		n++
		w.exec(over, "UPDATE item SET name = $1 WHERE id = 1", fmt.Sprint("overtaking ", n))
	}
	for range 3 {
		w.exec(over, "UPDATE item SET name = 'before' WHERE id = 1")
		must(t, w.pool.SendBatch(t.Context(), twoByID(1, 2)).Close())
		if w.same(byID, 1) {
			t.Error("a hit of what a write has overtaken")
		}
	}
	if n != 3 || !w.same(byID, 2) {
		t.Errorf("overtaken %d times", n)
	}
}

func twoByID(a, b int) *pgx.Batch {
	out := &pgx.Batch{}
	out.Queue(byID, a)
	out.Queue(byID, b)
	return out
}

// Where statements of a batch would see one snapshot, hits from other moments are no
// answer.
func TestBatchOfOneSnapshot(t *testing.T) {
	w, c := countingWorld(t, func(config *pgxpool.Config) {
		config.ConnConfig.RuntimeParams["default_transaction_isolation"] = "repeatable read"
	})
	w.warm(w.pool, byID, 1)
	w.warm(w.pool, byID, 2)
	must(t, w.pool.SendBatch(t.Context(), twoByID(1, 2)).Close())
	if sent := c.took(); sent != "1 of 2" {
		t.Errorf("sent %s", sent)
	}
	one := &pgx.Batch{}
	one.Queue(byID, 1)
	must(t, w.pool.SendBatch(t.Context(), one).Close())
	if sent := c.took(); sent != "0 of 0" {
		t.Errorf("a batch of one hit sent %s", sent)
	}
}

// What a batch has read is replayed as if a query had read it, in every mode.
func TestReplayOfABatchIsExact(t *testing.T) {
	for _, mode := range []pgx.QueryExecMode{
		pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeDescribeExec, pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol,
	} {
		t.Run(mode.String(), func(t *testing.T) {
			t.Parallel()
			setMode := func(c *pgxpool.Config) { c.ConnConfig.DefaultQueryExecMode = mode }
			w := newWorld(t, setMode, nil)
			w.exec(w.bare, manyTypes)
			bare := w.open(setMode)
			const q, some = "SELECT * FROM t ORDER BY id", "SELECT * FROM t WHERE id > $1 ORDER BY id"
			b := &pgx.Batch{}
			b.Queue(q)
			b.Queue(some, 1)
			must(t, w.pool.SendBatch(t.Context(), b).Close())
			for range 2 {
				if got, want := snap(t, w.pool, q), snap(t, bare, q); !reflect.DeepEqual(got, want) {
					t.Errorf("read\n%+v\nwant\n%+v", got, want)
				}
				if got, want := snap(t, w.pool, some, 1), snap(t, bare, some, 1); !reflect.DeepEqual(got, want) {
					t.Errorf("read\n%+v\nwant\n%+v", got, want)
				}
			}
			if _, hit := w.values(w.pool, some, 1); !hit {
				t.Error("no hit of what the batch has read")
			}
		})
	}
}

// The results too large to keep, the rules and the functions hold in batches.
func TestBatchBeyondTheRules(t *testing.T) {
	c := &counting{}
	w := newWorld(t, func(config *pgxpool.Config) { config.ConnConfig.Tracer = c }, &pgxcache.Options{MaxEntryBytes: 8 << 10})
	w.exec(w.bare, twoItems+"; INSERT INTO item SELECT i, repeat('x', 100) FROM generate_series(100, 300) i")
	const large = "SELECT id, name FROM item WHERE id >= $1"
	for i := range 3 {
		b := &pgx.Batch{}
		b.Queue(byID, 1)
		b.Queue(large, 100).Query(func(rows pgx.Rows) error {
			n := 0
			for rows.Next() {
				n++
			}
			if n != 201 {
				t.Errorf("read %d rows", n)
			}
			return rows.Err()
		})
		b.Queue("SELECT name, now() FROM item WHERE id = 1")
		must(t, w.pool.SendBatch(t.Context(), b).Close())
		if sent, want := c.took(), []string{"1 of 3", "1 of 2", "1 of 2"}[i]; sent != want {
			t.Errorf("sent %s, want %s", sent, want)
		}
	}
	b := &pgx.Batch{}
	b.Queue(byID, 1)
	must(t, w.pool.SendBatch(cacheops.NoCache(t.Context()), b).Close())
	if sent := c.took(); sent != "1 of 1" {
		t.Errorf("without the cache sent %s", sent)
	}
	// A function depends on what batches in it read.
	cache, err := cacheops.New(shared{w.store}, &cacheops.Config{Rules: []cacheops.Rule{{Tables: "*", Ops: cacheops.All, TTL: time.Hour}}})
	must(t, err)
	defer cache.Close()
	pool := pgxcache.New(cache, w.inner, nil)
	defer pool.Close()
	runs := 0
	f := cacheops.NewFunc(cache, "two", func(ctx context.Context, id int) (string, error) {
		runs++
		br := pool.SendBatch(ctx, twoByID(id, id+1))
		defer br.Close()
		var a, b string
		err := errors.Join(br.QueryRow().Scan(&a), br.QueryRow().Scan(&b))
		return a + b, err
	})
	for range 3 {
		if got, err := f.Call(t.Context(), 1); err != nil || got != "onetwo" {
			t.Errorf("%q, %v", got, err)
		}
	}
	if runs != 1 {
		t.Errorf("the function ran %d times", runs)
	}
	w.exec(pool, "UPDATE item SET name = 'new' WHERE id = 2")
	if got, err := f.Call(t.Context(), 1); err != nil || got != "onenew" {
		t.Errorf("%q, %v", got, err)
	}
}

// What a batch reads in a transaction that has written is nobody else's, however
// long a function's result may be kept.
func TestABatchOfUncommittedRows(t *testing.T) {
	w := itemWorld(t, nil, nil)
	cache, err := cacheops.New(shared{w.store}, nil)
	must(t, err)
	defer cache.Close()
	pool := pgxcache.New(cache, w.inner, nil)
	defer pool.Close()
	tx, err := pool.Begin(t.Context())
	must(t, err)
	_, err = tx.Exec(t.Context(), "UPDATE item SET name = 'never' WHERE id = 2")
	must(t, err)
	got, err := cacheops.Memo(t.Context(), cache, "two", func(ctx context.Context) (string, error) {
		br := tx.SendBatch(ctx, twoByID(1, 2))
		var a, b string
		err := errors.Join(br.QueryRow().Scan(&a), br.QueryRow().Scan(&b), br.Close())
		return a + b, err
	}, cacheops.TimeOnly(time.Hour))
	if err != nil || got != "onenever" {
		t.Errorf("%q, %v", got, err)
	}
	must(t, tx.Rollback(t.Context()))
	if s := cache.Stats().Functions[""]; s.Stored != 0 {
		t.Error("kept")
	}
}

// Options that pgx does not take in a batch are arguments there.
func TestOptionsInABatch(t *testing.T) {
	w := itemWorld(t, nil, nil)
	for _, args := range [][]any{{pgx.QueryExecModeExec, 1}, {pgx.QueryResultFormats{1}, 1}} {
		queue := func() *pgx.Batch {
			b := &pgx.Batch{}
			b.Queue(byID, args...)
			return b
		}
		got, want := w.pool.SendBatch(t.Context(), queue()).Close(), w.bare.SendBatch(t.Context(), queue()).Close()
		if want == nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%T: %v, pgx says %v", args[0], got, want)
		}
	}
}

func TestCopyOfOtherKinds(t *testing.T) {
	w := itemWorld(t, nil, nil)
	w.exec(w.pool, `CREATE TABLE log (id int); CREATE FUNCTION logs() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO log VALUES (NEW.id); RETURN NEW; END $$;
		CREATE TRIGGER l AFTER INSERT ON item FOR EACH ROW EXECUTE FUNCTION logs();
		CREATE TABLE tree (id int, name text) PARTITION BY RANGE (id); CREATE TABLE leaf PARTITION OF tree FOR VALUES FROM (0) TO (100);
		CREATE VIEW seen AS SELECT id, name FROM item`)
	const logged, leaf = "SELECT count(*) FROM log", "SELECT count(*) FROM leaf WHERE id = 5"
	w.warm(w.pool, logged)
	w.warm(w.pool, leaf)
	_, err := w.pool.CopyFrom(t.Context(), pgx.Identifier{"item"}, []string{"id"}, pgx.CopyFromRows([][]any{{10}}))
	must(t, err)
	if w.same(logged) {
		t.Error("stale")
	}
	_, err = w.pool.CopyFrom(t.Context(), pgx.Identifier{"tree"}, []string{"id"}, pgx.CopyFromRows([][]any{{5}}))
	must(t, err)
	if w.same(leaf) {
		t.Error("stale")
	}
	w.warm(w.pool, logged)
	w.exec(w.pool, "COPY item (id) FROM PROGRAM 'echo 77'")
	w.same(logged)
	w.same("SELECT count(*) FROM item")
	w.warm(w.pool, logged)
	must(t, w.pool.SendBatch(t.Context(), queue(&pgx.Batch{}, "SELECT 1", "COPY item (id) FROM PROGRAM 'echo 78'")).Close())
	w.same(logged)
	tx := begin(t, w)
	w.warm(w.pool, logged)
	pc := tx.Conn().PgConn()
	_, err = pc.CopyFrom(t.Context(), strings.NewReader("79\n"), "COPY item (id) FROM STDIN")
	must(t, err)
	must(t, tx.Commit(t.Context()))
	w.same(logged)
}
