package pgxcache_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

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
	w.warm(w.pool, count)
	n, err := w.pool.CopyFrom(ctx, pgx.Identifier{"item"}, []string{"id", "name"}, pgx.CopyFromRows([][]any{{10, "a"}, {11, nil}}))
	if err != nil || n != 2 {
		t.Fatalf("copied %d, %v", n, err)
	}
	if w.same(count) {
		t.Error("a hit after COPY")
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
