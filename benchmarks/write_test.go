package benchmarks

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
)

// BenchmarkWrite is a write through the cache against the same write on the
// bare database/sql. Where "seen" reads are cached whose regions the write's
// row decides: its values before and after must be known.
func BenchmarkWrite(b *testing.B) {
	for _, w := range []struct {
		name string
		seen []string
		run  func(*testing.B, *sql.DB) func()
	}{
		{"update", nil, updates("UPDATE articles SET views = views + 1 WHERE id = ?")},
		{"update-of-what-is-unread", []string{"SELECT title FROM articles WHERE category = 7"}, updates("UPDATE articles SET views = views + 1 WHERE id = ?")},
		{"update-with-images", []string{"SELECT title, views FROM articles WHERE category = 7"}, updates("UPDATE articles SET views = views + 1 WHERE id = ?")},
		{"update-in-a-transaction", []string{"SELECT title, views FROM articles WHERE category = 7"}, updatesInTx},
		{"insert", []string{"SELECT title, views FROM articles WHERE category = 7"}, inserts(1)},
		{"insert-of-100-rows", []string{"SELECT title, views FROM articles WHERE category = 7"}, inserts(100)},
		{"delete", []string{"SELECT title, views FROM articles WHERE category = 7"}, deletes},
	} {
		b.Run(w.name, func(b *testing.B) {
			db, _, bare := besides(b)
			for _, text := range w.seen {
				rows, err := db.Query(text)
				if err != nil {
					b.Fatal(err)
				}
				if err := rows.Close(); err != nil {
					b.Fatal(err)
				}
			}
			compare(b, w.run(b, bare), w.run(b, db))
		})
	}
}

func updates(text string) func(*testing.B, *sql.DB) func() {
	return func(b *testing.B, db *sql.DB) func() {
		i := 0
		return func() {
			i++
			must(b, db, text, i%rowCount+1)
		}
	}
}

func updatesInTx(b *testing.B, db *sql.DB) func() {
	i := 0
	return func() {
		i++
		tx, err := db.BeginTx(context.Background(), nil)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := tx.Exec("UPDATE articles SET views = views + 1 WHERE id = ?", i%rowCount+1); err != nil {
			b.Fatal(err)
		}
		if err := tx.Commit(); err != nil {
			b.Fatal(err)
		}
	}
}

func inserts(n int) func(*testing.B, *sql.DB) func() {
	return func(b *testing.B, db *sql.DB) func() {
		text := "INSERT INTO articles (category, title, body) VALUES (?, ?, ?)" + strings.Repeat(", (?, ?, ?)", n-1)
		i := 0
		return func() {
			args := make([]any, 0, 3*n)
			for range n {
				i++
				args = append(args, i%categories, fmt.Sprint("title ", i), "new")
			}
			must(b, db, text, args...)
		}
	}
}

func deletes(b *testing.B, db *sql.DB) func() {
	must(b, db, "WITH RECURSIVE n(i) AS (SELECT 100000 UNION ALL SELECT i + 1 FROM n WHERE i < 400000) INSERT INTO articles (id, category, title) SELECT i, i % 200, 'gone' FROM n")
	i := 100_000
	return func() {
		must(b, db, "DELETE FROM articles WHERE id = ?", i)
		i++
	}
}
