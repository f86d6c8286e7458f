package cacheops

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/cacheops/cacheops/internal/dep"
)

// Outcome is what is known of a commit.
type Outcome uint8

// The outcomes.
const (
	// OutcomeUnknown: the commit may or may not have happened, or may yet.
	OutcomeUnknown Outcome = iota
	// Committed: the database said so. Also for a statement that failed and may
	// have kept rows.
	Committed
	// RolledBack: the database acknowledged that nothing was kept.
	RolledBack
	// StillOpen: nothing was committed and the transaction goes on.
	StillOpen
)

// Commit drops what the transaction changed and commits it: Begin in the
// store, then commit, then End. Where Begin fails, commit is not called and
// the error is an [ErrStore]; the caller rolls back. Otherwise the error is
// commit's own, wrapped with [ErrOutcomeUnknown] for an unknown outcome. A
// failure of End is reported to the hooks only. After a Commit t is empty,
// unless the outcome was StillOpen.
//
// proof is given to Backend.Prove should the outcome stay in doubt. commit
// runs under ctx. A panic in it counts as an unknown outcome and goes on.
func (t *Tx) Commit(ctx context.Context, proof string, commit func(context.Context) (Outcome, error)) error {
	w := &write{db: t.db, writer: Writer{ID: newWriterID(), Proof: t.db.sign(proof)}, catalog: t.catalog, ddl: t.ddl}
	if !t.Empty() {
		w.observe(ctx, t.changes)
		if err := w.begin(ctx, t.changes); err != nil {
			if err = w.degrade(ctx, t.changes, err); err != nil {
				return err
			}
		}
	}
	outcome, err := w.commit(ctx, commit)
	if outcome != StillOpen {
		t.Forget()
	}
	return err
}

func newWriterID() uint64 {
	for {
		if id := rand.Uint64(); id != 0 {
			return id
		}
	}
}

// write is one attempt to commit.
type write struct {
	db      *Database
	writer  Writer
	catalog uint64
	ddl     bool

	tables []string // where the intent may stand
	owed   *owed    // set where the store was not told: the backlog will tell it
}

// beginTries is how often tags are computed anew because the registry moved
// meanwhile, before the table's own tag is dropped instead.
const beginTries = 2

// maxBeginTags bounds what one Begin sends for a table; beyond it the table's
// own tag is dropped.
const maxBeginTags = 1000

// begin tells the store what is about to change. On an error nothing of it
// stays there as far as the store can be reached.
func (w *write) begin(ctx context.Context, changes []dep.Change) error {
	c := w.db.cache
	groups, whole := w.group(changes)
	w.tables = make([]string, 0, len(groups)+2)
	for table := range groups {
		w.tables = append(w.tables, table)
	}
	slices.Sort(w.tables)
	pending := w.tables
	w.tables = append(w.tables, w.db.whole)
	if whole && c.agnostic {
		w.tables = append(w.tables, anyWhole)
	}
	begun := false
	defer func() {
		if !begun { // by an error, or by a hook's panic
			w.takeBack(ctx)
		}
	}()
	writes, err := w.compute(ctx, pending, groups)
	if err == nil {
		writes = append(writes, w.everything(whole)...)
		err = w.send(ctx, writes, groups)
	}
	if err != nil {
		c.stats.storeErrors.Add(1)
		return fmt.Errorf("%w, so it was not committed: %w", ErrStore, err)
	}
	begun = true
	return nil
}

// group sorts changes by the store's tables; whole says that anything in the
// database may change.
func (w *write) group(changes []dep.Change) (groups map[string][]*dep.Change, whole bool) {
	groups = make(map[string][]*dep.Change)
	whole = w.ddl
	for i := range changes {
		if changes[i].Table == "" {
			whole = true
			continue
		}
		table := w.db.table(changes[i].Table)
		groups[table] = append(groups[table], &changes[i])
	}
	return groups, whole
}

// everything returns what the database as a whole is told: that a writer is in
// flight that planned with this catalog, and, where anything may change, that
// everything is dropped. It goes last, so that the catalog is compared after
// the tables are begun.
func (w *write) everything(whole bool) []TableWrite {
	all := TableWrite{Table: w.db.whole, Catalog: w.catalog, Unverified: true, BumpCatalog: w.ddl}
	if !whole {
		return []TableWrite{all}
	}
	all.Catalog = 0
	all.Tags = []Tag{TableTag}
	if !w.db.cache.agnostic {
		return []TableWrite{all}
	}
	return []TableWrite{all, {Table: anyWhole, Unverified: true, Tags: []Tag{TableTag}}}
}

func (w *write) compute(ctx context.Context, tables []string, groups map[string][]*dep.Change) ([]TableWrite, error) {
	writes := make([]TableWrite, 0, len(tables)+2)
	for _, table := range tables {
		v, err := w.db.cache.shapes.view(ctx, w.db.cache.store, table)
		if err != nil {
			return nil, err
		}
		writes = append(writes, v.write(groups[table]))
	}
	return writes, nil
}

// write computes the tags that changes of the table drop.
func (v *view) write(changes []*dep.Change) TableWrite {
	tw := TableWrite{Table: v.Table, Epoch: v.Epoch, Version: v.Version}
	if v.foreign {
		return tw.widened()
	}
	rows := 0
	for _, c := range changes {
		if c.Op == dep.AnyOp {
			return tw.widened()
		}
		rows += max(len(c.Old), len(c.New))
		tw.Tags = v.matcher.AppendDrops(tw.Tags, c)
		if len(tw.Tags) > 4*maxBeginTags {
			return tw.widened()
		}
	}
	if rows > 1 { // else no tag is there twice
		slices.Sort(tw.Tags)
		tw.Tags = slices.Compact(tw.Tags)
	}
	if len(tw.Tags) > maxBeginTags {
		return tw.widened()
	}
	return tw
}

// widened drops the table's own tag, which covers every shape whatever the
// registry holds by now.
func (tw TableWrite) widened() TableWrite {
	tw.Tags, tw.Unverified = []Tag{TableTag}, true
	return tw
}

// send begins the tables, computing anew those whose registry moved. A moved
// catalog means that the plans may have missed tables: everything is dropped.
func (w *write) send(ctx context.Context, writes []TableWrite, groups map[string][]*dep.Change) error {
	c := w.db.cache
	for try := 1; len(writes) > 0; try++ {
		moved, err := c.store.Begin(ctx, w.writer, writes)
		if err != nil {
			return err
		}
		w.dropped(ctx, writes, moved)
		writes = writes[:0:0]
		for i := range moved {
			if moved[i].Table == w.db.whole {
				writes = append(writes, w.everything(true)...)
				w.hold(anyWhole)
				continue
			}
			tw := c.shapes.store(moved[i]).write(groups[moved[i].Table])
			if try >= beginTries {
				tw = tw.widened()
			}
			writes = append(writes, tw)
		}
	}
	return nil
}

// hold adds a table to those that End must name.
func (w *write) hold(table string) {
	if w.db.cache.agnostic && !slices.Contains(w.tables, table) {
		w.tables = append(w.tables, table)
	}
}

// takeBack takes back what of a failed Begin may stand in the store: the commit
// was not sent, so nothing of this writer can land.
func (w *write) takeBack(ctx context.Context) {
	ctx, cancel := settle(ctx)
	defer cancel()
	if err := w.db.cache.store.End(ctx, w.writer, w.tables); err != nil {
		w.db.cache.failed(ctx, "take back an intent", err)
	}
}

// degrade lets a write go on without the store, if the configuration says so.
func (w *write) degrade(ctx context.Context, changes []dep.Change, cause error) (err error) {
	c := w.db.cache
	if !c.cfg.DegradeOnFailure || ctx.Err() != nil {
		return cause
	}
	if w.owed, err = c.backlog.add(w, changes); err != nil {
		return fmt.Errorf("%w (and its drops cannot be queued: %w)", cause, err)
	}
	w.tables = nil
	c.failed(ctx, "tell the store of a write; its drops are queued", cause)
	return nil
}

func (w *write) commit(ctx context.Context, commit func(context.Context) (Outcome, error)) (outcome Outcome, err error) {
	defer func() {
		switch {
		case w.owed != nil:
			w.db.cache.backlog.settle(w.owed, outcome)
		case len(w.tables) > 0:
			w.finish(ctx, outcome)
		}
	}()
	outcome = OutcomeUnknown // until commit returns: it may panic
	o, err := commit(ctx)
	outcome = o
	if outcome == OutcomeUnknown {
		if err == nil {
			err = errors.New("the commit returned neither an outcome nor an error")
		}
		err = fmt.Errorf("%w: %w", ErrOutcomeUnknown, err)
	}
	return outcome, err
}

// finish tells the store how the commit ended.
func (w *write) finish(ctx context.Context, outcome Outcome) {
	ctx, cancel := settle(ctx)
	defer cancel()
	if outcome == OutcomeUnknown {
		if err := w.db.cache.store.Doubt(ctx, w.writer, w.tables); err != nil {
			w.db.cache.failed(ctx, "declare a write doubtful", err)
		}
		return
	}
	if err := w.db.cache.store.End(ctx, w.writer, w.tables); err != nil {
		w.db.cache.failed(ctx, "end a write", err)
	}
}

// observe counts and reports the changes, once however often they are sent.
func (w *write) observe(ctx context.Context, changes []dep.Change) {
	w.db.cache.stats.writes.Add(1)
	h := w.db.cache.cfg.Hooks.Change
	if h == nil {
		return
	}
	for i := range changes {
		h(ctx, ChangeEvent{Database: w.db.name, Table: changes[i].Table, Rows: len(changes[i].Old) + len(changes[i].New)})
	}
}

// dropped counts and reports the tags that a Begin dropped.
func (w *write) dropped(ctx context.Context, writes []TableWrite, moved []Registry) {
	c := w.db.cache
	for i := range writes {
		tw := &writes[i]
		if len(tw.Tags) == 0 || slices.ContainsFunc(moved, func(r Registry) bool { return r.Table == tw.Table }) {
			continue
		}
		whole := slices.Contains(tw.Tags, TableTag)
		c.stats.tags.Add(uint64(len(tw.Tags)))
		if whole {
			c.stats.tables.Add(1)
		}
		if h := c.cfg.Hooks.Drop; h != nil {
			h(ctx, DropEvent{Database: w.db.name, Table: w.db.resolved(tw.Table), Tags: len(tw.Tags), Whole: whole})
		}
	}
}

// CatalogVersion returns the database's present catalog version. A catalog read
// from the database after this call may be used with the version it returned.
func (d *Database) CatalogVersion(ctx context.Context) (uint64, error) {
	r, err := d.cache.store.Registry(ctx, d.whole)
	if err != nil {
		return 0, fmt.Errorf("read the catalog version: %w", err)
	}
	return r.Catalog, nil
}

// Wanted returns the columns whose values decide which entries a write to a
// table drops, sorted: those that registered shapes restrict, shapes that an
// update of the columns set cannot touch left out. Knowing their old and new
// values keeps the drops exact.
func (d *Database) Wanted(ctx context.Context, table string, set dep.Columns) ([]string, error) {
	v, err := d.cache.shapes.view(ctx, d.cache.store, d.table(table))
	if err != nil {
		return nil, fmt.Errorf("read the registry of shapes: %w", err)
	}
	var cols []string
	for _, s := range v.parsed {
		if s == nil || !set.Meets(s.Used) {
			continue
		}
		for _, slot := range s.Slots {
			cols = append(cols, slot.Col)
		}
	}
	slices.Sort(cols)
	return slices.Compact(cols), nil
}
