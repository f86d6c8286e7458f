package pgxcache_test

import (
	"context"
	"fmt"
	"testing"

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
