package pgxcache_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// BenchmarkRows reads rows of four columns, from the cache and from a pool over
// the loopback.
func BenchmarkRows(b *testing.B) {
	w := newWorld(b, nil, nil)
	w.exec(w.bare, `CREATE TABLE article (id int PRIMARY KEY, part int, title text, score float8);
		INSERT INTO article SELECT n, n / 1000, 'title of the article ' || n, n / 3.0 FROM generate_series(0, 9999) n; ANALYZE article`)
	for _, n := range []int{1, 20, 1000} {
		const q = "SELECT id, part, title, score FROM article WHERE part = 3 AND id < $1 ORDER BY id"
		w.warm(w.pool, q, 3000+n)
		for _, on := range []struct {
			name string
			pool queryer
		}{{"live", w.bare}, {"hit", w.pool}} {
			b.Run(fmt.Sprintf("%d/%s", n, on.name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if got := scan(b, on.pool, q, 3000+n); got != n {
						b.Fatalf("%d rows", got)
					}
				}
			})
		}
	}
}

// BenchmarkBatch sends 20 reads by key in a batch: all hits, and all misses, against
// the same on the bare pool, turn by turn, in the ratio of the medians.
func BenchmarkBatch(b *testing.B) {
	w := itemWorld(b, nil, nil)
	w.exec(w.bare, "INSERT INTO item SELECT i, 'more' FROM generate_series(100, 1099) i")
	const n = 20
	send := func(on sender) {
		batch := &pgx.Batch{}
		for i := range n {
			batch.Queue(byID, 100+i).QueryRow(func(r pgx.Row) error { return r.Scan(new(string)) })
		}
		if err := on.SendBatch(context.Background(), batch).Close(); err != nil {
			b.Fatal(err)
		}
	}
	drop := func() { w.exec(w.pool, "UPDATE item SET name = 'again' WHERE id < 100 + $1", n) }
	for _, c := range []struct {
		name   string
		before func()
		cached func()
	}{
		{"hits", func() {}, func() { send(w.pool) }},
		{"misses", drop, func() { send(w.pool) }},
		{"misses-one-by-one", drop, func() {
			for i := range n {
				w.values(w.pool, byID, 100+i)
			}
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			send(w.pool)
			turns(b, c.before, func(int) { send(w.bare) }, func(int) { c.cached() })
		})
	}
}

// turns runs both in turns, each time after before, and reports the ratio of their
// medians.
func turns(b *testing.B, before func(), bare, cached func(i int)) {
	b.Helper()
	var bares, cacheds []time.Duration
	for i := 0; b.Loop(); i++ {
		before()
		start := time.Now()
		bare(i)
		middle := time.Now()
		cached(i)
		bares, cacheds = append(bares, middle.Sub(start)), append(cacheds, time.Since(middle))
	}
	slices.Sort(bares)
	slices.Sort(cacheds)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(cacheds[len(cacheds)/2])/float64(bares[len(bares)/2]), "ratio")
}

func scan(b *testing.B, on queryer, q string, arg any) (n int) {
	rows, err := on.Query(context.Background(), q, arg)
	if err != nil {
		b.Fatal(err)
	}
	var (
		id, part int32
		title    string
		score    float64
	)
	for rows.Next() {
		if err := rows.Scan(&id, &part, &title, &score); err != nil {
			b.Fatal(err)
		}
		n++
	}
	if rows.Err() != nil {
		b.Fatal(rows.Err())
	}
	return n
}

// beginner is a pool.
type beginner interface {
	execer
	Begin(ctx context.Context) (pgx.Tx, error)
}

// BenchmarkUpdate is an update through the cache against the same on the bare pool,
// turn by turn, in the ratio of the medians.
func BenchmarkUpdate(b *testing.B) {
	w := itemWorld(b, nil, nil)
	w.exec(w.bare, "INSERT INTO item SELECT i, 'more' FROM generate_series(100, 1099) i")
	const q = "UPDATE item SET name = md5(name) WHERE id = $1"
	for name, f := range map[string]func(on beginner, i int){
		"alone": func(on beginner, i int) { w.exec(on, q, 100+i%1000) },
		"in-a-transaction": func(on beginner, i int) {
			err := pgx.BeginFunc(context.Background(), on, func(tx pgx.Tx) error {
				w.exec(tx, q, 100+i%1000)
				return nil
			})
			if err != nil {
				b.Fatal(err)
			}
		},
	} {
		b.Run(name, func(b *testing.B) {
			turns(b, func() {}, func(i int) { f(w.bare, i) }, func(i int) { f(w.pool, i) })
		})
	}
}

// BenchmarkQueryRow reads one value.
func BenchmarkQueryRow(b *testing.B) {
	w := itemWorld(b, nil, nil)
	w.warm(w.pool, byID, 1)
	for _, on := range []struct {
		name string
		pool interface {
			QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
		}
	}{{"live", w.bare}, {"hit", w.pool}} {
		b.Run(on.name, func(b *testing.B) {
			b.ReportAllocs()
			var name string
			for b.Loop() {
				if err := on.pool.QueryRow(context.Background(), byID, 1).Scan(&name); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
