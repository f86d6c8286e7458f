package benchmarks

import (
	"context"
	"database/sql"
	"testing"

	"github.com/cacheops/cacheops"
)

// BenchmarkMiss is a read that the cache cannot answer yet and keeps, against
// the same read on the bare database/sql: the price of a cache that does not
// hit.
func BenchmarkMiss(b *testing.B) {
	const preparedSQL = keySQL + " " // another text is another entry
	b.Run("row", func(b *testing.B) {
		db, cache, bare := besides(b)
		compare(b, rowByRow(b, nil, queryRow(context.Background(), bare)), rowByRow(b, cache, queryRow(context.Background(), db)))
	})
	b.Run("row-prepared", func(b *testing.B) {
		db, cache, bare := besides(b)
		compare(b, rowByRow(b, nil, preparedRow(b, bare, preparedSQL)), rowByRow(b, cache, preparedRow(b, db, preparedSQL)))
	})
	b.Run("row-cancellable", func(b *testing.B) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		db, cache, bare := besides(b)
		compare(b, rowByRow(b, nil, queryRow(ctx, bare)), rowByRow(b, cache, queryRow(ctx, db)))
	})
	b.Run("50-rows", func(b *testing.B) {
		db, cache, bare := besides(b)
		compare(b, list(b, bare, nil), list(b, db, cache))
	})
}

// besides opens a database through the cache and, of another file with the same
// content, bare.
func besides(b *testing.B) (db *sql.DB, cache *cacheops.Cache, bare *sql.DB) {
	db, cache = openCached(b, articles(b))
	bare, err := sql.Open("sqlite", articles(b))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := bare.Close(); err != nil {
			b.Error(err)
		}
	})
	return db, cache, bare
}

// rowByRow reads the rows by their keys in turn, and drops everything after the
// last, which adds next to nothing to a read.
func rowByRow(b *testing.B, cache *cacheops.Cache, row func(id int) *sql.Row) func() {
	id := 0
	return func() {
		if id++; id > rowCount {
			id = 1
			dropAll(b, cache)
		}
		var (
			key, category int64
			title, body   string
		)
		if err := row(id).Scan(&key, &category, &title, &body); err != nil || key != int64(id) {
			b.Fatal(key, err)
		}
	}
}

func queryRow(ctx context.Context, db *sql.DB) func(int) *sql.Row {
	return func(id int) *sql.Row { return db.QueryRowContext(ctx, keySQL, id) }
}

func preparedRow(b *testing.B, db *sql.DB, text string) func(int) *sql.Row {
	st, err := db.Prepare(text)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { st.Close() })
	return func(id int) *sql.Row { return st.QueryRowContext(context.Background(), id) }
}

// list reads the categories in turn.
func list(b *testing.B, db *sql.DB, cache *cacheops.Cache) func() {
	category := 0
	return func() {
		if category++; category == categories {
			category = 0
			dropAll(b, cache)
		}
		rows, err := db.QueryContext(context.Background(), listSQL, category)
		if err != nil {
			b.Fatal(err)
		}
		n := 0
		for ; rows.Next(); n++ {
			var (
				id    int64
				title string
			)
			if err := rows.Scan(&id, &title); err != nil {
				b.Fatal(err)
			}
		}
		if err := rows.Close(); err != nil || n != rowCount/categories {
			b.Fatal(n, err)
		}
	}
}

func dropAll(b *testing.B, cache *cacheops.Cache) {
	if cache == nil {
		return
	}
	if err := cache.Invalidate(context.Background(), cacheops.Everything()); err != nil {
		b.Fatal(err)
	}
}
