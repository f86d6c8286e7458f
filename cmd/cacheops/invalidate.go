package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/sqlcache"
)

type invalidateCommand struct {
	databaseFlags
	redisFlags
	Was    []string `placeholder:"COLUMN=VALUE" sep:"none" help:"A value that the row had before it was changed past the cache. May be repeated."`
	Moved  bool     `help:"The row was changed past the cache, and its earlier values are not known: drop whatever could have shown it."`
	Yes    bool     `short:"y" help:"Do not ask for confirmation."`
	JSON   bool     `name:"json" help:"Print what was dropped as one JSON object."`
	Target []string `arg:"" help:"A table; a table and COLUMN=VALUE for its rows with these values; a glob for tables ('news_*'); or 'all' for everything in the database."`
}

// invalidated is what --json prints.
type invalidated struct {
	Database string   `json:"database"`
	All      bool     `json:"all"`
	Tables   []string `json:"tables"`
	// Rows is how many rows the image of each of which was dropped; -1 where the
	// rows' values were not read.
	Rows *int `json:"rows,omitempty"`
}

const everything = "all"

// Run is called by the parser.
func (c *invalidateCommand) Run(ctx context.Context, e *env) (err error) {
	where, err := assignments(c.Target[1:], c.sqlite())
	if err != nil {
		return err
	}
	was, err := assignments(c.Was, c.sqlite())
	if err != nil {
		return fmt.Errorf("--was: %w", err)
	}
	if len(where) == 0 && (len(was) > 0 || c.Moved) {
		return errors.New("--was and --moved are about rows: give COLUMN=VALUE")
	}
	if len(where) > 0 && (isGlob(c.Target[0]) || c.Target[0] == everything) {
		return fmt.Errorf("COLUMN=VALUE needs one table, and %q is none", c.Target[0])
	}
	store, err := c.store()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	drops, err := c.caches(store)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, drops.close()) }()
	done, err := c.drop(ctx, e, drops, where, was)
	if err != nil {
		return err
	}
	return c.print(e, done)
}

// drop does what the command was asked for.
func (c *invalidateCommand) drop(ctx context.Context, e *env, d dropping, where, was map[string]any) (*invalidated, error) {
	out := &invalidated{Tables: []string{}}
	name := c.Target[0]
	switch {
	case name == everything:
		out.All = true
		if !c.Yes {
			if err := e.confirm(ctx, "drop everything that is cached of "+c.shown()); err != nil {
				return nil, err
			}
		}
		return out, d.targets(ctx, cacheops.Everything())
	case isGlob(name):
		tables, err := d.matching(ctx, name)
		if err != nil {
			return nil, err
		}
		out.Tables = tables
		targets := make([]cacheops.Target, len(tables))
		for i, t := range tables {
			targets[i] = cacheops.Table(t)
		}
		return out, d.targets(ctx, targets...)
	case len(where) == 0:
		out.Tables = []string{name}
		return out, d.targets(ctx, cacheops.Table(name))
	}
	out.Tables = []string{name}
	if c.Moved {
		target := cacheops.Table(name)
		for col, v := range where {
			target = target.Where(col, v)
		}
		return out, d.targets(ctx, target)
	}
	rows, err := d.rows(ctx, name, where, was)
	out.Rows = &rows
	return out, err
}

func (c *invalidateCommand) print(e *env, done *invalidated) error {
	done.Database = c.shown()
	if done.Rows != nil {
		c.talk(e, *done.Rows)
	}
	if c.JSON {
		return json.NewEncoder(e.stdout).Encode(done)
	}
	if done.All {
		_, err := fmt.Fprintln(e.stdout, everything)
		return err
	}
	for _, t := range done.Tables {
		if _, err := fmt.Fprintln(e.stdout, t); err != nil {
			return err
		}
	}
	return nil
}

// talk says what the rows' values are good for.
func (c *invalidateCommand) talk(e *env, rows int) {
	switch {
	case rows < 0:
		fmt.Fprintln(e.stderr, "The rows' values are not known (too many rows, row-level security, or a replica): whatever could show a row with these was dropped.")
	case rows == 0:
		fmt.Fprintln(e.stderr, "There is no such row now: whatever could have shown one was dropped.")
	case len(c.Was) == 0:
		if rows == 1 {
			fmt.Fprintln(e.stderr, "Dropped what shows the row as the database has it now. If it was changed past the cache, what shows it as it was is still there: see --was and --moved.")
			return
		}
		fmt.Fprintf(e.stderr, "Dropped what shows the %s rows as the database has them now. If they were changed past the cache, what shows them as they were is still there: see --was and --moved.\n",
			count(rows))
	}
}

func isGlob(name string) bool { return strings.ContainsAny(name, `*?[`) }

// assignments reads COLUMN=VALUE. Servers convert text to a column's type; SQLite
// keeps what it is given in a column without one.
func assignments(words []string, typed bool) (map[string]any, error) {
	out := make(map[string]any, len(words))
	for _, w := range words {
		col, text, ok := strings.Cut(w, "=")
		if !ok || col == "" {
			return nil, fmt.Errorf("%q is not COLUMN=VALUE", w)
		}
		if _, twice := out[col]; twice {
			return nil, fmt.Errorf("%s is given twice", col)
		}
		switch {
		case strings.EqualFold(text, "null"):
			out[col] = nil
		case typed:
			out[col] = parseValue(text)
		default:
			out[col] = unquoted(text)
		}
	}
	return out, nil
}

// dropping is the database behind two caches over one store. Programs whose rules
// say DBAgnostic of a table know it under another name than the others, and a
// command cannot see their rules: it drops both.
type dropping []sqlcacheDB

type sqlcacheDB struct {
	cache *cacheops.Cache
	db    *sql.DB
}

func (c *invalidateCommand) caches(store cacheops.Store) (dropping, error) {
	var d dropping
	for _, rules := range [][]cacheops.Rule{nil, {{Tables: "*", DBAgnostic: true}}} {
		cache, err := cacheops.New(store, &cacheops.Config{Rules: rules})
		if err != nil {
			return nil, errors.Join(err, d.close())
		}
		db, err := c.open(cache)
		if err != nil {
			return nil, errors.Join(err, cache.Close(), d.close())
		}
		d = append(d, sqlcacheDB{cache, db})
	}
	return d, nil
}

func (d dropping) close() (err error) {
	for _, one := range d {
		err = errors.Join(err, one.db.Close(), one.cache.Close())
	}
	return err
}

func (d dropping) targets(ctx context.Context, targets ...cacheops.Target) error {
	for _, one := range d {
		if err := sqlcache.Invalidate(ctx, one.db, targets...); err != nil {
			return err
		}
	}
	return nil
}

func (d dropping) rows(ctx context.Context, table string, where, was map[string]any) (n int, err error) {
	for _, one := range d {
		if n, err = sqlcache.InvalidateRows(ctx, one.db, table, where, was); err != nil {
			return n, err
		}
	}
	return n, nil
}

// matching returns the tables whose names match a glob, as rules do: without
// schema, in lower case; with it, where the glob has a dot.
func (d dropping) matching(ctx context.Context, glob string) ([]string, error) {
	if _, err := path.Match(glob, ""); err != nil {
		return nil, fmt.Errorf("%q is no glob: %w", glob, err)
	}
	names, err := sqlcache.TableNames(ctx, d[0].db)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, full := range names {
		name := strings.ToLower(full)
		if !strings.Contains(glob, ".") {
			name = name[strings.IndexByte(name, '.')+1:]
		}
		if ok, _ := path.Match(strings.ToLower(glob), name); ok {
			out = append(out, full)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no table matches %q", glob)
	}
	return out, nil
}
