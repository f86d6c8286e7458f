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

// Statement is one of *Select, *Insert, *Update, *Delete, *Merge, *Truncate,
// *Copy, *Explain, *Other.
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
	// Lock is the text of the locking clauses, "for update"; empty without.
	Lock string
	// Into says that rows go elsewhere (SELECT … INTO): not a mere read.
	// IntoTable is the table that PostgreSQL makes of them.
	Into      bool
	IntoTable *Target
	Pos       Pos
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
	// GroupBy may hold ROLLUP, CUBE and GROUPING SETS as a Unary of OpOther over a
	// *Row. Rollup is MySQL's WITH ROLLUP.
	GroupBy []Expr
	Rollup  bool
	Having  Expr
	Windows []NamedWindow
	Values  [][]Expr
	Sub     *Select
	// FoundRows is MySQL's SQL_CALC_FOUND_ROWS: the session keeps a count.
	FoundRows bool
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
	// Using is PostgreSQL's ORDER BY x USING op; empty without.
	Using string
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
// any of *Insert, *Update, *Delete, *Merge. Without RECURSIVE SQLite lets it refer to
// itself all the same.
type CTE struct {
	Name    string
	Columns []string // nil where not listed
	Body    Statement
	// Search holds the columns that PostgreSQL's SEARCH and CYCLE add to it.
	Search []string
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
	Only         bool   // PostgreSQL: not what inherits from it
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
	// Overriding is PostgreSQL's OVERRIDING SYSTEM VALUE or USER VALUE, "system"
	// or "user"; empty without.
	Overriding string
	// RowAlias and RowColumns are what MySQL's ON DUPLICATE KEY UPDATE calls the
	// new row: VALUES (…) AS new (a, b).
	RowAlias   string
	RowColumns []string
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
	// Schema and Table qualify the column on MySQL; empty where not written.
	Schema, Table string
	Columns       []string
	Value         Expr
	// Odd says that the left side was more than a column's name (an array's
	// element, a composite's field): widen.
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
	// Tables is what MySQL's UPDATE joins where it names more than one plain
	// table. Table is then empty: which are written, SET says.
	Tables    From
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
	// Targets are the tables that MySQL's DELETE of several deletes from, by their
	// aliases in Using. Table is then empty.
	Targets   []Target
	Where     Expr
	Returning []ResultColumn
	OrderBy   []Order
	Limit     Expr
	Offset    Expr
}

// Merge is PostgreSQL's MERGE.
type Merge struct {
	With      *With
	Into      Target
	Using     From
	On        Expr
	Whens     []MergeWhen
	Returning []ResultColumn
}

// MergeWhen is one WHEN … THEN … of a Merge.
type MergeWhen struct {
	// Matched is WHEN MATCHED; BySource is WHEN NOT MATCHED BY SOURCE.
	Matched, BySource bool
	Cond              Expr // AND …; nil without
	Action            MergeAction
	Set               []Assignment // MergeUpdate
	Columns           []string     // MergeInsert; nil where not listed
	Values            []Expr       // MergeInsert; nil for DEFAULT VALUES
}

// MergeAction is what a MergeWhen does.
type MergeAction uint8

// The actions of a MergeWhen.
const (
	MergeNothing MergeAction = iota
	MergeInsert
	MergeUpdate
	MergeDelete
)

// Truncate is TRUNCATE. With Cascade it empties every table that refers to one
// of Tables, and so on, whatever their foreign keys say.
type Truncate struct {
	Tables  []Target
	Cascade bool
}

// Copy is PostgreSQL's COPY and MySQL's LOAD DATA: rows from outside into Table
// or, with Out set, rows of Table or of Query to outside.
type Copy struct {
	Out     bool
	Table   Target // empty with Query
	Columns []string
	Query   Statement // nil without
	Where   Expr
	// Set is LOAD DATA's.
	Set []Assignment
}

// Explain is EXPLAIN. With Analyze the Body runs.
type Explain struct {
	Analyze bool
	Body    Statement
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

func (*Select) node()   {}
func (*Insert) node()   {}
func (*Update) node()   {}
func (*Delete) node()   {}
func (*Merge) node()    {}
func (*Truncate) node() {}
func (*Copy) node()     {}
func (*Explain) node()  {}
func (*Other) node()    {}
func (*With) node()     {}
func (*CTE) node()      {}
func (*Core) node()     {}
func (*Upsert) node()   {}

func (*Select) stmt()   {}
func (*Insert) stmt()   {}
func (*Update) stmt()   {}
func (*Delete) stmt()   {}
func (*Merge) stmt()    {}
func (*Truncate) stmt() {}
func (*Copy) stmt()     {}
func (*Explain) stmt()  {}
func (*Other) stmt()    {}
