package cacheops

import (
	"context"
	"errors"
	"time"

	"github.com/cacheops/cacheops/internal/dep"
)

// Dependency is what a function's result is said to depend on ([DependsOn]): a
// [Target] or what [Reads] returns.
type Dependency interface {
	// depend acquires the stamps for the frame, or spoils it. An error ends the call.
	depend(ctx context.Context, c *Cache, to *frame) error
}

// Reads is a dependency on what a query would return. query is called with a
// context in which no read reaches a database: each says what it depends on and
// then fails, with an error that the query may return. It is called whenever a
// result is made, and may make its query in any way, by an ORM as well. What it
// would ask only after that has succeeded (rows that belong to the first ones, as
// ORMs preload them) it does not ask, and nothing depends on: each such query is a
// dependency of its own. What is not a read that can be cached is not kept from
// reaching the database, and keeps the result from being kept.
func Reads(query func(ctx context.Context) error) Dependency { return &reads{query} }

// reads is no function by itself: engines of templates call what is.
type reads struct {
	query func(ctx context.Context) error
}

func (q *reads) depend(ctx context.Context, c *Cache, to *frame) error {
	f := &frame{cache: c, id: to.id, outer: to.outer, mode: asking, ttl: to.ttl, around: to.around, tenant: to.tenant}
	err := q.query(f.in(ctx))
	f.close()
	f.mu.Lock()
	silent := len(f.stamps) == 0 && f.flaw == sound
	f.mu.Unlock()
	if silent && err != nil && !errors.Is(err, errAsked) {
		return err
	}
	if silent {
		f.spoil(unkept, "what it is said to depend on makes no read")
	}
	f.handOn(to)
	return nil
}

func (t Target) depend(ctx context.Context, c *Cache, to *frame) error {
	if t.table == "" {
		to.spoil(unkept, "depends on everything")
		return nil
	}
	found := false
	for _, d := range c.knownDatabases() {
		if t.database != "" && t.database != d.name {
			continue
		}
		ok, err := d.depend(ctx, t, to)
		if err != nil {
			return err
		}
		found = found || ok
	}
	if !found {
		// That may be so because no statement was made yet: a database attaches itself
		// with its first.
		to.spoil(unkept, "no attached database has the table that it is said to depend on")
	}
	return nil
}

// depend acquires the stamps of the rows that a target describes.
func (d *Database) depend(ctx context.Context, t Target, to *frame) (found bool, err error) {
	b := d.backend.Load()
	if b.Row == nil || b.Version == nil {
		return false, nil
	}
	version := b.Version()
	ch, found, err := d.change(ctx, t)
	if err != nil || !found {
		return found, err
	}
	if v := b.Version(); v != version || v == 0 {
		to.spoil(unkept, "the schema changed")
		return true, nil
	}
	use := dep.Whole(ch.Table)
	if len(ch.Old) > 0 {
		use.Regions[0].Atoms = atomsOf(ch.Old[0])
	}
	q := &Query{Text: "depends on " + ch.Table, Main: t.table, Uses: []string{ch.Table}, Catalog: version}
	if d.Prepare(q); q.Uncacheable != "" {
		to.spoil(unplanned, q.Uncacheable)
		return true, nil
	}
	f := &fill{db: d, query: q, ttl: to.ttl, src: Source{Uses: func() ([]dep.Use, error) { return []dep.Use{use}, nil }}}
	if err := f.acquire(ctx); err != nil {
		return true, err
	}
	if d.cache.backlog.covers(q.Uses, d) {
		f.refuse("its tables' drops are queued")
	}
	if f.noKeep != "" {
		to.spoil(unkept, f.noKeep)
		d.proveDoubts(f.grant.Doubts)
		return true, nil
	}
	to.take(d.cache, f.grant.Deps, time.Time{})
	return true, nil
}

// atomsOf makes conditions of the values of a row that are known.
func atomsOf(row dep.Image) []dep.Atom {
	var atoms []dep.Atom
	for _, field := range row {
		switch {
		case field.Value == dep.NullValue():
			atoms = append(atoms, dep.Atom{Col: field.Col, Kind: dep.IsNull})
		case field.Value.Known():
			atoms = append(atoms, dep.Atom{Col: field.Col, Kind: dep.Eq, Value: field.Value})
		}
	}
	return atoms
}
