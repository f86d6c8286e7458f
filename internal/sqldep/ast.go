package sqldep

// The tree of a statement, as the parser builds it.
//
// Names in the tree are unquoted and in lower case (PostgreSQL's quoted names
// keep theirs), so that they compare with the catalog's. Parentheses are gone.
// A tree exists only for a statement that was understood to its end; inside an
// expression, what was not understood is an Opaque that holds the parts that
// were, so that an analyst can widen. There is no third way: nothing of the
// statement is missing from its tree.

// Node is any node of a tree: a Statement, a From, an Expr, or one of the parts
// *With, *CTE, *Core, *Upsert. See Walk.
type Node interface{ node() }

// Statement is one of *Select, *Insert, *Update, *Delete, *Other.
type Statement interface {
	Node
	stmt()
}

// Pos is a byte offset into the statement's text.
type Pos int32

// Select is a query: one core, or several combined, with what applies to all of
// them. VALUES (…) is a Select as well.
type Select struct {
	With *With // nil without
	// Cores are the parts of a compound, at least one. They are combined from
	// left to right with Ops, of which there is one less (on PostgreSQL and MySQL
	// INTERSECT binds closer, which no analyst needs to know).
	Cores   []*Core
	Ops     []CompoundOp
	OrderBy []Order
	Limit   Expr // nil without; a number stays a *Literal, it is never lifted
	Offset  Expr // nil without
	// Lock is the locking clause's text, "for update"; empty without.
	Lock string
	// Into says that rows go elsewhere (SELECT … INTO): not a mere read.
	Into bool
	Pos  Pos
}

// CompoundOp combines two cores.
type CompoundOp uint8

// The compound operators.
const (
	Union CompoundOp = iota + 1
	UnionAll
	Intersect
	IntersectAll
	Except
	ExceptAll
)

// Core is one SELECT … FROM … WHERE … GROUP BY … of a query, or a VALUES list,
// or a parenthesised query inside a compound. Exactly one of Columns, Values
// and Sub is set.
type Core struct {
	Distinct   bool
	DistinctOn []Expr // PostgreSQL
	Columns    []ResultColumn
	From       From // nil without
	Where      Expr
	GroupBy    []Expr
	Having     Expr
	Windows    []NamedWindow
	Values     [][]Expr
	Sub        *Select
}

// ResultColumn is one item of a select list or of RETURNING.
type ResultColumn struct {
	Expr  Expr   // nil for a star
	Alias string // empty without
	Star  bool   // * or t.*
	// Schema and Table qualify a star: t.*
	Schema, Table string
}

// Order is one term of ORDER BY. A bare integer *Literal counts result columns;
// it is never lifted.
type Order struct {
	Expr Expr
	Desc bool
}

// NamedWindow is WINDOW name AS (…).
type NamedWindow struct {
	Name string
	Window
}

// With is a statement's WITH clause.
type With struct {
	Recursive bool
	CTEs      []*CTE
}

// CTE is one common table expression. Its Body is a *Select, or on PostgreSQL
// any of *Insert, *Update, *Delete. Without RECURSIVE SQLite lets it refer to
// itself all the same.
type CTE struct {
	Name    string
	Columns []string // nil where not listed
	Body    Statement
}

// Resolution is what INSERT OR … and UPDATE OR … do about a conflict.
type Resolution uint8

// The resolutions. OrDefault is none written.
const (
	OrDefault Resolution = iota
	OrAbort
	OrFail
	OrIgnore // MySQL's INSERT IGNORE too
	OrReplace
	OrRollback
)

// Target is the table that a write names.
type Target struct {
	Schema, Name string // Schema empty where not written
	Alias        string // empty without
	Pos          Pos
}

// Insert is INSERT or REPLACE (then Or is OrReplace).
type Insert struct {
	With    *With
	Or      Resolution
	Into    Target
	Columns []string // nil where not listed
	// Exactly one of Rows, Query, Default is set. A row may hold *Default.
	Rows    [][]Expr
	Query   *Select
	Default bool // DEFAULT VALUES
	Upserts []*Upsert
	// Returning is nil without.
	Returning []ResultColumn
}

// Upsert is one ON CONFLICT clause, or MySQL's ON DUPLICATE KEY UPDATE (then
// Columns is nil and Set is given).
type Upsert struct {
	// Columns is the conflict target, nil where none is written. An item that is
	// no plain column is any Expr; a COLLATE appears as *Collate.
	Columns    []Expr
	Constraint string // PostgreSQL: ON CONFLICT ON CONSTRAINT
	// Where restricts the target (it picks a partial index).
	Where Expr
	// Nothing is DO NOTHING; else Set applies to rows for which SetWhere holds.
	Nothing  bool
	Set      []Assignment
	SetWhere Expr
}

// Assignment is one item of SET: a = e, or (a, b) = e where e is a *Row of as
// many items or a *Subquery.
type Assignment struct {
	Columns []string
	Value   Expr
	// Odd says that the left side was more than a column name (an array's
	// element, a composite's field, another table's column): widen.
	Odd bool
}

// Update is UPDATE.
type Update struct {
	With      *With
	Or        Resolution
	Table     Target
	IndexedBy string
	Set       []Assignment
	From      From // nil without
	Where     Expr
	Returning []ResultColumn
	OrderBy   []Order
	Limit     Expr
	Offset    Expr
}

// Delete is DELETE.
type Delete struct {
	With      *With
	Table     Target
	IndexedBy string
	Using     From // PostgreSQL; nil without
	Where     Expr
	Returning []ResultColumn
	OrderBy   []Order
	Limit     Expr
	Offset    Expr
}

// Other is any statement that is known by its first words alone: DDL,
// transaction control, PRAGMA, ATTACH. The plan's Class says which.
type Other struct {
	Class Class
	// Verb is the first word in lower case.
	Verb string
	// Name is the savepoint, pragma or schema concerned, where there is one.
	Name string
}

func (*Select) node() {}
func (*Insert) node() {}
func (*Update) node() {}
func (*Delete) node() {}
func (*Other) node()  {}
func (*With) node()   {}
func (*CTE) node()    {}
func (*Core) node()   {}
func (*Upsert) node() {}

func (*Select) stmt() {}
func (*Insert) stmt() {}
func (*Update) stmt() {}
func (*Delete) stmt() {}
func (*Other) stmt()  {}
