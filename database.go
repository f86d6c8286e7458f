package cacheops

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/cacheops/cacheops/internal/dep"
)

// This file is the core's side towards adapters: sqlcache, pgxcache. An adapter
// translates a driver's calls into these and decides nothing by itself.
// Programs that use the cache need none of it.

// Backend is what an adapter tells of the database it serves.
type Backend struct {
	// Name is the database's logical name, part of every key and tag. Required.
	Name string
	// Identity tells apart two databases that were given one name by mistake
	// (a file path, a system identifier); empty if unknown.
	Identity string
	// Prove reports whether a writer whose outcome is in doubt is provably over:
	// nothing of it can commit any more. A Writer with ID zero stands for every
	// writer that began before this call. Nil: never provable.
	Prove func(ctx context.Context, w Writer) (bool, error)
	// Row resolves a table as a user names it, and the values of a row as a user
	// gives them, to the database's own. A row may be empty. found is false for
	// a name that the database does not have.
	Row func(ctx context.Context, table string, row map[string]any) (resolved string, img dep.Image, found bool, err error)
	// CatalogMoved hears that the catalog is now of that version, by somebody's
	// DDL, so that plans must be made anew. It must not block. May be nil.
	CatalogMoved func(version uint64)
}

// Database is one database behind the cache, as its adapter sees it. Its
// methods may be called from many goroutines.
type Database struct {
	cache   *Cache
	name    string
	whole   string // the store's name for everything in the database
	backend atomic.Pointer[Backend]
	losses  losses
}

// anyDatabase stands for the database's name in what agnostic tables share. No
// database bears it: names with a NUL are not sensible. anyWhole is everything
// in all databases that have agnostic tables.
const (
	anyDatabase = "\x00"
	anyWhole    = anyDatabase + "/"
)

func newDatabase(c *Cache, b Backend) *Database {
	d := &Database{cache: c, name: b.Name, whole: b.Name + "/"}
	d.backend.Store(&b)
	return d
}

// Name returns the database's logical name.
func (d *Database) Name() string { return d.name }

// Others returns the other databases that are attached to the same cache.
func (d *Database) Others() []*Database {
	return slices.DeleteFunc(d.cache.attached(), func(other *Database) bool { return other == d })
}

// shares reports whether a table is one with those of that name in the other
// databases.
func (d *Database) shares(resolved string) bool {
	return d.cache.agnostic && d.cache.cfg.agnostic(resolved)
}

// table returns the store's name of a table. Names of databases and of tables
// may hold slashes, so two pairs can get one name: they then share their drops,
// which costs entries and nothing else. Keys keep them apart.
func (d *Database) table(resolved string) string {
	db := d.name
	if d.shares(resolved) {
		db = anyDatabase
	}
	var b strings.Builder
	b.Grow(len(db) + 1 + len(resolved))
	b.WriteString(db)
	b.WriteByte('/')
	b.WriteString(resolved)
	return b.String()
}

// resolved undoes table, for events.
func (d *Database) resolved(table string) string {
	if rest, ok := strings.CutPrefix(table, d.whole); ok {
		return rest
	}
	return strings.TrimPrefix(table, anyWhole)
}
