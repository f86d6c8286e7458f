package cacheops

import (
	"context"
	"strings"

	"github.com/cacheops/cacheops/internal/dep"
)

// Tx collects the changes of one transaction until its commit; an autocommit
// statement is a transaction of one. It is used by one goroutine at a time, as
// the connection is.
type Tx struct {
	db      *Database
	changes []dep.Change
	// catalog is the version that every change so far was planned with; 0 if
	// none was, or none said.
	catalog uint64
	ddl     bool
	wrote   bool           // something, be it recorded or not, and rolled back or not
	images  map[string]int // row images per table; -1 once widened
	marks   []mark
}

// mark is a savepoint: what the transaction had recorded when it was set.
type mark struct {
	name    string
	changes int
}

// maxImages is how many row images of one table a transaction remembers before
// it drops the whole table: beyond it, telling them apart costs more than it
// saves.
const maxImages = 500

// Write returns a collector for the changes of one transaction.
func (d *Database) Write() *Tx { return &Tx{db: d} }

// Add records what a statement is about to change, before it runs and whether
// or not it will fail. catalog is the version that its plan was made from, zero
// if none was needed. With ctx from [WithoutInvalidation] nothing is recorded.
// Beyond some hundreds of row images a table's changes are widened to the table.
func (t *Tx) Add(ctx context.Context, catalog uint64, changes ...dep.Change) {
	call := callFrom(ctx)
	call.frame.wrote()
	t.wrote = t.wrote || len(changes) > 0
	if call.noDrops || len(changes) == 0 {
		return
	}
	switch {
	case t.catalog == 0:
		t.catalog = catalog
	case catalog != 0 && catalog != t.catalog:
		// Two schemas in one transaction: what the first plans missed is unknown.
		anything := dep.Anything()
		t.add(&anything)
	}
	for i := range changes {
		t.add(&changes[i])
	}
}

func (t *Tx) add(c *dep.Change) {
	if t.images == nil {
		t.images = make(map[string]int)
	}
	n := t.images[c.Table]
	switch {
	case n < 0:
		return
	case c.Op == dep.AnyOp, c.Table == "":
		t.images[c.Table] = -1
	default:
		n += len(c.Old) + len(c.New)
		t.images[c.Table] = n
		if n > maxImages {
			t.images[c.Table] = -1
			t.changes = append(t.changes, dep.AnyOf(c.Table))
			return
		}
	}
	t.changes = append(t.changes, *c)
}

// AddDDL records a change of the schema: it drops everything in the database
// and makes a new catalog version.
func (t *Tx) AddDDL() {
	t.ddl, t.wrote = true, true
	t.changes = append(t.changes, dep.Anything())
}

// Read tells the functions that run in ctx ([NewFunc], [Memo]) that one of them is
// about to read in the transaction, as [InTransaction] does. If that has written
// something, nobody else may ever see what is read: then their results are not kept
// by time either.
func (t *Tx) Read(ctx context.Context) {
	if !t.wrote {
		InTransaction(ctx)
		return
	}
	if f := frameFrom(ctx); f != nil {
		f.spoil(forbidden, "reads what is not committed")
	}
}

// Empty reports whether nothing was recorded.
func (t *Tx) Empty() bool { return len(t.changes) == 0 && !t.ddl }

// Savepoint, RollbackTo and Release follow the statements of those names.
// RollbackTo forgets what came after the savepoint; names nest as in SQL, and
// an unknown name forgets nothing. A change of the schema is never forgotten.
func (t *Tx) Savepoint(name string) {
	t.marks = append(t.marks, mark{name: name, changes: len(t.changes)})
}

// RollbackTo forgets what was recorded since the savepoint, which stays.
func (t *Tx) RollbackTo(name string) {
	i := t.mark(name)
	if i < 0 {
		return
	}
	t.changes = t.changes[:t.marks[i].changes]
	t.marks = t.marks[:i+1]
	t.images = nil
	for i := range t.changes {
		t.recount(&t.changes[i])
	}
}

// Release forgets the savepoint and those set after it, and keeps the changes.
func (t *Tx) Release(name string) {
	if i := t.mark(name); i >= 0 {
		t.marks = t.marks[:i]
	}
}

// mark finds the latest savepoint of that name. Databases differ in how they
// compare names; taking the latest that could be meant forgets the least.
func (t *Tx) mark(name string) int {
	for i := len(t.marks) - 1; i >= 0; i-- {
		if strings.EqualFold(t.marks[i].name, name) {
			return i
		}
	}
	return -1
}

func (t *Tx) recount(c *dep.Change) {
	if t.images == nil {
		t.images = make(map[string]int)
	}
	switch {
	case t.images[c.Table] < 0:
	case c.Op == dep.AnyOp:
		t.images[c.Table] = -1
	default:
		t.images[c.Table] += len(c.Old) + len(c.New)
	}
}

// Forget drops all that was recorded: the transaction was rolled back.
func (t *Tx) Forget() { *t = Tx{db: t.db} }
