package cacheops

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/cacheops/cacheops/internal/dep"
)

// fill is one caller's attempt to fill an entry.
type fill struct {
	db    *Database
	query *Query
	key   Key
	ttl   time.Duration
	anew  bool // the entry is to be filled again, though there be one
	src   Source

	asked  []TableRead // what was acquired
	grant  Grant
	noKeep string // why the result is not kept; empty if it may be
	silent bool   // nor is that counted: nothing asks for it
	// since is the moment since when nothing that the read depends on has been
	// dropped, where the load may lag; zero if that is not known.
	since time.Time
	// when says, for the tags of reads with pinned regions, in which case the
	// entry needs them; empty if there is no such region.
	when   []needed
	pinned bool // there is one
}

// need is a set of the two cases in which an entry may need a tag.
type need uint8

const (
	ifAbsent  need = 1 << iota // the read found no row
	ifPresent                  // it found the rows that its regions pin
)

// needed is a tag with the cases in which it is. A pinned region has few tags,
// so they are searched one by one.
type needed struct {
	table string
	tag   Tag
	in    need
}

// acquire computes what the read depends on and gets the stamps. A failure of
// the store is no failure of the read: its result is then not kept.
func (f *fill) acquire(ctx context.Context) error {
	uses, err := f.src.Uses()
	if err != nil {
		return fmt.Errorf("compute what the read depends on: %w", err)
	}
	if slices.ContainsFunc(uses, func(u dep.Use) bool { return u.Table == "" }) {
		// The tag of the database as a whole would not do: a write drops it only
		// if it may be anything.
		f.refuse("depends on everything")
		return nil
	}
	if f.asked, err = f.reads(ctx, uses); err != nil {
		f.unasked(ctx, err)
		return nil
	}
	f.ask(ctx)
	return nil
}

// ask gets the stamps. It may be called again, for those that stand by then.
func (f *fill) ask(ctx context.Context) {
	grant, err := f.db.cache.store.Acquire(ctx, f.asked)
	if err != nil {
		f.unasked(ctx, err)
		return
	}
	f.db.cache.circuit.succeeded() // a read that only writes has not asked for a hit
	f.grant = grant
	f.db.cache.shapes.learn(f.asked)
	if f.grant.Refused == CatalogMoved {
		if f.src.CatalogMoved != nil {
			f.src.CatalogMoved(f.grant.Catalog)
		}
	}
	switch {
	case f.grant.Refused != Granted:
		f.refuse(f.grant.Refused.String())
	case f.src.LoadSince != nil:
		f.since = f.db.cache.quiet.since(f.grant.Deps, time.Now())
	}
}

func (f *fill) unasked(ctx context.Context, err error) {
	if ctx.Err() == nil {
		f.db.cache.circuit.failed()
		f.db.cache.failed(ctx, "acquire stamps", err)
	}
	f.refuse("the store failed")
}

func (f *fill) refuse(why string) {
	f.noKeep = why
	if f.grant.Refused == Granted {
		f.grant = Grant{Refused: StateUnknown}
	}
}

// reads turns uses into what the store is asked for: per table the shapes with
// their tags, and last the database as a whole, which every read depends on. One
// that reads an agnostic table depends on the other databases' wholes, too.
func (f *fill) reads(ctx context.Context, uses []dep.Use) ([]TableRead, error) {
	f.expectPins(uses)
	limitTags(uses, f.db.cache.cfg.MaxTags)
	reads := make([]TableRead, 0, len(uses)+2)
	shared := f.query.shared
	for i := range uses {
		r, err := f.read(ctx, &uses[i])
		if err != nil {
			return nil, err
		}
		reads = append(reads, r)
		shared = shared || f.db.shares(uses[i].Table)
	}
	if shared {
		reads = append(reads, TableRead{Table: anyWhole, TTL: f.ttl})
	}
	return append(reads, TableRead{Table: f.db.whole, Catalog: f.query.Catalog, TTL: f.ttl}), nil
}

func (f *fill) read(ctx context.Context, u *dep.Use) (TableRead, error) {
	r := TableRead{Table: f.db.table(u.Table), TTL: f.ttl}
	view, err := f.db.cache.shapes.room(ctx, f.db.cache.store, r.Table, f.db.cache.cfg.MaxShapes)
	if err != nil {
		return r, err
	}
	fit := fitting{view: view, most: f.db.cache.cfg.MaxShapes}
	for i := range u.Regions {
		region := &u.Regions[i]
		if !region.Pinned {
			f.need(r.Table, fit.add(region, u.Cols, false), ifAbsent|ifPresent)
			continue
		}
		f.need(r.Table, fit.add(region, u.Cols, false), ifAbsent)
		f.need(r.Table, fit.add(region, u.Cols, true), ifPresent)
	}
	r.Shapes = fit.shapes
	return r, nil
}

func (f *fill) expectPins(uses []dep.Use) {
	for i := range uses {
		for j := range uses[i].Regions {
			if uses[i].Regions[j].Pinned {
				f.pinned = true
				return
			}
		}
	}
}

func (f *fill) need(table string, tags []Tag, n need) {
	if !f.pinned {
		return
	}
	for _, t := range tags {
		if i := f.find(table, t); i >= 0 {
			f.when[i].in |= n
		} else {
			f.when = append(f.when, needed{table, t, n})
		}
	}
}

func (f *fill) find(table string, tag Tag) int {
	return slices.IndexFunc(f.when, func(w needed) bool { return w.tag == tag && w.table == table })
}

// deps returns what the entry depends on with the stamps of a grant, now that it
// is known whether the pinned rows were there, or that it is not.
func (f *fill) deps(grant Grant, rows existence) []Dep {
	if !f.pinned {
		return grant.Deps
	}
	kept := make([]Dep, 0, len(grant.Deps))
	for _, d := range grant.Deps {
		if i := f.find(d.Table, d.Tag); i < 0 || f.when[i].in&rows != 0 {
			kept = append(kept, d)
		}
	}
	return kept
}

// limitTags widens uses until they need about most tags or fewer: the table
// with the most regions is read as a whole.
func limitTags(uses []dep.Use, most int) {
	for {
		total, widest := 0, -1
		for i := range uses {
			n := 0
			for j := range uses[i].Regions {
				n += 2 + len(uses[i].Regions[j].Atoms)
			}
			total += n
			if len(uses[i].Regions) > 1 && (widest < 0 || len(uses[i].Regions) > len(uses[widest].Regions)) {
				widest = i
			}
		}
		if total <= most || widest < 0 {
			return
		}
		uses[widest].Regions = []dep.Region{common(uses[widest].Regions)}
	}
}

// common returns a region that covers all of them: the atoms they share.
func common(regions []dep.Region) dep.Region {
	var atoms []dep.Atom
	for _, a := range regions[0].Atoms {
		everywhere := !slices.ContainsFunc(regions[1:], func(r dep.Region) bool { return !slices.Contains(r.Atoms, a) })
		if everywhere {
			atoms = append(atoms, a)
		}
	}
	return dep.Region{Atoms: atoms}
}
