package sqldep

import (
	"database/sql/driver"

	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/dep"
)

// Class is what kind of statement a text is, as an adapter needs to know it.
type Class uint8

// The classes. The zero Class is Unrecognised.
const (
	// Unrecognised text means everything: it is handled like a write that may
	// change anything, the schema included, and may change the session.
	Unrecognised Class = iota
	// Read only reads.
	Read
	// Write is DML, a read that calls an impure function, a data-modifying CTE.
	Write
	// DDL changes the schema.
	DDL
	// Begin, Commit, Rollback, Savepoint, RollbackTo and Release steer the
	// transaction. Plan.Name has the savepoint's name. COMMIT AND CHAIN, after which
	// a transaction is open, and what ends one elsewhere (COMMIT PREPARED, XA
	// COMMIT, PREPARE TRANSACTION) is Unrecognised.
	Begin
	Commit
	Rollback
	Savepoint
	RollbackTo
	Release
	// Session changes or reads the session's state and nothing else (PRAGMA x=y,
	// SET, ATTACH, temporary objects): it pins the connection.
	Session
	// Maintenance may have to run outside a transaction, and changes no row, but
	// the order in which rows come (VACUUM, ANALYZE, REINDEX; a PRAGMA that only
	// asks is Read, uncacheable).
	Maintenance
	// Multi is several statements in one text; Plan.Parts has them.
	Multi
	// Empty is no statement at all.
	Empty
)

// ReadOp is the op of a read, as the rules name them.
type ReadOp uint8

// The ops of a read.
const (
	OpFetch     ReadOp = iota // rows
	OpGet                     // at most one row: a whole unique key is pinned, or LIMIT 1
	OpCount                   // SELECT count(…) alone
	OpExists                  // SELECT EXISTS(…), or SELECT 1 … LIMIT 1
	OpAggregate               // other aggregates, GROUP BY
)

// Plan is what is known of a statement's text under one catalog. It is
// immutable and shared.
type Plan struct {
	// Text is the statement's text. Where literals were lifted it is the text
	// with a zero byte and a digit in each one's place, which no statement holds:
	// good as a key, together with Bound.Literals, and for nothing else. The two
	// decide a statement's result, and its columns' names, as its own text does.
	Text  string
	Class Class
	// Name is a savepoint's name, and of a Session the variable's that it sets: empty
	// for none or several.
	Name string
	// Parts are the statements of a Multi. Which of the arguments go to which of
	// them differs between drivers: ask their plans without any.
	Parts []*Plan

	// For a Read:
	Op ReadOp
	// Main is the first table in FROM, as written, without schema, lower case.
	Main string
	// Uncacheable says why the read is never cached; empty if it may be.
	Uncacheable string

	// Tables are the resolved names of all tables touched: read, written, or
	// reached through views, cascades and triggers. nil with Everything set.
	Tables []string
	// Everything: the statement may touch any table.
	Everything bool

	// Returns says that a Write returns rows (RETURNING).
	Returns bool
	// Immediate says, for a Begin, that it takes the write lock at once.
	Immediate bool
	// KeepsOnError says that a Write that fails may keep rows (OR FAIL).
	KeepsOnError bool
	// EndsTxOnError says that a Write that fails may roll back the whole
	// transaction (OR ROLLBACK, RAISE(ROLLBACK)).
	EndsTxOnError bool
	// Temp says that the statement makes or names a temporary object.
	Temp bool
	// ImplicitCommit says that the statement may commit the open transaction by
	// itself, before it runs or after: MySQL's DDL, BEGIN, LOCK TABLES, SET
	// autocommit and others, and whatever is Unrecognised there.
	ImplicitCommit bool
	// SetsSession says that the statement leaves something in the session that
	// another connection lacks, whatever its class: a variable, a lock, a
	// prepared statement, a cursor, a count of rows. A Session does, unless Local
	// is set; so does a read that calls pg_advisory_lock or assigns to @a.
	SetsSession bool
	// Leaves says, for what SetsSession, that a routine or a trigger does, of which
	// the text does not tell.
	Leaves bool
	// AsksSession says that the result depends on what this very connection did
	// before: LAST_INSERT_ID(), currval, @a. It must run there, and is no read to
	// be cached.
	AsksSession bool
	// Local says, for a Session and for what SetsSession, that its effect ends with the
	// transaction (SET LOCAL, SET TRANSACTION, set_config(…, true)). Name has the
	// variable, as for SET.
	Local bool

	// timed says that an argument that is a date may stand beside a time of day.
	timed bool
	read  *readPlan
	write *writePlan
}

// Bound is a plan with the literals that were lifted out of one text: int64,
// float64, string or []byte. It is shared and not to be changed.
type Bound struct {
	*Plan
	Literals []driver.Value
}

// Uses returns what a Read depends on, given its arguments. Arguments are as
// the program gave them, before any conversion by the driver.
func (b Bound) Uses(args []driver.NamedValue) []dep.Use {
	if b.read == nil {
		return b.floorUses()
	}
	return b.read.uses(b, args)
}

// Changes returns what a Write changes, given its arguments and the facts that
// are known of it. With zero facts it says what the statement itself tells,
// which must hold whatever happens when it runs, failure included.
func (b Bound) Changes(args []driver.NamedValue, f Facts) []dep.Change {
	if b.write == nil {
		return b.floorChanges()
	}
	return b.write.changes(b, args, f)
}

// Target returns the one row that a Write touches, where its WHERE pins a whole
// unique key of one table and reading the row before (and after) the write
// would make the changes exact; of an upsert or a REPLACE on PostgreSQL or MySQL
// the rows that it may find in the way of its own. ok is false otherwise: for
// plain inserts, for statements that may touch more rows or fire triggers that
// write the same table, for views.
func (b Bound) Target(args []driver.NamedValue) (t RowTarget, ok bool) {
	if b.write == nil {
		return RowTarget{}, false
	}
	return b.write.target(b, args)
}

// RowTarget is a row to read around a write.
type RowTarget struct {
	Table *catalog.Table
	// Set are the columns that the write changes; all for a DELETE.
	Set dep.Columns
	// Where selects the row ("id" = ?, on PostgreSQL $1), quoted for the dialect, with
	// Args.
	Where string
	Args  []driver.NamedValue
	// Maybe says that the statement asks more of the row than its key: it may leave
	// the row alone, and not wait for who holds it.
	Maybe bool
	// ReadAfter lists the columns whose new values the statement does not tell
	// (SET views = views + 1) but a read after it would. The key is not set by
	// a write with a target, so Where finds the row again.
	ReadAfter []string
	// Rows is, for an upsert or a REPLACE, how many rows it proposes, each with one
	// perhaps in its way; 0 elsewhere. The rows are told by the columns Key.
	Rows int
	Key  []string
	// Moves says that an upsert may give the rows that it meets another key.
	Moves bool
	// Numbered says that the server numbers the row, which may meet another by that
	// number: which one it updated, a change of it tells.
	Numbered bool
	// Order is the expression that puts several rows into the order in which the
	// statement meets them, which is that in which it locks them. Empty for one.
	Order string
}

// Facts are what an adapter saw of a write beyond its text. Zero: nothing.
type Facts struct {
	// Ran says that the statement ran without an error, within a transaction
	// that is still open; the other fields mean nothing without it.
	Ran bool
	// Read says that Old (and New) were read around the write, under the write
	// lock. Old is nil when no such row was there.
	Read     bool
	Old, New dep.Image
	// Olds and News are, for an upsert or a REPLACE, those of the target's rows
	// that were there, each with its key: before the write, and locked so that it
	// must have met them, and after it. Read then says of Olds that they were looked
	// for, not that no others were met: what is not there cannot be locked.
	Olds, News []dep.Image
	// Counts is how many rows of its table the statement inserted and updated, on
	// PostgreSQL.
	Counts Counts
	// InsertID is the generated key of a single-row INSERT.
	InsertID    int64
	HasInsertID bool
	// Returned are the rows that the statement returned, all of them; nil if it
	// returned none or they are not known.
	Returned [][]driver.Value
	// Affected is the number of rows that the database reports, -1 if unknown.
	Affected int64
}

// Counts are PostgreSQL's own counts of what a statement did to a table, of which
// nothing is said without Known. Nothing is counted where the server does not.
type Counts struct {
	Known             bool
	Inserted, Updated int64
}
