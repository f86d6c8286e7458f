package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cacheops/cacheops/cmd/cacheops/internal/replay"
	"github.com/cacheops/cacheops/cmd/cacheops/internal/shop"
)

type demoCommand struct {
	Statements int    `default:"20000" placeholder:"N" help:"How many statements to run."`
	Seed       uint64 `default:"1" placeholder:"N" help:"Another shop, another day."`
	JSON       bool   `name:"json" help:"Print the report as one JSON object."`
}

// Run is called by the parser.
func (c *demoCommand) Run(ctx context.Context, e *env) (err error) {
	if c.Statements < 0 {
		return fmt.Errorf("--statements: %d is negative", c.Statements)
	}
	dir, err := os.MkdirTemp("", "cacheops-demo-")
	if err != nil {
		return fmt.Errorf("make a directory for the shop: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "shop.sqlite")
	fmt.Fprintln(e.stderr, "building a shop: categories, products, customers, orders and reviews, about 60,000 rows")
	if err := buildShop(ctx, path, c.Seed); err != nil {
		return err
	}
	fmt.Fprintf(e.stderr, "running %s statements of 8 sessions through the cache, each answer compared with the database's\n",
		count(c.Statements))
	bar := newProgress(e, "demo", int64(c.Statements), false)
	report, err := replay.Run(ctx, path, shop.NewWork(c.Seed, c.Statements), replay.Config{Verify: true, Progress: bar.show})
	bar.finish()
	if err != nil && !report.Interrupted {
		return err
	}
	if !c.JSON {
		fmt.Fprintln(e.stderr)
	}
	return errors.Join(err, printReport(e.stdout, report, c.JSON))
}

func buildShop(ctx context.Context, path string, seed uint64) error {
	db, err := sql.Open("sqlite", path+"?_pragma=journal_mode(WAL)&_pragma=synchronous(off)")
	if err != nil {
		return fmt.Errorf("make the shop's database: %w", err)
	}
	return errors.Join(shop.Build(ctx, db, seed), db.Close())
}
