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
	// Replica says that what is read there may be of an earlier state. It gives way
	// to a backend of the same name that is none, which proves writers over.
	Replica bool
	// Session returns the session that reads with ctx are now made in, as they give
	// it to [Database.Lookup]; false where they are not cached. It must be quick, and
	// wait for nothing. Nil: always the empty one.
	Session func(ctx context.Context) (string, bool)
	// Version returns the catalog version that Row resolves names with. Nil: it is
	// not known, and what functions are said to depend on is not kept.
	Version func() uint64
	// Gone reports whether nobody uses the backend any more. Nil: never.
	Gone func() bool
}

// Database is one database behind the cache, as its adapter sees it. Its
// methods may be called from many goroutines.
type Database struct {
	cache   *Cache
	name    string
	part    []byte // of a function's key, before the session
	whole   string // the store's name for everything in the database
	backend atomic.Pointer[Backend]
	// sessions are those of all backends that have been attached and are not gone.
	sessions atomic.Pointer[[]session]
	losses   losses
}

// anyDatabase stands for the database's name in what agnostic tables share. No
// database bears it: names with a NUL are not sensible. anyWhole is everything
// in all databases that have agnostic tables.
const (
	anyDatabase = "\x00"
	anyWhole    = anyDatabase + "/"
)

func newDatabase(c *Cache, b Backend) *Database {
	d := &Database{cache: c, name: b.Name, whole: b.Name + "/", part: appendPart(nil, brief(b.Name))}
	d.backend.Store(&b)
	return d
}

// Name returns the database's logical name.
func (d *Database) Name() string { return d.name }

// SavedBy returns what CacheOnSave says in the rule of a table, for adapters that
// know a program's objects. The slice is not to be changed.
func (c *Cache) SavedBy(table string) []string {
	if r := c.cfg.rule(table); r != nil && c.Enabled() {
		return r.CacheOnSave
	}
	return nil
}

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
