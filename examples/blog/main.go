// A blog whose queries, fragments and pages are cached: GORM, html/template and
// chi, as they are used without a cache, and three lines for it (see assemble).
//
//	go run ./examples/blog                      SQLite in a file, the cache in the process
//	go run ./examples/blog --postgres --redis   the local servers; or --postgres=DSN, --redis=URL
//
// Readers without a cookie get whole pages from the cache. An editor (/login) gets
// pages made of cached fragments, and what is saved is on every page at once.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/memstore"
	"github.com/cacheops/cacheops/redisstore"
)

func main() {
	addr := flag.String("addr", "localhost:8080", "where to listen")
	file := flag.String("sqlite", filepath.Join(os.TempDir(), "cacheops-blog.db"), "the database's file, if --postgres is not given")
	pg := server{local: "postgres://postgres@127.0.0.1:5432/postgres?sslmode=disable"}
	flag.Var(&pg, "postgres", "use PostgreSQL: the local one, or =DSN")
	redis := server{local: "redis://127.0.0.1:6379/0"}
	flag.Var(&redis, "redis", "keep the cache in Redis: the local one, or =URL")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := serve(ctx, *addr, redis.address, dialectorOf(*file, pg.address)); err != nil {
		fmt.Fprintln(os.Stderr, "blog:", err)
		os.Exit(1)
	}
}

// server is a flag that may be given without a value.
type server struct{ address, local string }

func (s *server) String() string { return s.address }

func (s *server) Set(v string) error {
	if s.address = v; v == "true" {
		s.address = s.local
	}
	return nil
}

// IsBoolFlag says that the flag needs no value.
func (*server) IsBoolFlag() bool { return true }

func dialectorOf(file, pg string) gorm.Dialector {
	if pg != "" {
		return postgres.Open(pg)
	}
	dsn := "file:" + file + "?_pragma=journal_mode(WAL)&_pragma=busy_timeout(5000)"
	return sqlite.New(sqlite.Config{DriverName: "sqlite", DSN: dsn})
}

func storeOf(redis string) (cacheops.Store, error) {
	if redis != "" {
		return redisstore.New(redis, nil)
	}
	return memstore.New(64 << 20), nil
}

func serve(ctx context.Context, addr, redis string, dialector gorm.Dialector) (err error) {
	store, err := storeOf(redis)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	handler, cache, err := newBlog(ctx, store, dialector)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cache.Close()) }()
	server := &http.Server{Addr: addr, Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	fmt.Fprintf(os.Stderr, "the blog is at http://%s, its editor at /login\n", addr)
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return server.Shutdown(last)
}
