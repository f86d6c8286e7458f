package quickstart_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/memstore"
	"github.com/cacheops/cacheops/sqlcache"
	"modernc.org/sqlite"
)

// The README shows the body of this example; a test compares the two.
func Example() {
	dir, err := os.MkdirTemp("", "quickstart")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	connector, err := sqlite.NewConnector(filepath.Join(dir, "app.db"))
	if err != nil {
		log.Fatal(err)
	}
	// README: begin
	store := memstore.New(64 << 20) // 64 MiB
	cache, err := cacheops.New(store, &cacheops.Config{Rules: []cacheops.Rule{
		{Tables: "articles", Ops: cacheops.All, TTL: time.Hour},
	}})
	if err != nil {
		log.Fatal(err)
	}
	db := sqlcache.OpenDB(cache, connector, nil) // an ordinary *sql.DB: the one line that changes
	// README: end
	defer store.Close()
	defer cache.Close()
	defer db.Close()

	ctx := context.Background()
	exec := func(query string, args ...any) {
		if _, err := db.ExecContext(ctx, query, args...); err != nil {
			log.Fatal(err)
		}
	}
	count := func(category int) (n int) {
		if err := db.QueryRowContext(ctx, "SELECT count(*) FROM articles WHERE category = ?", category).Scan(&n); err != nil {
			log.Fatal(err)
		}
		return n
	}
	exec("CREATE TABLE articles (id INTEGER PRIMARY KEY, category INTEGER NOT NULL, title TEXT NOT NULL, views INTEGER NOT NULL DEFAULT 0)")
	exec("INSERT INTO articles (category, title) VALUES (1, 'a'), (1, 'b'), (2, 'c')")

	fmt.Println("category 1:", count(1), "category 2:", count(2))  // two reads of the database
	exec("UPDATE articles SET views = views + 1 WHERE id = 1")     // drops no count
	exec("INSERT INTO articles (category, title) VALUES (2, 'd')") // drops the count of category 2
	fmt.Println("category 1:", count(1), "category 2:", count(2))

	reads := cache.Stats().Reads[cacheops.TableOp{Table: "articles", Op: cacheops.Count}]
	fmt.Println("hits:", reads.Hits, "misses:", reads.Misses)
	// Output:
	// category 1: 2 category 2: 1
	// category 1: 2 category 2: 2
	// hits: 1 misses: 3
}
