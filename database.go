package cacheops

import (
	"context"

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
}

// Attach adds a database to the cache. Attaching a name again returns the same
// Database, or an error if the identities differ.
func (c *Cache) Attach(b Backend) (*Database, error) { panic("contract") }

// Database is one database behind the cache, as its adapter sees it. Its
// methods may be called from many goroutines.
type Database struct{}

// Query is the part of a read that is the same for every execution: one per
// statement text and catalog version. An adapter fills the exported fields,
// calls Prepare once, and then shares it between goroutines.
type Query struct {
	Text string
	Op   Ops      // exactly one of the ops
	Main string   // the main table's unqualified name, for the rules
	Uses []string // resolved names of every table touched
	// Catalog is the catalog version that the statement was planned with.
	Catalog uint64
	// Uncacheable says why the read can never be cached; empty if it can.
	Uncacheable string
	// Decode reads what Value.AppendBinary wrote.
	Decode func([]byte) (Value, error)
}

// Prepare decides what the rules say of q.
func (d *Database) Prepare(q *Query) { panic("contract") }

// Lookup answers a read from the cache if it can.
//
// session is the fingerprint of everything in the session that may change the
// answer; args are the arguments, each typed and length-prefixed. Both are
// copied if they must be kept. Lookup allocates nothing on a hit.
func (d *Database) Lookup(ctx context.Context, q *Query, session string, args []byte) Lookup {
	panic("contract")
}

// Lookup is the outcome of asking the cache for a read.
type Lookup struct {
	// Hit is the cached value, nil if there is none.
	Hit Value
	// Fill says that the caller must go through [Database.Fill]. Without it and
	// without a hit the read goes straight to the database.
	Fill bool
}

// Source is how a missed read gets its result.
type Source struct {
	// Uses computes what the read depends on, given its arguments. A table with
	// the empty name means everything in the database.
	Uses func() ([]dep.Use, error)
	// Load runs the read on the database, with a snapshot that begins after the
	// call. Its ctx is not the caller's: it ends when nobody waits any more.
	Load func(ctx context.Context) (Loaded, error)
}

// Loaded is the result of Source.Load.
type Loaded struct {
	Value Value
	// Rows says that the read returned at least one row, and so that the row of
	// every pinned region was there.
	Rows bool
	// Discard forbids keeping the value, and says why. The value is still the
	// answer for the callers that may share it.
	Discard string
}

// Fill runs a missed read, once for all callers that wait for the same result,
// and keeps the value if the protocol allows. An error of Load is returned as
// it is; it is not kept. Fill returns early with ctx's error when ctx ends,
// and does not disturb the other callers.
func (d *Database) Fill(ctx context.Context, l *Lookup, src Source) (Value, error) { panic("contract") }

// Bypass records that a read went to the database without asking the cache,
// and why ("transaction", "session state").
func (d *Database) Bypass(ctx context.Context, q *Query, why string) { panic("contract") }

// CatalogVersion returns the database's present catalog version. A catalog read
// from the database after this call may be used with the version it returned.
func (d *Database) CatalogVersion(ctx context.Context) (uint64, error) { panic("contract") }

// Wanted returns the columns whose values decide which entries a write to a
// table drops, sorted: those that registered shapes restrict, shapes that an
// update of the columns set cannot touch left out. Knowing their old and new
// values keeps the drops exact.
func (d *Database) Wanted(ctx context.Context, table string, set dep.Columns) ([]string, error) {
	panic("contract")
}

// Changes resolves targets of an invalidation by hand to changes.
func (d *Database) Changes(ctx context.Context, targets ...Target) ([]dep.Change, error) {
	panic("contract")
}

// Write returns a collector for the changes of one transaction; an autocommit
// statement is a transaction of one.
func (d *Database) Write() *Tx { panic("contract") }

// Tx collects the changes of one transaction until its commit. It is used by
// one goroutine at a time, as the connection is.
type Tx struct{}

// Add records what a statement is about to change, before it runs and whether
// or not it will fail. catalog is the version that its plan was made from. With
// ctx from [WithoutInvalidation] nothing is recorded. Beyond some hundreds of
// row images a table's changes are widened to the table.
func (t *Tx) Add(ctx context.Context, catalog uint64, changes ...dep.Change) { panic("contract") }

// AddDDL records a change of the schema: it drops everything in the database
// and makes a new catalog version.
func (t *Tx) AddDDL() { panic("contract") }

// Empty reports whether nothing was recorded.
func (t *Tx) Empty() bool { panic("contract") }

// Savepoint, RollbackTo and Release follow the statements of those names.
// RollbackTo forgets what came after the savepoint; names nest as in SQL, and
// an unknown name forgets nothing.
func (t *Tx) Savepoint(name string)  { panic("contract") }
func (t *Tx) RollbackTo(name string) { panic("contract") }
func (t *Tx) Release(name string)    { panic("contract") }

// Forget drops all that was recorded: the transaction was rolled back.
func (t *Tx) Forget() { panic("contract") }

// Commit drops what the transaction changed and commits it: Begin in the
// store, then commit, then End. Where Begin fails, commit is not called and
// the error says so; the caller rolls back. Otherwise the error is commit's
// own, wrapped with [ErrOutcomeUnknown] for an unknown outcome. A failure of
// End is reported to the hooks only. After a Commit t is empty, unless the
// outcome was StillOpen.
//
// proof is given to Backend.Prove should the outcome stay in doubt. commit
// runs under ctx. A panic in it counts as an unknown outcome and goes on.
func (t *Tx) Commit(ctx context.Context, proof string, commit func(context.Context) (Outcome, error)) error {
	panic("contract")
}

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
