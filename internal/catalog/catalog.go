// Package catalog holds what is known of a database's schema: enough to decide
// which tables a statement touches, when two values of a column are equal, and
// what else happens when a row is written.
//
// A Catalog is read from the database itself (ReadSQLite, ReadPostgres, ReadMySQL)
// and never changes afterwards; DDL makes a new one. What could not be read is marked so, and
// whoever meets such a mark widens.
package catalog

import (
	"maps"
	"slices"
	"strings"

	"github.com/cacheops/cacheops/internal/dep"
)

// Dialect is a database's dialect of SQL.
type Dialect uint8

// The dialects.
const (
	SQLite Dialect = iota + 1
	PostgreSQL
	MySQL
)

// Catalog is the schema of one database, as its version was when it was read.
// It is immutable and may be used from many goroutines.
type Catalog struct {
	Dialect Dialect
	// Tables and views by resolved name, "schema.name" in lower case (SQLite:
	// "main.users"). Views are here too, with View set.
	Tables map[string]*Table
	// Path lists the schemas in which an unqualified name is looked up, in order
	// (SQLite: temp, main, then the attached ones; PostgreSQL: the search path of the
	// session that read the catalog, pg_temp and pg_catalog where it puts them;
	// MySQL: the current database).
	Path []string
	// Stamp identifies the schema's state as the database counts it (SQLite:
	// PRAGMA schema_version of each schema; elsewhere a digest of its own catalogs);
	// it changes when the schema does.
	Stamp string
	// ForeignKeys says whether foreign key actions run (SQLite's pragma).
	ForeignKeys bool
	// RecursiveTriggers is SQLite's pragma: REPLACE fires delete triggers.
	RecursiveTriggers bool
	// CaseSensitiveLike is SQLite's pragma.
	CaseSensitiveLike bool
	// NamesTruth says that a column somewhere is named true or false: the bare
	// word may mean it then, and not the value.
	NamesTruth bool
	// Functions are the program's own scalar functions, in lower case, that it
	// vouches for: see PureFunction.
	Functions map[string]bool
	// Immutable are PostgreSQL's own functions, in lower case, of which an overload
	// is immutable; Mutable are the numbers of arguments with which a call of such a
	// name may mean one that is not.
	Immutable map[string]bool
	Mutable   map[string][]Arity
	// RowFunctions are functions of PostgreSQL, in lower case, that are not the server's
	// own and may take a row: (t).f calls one.
	RowFunctions map[string]bool
	// OddOperators are operators of PostgreSQL that run a volatile function, or a
	// user's that is not immutable. The server's own stable ones depend on the
	// session's settings and are not here. OddCasts says that such a function
	// converts between types, where no statement shows it.
	OddOperators map[string]bool
	OddCasts     bool
	// OddDomains says that one is called by the check of a domain of PostgreSQL's.
	OddDomains bool

	// Leaving are routines of PostgreSQL and MySQL, in lower case, that may leave
	// something in the session of whoever calls them: settings, a role, temporary
	// tables.
	Leaving map[string]bool

	leaving bool                // a trigger or a view is one of those
	clocks  bool                // a column holds times of day
	byName  map[string][]*Table // by unqualified lower-case name; see Index
}

// Table is a table or a view.
type Table struct {
	Name    string // resolved: "main.users"
	Schema  string // "main"
	Bare    string // "users"
	Columns []Column
	// Keys are the unique keys (the primary key first, if there is one) over
	// plain columns. A key that is partial or over expressions is in
	// HasOddKeys instead.
	Keys       []Key
	HasOddKeys bool
	// Indexes are the key columns of every index, unique or not, in order; ""
	// stands for an expression. They decide the order of rows. Partial ones are
	// apart: SQLite may walk one for a read that names none of its columns.
	Indexes        [][]string
	PartialIndexes [][]string
	// Analyzed says that SQLite has statistics of the table's schema, by which it
	// may also choose an index whose first column a read does not name.
	Analyzed bool
	// Children are the foreign keys of other tables (or of this one) that refer
	// to this table.
	Children []*ForeignKey
	Triggers []*Trigger
	// View is the body's text, for a view. Base holds the tables under it,
	// transitively (resolved names); it is nil where the body cannot be resolved.
	View   string
	IsView bool
	// Leaves says that a view calls what may leave something in the session: see
	// [Catalog.Leaving].
	Leaves bool
	Base   []string
	// Materialized marks PostgreSQL's materialized views. IsView is not set: they
	// change by REFRESH alone, and Base is what that reads.
	Materialized bool
	// Barrier marks a view with security_barrier. Like any view of PostgreSQL's it
	// reads its tables with its owner's rights, so that row security of a table in
	// Base concerns it whether or not it does the present role.
	Barrier bool
	// Root is the resolved name that stands for all tables connected by
	// partitioning or inheritance: a row of one may be read through another. It is
	// empty where there are no others. Triggers and Children of any of them are those
	// of all.
	Root string
	// Partitioned marks the root of a tree of partitions whose rows are no other
	// through it than through a partition: it has no children by inheritance, no
	// foreign tables, and no generated columns, which a partition may compute in its
	// own way.
	Partitioned bool
	// Inherited says that the table has children by inheritance, whose rows its
	// own keys do not cover.
	Inherited bool
	// RowSecurity says that row-level security is enabled; RowSecurityBypassed that
	// it does not apply to the role that read the catalog.
	RowSecurity, RowSecurityBypassed bool
	// Policies are the conditions that row-level security puts on reads, as
	// expressions over the table's columns, and PolicyBase the tables under them, in
	// no order (resolved names). PolicyLost says that one of those is not known,
	// PolicyWrites that what a policy calls may write.
	Policies                 []string
	PolicyBase               []string
	PolicyLost, PolicyWrites bool
	// Engine is MySQL's storage engine, in lower case. NonTransactional says that
	// a rollback keeps what was written.
	Engine           string
	NonTransactional bool
	// Real is the name as the database spells it, quoted and with its schema, for
	// PostgreSQL and MySQL.
	Real string
	// Temp marks a table or view of one connection alone.
	Temp bool
	// Opaque says why reads of the table cannot be cached or writes to it not be
	// narrowed: "virtual table", "shadow table", "system table", "unreadable
	// view". Empty for ordinary tables.
	Opaque string
	// RowID is the column that aliases SQLite's rowid, or "" if there is none.
	RowID        string
	WithoutRowID bool
	Strict       bool
	// Module is a virtual table's module in lower case, "fts5".
	Module string
	// PlainInsertReplaces: the DDL declares a key ON CONFLICT REPLACE, so that a
	// plain INSERT or UPDATE may delete rows.
	PlainInsertReplaces bool
	// ConflictFails and ConflictRollsBack say that a constraint is declared ON
	// CONFLICT FAIL or ROLLBACK: a write that fails may keep rows, or end the
	// transaction.
	ConflictFails, ConflictRollsBack bool

	cols map[string]int
}

// Column is a column of a table or view.
type Column struct {
	Name     string // lower case
	Type     string // as declared
	Affinity Affinity
	// Collation is in upper case on SQLite: "BINARY", "NOCASE", "RTRIM", or a
	// user's own. On PostgreSQL it is the name ("default" for the database's own),
	// with its schema where that is not the server's, on MySQL as the server spells
	// it, and "" where the type has none.
	Collation string
	// Nondeterministic says that no pattern is matched under the collation; of
	// PostgreSQL.
	Nondeterministic bool
	// Form is the type's description on PostgreSQL and MySQL, where Affinity says
	// nothing.
	Form    Form
	NotNull bool
	// Default is the value that an INSERT gives the column if it does not name
	// it: unknown for an expression, NULL where nothing is declared.
	Default   dep.Value
	Generated bool // a generated column, stored or virtual
	// GeneratedPure says that a generated column's expression calls only
	// immutable functions; reads of it are not cached otherwise.
	GeneratedPure bool
	// GeneratedFrom holds the names that a generated column's expression mentions,
	// lower case and sorted: columns among them, which it is computed from. nil
	// where the expression could not be read.
	GeneratedFrom []string
	Hidden        bool // a hidden column of a virtual table
	// Real is the name as the database spells it.
	Real string
	// Identity says that the database numbers the rows: "ALWAYS" or "BY DEFAULT"
	// on PostgreSQL (OVERRIDING USER VALUE ignores what a statement gives),
	// "AUTO_INCREMENT" on MySQL.
	Identity string
	// AutoUpdated: MySQL sets the column to the time on every UPDATE that changes
	// the row (ON UPDATE CURRENT_TIMESTAMP).
	AutoUpdated bool
	// Zoned says that the column holds times of day with a zone (PostgreSQL's timetz).
	Zoned bool

	utf16 bool // the database encodes text so that it does not sort by its UTF-8
}

// Affinity is SQLite's type affinity of a column.
type Affinity uint8

// The affinities. NoAffinity is BLOB's.
const (
	NoAffinity Affinity = iota
	TextAffinity
	NumericAffinity
	IntegerAffinity
	RealAffinity
)

// Key is a unique key over plain columns.
type Key struct {
	Columns []string
	Primary bool
	// Pins says that equality on all Columns selects at most one row, and that
	// while the row is there no plain insert can add another: all columns NOT
	// NULL (or the rowid alias), each compared under its own collation, key not
	// partial, no conflict clause that replaces.
	Pins bool
}

// ForeignKey is a reference from Child's columns to a parent's.
type ForeignKey struct {
	Child         string // resolved name of the referring table
	Columns       []string
	Parent        string
	ParentColumns []string
	OnDelete      string // upper case: "CASCADE", "SET NULL", "SET DEFAULT", "RESTRICT", "NO ACTION"
	OnUpdate      string
}

// Trigger is a trigger on a table or view.
type Trigger struct {
	Name string
	// Event is "INSERT", "UPDATE", "DELETE" or PostgreSQL's "TRUNCATE". A trigger
	// on several is several here.
	Event string
	// Of lists the columns of UPDATE OF, nil for any.
	Of   []string
	When string // BEFORE, AFTER, INSTEAD OF; RULE for a rule of PostgreSQL's
	// PerStatement says that it runs once for a statement and cannot change rows
	// on their way.
	PerStatement bool
	// Body is the whole CREATE TRIGGER text, Statements those between its BEGIN
	// and END. On PostgreSQL it is the definition and the sources of the functions
	// that run, on MySQL the action and those of the routines that it may call.
	Body       string
	Statements []string
	// Writes holds the resolved names of every table and view that a statement
	// of the body writes itself; on PostgreSQL and MySQL, of every one that the body
	// names.
	Writes []string
	// Temp says that the trigger is one of the connection's own schema, and may
	// write tables of any.
	Temp bool
	// Unclear says that the text was not understood, names a table that is not
	// there, or calls a function that may write: the trigger may do anything.
	Unclear bool
	// Leaves says that it may leave something in the session: see [Catalog.Leaving].
	Leaves bool
}

// Index builds the lookup maps. A reader calls it once, when all tables are in.
func (c *Catalog) Index() {
	c.byName = make(map[string][]*Table, len(c.Tables))
	for _, name := range slices.Sorted(maps.Keys(c.Tables)) {
		// Every column named views would be one of information_schema's otherwise. No
		// name means those without their schema before it.
		if t := c.Tables[name]; t.Schema != "information_schema" {
			c.byName[t.Bare] = append(c.byName[t.Bare], t)
		}
	}
	for _, ts := range c.byName {
		slices.SortStableFunc(ts, func(a, b *Table) int { return c.pathRank(a) - c.pathRank(b) })
	}
	for _, t := range c.Tables {
		t.cols = make(map[string]int, len(t.Columns))
		for i := range t.Columns {
			t.cols[t.Columns[i].Name] = i
			c.clocks = c.clocks || t.Columns[i].Form.Kind == Clock
			c.NamesTruth = c.NamesTruth || t.Columns[i].Name == "true" || t.Columns[i].Name == "false"
		}
	}
}

// pathRank is a table's place in the order of name resolution, len(c.Path) for
// those that only a qualified name means.
func (c *Catalog) pathRank(t *Table) int {
	if i := slices.Index(c.Path, t.Schema); i >= 0 {
		return i
	}
	return len(c.Path)
}

// Lookup finds the table or view that a name means, resolving an empty schema
// along the path. Names are compared without case.
func (c *Catalog) Lookup(schema, name string) (*Table, bool) {
	name = strings.ToLower(name)
	if schema != "" {
		t, ok := c.Tables[strings.ToLower(schema)+"."+name]
		return t, ok
	}
	if ts := c.byName[name]; len(ts) > 0 && c.pathRank(ts[0]) < len(c.Path) {
		return ts[0], true
	}
	return nil, false
}

// Named returns every table and view of that unqualified name, in any schema but
// information_schema: what a floor that saw only an identifier must assume.
func (c *Catalog) Named(name string) []*Table { return c.byName[strings.ToLower(name)] }

// Column finds a column by name, without case.
func (t *Table) Column(name string) (*Column, bool) {
	i, ok := t.cols[strings.ToLower(name)]
	if !ok {
		return nil, false
	}
	return &t.Columns[i], true
}
