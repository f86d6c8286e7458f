package sqldep

// From is a FROM tree: one of *Table, *SubFrom, *TableFunc, *Join, *OddFrom.
type From interface {
	Node
	from()
}

// Table is a table, a view or a common table expression by name.
type Table struct {
	Schema, Name string // Schema empty where not written
	Alias        string // empty without
	// Columns renames the columns: t AS x(a, b) on PostgreSQL. nil without.
	Columns []string
	// IndexedBy is SQLite's INDEXED BY name; NotIndexed its NOT INDEXED. Neither
	// changes a result.
	IndexedBy  string
	NotIndexed bool
	// Sample says TABLESAMPLE: the result is random.
	Sample bool
	Only   bool // PostgreSQL: not what inherits from it
	Parts  bool // MySQL: some of its partitions
	Pos    Pos
}

// SubFrom is a query in FROM.
type SubFrom struct {
	Query   *Select
	Alias   string
	Columns []string // column aliases, nil without
	Lateral bool
}

// TableFunc is a table-valued function, json_each(x), or a virtual table with
// arguments. It is never in the catalog under a plain name only.
type TableFunc struct {
	Schema, Name string
	Args         []Expr
	Alias        string
	Columns      []string
	// Ordinality adds a column that counts rows; it is in Columns if they are
	// listed.
	Ordinality bool
	// Odd says that something in the parentheses is not in Args.
	Odd bool
	Pos Pos
}

// OddFrom is what FROM holds besides: a join with a name of its own, ROWS FROM
// (…), a table as it was at another time. An analyst that does not know its Why
// knows nothing of its columns.
type OddFrom struct {
	Why     string
	Items   []From
	Exprs   []Expr
	Alias   string
	Columns []string
}

// Join joins two FROM trees.
type Join struct {
	Left, Right From
	Kind        JoinKind
	Natural     bool
	Using       []string // nil without
	On          Expr     // nil without
}

// JoinKind is the kind of a Join.
type JoinKind uint8

// The kinds of joins. CrossJoin is a comma, too. On SQLite and MySQL a CROSS
// JOIN may have an ON or a USING and then is an inner one.
const (
	InnerJoin JoinKind = iota
	LeftJoin
	RightJoin
	FullJoin
	CrossJoin
)

func (*Table) node()     {}
func (*SubFrom) node()   {}
func (*TableFunc) node() {}
func (*Join) node()      {}
func (*OddFrom) node()   {}

func (*Table) from()     {}
func (*SubFrom) from()   {}
func (*TableFunc) from() {}
func (*Join) from()      {}
func (*OddFrom) from()   {}
